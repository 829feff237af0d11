//! Stores are copied, to a bucket and to a volume, and begin anew from a copy.

use kivi_api::Precondition;
use kivi_tests::s3::{BUCKET, Pair, S3};
use serde_json::{Value, json};

use crate::plugin::{kivi, said};
use crate::stage::Stage;

/// As many keys as a copy has to hold.
const KEYS: usize = 200;

async fn fill(stage: &Stage, store: &str) {
    let reached = stage.reach(store).await;
    let client = reached.client().unwrap();
    for n in 0..KEYS {
        let (key, value) = (format!("key-{n}"), format!("value of {n}"));
        client.put(key.as_bytes(), value, None, Precondition::None).await.unwrap();
    }
}

async fn holds_all(stage: &Stage, store: &str) {
    let reached = stage.reach(store).await;
    let client = reached.client().unwrap();
    for n in 0..KEYS {
        let value = client.get(format!("key-{n}").as_bytes()).await.unwrap().unwrap();
        assert_eq!(value.bytes, format!("value of {n}").as_bytes());
    }
}

/// Asks for a backup, and waits for its end; returns its status.
async fn back_up(stage: &Stage, name: &str, spec: &str, end: &str) -> Value {
    let yaml = format!(
        "apiVersion: kivi.dev/v1alpha1\nkind: KeyValueStoreBackup\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    );
    stage.kubectl.apply(&yaml).await.unwrap();
    let object = format!("kvsb/{name}");
    if let Err(error) = stage.kubectl.wait(&format!("condition={end}"), &object, "120s").await {
        let seen = stage.kubectl.get("kvsb", name).await.unwrap();
        panic!("{error}: {}", seen["status"]);
    }
    stage.kubectl.get("kvsb", name).await.unwrap()["status"].clone()
}

/// The volume of a store that began with a backup grows when nothing is known of that any more, and its pod runs on.
async fn outlives_its_backup(stage: &Stage, store: &str, backup: &str) {
    let pod = format!("{store}-0");
    let before = stage.pod_uid(&pod).await;
    stage.kubectl.run(["delete", "kvsb", backup]).await.unwrap();
    let larger = r#"{"spec":{"log":{"file":{"size":"2Gi"}}}}"#;
    stage.kubectl.run(["patch", "kvs", store, "--type=merge", "-p", larger]).await.unwrap();
    stage.until_template(store, "2Gi").await;
    assert_eq!(stage.pod_uid(&pod).await, before);
}

#[tokio::test]
async fn a_store_is_copied_to_a_bucket_by_hand_and_by_its_schedule_and_another_begins_with_the_copy() {
    let stage = Stage::open("backup-s3").await;
    // One that no public authority vouches for.
    let own = rcgen::generate_simple_self_signed([S3::host(&stage.kubectl)]).unwrap();
    let pair = Pair { certificate: &own.cert.pem(), key: &own.signing_key.serialize_pem() };
    let s3 = S3::deploy(&stage.kubectl, pair).await.unwrap();
    let bucket = |name: &str| {
        let endpoint = s3.endpoint();
        format!(
            "{{s3: {{bucket: {name}, endpoint: '{endpoint}', caSecretRef: {{name: minio}}, credentialsSecretRef: {{name: s3}}}}}}"
        )
    };
    let spec =
        format!("{{backup: {{destination: {}, resources: {{limits: {{memory: 256Mi}}}}}}}}", bucket(BUCKET));
    drop(stage.ready_store("orders", &spec).await);
    fill(&stage, "orders").await;

    // It waits for the authority, and goes on once that is there.
    let (ok, text) = said(&kivi(&stage, &["backup", "orders", "--name", "first"]));
    assert!(ok, "{text}");
    let waits = r#"jsonpath={.status.conditions[?(@.type=="Complete")].reason}=SecretNotFound"#;
    stage.kubectl.wait(waits, "kvsb/first", "60s").await.unwrap();
    let authority = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "minio"}, "stringData": {"ca.crt": pair.certificate}});
    stage.kubectl.apply(&authority.to_string()).await.unwrap();
    let (ok, text) = said(&kivi(&stage, &["backup", "orders", "--name", "zeroth", "--wait"]));
    assert!(ok && text.contains(&format!("backup zeroth is complete: It holds {KEYS} keys")), "{text}");
    let status = stage.kubectl.get("kvsb", "first").await.unwrap()["status"].clone();
    assert_eq!(status["keys"], KEYS);
    assert!(status["location"].as_str().unwrap().starts_with(&format!("s3://{BUCKET}/")), "{status}");

    let (ok, text) = said(&kivi(&stage, &["restore", "again", "--from", "first"]));
    assert!(ok, "{text}");
    stage.wait_ready("again").await;
    holds_all(&stage, "again").await;
    // Its pods keep what they were made of when the authority is gone.
    stage.kubectl.run(["delete", "secret", "minio"]).await.unwrap();
    let uid = stage.pod_uid("again-0").await;
    stage.kubectl.run(["delete", "pod", "again-0"]).await.unwrap();
    stage.kubectl.wait("create", "pod/again-0", "60s").await.unwrap();
    stage.kubectl.wait("condition=Ready", "pod/again-0", "120s").await.unwrap();
    assert_ne!(stage.pod_uid("again-0").await, uid);
    holds_all(&stage, "again").await;
    stage.kubectl.apply(&authority.to_string()).await.unwrap();
    outlives_its_backup(&stage, "again", "first").await;

    // What cannot be written says so, of the backup alone.
    let nowhere = format!("{{storeRef: {{name: orders}}, destination: {}}}", bucket("nowhere"));
    let status = back_up(&stage, "second", &nowhere, "Failed").await;
    let message = status["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("nowhere"), "{message}");

    let spec = format!(
        "{{backup: {{schedule: '* * * * *', retention: {{keep: 1}}, destination: {}}}}}",
        bucket(BUCKET)
    );
    stage.apply_store("orders", &spec).await.unwrap();
    stage.kubectl.wait("condition=BackupReady", "kvs/orders", "120s").await.unwrap();
    let last =
        stage.kubectl.get("kvs", "orders").await.unwrap()["status"]["backup"]["lastSuccessful"].clone();
    assert_eq!(last["revision"], KEYS, "{last}");
}

#[tokio::test]
async fn a_store_is_copied_to_a_volume_and_another_begins_with_what_lies_there() {
    let stage = Stage::open("backup-volume").await;
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: backups}\n\
                 spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}\n";
    stage.kubectl.apply(claim).await.unwrap();
    // As whom its pods run, its Jobs do.
    stage.kubectl.run(["create", "serviceaccount", "mine"]).await.unwrap();
    drop(stage.ready_store("orders", "{pod: {serviceAccount: {name: mine}}}").await);
    fill(&stage, "orders").await;
    let place = "{volume: {claimName: backups, path: shop/orders}}";
    let spec = format!("{{storeRef: {{name: orders}}, destination: {place}}}");
    back_up(&stage, "first", &spec, "Complete").await;
    let bootstrap = format!("bootstrap: {{fromBackup: {{destination: {place}}}}}");
    drop(stage.ready_store("again", &format!("{{{bootstrap}}}")).await);
    holds_all(&stage, "again").await;

    // The claim that it was read from can go. Its protection waits also for the pod of the Job that has ended.
    stage.kubectl.run(["delete", "kvsb", "first"]).await.unwrap();
    stage.kubectl.run(["delete", "pvc", "backups", "--wait=false"]).await.unwrap();
    let looked = format!("{{service: {{annotations: {{looked: 'yes'}}}}, {bootstrap}}}");
    stage.apply_store("again", &looked).await.unwrap();
    stage.kubectl.wait("delete", "pvc/backups", "120s").await.unwrap();
    stage.wait_ready("again").await;
    holds_all(&stage, "again").await;
}
