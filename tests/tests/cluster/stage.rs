//! A namespace of a test's own on the shared cluster, with the operator installed once.

use std::time::Duration;

use kivi_api::Client;
use kivi_tests::Failure;
use kivi_tests::install::{self, Installed};
use kivi_tests::kubectl::{Kubectl, PortForward};
use kivi_tests::store::Store;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

/// Longest time anything that a test waits for may take on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(120);

const POLL: Duration = Duration::from_millis(250);

static CLUSTER: OnceCell<Installed> = OnceCell::const_new();

/// The cluster with an operator, installed at the first call.
pub(crate) async fn cluster() -> &'static Installed {
    CLUSTER.get_or_init(|| async { install::operator().await.unwrap() }).await
}

/// A namespace of a test's own, in which the restricted profile is enforced; gone with the test.
pub(crate) struct Stage {
    pub(crate) kubectl: Kubectl,
}

impl Stage {
    pub(crate) async fn open(name: &str) -> Self {
        cluster().await.recall().await.unwrap();
        Self::make(name).await
    }

    /// The namespace alone.
    pub(crate) async fn make(name: &str) -> Self {
        let cluster = cluster().await;
        let namespace = format!("kivi-test-{name}-{}", std::process::id());
        let kubectl = cluster.kubectl.namespace(&namespace);
        kubectl.run(["create", "namespace", &namespace]).await.unwrap();
        let profile = "pod-security.kubernetes.io/enforce=restricted";
        kubectl.run(["label", "namespace", &namespace, profile]).await.unwrap();
        kubectl.wait("create", "serviceaccount/default", "120s").await.unwrap();
        Self { kubectl }
    }

    pub(crate) async fn apply_store(&self, name: &str, spec: &str) -> Result<String, Failure> {
        let yaml = format!(
            "apiVersion: kivi.dev/v1alpha1\nkind: KeyValueStore\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        );
        self.kubectl.apply(&yaml).await
    }

    /// Applies a store, waits until it is Ready, and reaches it.
    pub(crate) async fn ready_store(&self, name: &str, spec: &str) -> Store {
        self.apply_store(name, spec).await.unwrap();
        self.wait_ready(name).await;
        self.reach(name).await
    }

    pub(crate) async fn reach(&self, name: &str) -> Store {
        Store::reach(&self.kubectl, name).await.unwrap()
    }

    /// Waits as the README says to; on failure shows what the cluster thinks.
    pub(crate) async fn wait_ready(&self, name: &str) {
        // The condition may still be that of an earlier spec or pod; the generation and the pod tell.
        let deadline = Instant::now() + DEADLINE;
        loop {
            let store = self.kubectl.get("kvs", name).await.unwrap();
            let current = store["status"]["observedGeneration"] == store["metadata"]["generation"];
            if current && self.kubectl.wait("condition=Ready", &format!("kvs/{name}"), "5s").await.is_ok() {
                return;
            }
            let late = Instant::now() > deadline;
            assert!(!late, "{name} is not Ready: {}\n{}", store["status"], self.describe().await);
            sleep(POLL).await;
        }
    }

    async fn describe(&self) -> String {
        let pods = self.kubectl.run(["describe", "pods,pvc"]).await.unwrap_or_else(|error| error.to_string());
        let events = self.kubectl.run(["get", "events"]).await.unwrap_or_else(|error| error.to_string());
        format!("{pods}\n{events}")
    }

    pub(crate) async fn pod_uid(&self, pod: &str) -> String {
        self.kubectl.get("pod", pod).await.unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// Evicts a pod, as a drain of its node does: refused where a PodDisruptionBudget says so.
    pub(crate) async fn evict(&self, pod: &str) -> Result<String, Failure> {
        let namespace = self.kubectl.current_namespace();
        let eviction = format!(
            "{{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{namespace}\"}}}}"
        );
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
        self.kubectl.run_with_input(["create", "--raw", &path, "-f", "-"], &eviction).await
    }

    /// One condition of a store.
    pub(crate) async fn condition(&self, store: &str, kind: &str) -> Value {
        let [condition] = self.conditions(store, [kind]).await;
        condition
    }

    /// Conditions of a store as they were at the same moment.
    pub(crate) async fn conditions<const N: usize>(&self, store: &str, kinds: [&str; N]) -> [Value; N] {
        let store = self.kubectl.get("kvs", store).await.unwrap();
        let all = store["status"]["conditions"].as_array().cloned().unwrap_or_default();
        kinds.map(|kind| all.iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default())
    }

    /// Waits until no object of `kinds` has the label.
    pub(crate) async fn until_empty(&self, kinds: &str, selector: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = self.kubectl.run(["get", kinds, "-l", selector, "-o", "name"]).await.unwrap();
            if left.trim().is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "still there: {left}");
            sleep(POLL).await;
        }
    }

    /// Waits for a StatefulSet whose template of claims has this size. Between the last one and the next there is none, which
    /// `kubectl wait` takes for an error.
    pub(crate) async fn until_template(&self, store: &str, size: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let set = self.kubectl.get("statefulset", store).await.unwrap_or_default();
            let asks = &set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"];
            if asks == size {
                return;
            }
            assert!(Instant::now() < deadline, "its template asks for {asks}");
            sleep(POLL).await;
        }
    }

    /// `resourceVersion` of the store and of each of its children.
    pub(crate) async fn resource_versions(&self, store: &str) -> Vec<String> {
        let kinds = "statefulset,service,configmap,secret,serviceaccount,pvc";
        let columns =
            r"jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{'\n'}{end}";
        let selector = format!("app.kubernetes.io/instance={store}");
        let children = self.kubectl.run(["get", kinds, "-l", &selector, "-o", columns]).await.unwrap();
        let own = self.kubectl.run(["get", "kvs", "-o", columns]).await.unwrap();
        own.lines().chain(children.lines()).map(str::to_owned).collect()
    }

    /// GET requests that the server in `pod` has answered, by its own metrics.
    pub(crate) async fn server_gets(&self, pod: &str) -> u64 {
        let text = self.get_plain(pod, 8081, "/metrics").await;
        text.lines()
            .filter(|line| line.starts_with("http_server_request_duration_seconds_count"))
            .filter(|line| line.contains("http_request_method=\"GET\""))
            .filter(|line| line.contains("http_route=\"/v1/{key}\""))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// A plain GET of a port of a pod, through a forward.
    pub(crate) async fn get_plain(&self, pod: &str, port: u16, path: &str) -> String {
        let forward = self.kubectl.forward(&format!("pod/{pod}"), port).await.unwrap();
        let client = Client::builder(&format!("http://{}", forward.address())).build().unwrap();
        let answer =
            client.request(http::Method::GET, path, http::HeaderMap::new(), bytes::Bytes::new()).await;
        String::from_utf8(answer.unwrap().into_body().to_vec()).unwrap()
    }

    /// A client of a store that shows `token`; the forward ends with it.
    pub(crate) async fn client_with_token(&self, store: &str, token: &str) -> (PortForward, Client) {
        let forward = self.kubectl.forward(&format!("svc/{store}"), 443).await.unwrap();
        let ca = self
            .kubectl
            .run(["get", "configmap", &format!("{store}-ca"), "-o", r"jsonpath={.data.ca\.crt}"])
            .await
            .unwrap();
        let client = Client::builder("https://localhost")
            .ca_pem(ca)
            .token(token)
            .connect_to(forward.address())
            .build()
            .unwrap();
        (forward, client)
    }

    /// The TCP ports of `address` that a pod of this namespace can connect to.
    pub(crate) async fn scan_from_another_pod(
        &self,
        address: &str,
        ports: std::ops::RangeInclusive<u16>,
    ) -> Vec<u16> {
        let range = format!("{}-{}", ports.start(), ports.end());
        let output = self.run_probe("scanner", &["scan", address, &range]).await;
        output.split_whitespace().map(|port| port.parse().unwrap()).collect()
    }

    /// Runs the probe image to its end and returns what it printed.
    async fn run_probe(&self, name: &str, args: &[&str]) -> String {
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "probe", "image": kivi_cluster::PROBE_IMAGE, "args": args,
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                }],
            },
        });
        self.kubectl.apply(&pod.to_string()).await.unwrap();
        self.kubectl
            .wait("jsonpath={.status.phase}=Succeeded", &format!("pod/{name}"), "120s")
            .await
            .unwrap();
        self.kubectl.run(["logs", name]).await.unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return; // What is left tells what happened; the cluster is stopped after the tests anyway.
        }
        self.kubectl.delete_namespace_in_background();
    }
}
