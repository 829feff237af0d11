//! Many requests at once for a store's keys, which share a connection to it.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::{Answer, Fixture, Store, connect, get};

const CLIENTS: usize = 32;
const REQUESTS: usize = 100;
const KEYS: usize = 50;

/// Of another length for each key: some are copied, some are not, and some come in parts.
fn value(key: usize) -> String {
    format!("{key} ").repeat(1 + key * key * 8)
}

#[tokio::test]
async fn each_gets_its_own_answer_while_others_leave() {
    let store = Store::start("{}").await;
    for key in 0..KEYS {
        store.put(&format!("/v1/{key}"), &value(key)).await;
    }
    let sidecar = Fixture::with_flags(&store.url, "{}", &["--upstream-ready", ""]).await;
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let address = sidecar.clients.clone();
        clients.spawn(async move {
            let mut sender = connect(&address).await;
            for request in 0..REQUESTS {
                let key = (client * 7 + request * 13) % (KEYS + 5);
                let asked = sender.send_request(get(&format!("/v1/{key}")));
                if client % 4 == 0 && request % 3 == 0 {
                    // Away before the answer, or in the middle of it.
                    let _ = tokio::time::timeout(Duration::from_micros(request as u64 * 20), asked).await;
                    sender = connect(&address).await;
                    continue;
                }
                let answer = Answer::read(asked.await.unwrap()).await.unwrap();
                if key < KEYS {
                    assert_eq!(answer.text(), value(key), "{key}");
                } else {
                    assert_eq!(answer.status, 404, "{key}");
                }
                sender.ready().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}
