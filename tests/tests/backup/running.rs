//! A store in this process, and the bucket that its backups go to.

use std::{path::Path, time::Duration};

use clap::Parser;
use kivi_api::{Client, Precondition};
use kivi_backup::{
    history::History,
    manifest::now,
    place::{Bucket, Place, bucket::Patience},
    restore::{self, Order},
    retention::Retention,
    server::Server,
    take::{self, Taken},
};
use kivi_server::{Config, Flags};
use kivi_tests::s3::{BUCKET, LocalS3};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A store that listens where it is told to; it ends with this value.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) dir: TempDir,
    shutdown: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Running {
    pub(crate) async fn start() -> Self {
        let running = Self::listening("127.0.0.1:0").await;
        while running.client().snapshot().await.is_err() {
            tokio::task::yield_now().await;
        }
        running
    }

    /// At an address, or at a socket of this name in its directory.
    pub(crate) async fn listening(listen: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (data, socket) = (dir.path().join("data"), dir.path().join(listen));
        let listen =
            if listen.contains(':') { listen.to_owned() } else { format!("unix:{}", socket.display()) };
        let mut arguments = vec!["kivi-server", "--data-dir", data.to_str().unwrap(), "--listen", &listen];
        arguments.extend(["--health-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        let config = Config::from_flags(&Flags::try_parse_from(arguments).unwrap()).unwrap();
        let server = kivi_server::Server::bind(config).await.unwrap();
        let url = format!("http://{}", server.address());
        let shutdown = CancellationToken::new();
        let serving = server.serve(shutdown.clone());
        tokio::spawn(async move { serving.await.unwrap() });
        Self { url, dir, shutdown }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder(&self.url).build().unwrap()
    }

    pub(crate) fn server(&self) -> Server {
        Server { url: self.url.clone(), ca: None, tokens_dir: None }
    }

    /// So many keys with values of so many bytes, each another one.
    pub(crate) async fn fill(&self, keys: u32, bytes: usize) {
        let client = self.client();
        for key in 0..keys {
            let mixed = key.to_le_bytes().into_iter().cycle().enumerate();
            let value: Vec<u8> = mixed.take(bytes).map(|(at, byte)| byte ^ at.to_le_bytes()[0]).collect();
            client.put(format!("{key:05}").as_bytes(), value, None, Precondition::None).await.unwrap();
        }
    }
}

/// Asks again as seldom as a test may, and waits for an answer as long as it takes.
pub(crate) fn patience() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        answer: Duration::from_secs(60),
        retries: 2,
        retry_for: Duration::from_secs(60),
    }
}

/// Part of the server's bucket, as the environment of a Job leads to it, with these variables changed.
pub(crate) fn bucket(s3: &LocalS3, prefix: &str, changed: &[(&str, &str)]) -> Bucket {
    named(s3, BUCKET, prefix, changed, patience())
}

pub(crate) fn named(
    s3: &LocalS3,
    bucket: &str,
    prefix: &str,
    changed: &[(&str, &str)],
    patience: Patience,
) -> Bucket {
    let known = s3.environment().into_iter().map(|(name, value)| (name.to_owned(), value));
    let changed = changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Bucket::of(bucket, prefix, known.chain(changed), patience).unwrap()
}

pub(crate) async fn take(
    place: &impl Place,
    server: &Server,
    name: &str,
) -> Result<Taken, kivi_backup::Error> {
    let order = take::Order { name: name.parse().unwrap(), uid: None, retention: Retention::default() };
    take::take(place, server, &order, now).await
}

/// Restores; returns the hash of the state.
pub(crate) async fn restored(
    place: &impl Place,
    change: impl FnOnce(&mut Order),
) -> Result<String, kivi_backup::Error> {
    let dir = tempfile::tempdir().unwrap();
    let mut order =
        Order { backup: None, upto: None, data_dir: dir.path().join("data"), unless_exists: false };
    change(&mut order);
    Ok(restore::restore(place, &order).await?.what.unwrap().state_hash)
}

/// How many backups are listed.
pub(crate) async fn listed(place: &impl Place) -> usize {
    History::read(place).await.unwrap().backups.len()
}

/// The files of a folder and those below it, but for the S3 server's own.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(name) }
    }
    found
}
