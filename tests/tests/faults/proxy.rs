//! A wire between an operator and the API server that a test can make slow, or silence.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// Each piece of data is late by so much.
    Late(Duration),
    /// Connections stay open, and nothing comes out of them.
    Silent,
}

/// A wire to an address.
pub(crate) struct Proxy {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    /// How often it fell silent: what was open then is dead for ever.
    silences: watch::Sender<u64>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (wire, _) = watch::channel(Wire::Late(Duration::ZERO));
        let (silences, _) = watch::channel(0);
        let (wires, ends) = (wire.clone(), silences.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, target, wires.subscribe(), ends.subscribe()));
            }
        });
        Self { address, wire, silences }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything takes longer by so much, each way.
    pub(crate) fn late(&self, by: Duration) {
        self.wire.send_replace(Wire::Late(by));
    }

    /// Nothing comes through any more, and nobody is told. What was open stays dead when the wire is well again,
    /// as after a failover of a network.
    pub(crate) fn silence(&self) {
        self.wire.send_replace(Wire::Silent);
        self.silences.send_modify(|silences| *silences += 1);
    }
}

async fn connection(
    client: TcpStream,
    target: SocketAddr,
    wire: watch::Receiver<Wire>,
    silences: watch::Receiver<u64>,
) {
    let born = *silences.borrow();
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = pump(client_reads, server_writes, wire.clone(), silences.clone(), born);
    let down = pump(server_reads, client_writes, wire, silences, born);
    tokio::join!(up, down);
}

/// Passes data on as long as the wire does; one that died stays open until its other end gives up.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    wire: watch::Receiver<Wire>,
    silences: watch::Receiver<u64>,
    born: u64,
) {
    let mut piece = vec![0; 64 * 1024];
    let mut dead = false;
    loop {
        let length = match from.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        let now = *wire.borrow();
        dead |= now == Wire::Silent || *silences.borrow() != born;
        match now {
            Wire::Late(by) if !dead => sleep(by).await,
            _ => continue,
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
