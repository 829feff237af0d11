//! Where the proxies' programs are, and where they keep their files meanwhile.

use std::path::PathBuf;

use super::super::programs::version;

/// Paths, as `scripts/bench-sidecar.sh` names them.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ProxyPrograms {
    /// Kivi's sidecar, built as it ships.
    #[arg(long, value_name = "FILE")]
    pub(crate) kivi_sidecar: PathBuf,
    /// nginx.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/nginx")]
    pub(crate) nginx: PathBuf,
    /// HAProxy.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/haproxy")]
    pub(crate) haproxy: PathBuf,
    /// Varnish.
    #[arg(long, value_name = "FILE", default_value = "/usr/sbin/varnishd")]
    pub(crate) varnishd: PathBuf,
    /// Where subjects keep their files.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    pub(crate) scratch: PathBuf,
}

impl ProxyPrograms {
    /// Which versions of the peers these are, as they tell themselves.
    pub(crate) fn versions(&self) -> String {
        [(&self.nginx, "-v"), (&self.haproxy, "-v"), (&self.varnishd, "-V")]
            .map(|(program, flag)| version(program, flag))
            .join("; ")
    }
}
