//! Staggers what the operator changes of its own accord: another release of it, or another image in the catalog, would
//! otherwise roll every store at once.
//!
//! Inputs: the StatefulSets and stores as their watches show them. [`decide`] is pure; this file keeps what it needs besides:
//! turns that were given and do not show in a watch yet, and who waits for one. It must not speak to the API server.

mod change;
mod decision;

use std::collections::{HashMap, VecDeque};

use k8s_openapi::api::apps::v1::StatefulSet;
use kivi_crds::ConditionType;
use kube::ResourceExt as _;
use kube_runtime::reflector::{ObjectRef, Store};
use parking_lot::Mutex;

pub use self::change::{Change, change, note, rolls, template};
pub use self::decision::{Rolling, Turn, Wait, decide};
use crate::status::conditions::find;
use crate::watched::Watched;

/// A store, by namespace and name.
type Key = ObjectRef<Watched>;

/// Who is rolled out, who waits.
#[derive(Debug)]
pub struct Rollouts {
    most: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    watches: Option<Watches>,
    /// The template that a store was let roll to, until its StatefulSet shows it.
    given: HashMap<Key, String>,
    waiting: VecDeque<Key>,
    /// The failed roll-out that those who wait were told of.
    told: Option<String>,
}

/// What is known of the cluster.
#[derive(Debug, Clone)]
struct Watches {
    sets: Store<StatefulSet>,
    stores: Store<Watched>,
}

impl Rollouts {
    /// At most `most` stores at a time.
    pub fn new(most: u16) -> Self {
        Self { most: usize::from(most), queue: Mutex::default() }
    }

    /// From now on these watches tell what is rolled out; whoever had or waited for a turn asks again.
    pub fn begin(&self, sets: Store<StatefulSet>, stores: Store<Watched>) {
        *self.queue.lock() = Queue { watches: Some(Watches { sets, stores }), ..Queue::default() };
    }

    /// Whether a store may be rolled out to the template of this hash now. Until it may, it waits, and is called by
    /// [`Rollouts::call`].
    pub async fn turn(&self, store: &Key, template: &str) -> Turn {
        // Before all are known, one that is under way could be overlooked. A watch that ended is a process that ends.
        let watches = self.queue.lock().watches.clone();
        if let Some(watches) = watches {
            let _ = watches.sets.wait_until_ready().await;
        }
        let mut queue = self.queue.lock();
        let turn = decide(&name(store), &queue.rolling(), self.most);
        queue.waiting.retain(|other| other != store);
        match turn {
            Turn::Now => {
                queue.given.insert(store.clone(), template.to_owned());
            }
            Turn::Waits(_) => queue.waiting.push_back(store.clone()),
        }
        turn
    }

    /// A store needs no turn, or could not take it.
    pub fn leave(&self, store: &Key) {
        let mut queue = self.queue.lock();
        queue.given.remove(store);
        queue.waiting.retain(|other| other != store);
    }

    /// The stores that should ask again now: those for whom there is room, or all, once after a roll-out failed, so that
    /// each says why it waits.
    pub fn call(&self) -> Vec<Key> {
        let mut queue = self.queue.lock();
        if queue.waiting.is_empty() {
            return Vec::new();
        }
        let rolling = queue.rolling();
        let failed = rolling.iter().find(|rolling| rolling.failed).map(|rolling| rolling.store.clone());
        let ready = match &failed {
            _ if failed != queue.told => usize::MAX,
            Some(_) => 0,
            None => self.most.saturating_sub(rolling.len()),
        };
        queue.told = failed;
        let ready = ready.min(queue.waiting.len());
        queue.waiting.drain(..ready).collect()
    }
}

impl Queue {
    /// What is rolled out now. Turns that have come to show are forgotten, and those of stores that are gone.
    fn rolling(&mut self) -> Vec<Rolling> {
        let Some(watches) = &self.watches else {
            return Vec::new();
        };
        let mut rolling = Vec::new();
        let mut given = HashMap::new();
        for set in watches.sets.state() {
            let store = Key::new(&set.name_any()).within(&set.namespace().unwrap_or_default());
            let pending = self.given.remove(&store).filter(|hash| !change::shows(&set, hash));
            if pending.is_some() || change::under_way(&set) {
                rolling.push(Rolling { store: name(&store), failed: watches.failed(&store) });
            }
            given.extend(pending.map(|hash| (store, hash)));
        }
        rolling.sort();
        self.given = given;
        rolling
    }
}

impl Watches {
    /// Whether a store that is rolled out needs a human.
    fn failed(&self, store: &Key) -> bool {
        let store = self.stores.get(store);
        let status = store.as_ref().and_then(|store| store.0.as_ref().ok()?.status.as_ref());
        status
            .and_then(|status| find(&status.conditions, ConditionType::Degraded))
            .is_some_and(|degraded| degraded.status == "True")
    }
}

/// A store as people write it.
fn name(store: &Key) -> String {
    format!("{}/{}", store.namespace.as_deref().unwrap_or_default(), store.name)
}

/// A StatefulSet without what nobody asks of the watch's memory.
pub fn prune(set: &mut StatefulSet) {
    set.metadata.managed_fields = None;
    set.spec = None;
}

#[cfg(test)]
mod tests;
