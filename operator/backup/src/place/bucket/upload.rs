//! An object that is being sent: in parts, several at a time, or at once where it is small. It is there when the server has
//! put the parts together.

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload, path::Path};
use tokio::task::JoinSet;

use super::Bucket;
use crate::place::{PlaceError, Upload};

/// How long each part but the last is, in bytes: some servers want them all the same. S3 takes 10,000 of them, so an object
/// may have 80 GB.
const PART: usize = 8 << 20;
/// How many are on their way at a time. A server's snapshot is to be read fast, or it breaks off.
const PARTS: usize = 6;

/// An object that is being sent. Given up, its parts are removed; those of a process that was killed stay in the bucket, in
/// no list of objects, until a lifecycle rule removes them.
pub struct BucketUpload {
    bucket: Bucket,
    name: String,
    path: Path,
    /// What is still to be sent; less than a part.
    waiting: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
    under_way: JoinSet<object_store::Result<()>>,
}

impl BucketUpload {
    pub(super) fn new(bucket: Bucket, name: &str, path: Path) -> Self {
        let (name, under_way) = (name.to_owned(), JoinSet::new());
        Self { bucket, name, path, waiting: Vec::new(), parts: None, under_way }
    }

    fn failed(&self, error: &object_store::Error) -> PlaceError {
        self.bucket.doing("write", &self.name).failed(error)
    }

    /// Sends what waits as the next part, when fewer than so many are on their way.
    async fn send(&mut self) -> Result<(), PlaceError> {
        self.settle(PARTS - 1).await?;
        if self.parts.is_none() {
            let begun = self.bucket.store.put_multipart(&self.path).await;
            self.parts = Some(begun.map_err(|error| self.failed(&error))?);
        }
        let part = std::mem::take(&mut self.waiting);
        if let Some(parts) = &mut self.parts {
            self.under_way.spawn(parts.put_part(PutPayload::from(part)));
        }
        Ok(())
    }

    /// Waits until no more than so many parts are on their way.
    async fn settle(&mut self, most: usize) -> Result<(), PlaceError> {
        while self.under_way.len() > most {
            let sent = self.under_way.join_next().await;
            let sent = sent.map(|sent| sent.unwrap_or_else(|error| Err(error.into())));
            sent.unwrap_or(Ok(())).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), PlaceError> {
        if self.parts.is_none() {
            let whole = PutPayload::from(std::mem::take(&mut self.waiting));
            let put = self.bucket.store.put(&self.path, whole).await;
            return put.map(drop).map_err(|error| self.failed(&error));
        }
        if !self.waiting.is_empty() {
            self.send().await?;
        }
        self.settle(0).await?;
        let Some(parts) = &mut self.parts else { return Ok(()) };
        let completed = parts.complete().await;
        completed.map(drop).map_err(|error| self.failed(&error))
    }
}

impl Upload for BucketUpload {
    async fn push(&mut self, bytes: Bytes) -> Result<(), PlaceError> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PART - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() == PART {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), PlaceError> {
        let ended = self.end().await;
        if ended.is_err() {
            self.abandon().await;
        }
        ended
    }

    async fn abandon(mut self) {
        self.under_way.shutdown().await;
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(%error, object = self.name, "Could not take back the parts of an object.");
        }
    }
}
