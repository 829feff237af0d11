//! The tools of the cluster, built from Go modules that `tools/*/go.{mod,sum}` pin.
//!
//! They live in a cache outside the checkout, keyed by what they are built from: a fresh clone starts
//! in seconds, and two checkouts of different versions do not disturb each other.

mod build;
mod catalog;

use std::{
    env,
    path::{Path, PathBuf},
};

pub use catalog::Module;

use crate::error::ClusterError;

/// The cache's folder: `KIVI_CACHE`, else `XDG_CACHE_HOME/kivi`, else `~/.cache/kivi`.
pub fn cache() -> PathBuf {
    cache_from(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn cache_from(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let user =
        || variable("XDG_CACHE_HOME").unwrap_or_else(|| variable("HOME").unwrap_or_default().join(".cache"));
    variable("KIVI_CACHE").unwrap_or_else(|| user().join("kivi"))
}

/// Builds the modules that are not yet in the cache, showing progress, and says where their programs are.
pub fn ensure(modules: &[Module]) -> Result<Binaries, ClusterError> {
    let cache = cache();
    let missing: Vec<_> = modules.iter().filter(|module| !module.folder(&cache).exists()).collect();
    for (index, module) in missing.iter().enumerate() {
        build::build(**module, &cache, &format!("tool {} of {}", index + 1, missing.len()))?;
    }
    Ok(Binaries { cache })
}

/// The path of one tool by its name, built first if need be.
pub fn tool(name: &str) -> Result<PathBuf, ClusterError> {
    let module = Module::of_tool(name).ok_or_else(|| ClusterError::UnknownTool {
        name: name.to_owned(),
        known: Module::ALL.iter().flat_map(|module| module.tools()).collect::<Vec<_>>().join(", "),
    })?;
    Ok(ensure(&[module])?.path(module, name))
}

/// Where built programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    cache: PathBuf,
}

impl Binaries {
    /// The programs of a cache that holds them already.
    pub fn within(cache: impl Into<PathBuf>) -> Self {
        Self { cache: cache.into() }
    }

    /// A program of Kubernetes.
    pub(crate) fn kubernetes(&self, name: &str) -> PathBuf {
        self.path(Module::Kubernetes, name)
    }

    /// etcd.
    pub(crate) fn etcd(&self) -> PathBuf {
        self.path(Module::Etcd, "etcd")
    }

    /// CoreDNS.
    pub(crate) fn coredns(&self) -> PathBuf {
        self.path(Module::CoreDns, "coredns")
    }

    /// KWOK, which must have been asked for.
    pub(crate) fn kwok(&self) -> PathBuf {
        self.path(Module::Kwok, "kwok")
    }

    /// What pods' sandboxes run.
    pub(crate) fn probe(&self) -> PathBuf {
        self.path(Module::Probe, "probe")
    }

    fn path(&self, module: Module, name: &str) -> PathBuf {
        module.folder(&self.cache).join(name)
    }

    /// The cache's folder.
    pub fn cache(&self) -> &Path {
        &self.cache
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache_with(set: &[(&str, &str)]) -> PathBuf {
        cache_from(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn the_cache_is_where_the_user_wants_it() {
        assert_eq!(cache_with(&[("HOME", "/home/me")]), Path::new("/home/me/.cache/kivi"));
        assert_eq!(cache_with(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/c")]), Path::new("/c/kivi"));
        assert_eq!(cache_with(&[("KIVI_CACHE", "/k"), ("XDG_CACHE_HOME", "/c")]), Path::new("/k"));
    }

    #[test]
    fn an_unknown_tool_lists_the_known_ones() {
        let error = tool("kubctl").unwrap_err().to_string();
        assert!(
            error.starts_with("there is no tool `kubctl`") && error.contains("kubectl, kubelet"),
            "{error}"
        );
    }
}
