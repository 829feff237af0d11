//! One watch of the server: from its opening to whatever ends it.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{ACCEPT, HOST},
    uri::PathAndQuery,
};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use kivi_api::{
    client::events::{Parser, Sent},
    headers::{EVENT_STREAM, KIVI_CHANGE_FEED, KIVI_REVISION},
    key::PREFIX,
    wire::KeyText,
};
use serde::Deserialize;
use tokio::time::timeout;
use tower::{Service, ServiceBuilder};

use super::error::FeedError;
use crate::upstream::{Exchange, Outgoing, Pool, Received, ResendLayer, Target};

/// A stream that is silent for so long is taken for broken: the server says something every 5 seconds.
pub(super) const SILENCE: Duration = Duration::from_secs(10);

/// Bytes of one event without its value: a key in JSON, each byte as three, and a media type.
const LONGEST_EVENT: usize = 128 << 10;

pub(super) type Answered = Received<Outgoing<Empty<Bytes>>>;

/// Where the changes are asked for.
#[derive(Debug)]
pub(super) struct Source {
    pool: Pool<Outgoing<Empty<Bytes>>>,
}

/// A watch under way.
#[derive(Debug)]
pub(super) struct Watch<B> {
    body: B,
    parser: Parser,
    sent: VecDeque<Sent>,
}

/// What a watch tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// This resource has changed, so long ago.
    Change {
        /// Its path's bytes.
        resource: Vec<u8>,
        /// From the write to now, by both clocks.
        lag: Duration,
    },
    /// Everything that happened was told.
    Everything,
}

/// What of a change matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    key: KeyText,
    modified_ms: u64,
}

impl Source {
    /// Asks `upstream`. Must be called within a runtime.
    pub(super) fn new(upstream: &Target) -> Self {
        Self { pool: Pool::new(upstream.clone()) }
    }

    /// A watch of all keys from now on. What is answered to a request from the time of its return shows all that
    /// happened before, and what happens after is told.
    pub(super) async fn open(&self) -> Result<Watch<Answered>, FeedError> {
        // A watch without a place to begin would tell all keys first.
        let answer = self.ask(&format!("{PREFIX}?limit=1&keysOnly=true")).await?;
        let status = answer.status();
        let revision =
            answer.headers().get(KIVI_REVISION).and_then(|value| value.to_str().ok()?.parse().ok());
        let revision: u64 = match revision {
            Some(revision) if status.is_success() => revision,
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(FeedError::Refused(status));
            }
            _ => return Err(FeedError::NotKivi(status)),
        };
        // To its end, so that the watch may have the connection.
        timeout(SILENCE, answer.into_body().collect()).await.map_err(|_| FeedError::Silent(SILENCE))??;
        let answer = self.ask(&format!("{PREFIX}?watch=true&keysOnly=true&after={revision}")).await?;
        if answer.status() != StatusCode::OK {
            return Err(FeedError::Refused(answer.status()));
        }
        Ok(Watch::new(answer.into_body()))
    }

    async fn ask(&self, path: &str) -> Result<http::Response<Answered>, FeedError> {
        let target = self.pool.target();
        let asked = PathAndQuery::try_from(path).ok();
        let mut request = Request::new(Outgoing::empty());
        *request.uri_mut() = target.path(asked.as_ref()).into();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, EVENT_STREAM);
        headers.insert(KIVI_CHANGE_FEED, HeaderValue::from_static("true"));
        if let Ok(host) = target.authority.as_str().parse() {
            headers.insert(HOST, host);
        }
        let mut asking = ServiceBuilder::new().layer(ResendLayer).service(Exchange::new(self.pool.clone()));
        let answer = timeout(SILENCE, asking.call(request)).await.map_err(|_| FeedError::Silent(SILENCE))?;
        Ok(answer?)
    }
}

impl<B> Watch<B>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    fn new(body: B) -> Self {
        Self { body, parser: Parser::within(LONGEST_EVENT), sent: VecDeque::new() }
    }

    /// What the server tells next.
    pub(super) async fn next(&mut self) -> Result<Told, FeedError> {
        loop {
            while let Some(sent) = self.sent.pop_front() {
                if let Some(told) = told(&sent, SystemTime::now())? {
                    return Ok(told);
                }
            }
            let frame = timeout(SILENCE, self.body.frame()).await.map_err(|_| FeedError::Silent(SILENCE))?;
            let frame = frame.ok_or(FeedError::Ended)??;
            if let Some(data) = frame.data_ref() {
                self.sent.extend(self.parser.feed(data)?);
            }
        }
    }
}

/// What an event tells; `None`: nothing that matters here.
fn told(sent: &Sent, now: SystemTime) -> Result<Option<Told>, FeedError> {
    match sent.event.as_str() {
        "put" | "delete" | "expire" => {
            let Change { key, modified_ms } = serde_json::from_str(&sent.data)?;
            let modified = UNIX_EPOCH + Duration::from_millis(modified_ms);
            let lag = now.duration_since(modified).unwrap_or_default();
            Ok(Some(Told::Change { resource: [PREFIX.as_bytes(), &key.0].concat(), lag }))
        }
        "bookmark" => Ok(Some(Told::Everything)),
        "error" => Err(FeedError::Cut(sent.data.clone())),
        // Of a later version of the server.
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::{io::AsyncWriteExt, sync::mpsc, time::Instant};

    use super::*;

    type Pieces = mpsc::UnboundedSender<&'static str>;

    /// A watch of what a test says.
    fn watch() -> (Pieces, Watch<impl Body<Data = Bytes, Error = hyper::Error> + Unpin>) {
        let (said, mut pieces) = mpsc::unbounded_channel::<&'static str>();
        let pieces = futures::stream::poll_fn(move |cx| {
            pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(Bytes::from(piece)))))
        });
        (said, Watch::new(StreamBody::new(pieces)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_is_broken_after_ten_seconds() {
        const BOOKMARK: &str = "event: bookmark\nid: 7\ndata: {\"revision\":7}\n\n";
        let (said, mut watch) = watch();
        for _ in 0..100 {
            said.send(BOOKMARK).unwrap();
            assert_eq!(watch.next().await.unwrap(), Told::Everything);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let silent_since = Instant::now();
        assert!(matches!(watch.next().await, Err(FeedError::Silent(SILENCE))));
        assert_eq!(silent_since.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_in_pieces_is_one_and_the_streams_end_is_told() {
        let (said, mut watch) = watch();
        for piece in [": hello\n\nevent: del", "ete\ndata: {\"key\":\"a\",", "\"modifiedMs\":1}\n", "\n"] {
            said.send(piece).unwrap();
        }
        assert!(matches!(watch.next().await, Ok(Told::Change { resource, .. }) if resource == b"/v1/a"));
        drop(said);
        assert!(matches!(watch.next().await, Err(FeedError::Ended)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_in_the_middle_of_its_answer_is_silent_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let source = Source::new(&format!("unix:{}", path.display()).parse().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let begun = b"HTTP/1.1 200 OK\r\nKivi-Revision: 1\r\nContent-Length: 9\r\n\r\n{";
            stream.write_all(begun).await.unwrap();
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            opened = timeout(SILENCE * 9, source.open()) => opened,
            () = server => unreachable!(),
        };
        assert!(matches!(outcome, Ok(Err(FeedError::Silent(SILENCE)))), "{outcome:?}");
    }

    fn event(event: &str, data: &str) -> Sent {
        Sent { event: event.to_owned(), id: Some(1), data: data.to_owned() }
    }

    #[test]
    fn each_kind_of_change_names_a_resource_and_its_lag() {
        let now = UNIX_EPOCH + Duration::from_millis(1_500);
        let data = r#"{"revision":43,"key":"a%00/b","modifiedMs":1000,"previousRevision":null}"#;
        for kind in ["put", "delete", "expire"] {
            let change = Told::Change { resource: b"/v1/a\0/b".to_vec(), lag: Duration::from_millis(500) };
            assert_eq!(told(&event(kind, data), now).unwrap(), Some(change));
        }
        let early = told(&event("put", data), UNIX_EPOCH).unwrap();
        let change = Told::Change { resource: b"/v1/a\0/b".to_vec(), lag: Duration::ZERO };
        assert_eq!(early, Some(change), "clocks differ");
    }

    #[test]
    fn what_is_no_change_is_told_apart() {
        let told = |kind, data| told(&event(kind, data), UNIX_EPOCH);
        assert_eq!(told("bookmark", r#"{"revision":1}"#).unwrap(), Some(Told::Everything));
        assert_eq!(told("of a later version", "x").unwrap(), None);
        assert!(matches!(told("error", "too slow"), Err(FeedError::Cut(why)) if why == "too slow"));
        assert!(matches!(told("put", "{}"), Err(FeedError::Change(_))));
    }
}
