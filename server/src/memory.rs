//! Whether the container has the memory that the limits need: a kernel that ends the process does not ask whether a write
//! was to be refused first.

use std::path::Path;

use kivi_settings::LimitsSettings;

/// Where the kernel shows control groups (version 2).
const CGROUPS: &str = "/sys/fs/cgroup";
/// Which of them this process is in, as a line `0::/path`.
const OWN: &str = "/proc/self/cgroup";

/// Says so in the log, where it has less. Without a control group with a bound nothing is known.
pub(crate) fn warn_of_too_little(limits: &LimitsSettings) {
    let own = std::fs::read_to_string(OWN).unwrap_or_default();
    if let Some(warning) = bound(Path::new(CGROUPS), &own).and_then(|bound| too_little(limits, bound)) {
        tracing::warn!("{warning}");
    }
}

/// The most memory that the control group of `own` may use, in bytes.
fn bound(cgroups: &Path, own: &str) -> Option<u64> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    // `max` where it is unbounded.
    std::fs::read_to_string(cgroups.join(path).join("memory.max")).ok()?.trim().parse().ok()
}

fn too_little(limits: &LimitsSettings, bound: u64) -> Option<String> {
    let (memory, need) = (&limits.memory, limits.process_bytes().div_ceil(1 << 20));
    (bound < limits.process_bytes()).then(|| {
        let has = bound >> 20;
        format!(
            "With limits.memory of {memory} the server may need {need} MiB, and its container has {has} MiB: the kernel may \
             end it before writes are refused; lower limits.memory or raise the container's limit."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_processs_own_group() {
        let cgroups = tempfile::tempdir().unwrap();
        let group = cgroups.path().join("kivi.slice/server");
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(group.join("memory.max"), "268435456\n").unwrap();
        std::fs::write(cgroups.path().join("kivi.slice/memory.max"), "max\n").unwrap();
        for (own, expected) in [
            ("0::/kivi.slice/server\n", Some(256 << 20)),
            ("1:memory:/\n0::/kivi.slice/server\n", Some(256 << 20)),
            ("0::/kivi.slice\n", None),
            ("0::/\n", None),
            ("", None),
        ] {
            assert_eq!(bound(cgroups.path(), own), expected, "{own:?}");
        }
    }

    #[test]
    fn what_is_enough_is_no_news() {
        let limits = LimitsSettings::default();
        let need = limits.process_bytes();
        assert_eq!(too_little(&limits, need), None);
        assert_eq!(
            too_little(&limits, 256 << 20).unwrap(),
            "With limits.memory of 256Mi the server may need 480 MiB, and its container has 256 MiB: the kernel may end \
             it before writes are refused; lower limits.memory or raise the container's limit."
        );
    }
}
