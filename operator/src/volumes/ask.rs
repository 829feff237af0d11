//! Asks the servers of a store how full their volumes are (client): at their health port, plain, on the pods' network.
//!
//! Only stores with `autoGrow` are asked. No request to a store passes here, and nothing is changed.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kivi_crds::StoreNames;
use kube::ResourceExt as _;
use tokio::net::TcpStream;

use super::fill::{Figures, Fill, ended_for_want_of_room};
use crate::build::ports::SERVER_HEALTH_PORT;

/// How long one server may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// How full the volume of each pod is, by ordinal, as far as there is a server to ask.
pub async fn fills(names: &StoreNames, pods: &[Pod]) -> BTreeMap<u32, Fill> {
    let mut fills = BTreeMap::new();
    for pod in pods {
        let name = pod.name_any();
        let ordinal = name.strip_prefix(&format!("{}-", names.store())).and_then(|text| text.parse().ok());
        if let (Some(ordinal), Some(fill)) = (ordinal, fill(pod).await) {
            fills.insert(ordinal, fill);
        }
    }
    fills
}

async fn fill(pod: &Pod) -> Option<Fill> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    if let Some(end) = ended_for_want_of_room(pod) {
        return Some(Fill::Full(end));
    }
    let status = pod.status.as_ref()?;
    let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    let address: IpAddr = status.pod_ip.as_deref()?.parse().ok()?;
    let port = u16::try_from(SERVER_HEALTH_PORT).ok()?;
    match figures(SocketAddr::new(address, port)).await {
        Ok(figures) => Some(Fill::Measured(figures)),
        Err(why) if ready => Some(Fill::Unknown(why)),
        // It is on its way up or down.
        Err(_) => None,
    }
}

/// The figures of the server at this address; else why there are none, in words that stay the same.
async fn figures(address: SocketAddr) -> Result<Figures, String> {
    let answer = match tokio::time::timeout(DEADLINE, scrape(address)).await {
        Ok(answer) => answer?,
        Err(_) => return Err(format!("no answer within {} s", DEADLINE.as_secs())),
    };
    Figures::read(&answer).ok_or_else(|| "its metrics say nothing of a log".to_owned())
}

async fn scrape(address: SocketAddr) -> Result<String, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| said(&error))?;
    let broken = |_| "the connection broke".to_owned();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get("/metrics")
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    // The sender goes with the exchange, and the connection with its sender.
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(broken)?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        Ok(body.map_err(|_| "the connection broke".to_owned())?.to_bytes())
    };
    let (body, _) = tokio::join!(exchange, connection);
    Ok(String::from_utf8_lossy(&body?).into_owned())
}

fn said(error: &io::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers one request.
    async fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /metrics HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_server_is_asked_and_a_failure_is_a_word() {
        let sound = "HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\nkivi_log_size_bytes 512\n";
        let figures_of = |log| Ok(Figures { log: Some(log), ..Figures::default() });
        assert_eq!(figures(server(sound).await).await, figures_of(512));
        for (answer, why) in [
            ("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "status 503"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na b", "its metrics say nothing of a log"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\na b", "the connection broke"),
            ("nonsense\r\n\r\n", "the connection broke"),
        ] {
            assert_eq!(figures(server(answer).await).await, Err(why.to_owned()), "{answer}");
        }
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(figures(free).await, Err("connection refused".to_owned()));
    }
}
