//! Backups, archives and restores that end at any of their steps.

use std::pin::pin;

use kivi_backup::{
    Error,
    archive::Archiver,
    chain::Upto,
    history::History,
    manifest::now,
    place::Place,
    prune::prune,
    restore::{is_done, restore},
    retention::Retention,
    take::{self, take},
};

use kivi_store::LogError;

use crate::{
    faulty::{Faulty, Trip},
    running::{Running, folder, into, open, order, restored},
};

const TRIPS: [Trip; 6] = [Trip::Full, Trip::Kill, Trip::KillBehind, Trip::Lost, Trip::Again, Trip::Late];

/// What came of it; `None`: it was killed.
async fn unless_killed<T>(place: &Faulty, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = place.stopped() => None,
    }
}

#[tokio::test]
async fn a_backup_that_ends_at_any_step_is_whole_or_not_listed_and_is_taken_again() {
    let server = Running::start().await;
    for key in ["a", "b", "c"] {
        server.put(key, "v".repeat(30_000)).await;
    }
    let hash = server.hash().await;
    let order = take::Order { retention: Retention { keep: Some(1), ..Retention::default() }, ..order("b") };
    for trip in TRIPS {
        for at in 1.. {
            let (_root, folder) = folder();
            server.take(&folder, "a").await.unwrap();
            let faulty = Faulty::new(&folder, at, trip);
            let ended = unless_killed(&faulty, take(&faulty, &server.server(), &order, now)).await;
            faulty.land().await;
            let listed = History::read(&folder).await.unwrap().backups;
            assert!(!listed.is_empty(), "{trip:?} at {at}: the last good one is gone");
            for backup in &listed {
                let named =
                    |order: &mut kivi_backup::restore::Order| order.backup = Some(backup.name.clone());
                let found = restored(&folder, named).await;
                assert_eq!(found.unwrap().to_string(), hash, "{trip:?} at {at}: {}", backup.name);
            }
            if let Some(Err(error)) = &ended {
                let expected =
                    if trip == Trip::Full { "the volume is full" } else { "the server answers 502" };
                assert!(error.to_string().contains(expected), "{error}");
            }
            if let (Some(Err(_)), Trip::Full | Trip::Lost) = (&ended, trip) {
                assert!(listed.iter().all(|backup| backup.name.as_str() == "a"), "{trip:?} at {at}");
                let left = folder.list("backups/").await.unwrap();
                assert_eq!(left.len(), 2, "{trip:?} at {at}: {left:?}");
            }
            let again = take(&folder, &server.server(), &order, now).await.unwrap();
            assert_eq!(again.state_hash, hash, "{trip:?} at {at}");
            if !faulty.tripped() {
                assert!(at > 15, "{at}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn whatever_could_be_removed_the_oldest_that_stays_is_told() {
    let server = Running::start().await;
    let at_hour = |hour: u32| format!("s-at-20261127-{hour:02}00");
    let retention = Retention { keep: Some(2), prefix: "s-at-".to_owned(), ..Retention::default() };
    for trip in [Trip::Full, Trip::Lost] {
        for at in 1.. {
            let (_root, folder) = folder();
            for name in ["a-by-hand".to_owned(), "s-at-0".to_owned()].into_iter().chain((1..=4).map(at_hour))
            {
                server.put("k", "v").await;
                server.take(&folder, &name).await.unwrap();
            }
            let (faulty, taken) = (Faulty::new(&folder, at, trip), at_hour(4).parse().unwrap());
            let pruned = prune(&faulty, &taken, &retention, kivi_backup::manifest::now()).await;
            let listed = History::read(&folder).await.unwrap().backups;
            let counted = listed.iter().map(|backup| &backup.name).filter(|name| retention.counts(name));
            let oldest = counted.min().unwrap();
            match &pruned.oldest_kept {
                Some(told) => assert!(told <= oldest, "{trip:?} at {at}: {told}, and {oldest} is there"),
                None => assert!(pruned.not_pruned.is_some(), "{trip:?} at {at}"),
            }
            if !faulty.tripped() {
                assert_eq!((pruned.pruned.len(), pruned.not_pruned), (2, None));
                assert_eq!(pruned.oldest_kept.unwrap().to_string(), at_hour(3));
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_is_archived_at_any_step_of_a_backup_does_not_keep_it_from_its_end() {
    let server = Running::start().await;
    server.put("k", "v").await;
    let (_root, folder) = folder();
    server.take(&folder, "a").await.unwrap();
    let mut archiver = Archiver::default();
    for at in 1.. {
        let held = Faulty::new(&folder, at, Trip::Hold);
        // One stays, so that the steps are the same each time.
        let retention = Retention { keep: Some(1), ..Retention::default() };
        let (store, order) = (server.server(), take::Order { retention, ..order(&format!("b{at}")) });
        let mut taking = pin!(take(&held, &store, &order, now));
        let taken = tokio::select! {
            taken = &mut taking => taken,
            () = held.stopped() => {
                server.put("k", format!("{at}")).await;
                archiver.archive(&folder, &store).await.unwrap();
                held.release();
                taking.await
            }
        };
        taken.unwrap_or_else(|error| panic!("at {at}: {error}"));
        if !held.tripped() {
            assert!(at > 6, "{at}");
            break;
        }
    }
    let latest = |order: &mut kivi_backup::restore::Order| order.upto = Some(Upto::Latest);
    assert_eq!(restored(&folder, latest).await.unwrap().to_string(), server.hash().await);
}

#[tokio::test]
async fn an_archive_that_ends_at_any_step_has_no_gap_when_it_goes_on() {
    let server = Running::start().await;
    server.put("k", "1").await;
    let (_root, folder) = folder();
    server.take(&folder, "a").await.unwrap();
    let mut revision = 1;
    for trip in TRIPS {
        for at in 1.. {
            revision = server.put("k", format!("{trip:?} {at}")).await;
            let faulty = Faulty::new(&folder, at, trip);
            let mut archiver = Archiver::default();
            let _ = unless_killed(&faulty, archiver.archive(&faulty, &server.server())).await;
            if !faulty.tripped() {
                assert!(at > 6, "{at}");
                break;
            }
        }
    }
    Archiver::default().archive(&folder, &server.server()).await.unwrap();
    let latest = |order: &mut kivi_backup::restore::Order| order.upto = Some(Upto::Latest);
    assert_eq!(restored(&folder, latest).await.unwrap().to_string(), server.hash().await);
    let to_the_end = |order: &mut kivi_backup::restore::Order| order.upto = Some(Upto::Revision(revision));
    restored(&folder, to_the_end).await.unwrap();
}

#[tokio::test]
async fn a_restore_that_ends_at_any_step_is_run_again() {
    let server = Running::start().await;
    let (_root, folder) = folder();
    for key in ["a", "b", "c"] {
        server.put(key, "v").await;
    }
    server.take(&folder, "a").await.unwrap();
    server.put("b", "w").await;
    Archiver::default().archive(&folder, &server.server()).await.unwrap();
    let hash = server.hash().await;
    for trip in [Trip::Full, Trip::Kill] {
        for at in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let mut order = into(&dir.path().join("data"));
            (order.upto, order.unless_exists) = (Some(Upto::Latest), true);
            let faulty = Faulty::new(&folder, at, trip);
            let ended = unless_killed(&faulty, restore(&faulty, &order)).await;
            if faulty.tripped() {
                assert!(ended.is_none_or(|ended| ended.is_err()), "{trip:?} at {at}");
                // Here the thread that was at work ends by itself, and lets go of the directory.
                let done = loop {
                    match is_done(&order).await {
                        Err(Error::Log(LogError::Locked { .. })) => tokio::task::yield_now().await,
                        done => break done.unwrap(),
                    }
                };
                assert!(!done, "{trip:?} at {at}");
                restore(&folder, &order).await.unwrap();
            }
            assert_eq!(open(&order.data_dir).await.status().hash.to_string(), hash, "{trip:?} at {at}");
            if !faulty.tripped() {
                break;
            }
        }
    }
}
