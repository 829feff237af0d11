//! One `kubectl port-forward`, which ends when it is dropped.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;

/// Longest time kubectl may take to say that it forwards.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running `kubectl port-forward`.
#[derive(Debug)]
pub struct PortForward {
    address: SocketAddr,
    /// Killed when dropped.
    _child: Child,
}

impl PortForward {
    pub(super) async fn open(mut command: Command, target: &str, port: u16) -> Result<Self, Failure> {
        let what = format!("kubectl port-forward {target} :{port}");
        let mut child = command
            .args(["port-forward", "--address", "127.0.0.1", target, &format!(":{port}")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::doing(&what, error))?;
        let lines =
            child.stdout.take().map(BufReader::new).ok_or_else(|| Failure::doing(&what, "no output"))?;
        let mut lines = lines.lines();
        let first = tokio::time::timeout(DEADLINE, lines.next_line()).await;
        let line = match first {
            Ok(Ok(Some(line))) => line,
            Ok(_) => {
                let output = child.wait_with_output().await.map_err(|error| Failure::doing(&what, error))?;
                return Err(Failure::doing(&what, String::from_utf8_lossy(&output.stderr).trim()));
            }
            Err(_) => {
                return Err(Failure::doing(&what, format!("said nothing for {} s", DEADLINE.as_secs())));
            }
        };
        let address = parse(&line).ok_or_else(|| Failure::doing(&what, format!("said `{line}`")))?;
        // kubectl writes a line for each connection and stops when nobody reads them.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        if let Some(stderr) = child.stderr.take() {
            let mut lines = BufReader::new(stderr).lines();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        }
        Ok(Self { address, _child: child })
    }

    /// The local end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// `Forwarding from 127.0.0.1:40123 -> 8443`.
fn parse(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("Forwarding from ")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_end_is_read_from_kubectls_line() {
        assert_eq!(parse("Forwarding from 127.0.0.1:40123 -> 8443"), Some(([127, 0, 0, 1], 40123).into()));
        assert_eq!(parse("error: unable to forward"), None);
    }
}
