//! The end: what is in flight is answered, nothing new is accepted.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use kivi_process::serve::Drained;
use tokio::{net::TcpStream, sync::Semaphore};

use crate::support::{Fixture, Server, get, send_to, text};

#[tokio::test]
async fn requests_in_flight_are_answered_and_the_sidecar_is_unready() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&entered), Arc::clone(&leave));
    let server = Server::tcp(move |_| {
        let (entered, leave) = gates.clone();
        async move {
            entered.add_permits(1);
            leave.acquire().await.unwrap().forget();
            Response::new(text("answered"))
        }
    })
    .await;
    let sidecar = Fixture::new(&server, "").await;
    let (clients, health) = (sidecar.clients.clone(), sidecar.health.clone());
    let in_flight = tokio::spawn({
        let clients = clients.clone();
        async move { send_to(&clients, get("/k")).await.unwrap() }
    });
    entered.acquire().await.unwrap().forget();
    sidecar.shutdown.cancel();
    while TcpStream::connect(&clients).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let ready = Request::get("/readyz").body(Full::default()).unwrap();
    let ready = send_to(&health, ready).await.unwrap();
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("shutting down"), "{}", ready.text());

    leave.add_permits(1);
    let answer = in_flight.await.unwrap();
    assert_eq!(answer.text(), "answered");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(sidecar.drain().await, Drained::Graceful);
}

#[tokio::test]
async fn a_drain_has_a_deadline() {
    let entered = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&entered);
    let server = Server::tcp(move |_| {
        gate.add_permits(1);
        std::future::pending()
    })
    .await;
    let flags = ["--upstream-ready", "", "--shutdown-grace", "20ms"];
    let sidecar = Fixture::with_flags(&server.url, "", &flags).await;
    let clients = sidecar.clients.clone();
    let stuck = tokio::spawn(async move { send_to(&clients, get("/k")).await });
    entered.acquire().await.unwrap().forget();
    assert_eq!(sidecar.drain().await, Drained::DeadlineExceeded { connections: 1 });
    assert!(stuck.await.unwrap().is_err());
}
