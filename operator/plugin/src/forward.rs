//! One connection to a pod's port through the API server, as an address on the loopback.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::PluginError;

/// How long the reason of a failure is waited for, after the failure.
const REASON: Duration = Duration::from_secs(1);

/// A port-forward for one connection.
pub(crate) struct Forward {
    address: SocketAddr,
    pod: String,
    task: JoinHandle<Option<String>>,
}

impl Forward {
    /// Opens the way to the pod; what fails up to the pod's host fails here.
    pub(crate) async fn open(pods: Api<Pod>, pod: String, port: u16) -> Result<Self, PluginError> {
        let failed = |reason: String| PluginError::Forward { pod: pod.clone(), reason };
        let forwarder = pods.portforward(&pod, &[port]).await;
        let forwarder = forwarder.map_err(|error| failed(crate::error::chain(&error)))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(carry(listener, forwarder, port));
        Ok(Self { address, pod, task })
    }

    /// Where the client connects to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs one call of a client. When it fails because the pod could not be reached, that is the error.
    pub(crate) async fn call<T>(
        self,
        store: &str,
        call: impl Future<Output = Result<T, kivi_api::ClientError>>,
    ) -> Result<T, PluginError> {
        let source = match call.await {
            Ok(answer) => return Ok(answer),
            Err(source) => source,
        };
        if source.problem().is_none()
            && let Ok(Ok(Some(reason))) = tokio::time::timeout(REASON, self.task).await
        {
            return Err(PluginError::Forward { pod: self.pod, reason });
        }
        Err(PluginError::Store { store: store.to_owned(), source: Box::new(source) })
    }
}

/// Carries bytes for one connection; the listener closes behind it, so that no second one waits in vain.
/// Returns what the pod's host said, if it said anything.
async fn carry(listener: TcpListener, mut forwarder: Portforwarder, port: u16) -> Option<String> {
    let mut remote = forwarder.take_stream(port)?;
    let error = forwarder.take_error(port)?;
    let (mut local, _) = listener.accept().await.ok()?;
    drop(listener);
    // Either end may close first; that is how every exchange ends.
    let _ = copy_bidirectional(&mut local, &mut remote).await;
    forwarder.abort();
    error.await
}
