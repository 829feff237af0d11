//! Processes known by pid and start time, so that a reused pid is never mistaken for ours.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

const POLL: Duration = Duration::from_millis(20);

/// A process for as long as it lives: no other process of this or a later boot is equal to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pid: i32,
    /// Clock ticks between boot and start, field 22 of `/proc/PID/stat`.
    started: u64,
    /// The kernel's random id of the boot.
    boot: String,
}

impl ProcessId {
    /// The process that has this pid now, unless it has ended.
    pub fn of(pid: i32) -> Option<Self> {
        let started = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Self { pid, started, boot })
    }

    /// The pid, for people.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether it still runs; a zombie does not.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Ends it without asking.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait(Duration::from_secs(10));
    }

    /// Asks it to end, and ends it when the grace is over.
    pub fn stop(&self, grace: Duration) {
        self.signal(Signal::TERM);
        if !self.wait(grace) {
            self.kill();
        }
    }

    /// Waits for its end, at most so long; true when it has ended.
    fn wait(&self, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }

    /// Through a descriptor opened before the check: the pid cannot change hands in between.
    fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        if let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            // A process that ended meanwhile is what was wanted.
            let _ = pidfd_send_signal(descriptor, signal);
        }
    }
}

/// Ends processes without asking, by the pids that they have now.
pub(crate) fn kill_all(pids: Vec<i32>) {
    for process in pids.into_iter().filter_map(ProcessId::of) {
        process.kill();
    }
}

/// The start time of a process that lives, from `/proc/PID/stat` (`proc_pid_stat(5)`). The name in
/// parentheses may hold blanks and parentheses itself.
fn parse_stat(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap()
    }

    fn id(child: &Child) -> ProcessId {
        ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap()
    }

    #[test]
    fn the_name_may_hold_blanks_and_parentheses() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(parse_stat(stat), Some(4711));
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = sleeper();
        let process = id(&child);
        assert!(process.is_alive());
        process.stop(Duration::from_secs(5));
        assert!(!process.is_alive(), "not yet reaped, and dead all the same");
        child.wait().unwrap();
    }

    #[test]
    fn a_reused_pid_is_neither_alive_nor_signalled() {
        let mut child = sleeper();
        let earlier = ProcessId { started: 1, ..id(&child) };
        assert!(!earlier.is_alive());
        earlier.kill();
        assert!(child.try_wait().unwrap().is_none(), "the new owner of the pid was left alone");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn an_earlier_boot_is_another_process() {
        let process = ProcessId {
            boot: "another".to_owned(),
            ..ProcessId::of(std::process::id().cast_signed()).unwrap()
        };
        assert!(!process.is_alive());
    }

    #[test]
    fn who_ignores_the_request_is_killed() {
        let script = "trap '' TERM; echo; exec sleep 600";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        // The line says that the trap is set.
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let process = id(&child);
        process.stop(Duration::from_millis(50));
        assert!(!process.is_alive());
        child.wait().unwrap();
    }
}
