//! One build of one Go module, into the cache, by one process at a time.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use super::catalog::{LINKER_FLAGS, Module, Source};
use crate::{command, error::ClusterError, log, progress::Progress};

const POLL: Duration = Duration::from_millis(100);

/// Builds a module unless another process did meanwhile. The result appears whole or not at all.
pub(super) fn build(module: Module, cache: &Path, ordinal: &str) -> Result<(), ClusterError> {
    let source = module.source();
    let folder = module.folder(cache);
    let tools = cache.join("tools");
    fs::create_dir_all(&tools).map_err(ClusterError::io("create", &tools))?;
    let _lock = lock(&tools.join(format!("{}.lock", source.name)), source.name)?;
    if folder.exists() {
        return Ok(());
    }
    let unfinished = tools.join(format!("{}.unfinished", source.name));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(ClusterError::io("remove", &unfinished))?;
    }
    let work = unfinished.join("source");
    fs::create_dir_all(&work).map_err(ClusterError::io("create", &work))?;
    for (name, contents) in source.files {
        fs::write(work.join(name), contents).map_err(ClusterError::io("write", work.join(name)))?;
    }
    compile(source, &unfinished, &tools.join(format!("{}.log", source.name)), ordinal)?;
    for (built, called) in source.programs {
        fs::rename(unfinished.join(built), unfinished.join(called))
            .map_err(ClusterError::io("rename", unfinished.join(built)))?;
    }
    for (of, path) in source.beside {
        let mut list = go(&work);
        let module = command::output(list.args(["list", "-m", "-f", "{{.Dir}}", of]))?;
        let file = Path::new(module.trim()).join(path);
        let place = unfinished.join(file.file_name().unwrap_or_default());
        fs::copy(&file, place).map_err(ClusterError::io("copy", &file))?;
    }
    fs::rename(&unfinished, &folder).map_err(ClusterError::io("name", &folder))
}

/// The Go command in a module's folder. A user's own flags, workspace or tool chain pin would change what is built.
fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    let pinned = [("GOFLAGS", ""), ("CGO_ENABLED", "0"), ("GOWORK", "off"), ("GOTOOLCHAIN", "auto")];
    command.current_dir(folder).envs(pinned);
    command
}

/// Waits for the lock, saying so; it is let go when the file is closed, also by a crash.
fn lock(path: &Path, name: &str) -> Result<File, ClusterError> {
    let file = File::create(path).map_err(ClusterError::io("create", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(ClusterError::io("lock", path)(source)),
    }
    let progress = Progress::begin(format!("waiting for another process that builds {name}"));
    file.lock().map_err(ClusterError::io("lock", path))?;
    progress.done();
    Ok(file)
}

fn compile(source: &Source, into: &Path, output: &Path, ordinal: &str) -> Result<(), ClusterError> {
    let mut progress =
        Progress::begin(format!("{ordinal}: building {} (the first time {})", source.name, source.minutes));
    let mut command = go(&into.join("source"));
    command
        .args(["build", "-v", "-trimpath", "-ldflags", LINKER_FLAGS, "-o"])
        .arg(format!("{}/", into.display()))
        .arg(source.pattern)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let status = watch(&mut command, output, &mut progress).map_err(|source| ClusterError::Command {
        command: "go build".to_owned(),
        message: format!("{source}; is Go installed and in PATH?"),
    })?;
    if !status.success() {
        return Err(ClusterError::Build {
            tool: source.name,
            log: output.to_owned(),
            tail: log::tail(output),
        });
    }
    progress.done();
    Ok(())
}

/// Runs the build; `go build -v` writes a line for each module fetched and each package compiled.
fn watch(command: &mut Command, log: &Path, progress: &mut Progress) -> io::Result<ExitStatus> {
    let mut log = File::create(log)?;
    let mut child = command.spawn()?;
    let lines = AtomicUsize::new(0);
    let output = child.stderr.take();
    thread::scope(|scope| {
        let copy = scope.spawn(|| copy_lines(output, &mut log, &lines));
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            progress.tick(&format!(", {} packages", lines.load(Ordering::Relaxed)));
            thread::sleep(POLL);
        };
        copy.join().unwrap_or(Ok(()))?;
        Ok(status)
    })
}

fn copy_lines(from: Option<impl io::Read>, into: &mut impl io::Write, lines: &AtomicUsize) -> io::Result<()> {
    for line in from.into_iter().flat_map(|output| BufReader::new(output).lines()) {
        writeln!(into, "{}", line?)?;
        lines.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
