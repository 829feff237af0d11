use super::*;

/// Revision 17, written half a second after 2026-01-01 00:00:00.
fn value() -> Found {
    Found { revision: 17, modified: UNIX_EPOCH + Duration::from_millis(1_767_225_600_500) }
}

const BEFORE: &str = "Wed, 31 Dec 2025 23:59:59 GMT";
const AT: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

fn preconditions(fields: &[(&str, &str)]) -> Preconditions {
    Preconditions::read(&headers(fields)).unwrap()
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let pairs =
        fields.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

#[test]
fn reads_follow_the_order_of_the_rfc() {
    use Verdict::{Failed, NotModified, Proceed};
    for (fields, expected) in [
        (&[][..], Proceed),
        (&[("if-match", "*")], Proceed),
        (&[("if-match", "\"17\"")], Proceed),
        (&[("if-match", "\"1\", \"17\"")], Proceed),
        (&[("if-match", "\"1\""), ("if-match", "\"17\"")], Proceed),
        (&[("if-match", "\"1\"")], Failed),
        (&[("if-match", "W/\"17\"")], Failed),
        (&[("if-match", "\"017\"")], Failed),
        (&[("if-none-match", "*")], NotModified),
        (&[("if-none-match", "\"17\"")], NotModified),
        (&[("if-none-match", "W/\"17\"")], NotModified),
        (&[("if-none-match", "\"1\", \"17\"")], NotModified),
        (&[("if-none-match", "\"1\"")], Proceed),
        (&[("if-modified-since", AT)], NotModified),
        (&[("if-modified-since", BEFORE)], Proceed),
        (&[("if-modified-since", "yesterday")], Proceed),
        (&[("if-unmodified-since", AT)], Proceed),
        (&[("if-unmodified-since", BEFORE)], Failed),
        (&[("if-unmodified-since", "yesterday")], Proceed),
        // A tag decides over the date of the same kind.
        (&[("if-match", "\"17\""), ("if-unmodified-since", BEFORE)], Proceed),
        (&[("if-none-match", "\"1\""), ("if-modified-since", AT)], Proceed),
        // What must match decides over what must not.
        (&[("if-match", "\"1\""), ("if-none-match", "\"17\"")], Failed),
        (&[("if-match", "\"17\""), ("if-none-match", "\"17\"")], NotModified),
    ] {
        assert_eq!(preconditions(fields).evaluate(true, Some(value())), expected, "{fields:?}");
    }
}

#[test]
fn writes_know_no_304_and_no_if_modified_since() {
    use Verdict::{Failed, Proceed};
    for (fields, found, expected) in [
        (&[("if-none-match", "*")][..], Some(value()), Failed),
        (&[("if-none-match", "*")], None, Proceed),
        (&[("if-none-match", "\"17\"")], Some(value()), Failed),
        (&[("if-modified-since", AT)], Some(value()), Proceed),
        (&[("if-match", "*")], None, Failed),
        (&[("if-match", "\"17\"")], None, Failed),
        (&[("if-unmodified-since", BEFORE)], None, Proceed),
        (&[("if-unmodified-since", BEFORE)], Some(value()), Failed),
    ] {
        assert_eq!(preconditions(fields).evaluate(false, found), expected, "{fields:?}");
    }
}

#[test]
fn the_store_decides_what_its_conditions_can_say() {
    for (fields, expected) in [
        (&[][..], Some(Condition::None)),
        (&[("if-match", "*")], Some(Condition::Exists)),
        (&[("if-none-match", "*")], Some(Condition::Absent)),
        (&[("if-match", "\"1\", W/\"2\", \"x\"")], Some(Condition::RevisionIn(vec![1]))),
        (&[("if-none-match", "\"1\", W/\"2\"")], Some(Condition::RevisionNotIn(vec![1, 2]))),
        (&[("if-match", "*"), ("if-unmodified-since", AT)], Some(Condition::Exists)),
        (&[("if-modified-since", AT)], Some(Condition::None)),
        (&[("if-unmodified-since", AT)], None),
        (&[("if-match", "*"), ("if-none-match", "\"1\"")], None),
    ] {
        assert_eq!(preconditions(fields).condition(), expected, "{fields:?}");
    }
}

#[test]
fn a_malformed_list_is_refused_by_name() {
    for field in ["if-match", "if-none-match"] {
        let error = Preconditions::read(&headers(&[(field, "17")])).unwrap_err();
        assert!(error.to_string().starts_with(&format!("`{field}` is neither")), "{error}");
    }
}
