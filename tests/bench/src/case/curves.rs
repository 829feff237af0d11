//! What one figure cannot say: how requests a second follow connections, and how a start follows keys.

use std::path::Path;

use super::{
    Effort,
    replay::started_in,
    requests::{KEYS, VALUE},
};
use crate::{
    client::Keys,
    error::BenchError,
    report::{Curve, Figure},
    subject::{Peer, Programs},
};

/// Up to as many as a busy service holds to one server.
const CONNECTIONS: [u16; 6] = [1, 4, 16, 64, 256, 1024];
/// Keys of the starts.
const STARTS: [u32; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Measures both and draws them into `folder`.
pub(crate) fn draw(programs: &Programs, effort: Effort, folder: &Path) -> Result<(), BenchError> {
    connections(programs, effort)?.write(&folder.join("server-connections.svg"))?;
    starts(programs, effort)?.write(&folder.join("server-start.svg"))
}

fn connections(programs: &Programs, effort: Effort) -> Result<Figure, BenchError> {
    let mut curves = Vec::new();
    for peer in [Peer::Kivi, Peer::NginxReturn, Peer::GoMap] {
        let subject = peer.start(programs)?;
        if peer != Peer::NginxReturn {
            subject.fill(KEYS, VALUE)?;
        }
        let (requests, mut points) = (subject.get(KEYS), Vec::new());
        for count in CONNECTIONS {
            let load = subject.load(&requests, usize::from(count), Keys::Random(effort.length));
            let measured = load.run().map_err(|error| subject.tell(error))?;
            eprintln!("    {count} connections to {}: {:.0} requests a second", subject.name, measured.rps);
            points.push((f64::from(count), measured.rps));
        }
        curves.push(Curve { name: subject.name, points });
    }
    Ok(Figure {
        title: "GET of 256 bytes, by connections",
        across: "connections, each with one request under way",
        up: "requests a second",
        up_is_log: false,
        curves,
    })
}

fn starts(programs: &Programs, effort: Effort) -> Result<Figure, BenchError> {
    let mut points = Vec::new();
    for keys in STARTS {
        let count = usize::try_from(keys).unwrap_or(usize::MAX);
        // A quick look goes to a tenth.
        if count <= effort.keys * 10 {
            points.push((f64::from(keys), started_in(programs, count)?.as_secs_f64()));
        }
    }
    Ok(Figure {
        title: "Time from start to readiness, by keys",
        across: "keys of 16 bytes with values of 32",
        up: "seconds",
        up_is_log: true,
        curves: vec![Curve { name: "kivi", points }],
    })
}
