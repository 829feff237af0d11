//! From the apply of a store to its readiness, and the same pod as a bare StatefulSet, in turns.

use std::time::{Duration, Instant};

use kube::api::ListParams;
use serde_json::{Value, json};

use super::{
    Effort, add,
    api::{Server, namespace},
    bare, failure, install,
    watch::{set_is_ready, store_is_ready, until, untyped},
};
use crate::{error::BenchError, interrupt, report::Results};

/// The store's name.
const STORE: &str = "orders";
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn ready(effort: Effort, results: &mut Results) -> Result<(), BenchError> {
    eprintln!("==> ready");
    let installed = install().await?;
    let server = Server::connect(installed.kubectl.kubeconfig()).await?;
    // A round that does not count: images and the operator are warm then, and the children can be taken.
    let room = Room::open(&server, "warm").await?;
    room.store().await?;
    let children = bare::capture(&server.client, &room.namespace, STORE).await?;
    room.close().await?;
    for round in 0..effort.rounds {
        let room = Room::open(&server, &format!("store-{round}")).await?;
        add(results, "ready", "kivi", ("s", "s"), room.store().await?.as_secs_f64());
        room.close().await?;
        let room = Room::open(&server, &format!("bare-{round}")).await?;
        add(results, "ready", "statefulset", ("s", "s"), room.bare(&children).await?.as_secs_f64());
        room.close().await?;
    }
    Ok(())
}

/// A namespace of one turn.
struct Room<'s> {
    server: &'s Server,
    namespace: String,
}

impl<'s> Room<'s> {
    async fn open(server: &'s Server, name: &str) -> Result<Self, BenchError> {
        let namespace = format!("kivi-bench-{name}-{}", std::process::id());
        server.apply(&self::namespace(&namespace)).await?;
        let accounts = untyped(server.client.clone(), ("", "ServiceAccount"), Some(&namespace));
        let deadline = Instant::now() + Duration::from_secs(30);
        while accounts.get_opt("default").await.map_err(failure("read a ServiceAccount"))?.is_none() {
            interrupt::check()?;
            if Instant::now() > deadline {
                return Err(failure("wait for a namespace's ServiceAccount")("there is none after 30 s"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Self { server, namespace })
    }

    /// Applies a store; how long it takes until it is Ready.
    async fn store(&self) -> Result<Duration, BenchError> {
        let store = json!({
            "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore",
            "metadata": {"name": STORE, "namespace": self.namespace}, "spec": {},
        });
        let stores =
            untyped(self.server.client.clone(), ("kivi.dev", "KeyValueStore"), Some(&self.namespace));
        let began = Instant::now();
        self.server.apply(&store).await?;
        until(stores, "", 1, store_is_ready).await?;
        Ok(began.elapsed())
    }

    /// Applies what a store is made of; how long it takes until its StatefulSet is ready.
    async fn bare(&self, children: &[Value]) -> Result<Duration, BenchError> {
        let sets = untyped(self.server.client.clone(), ("apps", "StatefulSet"), Some(&self.namespace));
        let children = bare::within(children, &self.namespace);
        let began = Instant::now();
        for child in &children {
            self.server.apply(child).await?;
        }
        until(sets, "", 1, set_is_ready).await?;
        Ok(began.elapsed())
    }

    /// Removes it, and waits until its pod is gone: the end of one turn is not to be in the next.
    async fn close(self) -> Result<(), BenchError> {
        self.server.delete(&namespace(&self.namespace)).await?;
        let pods = untyped(self.server.client.clone(), ("", "Pod"), Some(&self.namespace));
        let one = ListParams::default().limit(1);
        while !pods.list_metadata(&one).await.map_err(failure("list pods"))?.items.is_empty() {
            interrupt::check()?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}
