//! A real S3 server, versitygw, with one bucket: as a process of this machine ([`LocalS3`]), or in the cluster ([`S3`]).

mod local;
mod pod;

pub use local::LocalS3;
pub use pod::S3;

/// What a server speaks TLS with, as PEM.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'p> {
    /// Its certificate.
    pub certificate: &'p str,
    /// The key of that.
    pub key: &'p str,
}

/// Its one bucket.
pub const BUCKET: &str = "backups";
/// The access key that it takes.
pub const ACCESS_KEY: &str = "kivi-tests";
/// The secret of that key.
pub const SECRET_KEY: &str = "kivi-tests-secret";
/// The region that requests are signed for.
pub const REGION: &str = "us-east-1";
