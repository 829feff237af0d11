//! An S3 server that answers with errors, says nothing, or breaks off: what passes is asked again, and what does not is one
//! sentence and no backup.

use std::time::Duration;

use kivi_backup::place::{Place, bucket::Patience};
use kivi_backup::server::Server;
use kivi_tests::s3::{BUCKET, LocalS3};

use crate::proxy::{Fault, Rule, between};
use crate::running::{Running, bucket, files, listed, named, patience, restored, take};

/// For ever, as far as a test goes.
const ALWAYS: u32 = 1000;

struct Stage {
    s3: LocalS3,
    store: Running,
}

impl Stage {
    async fn new() -> Self {
        let stage = Self { s3: LocalS3::start().unwrap(), store: Running::start().await };
        // More than one part.
        stage.store.fill(140, 64 << 10).await;
        stage
    }

    fn server(&self) -> Server {
        self.store.server()
    }

    /// Takes a backup while requests meet a rule; tells why there is none.
    async fn taken(&self, prefix: &str, rule: Rule) -> Result<(), String> {
        let (url, count) = between(self.s3.address(), rule.clone()).await;
        // What is silent is given up soon; what is slow, since this machine has other things to do, is not.
        let answer = if rule.fault == Fault::Silence { Duration::from_secs(2) } else { patience().answer };
        let patience = Patience { answer, ..patience() };
        let place = named(&self.s3, BUCKET, prefix, &[("AWS_ENDPOINT_URL", &url)], patience);
        let taken = take(&place, &self.server(), "a").await;
        assert!(count.load(std::sync::atomic::Ordering::SeqCst) > 0, "no request met the rule");
        taken.map(drop).map_err(|error| error.to_string())
    }
}

fn rule(method: &'static str, part: &'static str, fault: Fault, times: u32) -> Rule {
    Rule { method, part, fault, times }
}

#[tokio::test]
async fn what_fails_for_the_moment_is_asked_again() {
    let stage = Stage::new().await;
    for (number, met) in [
        rule("PUT", "partNumber=2", Fault::Answer(500, "InternalError"), 1),
        rule("PUT", "partNumber=1", Fault::Answer(503, "SlowDown"), 2),
        rule("POST", "uploads", Fault::Answer(503, "SlowDown"), 1),
        rule("POST", "uploadId", Fault::Answer(500, "InternalError"), 1),
        rule("PUT", "partNumber=1", Fault::Silence, 1),
        rule("GET", ".snapshot", Fault::HalfAnAnswer, 1),
        rule("GET", "list-type", Fault::Answer(503, "SlowDown"), 1),
        // It is written, and asked again the server says that it is there.
        rule("PUT", "manifest.json", Fault::Lost(502), 1),
        rule("PUT", "manifest.json", Fault::HungUp, 1),
        rule("PUT", "store.json", Fault::Lost(504), 1),
        // Nothing ever says that it is written.
        rule("PUT", "manifest.json", Fault::Lost(502), ALWAYS),
        rule("PUT", "manifest.json", Fault::HungUp, ALWAYS),
    ]
    .into_iter()
    .enumerate()
    {
        let (prefix, fault) = (format!("again/{number}"), met.fault);
        assert_eq!(stage.taken(&prefix, met).await, Ok(()), "{number} {fault:?}");
        restored(&bucket(&stage.s3, &prefix, &[]), |_| ()).await.unwrap();
    }
}

#[tokio::test]
async fn what_goes_on_failing_is_one_sentence_and_no_backup() {
    let stage = Stage::new().await;
    for (number, (met, expected)) in [
        (
            rule("PUT", "partNumber=2", Fault::Answer(503, "SlowDown"), ALWAYS),
            "the server answers 503 SlowDown, also when",
        ),
        (rule("PUT", "partNumber=1", Fault::Answer(507, "QuotaExceeded"), ALWAYS), "the volume is full"),
        (rule("PUT", "partNumber=1", Fault::Silence, ALWAYS), "nothing came for 2 seconds"),
        (
            rule("POST", "uploadId", Fault::Answer(500, "InternalError"), ALWAYS),
            "the server answers 500 InternalError",
        ),
        (
            rule("PUT", "manifest.json", Fault::Answer(403, "AccessDenied"), ALWAYS),
            "the access key may not do that",
        ),
        (rule("GET", ".snapshot", Fault::Flipped, ALWAYS), "was read again and is not what was written"),
        (rule("GET", ".snapshot", Fault::Answer(404, "NoSuchKey"), ALWAYS), "is gone"),
        (rule("GET", "list-type", Fault::HalfAnAnswer, ALWAYS), "cannot list s3://backups/"),
    ]
    .into_iter()
    .enumerate()
    {
        let (prefix, fault) = (format!("never/{number}"), met.fault);
        let said = stage.taken(&prefix, met).await.unwrap_err();
        assert!(said.contains(expected) && !said.contains('\n'), "{number} {fault:?}: {said}");
        let place = bucket(&stage.s3, &prefix, &[]);
        assert_eq!(listed(&place).await, 0, "{number} {fault:?}");
        let left = place.list("backups/").await.unwrap();
        assert!(left.is_empty(), "{number} {fault:?}: {left:?}");
    }
    // The parts of what came to nothing were taken back.
    let left = files(&stage.s3.bucket().join(".sgwtmp"));
    assert_eq!(left, [""; 0]);
}
