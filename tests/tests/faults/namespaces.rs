//! An operator that looks after some namespaces, with rights in those alone.

use std::time::Duration;

use kivi_tests::install;
use kivi_tests::operator::HostOperator;

use crate::own::reaction;
use crate::stage::{Stage, cluster};

#[tokio::test]
async fn an_operator_of_two_namespaces_serves_both_and_cannot_touch_a_third() {
    cluster().await.dismiss().await.unwrap();
    let (one, two) = (Stage::make("narrow-one").await, Stage::make("narrow-two").await);
    let (other, system) = (Stage::make("narrow-other").await, Stage::make("narrow-system").await);
    let name = |stage: &Stage| stage.kubectl.current_namespace().to_owned();
    let chart = install::checkout().join("charts/kivi-operator").display().to_string();
    let watched = format!("--set=watchNamespaces={{{},{}}}", name(&one), name(&two));
    let own = ["--set=crds.enabled=false", "--set=replicaCount=0", "--set=fullnameOverride=narrow"];
    let args = ["install", "narrow", &chart, &watched];
    system.kubectl.helm(args.iter().chain(&own)).await.unwrap();
    let operator = HostOperator::start(&system.kubectl, "narrow", &install::program(), &[]).await.unwrap();

    for stage in [&other, &one, &two] {
        stage.apply_store("orders", "{}").await.unwrap();
    }
    for stage in [&one, &two] {
        stage.wait_ready("orders").await;
        // Its watches are of both namespaces, too.
        stage.kubectl.run(["delete", "service", "orders"]).await.unwrap();
        stage.kubectl.wait("create", "service/orders", "20s").await.unwrap();
    }
    let left = other.kubectl.get("kvs", "orders").await.unwrap();
    assert!(left["status"].is_null(), "{}", left["status"]);
    let account = format!("--as=system:serviceaccount:{}:narrow", name(&system));
    for (stage, rights) in [(&one, "yes"), (&two, "yes"), (&other, "no"), (&system, "no")] {
        // Where the answer is no, kubectl fails besides.
        let answer = stage.kubectl.run(["auth", "can-i", "list", "secrets", &account]).await;
        assert_eq!(answer.is_ok(), rights == "yes", "{}: {answer:?}", name(stage));
    }
    operator.stop().await.unwrap();

    // One goes, and with it the right to look into it.
    two.kubectl.run(["delete", "namespace", &name(&two), "--timeout=90s"]).await.unwrap();
    let operator = HostOperator::start(&system.kubectl, "narrow", &install::program(), &[]).await.unwrap();
    reaction(&one, "orders", "alone", Duration::from_secs(20)).await;
    operator.stop().await.unwrap();
    system.kubectl.helm(["uninstall", "narrow"]).await.unwrap();
}
