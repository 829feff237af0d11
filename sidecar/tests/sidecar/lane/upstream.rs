//! The connections on which the lane asks: which are used again, and what is made of those that end.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::{Side, Way, ask, script};
use crate::support::{Act, Fixture, Scripted};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue";

fn ok() -> Act {
    Act::Send(OK.to_vec())
}

/// Lets everything that is there happen.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn what_a_server_says_on_an_idle_connection_answers_nothing() {
    for said in [
        &b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong",
        b"x",
        b"",
    ] {
        for closes in [true, false] {
            let gate = Arc::new(Semaphore::new(0));
            let idle = Arc::clone(&gate);
            let server = Scripted::tcp(move |target, _| {
                let mut acts = vec![ok()];
                if target == "/first" {
                    acts.extend([Act::Wait(Arc::clone(&idle)), Act::Send(said.to_vec())]);
                    acts.extend(closes.then_some(Act::Close));
                }
                acts
            });
            let side = Side::new(server.await, "", Way::Lane).await;
            assert_eq!(side.ask("GET /first").await.text(), "value");
            gate.add_permits(1);
            settle().await;
            let second = side.ask("GET /second").await;
            assert_eq!((second.status, second.text()), (200, "value"), "{said:?} {closes}");
            assert_eq!(side.direct(), 2);
        }
    }
}

#[tokio::test]
async fn a_connection_is_used_again_until_its_server_closes_it() {
    for (path, after) in [
        ("/plain", 1),
        ("/204", 1),
        ("/304-length", 1),
        ("/empty", 1),
        ("/large", 1),
        ("/404", 1),
        ("/kept", 1),
        ("/last", 0),
        ("/said-last", 0),
        ("/kept-briefly", 0),
        ("/too-long-kept", 0),
        ("/cut", 0),
    ] {
        let side = Side::new(Scripted::tcp(script::answer).await, "", Way::Lane).await;
        side.ask(&format!("GET {path}")).await;
        side.server.until_open(after).await;
        side.ask("GET /plain?b").await;
        side.server.until_open(1).await;
        assert_eq!(side.direct(), 2, "{path}");
    }
}

/// An answer on a connection that was used before may be its server's end of it; then the request is sent again, once.
#[tokio::test]
async fn a_connection_that_ends_instead_of_an_answer_is_no_failure_if_it_was_used_before() {
    for way in [Way::Lane, Way::Layers] {
        let server = Scripted::tcp(|target, times| match (target, times) {
            ("/ends-within", 0) => vec![Act::Send(OK[..9].to_vec()), Act::Close],
            ("/ends", 0) | ("/never", _) => vec![Act::Close],
            _ => vec![ok()],
        });
        let side = Side::new(server.await, "", way).await;
        for path in ["/ends", "/ends-within"] {
            assert_eq!(side.ask("GET /first").await.status, 200);
            assert_eq!(side.ask(&format!("GET {path}")).await.status, 200, "{path} {way:?}");
        }
        let before = side.server.asked().len();
        assert_eq!(side.ask("GET /never").await.status, 502);
        assert_eq!(side.server.asked().len() - before, 2, "{way:?}");
    }
}

#[tokio::test]
async fn a_prefix_and_a_socket_are_the_same_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let mut asked = Vec::new();
    for way in [Way::Lane, Way::Layers] {
        let server = Scripted::tcp(script::answer).await;
        let based = format!("{}/base/", server.url);
        let sidecar = Fixture::with_flags(&based, "", &["--upstream-ready", ""]).await;
        let side = Side { server, sidecar, way };
        for path in ["/plain", "/plain?a=b", "//a/../b", "/"] {
            assert_eq!(side.ask(&format!("GET {path}")).await.status, 200, "{path}");
        }
        let socket = dir.path().join(format!("{way:?}"));
        let store = Side::new(Scripted::unix(&socket, script::answer), "", way).await;
        let mut answers = Vec::new();
        for path in ["/plain", "/v1/k", "/fresh", "/fresh", "/404", "/204", "/304", "/503", "/private"] {
            let got = store.ask(&format!("GET {path}")).await;
            answers.push(super::comparable(&got, &store));
        }
        asked.push((side.asked(), store.asked(), answers));
    }
    assert_eq!(asked[0], asked[1]);
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_answer_is_told_the_same() {
    let nobody = "http://127.0.0.1:1";
    let mut told = Vec::new();
    for way in [Way::Lane, Way::Layers] {
        let sidecar = Fixture::with_flags(nobody, "", &["--upstream-ready", ""]).await;
        let absent = ask(&sidecar, "GET /plain", way).await;
        assert_eq!((absent.status, absent.field("retry-after")), (503, Some("1")));
        let gate = Arc::new(Semaphore::new(0));
        let server = Scripted::tcp(move |_, _| vec![Act::Wait(Arc::clone(&gate)), ok()]);
        let side = Side::new(server.await, "sidecar: {timeouts: {request: 200ms}}", way).await;
        let late = side.ask("GET /plain").await;
        assert_eq!(late.status, 504);
        side.server.until_open(0).await;
        told.push((super::without_details(&absent), super::without_details(&late)));
    }
    assert_eq!(told[0], told[1]);
}

/// Requests that may share a connection, while some of them are answered so that it ends.
#[tokio::test]
async fn each_gets_its_own_answer_whatever_is_made_of_the_connection_that_they_share() {
    let dir = tempfile::tempdir().unwrap();
    for odd in ["chunked", "hints", "last", "none", "part", "old", "garbage", "extra", "big", "slow"] {
        let socket = dir.path().join(odd);
        let server = Scripted::unix(&socket, move |target, times| {
            let body = target.to_owned();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
            let chunked = "Transfer-Encoding: chunked";
            let text = match target.rsplit('-').next() {
                Some("0") if times > 0 && odd != "chunked" => format!("{head}\r\n{body}"),
                Some("0") => match odd {
                    "chunked" => {
                        format!("HTTP/1.1 200 OK\r\n{chunked}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
                    }
                    "hints" => format!("HTTP/1.1 103 Early Hints\r\n\r\n{head}\r\n{body}"),
                    "last" => {
                        return vec![
                            Act::Send(format!("{head}Connection: close\r\n\r\n{body}").into()),
                            Act::Close,
                        ];
                    }
                    "none" => return vec![Act::Close],
                    "part" => return vec![Act::Send(head.into()), Act::Close],
                    "old" => {
                        return vec![
                            Act::Send(head.replace("1.1", "1.0").into()),
                            Act::Send(format!("\r\n{body}").into()),
                            Act::Close,
                        ];
                    }
                    "garbage" => return vec![Act::Send(b"garbage\r\n\r\n".to_vec()), Act::Close],
                    "extra" => format!("{head}\r\n{body}and more\r\n\r\n"),
                    "big" => format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}{}",
                        (40 << 10) + body.len(),
                        " ".repeat(40 << 10)
                    ),
                    _ => {
                        let half = Arc::new(Semaphore::new(0));
                        let open = Arc::clone(&half);
                        tokio::spawn(async move {
                            settle().await;
                            open.add_permits(1);
                        });
                        return vec![
                            Act::Send(head.into()),
                            Act::Wait(half),
                            Act::Send(format!("\r\n{body}").into()),
                        ];
                    }
                },
                _ => format!("{head}\r\n{body}"),
            };
            vec![Act::Send(text.into())]
        });
        let side = Arc::new(Side::new(server, "", Way::Lane).await);
        let asking = (0..24).map(|number| {
            let side = Arc::clone(&side);
            tokio::spawn(async move {
                for round in 0..3 {
                    let path = format!("/v1/{round}-{number}-{}", number % 6);
                    let got = side.ask(&format!("GET {path}")).await;
                    // What ends a connection that was not used before is no answer to who asked there.
                    if number % 6 != 0 || got.status != 502 {
                        assert_eq!((got.status, got.text().trim_end()), (200, &*path), "{odd}");
                    }
                }
            })
        });
        for asked in futures::future::join_all(asking).await {
            asked.unwrap();
        }
    }
}
