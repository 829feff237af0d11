//! What a folder does, a bucket does.

use kivi_api::Precondition;
use kivi_backup::{archive::Archiver, chain::Upto, manifest::now, place::Place, retention::Retention, take};
use kivi_tests::s3::LocalS3;

use crate::running::{Running, bucket, files, listed, restored, take};

#[tokio::test]
async fn a_backup_and_its_archive_are_restored_from_a_bucket() {
    let s3 = LocalS3::start().unwrap();
    let place = bucket(&s3, "team/orders", &[]);
    let server = Running::start().await;
    // More than one part.
    server.fill(140, 64 << 10).await;
    let taken = take(&place, &server.server(), "a").await.unwrap();
    assert_eq!(taken.location, "s3://backups/team/orders/backups/a");
    assert!(taken.bytes > 8 << 20, "{taken:?}");
    assert_eq!(restored(&place, |_| ()).await.unwrap(), taken.state_hash);
    let mut archiver = Archiver::default();
    let client = server.client();
    for round in 0..3 {
        client.put(b"later", format!("{round}"), None, Precondition::None).await.unwrap();
        let kept = archiver.archive(&place, &server.server()).await.unwrap();
        assert_eq!(kept.last_revision, Some(141 + round));
    }
    let hash = client.snapshot().await.unwrap().state_hash.unwrap();
    let latest = |order: &mut kivi_backup::restore::Order| order.upto = Some(Upto::Latest);
    assert_eq!(restored(&place, latest).await.unwrap(), hash);
    // Two places in one bucket do not see each other.
    assert_eq!(listed(&bucket(&s3, "team/other", &[])).await, 0);
    assert_eq!(listed(&bucket(&s3, "team/order", &[])).await, 0);
}

#[tokio::test]
async fn a_bucket_is_claimed_and_pruned() {
    let s3 = LocalS3::start().unwrap();
    let place = bucket(&s3, "", &[]);
    let (first, second) = (Running::start().await, Running::start().await);
    first.fill(3, 100).await;
    second.fill(3, 100).await;
    let (one, other) = (first.server(), second.server());
    let (first, second) = tokio::join!(take(&place, &one, "a"), take(&place, &other, "b"));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let (owner, refused) = if first.is_ok() { (&one, second) } else { (&other, first) };
    assert!(refused.unwrap_err().to_string().contains("a destination of its own"));
    let retention = Retention { keep: Some(1), ..Retention::default() };
    let order = take::Order { name: "c".parse().unwrap(), uid: None, retention };
    let taken = take::take(&place, owner, &order, now).await.unwrap();
    assert_eq!((taken.pruned.pruned.len(), listed(&place).await), (1, 1));
    assert_eq!(place.list("backups/").await.unwrap().len(), 2);
    let again = take(&place, owner, "c").await.unwrap();
    assert_eq!(again.sha256, taken.sha256);
    assert_eq!(files(&s3.bucket()).iter().filter(|name| name.ends_with(".snapshot")).count(), 1);
}
