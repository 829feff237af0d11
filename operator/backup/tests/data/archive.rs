//! The archive: every revision behind a backup, without a gap, or the gap by its name.

use kivi_api::Precondition;
use kivi_backup::{
    Error,
    archive::Archiver,
    chain::{Missing, Piece, Upto},
    layout,
    manifest::now,
    place::Place,
    restore::Order,
    retention::Retention,
    take::{self, take},
};

use crate::running::{Running, folder, order, restored};

fn at(revision: u64) -> impl FnOnce(&mut Order) {
    move |order| order.upto = Some(Upto::Revision(revision))
}

#[tokio::test]
async fn each_revision_behind_a_backup_is_restored_as_it_was() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    let mut archiver = Archiver::default();
    let none = archiver.archive(&folder, &server.server()).await.unwrap_err();
    assert!(matches!(none, Error::NothingToGoOnBehind { .. }), "{none}");
    server.put("k0", "first").await;
    server.take(&folder, "a").await.unwrap();
    let mut hashes = vec![(1, server.hash().await)];
    let mut revision = 1;
    for round in 0..4 {
        for step in 0..5 {
            let key = format!("k{}", step % 3);
            revision = if step == 4 {
                let deleted = server.client.delete(key.as_bytes(), Precondition::None).await.unwrap();
                deleted.revision.unwrap()
            } else {
                server.put(&key, format!("{round} {step}")).await
            };
            hashes.push((revision, server.hash().await));
        }
        // Once by one that remembers, once by one that has just begun.
        let kept = if round % 2 == 0 {
            archiver.archive(&folder, &server.server()).await.unwrap()
        } else {
            Archiver::default().archive(&folder, &server.server()).await.unwrap()
        };
        assert_eq!(kept.last_revision, Some(revision), "{kept:?}");
    }
    let nothing = Archiver::default().archive(&folder, &server.server()).await.unwrap();
    assert_eq!((nothing.entries, nothing.objects, nothing.last_revision), (0, 0, None));
    server.take(&folder, "b").await.unwrap();
    for (revision, hash) in &hashes {
        assert_eq!(restored(&folder, at(*revision)).await.unwrap().to_string(), *hash, "{revision}");
        // Behind the first backup as well, over all of the archive.
        let from_first = |order: &mut Order| {
            order.backup = Some("a".parse().unwrap());
            order.upto = Some(Upto::Revision(*revision));
        };
        assert_eq!(restored(&folder, from_first).await.unwrap().to_string(), *hash, "{revision}");
    }
    let latest = |order: &mut Order| {
        order.backup = Some("a".parse().unwrap());
        order.upto = Some(Upto::Latest);
    };
    assert_eq!(restored(&folder, latest).await.unwrap().to_string(), hashes.last().unwrap().1);
    for (change, part) in [(at(revision + 1), "are not in the archive"), (at(0), "no backup in")] {
        let refused = restored(&folder, change).await.unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    let later = restored(&folder, |order| {
        order.backup = Some("b".parse().unwrap());
        order.upto = Some(Upto::Revision(3));
    });
    assert!(matches!(later.await, Err(Error::Later { of: 21, revision: 3, .. })));
}

#[tokio::test]
async fn a_gap_is_named_and_what_lies_behind_it_needs_a_later_backup() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    let mut archiver = Archiver::default();
    server.put("a", "1").await;
    server.take(&folder, "a").await.unwrap();
    for value in ["2", "3", "4"] {
        server.put("a", value).await;
        archiver.archive(&folder, &server.server()).await.unwrap();
    }
    let pieces = folder.list("log/").await.unwrap();
    let second = pieces.iter().find(|object| object.name.contains("0003-")).unwrap();
    folder.remove(&second.name).await.unwrap();
    for upto in [Upto::Revision(4), Upto::Revision(3), Upto::Latest] {
        let refused = restored(&folder, |order| order.upto = Some(upto)).await.unwrap_err();
        assert!(matches!(refused, Error::Gap { missing: Missing { first: 3, last: 3 }, .. }), "{refused}");
        assert!(refused.to_string().contains("revisions 3 to 3 are not in the archive"), "{refused}");
    }
    restored(&folder, at(2)).await.unwrap();
    server.take(&folder, "b").await.unwrap();
    restored(&folder, at(4)).await.unwrap();
}

/// A store that was restored: it begins in the middle of its log, as one that was compacted. Returns where, too.
async fn in_the_middle() -> (Running, u64) {
    let (_root, of_the_first) = folder();
    let first = Running::start().await;
    first.put("k", "v").await;
    first.take(&of_the_first, "a").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let order_in = crate::running::into(&dir.path().join("data"));
    kivi_backup::restore::restore(&of_the_first, &order_in).await.unwrap();
    (Running::start_in(dir).await, 1 + (1 << 32))
}

#[tokio::test]
async fn an_archive_goes_on_behind_a_backup_where_the_log_was_compacted_away() {
    let (server, begins) = in_the_middle().await;
    let (_root, folder) = folder();
    assert_eq!(server.take(&folder, "a").await.unwrap().revision, begins);
    let mut archiver = Archiver::default();
    server.put("k", "2").await;
    let kept = archiver.archive(&folder, &server.server()).await.unwrap();
    assert_eq!(kept.first_revision, Some(begins + 1));
    // It had come further, and the volume is restored again: nothing that is archived is written twice.
    assert!(kept.last_revision > Some(1 << 32));
    assert_eq!(kept.gap_behind, None);
}

#[tokio::test]
async fn a_gap_that_an_archive_leaves_behind_it_is_told_until_something_is_archived_behind_it() {
    let (server, begins) = in_the_middle().await;
    let (_root, folder) = folder();
    server.take(&folder, "a").await.unwrap();
    // It was archived so far when the log was compacted beyond that.
    folder.create(&layout::piece(Piece { first: 2, last: 5 }), "compacted".into()).await.unwrap();
    for _ in 0..2 {
        let nothing_new = Archiver::default().archive(&folder, &server.server()).await.unwrap();
        assert_eq!((nothing_new.gap_behind, nothing_new.objects), (Some(5), 0));
    }
    server.put("k", "2").await;
    let mut archiver = Archiver::default();
    let jumped = archiver.archive(&folder, &server.server()).await.unwrap();
    assert_eq!((jumped.gap_behind, jumped.first_revision), (Some(5), Some(begins + 1)));
    server.put("k", "3").await;
    for archiver in [&mut archiver, &mut Archiver::default()] {
        assert_eq!(archiver.archive(&folder, &server.server()).await.unwrap().gap_behind, None);
    }
}

#[tokio::test]
async fn entries_go_with_the_backups_that_need_them() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    let mut archiver = Archiver::default();
    for name in ["a", "b", "c"] {
        server.put("k", name).await;
        server.take(&folder, name).await.unwrap();
        archiver.archive(&folder, &server.server()).await.unwrap();
    }
    assert_eq!(folder.list("log/").await.unwrap().len(), 2);
    let retention = Retention { keep: Some(1), ..Retention::default() };
    let order = take::Order { retention, ..order("c") };
    assert_eq!(take(&folder, &server.server(), &order, now).await.unwrap().pruned.pruned.len(), 2);
    assert_eq!(folder.list("log/").await.unwrap(), []);
    server.put("k", "d").await;
    archiver.archive(&folder, &server.server()).await.unwrap();
    restored(&folder, at(4)).await.unwrap();
}
