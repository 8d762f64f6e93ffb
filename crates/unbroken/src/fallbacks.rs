//! The flags that say where an answer goes on when the servers of `--base-url` failed for good.

use clap::Args;
use client::{Endpoint, Profile, Secret};
use std::env;
use std::str::FromStr;

use crate::advice::Advice;
use crate::connection::{is_private, warn_of_plain_text};
use crate::status::usage_error;

/// Where an answer goes on, the first one first.
#[derive(Args, Default)]
pub(crate) struct Fallbacks {
    /// Server, of the same profile, that goes on when those of --base-url fail for good, with the model to
    /// ask there [default: the same]; may be given again, for the next one. One of the same URL
    /// as the first server has its key and headers, any other has neither of them
    #[arg(long = "fallback", value_name = "URL[=MODEL]")]
    places: Vec<Place>,

    /// Environment variable with the key of a fallback: the first for the first --fallback, and so on; an
    /// empty one leaves it as it is
    #[arg(long = "fallback-key-env", value_name = "VAR", requires = "places")]
    key_variables: Vec<String>,
}

/// One of them, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    url: String,
    model: Option<String>,
}

impl FromStr for Place {
    type Err = &'static str;

    /// A base URL has no query, so the first `=` is the end of it.
    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let (url, model) = match written.split_once('=') {
            Some((_, "")) => return Err("no model behind the ="),
            Some((url, model)) => (url, Some(model.to_owned())),
            None => (written, None),
        };
        if url.is_empty() {
            return Err("no URL");
        }
        Ok(Self { url: url.to_owned(), model })
    }
}

impl Fallbacks {
    /// The servers in their order; `first` is what is asked before them.
    pub(crate) fn endpoints(
        &self,
        profile: Profile,
        first: &Endpoint,
    ) -> anyhow::Result<Vec<Endpoint>> {
        let (places, variables) = (self.places.len(), self.key_variables.len());
        if variables > places {
            return Err(usage_error(format_args!(
                "--fallback-key-env: {variables} of them for {places} --fallback"
            )));
        }
        let variables = self.key_variables.iter().map(Some).chain(std::iter::repeat(None));
        let each = self.places.iter().zip(variables);
        each.map(|(place, variable)| place.endpoint(profile, first, variable)).collect()
    }

    /// Adds the flags that a later `resume` needs again.
    pub(crate) fn advise(&self, advice: &mut Advice) {
        for Place { url, model } in &self.places {
            let model = model.iter().flat_map(|model| ["=", model]);
            advice.flag("--fallback", &[url.as_str()].into_iter().chain(model).collect::<String>());
        }
        for variable in &self.key_variables {
            advice.flag("--fallback-key-env", variable);
        }
    }
}

impl Place {
    fn endpoint(
        &self,
        profile: Profile,
        first: &Endpoint,
        variable: Option<&String>,
    ) -> anyhow::Result<Endpoint> {
        let refuse = |error| usage_error(format_args!("--fallback: {error}"));
        let mut endpoint = Endpoint::new(&self.url, profile).map_err(refuse)?;
        if endpoint.base_url() == first.base_url() {
            endpoint = first.clone();
        }
        if let Some(model) = &self.model {
            endpoint = endpoint.model(model.as_str());
        }
        match variable {
            Some(name) if !name.is_empty() => {
                if !is_private(endpoint.base_url()) {
                    warn_of_plain_text();
                }
                Ok(endpoint.key(key(name)?))
            }
            _ => Ok(endpoint),
        }
    }
}

fn key(variable: &str) -> anyhow::Result<Secret> {
    match env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(Secret::new(key)),
        _ => Err(usage_error(format_args!("--fallback-key-env: {variable} is not set"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn fallbacks(places: &[&str], variables: &[&str]) -> Fallbacks {
        Fallbacks {
            places: places.iter().map(|place| place.parse().unwrap()).collect(),
            key_variables: variables.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_model_may_have_any_sign_in_it() {
        let place: Place = "https://host/v1=org/model:free@7=b".parse().unwrap();
        assert_eq!(place.url, "https://host/v1");
        assert_eq!(place.model.as_deref(), Some("org/model:free@7=b"));
        assert_eq!("https://host".parse::<Place>().unwrap().model, None);
        assert!("https://host=".parse::<Place>().is_err());
        assert!("=model".parse::<Place>().is_err());
    }

    #[test]
    fn every_named_variable_needs_a_fallback_and_a_value() {
        let one = ["http://127.0.0.1:8"];
        let first = Endpoint::new("http://127.0.0.1:9", Profile::OPENAI).unwrap();
        for variables in [&["", ""][..], &["UNBROKEN_TEST_NO_SUCH_VARIABLE"]] {
            let refused = fallbacks(&one, variables).endpoints(Profile::OPENAI, &first);
            assert_eq!(Status::of(&refused.unwrap_err()), Status::Usage);
        }
        assert!(fallbacks(&one, &[""]).endpoints(Profile::OPENAI, &first).is_ok());
    }

    #[test]
    fn what_was_given_is_advised_again() {
        let mut advice = Advice::default();
        fallbacks(&["http://127.0.0.1:8=a b"], &["OTHER_KEY"]).advise(&mut advice);
        let command = advice.command(&"s-1".parse().unwrap()).unwrap();
        let flags = "--fallback 'http://127.0.0.1:8=a b' --fallback-key-env OTHER_KEY";
        assert!(command.ends_with(flags), "{command}");
    }
}
