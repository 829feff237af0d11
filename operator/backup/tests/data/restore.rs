//! Restoring: into what, what of, and again.

use kivi_backup::{
    Error,
    restore::{is_done, restore},
};
use kivi_store::RestoreError;

use crate::running::{Running, folder, into, open};

#[tokio::test]
async fn a_log_that_is_there_is_left_alone() {
    let (_root, folder) = folder();
    let server = Running::start().await;
    server.put("k", "v").await;
    let hash = server.hash().await;
    server.take(&folder, "a").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut order = into(&dir.path().join("data"));
    order.unless_exists = true;
    assert!(!is_done(&order).await.unwrap());
    let done = restore(&folder, &order).await.unwrap().what.unwrap();
    assert_eq!((done.revision, done.goes_on_behind_revision), (1, 1 + (1 << 32)));
    assert!(is_done(&order).await.unwrap());
    let again = restore(&folder, &order).await.unwrap_err();
    assert!(matches!(again, Error::Restore(RestoreError::NotEmpty { .. })), "{again}");
    assert_eq!(open(&order.data_dir).await.status().hash.to_string(), hash);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let (_root, folder) = folder();
    let dir = tempfile::tempdir().unwrap();
    let order = into(&dir.path().join("data"));
    let none = restore(&folder, &order).await.unwrap_err().to_string();
    assert!(none.starts_with("there is no backup in file:///"), "{none}");
    let server = Running::start().await;
    server.take(&folder, "a").await.unwrap();
    let mut other = order.clone();
    other.backup = Some("b".parse().unwrap());
    let none = restore(&folder, &other).await.unwrap_err().to_string();
    assert!(none.starts_with("there is no backup `b` in file:///"), "{none}");
    // What was refused leaves a directory to restore into, also of a store without keys.
    assert_eq!(restore(&folder, &order).await.unwrap().what.unwrap().keys, 0);
}
