//! Children of kinds of other projects, which nobody watches.

use super::*;

#[tokio::test]
async fn children_that_nobody_watches_are_looked_after_every_five_minutes() {
    // Stopped, so that no missing pod is looked after.
    let (server, spec) = (Server::default(), "{stopped: true, monitoring: {serviceMonitor: true}}");
    let group = "/apis/monitoring.coreos.com/v1";
    let kind = json!({"name": "servicemonitors", "singularName": "servicemonitor", "namespaced": true,
        "kind": "ServiceMonitor", "verbs": ["list", "patch"]});
    server.put(
        group,
        json!({"kind": "APIResourceList", "groupVersion": "monitoring.coreos.com/v1", "resources": [kind]}),
    );
    let context = server.context();
    let action = reconcile(server.store(spec), context.clone()).await.unwrap();
    assert_eq!(action, Action::requeue(Duration::from_secs(300)));
    let path = format!("{group}/namespaces/shop/servicemonitors/orders");
    let made = server.objects.lock().remove(&path).unwrap();
    reconcile(server.store(spec), context.clone()).await.unwrap();
    let anew = server.objects.lock()[&path].clone();
    assert_eq!(anew["spec"], made["spec"]);
    // What is as it should be is sent again, and stays at its version.
    reconcile(server.store(spec), context.clone()).await.unwrap();
    assert_eq!(server.objects.lock()[&path], anew);
    let without = reconcile(server.store("{stopped: true}"), context).await.unwrap();
    assert_ne!(without, Action::requeue(Duration::from_secs(300)));
}
