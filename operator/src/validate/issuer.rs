//! A certificate that is asked of cert-manager: what there is of it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kivi_crds::{IssuerRef, StoreNames};
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::error::ValidationError;
use super::issued::{dns_names, life};
use super::secret::{self, Owned};
use crate::dereferenced::Dereferenced;
use crate::field_manager::FIELD_MANAGER;
use crate::foreign::ForeignKind;
use crate::model::{IssuedSecret, Issuer, IssuerCertificate, Readiness};
use crate::pki::{self, Examined};

/// Annotation by which cert-manager says whose a Secret is.
const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";

/// cert-manager takes no less.
const LEAST_RENEW_BEFORE: Duration = Duration::from_secs(300);

/// Checks `spec.tls.issuerRef` against what there is.
pub(super) fn certificate(
    reference: &IssuerRef,
    names: &StoreNames,
    host: &str,
    found: &Dereferenced,
    owned: Owned<'_>,
    now: Timestamp,
) -> Result<IssuerCertificate, ValidationError> {
    if !found.foreign_kinds.contains(&ForeignKind::Certificate) {
        return Err(ValidationError::NoCertManager);
    }
    life(reference.duration(), reference.renew_before(), LEAST_RENEW_BEFORE)?;
    dns_names(&reference.dns_names)?;
    let certificate = found.certificate.as_ref();
    owned.config_map(found.bundle.as_ref())?;
    let issued = found.leaf.as_ref().filter(|secret| {
        let written_for = secret.annotations().get(CERTIFICATE_NAME).map(String::as_str);
        written_for == Some(names.store()) && !holds_own_pair(secret)
    });
    let secret = match issued {
        Some(secret) => Some(secret),
        // The operator's own, of an earlier spec: served until cert-manager writes it over.
        None => owned.secret(&names.tls_secret(), found.leaf.as_ref())?,
    };
    Ok(IssuerCertificate {
        issuer: Issuer {
            name: reference.name.clone(),
            kind: reference.kind.clone().unwrap_or_else(|| "Issuer".to_owned()),
            group: reference.group.clone().unwrap_or_else(|| "cert-manager.io".to_owned()),
        },
        duration: reference.duration(),
        renew_before: reference.renew_before(),
        dns_names: reference.dns_names.clone(),
        served: secret.and_then(|secret| served(secret, host, now)),
        secret: issued
            .and_then(|secret| Some(IssuedSecret { uid: secret.uid()?, type_: secret.type_.clone() })),
        ready: certificate.and_then(readiness),
        revision: certificate
            .and_then(|certificate| certificate.data["status"]["revision"].as_i64())
            .unwrap_or_default(),
    })
}

/// Whether the pair in a Secret is the operator's. The annotation outlives what cert-manager wrote: to apply the Secret
/// without a pair would then take it away.
fn holds_own_pair(secret: &Secret) -> bool {
    secret.managed_fields().iter().any(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0["f:data"]["f:tls.key"]);
        entry.manager.as_deref() == Some(FIELD_MANAGER) && fields.is_some_and(|field| !field.is_null())
    })
}

fn served(secret: &Secret, host: &str, now: Timestamp) -> Option<Examined> {
    let ca = secret::text(secret, "ca.crt");
    let served = pki::examine(&secret::pair(secret)?, ca.as_deref(), host, now).ok()?;
    (now < served.not_after).then_some(served)
}

fn readiness(certificate: &DynamicObject) -> Option<Readiness> {
    let conditions = certificate.data["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
    Some(Readiness {
        ready: ready["status"] == "True",
        message: ready["message"].as_str().unwrap_or_default().trim_end_matches('.').to_owned(),
    })
}
