//! The API server: finds stores, their pods and their credentials with the user's own rights.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kivi_api::Client as StoreClient;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup, annotations, labels};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Config};
use serde_json::json;

use crate::PluginError;
use crate::arguments::Connection;
use crate::credentials::{self, CaSource};
use crate::forward::Forward;
use crate::pod::{self, ClientPort};

/// Who owns the fields that the plugin writes, as `kubectl get --show-managed-fields` tells.
const FIELD_MANAGER: &str = "kubectl-kivi";

fn creation() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// A cluster, and the namespace that commands speak of.
pub(crate) struct Cluster {
    client: Client,
    /// The namespace of stores named on the command line.
    pub(crate) namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig; the API server is first called by the first question.
    pub(crate) async fn connect(connection: &Connection) -> Result<Self, PluginError> {
        let config = config(connection).await.map_err(|error| PluginError::Kubeconfig {
            path: connection.kubeconfig.clone(),
            reason: crate::error::chain(&error),
        })?;
        let namespace = connection.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config)
            .map_err(|error| PluginError::cluster("preparing the connection", &error))?;
        Ok(Self { client, namespace })
    }

    /// The stores of the namespace, or of all.
    pub(crate) async fn stores(&self, all_namespaces: bool) -> Result<Vec<KeyValueStore>, PluginError> {
        let api: Api<KeyValueStore> =
            if all_namespaces { Api::all(self.client.clone()) } else { self.namespaced() };
        match api.list(&ListParams::default()).await {
            Ok(list) => Ok(list.items),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(PluginError::NoKind),
            Err(error) => Err(PluginError::cluster("listing the stores", &error)),
        }
    }

    /// One store.
    pub(crate) async fn store(&self, name: &str) -> Result<KeyValueStore, PluginError> {
        let store = self.namespaced::<KeyValueStore>().get(name).await;
        self.found(name, store, || format!("reading store `{name}`"))
    }

    /// What the API server said of a store, which it may not know.
    fn found<T>(
        &self,
        name: &str,
        answer: Result<T, kube::Error>,
        doing: impl FnOnce() -> String,
    ) -> Result<T, PluginError> {
        answer.map_err(|error| match error {
            kube::Error::Api(status) if status.reason == "NotFound" => {
                PluginError::NoStore { store: name.to_owned(), namespace: self.namespace.clone() }
            }
            // An unknown kind is answered with 404 too, but not with a Status.
            kube::Error::Api(status) if status.code == 404 => PluginError::NoKind,
            error => PluginError::cluster(doing(), &error),
        })
    }

    /// Asks for a restart of a store's pods; another `value` than the last is another restart.
    pub(crate) async fn restart(&self, name: &str, value: &str) -> Result<(), PluginError> {
        let patch = json!({"metadata": {"annotations": {annotations::RESTART: value}}});
        let stores = self.namespaced::<KeyValueStore>();
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = stores.patch_metadata(name, &params, &Patch::Merge(&patch)).await;
        self.found(name, patched.map(drop), || format!("annotating store `{name}`"))
    }

    /// Makes a store.
    pub(crate) async fn create_store(&self, name: &str, store: &KeyValueStore) -> Result<(), PluginError> {
        match self.namespaced().create(&creation(), store).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                Err(PluginError::StoreExists { store: name.to_owned(), namespace: self.namespace.clone() })
            }
            Err(error) => Err(PluginError::cluster(format!("making store `{name}`"), &error)),
        }
    }

    /// One backup.
    pub(crate) async fn backup(&self, name: &str) -> Result<KeyValueStoreBackup, PluginError> {
        let found = self.namespaced::<KeyValueStoreBackup>().get_opt(name).await;
        found
            .map_err(|error| PluginError::cluster(format!("reading backup `{name}`"), &error))?
            .ok_or_else(|| self.no_backup(name))
    }

    /// Asks for a backup.
    pub(crate) async fn create_backup(
        &self,
        name: &str,
        backup: &KeyValueStoreBackup,
    ) -> Result<(), PluginError> {
        let made = self.namespaced().create(&creation(), backup).await;
        made.map(drop).map_err(|error| PluginError::cluster(format!("asking for backup `{name}`"), &error))
    }

    /// Waits until a backup is as asked for; that it is gone, too, ends the wait.
    pub(crate) async fn wait_for_backup(
        &self,
        name: &str,
        condition: impl Condition<KeyValueStoreBackup>,
    ) -> Result<KeyValueStoreBackup, PluginError> {
        let seen = await_condition(self.namespaced::<KeyValueStoreBackup>(), name, condition).await;
        seen.map_err(|error| PluginError::Cluster {
            action: format!("waiting for backup `{name}`"),
            reason: crate::error::chain(&error),
        })?
        .ok_or_else(|| self.no_backup(name))
    }

    fn no_backup(&self, name: &str) -> PluginError {
        PluginError::NoBackup { backup: name.to_owned(), namespace: self.namespace.clone() }
    }

    /// A client of a store through a port-forward to one of its ready pods.
    pub(crate) async fn open(&self, name: &str) -> Result<(StoreClient, Forward), PluginError> {
        let store = self.store(name).await?;
        let (pod, port) = self.ready_pod(name).await?;
        let scheme = if port.tls { "https" } else { "http" };
        // The certificate names the Service, so the URL does, whatever address the forward has.
        let mut builder = StoreClient::builder(&format!("{scheme}://{name}.{}.svc", self.namespace));
        if port.tls {
            builder = builder.ca_pem(self.certificate_authority(name, &store).await?);
        }
        if !credentials::is_open(&store) {
            let secret = credentials::token_secret(name, &store);
            builder = builder.token(&credentials::token(&secret, self.read(&secret, "secret").await?)?);
        }
        let forward = Forward::open(self.namespaced(), pod, port.number).await?;
        // One request, one connection: nothing to negotiate for.
        let client = builder.connect_to(forward.address()).http1_only().build();
        let client = client
            .map_err(|source| PluginError::Store { store: name.to_owned(), source: Box::new(source) })?;
        Ok((client, forward))
    }

    async fn certificate_authority(&self, name: &str, store: &KeyValueStore) -> Result<String, PluginError> {
        match credentials::ca_source(name, store) {
            CaSource::ConfigMap(object) => {
                let found: ConfigMap = self.read(&object, "configmap").await?;
                credentials::ca_of_config_map(&object, found)
            }
            CaSource::Secret(object) => {
                let found: Secret = self.read(&object, "secret").await?;
                credentials::ca_of_secret(&object, found)
            }
        }
    }

    async fn ready_pod(&self, name: &str) -> Result<(String, ClientPort), PluginError> {
        let selector = labels::query(&labels::selector(name));
        let pods = self.namespaced::<Pod>().list(&ListParams::default().labels(&selector)).await;
        let pods = pods
            .map_err(|error| PluginError::cluster(format!("listing the pods of store `{name}`"), &error))?;
        pods.items
            .into_iter()
            .filter(pod::is_ready)
            .find_map(|pod| Some((pod.metadata.name.clone()?, pod::client_port(&pod)?)))
            .ok_or_else(|| PluginError::NoReadyPod {
                store: name.to_owned(),
                namespace: self.namespace.clone(),
            })
    }

    async fn read<K>(&self, name: &str, kind: &str) -> Result<K, PluginError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let object = self.namespaced::<K>().get(name).await;
        object.map_err(|error| PluginError::cluster(format!("reading {kind}/{name}"), &error))
    }

    fn namespaced<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

async fn config(connection: &Connection) -> Result<Config, KubeconfigError> {
    let kubeconfig = match &connection.kubeconfig {
        Some(path) => Kubeconfig::read_from(path)?,
        None => Kubeconfig::read()?,
    };
    let options = KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(kubeconfig, &options).await
}
