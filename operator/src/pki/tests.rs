mod turn;

use std::time::Duration;

use super::*;
use crate::pki::time::after;

const HOUR: Duration = Duration::from_secs(3600);

/// An authority of 600 hours, leaves of 90 that are renewed 30 before their end, and a day to load the bundle.
fn wanted(names: &[String]) -> Wanted<'_> {
    Wanted {
        store: "orders",
        names,
        duration: 90 * HOUR,
        renew_before: 30 * HOUR,
        authority_duration: 600 * HOUR,
        overlap: 24 * HOUR,
        roll: None,
        rotate: None,
    }
}

fn names() -> Vec<String> {
    ["orders.shop.svc", "*.orders-pods.shop.svc", "127.0.0.1"].map(str::to_owned).to_vec()
}

/// So many hours after the first authority was made.
fn at(hours: u32) -> Timestamp {
    after("2026-11-22T10:00:00Z".parse().unwrap(), hours * HOUR)
}

/// What the cluster holds once everything was written.
fn kept(issued: &Issued) -> Held {
    let Authorities { active, next, retired, rolled } = issued.authorities.clone();
    Held {
        authority: Some(active),
        next: next.as_ref().map(|next| next.pair.clone()),
        retired,
        rolled,
        published: Some(Published {
            bundle: issued.authorities.bundle(),
            next_since: next.map(|next| next.since),
        }),
        leaf: Some(issued.leaf.clone()),
        generation: issued.generation,
        rotated: issued.rotated.clone(),
    }
}

fn first() -> Issued {
    ensure(&Held::default(), wanted(&names()), at(0)).unwrap()
}

fn signed_by_active(issued: &Issued) -> bool {
    signed_by(&issued.leaf, &issued.authorities.active.certificate)
}

#[test]
fn the_first_time_authority_and_leaf_are_issued_and_belong_together() {
    let issued = first();
    assert_eq!(issued.generation, 1);
    assert_eq!((issued.not_after, issued.due), (at(90), at(60)));
    assert!(signed_by_active(&issued));
    assert_eq!(issued.authorities.bundle(), issued.authorities.active.certificate);
    let mut sorted = names();
    sorted.sort();
    assert_eq!(inspect(&issued.leaf).unwrap().names, sorted);
}

#[test]
fn a_sound_pair_is_kept_until_its_window() {
    let (names, first) = (names(), first());
    let again = |at| ensure(&kept(&first), wanted(&names), at).unwrap();
    assert_eq!(again(at(59)), first);
    let renewed = again(at(61));
    assert_eq!(renewed.generation, 2);
    assert_eq!(renewed.authorities, first.authorities);
    assert_ne!(renewed.leaf, first.leaf);
}

#[test]
fn other_names_a_shorter_duration_and_a_foreign_leaf_are_reissued_by_the_same_authority() {
    let (names, first, foreign) = (names(), first(), first());
    let more = [names.clone(), vec!["localhost".to_owned()]].concat();
    let shorter = Wanted { duration: 40 * HOUR, ..wanted(&names) };
    let mixed = Pair { key: foreign.leaf.key.clone(), ..first.leaf.clone() };
    for (leaf, wanted) in [
        (&first.leaf, wanted(&more)),
        (&first.leaf, shorter),
        (&foreign.leaf, wanted(&names)),
        (&mixed, wanted(&names)),
    ] {
        let held = Held { leaf: Some(leaf.clone()), ..kept(&first) };
        let issued = ensure(&held, wanted, at(0)).unwrap();
        assert_eq!(issued.generation, 2);
        assert_eq!(issued.authorities, first.authorities);
        assert!(signed_by_active(&issued));
        // And it is kept from then on.
        assert_eq!(ensure(&kept(&issued), wanted, at(1)).unwrap(), issued);
    }
}

#[test]
fn a_longer_duration_takes_effect_at_the_next_renewal() {
    let (names, first) = (names(), first());
    let longer = Wanted { duration: 200 * HOUR, renew_before: 100 * HOUR, ..wanted(&names) };
    let kept_one = ensure(&kept(&first), longer, at(44)).unwrap();
    assert_eq!(kept_one.leaf, first.leaf);
    assert_eq!(ensure(&kept(&kept_one), longer, at(46)).unwrap().not_after, at(246));
}

#[test]
fn a_request_for_a_new_leaf_is_answered_once() {
    let (names, first) = (names(), first());
    let asked = |value| Wanted { rotate: value, ..wanted(&names) };
    let issued = ensure(&kept(&first), asked(Some("monday")), at(1)).unwrap();
    assert_eq!((issued.generation, &issued.authorities), (2, &first.authorities));
    assert_eq!(ensure(&kept(&issued), asked(Some("monday")), at(2)).unwrap(), issued);
    let again = ensure(&kept(&issued), asked(Some("tuesday")), at(3)).unwrap();
    assert_eq!(again.generation, 3);
    // To take a request back asks for nothing.
    assert_eq!(ensure(&kept(&again), asked(None), at(4)).unwrap().leaf, again.leaf);
}

#[test]
fn a_pair_that_is_none_says_which_part() {
    let (first, other) = (first(), first());
    for (pair, error) in [
        (Pair { certificate: "rubbish".to_owned(), key: first.leaf.key.clone() }, "tls.crt"),
        (Pair { certificate: first.leaf.certificate.clone(), key: "rubbish".to_owned() }, "tls.key"),
        (
            Pair { certificate: first.leaf.certificate.clone(), key: other.leaf.key.clone() },
            "tls.key is not the key of tls.crt",
        ),
    ] {
        let said = inspect(&pair).unwrap_err().to_string();
        assert!(said.starts_with(error), "{said}");
    }
    assert!(!format!("{first:?}").contains("PRIVATE"));
}
