//! Step 3 (pure): the objects that copy a store, and that read a copy back. No client, no clock, no random numbers.

mod destination;
mod job;
mod pod;

pub use job::job;

#[cfg(test)]
mod tests;
