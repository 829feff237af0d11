//! A volume that is really full: a `tmpfs` of some megabytes, in a mount namespace of its own that ends with the processes in
//! it. Where this user may not mount one, the test says so and is passed over.
//!
//! The processes in there are this test binary itself, started with [`inside`] and [`filler`] as their only tests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a helper of tests may fail as a test does"
)]

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

use kivi_store::{FileLog, FileLogOptions, Store, StoreError, StoreOptions};

use self::support::{delete, put, value};

/// Where the child finds its directory.
const DIRECTORY: &str = "KIVI_VOLUME_DIRECTORY";
const VALUE: usize = 8 << 10;

/// This binary with one of its tests.
fn child(test: &str) -> Vec<String> {
    let binary = std::env::current_exe().unwrap().display().to_string();
    [&binary, test, "--exact", "--ignored", "--nocapture"].map(str::to_owned).to_vec()
}

/// Runs a command on a `tmpfs` at a directory.
fn on_a_volume(directory: &Path, command: &[String]) -> Output {
    Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=24m tmpfs \"$0\" && exec \"$@\"")
        .arg(directory)
        .args(command)
        .env(DIRECTORY, directory)
        .output()
        .unwrap()
}

#[test]
fn a_volume_that_is_really_full_is_read_compacted_and_written_again_also_behind_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let may = on_a_volume(directory.path(), &["true".to_owned()]);
    if !may.status.success() {
        eprintln!(
            "Passed over: no tmpfs can be mounted here: {}",
            String::from_utf8_lossy(&may.stderr).trim()
        );
        return;
    }
    let done = on_a_volume(directory.path(), &child("inside"));
    let told = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
    print!("{told}");
}

async fn open(directory: &Path) -> Arc<Store> {
    let options = FileLogOptions { segment_bytes: 1 << 20, ..FileLogOptions::default() };
    let store = StoreOptions { compact_at_garbage: Some(50), ..StoreOptions::default() };
    Store::open(FileLog::open(&directory.join("log"), options).unwrap(), store).await.unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn large(number: usize) -> Vec<u8> {
    let mut value = format!("{number}/").into_bytes();
    value.resize(VALUE, b'v');
    value
}

/// Fills the volume with keys, prints how many were acknowledged, and waits to be killed.
#[test]
#[ignore = "a process that the other test starts"]
fn filler() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    runtime().block_on(async {
        let store = open(Path::new(&directory)).await;
        // Room for the next snapshot is held before there is none.
        while !Path::new(&directory).join("log/next.snapshot.unfinished").exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut stored = 0;
        loop {
            match put(&store, &format!("k{stored}"), large(stored)).await {
                Ok(_) => stored += 1,
                Err(StoreError::LogFull) => break,
                Err(error) => panic!("{error}"),
            }
            // As a client may be that is no benchmark, so that the reserve follows.
            if stored % 16 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert_eq!(value(&store, "k0").unwrap(), large(0), "reads go on");
        assert_eq!(store.status().writable, Err(StoreError::LogFull));
        println!("full at {stored}");
        std::io::stdout().flush().unwrap();
        std::future::pending::<()>().await;
    });
}

#[test]
#[ignore = "a process that the other test starts"]
fn inside() {
    let directory = std::env::var_os(DIRECTORY).unwrap();
    let directory = Path::new(&directory);
    let command = child("filler");
    let mut filler = Command::new(&command[0]).args(&command[1..]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(filler.stdout.take().unwrap()).lines().map_while(Result::ok);
    let stored =
        lines.find_map(|line| line.strip_prefix("full at ").map(|count| count.parse::<usize>().unwrap()));
    filler.kill().unwrap();
    filler.wait().unwrap();
    let stored = stored.expect("the filler ended by itself");
    runtime().block_on(async {
        let store = open(directory).await;
        for number in 0..stored {
            assert_eq!(value(&store, &format!("k{number}")).unwrap(), large(number), "k{number} of {stored}");
        }
        for number in 0..stored / 3 {
            delete(&store, &format!("k{number}")).await.unwrap();
        }
        let began = std::time::Instant::now();
        while put(&store, "next", large(0)).await.is_err() || store.status().compactions == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "writes never went on: {:?}", store.status());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let status = store.status();
        println!(
            "Full at {stored} keys; a third deleted; compacted and writable by itself after {:?}, {} compactions.",
            began.elapsed(),
            status.compactions
        );
        for number in stored / 3..stored {
            assert_eq!(value(&store, &format!("k{number}")).unwrap(), large(number), "k{number} of {stored}");
        }
        store.close().await.unwrap();
    });
}
