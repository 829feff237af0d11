//! Where the server is: a Unix socket or an `http://` URL.

use std::{fmt, path::PathBuf, str::FromStr};

use http::{
    Uri,
    uri::{Authority, PathAndQuery},
};
use kivi_layers::trace;
use thiserror::Error;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How to connect.
    pub transport: Transport,
    /// `Host` of requests that name none.
    pub authority: Authority,
    /// Path before every request's own, without its last slash; empty for most.
    pub prefix: String,
}

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// To a host name or address, and a port.
    Tcp(String, u16),
    /// To a Unix socket.
    Unix(PathBuf),
}

/// Why a text names no server.
#[derive(Debug, Error)]
#[error("`{text}` names no server: write `unix:/path` or a URL as in `http://127.0.0.1:8080`")]
pub struct TargetError {
    text: String,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || TargetError { text: text.to_owned() };
        if let Some(path) = text.strip_prefix("unix:") {
            return (path.starts_with('/') && path.len() > 1)
                .then(|| Self {
                    transport: Transport::Unix(PathBuf::from(path)),
                    authority: Authority::from_static("localhost"),
                    prefix: String::new(),
                })
                .ok_or_else(refused);
        }
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).cloned();
        match (uri.scheme_str(), authority, uri.query()) {
            (Some("http"), Some(authority), None) if !authority.host().is_empty() => Ok(Self {
                // An IPv6 address stands in brackets in a URL, and without them everywhere else.
                transport: Transport::Tcp(
                    authority.host().trim_matches(['[', ']']).to_owned(),
                    authority.port_u16().unwrap_or(80),
                ),
                prefix: uri.path().trim_end_matches('/').to_owned(),
                authority,
            }),
            _ => Err(refused()),
        }
    }
}

impl Target {
    /// The target of a request: its own path and query, byte for byte, after the prefix.
    pub fn path(&self, asked: Option<&PathAndQuery>) -> PathAndQuery {
        let asked = asked.cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        if self.prefix.is_empty() || asked.as_str() == "*" {
            return asked;
        }
        // Both parts were parsed as paths, so what they join to is one.
        PathAndQuery::try_from(format!("{}{asked}", self.prefix)).unwrap_or(asked)
    }

    /// The path that the target's own URL names.
    pub fn own_path(&self) -> &str {
        if self.prefix.is_empty() { "/" } else { &self.prefix }
    }

    /// The target as attributes of spans.
    pub fn described(&self) -> trace::Upstream {
        let base = format!("http://{}{}", self.authority, self.prefix);
        match &self.transport {
            Transport::Tcp(host, port) => trace::Upstream::new(base, host.clone(), Some(*port)),
            Transport::Unix(path) => trace::Upstream::new(base, path.display().to_string(), None),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Tcp(..) => write!(f, "http://{}{}", self.authority, self.prefix),
            Transport::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sockets_and_urls() {
        for (text, transport, prefix) in [
            ("unix:/run/a.sock", Transport::Unix("/run/a.sock".into()), ""),
            ("http://127.0.0.1:8080", Transport::Tcp("127.0.0.1".into(), 8080), ""),
            ("http://server/base/", Transport::Tcp("server".into(), 80), "/base"),
            ("http://[::1]:9", Transport::Tcp("::1".into(), 9), ""),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.transport, &*target.prefix), (transport, prefix), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_the_way_out() {
        for text in ["", "8080", "unix:run", "unix:/", "https://a", "http://", "http://u:p@a", "http://a?x=1"]
        {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains("names no server: write `unix:/path`"), "{text}: {error}");
        }
    }

    #[test]
    fn a_path_keeps_its_bytes_behind_the_prefix() {
        let odd = PathAndQuery::from_static("/v1/%2F%00a//../b%?x=%&&y");
        let plain: Target = "http://a:1".parse().unwrap();
        assert_eq!(plain.path(Some(&odd)), odd);
        let based: Target = "http://a:1/base/".parse().unwrap();
        assert_eq!(based.path(Some(&odd)).as_str(), "/base/v1/%2F%00a//../b%?x=%&&y");
        assert_eq!(based.path(Some(&PathAndQuery::from_static("*"))).as_str(), "*");
    }
}
