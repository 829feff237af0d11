//! Objects of an S3-compatible bucket.

pub mod authorities;
mod connector;
mod environment;
mod trouble;
mod upload;
mod verifier;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::{
    BackoffConfig, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig, aws::AmazonS3, path::Path,
};

use self::trouble::{Doing, is_absent};
pub use self::upload::BucketUpload;
use super::{Bytestream, Object, Place, PlaceError};

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer to a request with a part of an object, and then for each piece of it.
    pub answer: Duration,
    /// How often what failed for the moment is asked again.
    pub retries: usize,
    /// How long that goes on.
    pub retry_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            retries: 6,
            retry_for: Duration::from_secs(90),
        }
    }
}

/// A part of a bucket: the objects whose names begin with a prefix.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    name: String,
    prefix: String,
}

impl Bucket {
    /// The bucket that the environment's `AWS_` variables lead to.
    ///
    /// # Errors
    /// Names the variable that is missing or cannot be used.
    pub fn of(
        name: &str,
        prefix: &str,
        environment: impl Iterator<Item = (String, String)>,
        patience: Patience,
    ) -> Result<Self, PlaceError> {
        let url = format!("s3://{name}");
        let (builder, named) = environment::read(&url, environment)?;
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: patience.retries,
            retry_timeout: patience.retry_for,
        };
        let store = builder
            .with_bucket_name(name)
            .with_retry(retry)
            .with_http_connector(connector::Connector::new(named, patience))
            .build()
            .map_err(|error| Doing { action: "use", url, bucket: name }.failed(&error))?;
        Ok(Self { store: Arc::new(store), name: name.to_owned(), prefix: prefix.to_owned() })
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    fn doing(&self, action: &'static str, name: &str) -> Doing<'_> {
        Doing { action, url: self.url(name), bucket: &self.name }
    }
}

impl Place for Bucket {
    type Upload = BucketUpload;

    fn url(&self, name: &str) -> String {
        let path = self.path(name);
        let slash = if path.as_ref().is_empty() { "" } else { "/" };
        format!("s3://{}{slash}{path}", self.name)
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, PlaceError> {
        let (prefix, doing) = (self.path(folder), self.doing("list", folder));
        let own = if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) };
        self.store
            .list(Some(&prefix))
            .map_err(|error| doing.failed(&error))
            .try_filter_map(|meta| {
                let name = meta.location.as_ref().strip_prefix(&own).map(str::to_owned);
                let written = Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or_default();
                std::future::ready(Ok(name.map(|name| Object { name, written })))
            })
            .try_collect()
            .await
    }

    async fn read(&self, name: &str) -> Result<Option<Bytes>, PlaceError> {
        let doing = self.doing("read", name);
        match self.store.get(&self.path(name)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|error| doing.failed(&error)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(doing.failed(&error)),
        }
    }

    async fn open(&self, name: &str) -> Result<Option<Bytestream>, PlaceError> {
        match self.store.get(&self.path(name)).await {
            Ok(found) => {
                let (bucket, url) = (self.name.clone(), self.url(name));
                let failed =
                    move |error| Doing { action: "read", url: url.clone(), bucket: &bucket }.failed(&error);
                Ok(Some(found.into_stream().map_err(failed).boxed()))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.doing("read", name).failed(&error)),
        }
    }

    async fn create(&self, name: &str, bytes: Bytes) -> Result<bool, PlaceError> {
        let (path, payload) = (self.path(name), PutPayload::from_bytes(bytes));
        match self.store.put_opts(&path, payload.clone(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            // A server that knows no conditions; who cares has looked before, and looks again.
            Err(error) if trouble::is_unknown_condition(&error) => {
                let put = self.store.put(&path, payload).await;
                put.map(|_| true).map_err(|error| self.doing("write", name).failed(&error))
            }
            Err(error) => Err(self.doing("write", name).failed(&error)),
        }
    }

    async fn begin(&self, name: &str) -> Result<BucketUpload, PlaceError> {
        Ok(BucketUpload::new(self.clone(), name, self.path(name)))
    }

    async fn remove(&self, name: &str) -> Result<(), PlaceError> {
        match self.store.delete(&self.path(name)).await {
            Err(error) if !is_absent(&error) => Err(self.doing("remove", name).failed(&error)),
            _ => Ok(()),
        }
    }
}
