//! Step 3 (pure): the objects that copy a store, and that read a copy back. No client, no clock, no random numbers.

mod cron_job;
mod destination;
mod job;
mod pod;
mod remembered;
mod restore;
mod scheduled;

pub use cron_job::cron_job;
pub use destination::VOLUMES;
pub use job::job;
pub use remembered::sound;
pub use restore::NAME as RESTORE;
pub(crate) use restore::container as restore;
pub use scheduled::{due, scheduled};

#[cfg(test)]
mod tests;
