//! This machine: what it is, which processor is whose, what its disk takes to sync.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use rustix::{
    fs::FallocateFlags,
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_setaffinity},
};

use crate::{error::BenchError, interrupt};

/// Syncs of a measurement of the disk.
const SYNCS: u32 = 1000;
/// What is written before each: about a record of a 256-byte value.
const WRITE: [u8; 320] = [b'w'; 320];

/// Processors that this program may use.
pub(crate) fn processors() -> usize {
    static COUNT: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    // Asked for once, before this thread is confined to one of them.
    *COUNT
}

/// The one that every subject is confined to.
pub(crate) fn subject_processor() -> usize {
    0
}

/// The one of the server behind proxies, while they are to be what is slow: neither theirs nor, where there are three,
/// the client's.
pub(crate) fn upstream_processor() -> usize {
    usize::from(processors() > 1)
}

/// Confines this thread, which is the client, to another one than the subjects'.
pub(crate) fn settle() -> Result<(), BenchError> {
    confine(processors() - 1)
}

/// Confines this thread to one processor.
pub(crate) fn confine(processor: usize) -> Result<(), BenchError> {
    let mut own = CpuSet::new();
    own.set(processor);
    sched_setaffinity(None, &own).map_err(|error| BenchError::Io {
        action: "confine this thread to",
        path: "a processor".into(),
        source: error.into(),
    })
}

/// Lets this program and the subjects it starts hold as many connections as the system allows.
pub(crate) fn allow_many_files() -> Result<(), BenchError> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).map_err(|error| BenchError::Io {
        action: "raise the limit of",
        path: "open files".into(),
        source: error.into(),
    })
}

/// Fails unless so many files may be open.
pub(crate) fn require_files(needed: u64) -> Result<(), BenchError> {
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < needed => Err(BenchError::Files { allowed, needed }),
        _ => Ok(()),
    }
}

/// The median time of an fdatasync behind a small write into a file that is allocated, not grown; on the processor that
/// the subjects are confined to, since where a disk's interrupts go makes one processor's syncs slower than another's.
pub(crate) fn fdatasync(folder: &Path) -> Result<Duration, BenchError> {
    let on_the_subjects = || {
        confine(subject_processor())?;
        measure_fdatasync(folder)
    };
    let measured = std::thread::scope(|scope| scope.spawn(on_the_subjects).join());
    measured.map_err(|_| BenchError::Client("the measurement of fdatasync panicked".to_owned()))?
}

fn measure_fdatasync(folder: &Path) -> Result<Duration, BenchError> {
    let path = folder.join("(a file to sync)");
    let file = tempfile::tempfile_in(folder).map_err(BenchError::io("create a file in", folder))?;
    rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, 4 << 20)
        .map_err(|error| BenchError::io("allocate", &path)(error.into()))?;
    let mut took = Vec::new();
    for number in 0..SYNCS {
        interrupt::check()?;
        let offset = u64::from(number) * WRITE.len() as u64;
        file.write_all_at(&WRITE, offset).map_err(BenchError::io("write", &path))?;
        let began = Instant::now();
        file.sync_data().map_err(BenchError::io("sync", &path))?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}

/// One line that says what this is: processors, kernel, load.
pub(crate) fn describe() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let memory = read("/proc/meminfo");
    let kilobytes =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gibibytes = kilobytes.and_then(|count| count.parse::<u64>().ok()).unwrap_or(0) >> 20;
    format!(
        "{} x {}, {gibibytes} GiB of memory, Linux {kernel}",
        processors(),
        model.map_or("a processor without a name", |(_, model)| model),
    )
}

/// The load average of the last minute: above 0 before a run, others share the processors.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
