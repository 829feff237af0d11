//! The plain Go server of `peers/go-map`.

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
};
use crate::error::BenchError;

pub(super) fn start(programs: &Programs) -> Result<Subject, BenchError> {
    let (folder, address) = (Process::folder(&programs.scratch)?, free_address()?);
    let mut process = Process::start("go-map", folder, &programs.go_map, |command| {
        command.env("GOMAXPROCS", "1").args(["-listen", &address.to_string()]);
    })?;
    let request = format!("GET /v1/none HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    process.wait(|| answers(address, &request, "HTTP/1.1 404"))?;
    Ok(Subject { name: "go-map", address, api: Api::Rest, health: None, process })
}
