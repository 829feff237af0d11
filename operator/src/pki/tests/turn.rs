//! How one authority follows another, step by step and over years.

use std::collections::VecDeque;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;
use crate::pki::authority::PICKUP;
use crate::pki::time::{SKEW, before, between};

/// Whether a client that trusts `bundle` takes `leaf` at this time: rustls' own judgement.
fn verifies(bundle: &str, leaf: &Pair, at: Timestamp) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let leaf = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    let name = ServerName::try_from("orders-0.orders-pods.shop.svc").unwrap();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second()).unwrap()));
    verifier.verify_server_cert(&leaf, &[], &name, &[], at).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_new_authority_is_published_then_issues_then_the_old_one_goes() {
    let names = names();
    let first = first();
    let step = |held: &Issued, at| ensure(&kept(held), wanted(&names), at).unwrap();
    let old = &first.authorities.active.certificate;

    let last = step(&first, at(399));
    assert_eq!(last.authorities, first.authorities);
    assert_eq!(last.due, before(at(400), SKEW), "two thirds of its life");

    let published = step(&last, at(400));
    let next = published.authorities.next.clone().unwrap();
    assert_eq!((next.since, next.issues_at, published.due), (at(400), at(424), at(424)));
    assert!(published.authorities.bundle().starts_with(old.as_str()));
    assert!(published.authorities.bundle().contains(&next.pair.certificate));
    assert_eq!(published.leaf, last.leaf, "clients have to load the bundle first");
    assert_eq!(step(&published, at(423)), published);

    let issued = step(&published, at(424));
    assert_eq!(issued.authorities.active, next.pair);
    assert!(signed_by_active(&issued) && issued.generation == last.generation + 1);
    let retired = &issued.authorities.retired;
    assert_eq!((retired.len(), retired[0].until), (1, last.not_after), "a leaf of it may still be served");

    let done = step(&issued, last.not_after);
    assert_eq!(done.authorities.retired, []);
    assert!(!done.authorities.bundle().contains(old.as_str()));
}

#[test]
fn a_request_for_a_new_authority_is_answered_once() {
    let (names, first) = (names(), first());
    let asked =
        |held: &Issued, value, at| ensure(&kept(held), Wanted { roll: value, ..wanted(&names) }, at).unwrap();
    let published = asked(&first, Some("leaver"), at(1));
    let next = published.authorities.next.clone().unwrap();
    assert_eq!(next.issues_at, at(25));
    // A second request while one is under way asks for what is being done.
    let same = asked(&published, Some("again"), at(2));
    assert_eq!(same.authorities.next, published.authorities.next);
    let issued = asked(&same, Some("again"), at(25));
    assert_eq!((&issued.authorities.active, &issued.authorities.next), (&next.pair, &None));
    assert_eq!(asked(&issued, Some("again"), at(26)), issued);
    assert_eq!(asked(&issued, None, at(26)).authorities.next, None);
    // The first authority answers a request that is older than it.
    let born = ensure(&Held::default(), Wanted { roll: Some("early"), ..wanted(&names) }, at(0)).unwrap();
    assert_eq!(asked(&born, Some("early"), at(1)).authorities.next, None);
}

#[test]
fn requests_wait_while_many_authorities_are_still_trusted() {
    let names = names();
    let short = Wanted { overlap: HOUR, ..wanted(&names) };
    let mut held = first();
    let mut rolls = 0;
    for hour in 1..60 {
        let value = format!("request {hour}");
        held = ensure(&kept(&held), Wanted { roll: Some(&value), ..short }, at(hour)).unwrap();
        rolls = rolls.max(held.authorities.retired.len());
    }
    assert_eq!(rolls, 4);
    // What waits is begun when an old one has gone, without a further word.
    let value = "request 59";
    let asked = |held: &Issued, at| ensure(&kept(held), Wanted { roll: Some(value), ..short }, at).unwrap();
    let freed = asked(&held, held.authorities.retired[0].until);
    assert!(freed.authorities.next.is_some());
}

#[test]
fn what_clients_never_saw_has_its_whole_time_before_it_issues() {
    let (names, first) = (names(), first());
    let published = ensure(&kept(&first), wanted(&names), at(400)).unwrap();
    let next = |held: &Held, at| ensure(held, wanted(&names), at).unwrap().authorities.next.unwrap();
    let without = |seen: Option<Published>| Held { published: seen, ..kept(&published) };
    let old = Published { bundle: first.authorities.bundle(), next_since: Some(at(400)) };
    let unrecorded = Published { bundle: published.authorities.bundle(), next_since: None };
    for seen in [None, Some(old), Some(unrecorded)] {
        let held = without(seen);
        assert_eq!(next(&held, at(430)).issues_at, at(454));
        assert_eq!(Some(next(&held, at(430)).pair), held.next, "it is not made again");
    }
}

#[test]
fn without_the_authoritys_secret_everything_is_made_anew_at_once() {
    let (names, first) = (names(), first());
    let held = Held { authority: None, next: None, retired: Vec::new(), ..kept(&first) };
    let anew = ensure(&held, wanted(&names), at(1)).unwrap();
    assert_ne!(anew.authorities.active, first.authorities.active);
    assert!(signed_by_active(&anew) && anew.generation == 2);
    assert_eq!(anew.authorities.bundle(), anew.authorities.active.certificate);
}

#[test]
fn an_operator_that_was_away_for_too_long_issues_what_still_verifies() {
    let (names, first) = (names(), first());
    // The authority has 20 hours left, and its successor a day to wait.
    let late = ensure(&kept(&first), wanted(&names), at(580)).unwrap();
    assert_eq!(late.not_after, at(600), "no leaf outlives its authority");
    assert!(late.due > at(580) && late.due < at(600));
    assert_eq!(
        ensure(&kept(&late), wanted(&names), at(581)).unwrap(),
        late,
        "and it is not made at each look"
    );
    // It ended: the successor issues though its time is not over.
    let ended = ensure(&kept(&late), wanted(&names), at(601)).unwrap();
    assert_eq!(Some(ended.authorities.active.clone()), late.authorities.next.map(|next| next.pair));
    assert!(signed_by_active(&ended));
}

/// A cluster whose clock is moved by hand.
struct World {
    now: Timestamp,
    held: Held,
    /// Leaves that a pod may serve, with the time until it may.
    served: VecDeque<(Pair, Option<Timestamp>)>,
    /// Bundles that a client may have loaded, with the time until it may.
    loaded: VecDeque<(String, Option<Timestamp>)>,
}

impl World {
    fn new() -> Self {
        Self { now: at(0), held: Held::default(), served: VecDeque::new(), loaded: VecDeque::new() }
    }

    /// A reconcile whose first `writes` writes reach the API server, as `apply` orders them.
    fn reconcile(&mut self, wanted: Wanted<'_>, writes: usize) -> Timestamp {
        let mut seen = self.held.clone();
        if seen.next.is_none() {
            seen.published = None;
        }
        let issued = ensure(&seen, wanted, self.now).unwrap();
        let all = kept(&issued);
        if writes > 0 {
            let Held { authority, next, retired, rolled, .. } = all.clone();
            self.held = Held { authority, next, retired, rolled, ..self.held.clone() };
        }
        if writes > 1 && self.held.leaf != all.leaf {
            replace(&mut self.served, issued.leaf.clone(), after(self.now, PICKUP));
        }
        if writes > 1 {
            let Held { leaf, generation, rotated, .. } = all.clone();
            self.held = Held { leaf, generation, rotated, ..self.held.clone() };
        }
        if writes > 2 && self.held.published != all.published {
            let bundle = issued.authorities.bundle();
            replace(&mut self.loaded, bundle, after(self.now, wanted.overlap));
            self.held.published = all.published;
        }
        issued.due
    }

    /// Each client takes each pod's leaf.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let now = self.now;
        self.served.retain(|(_, until)| until.is_none_or(|until| now < until));
        self.loaded.retain(|(_, until)| until.is_none_or(|until| now < until));
        for (leaf, _) in &self.served {
            for (bundle, until) in &self.loaded {
                let outcome = verifies(bundle, leaf, now);
                prop_assert!(outcome.is_ok(), "{now}: {outcome:?}, bundle current: {}", until.is_none());
            }
        }
        Ok(())
    }
}

fn replace<T>(history: &mut VecDeque<(T, Option<Timestamp>)>, new: T, until: Timestamp) {
    if let Some((_, old)) = history.back_mut() {
        *old = Some(until);
    }
    history.push_back((new, None));
}

/// What happens next: time passes, as a part of what is left until the next step, and a reconcile follows whose writes
/// may be lost; a user may ask.
#[derive(Debug, Clone)]
struct Event {
    part: f64,
    writes: usize,
    asks: Option<bool>,
}

fn event() -> impl Strategy<Value = Event> {
    let part = prop_oneof![0.0..1.0, Just(1.0), Just(1.05)];
    let writes = prop_oneof![1 => 0_usize..3, 3 => Just(3_usize)];
    let asks = prop_oneof![8 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    (part, writes, asks).prop_map(|(part, writes, asks)| Event { part, writes, asks })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// An operator is stopped, started and cut off at any moment, over several authorities' lives; each reconcile knows
    /// only what the cluster holds. No client that loaded the bundle within the overlap refuses what a pod serves.
    #[test]
    fn at_each_moment_each_client_takes_each_pods_certificate(
        events in proptest::collection::vec(event(), 40..120),
        overlap in 1_u32..48,
    ) {
        let names = names();
        let mut world = World::new();
        let mut wanted = Wanted { overlap: overlap * HOUR, ..wanted(&names) };
        let mut due = world.reconcile(wanted, 3);
        let values: Vec<String> = (0..events.len()).map(|index| index.to_string()).collect();
        for (event, value) in events.iter().zip(&values) {
            match event.asks {
                Some(true) => wanted.roll = Some(value),
                Some(false) => wanted.rotate = Some(value),
                None => {}
            }
            let wait = between(world.now, due).max(Duration::from_secs(1));
            let target = after(world.now, wait.mul_f64(event.part));
            // Clients come in between, too.
            world.now = after(world.now, wait.mul_f64(event.part / 2.0));
            world.check()?;
            world.now = Timestamp::from_second(target.as_second()).unwrap();
            world.check()?;
            due = world.reconcile(wanted, event.writes);
            world.check()?;
            // What was lost is tried again within minutes.
            if event.writes < 3 {
                world.now = after(world.now, Duration::from_secs(120));
                due = world.reconcile(wanted, 3);
                world.check()?;
            }
        }
        prop_assert!(world.held.generation > 1);
        // At rest nothing changes.
        let before = world.held.clone();
        world.reconcile(wanted, 3);
        prop_assert_eq!(before, world.held);
    }
}
