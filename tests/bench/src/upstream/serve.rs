//! The upstream's thread: sockets in, prepared answers out.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read, Write},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use super::{
    LOAD, Seen,
    ask::{self, Ask},
};

const LISTENER: Token = Token(usize::MAX - 1);
pub(super) const WAKER: Token = Token(usize::MAX - 2);
/// Room for a request, in bytes.
const ROOM: usize = 4096;

pub(super) struct Server {
    poll: Poll,
    listener: TcpListener,
    seen: Arc<Seen>,
    clients: HashMap<Token, Client>,
    /// Slow answers by when they are due, which is the order they were asked for.
    due: VecDeque<(Instant, Token)>,
    plain: Vec<u8>,
    fresh: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// The beginning of a request.
    begun: Vec<u8>,
}

impl Server {
    pub(super) fn new(
        poll: Poll,
        mut listener: TcpListener,
        seen: Arc<Seen>,
        length: usize,
    ) -> io::Result<Self> {
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let answer = |fields: &str| {
            let body: String = ('a'..='z').cycle().take(length).collect();
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
                .into_bytes()
        };
        let (plain, fresh) = (answer(""), answer("Cache-Control: max-age=3600\r\n"));
        Ok(Self { poll, listener, seen, clients: HashMap::new(), due: VecDeque::new(), plain, fresh })
    }

    /// Answers until it is over.
    pub(super) fn serve(mut self) -> io::Result<()> {
        let (mut events, mut accepted) = (Events::with_capacity(1024), 0);
        loop {
            let wait = self.due.front().map(|(due, _)| due.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            if self.seen.over.load(Ordering::Relaxed) {
                return Ok(());
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept(&mut accepted)?;
                } else {
                    self.take(event.token());
                }
            }
            self.answer_due();
        }
    }

    fn accept(&mut self, accepted: &mut usize) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let token = Token(*accepted);
            *accepted += 1;
            stream.set_nodelay(true)?;
            self.poll.registry().register(&mut stream, token, Interest::READABLE)?;
            self.clients.insert(token, Client { stream, begun: Vec::new() });
        }
        Ok(())
    }

    /// Takes what came on one connection; it is dropped when it has ended.
    fn take(&mut self, token: Token) {
        let Some(client) = self.clients.get_mut(&token) else {
            return;
        };
        let mut room = [0; ROOM];
        let ask = loop {
            match client.stream.read(&mut room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.clients.remove(&token);
                    return;
                }
                // Most come whole, and need no copy.
                Ok(count) if client.begun.is_empty() => match ask::read(&room[..count]) {
                    Some(ask) => break ask,
                    None => client.begun.extend_from_slice(&room[..count]),
                },
                Ok(count) => {
                    client.begun.extend_from_slice(&room[..count]);
                    if let Some(ask) = ask::read(&client.begun) {
                        client.begun.clear();
                        break ask;
                    }
                }
            }
        };
        self.seen.asked.fetch_add(1, Ordering::Relaxed);
        let in_a_while = || Instant::now() + LOAD;
        match ask {
            Ask::Plain => self.answer(token, false),
            Ask::Fresh => self.answer(token, true),
            Ask::Slow => self.due.push_back((in_a_while(), token)),
            Ask::Together => {
                let due = self.due.front().map_or_else(in_a_while, |(due, _)| *due);
                self.due.push_back((due, token));
            }
        }
    }

    fn answer_due(&mut self) {
        while let Some((due, token)) = self.due.front().copied()
            && due.saturating_duration_since(Instant::now()) == Duration::ZERO
        {
            self.due.pop_front();
            // Before the answer leaves, so that nobody's wait looks shorter than it was.
            self.seen.filled.get_or_init(Instant::now);
            self.answer(token, true);
        }
    }

    fn answer(&mut self, token: Token, is_fresh: bool) {
        let answer = if is_fresh { &self.fresh } else { &self.plain };
        if let Some(client) = self.clients.get_mut(&token)
            && client.stream.write_all(answer).is_err()
        {
            self.clients.remove(&token);
        }
    }
}
