//! Which children are in force: the last apply of each had the same content, and nobody changed it since.
//!
//! An apply of what is there changes nothing, and yet is the dearest request of a reconcile; there are ten of them. So
//! what was sent is remembered by its digest, and what the watches show is compared with what the API server
//! answered. Whatever is not known for certain is not in force: after a start, before a watch's first list is
//! complete, where no watch follows a kind. It knows no client, and keeps no object: some 100 bytes a child.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::labels;
use kube::Resource;
use kube_runtime::watcher::Event;
use parking_lot::Mutex;
use serde::Serialize;

/// A short digest of content: the first half of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Of what is sent as JSON; none where it cannot be written as JSON.
    pub fn of(content: &impl Serialize) -> Option<Self> {
        let json = serde_json::to_vec(content).ok()?;
        let whole = ring::digest::digest(&ring::digest::SHA256, &json);
        Some(Self(*whole.as_ref().first_chunk()?))
    }
}

/// A state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    /// Its resource version: of one object, a later state has a larger one (KEP-5504).
    version: u64,
    /// What of it an apply may change. A status changes often, and no generation with it.
    essence: u64,
}

impl Mark {
    fn of(metadata: &ObjectMeta) -> Option<Self> {
        let version: u64 = metadata.resource_version.as_ref()?.parse().ok()?;
        let mut hasher = DefaultHasher::new();
        metadata.uid.hash(&mut hasher);
        metadata.generation.hash(&mut hasher);
        if metadata.generation.is_none() {
            version.hash(&mut hasher);
        }
        metadata.labels.hash(&mut hasher);
        metadata.annotations.hash(&mut hasher);
        metadata.deletion_timestamp.is_some().hash(&mut hasher);
        for owner in metadata.owner_references.iter().flatten() {
            (&owner.uid, &owner.name, owner.controller).hash(&mut hasher);
        }
        Some(Self { version, essence: hasher.finish() })
    }
}

/// The kind of the child that every store has, and that goes with it.
const SET: &str = "StatefulSet";

/// What is known of one child.
#[derive(Debug, Default)]
struct Entry {
    kind: String,
    /// What was sent last, and the state that it led to.
    sent: Option<(Digest, Mark)>,
    /// What its watch showed last.
    seen: Option<Mark>,
    /// Which of the watches of its kind showed it.
    watch: usize,
    /// Whether the list that is under way has it, or need not: it was sent after that began.
    listed: bool,
    /// Of a StatefulSet, which goes with its store: the names of all children when orphans were last looked for.
    swept: Option<Digest>,
}

impl Entry {
    /// Whether a watch of this kind may have to show it: its own does, and until one has, each.
    fn is_due_by(&self, kind: &str, watch: usize) -> bool {
        self.kind == kind && (self.seen.is_none() || self.watch == watch)
    }

    /// Whether the watch has shown more than what the last apply led to.
    fn moved_on(&self) -> bool {
        match (self.sent, self.seen) {
            (Some((_, sent)), Some(seen)) => seen.version > sent.version,
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    fn is_in_force(&self, digest: Digest) -> bool {
        let Some((sent, mark)) = self.sent else { return false };
        sent == digest && (!self.moved_on() || self.seen.is_some_and(|seen| seen.essence == mark.essence))
    }
}

/// What an event of a watch means for the stores.
#[derive(Debug, PartialEq)]
pub enum News {
    /// It shows nothing.
    None,
    /// It shows what the operator did itself: news only to others than the store that it did it for.
    Own(Box<ObjectMeta>),
    /// Of this object.
    Of(Box<ObjectMeta>),
    /// Objects went while nobody watched; whose they were is not known.
    Lost,
}

#[derive(Debug, Default)]
struct Known {
    children: HashMap<Digest, Entry>,
    /// How many watches each kind has, one for each namespace.
    expected: HashMap<String, usize>,
    /// Those that have shown everything that there is.
    complete: HashMap<String, HashSet<usize>>,
    /// Of each kind, the version at which the last object went of which nothing was known.
    lost: HashMap<String, u64>,
}

/// What was sent, and what was seen.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Known>);

impl Ledger {
    /// Forgets everything: other watches begin, and what happened meanwhile is not known.
    pub fn clear(&self) {
        *self.0.lock() = Known::default();
    }

    /// So many watches follow a kind.
    pub fn expect(&self, kind: &str, watches: usize) {
        self.0.lock().expected.insert(kind.to_owned(), watches);
    }

    /// A watch is not let to list: what there is in its namespace is not the operator's to know, and the other watches of the
    /// kind are complete without it.
    pub fn refused(&self, kind: &str, watch: usize) {
        self.0.lock().complete.entry(kind.to_owned()).or_default().insert(watch);
    }

    /// Takes note of what a watch of this kind shows; they are numbered.
    pub fn heed<K: Resource>(&self, kind: &str, watch: usize, event: Event<K>) -> News {
        let mut known = self.0.lock();
        match event {
            Event::Init => {
                known.complete.entry(kind.to_owned()).or_default().remove(&watch);
                let due = known.children.values_mut().filter(|child| child.is_due_by(kind, watch));
                due.for_each(|child| child.listed = false);
                News::None
            }
            Event::InitApply(mut object) | Event::Apply(mut object) => {
                known.see(kind, watch, std::mem::take(object.meta_mut()))
            }
            Event::Delete(mut object) => known.lose(kind, std::mem::take(object.meta_mut())),
            Event::InitDone => {
                known.complete.entry(kind.to_owned()).or_default().insert(watch);
                let before = known.children.len();
                known.children.retain(|_, child| !child.is_due_by(kind, watch) || child.listed);
                if known.children.len() < before { News::Lost } else { News::None }
            }
        }
    }

    /// Whether an apply of this content would change nothing.
    pub fn is_in_force(&self, kind: &str, namespace: &str, name: &str, content: Digest) -> bool {
        let known = self.0.lock();
        known.is_complete(kind)
            && key(kind, namespace, name)
                .and_then(|key| known.children.get(&key))
                .is_some_and(|child| child.is_in_force(content))
    }

    /// An apply of this content led to this object. Only of kinds that are watched anything is kept.
    pub fn sent(&self, kind: &str, content: Digest, led_to: &ObjectMeta) {
        let (Some(mark), Some(key)) = (Mark::of(led_to), key_of(kind, led_to)) else { return };
        let mut known = self.0.lock();
        if !known.expected.contains_key(kind) {
            return;
        }
        let lost = known.lost.get(kind).copied().unwrap_or_default();
        let child = known.children.entry(key).or_default();
        kind.clone_into(&mut child.kind);
        // The watch may be faster than the answer: it may have told already that this one went.
        child.sent = (child.seen.is_some() || lost < mark.version).then_some((content, mark));
        child.listed |= child.seen.is_none();
    }

    /// A child was read, and the watch may not have shown it so yet.
    pub fn read(&self, kind: &str, metadata: &ObjectMeta) {
        let (Some(mark), Some(key)) = (Mark::of(metadata), key_of(kind, metadata)) else { return };
        if let Some(child) = self.0.lock().children.get_mut(&key)
            && child.seen.is_some_and(|seen| seen.version < mark.version)
        {
            child.seen = Some(mark);
        }
    }

    /// Whether a store has no orphans, as none were found beside these names. It gets some when its spec comes to want
    /// others.
    pub fn is_swept(&self, namespace: &str, store: &str, wanted: Digest) -> bool {
        let known = self.0.lock();
        let set = key(SET, namespace, store).and_then(|key| known.children.get(&key));
        set.is_some_and(|set| set.swept == Some(wanted))
    }

    /// A store is about to get children of other names, and may keep some of them if that fails.
    pub fn unswept(&self, namespace: &str, store: &str) {
        let mut known = self.0.lock();
        if let Some(set) = key(SET, namespace, store).and_then(|key| known.children.get_mut(&key)) {
            set.swept = None;
        }
    }

    /// A store that was applied has no orphans beside these names.
    pub fn swept(&self, namespace: &str, store: &str, wanted: Digest) {
        let mut known = self.0.lock();
        if let Some(set) = key(SET, namespace, store).and_then(|key| known.children.get_mut(&key)) {
            set.swept = Some(wanted);
        }
    }
}

impl Known {
    fn is_complete(&self, kind: &str) -> bool {
        let complete = self.complete.get(kind).map_or(0, HashSet::len);
        self.expected.get(kind).is_some_and(|expected| complete >= *expected)
    }

    fn see(&mut self, kind: &str, watch: usize, metadata: ObjectMeta) -> News {
        let Some(key) = key_of(kind, &metadata) else { return News::Of(Box::new(metadata)) };
        // What is somebody else's is not kept: there may be very many.
        if is_managed(&metadata) || self.children.contains_key(&key) {
            let Some(mark) = Mark::of(&metadata) else {
                self.children.remove(&key);
                return News::Of(Box::new(metadata));
            };
            let child = self.children.entry(key).or_default();
            kind.clone_into(&mut child.kind);
            child.watch = watch;
            child.listed = true;
            child.seen = Some(mark);
            if !child.moved_on() {
                return News::Own(Box::new(metadata));
            }
        }
        News::Of(Box::new(metadata))
    }

    fn lose(&mut self, kind: &str, metadata: ObjectMeta) -> News {
        let version = Mark::of(&metadata).map(|mark| mark.version);
        if let Some(key) = key_of(kind, &metadata) {
            let sent = self.children.get(&key).and_then(|child| child.sent).map(|(_, mark)| mark.version);
            // What was made anew since is not what went.
            if version.is_none() || sent.is_none() || version > sent {
                self.children.remove(&key);
            }
        }
        if let Some(version) = version {
            let last = self.lost.entry(kind.to_owned()).or_default();
            *last = version.max(*last);
        }
        // A list that lacks it tells no more than its name.
        if metadata.uid.is_none() { News::Lost } else { News::Of(Box::new(metadata)) }
    }
}

fn is_managed(metadata: &ObjectMeta) -> bool {
    metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::MANAGED_BY))
        .is_some_and(|by| by == labels::MANAGER)
}

fn key_of(kind: &str, metadata: &ObjectMeta) -> Option<Digest> {
    key(kind, metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

fn key(kind: &str, namespace: &str, name: &str) -> Option<Digest> {
    Digest::of(&(kind, namespace, name))
}

#[cfg(test)]
mod tests;
