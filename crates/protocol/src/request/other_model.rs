//! The same request for another model than the one that the caller named.

use super::{BodyError, RequestBody};
use crate::output_limit::output_tokens_max;
use crate::splice::{Splice, json_string};

impl RequestBody {
    /// The body with another model in the place of its own. A limit of output tokens that is above
    /// what that model gives is lowered to it, as far as that is
    /// [known](crate::output_tokens_max); every other byte stays.
    ///
    /// # Errors
    ///
    /// [`BodyError`] for a name that the wire cannot carry, or when the body gets too long by it.
    ///
    /// ```
    /// use protocol::{RequestBody, Wire};
    ///
    /// let body = r#"{"model": "gpt-5", "max_tokens": 90000, "messages": [{"role": "user", "content": "Hi"}]}"#;
    /// let body = RequestBody::parse(Wire::OpenAiChat, body.into())?.with_model("gpt-4o")?;
    /// let text = br#"{"model": "gpt-4o", "max_tokens": 16384, "messages": [{"role": "user", "content": "Hi"}]}"#;
    /// assert_eq!(&body.bytes()[..], text);
    /// # Ok::<(), protocol::BodyError>(())
    /// ```
    pub fn with_model(&self, model: &str) -> Result<Self, BodyError> {
        if self.model() == Some(model) {
            return Ok(self.clone());
        }
        let mut splice = Splice::default();
        match self.member("model") {
            Some(old) => splice.replace(old.range(), json_string(model)),
            None => self.add_member(&mut splice, &format!(r#""model":{}"#, json_string(model))),
        }
        if let Some(most) = output_tokens_max(model) {
            self.lower_limits(&mut splice, most);
        }
        let other = Self::parse(self.wire, self.finish(splice))?;
        Ok(Self { background: self.background, ..other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wire;

    fn body(wire: Wire, text: &str) -> RequestBody {
        RequestBody::parse(wire, text.to_owned().into()).unwrap()
    }

    #[track_caller]
    fn check(wire: Wire, model: &str, text: &str, expected: &str) {
        let other = body(wire, text).with_model(model).unwrap();
        assert_eq!(std::str::from_utf8(other.bytes()).unwrap(), expected);
        assert_eq!(other.model(), Some(model));
    }

    #[test]
    fn only_the_model_and_a_limit_above_its_own_change() {
        let wire = Wire::AnthropicMessages;
        let said = r#""messages":[{"role":"user","content":"model"}]"#;
        check(
            wire,
            "claude-3-haiku-20240307",
            &format!(r#"{{ "model":"claude-opus-4-6","max_tokens":9000, {said},"x":1.0}}"#),
            &format!(r#"{{ "model":"claude-3-haiku-20240307","max_tokens":4096, {said},"x":1.0}}"#),
        );
        check(
            wire,
            "claude-3-haiku-20240307",
            &format!(r#"{{"model":"a","max_tokens":4096,{said}}}"#),
            &format!(r#"{{"model":"claude-3-haiku-20240307","max_tokens":4096,{said}}}"#),
        );
        check(
            wire,
            "unheard-of",
            &format!(r#"{{"model":"a","max_tokens":900000,{said}}}"#),
            &format!(r#"{{"model":"unheard-of","max_tokens":900000,{said}}}"#),
        );
    }

    #[test]
    fn a_body_without_a_model_gets_one() {
        let said = r#""messages":[{"role":"user","content":"x"}]"#;
        let with = format!(r#"{{{said},"model":"a\"b"}}"#);
        check(Wire::OpenAiChat, "a\"b", &format!("{{{said}}}"), &with);
        let null = format!(r#"{{"model":null,{said}}}"#);
        check(Wire::OpenAiChat, "m", &null, &format!(r#"{{"model":"m",{said}}}"#));
    }

    #[test]
    fn the_path_of_gemini_names_the_other_model() {
        let said = r#""contents":[{"parts":[{"text":"x"}]}]"#;
        let one = body(Wire::Gemini, &format!(r#"{{"model":"gemini-2.5-pro",{said}}}"#));
        let other = one.with_model("gemini-2.0-flash").unwrap();
        assert_eq!(
            other.path(&crate::Profile::GEMINI),
            "/models/gemini-2.0-flash:streamGenerateContent?alt=sse"
        );
        assert!(one.with_model("no path?").is_err());
    }

    #[test]
    fn what_was_asked_to_go_on_in_the_background_still_is() {
        let text = r#"{"model":"gpt-5","input":"x"}"#;
        let body = body(Wire::OpenAiResponses, text).in_background();
        assert!(body.with_model("gpt-5-mini").unwrap().is_background());
    }
}
