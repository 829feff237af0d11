//! The lane of plain requests answers as the layers do, and asks the server as they do: the same requests to two sidecars
//! before two servers, plain to one, and to the other with a field that makes them the layers' and is for this hop only.

mod leaving;
mod parity;
mod script;
mod upstream;

use crate::support::{Fixture, Got, Scripted, TOKEN, Wire};

/// What takes a request past the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing: it is the lane's if it is plain.
    Lane,
    /// A field that the lane leaves to the layers.
    Layers,
    /// One that it leaves to hyper.
    Hyper,
}

impl Way {
    fn field(self) -> Option<&'static str> {
        match self {
            Self::Lane => None,
            Self::Layers => Some("Keep-Alive: timeout=9"),
            Self::Hyper => Some("Connection: keep-alive, keep-alive"),
        }
    }
}

/// A request as it is sent: a line, fields, and a body behind an empty line. `Host` is added, and a token, where there is
/// none.
fn sent(request: &str, way: Way) -> String {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
    let has = |name: &str| fields.lines().any(|field| field.to_lowercase().starts_with(name));
    let (token, length) =
        (format!("Authorization: Bearer {TOKEN}"), format!("Content-Length: {}", body.len()));
    let first = format!("{line} HTTP/1.1");
    let mut lines = vec![&*first];
    lines.extend((!has("host:")).then_some("Host: kivi.test"));
    lines.extend((!has("authorization:")).then_some(&*token));
    lines.extend(fields.lines().filter(|field| *field != "Authorization:"));
    lines.extend((!body.is_empty()).then_some(&*length));
    // The server sees the case of this field's name where no layer had it.
    lines.push("X-Way: 1");
    lines.extend(way.field());
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

async fn ask(sidecar: &Fixture, request: &str, way: Way) -> Got {
    let mut wire = Wire::connect(&sidecar.clients).await;
    wire.send(&sent(request, way)).await;
    wire.answer(request.starts_with("HEAD")).await
}

/// A sidecar and what is behind it.
struct Side {
    server: Scripted,
    sidecar: Fixture,
    way: Way,
}

impl Side {
    async fn new(server: Scripted, settings: &str, way: Way) -> Self {
        let sidecar = Fixture::with_flags(&server.url, settings, &["--upstream-ready", ""]).await;
        Self { server, sidecar, way }
    }

    async fn ask(&self, request: &str) -> Got {
        ask(&self.sidecar, request, self.way).await
    }

    /// What the server was asked, without the order of fields and the case of their names.
    fn asked(&self) -> Vec<(String, Vec<String>)> {
        let heads = self.server.asked();
        let heads = heads.iter().map(|head| {
            let (line, fields) = head.trim_end().split_once("\r\n").unwrap();
            let fields = fields.split("\r\n").map(|field| {
                let (name, value) = field.split_once(": ").unwrap();
                format!("{}: {value}", name.to_lowercase())
            });
            let mut fields: Vec<_> = fields.collect();
            fields.sort_unstable();
            (line.to_owned(), fields)
        });
        heads.collect()
    }

    /// How many requests came to the server by the lane alone.
    fn direct(&self) -> usize {
        self.server.asked().iter().filter(|head| head.contains("X-Way")).count()
    }
}

/// What clients can compare: without what differs from moment to moment, and from server to server.
fn comparable(got: &Got, side: &Side) -> (u16, Vec<String>, String, bool) {
    // A 304 may tell the length of what it is about (RFC 9110, section 8.6); hyper does not.
    let is_told = |name: &str| {
        !(["date", "connection"].contains(&name) || got.status == 304 && name == "content-length")
    };
    let fields = got.fields.iter().filter(|(name, _)| is_told(name));
    let mut fields: Vec<_> = fields
        .map(|(name, value)| match &**name {
            "age" => "age".to_owned(),
            "cache-status" => format!("cache-status: {}", without_digits_behind(value, "ttl=")),
            _ => format!("{name}: {value}"),
        })
        .collect();
    fields.sort_unstable();
    let body: String = got.body.iter().copied().map(char::from).collect();
    (got.status, fields, body.replace(&side.server.url, "URL"), got.whole)
}

fn without_digits_behind(text: &str, name: &str) -> String {
    let Some((before, behind)) = text.split_once(name) else { return text.to_owned() };
    format!("{before}{name}{}", behind.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// An answer to a failure, without how that is told.
fn without_details(got: &Got) -> (u16, Option<String>, Vec<String>) {
    let problem: Option<serde_json::Value> = serde_json::from_slice(&got.body).ok();
    let problem = problem.and_then(|problem| problem["type"].as_str().map(str::to_owned));
    let fields = got.fields.iter().filter(|(name, _)| !["date", "content-length"].contains(&&**name));
    let mut fields: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
    fields.sort_unstable();
    (got.status, problem, fields)
}
