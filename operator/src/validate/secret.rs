//! What is read out of Secrets: pairs, tokens, and whose they are.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::labels;
use kube::ResourceExt as _;

use super::error::{TLS_FIELD, ValidationError};
use crate::dereferenced::Dereferenced;
use crate::pki::{self, Examined, Pair};

const TOKENS_FIELD: &str = "spec.auth.tokensSecretRef";

/// Whether a Secret is a store's own.
#[derive(Clone, Copy)]
pub(super) struct Owned<'a> {
    /// The uid of the store.
    pub(super) uid: &'a str,
    /// The name of the store.
    pub(super) store: &'a str,
}

impl Owned<'_> {
    /// Whether an object is the store's own. One without any owner that carries the store's labels was left
    /// by `kubectl delete --cascade=orphan`; the next store of that name takes it up again.
    pub(super) fn is_own(self, object: &ObjectMeta) -> bool {
        let owners = object.owner_references.as_deref().unwrap_or_default();
        let label = |key: &str| object.labels.as_ref()?.get(key).map(String::as_str);
        let orphan = owners.is_empty()
            && label(labels::MANAGED_BY) == Some(labels::MANAGER)
            && label(labels::INSTANCE) == Some(self.store);
        orphan || owners.iter().any(|owner| owner.uid == self.uid)
    }

    /// Refuses to build where another child's name is taken.
    pub(super) fn names(self, found: &Dereferenced) -> Result<(), ValidationError> {
        let taken = |kind: &str, name: &str| ValidationError::NameTaken {
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        if let Some(set) = &found.stateful_set
            && !self.is_own(&set.metadata)
        {
            return Err(taken("StatefulSet", &set.name_any()));
        }
        match found.namesakes.iter().find(|other| !self.is_own(&other.metadata)) {
            Some(other) => Err(taken(&other.kind, other.metadata.name.as_deref().unwrap_or_default())),
            None => Ok(()),
        }
    }

    /// The Secret, if it exists; one that is not the store's is never overwritten.
    pub(super) fn secret<'s>(
        self,
        name: &str,
        found: Option<&'s Secret>,
    ) -> Result<Option<&'s Secret>, ValidationError> {
        match found {
            Some(secret) if !self.is_own(&secret.metadata) => {
                Err(ValidationError::NameTaken { kind: "Secret".to_owned(), name: name.to_owned() })
            }
            found => Ok(found),
        }
    }

    /// The ConfigMap, if it exists; one that is not the store's is never overwritten.
    pub(super) fn config_map(self, found: Option<&ConfigMap>) -> Result<Option<&ConfigMap>, ValidationError> {
        match found {
            Some(map) if !self.is_own(&map.metadata) => {
                Err(ValidationError::NameTaken { kind: "ConfigMap".to_owned(), name: map.name_any() })
            }
            found => Ok(found),
        }
    }

    /// The token in the store's own Secret; a token that was emptied is made anew.
    pub(super) fn token(self, found: Option<&Secret>) -> Result<Option<String>, ValidationError> {
        let name = found.map(kube::ResourceExt::name_any).unwrap_or_default();
        Ok(self
            .secret(&name, found)?
            .and_then(|secret| text(secret, "token"))
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty()))
    }
}

/// The pair in a Secret of type kubernetes.io/tls.
pub(super) fn pair(secret: &Secret) -> Option<Pair> {
    Some(Pair { certificate: text(secret, "tls.crt")?, key: text(secret, "tls.key")? })
}

/// Checks a user's certificate, for clients that ask for `host`.
pub(super) fn certificate(
    name: &str,
    found: Option<&Secret>,
    host: &str,
    now: Timestamp,
) -> Result<Examined, ValidationError> {
    let invalid =
        |reason: String| ValidationError::SecretInvalid { field: TLS_FIELD, name: name.to_owned(), reason };
    let secret =
        found.ok_or_else(|| ValidationError::SecretNotFound { field: TLS_FIELD, name: name.to_owned() })?;
    let pair = pair(secret).ok_or_else(|| {
        invalid("it needs tls.crt and tls.key, as a Secret of type kubernetes.io/tls".to_owned())
    })?;
    let ca = text(secret, "ca.crt");
    let seen = pki::examine(&pair, ca.as_deref(), host, now).map_err(|error| invalid(error.to_string()))?;
    if seen.not_after <= now {
        return Err(invalid(format!("its certificate ended at {}", seen.not_after)));
    }
    Ok(seen)
}

/// Checks a user's tokens.
pub(super) fn tokens(name: &str, found: Option<&Secret>) -> Result<(), ValidationError> {
    let secret = found
        .ok_or_else(|| ValidationError::SecretNotFound { field: TOKENS_FIELD, name: name.to_owned() })?;
    let keys: Vec<&String> = secret.data.iter().flat_map(|data| data.keys()).collect();
    let usable = |key: &&&String| text(secret, key).is_some_and(|token| !token.trim().is_empty());
    if keys.is_empty() || !keys.iter().all(|key| usable(&key)) {
        return Err(ValidationError::SecretInvalid {
            field: TOKENS_FIELD,
            name: name.to_owned(),
            reason: "it needs at least one value, and each must be a token in UTF-8".to_owned(),
        });
    }
    Ok(())
}

/// A value of a Secret that is text.
pub(super) fn text(secret: &Secret, key: &str) -> Option<String> {
    String::from_utf8(secret.data.as_ref()?.get(key)?.0.clone()).ok()
}
