//! What the page of the sidecar's results says of how they came about.

use super::{bars::SIDECAR, page::Page};

/// The page of `make bench-sidecar`.
pub(crate) const SIDECAR_PAGE: Page = Page {
    name: "sidecar",
    title: "The sidecar beside its peers",
    command: "make bench-sidecar",
    how: "\
- Every proxy is confined to one processor, the client to another, on loopback. Kivi has one worker thread, nginx one
  worker, HAProxy one thread; Varnish has its threads, all on that processor. In a round, each has its turn.
- The upstream is the same for all: a thread of the client's program that answers with 256 bytes and does nothing else. It
  is not Kivi's server, so that what is measured is the proxies, and so that the end of a load is known on the client's
  clock. The proxies reach it over a Unix socket, as a sidecar does its server; `direct`, which is the upstream without a
  proxy, is asked over TCP, as the proxies are. It is on a third processor, or on the client's where there are but two: then
  what it takes for a request, the less the more of them come with one read, is missing to the client.
- `cache-hit`: 64 connections, each with one request under way, answers of 256 bytes that may be kept for an hour and were
  all loaded before. `upstream_loads` counts what was not served from the cache all the same. nginx has its cache in files,
  held open.
- `proxy-get`: the same with answers that nobody keeps. Kivi joins concurrent requests for one key, as it does by default, and
  sends those for different keys behind each other on a connection to the upstream that they share, as it does to a store:
  this upstream tells a revision, as a store does. `proxy-get-tcp`: with the upstream on TCP.
- `stampede-10k`: 10,000 connections, each used before, ask for one key that nobody has yet, and whose load takes 500 ms. `upstream_loads`:
  how often the upstream was asked. `wake`: from when the upstream gave its first answer to when a client had its own, for
  the first client, half of them, and all but a hundredth; `failed` counts who got no good answer. `direct`: the upstream
  itself, on the proxies' processor, holds 9,500 requests and answers them one behind the other, which is about the least
  that one thread and this client can take: it stands beside the bar, which is below it. HAProxy's cache has no lock, and at most 8,000 connections to the
  upstream here; nginx' lock lets about one request of a thousand through.
- `added-latency-1k`: 1,000 requests a second on 16 connections, on time whether or not answers came. To the proxies over
  TLS 1.3, but to Varnish, which has none, and to `direct`, in the clear; the upstream is on the proxies' processor. `added`
  is the difference to `direct`, so TLS is counted as the proxy's.
- `memory-idle`: resident memory of all its processes after a start, with TLS. `memory-conn`: by how much it has grown, for
  each of 10,000 TLS connections, when each had one answer and stays open; Varnish's are in the clear.
",
    bars: &SIDECAR,
    curves: &[
        ("Proxied requests a second against connections", "sidecar-connections.svg"),
        ("Cache hits a second against bytes of the answer", "sidecar-bodies.svg"),
    ],
};
