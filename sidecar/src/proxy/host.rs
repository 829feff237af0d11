//! Which host a request is for.

use http::{HeaderValue, Request, Version, header::HOST, uri::Authority};

use super::ProxyError;

/// The value of `Host` to send: the authority of the request's target where it has one (HTTP/2, or the
/// absolute form: RFC 9112, section 3.2.2), else its `Host`, else, for HTTP/1.0, `fallback`.
pub(super) fn of<B>(request: &Request<B>, fallback: &Authority) -> Result<HeaderValue, ProxyError> {
    let mut fields = request.headers().get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(ProxyError::Host);
    }
    if let Some(authority) = request.uri().authority() {
        return valid(without_user(authority.as_str()).as_bytes());
    }
    match field {
        Some(host) => valid(host.as_bytes()),
        None if request.version() == Version::HTTP_11 => Err(ProxyError::Host),
        None => valid(fallback.as_str().as_bytes()),
    }
}

fn valid(host: &[u8]) -> Result<HeaderValue, ProxyError> {
    // An empty field is how a client says that its target has no authority.
    if !host.is_empty() && Authority::try_from(host).is_err() {
        return Err(ProxyError::Host);
    }
    HeaderValue::from_bytes(host).map_err(|_| ProxyError::Host)
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(version: Version, uri: &str, fields: &[&str]) -> Result<String, ProxyError> {
        let mut request = Request::builder().version(version).uri(uri);
        for field in fields {
            request = request.header(HOST, *field);
        }
        let value = of(&request.body(()).unwrap(), &Authority::from_static("fallback"))?;
        Ok(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_target_wins_then_the_field_then_the_fallback() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        assert_eq!(host(new, "/k", &["a:1"]), Ok("a:1".to_owned()));
        assert_eq!(host(new, "http://b/k", &["a"]), Ok("b".to_owned()));
        assert_eq!(host(Version::HTTP_2, "https://u@c:2/k", &[]), Ok("c:2".to_owned()));
        assert_eq!(host(old, "/k", &[]), Ok("fallback".to_owned()));
    }

    #[test]
    fn an_ambiguous_request_is_refused() {
        for fields in [&[][..], &["a", "b"], &["a", "a"], &["a b"], &["a/b"]] {
            assert_eq!(host(Version::HTTP_11, "/k", fields), Err(ProxyError::Host), "{fields:?}");
        }
    }
}
