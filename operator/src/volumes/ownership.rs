//! Whose volume a claim's is. Pure.
//!
//! A StatefulSet takes a claim by its name alone, whoever made it. So a claim carries the name of the store whose log is on
//! its volume, from the first time that it is seen, and what carries another's is mounted by nobody unasked.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::labels;
use kube::ResourceExt as _;
use serde_json::{Value, json};

/// Annotation of a claim: the store whose log is on its volume, `NAMESPACE/NAME`.
pub const STORE: &str = "kivi.dev/store";
/// Annotation by which a person gives a claim to a store, `NAMESPACE/NAME`.
pub const ADOPT: &str = "kivi.dev/adopt";

/// How a claim stands to a store that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is the store's, and says so.
    Own,
    /// It is the store's from now on, and is to say so.
    Unsigned,
    /// It is not, for this reason.
    Foreign(String),
}

/// A claim that has the name of one of the store's, and is not the store's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignClaim {
    /// Name of the claim.
    pub claim: String,
    /// Why it is not.
    pub why: String,
    /// The store, as claims name it.
    pub store: String,
}

/// A store, as claims name it.
#[derive(Debug, Clone, Copy)]
pub struct Claimant<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub store: &'a str,
}

impl Claimant<'_> {
    /// How a claim with the name of one of the store's stands to it.
    pub fn standing(self, claim: &PersistentVolumeClaim) -> Standing {
        let own = self.signature();
        let annotation = |key: &str| claim.annotations().get(key).map(String::as_str);
        let given = annotation(ADOPT) == Some(&own);
        match annotation(STORE) {
            Some(store) if store == own && self.has_labels(claim) && !given => Standing::Own,
            _ if given => Standing::Unsigned,
            Some(store) if store == own => Standing::Unsigned,
            Some(other) => Standing::Foreign(format!("it holds the log of store {other}")),
            // As the StatefulSet makes it, or an operator of an earlier release left it.
            None if self.has_labels(claim) => Standing::Unsigned,
            None => Standing::Foreign(match claim.labels().get(labels::INSTANCE) {
                Some(instance) => format!("its label {} is {instance}", labels::INSTANCE),
                None => "it was not made for a store".to_owned(),
            }),
        }
    }

    /// The change that makes a claim say whose it is.
    pub fn sign(self) -> Value {
        // `null` takes away.
        let annotations = json!({STORE: self.signature(), ADOPT: null});
        json!({"metadata": {"labels": self.labels(), "annotations": annotations}})
    }

    /// `NAMESPACE/NAME`.
    pub fn signature(self) -> String {
        format!("{}/{}", self.namespace, self.store)
    }

    fn labels(self) -> BTreeMap<String, String> {
        labels::selector(self.store)
    }

    fn has_labels(self, claim: &PersistentVolumeClaim) -> bool {
        self.labels().iter().all(|(key, value)| claim.labels().get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: Claimant<'_> = Claimant { namespace: "shop", store: "orders" };
    const LABELS: &str =
        "app.kubernetes.io/name: kivi, app.kubernetes.io/component: store, app.kubernetes.io/instance";

    fn claim(labels: &str, annotations: &str) -> PersistentVolumeClaim {
        serde_yaml::from_str(&format!(
            "{{metadata: {{name: log-orders-0, labels: {{{labels}}}, annotations: {{{annotations}}}}}}}"
        ))
        .unwrap()
    }

    #[test]
    fn a_claim_is_taken_up_where_it_says_so_or_nobody_else_could_have_made_it() {
        let own = format!("{LABELS}: orders");
        let foreign = |why: &str| Standing::Foreign(why.to_owned());
        for (labels, annotations, standing) in [
            (own.as_str(), "kivi.dev/store: shop/orders", Standing::Own),
            (&own, "", Standing::Unsigned),
            ("", "kivi.dev/store: shop/orders", Standing::Unsigned),
            ("", "", foreign("it was not made for a store")),
            (&format!("{LABELS}: billing"), "", foreign("its label app.kubernetes.io/instance is billing")),
            (&own, "kivi.dev/store: staging/orders", foreign("it holds the log of store staging/orders")),
            ("", "kivi.dev/adopt: shop/orders", Standing::Unsigned),
            (&own, "kivi.dev/store: shop/billing, kivi.dev/adopt: shop/orders", Standing::Unsigned),
            (&own, "kivi.dev/store: shop/orders, kivi.dev/adopt: shop/orders", Standing::Unsigned),
            // What was given to another, and copied since.
            ("", "kivi.dev/adopt: shop/billing", foreign("it was not made for a store")),
        ] {
            assert_eq!(ORDERS.standing(&claim(labels, annotations)), standing, "{labels} {annotations}");
        }
    }

    #[test]
    fn a_signature_is_written_once() {
        let signed = ORDERS.sign();
        let mut claim: Value = json!({"metadata": {"name": "log-orders-0"}});
        claim["metadata"]["labels"] = signed["metadata"]["labels"].clone();
        claim["metadata"]["annotations"] = json!({STORE: signed["metadata"]["annotations"][STORE]});
        assert_eq!(ORDERS.standing(&serde_json::from_value(claim).unwrap()), Standing::Own);
        assert!(signed["metadata"]["annotations"][ADOPT].is_null());
    }
}
