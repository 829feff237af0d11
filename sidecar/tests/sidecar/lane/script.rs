//! A server with an answer of every kind, by the request's path.

use crate::support::Act;

/// Paths and what is sent for each; `!` at the end: then the connection is closed.
const ANSWERS: &[(&str, &str)] = &[
    ("/plain", "200 OK|Content-Length: 5||value"),
    ("/no-reason", "200|Content-Length: 5||value"),
    ("/odd-status", "299 Odd|Content-Length: 5||value"),
    ("/created", "201 Created|Content-Length: 5|Location: /x||value"),
    ("/moved", "301 Moved|Content-Length: 0|Location: /plain||"),
    ("/partial", "206 Partial Content|Content-Range: bytes 0-2/5|Content-Length: 3||val"),
    ("/404", "404 Not Found|Content-Length: 4||none"),
    ("/404-fresh", "404 Not Found|Content-Length: 4|Cache-Control: max-age=60||none"),
    ("/401", "401 Unauthorized|Content-Length: 0|WWW-Authenticate: Basic||"),
    ("/407", "407 Proxy|Content-Length: 0|Proxy-Authenticate: Basic||"),
    ("/408", "408 Request Timeout|Content-Length: 4||late"),
    ("/500", "500 Internal Server Error|Content-Length: 3||bad"),
    ("/503", "503 Service Unavailable|Content-Length: 4|Retry-After: 3||busy"),
    ("/204", "204 No Content||"),
    ("/204-fresh", "204 No Content|Cache-Control: max-age=60||"),
    ("/204-length", "204 No Content|Content-Length: 0||"),
    ("/304", "304 Not Modified|ETag: \"1\"||"),
    ("/304-length", "304 Not Modified|ETag: \"1\"|Content-Length: 5||"),
    ("/empty", "200 OK|Content-Length: 0||"),
    ("/empty-fresh", "200 OK|Content-Length: 0|Cache-Control: max-age=60||"),
    ("/fresh", "200 OK|Content-Length: 5|Cache-Control: max-age=60|ETag: \"1\"||value"),
    (
        "/fresh-dated",
        "200 OK|Content-Length: 5|Cache-Control: max-age=600|Date: Thu, 26 Nov 2026 07:00:00 GMT|Age: 5||value",
    ),
    (
        "/fresh-chunked",
        "200 OK|Transfer-Encoding: chunked|Cache-Control: max-age=60||3\r\nval\r\n2\r\nue\r\n0\r\n\r\n",
    ),
    (
        "/fresh-twice",
        "200 OK|Content-Length: 5|Cache-Control: max-age=60|Link: </a>|Link: </b>|X-Odd: \u{e9}||value",
    ),
    ("/cached-before", "200 OK|Content-Length: 5|Cache-Control: max-age=60|Cache-Status: edge; hit||value"),
    ("/immutable", "200 OK|Content-Length: 5|Cache-Control: max-age=60, immutable|Expires: 0||value"),
    ("/vary", "200 OK|Content-Length: 5|Cache-Control: max-age=60|Vary: X-A||value"),
    ("/vary-star", "200 OK|Content-Length: 5|Cache-Control: max-age=60|Vary: *||value"),
    ("/vary-host", "200 OK|Content-Length: 5|Cache-Control: max-age=60|Vary: Authorization, X-Way||value"),
    ("/private", "200 OK|Content-Length: 5|Cache-Control: private||value"),
    ("/no-store", "200 OK|Content-Length: 5|Cache-Control: no-store||value"),
    ("/no-cache", "200 OK|Content-Length: 5|Cache-Control: no-cache|ETag: \"1\"||value"),
    ("/cookie", "200 OK|Content-Length: 5|Set-Cookie: a=1|Set-Cookie: b=2||value"),
    ("/cookie-fresh", "200 OK|Content-Length: 5|Cache-Control: max-age=60|Set-Cookie: a=1||value"),
    ("/swr", "200 OK|Content-Length: 5|Cache-Control: max-age=0, stale-while-revalidate=60||value"),
    ("/until-close", "200 OK|Cache-Control: max-age=60||value!"),
    ("/chunked", "200 OK|Transfer-Encoding: chunked||5\r\nvalue\r\n0\r\n\r\n"),
    ("/chunked-empty", "200 OK|Transfer-Encoding: chunked||0\r\n\r\n"),
    ("/trailers", "200 OK|Transfer-Encoding: chunked|Trailer: X-Sum||5\r\nvalue\r\n0\r\nX-Sum: 9\r\n\r\n"),
    (
        "/trailers-fresh",
        "200 OK|Transfer-Encoding: chunked|Trailer: X-Sum|Cache-Control: max-age=60||5\r\nvalue\r\n0\r\nX-Sum: 9\r\n\r\n",
    ),
    ("/last", "200 OK|Content-Length: 5|Connection: close||value!"),
    ("/said-last", "200 OK|Content-Length: 5|Connection: close||value"),
    ("/kept-briefly", "200 OK|Content-Length: 5|Keep-Alive: timeout=1||value"),
    ("/kept", "200 OK|Content-Length: 5|Connection: keep-alive|Keep-Alive: timeout=5, max=9||value"),
    ("/nominated", "200 OK|Content-Length: 5|Connection: X-Hop|X-Hop: 1||value"),
    ("/hop-by-hop", "200 OK|Content-Length: 5|Proxy-Connection: close|Upgrade: h2c|TE: x|Expect: y||value"),
    ("/both-lengths", "200 OK|Content-Length: 9|Transfer-Encoding: chunked||5\r\nvalue\r\n0\r\n\r\n"),
    ("/same-lengths", "200 OK|Content-Length: 5|Content-Length: 5||value"),
    ("/other-lengths", "200 OK|Content-Length: 5|Content-Length: 4||value"),
    ("/list-length", "200 OK|Content-Length: 5, 5||value"),
    ("/bad-length", "200 OK|Content-Length: -5||value!"),
    ("/huge-length", "200 OK|Content-Length: 99999999999999999999||value!"),
    ("/too-long", "200 OK|Content-Length: 3||value!"),
    ("/too-long-kept", "200 OK|Content-Length: 3||value"),
    ("/cut", "200 OK|Content-Length: 9||value!"),
    ("/cut-fresh", "200 OK|Content-Length: 9|Cache-Control: max-age=60||value!"),
    ("/cut-at-once", "200 OK|Content-Length: 9||!"),
    ("/cut-chunked", "200 OK|Transfer-Encoding: chunked||5\r\nval!"),
    ("/bad-chunk", "200 OK|Transfer-Encoding: chunked||zz\r\nvalue\r\n0\r\n\r\n!"),
    ("/empty-value", "200 OK|Content-Length: 5|X-Empty:|X-Blank:   |X-Spaced:  a b  ||value"),
    ("/folded", "200 OK|Content-Length: 5|X-Folded: a\r\n b||value"),
    ("/spaced-name", "200 OK|Content-Length: 5|X-Spaced : a||value"),
    (
        "/event-stream",
        "200 OK|Content-Type: text/event-stream|Transfer-Encoding: chunked||5\r\nvalue\r\n0\r\n\r\n",
    ),
];

/// Answers that are none, or stand before one.
const RAW: &[(&str, &str)] = &[
    (
        "/hints",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue",
    ),
    ("/switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    ("/old", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nvalue!"),
    ("/old-kept", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nvalue"),
    ("/old-until-close", "HTTP/1.0 200 OK\r\n\r\nvalue!"),
    ("/newer", "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nvalue!"),
    ("/garbage", "what is this\r\n\r\n!"),
    ("/nothing", "!"),
    ("/part-of-a-head", "HTTP/1.1 200 OK\r\nContent-Le!"),
    ("/blank-before", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nvalue"),
    ("/bare-lf", "HTTP/1.1 200 OK\nContent-Length: 5\n\nvalue"),
];

/// Every path.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    ANSWERS.iter().chain(RAW).map(|(path, _)| *path).chain([
        "/many-fields",
        "/long-head",
        "/too-long-head",
        "/large",
        "/recovers",
        "/breaks",
    ])
}

/// The server's script.
pub(super) fn answer(target: &str, times: usize) -> Vec<Act> {
    let path = target.split('?').next().unwrap();
    let path = path.strip_prefix("/base").unwrap_or(path);
    let of = |text: &str| -> Vec<Act> {
        let (bytes, close) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
        // One byte a character, as of text in Latin-1.
        let bytes = bytes.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        [Act::Send(bytes)].into_iter().chain(close.then_some(Act::Close)).collect()
    };
    let composed = |text: &str| {
        let (head, body) = text.split_once("||").unwrap();
        of(&format!("HTTP/1.1 {}\r\n\r\n{body}", head.replace('|', "\r\n")))
    };
    let find =
        |list: &[(&str, &'static str)]| list.iter().find(|(name, _)| *name == path).map(|(_, text)| *text);
    if let Some(text) = find(ANSWERS) {
        return composed(text);
    }
    if let Some(text) = find(RAW) {
        return of(text);
    }
    let kept = "Cache-Control: max-age=0, stale-if-error=60|Content-Length: 5||value";
    match (path, times) {
        ("/many-fields", _) => composed(&format!("200 OK|{}Content-Length: 5||value", "X: y|".repeat(80))),
        ("/long-head", _) => {
            composed(&format!("200 OK|X: {}|Content-Length: 5||value", "y".repeat(20 << 10)))
        }
        ("/too-long-head", _) => {
            composed(&format!("200 OK|X: {}|Content-Length: 5||value!", "y".repeat(90 << 10)))
        }
        ("/large", _) => composed(&format!(
            "200 OK|Cache-Control: max-age=60|Content-Length: 300000||{}",
            "x".repeat(300_000)
        )),
        ("/breaks", 0) | ("/recovers", 1) => composed(&format!("200 OK|{kept}")),
        ("/breaks", 1) => of("!"),
        ("/breaks" | "/recovers", _) => composed("500 Internal Server Error|Content-Length: 3||bad"),
        _ => composed("200 OK|Content-Length: 5||other"),
    }
}
