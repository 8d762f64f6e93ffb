//! One job: what is asked, under which name. No message about it quotes what is asked.

use client::{Profile, Prompt, Request, StreamId, Wire};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Number, Value};
use std::collections::BTreeSet;
use std::fmt;

use super::job_id::JobId;

/// One line of the jobs file.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Job {
    pub(super) id: JobId,
    prompt: String,
    model: Option<String>,
    system: Option<String>,
    max_tokens: Option<u32>,
    temperature: Option<Number>,
}

/// What jobs that do not say it themselves are asked with.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    pub(super) model: Option<String>,
    pub(super) system: Option<String>,
    pub(super) max_tokens: Option<u32>,
}

impl Job {
    /// Reads one line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for people.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let Fields(fields) = serde_json::from_slice(line).map_err(|error| describe(&error))?;
        let mut seen = BTreeSet::new();
        let (mut id, mut prompt) = (None, None);
        let (mut model, mut system, mut max_tokens, mut temperature) = (None, None, None, None);
        for (name, value) in fields {
            match name.as_str() {
                "id" => id = Some(JobId::new(&text("id", value)?).map_err(|e| e.to_string())?),
                "prompt" => prompt = Some(words("prompt", value)?),
                "model" => model = given(value, |value| words("model", value))?,
                "system" => system = given(value, |value| text("system", value))?,
                "max_tokens" => max_tokens = given(value, tokens)?,
                "temperature" => temperature = given(value, degree)?,
                _ => return Err(format!("unknown field `{}`", shown(&name))),
            }
            if let Some(twice) = seen.replace(name) {
                return Err(format!("`{twice}` is there twice"));
            }
        }
        let id = id.ok_or("`id` is missing")?;
        let prompt = prompt.ok_or("`prompt` is missing")?;
        Ok(Self { id, prompt, model, system, max_tokens, temperature })
    }

    /// Tells this job from another of the same name: FNV-1a over what its line says.
    pub(super) fn fingerprint(&self) -> String {
        let line = serde_json::to_vec(self).expect("a job is JSON");
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        format!("{:016x}", line.iter().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// The name of its stream in the checkpoints, when so many are left behind. A job that asks
    /// something else has another.
    pub(super) fn stream_id(&self, spoilt: u32) -> StreamId {
        let name = match spoilt {
            0 => format!("{}-{}", self.id, self.fingerprint()),
            spoilt => format!("{}-{}-{spoilt}", self.id, self.fingerprint()),
        };
        StreamId::new(name).expect("an id and digits are a stream's name")
    }

    /// What is sent.
    pub(super) fn request(&self, model: &str, defaults: &Defaults, profile: &Profile) -> Request {
        let mut prompt = Prompt::new(model, &self.prompt);
        if let Some(system) = self.system.as_ref().or(defaults.system.as_ref()) {
            prompt = prompt.system(system);
        }
        if let Some(tokens) = self.max_tokens.or(defaults.max_tokens) {
            prompt = prompt.max_tokens(tokens);
        }
        let Some(temperature) = &self.temperature else { return Request::from(prompt) };
        let body = prompt.body(profile);
        let mut body: Value = serde_json::from_slice(&body).expect("a prompt's body is JSON");
        let settings = match profile.wire {
            Wire::Gemini => &mut body["generationConfig"],
            _ => &mut body,
        };
        settings["temperature"] = Value::Number(temperature.clone());
        Request::new(body.to_string())
    }

    /// Takes what the job asks out of a message of the provider, which may quote it.
    pub(super) fn scrub(&self, message: &str) -> String {
        let texts = [Some(&self.prompt), self.system.as_ref()];
        let quotable = texts.into_iter().flatten().filter(|text| text.len() >= QUOTE_BYTES_MIN);
        quotable.fold(message.to_owned(), |message, text| message.replace(text, "[prompt]"))
    }
}

impl Defaults {
    /// The model that a job is asked of, where one is named.
    pub(super) fn model_of<'a>(&'a self, job: &'a Job) -> Option<&'a str> {
        job.model.as_deref().or(self.model.as_deref())
    }
}

/// Without the texts: prompts do not belong in logs.
impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Bytes of a prompt from which on it is taken out of messages; a shorter one is a word that
/// anybody may use.
const QUOTE_BYTES_MIN: usize = 8;

/// Characters of an unknown field's name that are shown.
const SHOWN_CHARS_MAX: usize = 40;

/// The fields of an object in order, those that are there twice included.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// serde's own words may quote the line.
fn describe(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => "not a JSON object".to_owned(),
        _ => format!("not JSON, at byte {}", error.column()),
    }
}

fn text(name: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(format!("`{name}` is not a string")),
    }
}

fn words(name: &str, value: Value) -> Result<String, String> {
    match text(name, value)? {
        text if text.trim().is_empty() => Err(format!("`{name}` is empty")),
        text => Ok(text),
    }
}

/// `null` is a field that is not there.
fn given<T>(
    value: Value,
    read: impl FnOnce(Value) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if value.is_null() { Ok(None) } else { read(value).map(Some) }
}

#[expect(clippy::needless_pass_by_value, reason = "it takes the place of a reader that keeps it")]
fn tokens(value: Value) -> Result<u32, String> {
    let tokens = value.as_u64().and_then(|tokens| u32::try_from(tokens).ok());
    tokens
        .filter(|tokens| *tokens > 0)
        .ok_or_else(|| "`max_tokens` is not a whole number from 1 to 4294967295".to_owned())
}

fn degree(value: Value) -> Result<Number, String> {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|n| (0.0..=2.0).contains(&n)) => {
            Ok(number)
        }
        _ => Err("`temperature` is not a number from 0 to 2".to_owned()),
    }
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Job {
        Job::parse(line.as_bytes()).unwrap()
    }

    #[track_caller]
    fn refuse(line: &str, expected: &str) {
        let message = Job::parse(line.as_bytes()).unwrap_err();
        assert_eq!(message, expected, "{line}");
    }

    #[test]
    fn a_line_that_is_no_job_is_told_what_is_wrong_without_a_quotation() {
        refuse("", "not JSON, at byte 0");
        refuse(r#"{"id":"a","prompt":"s3cret}"#, "not JSON, at byte 27");
        refuse(r#""s3cret""#, "not a JSON object");
        refuse(r#"["s3cret"]"#, "not a JSON object");
        refuse(r#"{"prompt":"p"}"#, "`id` is missing");
        refuse(r#"{"id":"a"}"#, "`prompt` is missing");
        refuse(r#"{"id":1,"prompt":"p"}"#, "`id` is not a string");
        refuse(r#"{"id":"../a","prompt":"p"}"#, "`id` has other characters than A-Z a-z 0-9 . _ -");
        refuse(r#"{"id":"a","prompt":" "}"#, "`prompt` is empty");
        refuse(r#"{"id":"a","prompt":null}"#, "`prompt` is not a string");
        refuse(r#"{"id":"a","prompt":"p","model":""}"#, "`model` is empty");
        refuse(r#"{"id":"a","prompt":"p","prompt":"q"}"#, "`prompt` is there twice");
        refuse(r#"{"id":"a","prompt":"p","max_tokes":3}"#, "unknown field `max_tokes`");
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(99));
        refuse(&long, &format!("unknown field `{}`", "x".repeat(SHOWN_CHARS_MAX)));
        for bad in ["0", "-1", "1.5", "4294967296", r#""s3cret""#] {
            let line = format!(r#"{{"id":"a","prompt":"p","max_tokens":{bad}}}"#);
            refuse(&line, "`max_tokens` is not a whole number from 1 to 4294967295");
        }
        for bad in ["-0.1", "2.1", r#""1""#] {
            let line = format!(r#"{{"id":"a","prompt":"p","temperature":{bad}}}"#);
            refuse(&line, "`temperature` is not a number from 0 to 2");
        }
    }

    #[test]
    fn a_job_says_what_the_flags_do_not() {
        let defaults = Defaults { model: Some("m".to_owned()), system: None, max_tokens: Some(5) };
        let own = job(r#"{"id":"a","prompt":"p","model":"n","system":null}"#);
        assert_eq!(defaults.model_of(&own), Some("n"));
        let none = job(r#"{"id":"a","prompt":"p"}"#);
        assert_eq!(defaults.model_of(&none), Some("m"));
        assert_eq!(Defaults::default().model_of(&none), None);
    }

    #[test]
    fn another_question_under_the_same_name_is_another_stream() {
        let one = job(r#"{"id":"a","prompt":"p"}"#);
        assert_eq!(one.stream_id(0), job(r#"{"prompt":"p","id":"a","model":null}"#).stream_id(0));
        for other in [
            r#"{"id":"a","prompt":"q"}"#,
            r#"{"id":"b","prompt":"p"}"#,
            r#"{"id":"a","prompt":"p","model":"m"}"#,
            r#"{"id":"a","prompt":"p","system":"m"}"#,
            r#"{"id":"a","prompt":"p","max_tokens":1}"#,
            r#"{"id":"a","prompt":"p","temperature":1}"#,
        ] {
            assert_ne!(one.stream_id(0), job(other).stream_id(0), "{other}");
        }
    }

    #[test]
    fn the_name_of_a_stream_is_the_same_in_every_build() {
        let id = job(r#"{"id":"a","prompt":"p","temperature":0.5}"#).stream_id(0);
        assert_eq!(id.as_str(), "a-ca281d11f20996f8");
        let longest = job(&format!(r#"{{"id":"{}","prompt":"p"}}"#, "x".repeat(100)));
        assert_eq!(longest.stream_id(u32::MAX).as_str().len(), 128);
    }

    #[test]
    fn a_message_does_not_quote_the_job() {
        let job = job(r#"{"id":"a","prompt":"tell me all","system":"be brief now"}"#);
        let message = job.scrub("bad: tell me all, be brief now!");
        assert_eq!(message, "bad: [prompt], [prompt]!");
        assert!(!format!("{job:?}").contains("tell"));
    }
}
