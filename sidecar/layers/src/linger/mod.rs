//! A request body that nobody reads to its end is let run out, so that whoever sends it gets the answer.

mod body;

pub use body::LingeringBody;
