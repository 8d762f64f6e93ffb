//! Where a redirect leads, if it may be followed: the same request to the same origin. Whatever
//! would take a key to another server is left to the caller as the answer that it is.

use http::header::LOCATION;
use http::{HeaderMap, StatusCode, Uri};

/// How many redirects one request follows.
pub(crate) const REDIRECTS_MAX: u8 = 5;

/// The URL of a 307 or 308 that stays at the origin of `from`; `None` for everything else.
pub(crate) fn target(from: &Uri, status: StatusCode, headers: &HeaderMap) -> Option<Uri> {
    let keeps = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
    if !keeps.contains(&status) {
        return None;
    }
    let mut locations = headers.get_all(LOCATION).iter();
    let (Some(location), None) = (locations.next(), locations.next()) else { return None };
    let target = resolve(from, location.to_str().ok()?)?;
    is_same_origin(from, &target).then_some(target)
}

/// RFC 3986, 5.2, of what servers send: a URL, or a path from the root with or without a host.
/// A path from where the request went is none of these.
fn resolve(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let scheme = from.scheme_str()?;
    let whole = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority()?)
    } else {
        location.to_owned()
    };
    whole.parse().ok()
}

/// Same scheme, host and port, and nobody's name before the host.
fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let named = |uri: &Uri| uri.authority().is_none_or(|name| name.as_str().contains('@'));
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    one.scheme().is_some()
        && one.scheme() == other.scheme()
        && host(one) == host(other)
        && port(one).is_some()
        && port(one) == port(other)
        && !named(other)
}

/// `None` for one that is no number.
fn port(uri: &Uri) -> Option<u16> {
    let authority = uri.authority()?.as_str();
    match uri.port_u16() {
        Some(port) => Some(port),
        None if authority.len() > uri.host()?.len() => None,
        None if uri.scheme_str() == Some("https") => Some(443),
        None => Some(80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(base: &str, location: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        let from = base.parse().unwrap();
        target(&from, StatusCode::TEMPORARY_REDIRECT, &headers).map(|uri| uri.to_string())
    }

    #[track_caller]
    fn check(location: &str, expected: &str) {
        assert_eq!(from("https://host/v1/messages", location).as_deref(), Some(expected));
    }

    #[track_caller]
    fn refuse(location: &str) {
        assert_eq!(from("https://host/v1/messages", location), None, "{location}");
    }

    #[test]
    fn the_same_origin_is_followed_however_it_is_written() {
        check("/v2/messages", "https://host/v2/messages");
        check("/v2/messages?x=1#part", "https://host/v2/messages?x=1");
        check("https://host/a", "https://host/a");
        check("https://HOST:443/a", "https://HOST:443/a");
        check("//host/a", "https://host/a");
        check("https://host", "https://host/");
        let local = from("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v2");
        assert_eq!(local.as_deref(), Some("http://127.0.0.1:8080/v2"));
    }

    #[test]
    fn another_origin_is_not_followed_however_it_is_written() {
        for location in [
            "http://host/a",
            "https://host:444/a",
            "https://host.example/a",
            "https://elsewhere/a",
            "https://host@elsewhere/a",
            "https://user@host/a",
            "https://host:443@elsewhere/a",
            "//elsewhere/a",
            "///elsewhere/a",
            "//host@elsewhere/a",
            "https:\\\\elsewhere",
            "https://host:99999/a",
            "https://host:/a",
            "file:///etc/passwd",
            "data:,x",
            "messages",
            "?x=1",
            "",
            "#part",
        ] {
            refuse(location);
        }
    }

    #[test]
    fn other_statuses_and_two_locations_lead_nowhere() {
        let from: Uri = "https://host/v1".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(target(&from, StatusCode::PERMANENT_REDIRECT, &headers), None);
        headers.append(LOCATION, "/a".parse().unwrap());
        for status in [300, 301, 302, 303, 304, 305, 200, 404] {
            assert_eq!(target(&from, StatusCode::from_u16(status).unwrap(), &headers), None);
        }
        assert!(target(&from, StatusCode::PERMANENT_REDIRECT, &headers).is_some());
        headers.append(LOCATION, "/b".parse().unwrap());
        assert_eq!(target(&from, StatusCode::PERMANENT_REDIRECT, &headers), None);
    }
}
