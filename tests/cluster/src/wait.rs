//! Waiting for a condition, while watching that nobody who is needed for it dies.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{Component, Layout, error::ClusterError, supervise};

const POLL: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until the condition holds. A death of one of the components, the first one blamed otherwise, ends it.
pub(crate) fn until(
    layout: &Layout,
    components: &[Component],
    what: &str,
    condition: impl Fn() -> bool,
) -> Result<(), ClusterError> {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        for component in components {
            if supervise::running(layout, *component).is_none() {
                return Err(supervise::failure(
                    layout,
                    *component,
                    format!("ended while waiting until {what}"),
                ));
            }
        }
        if Instant::now() >= deadline {
            let blamed = components.first().copied().unwrap_or(Component::ApiServer);
            let problem = format!("did not come so far in {} s that {what}", PATIENCE.as_secs());
            return Err(supervise::failure(layout, blamed, problem));
        }
        thread::sleep(POLL);
    }
    Ok(())
}

/// Whether somebody listens at an address.
pub(crate) fn accepts(address: IpAddr, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1)).is_ok()
}

/// Whether a plain HTTP address answers 200.
pub(crate) fn answers(address: IpAddr, port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    fn answer_once(answer: &'static [u8]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // What is left unread when a connection is closed takes the answer with it.
            let request = BufReader::new(&stream).lines();
            request.map(Result::unwrap).find(String::is_empty).unwrap();
            stream.write_all(answer).unwrap();
        });
        port
    }

    #[test]
    fn only_a_200_counts() {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(answers(here, answer_once(b"HTTP/1.0 200 OK\r\n\r\n"), "/ready"));
        assert!(!answers(here, answer_once(b"HTTP/1.0 503 Service Unavailable\r\n\r\n"), "/ready"));
    }

    #[test]
    fn a_dead_component_ends_the_wait_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        std::fs::create_dir_all(layout.log("etcd").parent().unwrap()).unwrap();
        std::fs::write(layout.log("etcd"), "disk full\n").unwrap();
        let error = until(&layout, &[Component::Etcd], "it is ready", || false).unwrap_err().to_string();
        assert!(error.starts_with("etcd ended while waiting until it is ready"), "{error}");
        assert!(error.ends_with("etcd.log:\ndisk full"), "{error}");
    }
}
