//! Notices that a file, or the files of a directory, changed, by comparing their content.
//!
//! Kubernetes replaces a mounted Secret or ConfigMap by swapping a symlink, which file events report in ways that
//! differ by file system; a few small files are cheaper to read than to get that right.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often a directory is read; the kubelet itself takes up to a minute to project a change.
pub(crate) const INTERVAL: Duration = Duration::from_secs(2);

/// The regular files of a directory with their content, by name; hidden ones (Kubernetes' `..data`) are
/// left out, links are followed.
pub(crate) fn read(dir: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && std::fs::metadata(entry.path())?.is_file() {
            files.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// Calls `changed` whenever a read of `dir` differs from the last, until `shutdown`.
pub(crate) async fn watch(dir: &Path, shutdown: CancellationToken, mut changed: impl FnMut()) {
    let mut last = read(dir).ok();
    each_interval(shutdown, || {
        let now = read(dir).ok();
        if now.is_some() && now != last {
            changed();
            last = now;
        }
    })
    .await;
}

/// Calls `changed` with the text of `file`: at once, and whenever it is another than before, until `shutdown`. That it
/// cannot be read is told once.
pub async fn follow(file: &Path, shutdown: CancellationToken, mut changed: impl FnMut(io::Result<String>)) {
    let mut last: Option<Result<String, io::ErrorKind>> = None;
    each_interval(shutdown, || {
        let text = std::fs::read_to_string(file);
        let now = text.as_ref().map(String::clone).map_err(io::Error::kind);
        if last.as_ref() != Some(&now) {
            changed(text);
            last = Some(now);
        }
    })
    .await;
}

/// Calls `look` at once and every [`INTERVAL`], until `shutdown`.
pub(crate) async fn each_interval(shutdown: CancellationToken, mut look: impl FnMut()) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        look();
    }
}
