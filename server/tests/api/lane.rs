//! The lane of plain requests answers as the routes do: the same requests, once plain and once with `Connection:
//! close`, which are never the lane's, get the same answers.

use bytes::Bytes;
use http::Response;

use crate::raw::Raw;
use crate::running::{KEY_BYTES, Running, VALUE_BYTES};

/// Sends a request, and gives the answer's status, sorted fields and body; without what differs by itself.
async fn answer(server: &Running, request: &str, close: bool) -> (u16, Vec<String>, Bytes) {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
    let length = format!("Content-Length: {}", body.len());
    let ours = [("Host: h", true), ("Connection: close", close), (&length, !body.is_empty())];
    let ours = ours.into_iter().filter_map(|(field, wanted)| wanted.then_some(field));
    let fields: Vec<_> = ours.chain(fields.lines()).collect();
    let text = format!("{line} HTTP/1.1\r\n{}\r\n\r\n{body}", fields.join("\r\n"));
    let mut raw = Raw::tcp(server.socket_addr()).await;
    raw.send(text).await;
    let response: Response<Bytes> = raw.answer_to(line.starts_with("HEAD")).await;
    let fields =
        response.headers().iter().filter(|(name, _)| !["date", "connection"].contains(&name.as_str()));
    let mut fields: Vec<_> =
        fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    fields.sort_unstable();
    (response.status().as_u16(), fields, response.into_body())
}

/// Two servers that are asked the same, so that their revisions are the same too.
struct Twins {
    plain: Running,
    routed: Running,
}

impl Twins {
    async fn agree_on(&self, request: &str) -> u16 {
        let plain = answer(&self.plain, request, false).await;
        let routed = answer(&self.routed, request, true).await;
        // Both wrote their values within the same moments, not within the same second.
        let timeless = |fields: &[String]| -> Vec<String> {
            let of = |field: &String| field.split_once(':').map(|(name, _)| name.to_owned()).unwrap();
            let timed = |field: &String| field.starts_with("last-modified") || field.starts_with("kivi-ttl");
            fields.iter().map(|field| if timed(field) { of(field) } else { field.clone() }).collect()
        };
        assert_eq!(plain.0, routed.0, "{request}: {plain:?} {routed:?}");
        assert_eq!(timeless(&plain.1), timeless(&routed.1), "{request}");
        assert_eq!(plain.2, routed.2, "{request}");
        plain.0
    }
}

#[tokio::test]
async fn a_plain_request_is_answered_as_any_other() {
    let twins = Twins { plain: Running::start().await, routed: Running::start().await };
    let long_key = "k".repeat(KEY_BYTES + 1);
    let (fits, large) = ("v".repeat(VALUE_BYTES), "v".repeat(VALUE_BYTES + 1));
    for (request, status) in [
        ("GET /v1/a", 404),
        ("HEAD /v1/a", 404),
        ("PUT /v1/a\n\nvalue", 201),
        ("PUT /v1/a\n\nanother", 201),
        ("GET /v1/a", 200),
        ("HEAD /v1/a", 200),
        ("GET /v1/%61", 200),
        ("GET /v1/a?b=c", 400),
        ("GET /v1/a\nIf-None-Match: \"2\"", 304),
        ("HEAD /v1/a\nif-none-match: \"2\"", 304),
        ("GET /v1/a\nIf-Match: \"1\"", 412),
        ("GET /v1/a\nIf-Match: 1", 400),
        ("GET /v1/a\nRange: bytes=1-3", 206),
        ("GET /v1/a\nrange: bytes=99-", 416),
        ("GET /v1/a\n\nbody", 200),
        ("PUT /v1/b", 201),
        ("GET /v1/b", 200),
        ("PUT /v1/c\nContent-Type: text/plain\n\nc", 201),
        ("PUT /v1/c\ncontent-type: text/plain\nContent-Type: text/html\n\nc", 400),
        ("PUT /v1/c\nContent-Type: \n\nc", 400),
        ("PUT /v1/c\nContent-Encoding: gzip\n\nc", 415),
        ("PUT /v1/c\nContent-Language: de\n\nc", 201),
        ("PUT /v1/c\nContent-Range: bytes 0-1/2\n\nc", 400),
        ("PUT /v1/c\nIf-None-Match: *\n\nc", 412),
        ("PUT /v1/t\nKivi-Ttl: 1h\n\nc", 201),
        ("PUT /v1/t?ttl=1h\n\nc", 201),
        ("GET /v1/t", 200),
        ("PUT /v1/i\nIdempotency-Key: \"one\"\n\nc", 201),
        ("PUT /v1/i\nIdempotency-Key: \"one\"\n\nc", 201),
        ("PUT /v1/i\nIdempotency-Key: \"one\"\n\nd", 422),
        ("GET /v1/c", 200),
        ("PUT /v1/%00%2f//..%ff\n\nbytes", 201),
        ("GET /v1/%00/%2F/../%FF", 404),
        ("GET /v1/%00%2F//..%FF", 200),
        ("GET /v1/%zz", 400),
        (&format!("GET /v1/{long_key}"), 414),
        (&format!("PUT /v1/{long_key}\n\nv"), 414),
        (&format!("PUT /v1/large\n\n{fits}"), 201),
        ("GET /v1/large", 200),
        ("HEAD /v1/large", 200),
        (&format!("PUT /v1/large\n\n{large}"), 413),
        ("DELETE /v1/a", 200),
        ("DELETE /v1/a", 200),
        ("GET /v1/a", 404),
        ("POST /v1/a\n\nx", 405),
        ("BREW /v1/a", 405),
        ("get /v1/b", 405),
        ("GET /v1", 404),
        ("GET /v1/#", 200),
        ("GET /v1/a#b", 404),
        ("GET /elsewhere", 404),
        ("POST /v1/\nContent-Type: application/json\n\n{\"operations\":[]}", 200),
        ("DELETE /v1/", 405),
    ] {
        assert_eq!(twins.agree_on(request).await, status, "{request}");
    }
}

#[tokio::test]
async fn a_list_between_plain_requests_takes_its_turn() {
    let server = Running::start().await;
    let mut raw = Raw::tcp(server.socket_addr()).await;
    let put = "PUT /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
    let get = "GET /v1/a HTTP/1.1\r\nHost: h\r\n\r\n";
    let list = "HEAD /v1/?prefix=a HTTP/1.1\r\nHost: h\r\n\r\n";
    raw.send([put, get, list, get].concat()).await;
    assert_eq!(raw.answer().await.status(), 201);
    assert_eq!(raw.answer().await.body(), "x");
    assert_eq!(raw.answer_to(true).await.status(), 200);
    assert_eq!(raw.answer().await.body(), "x");
}
