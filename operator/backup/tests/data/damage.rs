//! One bit, anywhere in what a restore reads.

use std::path::{Path, PathBuf};

use std::time::Duration;

use kivi_backup::{
    Error, archive::Archiver, chain::Upto, manifest, prune, restore, retention::Retention, take,
};

use crate::running::{Running, folder, into, order, restored};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_keeps_others_from_nothing_and_what_it_needs_stays() {
    for damage in ["", "{", r#"{"format": 2, "name": "a"}"#] {
        let (root, folder) = folder();
        let server = Running::start().await;
        let mut archiver = Archiver::default();
        for name in ["a", "b"] {
            server.put("k", name).await;
            server.take(&folder, name).await.unwrap();
            server.put("k", format!("behind {name}")).await;
            archiver.archive(&folder, &server.server()).await.unwrap();
        }
        let files = files(root.path());
        let manifest = files.iter().find(|file| file.ends_with("a/manifest.json")).unwrap();
        let whole = std::fs::read(manifest).unwrap();
        std::fs::write(manifest, damage).unwrap();

        let retention = Retention { keep: Some(1), ..Retention::default() };
        let order = take::Order { retention, ..order("c") };
        let taken = take::take(&folder, &server.server(), &order, manifest::now).await.unwrap();
        assert_eq!(taken.pruned.pruned, ["b".parse().unwrap()], "{damage}");
        let later = manifest::now() + Duration::from_secs(48 * 3600);
        let pruned = prune::prune(&folder, &order.name, &order.retention, later).await;
        assert_eq!(pruned.not_pruned, None);
        archiver.archive(&folder, &server.server()).await.unwrap();
        Archiver::default().archive(&folder, &server.server()).await.unwrap();
        assert_eq!(restored(&folder, |_| ()).await.unwrap().to_string(), taken.state_hash);
        let named = |name: &str| {
            let name = name.parse().unwrap();
            move |order: &mut restore::Order| {
                (order.backup, order.upto) = (Some(name), Some(Upto::Latest));
            }
        };
        assert_eq!(restored(&folder, named("c")).await.unwrap().to_string(), taken.state_hash);
        for refused in
            [restored(&folder, named("a")).await.err(), server.take(&folder, "a").await.map(drop).err()]
        {
            assert!(matches!(&refused, Some(Error::Unreadable { .. })), "{refused:?}");
        }
        // It is put back from somewhere, or read by the version that wrote it.
        std::fs::write(manifest, &whole).unwrap();
        assert_eq!(restored(&folder, named("a")).await.unwrap().to_string(), taken.state_hash);
    }
}

#[tokio::test]
async fn an_object_that_only_tells_which_past_a_backup_is_of_may_be_lost() {
    for damage in [None, Some("damaged")] {
        let (root, folder) = folder();
        let server = Running::start().await;
        let mut archiver = Archiver::default();
        for name in ["a", "b"] {
            server.put("k", name).await;
            server.take(&folder, name).await.unwrap();
            archiver.archive(&folder, &server.server()).await.unwrap();
        }
        server.put("k", "c").await;
        archiver.archive(&folder, &server.server()).await.unwrap();
        let files = files(root.path());
        let ends_with_b = files.iter().find(|file| file.to_str().unwrap().ends_with("002")).unwrap();
        match damage {
            Some(damage) => std::fs::write(ends_with_b, damage).unwrap(),
            None => std::fs::remove_file(ends_with_b).unwrap(),
        }
        let latest = |order: &mut restore::Order| order.upto = Some(Upto::Latest);
        assert_eq!(restored(&folder, latest).await.unwrap().to_string(), server.hash().await, "{damage:?}");
        // Nor does the archive end where its last object is damaged.
        let last = files.iter().find(|file| file.to_str().unwrap().ends_with("003")).unwrap();
        std::fs::write(last, "damaged").unwrap();
        let revision = server.put("k", "d").await;
        let kept = Archiver::default().archive(&folder, &server.server()).await.unwrap();
        assert_eq!(kept.first_revision, Some(revision));
    }
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
