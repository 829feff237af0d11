//! A small asynchronous client of the REST API over `http://` or `https://`.
//!
//! HTTP/2 when TLS negotiates it, HTTP/1.1 otherwise; one pool of connections a client. It makes no
//! second try of its own: whether a write whose answer was lost may be repeated is the caller's decision.
//! Only a [`Watch`] comes back, as it knows what it has seen.
//!
//! ```no_run
//! use kivi_api::{Client, Precondition};
//!
//! # async fn example() -> Result<(), kivi_api::ClientError> {
//! let client = Client::builder("https://orders.default.svc")
//!     .ca_pem(std::fs::read("ca.crt").unwrap_or_default())
//!     .token("hunter2")
//!     .build()?;
//! let written = client.put(b"order/17", "{}", None, Precondition::Absent).await?;
//! let order = client.get(b"order/17").await?;
//! assert_eq!(order.map(|order| order.metadata.revision), Some(written.revision));
//! # Ok(())
//! # }
//! ```

mod builder;
mod connector;
mod copy;
mod error;
mod exchange;
mod list;
mod outcome;
mod precondition;
mod put;
mod range;
mod transact;
mod watch;

use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy;

pub use builder::ClientBuilder;
pub use copy::Copy;
pub use error::ClientError;
pub use list::{List, ListOptions};
pub use outcome::{Deleted, Metadata, Value, Written};
pub use precondition::Precondition;
pub use put::PutOptions;
pub use range::KeyRange;
pub use transact::Transacted;
pub use watch::{Watch, WatchEvent, WatchOptions, events};

use crate::key;
use crate::wire::Transaction;
use connector::Connector;

/// A client of one store. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// `Bearer TOKEN`, marked sensitive so that no debug output shows it.
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Client {
    /// A client of the store at `url`, as in `https://orders.default.svc`; see [`ClientBuilder`] for the
    /// rest.
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Stores a value under a key. Without a media type it is `application/octet-stream`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when the precondition does not hold; see [`ClientError`]
    /// for the rest.
    pub async fn put(
        &self,
        key: &[u8],
        value: impl Into<Bytes>,
        media_type: Option<&HeaderValue>,
        precondition: Precondition,
    ) -> Result<Written, ClientError> {
        let options = PutOptions { media_type: media_type.cloned(), precondition, ..PutOptions::default() };
        self.put_with(key, value, &options).await
    }

    /// Stores a value under a key, with a time to live or under a name of its own.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(client: kivi_api::Client) -> Result<(), kivi_api::ClientError> {
    /// use kivi_api::client::PutOptions;
    ///
    /// let options = PutOptions {
    ///     ttl: Some(Duration::from_secs(90)),
    ///     idempotency_key: Some("8e03978e-40d5".to_owned()),
    ///     ..PutOptions::default()
    /// };
    /// let written = client.put_with(b"session/8", "...", &options).await?;
    /// let again = client.put_with(b"session/8", "...", &options).await?;
    /// assert!(again.replayed && again.revision == written.revision);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when the precondition does not hold, with 409 while a write of the same
    /// idempotency key is under way, and with 422 when the key belongs to another write; see [`ClientError`] for the rest.
    pub async fn put_with(
        &self,
        key: &[u8],
        value: impl Into<Bytes>,
        options: &PutOptions,
    ) -> Result<Written, ClientError> {
        let headers = options.headers()?;
        let response = self.expect(Method::PUT, &key::to_path(key), headers, value.into()).await?;
        Written::read(&response)
    }

    /// The value of a key; None when it has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, key: &[u8]) -> Result<Option<Value>, ClientError> {
        self.read(Method::GET, key).await?.map(Value::read).transpose()
    }

    /// All but the value of a key; None when it has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn head(&self, key: &[u8]) -> Result<Option<Metadata>, ClientError> {
        self.read(Method::HEAD, key).await?.map(|response| Metadata::read(response.headers())).transpose()
    }

    /// Deletes a key; that it is absent is a success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when the precondition does not hold; see [`ClientError`]
    /// for the rest.
    pub async fn delete(&self, key: &[u8], precondition: Precondition) -> Result<Deleted, ClientError> {
        let mut headers = HeaderMap::new();
        precondition.write(&mut headers);
        let response = self.expect(Method::DELETE, &key::to_path(key), headers, Bytes::new()).await?;
        Deleted::read(response.headers())
    }

    /// The keys of a range in order, as of one revision.
    ///
    /// ```no_run
    /// # async fn example(client: kivi_api::Client) -> Result<(), kivi_api::ClientError> {
    /// use kivi_api::client::{KeyRange, ListOptions};
    ///
    /// let mut list = client.list(ListOptions { range: KeyRange::prefix("order/"), ..ListOptions::default() });
    /// while let Some(entry) = list.next().await? {
    ///     println!("{} at {}", String::from_utf8_lossy(&entry.key.0), entry.revision);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn list(&self, options: ListOptions) -> List {
        List::new(self.clone(), options)
    }

    /// What happens to the keys of a range, as it happens.
    ///
    /// ```no_run
    /// # async fn example(client: kivi_api::Client) -> Result<(), kivi_api::ClientError> {
    /// use kivi_api::client::{KeyRange, WatchEvent, WatchOptions};
    ///
    /// let mut watch = client.watch(WatchOptions { range: KeyRange::prefix("order/"), ..WatchOptions::default() });
    /// loop {
    ///     match watch.next().await? {
    ///         WatchEvent::Snapshot(entry) => println!("there is {:?}", entry.key),
    ///         WatchEvent::Put(event) => println!("{:?} is now {:?}", event.key, event.value.decode()),
    ///         WatchEvent::Delete(event) | WatchEvent::Expire(event) => println!("{:?} is gone", event.key),
    ///         WatchEvent::Bookmark(revision) => println!("up to date with {revision}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch(&self, options: WatchOptions) -> Watch {
        Watch::new(self.clone(), options)
    }

    /// Does several operations as one, or none of them. Under an idempotency key (see
    /// [`PutOptions::idempotency_key`]), it can be repeated and is done once.
    ///
    /// ```no_run
    /// # async fn example(client: kivi_api::Client) -> Result<(), kivi_api::ClientError> {
    /// use kivi_api::wire::{Condition, Operation, Transaction};
    ///
    /// let transaction = Transaction {
    ///     conditions: vec![Condition::revision("stock/7", 12), Condition::absent("order/19")],
    ///     operations: vec![Operation::put("stock/7", b"2"), Operation::put("order/19", b"{}")],
    /// };
    /// let done = client.transact(&transaction, None).await?;
    /// println!("both are of revision {}", done.revision);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when conditions do not hold, whose problem names them in `failed`; for an
    /// idempotency key as [`Client::put_with`]; see [`ClientError`] for the rest.
    pub async fn transact(
        &self,
        transaction: &Transaction,
        idempotency_key: Option<&str>,
    ) -> Result<Transacted, ClientError> {
        transact::transact(self, transaction, idempotency_key).await
    }

    async fn read(&self, method: Method, key: &[u8]) -> Result<Option<Response<Bytes>>, ClientError> {
        let result = self.expect(method, &key::to_path(key), HeaderMap::new(), Bytes::new()).await;
        match result {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
