//! etcd of one member, through its JSON gateway.

use std::net::SocketAddr;

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
};
use crate::{
    client::{KeySpace, Requests, base64},
    error::BenchError,
};

pub(super) fn start(programs: &Programs) -> Result<Subject, BenchError> {
    let (folder, address, peer) = (Process::folder(&programs.scratch)?, free_address()?, free_address()?);
    let (client, peer) = (format!("http://{address}"), format!("http://{peer}"));
    let mut process = Process::start("etcd-json", folder, &programs.etcd, |command| {
        command.env("GOMAXPROCS", "1");
        command.args(["--name", "one", "--data-dir", "data", "--log-level", "warn"]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("one={peer}")]);
    })?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    process.wait(|| answers(address, &request, "HTTP/1.1 200"))?;
    Ok(Subject { name: "etcd-json", address, api: Api::Etcd, health: None, process })
}

pub(super) fn put(address: SocketAddr, keys: usize, value: &str) -> Requests {
    post(address, "put", keys, &format!("\",\"value\":\"{}\"}}", base64(value.as_bytes())))
}

pub(super) fn get(address: SocketAddr, keys: usize) -> Requests {
    post(address, "range", keys, "\"}")
}

fn post(address: SocketAddr, call: &str, keys: usize, end: &str) -> Requests {
    let (begin, keys) = ("{\"key\":\"", KeySpace::base64(keys));
    let length = begin.len() + keys.width() + end.len();
    let head = format!(
        "POST /v3/kv/{call} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{begin}"
    );
    Requests::new(head, keys, end)
}
