//! Whether each server has its volume, of the size that the spec asks for. Pure.

use kivi_crds::{ConditionType, VolumePhase, VolumeResize, VolumeStatus};

use super::conditions::Conditions;
use super::seen::Seen;
use crate::build::ports::SERVER_HEALTH_PORT;
use crate::model::Store;
use crate::volumes::growth::Growth;
use crate::volumes::size;

/// Reason of a volume that is full and may not grow by itself any further.
const AT_MAX: &str = "AutoGrowAtMax";

/// What there is to say of the volumes.
struct Finding {
    reason: &'static str,
    message: String,
    /// What it means besides that the storage is not as it should be.
    kind: Kind,
}

#[derive(PartialEq)]
enum Kind {
    /// A human is needed.
    NeedsHuman,
    /// The cluster is at work.
    UnderWay,
    /// It is told elsewhere, or passes by itself.
    Waits,
}

/// The conditions with those of the volumes; to be called after those of the pods, whose it may overrule.
pub(super) fn conditions(store: &Store, seen: &Seen, conditions: Conditions) -> Conditions {
    use ConditionType::{Degraded, Progressing, StorageReady};
    let told = conditions.before(StorageReady).is_some_and(|before| before.reason == AT_MAX);
    let Some(Finding { reason, message, kind }) = find(store, seen, told) else {
        let (count, rest) = (seen.volumes.len(), unneeded(store, seen).unwrap_or_default());
        return conditions.set(StorageReady, true, "VolumesBound", format!("Volumes bound: {count}.{rest}"));
    };
    let conditions = conditions.set(StorageReady, false, reason, &message);
    match kind {
        Kind::NeedsHuman => conditions.set(Degraded, true, reason, message),
        // The volumes of a stopped store grow when it is started.
        Kind::UnderWay if !store.stopped => conditions.set(Progressing, true, reason, message),
        Kind::UnderWay | Kind::Waits => conditions,
    }
}

fn find(store: &Store, seen: &Seen, told: bool) -> Option<Finding> {
    leaving(store, seen)
        .or_else(|| missing(store, seen))
        .or_else(|| refused(store))
        .or_else(|| resizing(store, seen))
        .or_else(|| template(store))
        .or_else(|| growth(store, told))
}

/// Somebody deleted the claim of a server that runs. Kubernetes waits for the pod's end, and cannot take the deletion back.
fn leaving(store: &Store, seen: &Seen) -> Option<Finding> {
    let used = |claim: &str| !store.stopped && (0..store.replicas).any(|n| store.names.log_claim(n) == claim);
    let leaves = |volume: &&VolumeStatus| volume.phase == VolumePhase::Terminating && used(&volume.name);
    let claim = &seen.volumes.iter().find(leaves)?.name;
    let message = format!(
        "Volume claim {claim} is being deleted, and the log on it is lost once its pod ends. Back the store up, or set the \
         reclaim policy of the claim's PersistentVolume to Retain, before the pod is deleted."
    );
    Some(Finding { reason: "VolumeTerminating", message, kind: Kind::NeedsHuman })
}

fn missing(store: &Store, seen: &Seen) -> Option<Finding> {
    let volumes = &seen.volumes;
    let named = |phase: VolumePhase| volumes.iter().find(|volume| volume.phase == phase);
    if let Some(lost) = named(VolumePhase::Lost) {
        let message = format!("Volume {} is lost, and the data on it.", lost.name);
        return Some(Finding { reason: "VolumeLost", message, kind: Kind::NeedsHuman });
    }
    if let Some(pending) = named(VolumePhase::Pending) {
        let complaint = seen.complaint.as_ref().filter(|complaint| complaint.claim.is_some());
        let why = complaint.map(|complaint| format!(": {}", complaint.note.trim_end_matches('.')));
        let asked = pending.requested.as_deref().filter(|asked| asks_more(store, asked));
        let class = other_class(store, seen, &pending.name);
        let less = asked.map(|asked| {
            format!(
                " It asks for {asked}, and cannot ask for {} before it has one; if that is why, delete the claim: nothing is \
                 on it yet, and it is made anew.",
                store.volume.wanted_size
            )
        });
        let message = format!(
            "Volume claim {} waits for a volume{}.{}",
            pending.name,
            why.unwrap_or_default(),
            class.or(less).unwrap_or_default()
        );
        return Some(Finding { reason: "VolumePending", message, kind: Kind::Waits });
    }
    let wanted = usize::try_from(store.replicas).unwrap_or_default();
    (volumes.len() < wanted).then(|| Finding {
        reason: "VolumePending",
        message: format!("{} of {wanted} volume claims exist.", volumes.len()),
        kind: Kind::Waits,
    })
}

/// The claim of an earlier store of this name, made for another class. Without a class in the spec it is the cluster's default
/// that counted when the claim was made, and nothing can be said.
fn other_class(store: &Store, seen: &Seen, claim: &str) -> Option<String> {
    let (wanted, made) = (store.volume.storage_class.as_ref()?, seen.pending_classes.get(claim)?);
    (wanted != made).then(|| {
        format!(
            " It was made for class {made} instead of {wanted}; delete the claim: nothing is on it yet, and it is made anew."
        )
    })
}

fn asks_more(store: &Store, asked: &str) -> bool {
    size::bytes(asked) > size::bytes(&store.volume.wanted_size)
}

/// The claim cannot even ask.
fn refused(store: &Store) -> Option<Finding> {
    let refusal = store.volume.refusal.as_ref()?;
    let (claim, from, to) = (&refusal.claim, &refusal.from, &refusal.to);
    let message = format!(
        "Volume claim {claim} asks for {from}, and the API server does not let it ask for {to}: {}. Let it, for one by \
         `allowVolumeExpansion: true` in its StorageClass, or take spec.log.file.size back to {from}.",
        refusal.said
    );
    Some(Finding { reason: "ResizeRefused", message, kind: Kind::NeedsHuman })
}

/// Whether a volume has what the spec asks for, whatever its claim asks for.
fn suffices(store: &Store, volume: &VolumeStatus) -> bool {
    let sizes = || Some((size::bytes(volume.actual.as_deref()?)?, size::bytes(&store.volume.wanted_size)?));
    sizes().is_some_and(|(actual, wanted)| actual >= wanted)
}

/// A growth that the spec asks for no more. The API server lets no claim go back to just what its volume has.
fn unneeded(store: &Store, seen: &Seen) -> Option<String> {
    let sizes = |volume: &VolumeStatus| Some((volume.requested.clone()?, volume.actual.clone()?));
    let mut enough = seen.volumes.iter().filter(|volume| suffices(store, volume));
    let (name, requested, actual) = enough.find_map(|volume| {
        let (requested, actual) = sizes(volume)?;
        (size::bytes(&requested) > size::bytes(&actual)).then_some((&volume.name, requested, actual))
    })?;
    let field = match store.settings.log.file.as_ref()?.auto_grow {
        Some(_) => "spec.log.file.autoGrow.max",
        None => "spec.log.file.size",
    };
    Some(format!(
        " Claim {name} asks for {requested} still, and cannot be taken back to just the {actual} that its volume has: it is \
         waited for no more, but storage that can give it will. To ask for less, set {field} to a little more than {actual}."
    ))
}

/// What is furthest from its end is told.
fn resizing(store: &Store, seen: &Seen) -> Option<Finding> {
    use VolumeResize::{Failing, FileSystemResizePending, Infeasible, Requested, Resizing};
    let order = [Infeasible, Failing, Requested, Resizing, FileSystemResizePending];
    let awaited = |volume: &&VolumeStatus| !suffices(store, volume);
    let at = |resize: VolumeResize| {
        seen.volumes.iter().filter(awaited).find(|volume| volume.resize == Some(resize))
    };
    let (resize, volume) = order.into_iter().find_map(|resize| Some((resize, at(resize)?)))?;
    let VolumeStatus { name, requested, actual, .. } = volume;
    let text = |size: &Option<String>| size.clone().unwrap_or_default();
    let (requested, actual) = (text(requested), text(actual));
    let why = seen.resize_error.as_deref().map(|why| format!(": {}", why.trim_end_matches('.')));
    let why = why.unwrap_or_default();
    let (reason, rest, kind) = match resize {
        Infeasible => (
            "ResizeInfeasible",
            format!(
                "cannot get {requested}{why}. Set spec.log.file.size to a size above {actual} that its storage can give."
            ),
            Kind::NeedsHuman,
        ),
        Failing => {
            ("ResizeFailing", format!("does not get {requested}{why}. It is tried again."), Kind::UnderWay)
        }
        Requested => {
            ("Resizing", format!("is to get {requested}; nobody has begun to resize it."), Kind::UnderWay)
        }
        Resizing => ("Resizing", format!("is being resized to {requested}."), Kind::UnderWay),
        FileSystemResizePending => (
            "Resizing",
            format!("is being resized to {requested}; the rest is done where a pod mounts it."),
            Kind::UnderWay,
        ),
    };
    Some(Finding { reason, message: format!("Volume {name} has {actual} and {rest}"), kind })
}

/// What keeps a volume from growing by itself; `told` is whether it was at its largest before.
fn growth(store: &Store, told: bool) -> Option<Finding> {
    let auto = store.settings.log.file.as_ref()?.auto_grow.as_ref()?;
    match &store.volume.growth {
        Growth::NearMax(_) if !told => None,
        Growth::AtMax(claim) | Growth::NearMax(claim) => Some(Finding {
            reason: AT_MAX,
            message: format!(
                "Volume {claim} is almost full, and spec.log.file.autoGrow.max is {}: it grows no further. Raise max, or \
                 delete what is not needed.",
                auto.max
            ),
            kind: Kind::NeedsHuman,
        }),
        Growth::Blind { claim, why } => Some(Finding {
            reason: "AutoGrowBlind",
            message: format!(
                "How full volume {claim} is cannot be learned at port {SERVER_HEALTH_PORT} of its pod: {why}. A \
                 NetworkPolicy must let the operator ask there."
            ),
            kind: Kind::Waits,
        }),
        Growth::Rest | Growth::To { .. } => None,
    }
}

/// For volumes that are yet to be made.
fn template(store: &Store) -> Option<Finding> {
    let volume = &store.volume;
    (!size::same(&volume.template_size, &volume.wanted_size)).then(|| Finding {
        reason: "Resizing",
        message: format!(
            "The StatefulSet is made anew, for volumes of {} instead of {}; its pods run on.",
            volume.wanted_size, volume.template_size
        ),
        kind: Kind::UnderWay,
    })
}

#[cfg(test)]
mod tests;
