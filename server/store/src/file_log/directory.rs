//! The files under a log, as a seam: the log does all of its IO through these two traits, so that a test can tear,
//! reorder, refuse and lose what a real disk may.

use std::{io, path::Path, thread, time::Duration};

/// One directory with the log's files. Names are plain, without separators.
pub trait Directory: Send + Sync + 'static {
    /// Where it is, for messages.
    fn path(&self) -> &Path;
    /// The names of all files in it, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file that can be read and written; one that is there is emptied.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Opens a file to read and write.
    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Gives a file another name, at once.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync(&self) -> io::Result<()>;
    /// Leaves the volume to others for a while: who works on it in the background rests between its pieces of work.
    fn rest(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// One open file.
pub trait LogFile: Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads at `offset` until the buffer is full or the file ends; returns how much.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`. After an error any part of them may be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes contents and length durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Makes small writes to a part of the file cheaper to sync, if that is to be had: nothing was written there yet. That
    /// is advice: what goes wrong shows when the part is written.
    fn prepare(&self, offset: u64, length: u64) {
        let _ = (offset, length);
    }
    /// Has a part of the file written out soon, and forgotten by the system's memory; waits for nothing. That is advice:
    /// only a sync makes it durable.
    fn write_out(&self, offset: u64, length: u64) {
        let _ = (offset, length);
    }
    /// Sees to it that the first `length` bytes have their room on the volume; where the file ended before, they are
    /// zeros. Never makes it shorter.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes zeros of everything from `offset` on and keeps the length. They may have lost their room on the volume.
    fn clear(&self, offset: u64) -> io::Result<()>;
}
