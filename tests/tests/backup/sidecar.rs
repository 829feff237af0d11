//! Through a real sidecar, as in a pod: over TLS with a token, past the cache, however large it is.

use std::time::Duration;

use clap::Parser;
use kivi_api::Precondition;
use kivi_backup::{archive::Archiver, chain::Upto, place::Folder, server::Server};
use kivi_process::telemetry::{self, LogFormat, TelemetryOptions};
use kivi_sidecar::{Config, Flags, Sidecar};
use tokio_util::sync::CancellationToken;

use crate::running::{Running, restored, take};

#[tokio::test]
async fn a_job_needs_a_token_also_where_the_store_is_open_and_gets_all_of_it() {
    let store = Running::listening("server.sock").await;
    let dir = store.dir.path();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for folder in ["tls", "tokens"] {
        std::fs::create_dir(dir.join(folder)).unwrap();
    }
    std::fs::write(dir.join("tls/tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(dir.join("tls/tls.key"), pair.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("tokens/token"), "sesame").unwrap();
    // Whatever takes longer than a second, or is larger than a kilobyte, is beyond what the sidecar does for others.
    let config = "auth: {anonymous: ReadWrite}\n\
        sidecar: {timeouts: {request: 1s, idle: 2s}, cache: {ttl: 1h, maxObjectBytes: 1Ki}}\n\
        limits: {valueBytes: 64Ki}\n";
    std::fs::write(dir.join("kivi.yaml"), config).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let flags = Flags::try_parse_from([
        "kivi-sidecar",
        "--config",
        &path("kivi.yaml"),
        "--tls-dir",
        &path("tls"),
        "--tokens-dir",
        &path("tokens"),
        "--upstream",
        &format!("unix:{}", path("server.sock")),
        "--listen",
        "127.0.0.1:0",
        "--health-listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let sidecar = Sidecar::bind(Config::resolve(flags.unwrap()).unwrap()).await.unwrap();
    let port = sidecar.client_address().to_string();
    let url = format!("https://localhost:{}", port.rsplit(':').next().unwrap());
    let shutdown = CancellationToken::new();
    let _ended = shutdown.clone().drop_guard();
    let level = "off".to_owned();
    let options = TelemetryOptions { service: "kivi-sidecar", format: LogFormat::Text, level };
    tokio::spawn(sidecar.serve(telemetry::init(&options).unwrap().levels(), shutdown));

    let ca = dir.join("tls/tls.crt");
    let pem = std::fs::read(&ca).unwrap();
    let builder = || kivi_api::Client::builder(&url).ca_pem(pem.clone());
    let anybody = builder().build().unwrap();
    while anybody.put(b"k", "v", None, Precondition::None).await.is_err() {
        tokio::task::yield_now().await;
    }
    for client in
        [anybody.clone(), builder().http1_only().build().unwrap(), builder().token("wrong").build().unwrap()]
    {
        for refused in [client.snapshot().await.unwrap_err(), client.log(0).await.unwrap_err()] {
            assert_eq!(refused.status().unwrap(), 401, "{refused}");
        }
    }
    for key in 0..200 {
        anybody.put(format!("{key}").as_bytes(), vec![7; 60 << 10], None, Precondition::None).await.unwrap();
    }
    // A reader that takes its time is not cut off by the sidecar's.
    let mut slow = builder().token("sesame").build().unwrap().snapshot().await.unwrap();
    let mut bytes = slow.next().await.unwrap().unwrap().to_vec();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    while let Some(part) = slow.next().await.unwrap() {
        bytes.extend_from_slice(&part);
    }
    assert!(kivi_store::inspect(&bytes[..]).is_ok());

    let server = Server { url, ca: Some(ca), tokens_dir: Some(dir.join("tokens")) };
    let folder = Folder::at(dir.join("backups"));
    let taken = take(&folder, &server, "a").await.unwrap();
    assert_eq!(taken.keys, 201);
    anybody.put(b"k", "w", None, Precondition::None).await.unwrap();
    // What was answered before is not answered again.
    for _ in 0..2 {
        let archived = Archiver::default().archive(&folder, &server).await.unwrap();
        assert!(archived.entries <= 1, "{archived:?}");
        anybody.put(b"k", "x", None, Precondition::None).await.unwrap();
    }
    Archiver::default().archive(&folder, &server).await.unwrap();
    let again = take(&folder, &server, "b").await.unwrap();
    let latest = |order: &mut kivi_backup::restore::Order| {
        order.backup = Some("a".parse().unwrap());
        order.upto = Some(Upto::Latest);
    };
    assert_eq!(restored(&folder, latest).await.unwrap(), again.state_hash);
}
