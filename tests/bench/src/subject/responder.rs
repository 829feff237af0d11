//! The least that a server on sockets can do: one read and one write a request, the same answer to whatever came.
//! What it reaches is what this machine allows with this client.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
    value,
};
use crate::error::BenchError;

const LISTENER: Token = Token(usize::MAX);

pub(super) fn start(programs: &Programs) -> Result<Subject, BenchError> {
    let (folder, address) = (Process::folder(&programs.scratch)?, free_address()?);
    let own = std::env::current_exe().map_err(BenchError::io("find", "this program"))?;
    let mut process = Process::start("limit", folder, &own, |command| {
        command.args(["respond", "--listen", &address.to_string()]);
    })?;
    process.wait(|| answers(address, "any", "HTTP/1.1 200"))?;
    Ok(Subject { name: "limit", address, api: Api::Rest, health: None, process })
}

/// Answers until it is killed. Requests are short and come one at a time, so a read is a request.
pub(crate) fn respond(address: SocketAddr) -> io::Result<()> {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 256\r\n\r\n{}", value(256)).into_bytes();
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut streams, mut accepted) = (HashMap::<Token, TcpStream>::new(), 0);
    let mut room = [0; 4096];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(accepted), Interest::READABLE)?;
                    streams.insert(Token(accepted), stream);
                    accepted += 1;
                }
            } else if let Some(stream) = streams.get_mut(&event.token()) {
                match stream.read(&mut room) {
                    Ok(0) | Err(_) => drop(streams.remove(&event.token())),
                    Ok(_) => stream.write_all(&answer)?,
                }
            }
        }
    }
}
