//! Objects as files of a folder. One that is being written has another name, and gets its own when it is durable.

mod upload;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use rand::Rng;

pub use self::upload::FolderUpload;
use super::{Bytestream, Object, Place, PlaceError};

/// What the name of a file ends with that is being written. It may be what an earlier run left.
const UNFINISHED: &str = "unfinished";

/// How much is read at a time, in bytes.
const PART: usize = 1 << 20;

/// A folder, which is made when something is written to it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at a path.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Runs what blocks beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlaceError> + Send + 'static,
) -> Result<T, PlaceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        let source = io::Error::other(error);
        Err(PlaceError::Io { action: "work in", url: "a folder".to_owned(), source })
    })
}

impl Place for Folder {
    type Upload = FolderUpload;

    fn url(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, PlaceError> {
        let (root, folder) = (self.root.clone(), folder.trim_end_matches('/').to_owned());
        blocking(move || {
            let mut found = Vec::new();
            list(&root, &root.join(folder), &mut found)?;
            Ok(found)
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        let path = self.path(name);
        blocking(move || match fs::read(&path) {
            Ok(bytes) => Ok(Some(Bytes::from(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PlaceError::io("read", &path, error)),
        })
        .await
    }

    async fn open(&self, name: &str) -> Result<Option<Bytestream>, PlaceError> {
        let path = self.path(name);
        let at = path.clone();
        let opened = blocking(move || match File::open(&at) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PlaceError::io("open", &at, error)),
        });
        let Some(file) = opened.await? else { return Ok(None) };
        let parts = stream::try_unfold((file, path), |(mut file, path)| async move {
            blocking(move || {
                let mut part = Vec::with_capacity(PART);
                let read = Read::by_ref(&mut file).take(PART as u64).read_to_end(&mut part);
                read.map_err(|error| PlaceError::io("read", &path, error))?;
                Ok((!part.is_empty()).then(|| (Bytes::from(part), (file, path))))
            })
            .await
        });
        Ok(Some(parts.boxed()))
    }

    async fn create(&self, name: &str, bytes: Bytes) -> Result<bool, PlaceError> {
        let path = self.path(name);
        blocking(move || {
            let (mut file, unfinished) = begin(&path)?;
            let made = file.write_all(&bytes).and_then(|()| file.sync_all());
            // A link, unlike a new name, takes nobody's place.
            let made = made.and_then(|()| fs::hard_link(&unfinished, &path));
            // What stays under the other name is told from objects by it.
            let _ = fs::remove_file(&unfinished);
            match made {
                Ok(()) => sync_folder(&path).map(|()| true),
                // It may be this one: a volume behind a network repeats what it gets no answer to.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    sync_folder(&path).map(|()| false)
                }
                Err(error) => Err(PlaceError::io("write", &path, error)),
            }
        })
        .await
    }

    async fn begin(&self, name: &str) -> Result<FolderUpload, PlaceError> {
        let path = self.path(name);
        blocking(move || {
            let (file, unfinished) = begin(&path)?;
            Ok(FolderUpload::new(file, unfinished, path))
        })
        .await
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        let path = self.path(name);
        blocking(move || match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(PlaceError::io("remove", &path, error))
            }
            _ => {
                // One that is not empty stays.
                if let Some(folder) = path.parent() {
                    let _ = fs::remove_dir(folder);
                }
                Ok(())
            }
        })
        .await
    }
}

/// Makes the file that becomes the one at a path, and the folders above it.
fn begin(path: &Path) -> Result<(File, PathBuf), PlaceError> {
    let folder = path.parent().unwrap_or(path);
    make_durably(folder).map_err(|error| PlaceError::io("make the folder", folder, error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!("{name}.{:08x}.{UNFINISHED}", rand::rng().random::<u32>()));
    let file = File::create_new(&unfinished).map_err(|error| PlaceError::io("write", path, error))?;
    Ok((file, unfinished))
}

/// Makes a folder and those above it that are missing, durably.
fn make_durably(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        if let Some(parent) = made.parent().filter(|parent| parent.is_dir()) {
            File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

/// Makes the names in the folder of a path durable.
fn sync_folder(path: &Path) -> Result<(), PlaceError> {
    let folder = path.parent().unwrap_or(path);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| PlaceError::io("make durable", path, error))
}

/// Adds the files below a folder. Those that are being written are among them, by their other names.
fn list(root: &Path, folder: &Path, found: &mut Vec<Object>) -> Result<(), PlaceError> {
    let trouble = |error| PlaceError::io("list", folder, error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(trouble)?,
    };
    for entry in entries {
        let path = entry.map_err(trouble)?.path();
        let kind = match path.metadata() {
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(trouble)?,
        };
        if kind.is_dir() {
            list(root, &path, found)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            let written = kind.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
            found.push(Object { name: name.to_owned(), written: written.unwrap_or_default() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;
    use crate::place::Upload;

    fn folder() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path().join("not/there/yet"));
        (root, folder)
    }

    fn names(objects: Vec<Object>) -> Vec<String> {
        let mut names: Vec<_> = objects.into_iter().map(|object| object.name).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn an_object_is_there_when_it_is_finished() {
        let (_root, folder) = folder();
        assert_eq!(folder.list("backups/").await.unwrap(), []);
        assert_eq!(folder.read("backups/a/data").await.unwrap(), None);
        let mut upload = folder.begin("backups/a/data").await.unwrap();
        upload.push(Bytes::from_static(b"half")).await.unwrap();
        assert!(folder.open("backups/a/data").await.unwrap().is_none());
        upload.push(Bytes::from(vec![7; 3 << 20])).await.unwrap();
        upload.finish().await.unwrap();
        let parts: Vec<Bytes> =
            folder.open("backups/a/data").await.unwrap().unwrap().try_collect().await.unwrap();
        assert_eq!(parts.concat().len(), 4 + (3 << 20));
        assert_eq!(names(folder.list("backups/").await.unwrap()), ["backups/a/data"]);
        folder.remove("backups/a/data").await.unwrap();
        folder.remove("backups/a/data").await.unwrap();
        assert_eq!(folder.list("backups/").await.unwrap(), []);
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_leaves_nothing() {
        let (_root, folder) = folder();
        for dropped in [true, false] {
            let mut upload = folder.begin("log/x").await.unwrap();
            upload.push(Bytes::from_static(b"half")).await.unwrap();
            if dropped {
                drop(upload);
            } else {
                upload.abandon().await;
            }
            assert_eq!(folder.list("log/").await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn an_object_that_is_created_takes_nobodys_place() {
        let (_root, folder) = folder();
        assert!(folder.create("store.json", Bytes::from_static(b"one")).await.unwrap());
        assert!(!folder.create("store.json", Bytes::from_static(b"two")).await.unwrap());
        assert_eq!(folder.read("store.json").await.unwrap().unwrap(), "one");
        assert_eq!(names(folder.list("").await.unwrap()), ["store.json"]);
    }

    #[tokio::test]
    async fn a_full_volume_is_named_and_nothing_is_left() {
        let full = Folder::at(PathBuf::from("/dev/full"));
        let error = full.create("store.json", Bytes::from_static(b"x")).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot make the folder file:///dev/full"), "{error}");
        let error = PlaceError::io("write", Path::new("/a"), io::ErrorKind::StorageFull.into()).to_string();
        assert_eq!(
            error,
            "cannot write file:///a: the volume is full; free space, keep fewer backups, or grow it"
        );
    }
}
