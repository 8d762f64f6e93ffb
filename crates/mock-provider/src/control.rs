//! Pages for tests that run in another process: the ledger and the oracle.
//! Not part of any wire; they are not recorded.

use crate::http::Request;
use crate::server::Shared;

/// A page about the server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// The page that a request asks for, when it asks for one.
pub(crate) fn page(shared: &Shared, request: &Request) -> Option<Page> {
    if request.method != "GET" {
        return None;
    }
    match request.path() {
        "/mock/ledger" => {
            let ledger = shared.ledger();
            Some(Page { content_type: "application/json", body: ledger.to_json() })
        }
        "/mock/text" => {
            let prompt = parameter(&request.target, "prompt").unwrap_or_default();
            let body = shared.config.text_for(&prompt);
            Some(Page { content_type: "text/plain; charset=utf-8", body })
        }
        _ => None,
    }
}

/// A parameter of the query, percent-decoded; `+` is a plus.
fn parameter(target: &str, name: &str) -> Option<String> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decode(value))
}

pub(crate) fn percent_decode(text: &str) -> String {
    let hex = |byte: &u8| char::from(*byte).to_digit(16);
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = match after {
            [high, low, ..] if *first == b'%' => hex(high).zip(hex(low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            None => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let prompt = |target| parameter(target, "prompt");
        assert_eq!(prompt("/t?a=b&prompt=%ED%95%9C%20a+b").as_deref(), Some("한 a+b"));
        assert_eq!(prompt("/t?prompt=%e").as_deref(), Some("%e"));
        assert_eq!(prompt("/t?prompt=%zz%").as_deref(), Some("%zz%"));
        assert_eq!(prompt("/t"), None);
    }
}
