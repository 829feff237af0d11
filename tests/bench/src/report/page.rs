//! The page of results.

use std::{fs, path::Path};

use super::{
    bars::SERVER,
    results::Results,
    table::{bars, figures},
};
use crate::{error::BenchError, machine};

/// Writes the page; `conditions` says how it was measured, `versions` which the peers are.
pub(crate) fn write(
    path: &Path,
    results: &Results,
    conditions: &str,
    versions: &str,
    curves: bool,
) -> Result<(), BenchError> {
    let pictures = if curves {
        "\n## Curves\n\n![Requests a second against connections](server-connections.svg)\n\n\
         ![Time to start against keys](server-start.svg)\n"
    } else {
        ""
    };
    let text = format!(
        "# The server beside its peers

This page is written by `make bench-server`: every figure is measured, the peers beside Kivi in the same run.

- Machine: {machine}.
- Peers: {versions}; a Go server of `tests/bench/peers`.
- {conditions}
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

## Bars

{bars}
## Medians

{figures}{pictures}",
        machine = machine::describe(),
        bars = bars(results, &SERVER),
        figures = figures(results),
    );
    save(path, &text)
}

/// Writes a page, and the folder it is in.
pub(super) fn save(path: &Path, text: &str) -> Result<(), BenchError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(BenchError::io("create", folder))?;
    fs::write(path, text).map_err(BenchError::io("write", path))
}
