//! A file that is being written under another name.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use bytes::Bytes;

use super::{blocking, sync_folder};
use crate::place::{PlaceError, Upload};

/// An object that is being written. Dropped before it is finished, it is removed.
#[derive(Debug)]
pub struct FolderUpload {
    /// Gone behind a write that failed.
    file: Option<File>,
    unfinished: Unfinished,
    path: PathBuf,
}

/// The file under its other name, which goes with this value.
#[derive(Debug)]
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What cannot be removed now is told from objects by its name.
            let _ = fs::remove_file(path);
        }
    }
}

impl FolderUpload {
    pub(super) fn new(file: File, unfinished: PathBuf, path: PathBuf) -> Self {
        Self { file: Some(file), unfinished: Unfinished(Some(unfinished)), path }
    }

    /// Does something with the file, beside the runtime.
    async fn with_file(
        &mut self,
        work: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), PlaceError> {
        let path = self.path.clone();
        let Some(mut file) = self.file.take() else {
            return Err(PlaceError::io("write", &path, io::Error::other("an earlier write to it failed")));
        };
        let worked = blocking(move || match work(&mut file) {
            Ok(()) => Ok(file),
            Err(error) => Err(PlaceError::io("write", &path, error)),
        });
        self.file = Some(worked.await?);
        Ok(())
    }
}

impl Upload for FolderUpload {
    async fn push(&mut self, bytes: Bytes) -> Result<(), PlaceError> {
        self.with_file(move |file| file.write_all(&bytes)).await
    }

    async fn finish(mut self) -> Result<(), PlaceError> {
        self.with_file(|file| file.sync_all()).await?;
        let Self { mut unfinished, path, .. } = self;
        blocking(move || {
            if let Some(from) = unfinished.0.take() {
                let renamed = fs::rename(&from, &path);
                renamed.map_err(|error| {
                    unfinished.0 = Some(from);
                    PlaceError::io("write", &path, error)
                })?;
            }
            sync_folder(&path)
        })
        .await
    }

    async fn abandon(self) {}
}
