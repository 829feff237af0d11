//! Taking backups: what is there afterwards, whose it is, and what stays.

use std::time::Duration;

use jiff::SignedDuration;
use kivi_backup::{
    Error,
    archive::Archiver,
    history::History,
    manifest::now,
    place::Place,
    retention::Retention,
    take::{self, take},
};

use crate::running::{Running, folder, order, restored};

#[tokio::test]
async fn a_backup_is_the_store_and_is_taken_once() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    for key in ["a", "b", "c"] {
        server.put(key, "x".repeat(40_000)).await;
    }
    let taken = server.take(&folder, "first").await.unwrap();
    assert_eq!((taken.revision, taken.keys, &taken.state_hash), (3, 3, &server.hash().await));
    assert!(taken.bytes > 120_000 && taken.sha256.len() == 64, "{taken:?}");
    assert!(
        taken.location.starts_with("file:///") && taken.location.ends_with("/backups/first"),
        "{taken:?}"
    );
    assert_eq!(restored(&folder, |_| ()).await.unwrap().to_string(), taken.state_hash);
    // A Job's pod that is started again finds it done.
    server.put("d", "later").await;
    let again = server.take(&folder, "first").await.unwrap();
    assert_eq!((again.revision, &again.sha256), (3, &taken.sha256));
    let second = server.take(&folder, "second").await.unwrap();
    assert_eq!((second.revision, second.store_id), (4, taken.store_id));
    let named = |order: &mut kivi_backup::restore::Order| order.backup = Some("first".parse().unwrap());
    assert_eq!(restored(&folder, named).await.unwrap().to_string(), taken.state_hash);
}

#[tokio::test]
async fn a_backup_whose_data_is_gone_is_not_told_of_as_taken() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.take(&folder, "a").await.unwrap();
    let objects = folder.list("backups/a/").await.unwrap();
    let data = objects.iter().find(|object| object.name.ends_with(".snapshot")).unwrap();
    folder.remove(&data.name).await.unwrap();
    let refused = server.take(&folder, "a").await.unwrap_err();
    assert!(matches!(&refused, Error::Vanished { object } if object.ends_with(&data.name)), "{refused}");
}

#[tokio::test]
async fn a_backup_that_is_asked_for_by_another_is_not_the_one_that_is_there() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    for (name, asked_first) in [("a", Some("one")), ("b", None)] {
        server.put("k", name).await;
        let by = |uid: Option<&str>| take::Order { uid: uid.map(str::to_owned), ..order(name) };
        let taken = take(&folder, &server.server(), &by(asked_first), now).await.unwrap();
        server.put("k", "later").await;
        for again in [asked_first, None] {
            assert_eq!(
                take(&folder, &server.server(), &by(again), now).await.unwrap().revision,
                taken.revision
            );
        }
        let refused = take(&folder, &server.server(), &by(Some("other")), now).await.unwrap_err();
        assert!(matches!(refused, Error::NameTaken { revision, .. } if revision == taken.revision));
        assert!(refused.to_string().contains(&format!("/backups/{name} is another backup")), "{refused}");
        // Nothing was written beside it, and nothing of it is gone.
        assert_eq!(folder.list(&format!("backups/{name}/")).await.unwrap().len(), 2);
    }
    assert_eq!(History::read(&folder).await.unwrap().backups.len(), 2);
}

#[tokio::test]
async fn two_that_ask_for_different_backups_of_a_name_at_once_do_not_get_the_same() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.put("k", "v").await;
    let store = server.server();
    let by = |uid: &str| take::Order { uid: Some(uid.to_owned()), ..order("a") };
    let (one, other) = (by("one"), by("other"));
    let (one, other) = tokio::join!(take(&folder, &store, &one, now), take(&folder, &store, &other, now));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(matches!(one.err().or(other.err()), Some(Error::NameTaken { .. })));
    assert_eq!(folder.list("backups/").await.unwrap().len(), 2, "one manifest, and its data");
}

#[tokio::test]
async fn two_stores_never_write_into_one_place() {
    let (_root, folder) = folder();
    let (one, other) = (Running::start().await, Running::start().await);
    one.put("k", "one").await;
    let taken = one.take(&folder, "a").await.unwrap();
    let mut archiver = Archiver::default();
    for refused in [
        other.take(&folder, "b").await.err(),
        other.take(&folder, "a").await.err(),
        archiver.archive(&folder, &other.server()).await.err(),
    ] {
        let refused = refused.unwrap();
        assert!(matches!(refused, Error::Foreign { .. }), "{refused}");
    }
    let refused = other.take(&folder, "b").await.unwrap_err().to_string();
    assert!(refused.contains(&taken.store_id) && refused.contains("a destination of its own"), "{refused}");
    assert_eq!(History::read(&folder).await.unwrap().backups.len(), 1);
}

#[tokio::test]
async fn a_store_that_is_behind_its_own_backups_is_refused() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.put("k", "1").await;
    let (server, older) = server.copied().await;
    server.put("k", "2").await;
    server.take(&folder, "a").await.unwrap();
    let older = Running::start_in(older).await;
    let refused = older.take(&folder, "b").await.unwrap_err();
    assert!(matches!(refused, Error::StepsBack { revision: 1, kept: 2, .. }), "{refused}");
    let refused = Archiver::default().archive(&folder, &older.server()).await.unwrap_err();
    assert!(matches!(refused, Error::StepsBack { revision: 1, kept: 2, .. }), "{refused}");
}

#[tokio::test]
async fn what_has_outlived_its_time_goes_and_is_told() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    for name in ["a", "b", "c"] {
        server.put(name, "v").await;
        server.take(&folder, name).await.unwrap();
    }
    let keep_two = Retention { keep: Some(2), ..Retention::default() };
    let order = take::Order { retention: keep_two, ..order("c") };
    let taken = take(&folder, &server.server(), &order, now).await.unwrap();
    assert_eq!(taken.pruned.pruned, ["a".parse().unwrap()]);
    let an_hour = Retention { keep_for: Some(Duration::from_secs(3600)), ..Retention::default() };
    let order = take::Order { name: "d".parse().unwrap(), retention: an_hour, ..order };
    let began = now();
    let later = || began + SignedDuration::from_secs(7200);
    let taken = take(&folder, &server.server(), &order, later).await.unwrap();
    assert_eq!((taken.started_at, taken.finished_at), (later(), later()));
    assert_eq!(taken.pruned.pruned, ["b".parse().unwrap(), "c".parse().unwrap()]);
    let left = folder.list("backups/").await.unwrap();
    assert_eq!(left.len(), 2, "its manifest and its data: {left:?}");
}

#[tokio::test]
async fn two_that_take_the_same_backup_at_once_agree() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.put("k", "v").await;
    let (one, other) = tokio::join!(server.take(&folder, "a"), server.take(&folder, "a"));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((&one.sha256, one.revision), (&other.sha256, other.revision));
    assert_eq!(folder.list("backups/").await.unwrap().len(), 2, "one manifest, and its data");
    restored(&folder, |_| ()).await.unwrap();
}
