//! What a store's spec asks of backups: the schedule, the copied log, and what the store begins with.

use jiff::Timestamp;
use kivi_crds::{BackupConditionType, Destination, FromBackup, KeyValueStore, KeyValueStoreBackup};
use kube::ResourceExt as _;

use super::error::ValidationError;
use super::placement;
use super::secret::Owned;
use crate::backup::authority;
use crate::backup::model::{Copy, Source, Tools};
use crate::backup::origin::{self, Made};
use crate::backup::policy::{Archive, Policy, Restore, Times, without_claims};
use crate::backup::schedule::Schedule;
use crate::dereferenced::Dereferenced;
use crate::model::{Certificate, Store};
use crate::pki::Flaw;
use crate::rollouts;

/// What is done for a store's copies; `valid` is all else of the store.
pub(super) fn policy(
    store: &KeyValueStore,
    valid: &Store,
    found: &Dereferenced,
    now: Timestamp,
) -> Result<Option<Policy>, ValidationError> {
    let Some(plan) = plan(store, found, now)? else { return Ok(None) };
    let destination = store.spec.backup.as_ref().and_then(|backup| backup.destination.as_ref());
    let copy = |destination: &Destination| {
        let destination = destination.resolved(&valid.namespace, valid.names.store(), &valid.owner.uid);
        Ok::<_, ValidationError>(Copy {
            source: source(valid),
            destination,
            tools: tools(found)?,
            placement: placement::of(valid.names.store(), &valid.pod, store.spec.backup.as_ref()),
        })
    };
    Ok(Some(Policy { copy: destination.map(copy).transpose()?, distrust: distrust(valid), ..plan }))
}

/// What `spec.backup` asks for, whatever becomes of the rest of the store.
///
/// # Errors
/// What is wrong with it.
pub fn plan(
    store: &KeyValueStore,
    found: &Dereferenced,
    now: Timestamp,
) -> Result<Option<Policy>, ValidationError> {
    let Some(spec) = &store.spec.backup else { return Ok(None) };
    let before = store.status.as_ref().and_then(|status| status.backup.as_ref());
    let rests = spec.suspend || store.spec.stopped;
    let times = spec.schedule.as_ref().map(|fields| {
        let schedule = Schedule::parse(fields, spec.time_zone.as_deref())?;
        Ok::<_, ValidationError>(Times::of(&schedule, before, rests, now))
    });
    let times = times.transpose()?;
    let destination =
        spec.destination.as_ref().map(|place| one(place, "spec.backup.destination")).transpose()?;
    if destination.is_none() && (times.is_some() || spec.point_in_time.is_some()) {
        return Err(ValidationError::Destination { field: "spec.backup.destination" });
    }
    let flaw = destination
        .and_then(|destination| authority::check(destination, found.bucket_authority.as_ref()).err());
    let archive = spec.point_in_time.as_ref().map(|archive| Archive {
        every: archive.every(),
        rests,
        waits: before.is_none_or(|before| before.last_successful.is_none())
            && !found.backups.iter().any(is_complete),
    });
    let policy = Policy { times, archive, flaw, copy: None, distrust: None };
    Ok((times.is_some() || archive.is_some()).then_some(policy))
}

/// Why what copies a store will not trust it: it checks the certificate as any client does.
fn distrust(store: &Store) -> Option<String> {
    let served = match &store.certificate {
        Certificate::Managed(_) | Certificate::Disabled => return None,
        Certificate::Issuer(wanted) => wanted.served.as_ref()?,
        Certificate::Provided { served, .. } => served,
    };
    let secret = store.certificate_secret()?;
    let is_checked = |flaw: &&Flaw| matches!(flaw, Flaw::Name(_) | Flaw::Untrusted | Flaw::Bundle);
    match served.flaws.iter().find(is_checked) {
        Some(flaw) => Some(format!("that of Secret {secret} will not do: {flaw}")),
        None if served.bundle.is_none() => {
            Some(format!("Secret {secret} has no ca.crt to check it by: add one"))
        }
        None => None,
    }
}

/// What a store begins with. A StatefulSet that was made for it is the answer, or what its claim says of one, whatever
/// became of the backup since. What has filled its volume for certain mounts the claim of the backup no longer than it can,
/// and than the pods stay as they are; it stays itself, so that no store begins with an empty volume unnoticed.
pub(super) fn restore(
    store: &KeyValueStore,
    found: &Dereferenced,
) -> Result<Option<Restore>, ValidationError> {
    let Some(bootstrap) = &store.spec.bootstrap else { return Ok(None) };
    let (from, set) = (&bootstrap.from_backup, found.stateful_set.as_ref());
    let is_filled = origin::is_filled(from, &found.claims);
    let made = origin::made(from, set, &found.claims, found.tools.as_ref());
    if let Some(made) = made.filter(|made| is_filled || made.restores()) {
        let mounted_by = set.filter(|_| is_filled && made.claim().is_some());
        let mounted_by = mounted_by.map(|set| rollouts::template(set).to_owned());
        let Made { container, volumes } = made;
        let container = Box::new(container);
        return Ok(Some(if is_filled && found.source_is_lost {
            Restore::AsMade { container, volumes: without_claims(&volumes), mounted_by: None }
        } else {
            Restore::AsMade { container, volumes, mounted_by }
        }));
    }
    let FromBackup { name, destination, backup, at_revision } = &bootstrap.from_backup;
    let (destination, backup) = match (name, destination) {
        (Some(name), None) => (of_backup(name, found)?, name.clone()),
        (None, Some(place)) => {
            const FIELD: &str = "spec.bootstrap.fromBackup.destination";
            let latest = || "latest".to_owned();
            authority::check(one(place, FIELD)?, found.backup_authority.as_ref())?;
            (place.clone(), backup.clone().unwrap_or_else(latest))
        }
        _ => return Err(ValidationError::FromBackup),
    };
    let at_revision = at_revision.as_ref().map(ToString::to_string);
    Ok(Some(Restore::From { destination: Box::new(destination), backup, at_revision, tools: tools(found)? }))
}

/// Where a backup is that is to be restored.
fn of_backup(name: &str, found: &Dereferenced) -> Result<Destination, ValidationError> {
    let not_there = |why: String| ValidationError::Backup { name: name.to_owned(), why };
    let none = || not_there("there is none in the store's namespace".to_owned());
    let status = found.begins_with.as_ref().ok_or_else(none)?.status.as_ref();
    let complete = status.and_then(|status| {
        status.conditions.iter().find(|c| c.type_ == BackupConditionType::Complete.as_str())
    });
    if complete.is_none_or(|complete| complete.status != "True") {
        let why = complete.map_or("it is new", |complete| complete.message.trim_end_matches('.'));
        return Err(not_there(format!("it is not complete: {why}")));
    }
    let destination = status.and_then(|status| status.destination.clone());
    let destination =
        destination.ok_or_else(|| not_there("its status does not say where it is".to_owned()))?;
    authority::check(&destination, found.backup_authority.as_ref())
        .map_err(|error| not_there(error.to_string()))?;
    Ok(destination)
}

fn is_complete(backup: &KeyValueStoreBackup) -> bool {
    let conditions = backup.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|c| c.type_ == BackupConditionType::Complete.as_str() && c.status == "True")
}

/// Whether a CronJob of an earlier spec is there that this one does not want; one of someone else's is in the way only
/// where one is wanted.
pub(super) fn takes_over(
    found: &Dereferenced,
    own: Owned<'_>,
    wanted: bool,
) -> Result<bool, ValidationError> {
    let Some(there) = &found.archive else { return Ok(false) };
    match (own.is_own(&there.metadata), wanted) {
        (true, wanted) => Ok(!wanted),
        (false, false) => Ok(false),
        (false, true) => {
            Err(ValidationError::NameTaken { kind: "CronJob".to_owned(), name: there.name_any() })
        }
    }
}

fn one<'a>(place: &'a Destination, field: &'static str) -> Result<&'a Destination, ValidationError> {
    let exactly_one = place.volume.is_some() != place.s3.is_some();
    exactly_one.then_some(place).ok_or(ValidationError::Destination { field })
}

fn tools(found: &Dereferenced) -> Result<Tools, ValidationError> {
    found.tools.clone().ok_or(ValidationError::Incomplete("image that copies"))
}

fn source(store: &Store) -> Source {
    let published = match &store.certificate {
        Certificate::Managed(_) => true,
        Certificate::Issuer(wanted) => wanted.served.as_ref().is_some_and(|served| served.bundle.is_some()),
        Certificate::Provided { served, .. } => served.bundle.is_some(),
        Certificate::Disabled => false,
    };
    Source {
        store: store.names.store().to_owned(),
        namespace: store.namespace.clone(),
        endpoint: store.endpoint(),
        ca_config_map: published.then(|| store.names.ca_config_map()),
        tokens_secret: store.tokens_secret(),
    }
}

#[cfg(test)]
mod tests;
