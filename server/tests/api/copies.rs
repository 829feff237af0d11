//! `/snapshot` and `/log`: what they hold, who gets them, and how they end.

use bytes::Bytes;
use http::StatusCode;
use kivi_api::client::{Copy, PutOptions};
use kivi_api::{ClientError, Precondition, ProblemType};
use kivi_store::{ExcerptReader, Later, inspect, restore};
use std::time::Duration;

use crate::running::Running;

async fn bytes(mut copy: Copy) -> Result<Vec<u8>, ClientError> {
    let mut all = Vec::new();
    while let Some(part) = copy.next().await? {
        all.extend_from_slice(&part);
    }
    Ok(all)
}

/// A server over what another one's snapshot, and the log behind it, are restored to.
pub(crate) async fn restored(server: &Running) -> Running {
    let snapshot = bytes(server.client().snapshot().await.unwrap()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    restore(&dir.path().join("data"), &snapshot[..], None).unwrap();
    Running::start_in(dir, "{}", &[]).await
}

#[tokio::test]
async fn a_snapshot_and_the_log_behind_it_make_the_store_again() {
    let server = Running::start().await;
    let client = server.client();
    let options = PutOptions {
        ttl: Some(Duration::from_secs(3600)),
        idempotency_key: Some("once".to_owned()),
        media_type: Some("text/plain".parse().unwrap()),
        ..PutOptions::default()
    };
    for key in ["a", "b", "c"] {
        client.put(key.as_bytes(), key, None, Precondition::None).await.unwrap();
    }
    let snapshot = client.snapshot().await.unwrap();
    let (store_id, revision) = (snapshot.store_id.clone(), snapshot.revision);
    let hash = snapshot.state_hash.clone().unwrap();
    let snapshot = bytes(snapshot).await.unwrap();
    let found = inspect(&snapshot[..]).unwrap();
    assert_eq!((found.sequence, found.keys, revision), (3, 3, 3));
    assert_eq!((found.hash.to_string(), found.store_id.to_string()), (hash, store_id.clone()));

    client.put_with(b"d", "later", &options).await.unwrap();
    client.delete(b"b", Precondition::None).await.unwrap();
    let log = client.log(revision).await.unwrap();
    assert_eq!((log.revision, &log.store_id, &log.state_hash), (5, &store_id, &None));
    let log = bytes(log).await.unwrap();
    let mut later = Later::behind(revision);
    let mut reader = ExcerptReader::new(&log[..]).unwrap();
    while let Some(entries) = reader.read().unwrap() {
        for entry in &entries {
            later.add(entry).unwrap();
        }
    }
    let now = client.snapshot().await.unwrap().state_hash.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let restored = restore(&dir.path().join("data"), &snapshot[..], Some(later)).unwrap();
    assert_eq!((restored.sequence, restored.keys, restored.hash.to_string()), (5, 3, now));
    let copy = Running::start_in(dir, "{}", &[]).await;
    let client = copy.client();
    let value = client.get(b"d").await.unwrap().unwrap();
    assert_eq!((&value.bytes[..], value.metadata.revision), (&b"later"[..], 4));
    assert_eq!(value.metadata.media_type, "text/plain");
    assert!(value.metadata.ttl.unwrap() > Duration::from_secs(3500));
    assert!(client.get(b"b").await.unwrap().is_none());
    assert!(client.put_with(b"d", "later", &options).await.unwrap().replayed);
    assert_ne!(client.snapshot().await.unwrap().store_id, store_id);
}

#[tokio::test]
async fn the_log_ends_where_the_store_is_and_begins_where_it_is_kept() {
    let server = Running::start().await;
    let client = server.client();
    let empty = bytes(client.log(0).await.unwrap()).await.unwrap();
    assert_eq!(ExcerptReader::new(&empty[..]).unwrap().read().unwrap(), None);
    client.put(b"k", "v", None, Precondition::None).await.unwrap();
    let future = client.log(2).await.unwrap_err();
    assert_eq!(future.status(), Some(StatusCode::BAD_REQUEST), "{future}");
    let copy = restored(&server).await;
    let gone = copy.client().log(0).await.unwrap_err();
    assert_eq!(gone.problem().unwrap().kind, ProblemType::Gone);
    let at_end = copy.client().snapshot().await.unwrap().revision;
    assert!(bytes(copy.client().log(at_end).await.unwrap()).await.is_ok());
}

#[tokio::test]
async fn nobody_gets_them_without_a_token_however_open_the_store_is() {
    let tokens = tempfile::tempdir().unwrap();
    std::fs::write(tokens.path().join("token"), "sesame").unwrap();
    for anonymous in ["None", "Read", "ReadWrite"] {
        let config = format!("auth: {{anonymous: {anonymous}}}");
        let flags = ["--tokens-dir", tokens.path().to_str().unwrap()];
        let server = Running::start_in(tempfile::tempdir().unwrap(), &config, &flags).await;
        for path in ["/snapshot", "/log", "/log?after=0", "http://kivi/snapshot"] {
            for method in ["GET", "HEAD"] {
                let mut raw = server.raw().await;
                let answer = raw.ask(&format!("{method} {path}")).await;
                assert_eq!(answer.status(), 401, "{anonymous} {method} {path}");
            }
            let wrong = [("authorization", "Bearer wrong")];
            let answer = server.ask("GET", path.trim_start_matches("http://kivi"), &wrong, "").await;
            assert_eq!(answer.status(), 401, "{anonymous} {path}");
        }
        let client = server.client_builder().token("sesame").build().unwrap();
        assert!(bytes(client.snapshot().await.unwrap()).await.is_ok(), "{anonymous}");
        assert!(bytes(client.log(0).await.unwrap()).await.is_ok(), "{anonymous}");
    }
}

/// More is changed behind the reader's back than the store keeps for it.
#[tokio::test]
async fn a_snapshot_that_is_read_too_slowly_breaks_off_and_is_not_taken_for_whole() {
    let server = Running::start().await;
    let client = server.client_builder().http1_only().build().unwrap();
    let value = |round: u8| Bytes::from(vec![round; 32 << 10]);
    // Far more than the buffers between here and there hold.
    for key in 0..400 {
        client.put(format!("{key:03}").as_bytes(), value(0), None, Precondition::None).await.unwrap();
    }
    let mut slow = client.snapshot().await.unwrap();
    let mut read = slow.next().await.unwrap().unwrap().to_vec();
    for key in (0..400).rev() {
        client.put(format!("{key:03}").as_bytes(), value(1), None, Precondition::None).await.unwrap();
    }
    let broken = loop {
        match slow.next().await {
            Ok(Some(part)) => read.extend_from_slice(&part),
            Ok(None) => panic!("it came to an end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(broken, ClientError::Transport { .. }), "{broken}");
    assert!(inspect(&read[..]).is_err());
    // The next one is whole.
    assert!(inspect(&bytes(client.snapshot().await.unwrap()).await.unwrap()[..]).is_ok());
}
