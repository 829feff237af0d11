//! What one figure cannot say: how requests a second follow connections, and the bytes of an answer.

use std::path::Path;

use super::{super::Effort, PROXIES};
use crate::{
    client::Keys,
    error::BenchError,
    machine,
    report::{Curve, Figure},
    subject::{Proxy, ProxyPrograms, Role, Setting},
    upstream::{FRESH, LENGTH, PLAIN, Upstream},
};

/// Up to as many as a busy service holds to one server.
const CONNECTIONS: [u16; 6] = [1, 4, 16, 64, 256, 1024];
/// Bytes of answers.
const BODIES: [u16; 5] = [16, 64, 256, 1024, 8192];
/// Connections of the loads with answers of different sizes.
const USUAL: usize = 64;

/// Measures both and draws them into `folder`.
pub(crate) fn draw(programs: &ProxyPrograms, effort: Effort, folder: &Path) -> Result<(), BenchError> {
    connections(programs, effort)?.write(&folder.join("sidecar-connections.svg"))?;
    bodies(programs, effort)?.write(&folder.join("sidecar-bodies.svg"))
}

fn connections(programs: &ProxyPrograms, effort: Effort) -> Result<Figure, BenchError> {
    let upstream = Upstream::start(machine::upstream_processor(), LENGTH)?;
    let setting = Setting::new(programs, &upstream, Role::Forward);
    let mut curves = Vec::new();
    for kind in PROXIES {
        let proxy = kind.start(&setting)?;
        let mut points = Vec::new();
        for count in CONNECTIONS {
            let rps = rps(&proxy, PLAIN, usize::from(count), effort)?;
            eprintln!("    {count} connections to {}: {rps:.0} requests a second", proxy.name);
            points.push((f64::from(count), rps));
        }
        curves.push(Curve { name: proxy.name, points });
    }
    Ok(Figure {
        title: "Proxied GET of 256 bytes, by connections",
        across: "connections, each with one request under way",
        up: "requests a second",
        up_is_log: false,
        curves,
    })
}

fn bodies(programs: &ProxyPrograms, effort: Effort) -> Result<Figure, BenchError> {
    let mut curves: Vec<Curve> = Vec::new();
    for length in BODIES {
        let upstream = Upstream::start(machine::upstream_processor(), usize::from(length))?;
        let setting = Setting::new(programs, &upstream, Role::Cache);
        for kind in PROXIES {
            let proxy = kind.start(&setting)?;
            let rps = rps(&proxy, FRESH, USUAL, effort)?;
            eprintln!("    {length} bytes from {}: {rps:.0} requests a second", proxy.name);
            let point = (f64::from(length), rps);
            match curves.iter_mut().find(|curve| curve.name == proxy.name) {
                Some(curve) => curve.points.push(point),
                None => curves.push(Curve { name: proxy.name, points: vec![point] }),
            }
        }
    }
    Ok(Figure {
        title: "Cache hit on 64 connections, by bytes of the answer",
        across: "bytes of the answer",
        up: "requests a second",
        up_is_log: false,
        curves,
    })
}

/// Requests a second, when each key was asked for before.
fn rps(proxy: &Proxy, path: &str, connections: usize, effort: Effort) -> Result<f64, BenchError> {
    let requests = proxy.get(path, effort.keys);
    let load = |keys| {
        let measured = proxy.load(&requests, connections, keys).run();
        measured.map_err(|error| proxy.tell(error))
    };
    if path == FRESH {
        load(Keys::EachOnce)?;
    }
    Ok(load(Keys::Random(effort.length))?.rps)
}
