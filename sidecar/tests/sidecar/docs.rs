//! The exchanges that docs/caching.md shows are what happens.

mod page;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use self::page::{Exchange, Step, steps};
use crate::support::{self, Body, Fixture, Server, send, send_to, text};

/// How much less than the page's may be left of a freshness: what the test itself takes.
const SLACK: i64 = 5;

/// What the server answers.
#[derive(Debug, Default)]
struct Script(Mutex<Vec<(page::Request, page::Answer)>>);

impl Script {
    /// The answer of the most particular request that this is one of.
    fn answer(&self, method: &str, path: &str, headers: &HeaderMap) -> Response<Body> {
        let answers = self.0.lock();
        let asked = |request: &&(page::Request, page::Answer)| {
            let has =
                |(name, value): &(String, String)| headers.get(name).is_some_and(|found| found == value);
            request.0.method == method && request.0.path == path && request.0.fields.iter().all(has)
        };
        let found = answers.iter().filter(asked).max_by_key(|(request, _)| request.fields.len());
        let Some((_, answer)) = found else {
            return Response::builder()
                .status(500)
                .body(text(format!("{method} {path}: not in the page")))
                .unwrap();
        };
        let response = Response::builder().status(answer.status);
        let response =
            answer.fields.iter().fold(response, |response, (name, value)| response.header(name, value));
        response.body(text(answer.body.clone())).unwrap()
    }
}

/// A sidecar as of a step of the page, and the server behind it.
struct Stage {
    script: Arc<Script>,
    /// Whether the server answers now.
    open: watch::Sender<bool>,
    server: Server,
    sidecar: Fixture,
    _dir: TempDir,
}

impl Stage {
    async fn new(settings: &str) -> Self {
        let (script, (open, gate)) = (Arc::<Script>::default(), watch::channel(true));
        let dir = tempfile::tempdir().unwrap();
        let answers = Arc::clone(&script);
        let server = Server::unix(&dir.path().join("server.sock"), move |request: Request<Incoming>| {
            let (answers, mut gate) = (Arc::clone(&answers), gate.clone());
            async move {
                gate.wait_for(|open| *open).await.unwrap();
                answers.answer(request.method().as_str(), request.uri().path(), request.headers())
            }
        });
        let open_to_all = if settings.contains("auth:") { "" } else { "\nauth: {anonymous: ReadWrite}" };
        let sidecar = Fixture::new(&server, &format!("{settings}{open_to_all}")).await;
        Self { script, open, server, sidecar, _dir: dir }
    }

    fn answers(&self, request: page::Request, answer: page::Answer) {
        let mut answers = self.script.0.lock();
        answers.retain(|(other, _)| *other != request);
        answers.push((request, answer));
    }

    async fn play(&self, exchange: &Exchange) -> Result<(), String> {
        sleep(Duration::from_secs(exchange.seconds_later)).await;
        let before = self.server.seen().len();
        let got = if exchange.clients > 1 {
            self.at_once(exchange).await
        } else if exchange.after_refresh {
            vec![self.refreshed(exchange).await?]
        } else {
            vec![self.ask(exchange).await]
        };
        for answer in &got {
            if !exchange.answers.iter().any(|expected| differs(expected, answer).is_none()) {
                return Err(differs(&exchange.answers[0], answer).unwrap_or_default());
            }
        }
        for expected in &exchange.answers {
            if got.iter().all(|answer| differs(expected, answer).is_some()) {
                return Err(format!("nobody got {expected:?}"));
            }
        }
        let Some(asked) = exchange.asked else { return Ok(()) };
        // One that nobody waits for may be on its way.
        let found = || self.server.seen().len() - before;
        let arrived = timeout(Duration::from_secs(5), async {
            while found() < asked {
                tokio::task::yield_now().await;
            }
        });
        match arrived.await {
            Ok(()) if found() == asked => Ok(()),
            _ => Err(format!("the server was asked {} times", found())),
        }
    }

    async fn ask(&self, exchange: &Exchange) -> support::Answer {
        let request = &exchange.request;
        let mut sent = Request::builder().method(request.method.as_str()).uri(&request.path);
        for (name, value) in &request.fields {
            sent = sent.header(name, value);
        }
        send(&self.sidecar, sent.body(Full::default()).unwrap()).await
    }

    /// Asks until the load that the exchange before began is there.
    async fn refreshed(&self, exchange: &Exchange) -> Result<support::Answer, String> {
        let body = &exchange.answers[0].body;
        let waited = timeout(Duration::from_secs(5), async {
            loop {
                let answer = self.ask(exchange).await;
                if answer.text() == body {
                    return answer;
                }
            }
        });
        waited.await.map_err(|_| format!("it never became {body:?}"))
    }

    /// All of the clients wait before the server answers.
    async fn at_once(&self, exchange: &Exchange) -> Vec<support::Answer> {
        self.open.send_replace(false);
        let clients = join_all((0..exchange.clients).map(|_| self.ask(exchange)));
        let opening = async {
            while self.waiters().await < exchange.clients {
                tokio::task::yield_now().await;
            }
            self.open.send_replace(true);
        };
        tokio::join!(clients, opening).0
    }

    async fn waiters(&self) -> usize {
        let metrics = Request::get("/metrics").body(Full::default()).unwrap();
        let answer = send_to(&self.sidecar.health, metrics).await.unwrap();
        let line = answer.text().lines().find_map(|line| line.strip_prefix("kivi_cache_waiters "));
        line.unwrap().parse().unwrap()
    }
}

/// In what an answer is not the page's.
fn differs(expected: &page::Answer, got: &support::Answer) -> Option<String> {
    if got.status.as_u16() != expected.status || got.text().trim_end() != expected.body {
        return Some(format!("{} {:?} came", got.status, got.text()));
    }
    let missing = expected.fields.iter().find(|(name, value)| {
        let found = got.header(name).unwrap_or_default();
        if name == "Cache-Status" { !is_status(value, found) } else { value != found }
    });
    missing.map(|(name, _)| format!("{name}: {:?} came", got.header(name)))
}

/// Whether a `Cache-Status` is the page's, but for the time that the test takes.
fn is_status(expected: &str, found: &str) -> bool {
    let parameters = |text: &str| -> Vec<(String, Option<i64>)> {
        let parameter = |part: &str| match part.strip_prefix("ttl=") {
            Some(ttl) => ("ttl".to_owned(), ttl.parse().ok()),
            None => (part.to_owned(), None),
        };
        text.split("; ").map(parameter).collect()
    };
    let (expected, found) = (parameters(expected), parameters(found));
    expected.len() == found.len()
        && expected.iter().zip(&found).all(|((name, ttl), (found, left))| {
            let is_near =
                |(ttl, left): (i64, i64)| (ttl < 0) == (left < 0) && (ttl - SLACK..=ttl + 1).contains(&left);
            name == found && ttl.zip(*left).is_none_or(is_near)
        })
}

/// Plays a page; how many exchanges it has, or which is not what happens.
async fn play(page: &str) -> Result<usize, String> {
    let mut stage = None;
    let mut played = 0;
    for step in steps(page)? {
        match step {
            Step::Settings(settings) => stage = Some(Stage::new(&settings).await),
            Step::Server(request, answer) => stage.as_ref().ok_or("no settings")?.answers(request, answer),
            Step::Exchange(exchange) => {
                let outcome = stage.as_ref().ok_or("no settings")?.play(&exchange).await;
                outcome.map_err(|why| format!("line {}: {why}", exchange.line))?;
                played += 1;
            }
        }
    }
    Ok(played)
}

#[tokio::test]
async fn what_the_page_on_caching_shows_is_what_happens() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/caching.md")).unwrap();
    assert!(play(&page).await.unwrap() > 20);
}

#[tokio::test]
async fn a_page_that_shows_anything_else_is_found_out() {
    const PAGE: &str = "```yaml\nsidecar: {cache: {ttl: 1m}}\n```\n```http server\nGET /k\n\n200 OK\nVary: a\n\nvalue\n```\n\
                        ```http\n# the server is asked once\nGET /k\n\n200 OK\nVary: a\n\
                        Cache-Status: kivi; fwd=miss; stored; ttl=60\n\nvalue\n```\n";
    assert_eq!(play(PAGE).await, Ok(1));
    for (right, wrong) in [
        ("# the server is asked once", "# the server is not asked"),
        ("# the server is asked once", "# the server sleeps"),
        ("GET /k\n\n200 OK\nVary: a\nCache", "GET /other\n\n200 OK\nVary: a\nCache"),
        ("200 OK\nVary: a\nCache", "404 Not Found\nVary: a\nCache"),
        ("Vary: a\nCache", "Vary: b\nCache"),
        ("fwd=miss", "hit"),
        ("; stored", ""),
        ("ttl=60", "ttl=50"),
        ("ttl=60\n\nvalue", "ttl=60\n\nother"),
        ("```http\n", "```html\n"),
    ] {
        assert!(PAGE.contains(right));
        let outcome = play(&PAGE.replace(right, wrong)).await;
        assert!(outcome.as_ref().is_err_and(|why| why.starts_with("line 12: ")), "{wrong}: {outcome:?}");
    }
}
