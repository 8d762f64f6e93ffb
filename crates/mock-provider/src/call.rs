//! What a request below `/responses` is about, read from its method and target.
//! Creating a response is read from its body, in `ask`.

use crate::http::Request;
use crate::refusal::Refusal;

/// A call about a response that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `GET …/responses/{id}`
    Retrieve { id: String },
    /// `GET …/responses/{id}?stream=true`
    Stream { id: String, starting_after: Option<u64>, include_obfuscation: Option<bool> },
    /// `POST …/responses/{id}/cancel`
    Cancel { id: String },
}

impl Call {
    /// The call of a request; `None` when its path is not below `/responses`.
    pub(crate) fn of(request: &Request) -> Option<Result<Self, Refusal>> {
        let (_, rest) = request.path().rsplit_once("/responses/")?;
        let (id, action) = match rest.split_once('/') {
            Some((id, action)) => (id, Some(action)),
            None => (rest, None),
        };
        let call = match (request.method.as_str(), action) {
            _ if id.is_empty() => Err(Refusal::of_status(404)),
            ("POST", Some("cancel")) => Ok(Self::Cancel { id: id.to_owned() }),
            (_, Some("cancel")) => Err(Refusal::of_status(405)),
            (_, Some(_)) => Err(Refusal::of_status(404)),
            ("GET", None) => Self::reading(id, &request.target),
            (_, None) => Err(Refusal::of_status(405)),
        };
        Some(call)
    }

    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Retrieve { id } | Self::Stream { id, .. } | Self::Cancel { id } => id,
        }
    }

    fn reading(id: &str, target: &str) -> Result<Self, Refusal> {
        let id = id.to_owned();
        let streams = flag(target, "stream")?.unwrap_or(false);
        let starting_after = match parameter(target, "starting_after") {
            None => None,
            Some(number) => Some(number.parse().map_err(|_| {
                let message = "Invalid 'starting_after': expected a sequence number.";
                Refusal::invalid_parameter("starting_after", "invalid_type", message)
            })?),
        };
        let include_obfuscation = flag(target, "include_obfuscation")?;
        if streams {
            Ok(Self::Stream { id, starting_after, include_obfuscation })
        } else {
            Ok(Self::Retrieve { id })
        }
    }
}

fn flag(target: &str, name: &'static str) -> Result<Option<bool>, Refusal> {
    match parameter(target, name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => {
            let message = format!("Invalid type for '{name}': expected a boolean.");
            Err(Refusal::invalid_parameter(name, "invalid_type", message))
        }
    }
}

fn parameter<'t>(target: &'t str, name: &str) -> Option<&'t str> {
    let (_, query) = target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, target: &str) -> Option<Result<Call, u16>> {
        let mut request = Request::default();
        method.clone_into(&mut request.method);
        target.clone_into(&mut request.target);
        Call::of(&request).map(|call| call.map_err(|refusal| refusal.status()))
    }

    #[test]
    fn calls_are_read_from_method_and_target() {
        let id = || "resp_1".to_owned();
        let plain = "/v1/responses/resp_1";
        assert_eq!(call("GET", plain), Some(Ok(Call::Retrieve { id: id() })));
        let cancel = call("POST", "/v1/responses/resp_1/cancel");
        assert_eq!(cancel, Some(Ok(Call::Cancel { id: id() })));
        let stream = |starting_after, include_obfuscation| {
            Some(Ok(Call::Stream { id: id(), starting_after, include_obfuscation }))
        };
        let get = |query: &str| call("GET", &format!("{plain}?{query}"));
        assert_eq!(get("stream=true"), stream(None, None));
        assert_eq!(
            get("starting_after=7&stream=true&include_obfuscation=false"),
            stream(Some(7), Some(false))
        );
        assert_eq!(get("stream=false&starting_after=7"), Some(Ok(Call::Retrieve { id: id() })));
    }

    #[test]
    fn what_is_no_call_has_its_status() {
        assert_eq!(call("POST", "/v1/responses"), None);
        assert_eq!(call("POST", "/v1/responses/resp_1"), Some(Err(405)));
        assert_eq!(call("GET", "/v1/responses/resp_1/cancel"), Some(Err(405)));
        assert_eq!(call("GET", "/v1/responses/resp_1/input_items"), Some(Err(404)));
        assert_eq!(call("GET", "/v1/responses/"), Some(Err(404)));
        for query in ["stream=1", "stream=true&starting_after=-1", "starting_after=x"] {
            assert_eq!(call("GET", &format!("/v1/responses/r?{query}")), Some(Err(400)), "{query}");
        }
    }
}
