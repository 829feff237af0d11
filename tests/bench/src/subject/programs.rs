//! Where the programs are that are measured, and where they keep their files meanwhile.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Paths, as `scripts/bench-server.sh` names them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Programs {
    /// Kivi's server, built as it ships.
    #[arg(long, value_name = "FILE")]
    pub(crate) kivi_server: PathBuf,
    /// The Go map server.
    #[arg(long, value_name = "FILE")]
    pub(crate) go_map: PathBuf,
    /// etcd.
    #[arg(long, value_name = "FILE")]
    pub(crate) etcd: PathBuf,
    /// nginx.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/nginx")]
    pub(crate) nginx: PathBuf,
    /// Redis.
    #[arg(long, value_name = "FILE", default_value = "/usr/bin/redis-server")]
    pub(crate) redis: PathBuf,
    /// Where subjects keep their files: a folder on the disk that is measured.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) scratch: PathBuf,
}

impl Programs {
    /// Which versions of the peers these are, as they tell themselves.
    pub(crate) fn versions(&self) -> String {
        [(&self.nginx, "-v"), (&self.redis, "--version"), (&self.etcd, "--version")]
            .map(|(program, flag)| version(program, flag))
            .join("; ")
    }
}

/// The first line that a program says when it is asked for its version.
pub(super) fn version(program: &Path, flag: &str) -> String {
    let output = Command::new(program).arg(flag).output().ok();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}
