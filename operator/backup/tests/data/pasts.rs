//! A store whose volume is put back to an older state, and is written to again: it has two pasts, and what is restored is of
//! one of them.

use kivi_backup::{Error, archive::Archiver, chain::Upto, restore::Order};

use crate::running::{Running, folder, restored};

fn at(revision: u64) -> impl FnOnce(&mut Order) {
    move |order| order.upto = Some(Upto::Revision(revision))
}

/// Writes until the store is at a revision.
async fn go_on(server: &Running, revision: u64, past: &str) {
    while server.put("k", format!("{past} {revision}")).await < revision {}
}

#[tokio::test]
async fn an_archive_never_goes_on_from_another_past() {
    for (parts_at, goes_to) in [(5, 5), (5, 7), (4, 4), (4, 5), (4, 6), (2, 3), (2, 5), (2, 8)] {
        let (_root, folder) = folder();
        let server = Running::start().await;
        server.put("k", "v").await;
        server.take(&folder, "a").await.unwrap();
        go_on(&server, parts_at, "both").await;
        let (server, other) = server.copied().await;
        let mut archiver = Archiver::default();
        if parts_at < 5 {
            go_on(&server, 5, "one").await;
        }
        archiver.archive(&folder, &server.server()).await.unwrap();
        let hash = server.hash().await;
        let other = Running::start_in(other).await;
        if parts_at < goes_to {
            go_on(&other, goes_to, "other").await;
        }
        // By one that remembers, and by one that has just begun.
        for archiver in [&mut archiver, &mut Archiver::default()] {
            let ended = archiver.archive(&folder, &other.server()).await;
            let expected = match (parts_at, goes_to) {
                (5, _) => ended.is_ok(),
                (_, 0..=4) => matches!(ended, Err(Error::StepsBack { kept: 5, .. })),
                // Nothing is written.
                (_, 5) => matches!(&ended, Ok(kept) if kept.objects == 0),
                _ => matches!(ended, Err(Error::WentBack { revision: 5, .. })),
            };
            assert!(expected, "{parts_at} {goes_to}: {ended:?}");
        }
        assert_eq!(restored(&folder, at(5)).await.unwrap().to_string(), hash, "{parts_at} {goes_to}");
        let beyond = restored(&folder, at(goes_to.max(6))).await;
        assert_eq!(beyond.is_ok(), (parts_at, goes_to) == (5, 7), "{parts_at} {goes_to}: {beyond:?}");
    }
}

#[tokio::test]
async fn an_archive_does_not_begin_behind_a_backup_of_another_past() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.put("k", "v").await;
    let (server, other) = server.copied().await;
    go_on(&server, 3, "one").await;
    server.take(&folder, "a").await.unwrap();
    let other = Running::start_in(other).await;
    go_on(&other, 5, "other").await;
    let refused = Archiver::default().archive(&folder, &other.server()).await.unwrap_err();
    assert!(matches!(refused, Error::WentBack { revision: 3, .. }), "{refused}");
    assert!(refused.to_string().contains("give it a destination of its own"), "{refused}");
    Archiver::default().archive(&folder, &server.server()).await.unwrap();
}

#[tokio::test]
async fn a_backup_is_not_gone_on_from_by_an_archive_of_another_past() {
    for archived_to in [2, 4] {
        let (_root, folder) = folder();
        let server = Running::start().await;
        server.put("k", "v").await;
        server.take(&folder, "a").await.unwrap();
        go_on(&server, 2, "both").await;
        Archiver::default().archive(&folder, &server.server()).await.unwrap();
        let (server, other) = server.copied().await;
        go_on(&server, 4, "one").await;
        server.take(&folder, "b").await.unwrap();
        let other = Running::start_in(other).await;
        // What is archived is of both; behind it comes what the backup is not of. The backup ends within an object, or where
        // one ends.
        for revision in [archived_to, 6] {
            go_on(&other, revision, "other").await;
            Archiver::default().archive(&folder, &other.server()).await.unwrap();
        }
        let refused = restored(&folder, at(6)).await.unwrap_err();
        assert!(matches!(refused, Error::OtherPast { revision: 4, .. }), "{refused}");
        let from_both = |order: &mut Order| {
            order.backup = Some("a".parse().unwrap());
            order.upto = Some(Upto::Latest);
        };
        assert_eq!(restored(&folder, from_both).await.unwrap().to_string(), other.hash().await);
        assert_eq!(restored(&folder, at(4)).await.unwrap().to_string(), server.hash().await);
    }
}
