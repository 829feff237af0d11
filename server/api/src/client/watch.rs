//! Watches, which go on by themselves where they were cut.

pub mod events;

use std::collections::VecDeque;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use self::events::{Parser, Sent};
use super::range::Query;
use super::{Client, ClientError, KeyRange};
use crate::headers::EVENT_STREAM;
use crate::wire::{Bookmark, Entry, Event};
use crate::{Problem, key, parameter};

/// Between two tries to go on, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A stream that is silent for so long is taken for cut: the server says something every 5 seconds.
const SILENCE: Duration = Duration::from_secs(15);

/// Options of [`Client::watch`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// Which keys.
    pub range: KeyRange,
    /// Without values.
    pub keys_only: bool,
    /// The revision to go on behind: what [`Watch::resume`] or a list said. Without it, the keys that are there come
    /// first.
    pub after: Option<u64>,
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchEvent {
    /// A key that was there when the watch began.
    Snapshot(Entry),
    /// A key got a value.
    Put(Event),
    /// A key was deleted.
    Delete(Event),
    /// A key's time was up.
    Expire(Event),
    /// Everything up to this revision was told.
    Bookmark(u64),
}

/// A watch. Changes come in the order of the log, each once, none left out; those of one revision are given out only when
/// all of them are there.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    options: WatchOptions,
    stream: Option<Stream>,
    /// Why there is no stream any more.
    cut: Option<ClientError>,
    /// Events of a revision of which more are to come.
    begun: Vec<WatchEvent>,
    /// Events to give out, the last one of a revision with that revision.
    ready: VecDeque<(WatchEvent, Option<u64>)>,
    /// Where the stream goes on when it is cut.
    received: Option<u64>,
    /// Where the caller goes on.
    given: Option<u64>,
    /// Since when nothing came, and how long the next pause is.
    failing: Option<(Instant, Duration)>,
    /// Whether there is anything to go on with: before that, an error is the caller's to see.
    ran: bool,
}

#[derive(Debug)]
struct Stream {
    body: Incoming,
    parser: Parser,
}

impl Watch {
    pub(super) fn new(client: Client, options: WatchOptions) -> Self {
        let after = options.after;
        Self {
            client,
            options,
            stream: None,
            cut: None,
            begun: Vec::new(),
            ready: VecDeque::new(),
            received: after,
            given: after,
            failing: None,
            ran: false,
        }
    }

    /// The next event. A stream that is cut is gone on with, for as long as the client's timeout without success. May be
    /// dropped before it is done, and loses nothing by it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 410 when the revision to go on behind is no longer known: begin a new watch
    /// without one. A stream that is cut amid the keys that were there is an error too; they come again with the next call.
    /// See [`ClientError`] for the rest.
    pub async fn next(&mut self) -> Result<WatchEvent, ClientError> {
        loop {
            if let Some((event, last_of)) = self.ready.pop_front() {
                self.given = last_of.or(self.given);
                return Ok(event);
            }
            if let Some(error) = self.cut.take() {
                self.pause_after(error).await?;
            } else if let Err(error) = self.receive().await {
                self.stream = None;
                self.begun.clear();
                // What came before it is given out first.
                self.cut = Some(error);
            }
        }
    }

    /// The revision that everything was given out up to: `after` of a watch that goes on where this one ends. `None` while
    /// the keys that were there are not all told.
    pub fn resume(&self) -> Option<u64> {
        self.given
    }

    /// Opens the stream, or takes what comes next from it.
    async fn receive(&mut self) -> Result<(), ClientError> {
        let path = self.path();
        let call = self.client.call(&Method::GET, &path);
        let Some(stream) = &mut self.stream else {
            self.stream = Some(Stream { body: self.open(&path).await?, parser: Parser::default() });
            return Ok(());
        };
        let frame = timeout(SILENCE, stream.body.frame())
            .await
            .map_err(|_| ClientError::Timeout { call: call.clone(), timeout: SILENCE })?
            .ok_or_else(|| ClientError::transport(&call, "the stream ended"))?
            .map_err(|error| ClientError::transport(&call, error))?;
        let Ok(data) = frame.into_data() else { return Ok(()) };
        let sent = stream.parser.feed(&data).map_err(|reason| ClientError::body(&call, &reason))?;
        sent.into_iter().try_for_each(|sent| self.take(&call, &sent))
    }

    async fn open(&self, path: &str) -> Result<Incoming, ClientError> {
        let headers = HeaderMap::from_iter([(ACCEPT, EVENT_STREAM)]);
        let answer = self.client.open(Method::GET, path, headers).await?;
        if is_event_stream(&answer) {
            Ok(answer.into_body())
        } else if answer.status().is_success() {
            Err(ClientError::Answer { field: "Content-Type" })
        } else {
            Err(self.client.refusal(&self.client.call(&Method::GET, path), answer).await)
        }
    }

    fn path(&self) -> String {
        let mut query = Query::of(key::PREFIX);
        query.flag(parameter::WATCH, true);
        self.options.range.write(&mut query);
        query.flag(parameter::KEYS_ONLY, self.options.keys_only);
        if let Some(after) = self.received {
            query.bytes(parameter::AFTER, after.to_string().as_bytes());
        }
        query.into_path()
    }

    fn take(&mut self, call: &str, sent: &Sent) -> Result<(), ClientError> {
        self.failing = None;
        self.ran = true;
        let event = match sent.event.as_str() {
            "snapshot" => {
                self.ready.push_back((WatchEvent::Snapshot(read(call, sent)?), None));
                return Ok(());
            }
            "bookmark" => WatchEvent::Bookmark(read::<Bookmark>(call, sent)?.revision),
            "put" => WatchEvent::Put(read(call, sent)?),
            "delete" => WatchEvent::Delete(read(call, sent)?),
            "expire" => WatchEvent::Expire(read(call, sent)?),
            "error" => return Err(ClientError::Refused(Box::new(read::<Problem>(call, sent)?))),
            // Of a later version of the server.
            _ => return Ok(()),
        };
        self.begun.push(event);
        if let Some(revision) = sent.id {
            self.received = Some(revision);
            let last = self.begun.len() - 1;
            let whole = self.begun.drain(..).enumerate();
            self.ready.extend(whole.map(|(at, event)| (event, (at == last).then_some(revision))));
        }
        Ok(())
    }

    /// Waits before the next try, or says that there is none.
    async fn pause_after(&mut self, error: ClientError) -> Result<(), ClientError> {
        let now = Instant::now();
        let (since, pause) = self.failing.unwrap_or((now, PAUSE));
        let passes = error
            .status()
            .is_none_or(|status| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
            && !matches!(error, ClientError::Url { .. } | ClientError::Body { .. });
        if !passes || !self.ran || self.received.is_none() || since.elapsed() > self.client.timeout {
            self.failing = None;
            return Err(error);
        }
        self.failing = Some((since, (pause * 2).min(LONGEST_PAUSE)));
        let asked = error.problem().and_then(|problem| problem.retry_after).map(Duration::from_secs);
        sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE)).await;
        Ok(())
    }
}

fn is_event_stream(answer: &Response<Incoming>) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    answer.status() == StatusCode::OK
        && kind.is_some_and(|kind| kind.as_bytes().starts_with(EVENT_STREAM.as_bytes()))
}

fn read<T: DeserializeOwned>(call: &str, sent: &Sent) -> Result<T, ClientError> {
    serde_json::from_str(&sent.data).map_err(|error| ClientError::body(call, &error))
}

#[cfg(test)]
mod tests;
