//! Which proxy a target is reached through: the one that the caller gave, or those that the
//! variables of the environment name, which are curl's.

use http::Uri;
use http::uri::Scheme;
use std::ffi::OsString;
use std::net::IpAddr;

use super::Proxy;
use crate::error::Error;

/// The proxies of a client, for each kind of target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    http: Option<Proxy>,
    https: Option<Proxy>,
    origin: Origin,
}

/// Who named the proxies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Origin {
    #[default]
    Caller,
    Environment,
}

impl Routes {
    /// Through this proxy, whatever the environment says.
    pub(crate) fn by(proxy: Proxy) -> Self {
        Self { http: Some(proxy.clone()), https: Some(proxy), origin: Origin::Caller }
    }

    /// As the variables say: `https_proxy` and `HTTPS_PROXY` for `https`, `http_proxy` for `http`,
    /// `all_proxy` and `ALL_PROXY` for both, less what `no_proxy` and `NO_PROXY` name and this
    /// machine itself. An empty variable counts as none.
    ///
    /// `HTTP_PROXY` is not read: in a CGI program it is a header of whoever asks.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for a variable that names no proxy, if one of these targets would be reached
    /// through it. To go past it silently would be what its owner did not want.
    pub(crate) fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
        targets: impl Iterator<Item = Uri>,
    ) -> Result<Self, Error> {
        let set = |name: &&str| variable(name).filter(|value| !is_blank(value));
        let first = |names: &[&str]| names.iter().find_map(set);
        let past = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        let all = first(&["all_proxy", "ALL_PROXY"]);
        let http = first(&["http_proxy"]).or_else(|| all.clone());
        let https = first(&["https_proxy", "HTTPS_PROXY"]).or(all);
        let mut routes = Self { origin: Origin::Environment, ..Self::default() };
        // Any proxy will do to find out who would go through one.
        let any = Self::by(Proxy::new("proxy.invalid")?.except(text(&past)?)?);
        let whole = Self { origin: Origin::Environment, ..any };
        for target in targets.filter(|target| whole.through(target).is_some()) {
            let (route, url) = match is_https(&target) {
                true => (&mut routes.https, &https),
                false => (&mut routes.http, &http),
            };
            if route.is_none() {
                *route = named(url.as_ref(), text(&past)?)?;
            }
        }
        Ok(routes)
    }

    /// The proxy that a target is reached through.
    pub(crate) fn through(&self, target: &Uri) -> Option<&Proxy> {
        let proxy = if is_https(target) { &self.https } else { &self.http };
        let is_own = self.origin == Origin::Environment && is_this_machine(target.host()?);
        proxy.as_ref().filter(|proxy| !is_own && proxy.serves(target))
    }
}

/// The proxy of a variable.
fn named(url: Option<&OsString>, past: &str) -> Result<Option<Proxy>, Error> {
    url.map(|url| Proxy::new(text(url)?)?.except(past)).transpose()
}

fn is_blank(value: &OsString) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

fn text(value: &OsString) -> Result<&str, Error> {
    value.to_str().ok_or_else(|| Error::config("a proxy variable of the environment is not text"))
}

fn is_https(target: &Uri) -> bool {
    target.scheme() == Some(&Scheme::HTTPS)
}

/// Whether a host is this machine: a proxy elsewhere could not reach what is meant.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    let address = host.parse().map(|address: IpAddr| address.to_canonical().is_loopback());
    host.eq_ignore_ascii_case("localhost") || address.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(variables: &[(&str, &str)], targets: &[&str]) -> Result<Routes, Error> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        Routes::from_environment(variable, targets.iter().map(|target| target.parse().unwrap()))
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], target: &str, expected: Option<&str>) {
        let routes = routes(variables, &[target]).unwrap();
        let proxy = routes.through(&target.parse().unwrap()).map(Proxy::name);
        assert_eq!(proxy.as_deref(), expected, "{variables:?}");
    }

    const TLS: &str = "https://api.example/v1";
    const PLAIN: &str = "http://api.example/v1";

    #[test]
    fn each_scheme_has_its_variables_and_small_letters_win() {
        check(&[], TLS, None);
        check(&[("HTTPS_PROXY", "a")], TLS, Some("http://a"));
        check(&[("HTTPS_PROXY", "a"), ("https_proxy", "b")], TLS, Some("http://b"));
        check(&[("ALL_PROXY", "a"), ("all_proxy", "b")], TLS, Some("http://b"));
        check(&[("ALL_PROXY", "a"), ("https_proxy", "b")], TLS, Some("http://b"));
        check(&[("ALL_PROXY", "a"), ("https_proxy", "b")], PLAIN, Some("http://a"));
        check(&[("http_proxy", "a")], PLAIN, Some("http://a"));
        check(&[("http_proxy", "a")], TLS, None);
        check(&[("https_proxy", "a")], PLAIN, None);
        // A header `Proxy` of a request is this variable in a CGI program.
        check(&[("HTTP_PROXY", "a")], PLAIN, None);
    }

    #[test]
    fn an_empty_variable_is_none() {
        for empty in ["", " ", "\t"] {
            check(&[("https_proxy", empty)], TLS, None);
            check(&[("HTTPS_PROXY", "a"), ("https_proxy", empty)], TLS, Some("http://a"));
            check(&[("ALL_PROXY", "a"), ("https_proxy", empty)], TLS, Some("http://a"));
            check(&[("ALL_PROXY", "a"), ("all_proxy", empty)], PLAIN, Some("http://a"));
            let listed = [("all_proxy", "a"), ("no_proxy", empty), ("NO_PROXY", "api.example")];
            check(&listed, TLS, None);
        }
    }

    #[test]
    fn a_target_on_the_list_and_this_machine_go_past() {
        let list = [("all_proxy", "a"), ("no_proxy", "api.example:443,10.0.0.0/8")];
        check(&list, TLS, None);
        check(&list, PLAIN, Some("http://a"));
        check(&[("all_proxy", "a"), ("NO_PROXY", "*")], TLS, None);
        check(&[("all_proxy", "a"), ("NO_PROXY", "x .example,10.0.0.0/8")], TLS, None);
        for own in ["http://localhost:1", "https://127.9.9.9", "http://[::1]:1"] {
            check(&[("all_proxy", "a")], own, None);
            let given = Routes::by(Proxy::new("a").unwrap());
            assert!(given.through(&own.parse().unwrap()).is_some(), "it was asked for");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_matters_only_to_who_would_use_it() {
        let wrong = [("all_proxy", "socks5://u:s3cret@a"), ("no_proxy", "past.example")];
        let error = routes(&wrong, &[TLS]).unwrap_err();
        assert!(error.to_string().contains("http:// or https://"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"));
        routes(&wrong, &["https://past.example", "http://127.0.0.1:1"]).unwrap();
        routes(&[("http_proxy", "socks5://a")], &[TLS]).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let variable = |name: &str| (name == "https_proxy").then(|| OsString::from_vec(vec![0xff]));
        let target = TLS.parse().unwrap();
        assert!(Routes::from_environment(variable, std::iter::once(target)).is_err());
    }
}
