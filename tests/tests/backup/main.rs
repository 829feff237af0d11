//! Backups in a real S3 server, versitygw, of a real server and through a real sidecar; and an S3 server that fails.

#[cfg(test)]
mod bucket;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod running;
#[cfg(test)]
mod sidecar;
#[cfg(test)]
mod trust;
