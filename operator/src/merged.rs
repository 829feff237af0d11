//! Several watches as one: a reflector keeps the objects of one watch, and takes a new list to be the whole. Pure.
//!
//! The first lists of all watches become one first list, which is done once the last of them is. A later list of one
//! watch, after an interruption, becomes changes: what is listed was applied, what is no more was deleted.

use std::collections::HashSet;
use std::hash::Hash;

use kube_runtime::watcher::Event;

/// What is known of each watch.
#[derive(Debug)]
pub(crate) struct Merged<R> {
    watches: Vec<Watch<R>>,
    begun: bool,
    done: bool,
    /// Keys of objects that were deleted before the first list was done; it may hold them still.
    late: Vec<R>,
}

#[derive(Debug)]
struct Watch<R> {
    known: HashSet<R>,
    /// What the list under way holds so far.
    listed: HashSet<R>,
    done: bool,
}

impl<R: Hash + Eq + Clone> Merged<R> {
    /// So many watches, none of which has begun.
    pub(crate) fn of(watches: usize) -> Self {
        let watch = || Watch { known: HashSet::new(), listed: HashSet::new(), done: false };
        Self { watches: (0..watches).map(|_| watch()).collect(), begun: false, done: false, late: Vec::new() }
    }

    /// What an event of one watch is to the whole. `key` tells objects apart, and `gone` stands for one of which no more
    /// is known than that.
    pub(crate) fn on<K>(
        &mut self,
        watch: usize,
        event: Event<K>,
        key: impl Fn(&K) -> R,
        gone: impl Fn(&R) -> K,
    ) -> Vec<Event<K>> {
        let Some(of) = self.watches.get_mut(watch) else {
            return Vec::new();
        };
        match event {
            Event::Init => {
                // A list that was not finished told of objects, too.
                of.known.extend(std::mem::take(&mut of.listed));
                if self.begun {
                    return Vec::new();
                }
                self.begun = true;
                vec![Event::Init]
            }
            Event::InitApply(object) => {
                of.listed.insert(key(&object));
                vec![self.applied(object)]
            }
            Event::InitDone => {
                of.done = true;
                let listed = std::mem::take(&mut of.listed);
                let lost: Vec<R> = of.known.difference(&listed).cloned().collect();
                of.known = listed;
                if self.done {
                    return lost.iter().map(|key| Event::Delete(gone(key))).collect();
                }
                self.late.extend(lost);
                if !self.watches.iter().all(|watch| watch.done) {
                    return Vec::new();
                }
                self.done = true;
                let late = std::mem::take(&mut self.late);
                let deleted = late.iter().map(|key| Event::Delete(gone(key)));
                std::iter::once(Event::InitDone).chain(deleted).collect()
            }
            Event::Apply(object) => {
                let key = key(&object);
                self.late.retain(|late| *late != key);
                of.known.insert(key);
                vec![self.applied(object)]
            }
            Event::Delete(object) => {
                let key = key(&object);
                of.known.remove(&key);
                if self.done {
                    return vec![Event::Delete(object)];
                }
                self.late.push(key);
                Vec::new()
            }
        }
    }

    /// What it is to the whole that a watch is not let to list: the first list of the others does not wait for it. Should
    /// it be let to later, that is a change.
    pub(crate) fn refused<K>(
        &mut self,
        watch: usize,
        key: impl Fn(&K) -> R,
        gone: impl Fn(&R) -> K,
    ) -> Vec<Event<K>> {
        if self.watches.get(watch).is_none_or(|of| of.done) {
            return Vec::new();
        }
        let mut events = self.on(watch, Event::Init, &key, &gone);
        events.extend(self.on(watch, Event::InitDone, &key, &gone));
        events
    }

    fn applied<K>(&self, object: K) -> Event<K> {
        if self.done { Event::Apply(object) } else { Event::InitApply(object) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole says, in words; objects are their own keys.
    fn told(merged: &mut Merged<&'static str>, watch: usize, event: Event<&'static str>) -> String {
        let events = merged.on(watch, event, |object| *object, |key| *key);
        let word = |event: Event<&str>| match event {
            Event::Init => "begin".to_owned(),
            Event::InitDone => "done".to_owned(),
            Event::InitApply(object) => format!("list {object}"),
            Event::Apply(object) => format!("apply {object}"),
            Event::Delete(object) => format!("delete {object}"),
        };
        events.into_iter().map(word).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn first_lists_become_one_and_later_ones_changes() {
        let mut merged = Merged::of(2);
        for (watch, event, expected) in [
            (0, Event::Init, "begin"),
            (0, Event::InitApply("a1"), "list a1"),
            (1, Event::Init, ""),
            (0, Event::InitApply("a2"), "list a2"),
            (0, Event::InitDone, ""),
            // The second watch still lists: all this belongs to the first list of the whole.
            (0, Event::Apply("a3"), "list a3"),
            (0, Event::Delete("a1"), ""),
            (0, Event::Delete("a2"), ""),
            (0, Event::Apply("a2"), "list a2"),
            (1, Event::InitApply("b1"), "list b1"),
            (1, Event::InitDone, "done, delete a1"),
            (1, Event::Apply("b2"), "apply b2"),
            (1, Event::Delete("b2"), "delete b2"),
            // An interruption, in which b1 went.
            (1, Event::Init, ""),
            (1, Event::InitApply("b3"), "apply b3"),
            (1, Event::InitDone, "delete b1"),
            (0, Event::Delete("a3"), "delete a3"),
        ] {
            let case = format!("{watch} {event:?}");
            assert_eq!(told(&mut merged, watch, event), expected, "{case}");
        }
    }

    #[test]
    fn a_watch_that_is_refused_holds_up_no_other_and_may_be_allowed_later() {
        let mut merged = Merged::of(2);
        assert_eq!(told(&mut merged, 0, Event::Init), "begin");
        assert_eq!(told(&mut merged, 0, Event::InitApply("a1")), "list a1");
        assert_eq!(told(&mut merged, 0, Event::InitDone), "");
        let mut refused = || {
            let events = merged.refused(1, |object: &&'static str| *object, |key| *key);
            (events.len(), matches!(events.first(), Some(Event::InitDone)))
        };
        assert_eq!(refused(), (1, true));
        assert_eq!(refused(), (0, false), "it is told once");
        assert_eq!(told(&mut merged, 1, Event::Init), "");
        assert_eq!(told(&mut merged, 1, Event::InitApply("b1")), "apply b1");
        assert_eq!(told(&mut merged, 1, Event::InitDone), "");
    }

    #[test]
    fn a_list_that_is_begun_anew_before_the_first_is_done_is_told_once() {
        let mut merged = Merged::of(2);
        for (watch, event, expected) in [
            (0, Event::Init, "begin"),
            (0, Event::InitApply("a1"), "list a1"),
            (0, Event::Init, ""),
            (0, Event::InitApply("a2"), "list a2"),
            (0, Event::InitDone, ""),
            (0, Event::Init, ""),
            (0, Event::InitDone, ""),
            (1, Event::Init, ""),
            (1, Event::InitDone, "done, delete a1, delete a2"),
        ] {
            let case = format!("{watch} {event:?}");
            assert_eq!(told(&mut merged, watch, event), expected, "{case}");
        }
    }
}
