//! The walk through the REST API that `make demo` prints: what is sent, and what comes back.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use kivi_api::{Client, Precondition};

use crate::Failure;

/// One request of the tour.
struct Step {
    /// What it shows.
    shows: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    /// What must come back; the tour fails on anything else.
    status: StatusCode,
}

const STEPS: &[Step] = &[
    Step {
        shows: "Store a value. The ETag is its revision.",
        method: Method::PUT,
        path: "/v1/greeting",
        headers: &[("content-type", "text/plain; charset=utf-8")],
        body: "Hello from Kivi",
        status: StatusCode::CREATED,
    },
    Step {
        shows: "Read it back: the media type was kept.",
        method: Method::GET,
        path: "/v1/greeting",
        headers: &[],
        body: "",
        status: StatusCode::OK,
    },
    Step {
        shows: "Create only: the key is taken.",
        method: Method::PUT,
        path: "/v1/greeting",
        headers: &[("if-none-match", "*")],
        body: "Somebody else",
        status: StatusCode::PRECONDITION_FAILED,
    },
    Step {
        shows: "Any bytes are a key: this one is `a/b c%`.",
        method: Method::PUT,
        path: "/v1/a%2Fb%20c%25",
        headers: &[],
        body: "odd",
        status: StatusCode::CREATED,
    },
    Step {
        shows: "Delete. Again would be a 200, too.",
        method: Method::DELETE,
        path: "/v1/greeting",
        headers: &[],
        body: "",
        status: StatusCode::OK,
    },
    Step {
        shows: "An absent key is a problem document (RFC 9457).",
        method: Method::GET,
        path: "/v1/greeting",
        headers: &[],
        body: "",
        status: StatusCode::NOT_FOUND,
    },
];

/// Walks through the API and prints each exchange.
///
/// # Errors
/// When an answer is not what the API promises.
pub async fn walk(client: &Client, anonymous: &Client, mut print: impl FnMut(&str)) -> Result<(), Failure> {
    for step in STEPS {
        take(client, step, &mut print).await?;
    }
    let stranger = Step {
        shows: "Without a token nothing is said.",
        method: Method::GET,
        path: "/v1/greeting",
        headers: &[],
        body: "",
        status: StatusCode::UNAUTHORIZED,
    };
    take(anonymous, &stranger, &mut print).await?;
    let left = client.delete(b"a/b c%", Precondition::None).await;
    left.map(drop).map_err(|error| Failure::doing("tidying up after the tour", error))
}

async fn take(client: &Client, step: &Step, print: &mut impl FnMut(&str)) -> Result<(), Failure> {
    let what = format!("{} {}", step.method, step.path);
    let mut headers = HeaderMap::new();
    for (name, value) in step.headers {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    let answer = client.request(step.method.clone(), step.path, headers, step.body.into()).await;
    let answer = answer.map_err(|error| Failure::doing(&what, error))?;
    print(&render(step, &answer));
    if answer.status() == step.status {
        Ok(())
    } else {
        Err(Failure::doing(&what, format!("{} instead of {}", answer.status(), step.status)))
    }
}

/// An exchange as curl's `-v` shows it, less what does not matter here.
fn render(step: &Step, answer: &Response<bytes::Bytes>) -> String {
    const SHOWN: [&str; 6] =
        ["content-type", "etag", "kivi-created", "cache-status", "www-authenticate", "retry-after"];
    let mut text = format!("\n# {}\n> {} {}", step.shows, step.method, step.path);
    for (name, value) in step.headers {
        let _ = write!(text, "\n> {name}: {value}");
    }
    if !step.body.is_empty() {
        let _ = write!(text, "\n> {}", step.body);
    }
    let _ = write!(text, "\n< {:?} {}", answer.version(), answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| SHOWN.contains(&name.as_str())) {
        let _ = write!(text, "\n< {name}: {}", value.to_str().unwrap_or("(not text)"));
    }
    let body = String::from_utf8_lossy(answer.body());
    if !body.is_empty() {
        let _ = write!(text, "\n< {}", body.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_shows_both_sides() {
        let answer = Response::builder()
            .status(201)
            .header("etag", "\"7\"")
            .header("date", "today")
            .body(bytes::Bytes::from_static(b""))
            .unwrap();
        let text = render(&STEPS[0], &answer);
        for line in ["> PUT /v1/greeting", "> Hello from Kivi", "201 Created", "< etag: \"7\""] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(!text.contains("date"), "{text}");
    }
}
