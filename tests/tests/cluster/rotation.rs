//! A certificate and an authority are replaced under load, and no request fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kivi_api::{Client, Precondition};
use kivi_tests::kubectl::{Kubectl, PortForward};
use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::handshake::served;
use crate::stage::Stage;

/// How long clients have to load a new bundle, and how often these do.
const OVERLAP: Duration = Duration::from_secs(20);
const RELOAD: Duration = Duration::from_secs(4);

/// Longest time until a pod serves what its Secret holds.
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_new_certificate_and_a_new_authority_cost_no_request() {
    let stage = Stage::open("rotation").await;
    let spec = format!("{{tls: {{managed: {{authorityOverlap: {}s}}}}}}", OVERLAP.as_secs());
    stage.apply_store("orders", &spec).await.unwrap();
    stage.wait_ready("orders").await;
    let doors = Doors::find(&stage).await;
    let pod = stage.pod_uid("orders-0").await;
    let load = Load::start(&stage, &doors).await;
    let first = doors.served(&load.bundle()).await;

    stage.kubectl.run(["annotate", "kvs/orders", "kivi.dev/rotate-certificate=1"]).await.unwrap();
    let second = until_another(&stage, &doors, &load, 2, &first).await;
    assert_eq!(load.bundle().matches("BEGIN").count(), 1, "the authority is the same");

    stage.kubectl.run(["annotate", "kvs/orders", "kivi.dev/roll-authority=1"]).await.unwrap();
    let rolling = r"jsonpath={.status.conditions[?(@.type=='CertificateReady')].reason}=AuthorityRolling";
    stage.kubectl.wait(rolling, "kvs/orders", "30s").await.unwrap();
    assert_eq!(doors.served(&load.bundle()).await, second, "clients have to load the bundle first");
    until_another(&stage, &doors, &load, 3, &second).await;

    let (requests, failures) = load.stop().await;
    assert_eq!(failures, [""; 0], "of {requests} requests");
    assert!(requests > 200, "only {requests} requests were made");
    // What is served comes from the new authority, and the old one is trusted as long as its certificates last.
    let bundle = bundle(&stage.kubectl).await;
    let certificates: Vec<&str> = bundle.split_inclusive("-----END CERTIFICATE-----").collect();
    doors.served(certificates[0]).await;
    assert!(served(doors.service, &doors.names[0], certificates[1]).await.is_err());
    let now = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(now["metadata"]["uid"], pod);
    for statuses in ["containerStatuses", "initContainerStatuses"] {
        assert_eq!(now["status"][statuses][0]["restartCount"], 0, "{now}");
    }
}

/// Where a store is reached from here, under two of its names.
struct Doors {
    service: SocketAddr,
    names: [String; 2],
    _forward: PortForward,
}

impl Doors {
    async fn find(stage: &Stage) -> Self {
        let forward = stage.kubectl.forward("svc/orders", 443).await.unwrap();
        let namespace = stage.kubectl.current_namespace();
        let names = [
            format!("orders.{namespace}.svc.cluster.local"),
            format!("orders-0.orders-pods.{namespace}.svc"),
        ];
        Self { service: forward.address(), names, _forward: forward }
    }

    /// The certificate that is shown under each name.
    async fn served(&self, bundle: &str) -> CertificateDer<'static> {
        let [one, other] = &self.names;
        let shown = served(self.service, one, bundle).await.unwrap();
        assert_eq!(served(self.service, other, bundle).await.unwrap(), shown);
        shown
    }
}

/// Waits until this generation was issued and the pod serves it.
async fn until_another(
    stage: &Stage,
    doors: &Doors,
    load: &Load,
    generation: i64,
    old: &CertificateDer<'static>,
) -> CertificateDer<'static> {
    let issued = format!("jsonpath={{.status.certificate.generation}}={generation}");
    stage.kubectl.wait(&issued, "kvs/orders", "90s").await.unwrap();
    // The kubelet looks at a pod's Secrets once a minute, and when the pod changes.
    let nudge = format!("nudge={generation}");
    stage.kubectl.run(["annotate", "pod/orders-0", &nudge, "--overwrite"]).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    loop {
        let shown = doors.served(&load.bundle()).await;
        if shown != *old {
            return shown;
        }
        assert!(Instant::now() < deadline, "the old certificate is still served");
        sleep(Duration::from_millis(500)).await;
    }
}

async fn bundle(kubectl: &Kubectl) -> String {
    kubectl.run(["get", "configmap", "orders-ca", "-o", r"jsonpath={.data.ca\.crt}"]).await.unwrap()
}

/// Clients that trust the published bundle and load it again now and then: one that connects for each request, and one
/// that keeps its connection.
struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    bundle: Mutex<String>,
    requests: AtomicU64,
    failures: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Shared {
    fn ended(&self, outcome: Result<(), String>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.failures.lock().extend(outcome.err());
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

impl Load {
    async fn start(stage: &Stage, doors: &Doors) -> Self {
        let kubectl = stage.kubectl.clone();
        let template = "go-template={{.data.token | base64decode}}";
        let token = kubectl.run(["get", "secret", "orders-token", "-o", template]).await.unwrap();
        let shared = Arc::new(Shared {
            bundle: Mutex::new(bundle(&kubectl).await),
            requests: AtomicU64::new(0),
            failures: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let (names, address) = (doors.names.clone(), doors.service);
        let client = move |shared: &Shared, name: &str| {
            let bundle = shared.bundle.lock().clone();
            let url = format!("https://{name}");
            Client::builder(&url).ca_pem(bundle).token(&token).connect_to(address).build().unwrap()
        };
        client(&shared, &names[0]).put(b"key", "value", None, Precondition::None).await.unwrap();
        let kept = client(&shared, &names[0]);
        let reloader = {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while shared.goes_on() {
                    sleep(RELOAD).await;
                    let fresh = bundle(&kubectl).await;
                    *shared.bundle.lock() = fresh;
                }
            })
        };
        let keeper = {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while shared.goes_on() {
                    shared.ended(get(&kept, "kept").await);
                    sleep(Duration::from_millis(50)).await;
                }
            })
        };
        let connector = {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                for name in names.iter().cycle() {
                    if !shared.goes_on() {
                        return;
                    }
                    shared.ended(get(&client(&shared, name), name).await);
                    sleep(Duration::from_millis(100)).await;
                }
            })
        };
        Self { shared, tasks: vec![reloader, keeper, connector] }
    }

    /// The bundle as the clients know it.
    fn bundle(&self) -> String {
        self.shared.bundle.lock().clone()
    }

    /// How many requests were made, and what became of those that failed.
    async fn stop(self) -> (u64, Vec<String>) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let failures = std::mem::take(&mut *self.shared.failures.lock());
        (self.shared.requests.load(Ordering::Relaxed), failures)
    }
}

async fn get(client: &Client, name: &str) -> Result<(), String> {
    match client.get(b"key").await {
        Ok(Some(value)) if value.bytes == "value" => Ok(()),
        Ok(_) => Err(format!("{name}: another value")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}
