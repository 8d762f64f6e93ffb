//! Targets that are reached without the proxy, by the rules of `NO_PROXY` that curl and Go share:
//! names with their subdomains, addresses, networks, ports.

use std::net::IpAddr;

/// A list of targets; empty for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bypass(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Place {
    Everywhere,
    /// In lower case, without dots around it.
    Domain(String),
    /// An address whose first bits count.
    Network(IpAddr, u8),
}

impl Bypass {
    /// Adds the targets of a list with commas, blanks or both between them.
    pub(crate) fn add(&mut self, targets: &str) -> Result<(), &'static str> {
        let is_between = |c: char| c == ',' || c.is_ascii_whitespace();
        for target in targets.split(is_between).filter(|target| !target.is_empty()) {
            if self.0.len() >= BYPASS_TARGETS_MAX {
                return Err("more than 1024 targets go past the proxy");
            }
            self.0.extend(Entry::parse(target));
        }
        Ok(())
    }

    /// Whether a target is on the list; an IPv6 address may have its brackets.
    pub(crate) fn has(&self, host: &str, port: u16) -> bool {
        let host = bare(host);
        let address = host.parse().ok().map(|address: IpAddr| address.to_canonical());
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port) && entry.place.has(&host, address)
        })
    }
}

impl Entry {
    /// `None` for what names nothing, such as a lone dot.
    fn parse(target: &str) -> Option<Self> {
        if let Some(place) = Place::network(target) {
            return Some(Self { place, port: None });
        }
        let (place, port) = match target.rsplit_once(':') {
            Some((place, port)) => (place, Some(port.parse().ok()?)),
            None => (target, None),
        };
        let domain = || {
            let domain = bare(place.trim_start_matches("*.").trim_start_matches('.'));
            (!domain.is_empty()).then_some(Place::Domain(domain))
        };
        let place = if place == "*" { Some(Place::Everywhere) } else { Place::network(place) };
        Some(Self { place: place.or_else(domain)?, port })
    }
}

impl Place {
    /// An address, or one with the number of bits that count.
    fn network(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = bare(address).parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self::Network(address, bits))
    }

    fn has(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Everywhere, _) => true,
            (Self::Domain(domain), None) => host
                .strip_suffix(domain.as_str())
                .is_some_and(|sub| sub.is_empty() || sub.ends_with('.')),
            (Self::Network(network, bits), Some(address)) => is_within(address, *network, *bits),
            _ => false,
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(32 - u32::from(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - u32::from(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A host as it is compared: in lower case, without brackets and without the dot of the root.
fn bare(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Targets on one list.
const BYPASS_TARGETS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, past: &[&str], through: &[&str]) {
        let mut bypass = Bypass::default();
        bypass.add(list).unwrap();
        let has = |target: &&&str| {
            let uri: http::Uri = format!("https://{target}").parse().unwrap();
            bypass.has(uri.host().unwrap(), crate::proxy::port(&uri))
        };
        assert_eq!(past.iter().find(|target| !has(target)), None, "goes past by {list}");
        assert_eq!(through.iter().find(has), None, "goes through by {list}");
    }

    #[test]
    fn a_name_stands_for_itself_and_its_subdomains() {
        let (past, through) =
            (["a.example", "b.A.Example:8080", "a.example."], ["ba.example", "example"]);
        for list in ["a.example", ".a.example", "*.a.example", " x , A.EXAMPLE. ,,"] {
            check(list, &past, &through);
        }
    }

    #[test]
    fn commas_and_blanks_are_between_targets() {
        for list in ["a.example b.example", "a.example\t b.example", " a.example , b.example,"] {
            check(list, &["a.example", "x.b.example"], &["example", "c.example"]);
        }
        check("10.0.0.0/8 [::1]:443 .x", &["10.9.9.9", "[::1]", "y.x"], &["[::1]:80"]);
    }

    #[test]
    fn a_port_narrows_a_target() {
        check("a.example:8080", &["a.example:8080", "x.a.example:8080"], &["a.example"]);
        check("10.1.2.3:443", &["10.1.2.3"], &["10.1.2.3:80"]);
        check("[::1]:443", &["[::1]"], &["[::1]:80"]);
        check("*:8080", &["a.example:8080"], &["a.example"]);
        check("a.example:none", &[], &["a.example"]);
    }

    #[test]
    fn addresses_and_networks_are_numbers_and_not_text() {
        check("10.0.0.0/8", &["10.255.0.1:9"], &["11.0.0.1", "10.example"]);
        check("0.0.0.0/0", &["1.2.3.4"], &["[2001:db8::1]", "a.example"]);
        check("::/0", &["[2001:db8::1]"], &["1.2.3.4"]);
        check("192.168.1.7", &["192.168.1.7"], &["192.168.1.70"]);
        check("2001:db8::/33", &["[2001:db8:7fff::1]"], &["[2001:db8:8000::1]"]);
        check("[2001:DB8::1]", &["[2001:db8:0::1]"], &["[2001:db8::2]"]);
        check("10.0.0.0/8", &["[::ffff:10.0.0.1]"], &[]);
        check("10.0.0.0/33", &[], &["10.0.0.0"]);
        // A suffix of an address is no subdomain.
        check("1.2.3", &[], &["9.1.2.3"]);
    }

    #[test]
    fn a_star_is_everywhere_and_nothing_is_nowhere() {
        check("*", &["a.example", "1.2.3.4", "[::1]:1"], &[]);
        check("", &[], &["a.example"]);
        check(" , . ,*.", &[], &["a.example"]);
    }

    #[test]
    fn a_list_has_an_end() {
        let list = "x,".repeat(BYPASS_TARGETS_MAX);
        let mut bypass = Bypass::default();
        bypass.add(&list).unwrap();
        assert!(bypass.add("y").is_err());
    }
}
