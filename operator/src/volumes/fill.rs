//! How full a volume is, as its server's metrics tell. Pure.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

/// What is known of how full a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fill {
    /// The server's own figures.
    Measured(Figures),
    /// The server cannot start for want of room; when its last try ended.
    Full(String),
    /// The server serves and cannot be asked, for this reason.
    Unknown(String),
}

/// Figures of a server's metrics, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// What the log takes.
    pub log: Option<u64>,
    /// Size of the file system.
    pub size: Option<u64>,
    /// What is free of it.
    pub available: Option<u64>,
}

impl Figures {
    /// The figures among a server's metrics, in the text format; none where there is none.
    pub fn read(metrics: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = metrics.lines();
            // A gauge without labels.
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.split(' ').next()?.parse().ok())
        };
        let figures = Self {
            log: value("kivi_log_size_bytes"),
            size: value("kivi_log_volume_size_bytes"),
            available: value("kivi_log_volume_available_bytes"),
        };
        (figures != Self::default()).then_some(figures)
    }

    /// Bytes that are taken, and of how many, on a volume of `actual` bytes.
    ///
    /// Where the file system is larger than the volume, it is shared with others, as a folder of a node's disk is:
    /// then only what the log itself takes counts.
    pub fn used(&self, actual: u64) -> Option<(u64, u64)> {
        match (self.size, self.available) {
            (Some(size), Some(available)) if size <= actual => Some((size.saturating_sub(available), size)),
            _ => Some((self.log?, actual)),
        }
    }
}

/// When a pod's server ended because its volume has no room, by the last words that the kubelet keeps; none while one runs, which
/// may have found some.
pub fn ended_for_want_of_room(pod: &Pod) -> Option<String> {
    /// What the system calls ENOSPC and EDQUOT.
    const WORDS: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let end = |status: &ContainerStatus| {
        let mut ends = [&status.state, &status.last_state].into_iter().flatten();
        let end = ends.find_map(|state| state.terminated.clone())?;
        let runs = status.state.as_ref().is_some_and(|state| state.running.is_some());
        let full = WORDS.iter().any(|word| end.message.as_deref().unwrap_or_default().contains(word));
        (full && !runs).then(|| end.finished_at.map(|time| time.0.to_string()).unwrap_or_default())
    };
    statuses.into_iter().flatten().find_map(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_text_format() {
        let text = "# TYPE kivi_log_size_bytes gauge\nkivi_log_size_bytes 70\nkivi_log_volume_size_bytes 100\n\
                    kivi_log_volume_available_bytes 20\nkivi_log_size_bytes_other 1\n";
        let figures = Figures { log: Some(70), size: Some(100), available: Some(20) };
        assert_eq!(Figures::read(text), Some(figures));
        assert_eq!(figures.used(110), Some((80, 100)), "a file system of its own");
        assert_eq!(figures.used(90), Some((70, 90)), "a folder of a larger one");
        let old = Figures::read("kivi_log_size_bytes 70\n").unwrap();
        assert_eq!(old.used(100), Some((70, 100)), "a release that tells nothing of the file system");
        assert_eq!(Figures::read("kivi_store_keys 5\n"), None);
    }

    #[test]
    fn a_server_that_ended_for_want_of_room_says_so() {
        let pod = |state: &str, message: &str| -> Pod {
            serde_yaml::from_str(&format!(
                "{{status: {{containerStatuses: [{{name: server, image: i, imageID: '', ready: false, restartCount: 1, state: {{{state}: {{}}}},
                   lastState: {{terminated: {{exitCode: 1, finishedAt: '2026-11-22T10:00:00Z', message: '{message}'}}}}}}]}}}}"
            ))
            .unwrap()
        };
        let full = "cannot create segment /var/lib/kivi/a: No space left on device (os error 28)";
        assert_eq!(ended_for_want_of_room(&pod("waiting", full)).as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(ended_for_want_of_room(&pod("running", full)), None, "that was before");
        assert_eq!(ended_for_want_of_room(&pod("waiting", "corrupt at offset 12")), None);
    }
}
