//! One bit, anywhere in what a restore reads.

use std::path::{Path, PathBuf};

use kivi_backup::{archive::Archiver, chain::Upto, restore};

use crate::running::{Running, folder, into};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_bit_that_is_flipped_anywhere_is_found_or_means_nothing() {
    let (root, folder) = folder();
    let server = Running::start().await;
    for key in 0..9 {
        server.put(&format!("k{key}"), "v".repeat(60)).await;
    }
    server.take(&folder, "a").await.unwrap();
    for key in 0..5 {
        server.put(&format!("k{}", key * 3), "w".repeat(60)).await;
    }
    Archiver::default().archive(&folder, &server.server()).await.unwrap();
    let hash = server.hash().await;
    let dir = tempfile::tempdir().unwrap();
    let mut order = into(&dir.path().join("data"));
    order.upto = Some(Upto::Revision(14));
    let mut found = 0;
    for file in files(root.path()) {
        let whole = std::fs::read(&file).unwrap();
        let is_data = file.extension().is_none_or(|extension| extension != "json");
        for at in (0..whole.len()).step_by(if whole.len() > 1000 { 7 } else { 1 }) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&file, &flipped).unwrap();
            let done = restore::restore(&folder, &order).await;
            match done {
                Err(_) => found += 1,
                Ok(done) => {
                    // A time, say, of which nothing depends.
                    assert!(!is_data, "{} at {at}", file.display());
                    assert_eq!(done.what.unwrap().state_hash, hash, "{} at {at}", file.display());
                    std::fs::remove_dir_all(&order.data_dir).unwrap();
                }
            }
        }
        for length in (0..whole.len()).step_by(61) {
            std::fs::write(&file, &whole[..length]).unwrap();
            if file.file_name().unwrap() != "store.json" {
                assert!(restore::restore(&folder, &order).await.is_err(), "{length} of {}", file.display());
            }
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(found > 300, "{found}");
    assert_eq!(restore::restore(&folder, &order).await.unwrap().what.unwrap().state_hash, hash);
}
