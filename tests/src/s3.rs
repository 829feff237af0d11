//! A real S3 server, versitygw, with one bucket: as a process of this machine ([`LocalS3`]), or in the cluster ([`S3`]).

mod local;
mod pod;

pub use local::{LocalS3, Pair};
pub use pod::S3;

/// Its one bucket.
pub const BUCKET: &str = "backups";
/// The access key that it takes.
pub const ACCESS_KEY: &str = "kivi-tests";
/// The secret of that key.
pub const SECRET_KEY: &str = "kivi-tests-secret";
/// The region that requests are signed for.
pub const REGION: &str = "us-east-1";
