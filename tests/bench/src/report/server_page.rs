//! What the page of the server's results says of how they came about.

use super::{bars::SERVER, page::Page};

/// The page of `make bench-server`.
pub(crate) const SERVER_PAGE: Page = Page {
    name: "server",
    title: "The server beside its peers",
    command: "make bench-server",
    how: "\
- Every subject is confined to one processor, the client to another, on loopback. Kivi has one worker thread beside
  its log thread, nginx one worker, Redis its one thread; Go programs run with `GOMAXPROCS=1`.
- `get-256`, `put-256-fsync`: 64 connections, each with one request under way, 16-byte keys out of 100,000, 256-byte
  values, and the same client for all. `put-1conn-fsync`: one connection. In a round, each subject has its turn.
- `limit` is what the machine itself allows: a responder that reads nothing it gets; for `put-1conn-fsync` the time of
  an fdatasync behind 320 bytes (its median, on the subjects' processor) and of a GET's round trip (Kivi's, median) put together.
- `replay-1m`, `memory-1m`: a million keys of 16 bytes with values of 32. A start lasts from the start of the process
  to a ready `/readyz`; records a second leave out what a start without data takes. Memory is what a key adds to the
  process' resident set.
- `compaction`: the server is started on a log in which each of a million keys, with values of 256 bytes, stands three
  times. Reads and writes, 2,000 a second, go on while it compacts the log, and then at rest: the ratio of their
  latencies' 99th percentiles, the worse of the two, and by how much resident memory grows at its peak.
- `go-map` never syncs its log, `redis-everysec` once a second.
",
    bars: &SERVER,
    curves: &[
        ("Requests a second against connections", "server-connections.svg"),
        ("Time to start against keys", "server-start.svg"),
    ],
};
