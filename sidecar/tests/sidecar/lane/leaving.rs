//! Clients of the lane that leave, read slowly, or ask for the next before they have the last; and what is counted of them.

use std::{sync::Arc, time::Duration};

use http::Request;
use http_body_util::Full;
use tokio::sync::Semaphore;

use super::{Side, Way, script, sent};
use crate::support::{Act, Fixture, Scripted, Wire, send_to};

/// A server that answers each request when it is let.
async fn gated(way: Way) -> (Side, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&leave);
    let server = Scripted::tcp(move |target, _| {
        let mut acts = vec![Act::Wait(Arc::clone(&gate))];
        acts.extend(script::answer(target, 0));
        acts
    });
    (Side::new(server.await, "", way).await, leave)
}

/// A series as it is now; zero where there is none.
async fn series(sidecar: &Fixture, name: &str) -> u64 {
    let metrics = Request::get("/metrics").body(Full::default()).unwrap();
    let answer = send_to(&sidecar.health, metrics).await.unwrap();
    let line = answer.text().lines().find(|line| line.starts_with(name));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

async fn until(sidecar: &Fixture, name: &str, expected: u64) {
    let reached = async {
        while series(sidecar, name).await != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(5), reached).await;
    assert!(reached.is_ok(), "{name} {}, not {expected}", series(sidecar, name).await);
}

const WAITERS: &str = "kivi_cache_waiters ";
const ACTIVE: &str = "http_server_active_requests{http_request_method=\"GET\"} ";

/// A client that has asked.
async fn asking(side: &Side, path: &str, waiters: u64) -> Wire {
    let mut wire = Wire::connect(&side.sidecar.clients).await;
    wire.send(&sent(&format!("GET {path}"), side.way)).await;
    until(&side.sidecar, WAITERS, waiters).await;
    wire
}

#[tokio::test]
async fn whoever_leaves_the_others_have_one_answer() {
    for way in [Way::Lane, Way::Layers, Way::Hyper] {
        for leaves in 0..3 {
            let (side, leave) = gated(way).await;
            let mut clients = Vec::new();
            for waiters in 1..=3 {
                clients.push(asking(&side, "/plain", waiters).await);
            }
            drop(clients.remove(leaves));
            until(&side.sidecar, WAITERS, 2).await;
            leave.add_permits(1);
            for client in &mut clients {
                let got = client.answer(false).await;
                assert_eq!((got.status, got.text()), (200, "value"), "{way:?}");
            }
            assert_eq!(side.server.asked().len(), 1, "{way:?}");
            until(&side.sidecar, ACTIVE, 0).await;
        }
    }
}

#[tokio::test]
async fn when_all_have_left_the_server_sees_it_and_the_key_is_free() {
    for way in [Way::Lane, Way::Layers] {
        let (side, leave) = gated(way).await;
        for count in [1, 3] {
            let mut clients = Vec::new();
            for waiters in 1..=count {
                clients.push(asking(&side, "/plain", waiters).await);
            }
            side.server.until_open(1).await;
            drop(clients);
            until(&side.sidecar, WAITERS, 0).await;
            side.server.until_open(0).await;
            until(&side.sidecar, ACTIVE, 0).await;
        }
        leave.add_permits(1);
        assert_eq!(side.ask("GET /plain").await.text(), "value");
    }
}

/// An answer of 300,000 bytes whose leader takes nothing, or leaves in the middle.
#[tokio::test]
async fn a_leader_that_does_not_read_holds_nobody_up() {
    for way in [Way::Lane, Way::Layers] {
        for leaves in [true, false] {
            let (side, leave) = gated(way).await;
            let mut leader = asking(&side, "/large", 1).await;
            let mut follower = asking(&side, "/large", 2).await;
            leave.add_permits(1);
            let got = follower.answer(false).await;
            assert_eq!((got.status, got.body.len(), got.whole), (200, 300_000, true));
            if leaves {
                drop(leader);
            } else {
                let got = leader.answer(false).await;
                assert_eq!((got.body.len(), got.whole), (300_000, true));
            }
            until(&side.sidecar, ACTIVE, 0).await;
            assert_eq!(side.server.asked().len(), 1);
            assert!(side.ask("GET /large").await.field("cache-status").unwrap().starts_with("kivi; hit"));
        }
    }
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order() {
    let side = Side::new(Scripted::tcp(script::answer).await, "", Way::Lane).await;
    let paths = [
        "/plain",
        "/fresh",
        "/fresh",
        "/404",
        "/private",
        "/private",
        "/204",
        "/large",
        "/chunked",
        "/trailers-fresh",
        "/trailers-fresh",
        "/swr",
        "/swr",
        "/500",
        "/500",
        "/plain?b",
    ];
    let each = async |path: &&str| {
        let got = side.ask(&format!("GET {path}")).await;
        (got.status, got.body)
    };
    let mut apart = Vec::new();
    for path in &paths {
        apart.push(each(path).await);
    }
    let side = Side::new(Scripted::tcp(script::answer).await, "", Way::Lane).await;
    let mut wire = Wire::connect(&side.sidecar.clients).await;
    let all: String = paths.iter().map(|path| sent(&format!("GET {path}"), Way::Lane)).collect();
    wire.send(&all).await;
    for (path, expected) in paths.iter().zip(apart) {
        let got = wire.answer(false).await;
        assert_eq!((got.status, got.body), expected, "{path}");
    }
    // A last one that does not stay, and then nothing more comes.
    wire.send(&sent("GET /plain\nConnection: close", Way::Lane)).await;
    assert_eq!(wire.answer(false).await.text(), "value");
    assert!(wire.is_over().await);
}

#[tokio::test]
async fn a_client_that_leaves_in_a_pipeline_leaves_nothing_behind() {
    let (side, _leave) = gated(Way::Lane).await;
    let mut wire = Wire::connect(&side.sidecar.clients).await;
    wire.send(&[sent("GET /plain", Way::Lane), sent("GET /fresh", Way::Lane)].concat()).await;
    until(&side.sidecar, WAITERS, 1).await;
    drop(wire);
    side.server.until_open(0).await;
    until(&side.sidecar, ACTIVE, 0).await;
    assert_eq!(side.server.asked().len(), 1);
}

/// What is counted, without how long it took.
async fn counted(sidecar: &Fixture) -> Vec<String> {
    let metrics = Request::get("/metrics").body(Full::default()).unwrap();
    let answer = send_to(&sidecar.health, metrics).await.unwrap();
    let is_counted = |line: &&str| {
        (line.starts_with("http_server_request_duration_seconds_count")
            || line.starts_with("http_server_active")
            || line.starts_with("kivi_cache"))
            && !line.contains("cache_bytes")
    };
    let mut lines: Vec<_> = answer.text().lines().filter(is_counted).map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn the_same_is_counted_both_ways() {
    let mut counts = Vec::new();
    for way in [Way::Lane, Way::Layers, Way::Hyper] {
        let side = Side::new(Scripted::tcp(script::answer).await, "", way).await;
        for path in script::paths().filter(|path| !path.starts_with("/cut") && *path != "/swr") {
            side.ask(&format!("GET {path}")).await;
        }
        side.ask("GET /plain\nAuthorization: Bearer nobody's").await;
        for path in ["/fresh", "/private", "/nothing", "/fresh-chunked", "/plain", "/plain", "/plain"] {
            side.ask(&format!("GET {path}")).await;
        }
        until(&side.sidecar, ACTIVE, 0).await;
        counts.push((way, counted(&side.sidecar).await));
    }
    let [(_, lane), others @ ..] = &counts[..] else { unreachable!() };
    assert!(lane.iter().any(|line| line.contains("\"401\"")), "{lane:#?}");
    for (way, other) in others {
        assert_eq!(lane, other, "{way:?}");
    }
}

#[tokio::test]
async fn one_too_many_at_once_is_refused_both_ways() {
    let mut told = Vec::new();
    for way in [Way::Lane, Way::Layers, Way::Hyper] {
        let leave = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&leave);
        let server = Scripted::tcp(move |target, _| {
            let mut acts = vec![Act::Wait(Arc::clone(&gate))];
            acts.extend(script::answer(target, 0));
            acts
        });
        let side = Side::new(server.await, "sidecar: {maxInFlight: 1}", way).await;
        let mut first = asking(&side, "/plain", 1).await;
        let refused = side.ask("GET /plain").await;
        assert_eq!(refused.status, 503);
        told.push(super::without_details(&refused));
        leave.add_permits(2);
        assert_eq!(first.answer(false).await.text(), "value");
        until(&side.sidecar, ACTIVE, 0).await;
        assert_eq!(side.ask("GET /plain").await.status, 200, "the place is free again");
    }
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
}
