//! The client that every subject is measured with: requests made ready beforehand, plain sockets, one thread.
//!
//! It shares the machine with the server it measures, so it does as little as it can: one write and one read a
//! request, no header map, no copy of an answer.

mod answer;
mod connection;
mod crowd;
mod load;
mod requests;
mod stream;
mod tls;

pub(crate) use answer::Wire;
pub(crate) use crowd::{Answer, Crowd};
pub(crate) use load::{Keys, Load, Measured, Pace};
pub(crate) use requests::{KeySpace, Requests, base64, key};
pub(crate) use tls::Trust;
