//! Making a damaged log one that opens again, at the price of everything behind the damage. Every byte that is taken out
//! of the log is kept beside it.

use std::{io, path::Path, sync::Arc};

use super::{
    Directory, LogFile,
    check::{Report, check_in},
    disk::DiskDirectory,
    error::io as io_error,
    segment,
};
use crate::LogError;

/// What a file is called that was taken out of the log.
const DAMAGED: &str = ".damaged";
/// How much is copied at a time, in bytes.
const STEP: usize = 1 << 20;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The damage, in the words of a start that refused it; none in a log that was whole.
    pub damage: Option<String>,
    /// The files that hold what was taken out.
    pub kept: Vec<String>,
    /// The log as it is now. Everything behind its tail is lost to it.
    pub report: Report,
}

/// Cuts the log in `directory` at its first damage. A damaged snapshot can't be repaired: nothing is done then.
pub fn repair(directory: &Path) -> Result<Repaired, LogError> {
    let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::lock(directory)?);
    let error = match check_in(&directory, u64::MAX, &mut |_| Ok(())) {
        Ok(report) => return Ok(Repaired { damage: None, kept: Vec::new(), report }),
        Err(error) => error,
    };
    let (file, offset) = match &error {
        LogError::Corrupt { file, offset, .. } | LogError::Gap { file, offset, .. } => (file, *offset),
        _ => return Err(error),
    };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let Some(first) = segment::first_of(&name) else { return Err(error) };
    let mut kept = Vec::new();
    // The last first: should this be broken off, what is left is still one log.
    for later in segment::list(&*directory)?.into_iter().rev().filter(|later| *later > first) {
        kept.push(put_aside(&*directory, &segment::name(later))?);
    }
    if offset == 0 {
        kept.push(put_aside(&*directory, &name)?);
    } else {
        kept.push(copy(&*directory, &name)?);
        let path = directory.path().join(&name);
        let damaged = directory.open(&name).map_err(|source| io_error("open", &path, source))?;
        let cut = damaged.truncate(offset).and_then(|()| damaged.sync());
        cut.map_err(|source| io_error("cut", &path, source))?;
    }
    directory.sync().map_err(|source| io_error("sync the log directory", directory.path(), source))?;
    let report = check_in(&directory, u64::MAX, &mut |_| Ok(()))?;
    Ok(Repaired { damage: Some(error.to_string()), kept, report })
}

/// Takes a file out of the log whole.
fn put_aside(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let kept = free_name(directory, name)?;
    let renamed = directory.rename(name, &kept);
    renamed.map_err(|source| io_error("rename", &directory.path().join(name), source))?;
    Ok(kept)
}

fn copy(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let kept = free_name(directory, name)?;
    let copied = directory.open(name).and_then(|source| copy_bytes(&*source, &*directory.create(&kept)?));
    copied.map_err(|source| io_error("copy", &directory.path().join(name), source))?;
    Ok(kept)
}

fn copy_bytes(source: &dyn LogFile, target: &dyn LogFile) -> io::Result<()> {
    let mut bytes = vec![0; STEP];
    let mut at = 0;
    loop {
        match source.read_at(&mut bytes, at)? {
            0 => return target.sync(),
            read => {
                target.write_at(&bytes[..read], at)?;
                at += read as u64;
            }
        }
    }
}

/// A name that no earlier repair has taken.
fn free_name(directory: &dyn Directory, name: &str) -> Result<String, LogError> {
    let names =
        directory.list().map_err(|source| io_error("list the log directory", directory.path(), source))?;
    let mut kept = format!("{name}{DAMAGED}");
    for count in 2.. {
        if !names.contains(&kept) {
            break;
        }
        kept = format!("{name}{DAMAGED}-{count}");
    }
    Ok(kept)
}
