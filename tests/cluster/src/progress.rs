//! Progress of long work, on standard error: one line that moves on a terminal, a line now and then
//! in a log.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

const TERMINAL_EVERY: Duration = Duration::from_millis(500);
const LOG_EVERY: Duration = Duration::from_secs(30);

/// One piece of work with a name.
pub(crate) struct Progress {
    what: String,
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    /// Says that the work begins.
    pub(crate) fn begin(what: impl Into<String>) -> Self {
        let progress = Self {
            what: what.into(),
            started: Instant::now(),
            shown: Instant::now(),
            terminal: io::stderr().is_terminal(),
        };
        if !progress.terminal {
            progress.print("...", "\n");
        }
        progress
    }

    /// Says how far it is, if it has been quiet for long enough.
    pub(crate) fn tick(&mut self, detail: &str) {
        let every = if self.terminal { TERMINAL_EVERY } else { LOG_EVERY };
        if self.shown.elapsed() >= every {
            self.shown = Instant::now();
            let end = if self.terminal { "\r" } else { "\n" };
            self.print(&format!("... {} s{detail}", self.started.elapsed().as_secs()), end);
        }
    }

    /// Says that it is done and how long it took.
    pub(crate) fn done(self) {
        self.print(&format!(" done in {:.1} s", self.started.elapsed().as_secs_f64()), "\n");
    }

    fn print(&self, state: &str, end: &str) {
        let erase = if self.terminal { "\x1b[2K" } else { "" };
        let mut stderr = io::stderr().lock();
        // Nobody is left to read it: the work goes on.
        let _ = write!(stderr, "{erase}{}{state}{end}", self.what).and_then(|()| stderr.flush());
    }
}
