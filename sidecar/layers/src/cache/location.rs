//! Where a write's answer points to, if that is on the same origin (RFC 9111, 4.4; RFC 3986, 5).

use http::Uri;

/// The path that `reference` names, resolved against `base`; `None` for another origin. `host` is the
/// request's `Host`, for a `base` without an authority.
pub(super) fn same_origin_path(base: &Uri, host: Option<&str>, reference: &str) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let (authority, rest) = split_authority(reference);
    if let Some(authority) = authority {
        let own = base.authority().map(http::uri::Authority::as_str).or(host)?;
        if !authority.eq_ignore_ascii_case(own) {
            return None;
        }
    }
    let path = rest.split('?').next().unwrap_or_default();
    if path.is_empty() {
        return Some(if authority.is_some() { "/" } else { base.path() }.to_owned());
    }
    if path.starts_with('/') {
        return Some(without_dots(path));
    }
    let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
    Some(without_dots(&format!("{directory}/{path}")))
}

/// The authority of a reference that has one, and what follows it.
fn split_authority(reference: &str) -> (Option<&str>, &str) {
    let lower = reference.get(..8).unwrap_or(reference).to_ascii_lowercase();
    let start = if lower.starts_with("https://") {
        8
    } else if lower.starts_with("http://") {
        7
    } else if lower.starts_with("//") {
        2
    } else {
        return (None, reference);
    };
    let after = &reference[start..];
    let end = after.find(['/', '?']).unwrap_or(after.len());
    (Some(&after[..end]), &after[end..])
}

/// RFC 3986, 5.2.4, for a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut directory = false;
    for segment in path.split('/').skip(1) {
        directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut joined = String::with_capacity(path.len());
    for segment in &segments {
        joined.push('/');
        joined.push_str(segment);
    }
    if directory || segments.is_empty() {
        joined.push('/');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(reference: &str) -> Option<String> {
        same_origin_path(&Uri::from_static("/v1/a/b?c"), Some("kivi.example:443"), reference)
    }

    #[test]
    fn references_on_the_same_origin_are_resolved() {
        for (reference, path) in [
            ("/v1/x", "/v1/x"),
            ("x?y#z", "/v1/a/x"),
            ("../x", "/v1/x"),
            ("./", "/v1/a/"),
            ("/a/./b/../c", "/a/c"),
            ("", "/v1/a/b"),
            ("?q", "/v1/a/b"),
            ("https://KIVI.example:443/p?q", "/p"),
            ("http://kivi.example:443", "/"),
            ("//kivi.example:443/p", "/p"),
        ] {
            assert_eq!(resolve(reference).as_deref(), Some(path), "{reference}");
        }
    }

    #[test]
    fn another_origin_is_none_of_ours() {
        for reference in ["https://other.example/v1/x", "//other.example/v1/x"] {
            assert_eq!(resolve(reference), None);
        }
        assert_eq!(same_origin_path(&Uri::from_static("/a"), None, "https://kivi.example/x"), None);
    }
}
