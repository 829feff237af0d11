//! A server in this process, and what is made again of its backups.

use std::{path::Path, sync::Arc};

use clap::Parser;
use kivi_api::{Client, Precondition};
use kivi_backup::{
    manifest::now,
    place::Folder,
    restore::{self, Order},
    retention::Retention,
    server::Server,
    take::{self, Taken, take},
};
use kivi_server::{Config, Flags};
use kivi_store::{FileLog, FileLogOptions, StateHash, Store, StoreOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server on loopback; it ends with this value.
pub(crate) struct Running {
    pub(crate) client: Client,
    url: String,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
    pub(crate) dir: TempDir,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// Over the log in `dir/data`, if there is one.
    pub(crate) async fn start_in(dir: TempDir) -> Self {
        let data = dir.path().join("data");
        let mut arguments = vec!["kivi-server", "--data-dir", data.to_str().unwrap()];
        arguments.extend(["--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"]);
        arguments.extend(["--admin-listen", "127.0.0.1:0"]);
        let config = Config::from_flags(&Flags::try_parse_from(arguments).unwrap()).unwrap();
        let server = kivi_server::Server::bind(config).await.unwrap();
        let url = format!("http://{}", server.address());
        let shutdown = CancellationToken::new();
        let serving = server.serve(shutdown.clone());
        let ended = tokio::spawn(async move { serving.await.unwrap() });
        let client = Client::builder(&url).build().unwrap();
        while client.snapshot().await.is_err() {
            tokio::task::yield_now().await;
        }
        Self { client, url, shutdown, ended, dir }
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.ended.await.unwrap();
        self.dir
    }

    /// Stops, and begins again over what is there; returns a copy of it as it is now, too.
    pub(crate) async fn copied(self) -> (Self, TempDir) {
        let dir = self.stop().await;
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("data")).unwrap();
        for file in std::fs::read_dir(dir.path().join("data")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join("data").join(file.file_name())).unwrap();
        }
        (Self::start_in(dir).await, copy)
    }

    pub(crate) fn server(&self) -> Server {
        Server { url: self.url.clone(), ca: None, tokens_dir: None }
    }

    pub(crate) async fn put(&self, key: &str, value: impl Into<String>) -> u64 {
        let value = value.into();
        self.client.put(key.as_bytes(), value, None, Precondition::None).await.unwrap().revision
    }

    /// The hash of the state now.
    pub(crate) async fn hash(&self) -> String {
        self.client.snapshot().await.unwrap().state_hash.unwrap()
    }

    pub(crate) async fn take(&self, folder: &Folder, name: &str) -> Result<Taken, kivi_backup::Error> {
        take(folder, &self.server(), &order(name), now).await
    }
}

pub(crate) fn order(name: &str) -> take::Order {
    take::Order { name: name.parse().unwrap(), uid: None, retention: Retention::default() }
}

/// A place in a folder of its own.
pub(crate) fn folder() -> (TempDir, Folder) {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::at(root.path().join("backups of one store"));
    (root, folder)
}

/// Restores into a directory, as asked for.
pub(crate) fn into(data_dir: &Path) -> Order {
    Order { backup: None, upto: None, data_dir: data_dir.to_owned(), unless_exists: false }
}

/// Restores, opens the log, and gives the state's hash as the store itself has it.
pub(crate) async fn restored(
    folder: &Folder,
    change: impl FnOnce(&mut Order),
) -> Result<StateHash, kivi_backup::Error> {
    let dir = tempfile::tempdir().unwrap();
    let mut order = into(&dir.path().join("data"));
    change(&mut order);
    let done = restore::restore(folder, &order).await?.what.unwrap();
    let store = open(&order.data_dir).await;
    let hash = store.status().hash;
    assert_eq!(done.state_hash, hash.to_string());
    store.close().await.unwrap();
    Ok(hash)
}

pub(crate) async fn open(data_dir: &Path) -> Arc<Store> {
    let log = FileLog::open(data_dir, FileLogOptions::default()).unwrap();
    Store::open(log, StoreOptions::default()).await.unwrap()
}
