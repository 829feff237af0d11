use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn names() -> Vec<String> {
    ["orders.shop.svc", "*.orders-pods.shop.svc", "127.0.0.1"].map(str::to_owned).to_vec()
}

fn wanted(names: &[String]) -> Wanted<'_> {
    Wanted { store: "orders", names, duration: 90 * HOUR, renew_before: 30 * HOUR }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn the_first_time_authority_and_leaf_are_issued_and_belong_together() {
    let names = names();
    let issued = ensure(None, None, 0, wanted(&names), now()).unwrap();
    assert_eq!(issued.generation, 1);
    assert_eq!(issued.not_after, now() + hours(90));
    assert_eq!(issued.renew_at, now() + hours(60));
    assert!(signed_by(&issued.leaf, &issued.authority));
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(inspect(&issued.leaf).unwrap().names, sorted);
}

#[test]
fn a_sound_pair_is_kept_until_its_window() {
    let names = names();
    let first = ensure(None, None, 0, wanted(&names), now()).unwrap();
    let again = |at| ensure(Some(&first.authority), Some(&first.leaf), 1, wanted(&names), at).unwrap();
    assert_eq!(again(now() + hours(59)), first);

    let renewed = again(now() + hours(61));
    assert_eq!(renewed.generation, 2);
    assert_eq!(renewed.authority, first.authority);
    assert_ne!(renewed.leaf, first.leaf);
}

#[test]
fn other_names_a_shorter_duration_and_a_foreign_leaf_are_reissued_by_the_same_authority() {
    let names = names();
    let first = ensure(None, None, 0, wanted(&names), now()).unwrap();
    let foreign = ensure(None, None, 0, wanted(&names), now()).unwrap();
    let more = [names.clone(), vec!["localhost".to_owned()]].concat();
    let shorter = Wanted { duration: 40 * HOUR, ..wanted(&names) };
    let mixed = Pair { key: foreign.leaf.key.clone(), ..first.leaf.clone() };
    for (leaf, wanted) in [
        (&first.leaf, wanted(&more)),
        (&first.leaf, shorter),
        (&foreign.leaf, wanted(&names)),
        (&mixed, wanted(&names)),
    ] {
        let issued = ensure(Some(&first.authority), Some(leaf), 1, wanted, now()).unwrap();
        assert_eq!(issued.generation, 2);
        assert_eq!(issued.authority, first.authority);
        assert!(signed_by(&issued.leaf, &issued.authority));
    }
}

#[test]
fn an_authority_that_would_end_before_its_leaf_is_replaced() {
    let names = names();
    let first = ensure(None, None, 0, wanted(&names), now()).unwrap();
    let late = now() + AUTHORITY_DURATION - hours(80);
    let issued = ensure(Some(&first.authority), Some(&first.leaf), 7, wanted(&names), late).unwrap();
    assert_ne!(issued.authority, first.authority);
    assert_eq!(issued.generation, 8);
}

#[test]
fn a_pair_that_is_none_says_which_part() {
    let names = names();
    let first = ensure(None, None, 0, wanted(&names), now()).unwrap();
    let other = ensure(None, None, 0, wanted(&names), now()).unwrap();
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
    assert!(!format!("{:?}", first.leaf).contains("PRIVATE"));
}
