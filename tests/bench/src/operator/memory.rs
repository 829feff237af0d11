//! The operator's memory, from the kernel.

use std::fs;

use super::failure;
use crate::error::BenchError;

/// Resident memory, in MB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    pub(super) now: f64,
    /// The most since its start.
    pub(super) peak: f64,
}

/// Of a process (`proc_pid_status(5)`).
pub(super) fn resident(pid: u32) -> Result<Resident, BenchError> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(BenchError::io("read", &path))?;
    let read = |name: &str| {
        megabytes(&status, name).ok_or_else(|| failure(format!("find {name} in {path}"))("none"))
    };
    Ok(Resident { now: read("VmRSS:")?, peak: read("VmHWM:")? })
}

fn megabytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kibibytes_of_the_kernel_become_megabytes() {
        assert_eq!(megabytes("VmHWM:\t  125000 kB\nVmRSS:\t  1 kB\n", "VmHWM:"), Some(128.0));
        assert_eq!(megabytes("VmRSS: 1 kB\n", "VmHWM:"), None);
    }
}
