//! How a log is kept.

use std::{fmt, sync::Arc, time::Duration};

use super::step::StepObserver;

/// Told how long each sync of a segment took, failed ones too. It runs on the log thread, which writes nothing
/// meanwhile.
pub type SyncObserver = Arc<dyn Fn(Duration) + Send + std::marker::Sync>;

/// How the log is kept.
#[derive(Clone)]
pub struct FileLogOptions {
    /// The size of a segment in bytes; it is allocated whole. A batch that needs more gets a segment of its own size.
    pub segment_bytes: u64,
    /// When the log vouches for a write.
    pub sync: Sync,
    /// Who is told of each sync, if anybody.
    pub on_sync: Option<SyncObserver>,
    /// Who is told of each step, if anybody: tests.
    pub on_step: Option<StepObserver>,
}

impl Default for FileLogOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, sync: Sync::Always, on_sync: None, on_step: None }
    }
}

impl fmt::Debug for FileLogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment_bytes, sync, on_sync, on_step } = self;
        f.debug_struct("FileLogOptions")
            .field("segment_bytes", segment_bytes)
            .field("sync", sync)
            .field("on_sync", &on_sync.is_some())
            .field("on_step", &on_step.is_some())
            .finish()
    }
}

/// When the log vouches for a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// When it is durable: nothing acknowledged is lost in a power cut.
    Always,
    /// When the system has it; it is made durable at this interval. A power cut may lose that much.
    Interval(Duration),
    /// When the system has it; it is made durable when the system pleases, and at the end of a segment.
    Never,
}
