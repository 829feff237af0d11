//! The store as bytes: everything at one revision, and what the log says behind one.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{Client, ClientError};
use crate::headers::{KIVI_REVISION, KIVI_STATE_HASH, KIVI_STORE_ID};
use crate::{LOG_PATH, SNAPSHOT_PATH, parameter};

/// Bytes of a store, as they come. They have their own end: what is cut short is not taken for whole by whoever reads
/// them.
#[derive(Debug)]
pub struct Copy {
    /// Which store it is of, as 32 hexadecimal digits.
    pub store_id: String,
    /// The revision that they go up to.
    pub revision: u64,
    /// The hash of the state there; None for a part of the log.
    pub state_hash: Option<String>,
    client: Client,
    call: String,
    body: Incoming,
}

impl Client {
    /// Everything at one revision, for a backup or a copy of the store. Needs a token.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn snapshot(&self) -> Result<Copy, ClientError> {
        self.copy(SNAPSHOT_PATH).await
    }

    /// The log's entries behind a revision, up to the last one now. Needs a token.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 410 when they were compacted away, and with 400 when the store has not come to
    /// that revision; see [`ClientError`] for the rest.
    pub async fn log(&self, after: u64) -> Result<Copy, ClientError> {
        self.copy(&format!("{LOG_PATH}?{}={after}", parameter::AFTER)).await
    }

    async fn copy(&self, path: &str) -> Result<Copy, ClientError> {
        let call = self.call(&Method::GET, path);
        // Nobody on the way is to keep it, or to make others wait for it.
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
        let answer = self.open(Method::GET, path, headers).await?;
        if !answer.status().is_success() {
            return Err(self.refusal(&call, answer).await);
        }
        let text = |name: &HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let store_id = text(&KIVI_STORE_ID).ok_or(ClientError::Answer { field: "Kivi-Store-Id" })?;
        let revision = text(&KIVI_REVISION).and_then(|digits| digits.parse().ok());
        Ok(Copy {
            store_id: store_id.to_owned(),
            revision: revision.ok_or(ClientError::Answer { field: "Kivi-Revision" })?,
            state_hash: text(&KIVI_STATE_HASH).map(str::to_owned),
            client: self.clone(),
            call,
            body: answer.into_body(),
        })
    }
}

impl Copy {
    /// The next bytes; `None` at the end of the answer.
    ///
    /// # Errors
    /// [`ClientError::Transport`] where the answer breaks off, as it does when it is read too slowly for the writes that
    /// come; [`ClientError::Timeout`] when nothing comes for as long as the client waits.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let limit = self.client.timeout;
        loop {
            let frame = timeout(limit, self.body.frame())
                .await
                .map_err(|_| ClientError::Timeout { call: self.call.clone(), timeout: limit })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::transport(&self.call, error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}
