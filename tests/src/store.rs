//! One store as a user reaches it: token and CA read from the cluster, HTTPS through a port-forward.

use std::time::Duration;

use kivi_api::{Client, Precondition};

use crate::dataset::Record;
use crate::kubectl::{Kubectl, PortForward};
use crate::{Failure, dataset};

/// Port of the client Service.
const HTTPS: u16 = 443;

/// How many records are on their way at once; enough to fill the server's group commits.
const IN_FLIGHT: usize = 32;

/// A store in the cluster.
pub struct Store {
    name: String,
    ca: String,
    token: String,
    forward: PortForward,
}

impl Store {
    /// Reaches the store `name` in `kubectl`'s namespace, which must be Ready.
    ///
    /// # Errors
    /// When its Secret, its CA or its Service are not there.
    pub async fn reach(kubectl: &Kubectl, name: &str) -> Result<Self, Failure> {
        let ca_path =
            ["get", "configmap", &format!("{name}-ca"), "-o", r"jsonpath={.data.ca\.crt}"].map(String::from);
        let template = "go-template={{.data.token | base64decode}}";
        let token_path = ["get", "secret", &format!("{name}-token"), "-o", template].map(String::from);
        Ok(Self {
            name: name.to_owned(),
            ca: kubectl.run(&ca_path).await?,
            token: kubectl.run(&token_path).await?,
            forward: kubectl.forward(&format!("svc/{name}"), HTTPS).await?,
        })
    }

    /// The CA that signed the store's certificate, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// A bearer token that the store accepts.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the forward listens, as a URL that the store's certificate is valid for.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.forward.address().port())
    }

    /// A client with the store's CA and token.
    ///
    /// # Errors
    /// When the CA is none.
    pub fn client(&self) -> Result<Client, Failure> {
        self.build(Some(&self.token))
    }

    /// A client that shows no token.
    ///
    /// # Errors
    /// When the CA is none.
    pub fn anonymous_client(&self) -> Result<Client, Failure> {
        self.build(None)
    }

    fn build(&self, token: Option<&str>) -> Result<Client, Failure> {
        let mut builder = Client::builder(&self.url())
            .ca_pem(self.ca.clone())
            .connect_to(self.forward.address())
            .timeout(Duration::from_secs(30));
        if let Some(token) = token {
            builder = builder.token(token);
        }
        builder
            .build()
            .map_err(|error| Failure::doing(&format!("making a client of store {}", self.name), error))
    }
}

/// Stores every record under its key.
///
/// # Errors
/// Names the first key that was not acknowledged.
pub async fn put_all(client: &Client, records: &[Record]) -> Result<(), Failure> {
    each(records, |record| {
        let client = client.clone();
        async move {
            let what = format!("PUT of {}", record.key);
            let written = client.put(record.key.as_bytes(), record.value, None, Precondition::None).await;
            written.map(drop).map_err(|error| Failure::doing(&what, error))
        }
    })
    .await
}

/// Reads every record back and compares it byte for byte.
///
/// # Errors
/// Names the first key whose value differs or is gone.
pub async fn verify_all(client: &Client, records: &[Record]) -> Result<(), Failure> {
    each(records, |record| {
        let client = client.clone();
        async move {
            let what = format!("GET of {}", record.key);
            let value =
                client.get(record.key.as_bytes()).await.map_err(|error| Failure::doing(&what, error))?;
            match value {
                Some(value) if value.bytes == record.value => Ok(()),
                Some(value) => {
                    let (got, stored) = (value.bytes.len(), record.value.len());
                    Err(Failure::doing(&what, format!("{got} bytes that differ from the {stored} stored")))
                }
                None => Err(Failure::doing(&what, "the key is gone")),
            }
        }
    })
    .await
}

async fn each<F, R>(records: &[dataset::Record], step: F) -> Result<(), Failure>
where
    F: Fn(Record) -> R,
    R: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut running = tokio::task::JoinSet::new();
    for record in records {
        if running.len() >= IN_FLIGHT {
            settle(running.join_next().await)?;
        }
        running.spawn(step(record.clone()));
    }
    while !running.is_empty() {
        settle(running.join_next().await)?;
    }
    Ok(())
}

fn settle(ended: Option<Result<Result<(), Failure>, tokio::task::JoinError>>) -> Result<(), Failure> {
    match ended {
        None => Ok(()),
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => Err(Failure::doing("waiting for a request", error)),
    }
}
