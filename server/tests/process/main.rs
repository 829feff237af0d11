//! The binary as a person or Kubernetes runs it: exit codes, signals, crashes, damage.

#[cfg(test)]
mod binary;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod usage;
