//! The objects at a destination, in a folder or in a bucket. Each appears whole or not at all.

pub mod bucket;
mod error;
pub mod folder;

use std::future::Future;

use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;

pub use self::{bucket::Bucket, error::PlaceError, folder::Folder};
use crate::destination::Destination;

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name, below the place.
    pub name: String,
    /// When it was written.
    pub written: Timestamp,
}

/// The bytes of an object.
pub type Bytestream = BoxStream<'static, Result<Bytes, PlaceError>>;

/// Where objects are.
pub trait Place: Send + Sync {
    /// An object that is being written.
    type Upload: Upload;

    /// The URL of an object; of the place itself for an empty name.
    fn url(&self, name: &str) -> String;

    /// The objects whose names begin with a folder's, in any order. None where there is no such folder.
    fn list(&self, folder: &str) -> impl Future<Output = Result<Vec<Object>, PlaceError>> + Send;

    /// A small object; `None` where there is none.
    fn read(&self, name: &str) -> impl Future<Output = Result<Option<Bytes>, PlaceError>> + Send;

    /// An object as it comes; `None` where there is none.
    fn open(&self, name: &str) -> impl Future<Output = Result<Option<Bytestream>, PlaceError>> + Send;

    /// Writes a small object unless there is one; says whether it did, as far as the place can tell.
    fn create(&self, name: &str, bytes: Bytes) -> impl Future<Output = Result<bool, PlaceError>> + Send;

    /// Begins to write an object. It is there when the upload is finished.
    fn begin(&self, name: &str) -> impl Future<Output = Result<Self::Upload, PlaceError>> + Send;

    /// Removes an object; that there is none is no error.
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), PlaceError>> + Send;
}

/// An object that is being written.
pub trait Upload: Send {
    /// The next bytes.
    fn push(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), PlaceError>> + Send;

    /// Makes an object of it, durably.
    fn finish(self) -> impl Future<Output = Result<(), PlaceError>> + Send;

    /// Takes back what was written, as far as that goes.
    fn abandon(self) -> impl Future<Output = ()> + Send;
}

/// A place of either kind.
#[derive(Debug)]
pub enum AnyPlace {
    /// In a folder.
    Folder(Folder),
    /// In a bucket.
    Bucket(Bucket),
}

/// An upload to a place of either kind.
pub enum AnyUpload {
    /// To a folder.
    Folder(folder::FolderUpload),
    /// To a bucket.
    Bucket(bucket::BucketUpload),
}

impl AnyPlace {
    /// The place that a destination names; what it needs besides is in the environment, as pairs of names and values.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be used.
    pub fn of(
        destination: &Destination,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, PlaceError> {
        match destination {
            Destination::Folder(path) => Ok(Self::Folder(Folder::at(path.clone()))),
            Destination::Bucket { bucket, prefix } => {
                Bucket::of(bucket, prefix, environment, bucket::Patience::default()).map(Self::Bucket)
            }
        }
    }
}

/// The same call of whichever it is.
macro_rules! either {
    ($kind:ident, $either:expr, $one:ident => $call:expr) => {
        match $either {
            $kind::Folder($one) => $call,
            $kind::Bucket($one) => $call,
        }
    };
}

impl Place for AnyPlace {
    type Upload = AnyUpload;

    fn url(&self, name: &str) -> String {
        either!(Self, self, place => place.url(name))
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, PlaceError> {
        either!(Self, self, place => place.list(folder).await)
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        either!(Self, self, place => place.read(name).await)
    }

    async fn open(&self, name: &str) -> Result<Option<Bytestream>, PlaceError> {
        either!(Self, self, place => place.open(name).await)
    }

    async fn create(&self, name: &str, bytes: Bytes) -> Result<bool, PlaceError> {
        either!(Self, self, place => place.create(name, bytes).await)
    }

    async fn begin(&self, name: &str) -> Result<AnyUpload, PlaceError> {
        match self {
            Self::Folder(folder) => folder.begin(name).await.map(AnyUpload::Folder),
            Self::Bucket(bucket) => bucket.begin(name).await.map(AnyUpload::Bucket),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        either!(Self, self, place => place.remove(name).await)
    }
}

impl Upload for AnyUpload {
    async fn push(&mut self, bytes: Bytes) -> Result<(), PlaceError> {
        either!(Self, self, upload => upload.push(bytes).await)
    }

    async fn finish(self) -> Result<(), PlaceError> {
        either!(Self, self, upload => upload.finish().await)
    }

    async fn abandon(self) {
        either!(Self, self, upload => upload.abandon().await);
    }
}
