//! Files on a real volume, and the lock that keeps a second process out.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, IoSlice},
    num::NonZeroU64,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Advice, FallocateFlags},
    io::Errno,
};

use super::{
    directory::{Directory, LogFile},
    error,
};
use crate::LogError;

/// The name of the locked file.
const LOCK: &str = "LOCK";
/// Zeros of so many bytes are written so often at once.
const ZERO_SLICE: usize = 4 << 10;
const ZERO_SLICES: usize = 64;
/// How much is zeroed at a time where a file system can't allocate or clear, in bytes.
const ZEROS: usize = 1 << 20;

/// A directory on a volume, locked as long as this value lives.
pub(super) struct DiskDirectory {
    path: PathBuf,
    /// Open for syncs.
    directory: File,
    /// The lock ends with the open file, also when the process is killed.
    _lock: File,
}

impl DiskDirectory {
    /// Creates the directory when it is not there, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, LogError> {
        create_durably(path).map_err(|source| error::io("create the log directory", path, source))?;
        let directory =
            File::open(path).map_err(|source| error::io("open the log directory", path, source))?;
        let at = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&at)
            .map_err(|source| error::io("open the lock file", &at, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), directory, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked { directory: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(error::io("lock", &at, source)),
        }
    }

    fn open_with(&self, name: &str, options: &OpenOptions) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(DiskFile(options.open(self.path.join(name))?)))
    }
}

impl Directory for DiskDirectory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?
            // A name that is not text is none of ours.
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        // Values are nobody else's business on this machine.
        self.open_with(
            name,
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600),
        )
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.open_with(name, OpenOptions::new().read(true).write(true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }
}

/// Creates a directory and those above it that are missing, and makes their names durable: a log is no safer than
/// the way to it.
fn create_durably(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing = path.ancestors().take_while(|ancestor| !ancestor.exists()).count();
    fs::create_dir_all(&path)?;
    for parent in path.ancestors().skip(1).take(missing) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

struct DiskFile(File);

impl LogFile for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn prepare(&self, offset: u64, length: u64) {
        // Where room is only allocated, the first write to each block changes what the file system keeps of the file, and
        // a sync has to wait for its journal too. Zeros take that off the way of the writes: PostgreSQL's wal_init_zero.
        let zeros = [0; ZERO_SLICE];
        let (mut at, end) = (offset, offset + length);
        while at < end {
            let slices =
                usize::try_from((end - at) / ZERO_SLICE as u64).unwrap_or(ZERO_SLICES).min(ZERO_SLICES);
            match rustix::io::pwritev(&self.0, &[IoSlice::new(&zeros); ZERO_SLICES][..slices], at) {
                Ok(written) if written > 0 => at += written as u64,
                _ => return,
            }
        }
    }

    fn write_out(&self, offset: u64, length: u64) {
        // Linux begins to write what is dirty there, and drops what is clean (posix_fadvise(2)).
        let _ = rustix::fs::fadvise(&self.0, offset, NonZeroU64::new(length), Advice::DontNeed);
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let allocated =
            rustix::io::retry_on_intr(|| rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, length));
        match allocated {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(self.length()?, length),
            Err(error) => Err(error.into()),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn clear(&self, offset: u64) -> io::Result<()> {
        let length = self.length()?;
        if offset >= length {
            return Ok(());
        }
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let cleared =
            rustix::io::retry_on_intr(|| rustix::fs::fallocate(&self.0, hole, offset, length - offset));
        match cleared {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(offset, length),
            cleared => Ok(cleared?),
        }
    }
}

impl DiskFile {
    /// What a file system that can't allocate is given instead.
    fn write_zeros(&self, mut at: u64, end: u64) -> io::Result<()> {
        let zeros = vec![0; ZEROS];
        while at < end {
            let count = usize::try_from(end - at).map_or(ZEROS, |left| left.min(ZEROS));
            self.0.write_all_at(&zeros[..count], at)?;
            at += count as u64;
        }
        Ok(())
    }
}
