//! What is wrong with an environment is one sentence.

use kivi_backup::place::{Bucket, Place};
use kivi_tests::s3::{BUCKET, LocalS3};

use crate::running::{bucket, named, patience};

#[tokio::test]
async fn each_wrong_setting_is_told_with_the_way_out() {
    let s3 = LocalS3::start().unwrap();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (place, expected) in [
        (
            bucket(&s3, "p", &[("AWS_ACCESS_KEY_ID", "stranger")]),
            "refuses the credentials (XAdminUserNotFound)",
        ),
        (
            bucket(&s3, "p", &[("AWS_SECRET_ACCESS_KEY", "wrong")]),
            "refuses the credentials (SignatureDoesNotMatch)",
        ),
        (named(&s3, "absent", "p", &[], patience()), "there is no bucket `absent`; make it"),
        (bucket(&s3, "p", &[("AWS_ALLOW_HTTP", "false")]), "check AWS_ENDPOINT_URL"),
        (bucket(&s3, "p", &[("AWS_ENDPOINT_URL", &closed)]), "check AWS_ENDPOINT_URL"),
    ] {
        for said in [
            place.list("backups/").await.unwrap_err().to_string(),
            place.read("store.json").await.unwrap_err().to_string(),
            place.create("store.json", "{}".into()).await.unwrap_err().to_string(),
        ] {
            assert!(said.contains(expected) && !said.contains('\n'), "{expected}: {said}");
        }
    }
    let none = Bucket::of(BUCKET, "p", std::iter::empty(), patience()).unwrap_err().to_string();
    assert!(none.contains("set AWS_ACCESS_KEY_ID"), "{none}");
}
