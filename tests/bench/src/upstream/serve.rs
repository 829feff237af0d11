//! The upstream's thread: connections by either listener, slow answers when they are due.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, UnixListener},
};

use super::{
    LOAD, Seen,
    answers::Answers,
    ask::Ask,
    connection::{Connection, Stream},
};

/// Of both: who wakes for one looks at the other too.
const LISTENERS: Token = Token(usize::MAX - 1);
pub(super) const WAKER: Token = Token(usize::MAX - 2);
/// Room for what one read brings, in bytes: about a hundred requests.
const ROOM: usize = 16 << 10;

pub(super) struct Server {
    poll: Poll,
    tcp: TcpListener,
    unix: UnixListener,
    seen: Arc<Seen>,
    connections: HashMap<Token, Connection>,
    accepted: usize,
    room: Box<[u8]>,
    /// Slow answers by when they are due, which is the order they were asked for.
    due: VecDeque<(Instant, Token)>,
    answers: Answers,
}

impl Server {
    pub(super) fn new(
        poll: Poll,
        (mut tcp, mut unix): (TcpListener, UnixListener),
        seen: Arc<Seen>,
        length: usize,
    ) -> io::Result<Self> {
        poll.registry().register(&mut tcp, LISTENERS, Interest::READABLE)?;
        poll.registry().register(&mut unix, LISTENERS, Interest::READABLE)?;
        Ok(Self {
            poll,
            tcp,
            unix,
            seen,
            connections: HashMap::new(),
            accepted: 0,
            room: vec![0; ROOM].into_boxed_slice(),
            due: VecDeque::new(),
            answers: Answers::new(length),
        })
    }

    /// Answers until it is over.
    pub(super) fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
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
                if event.token() == LISTENERS {
                    self.accept()?;
                } else {
                    self.take(event.token());
                }
            }
            self.answer_due();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((stream, _)) = self.tcp.accept() {
            stream.set_nodelay(true)?;
            self.add(Box::new(stream))?;
        }
        while let Ok((stream, _)) = self.unix.accept() {
            self.add(Box::new(stream))?;
        }
        Ok(())
    }

    fn add(&mut self, stream: Box<dyn Stream>) -> io::Result<()> {
        let token = Token(self.accepted);
        self.accepted += 1;
        self.connections.insert(token, Connection::new(stream, token, self.poll.registry())?);
        Ok(())
    }

    /// Takes what came on one connection; it is dropped when it has ended.
    fn take(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return;
        };
        let (seen, due) = (&self.seen, &mut self.due);
        let outcome = connection.take(&mut self.room, &self.answers, |ask| {
            seen.asked.fetch_add(1, Ordering::Relaxed);
            let in_a_while = || Instant::now() + LOAD;
            match ask {
                Ask::Plain | Ask::Fresh => {}
                Ask::Slow => due.push_back((in_a_while(), token)),
                Ask::Together => {
                    let at = due.front().map_or_else(in_a_while, |(at, _)| *at);
                    due.push_back((at, token));
                }
            }
        });
        if outcome.and_then(|()| connection.send(self.poll.registry())).is_err() {
            self.connections.remove(&token);
        }
    }

    fn answer_due(&mut self) {
        while let Some((due, token)) = self.due.front().copied()
            && due.saturating_duration_since(Instant::now()) == Duration::ZERO
        {
            self.due.pop_front();
            // Before the answer leaves, so that nobody's wait looks shorter than it was.
            self.seen.filled.get_or_init(Instant::now);
            if let Some(connection) = self.connections.get_mut(&token) {
                connection.load(&self.answers);
                if connection.send(self.poll.registry()).is_err() {
                    self.connections.remove(&token);
                }
            }
        }
    }
}
