//! A request body as the caller wrote it, and the bodies made from it.
//!
//! The text is never parsed into a tree and written again: changes are spliced in by spans, so
//! that unknown fields, order, white space and the form of numbers stay.

mod bedrock;
mod continuation;
mod gemini;
mod kept;
mod limits;
mod other_model;
mod stop;

pub use limits::MAX_TOKENS_FLOOR;

use crate::json::{Scanner, Value};
use crate::splice::Splice;
use crate::{Malformed, Prefill, Profile, RequestForm, UsageRequest, Wire};
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// Most bytes that a request body has: 32 MiB, as much as Anthropic accepts.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Top-level members that changes depend on; one that stands twice is refused, because servers
/// disagree on which counts.
const UNIQUE: &[&str] = &[
    "messages",
    "input",
    "contents",
    "generationConfig",
    "toolConfig",
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
];

/// What may stand in the place of `input` on the Responses wire.
const INPUT_ELSEWHERE: &[&str] = &["prompt", "previous_response_id", "conversation"];

/// The body of a request, as the caller wrote it.
///
/// Gemini's API has the model in the URL. A body of that wire names it all the same, in a member
/// `model`, as `GenerateContentRequest` has one; it is put in the path and not sent in the body.
///
/// ```
/// use protocol::{Profile, RequestBody, Wire};
///
/// let text = r#"{"messages": [{"role": "user", "content": "Hi"}], "x": 1.0}"#;
/// let body = RequestBody::parse(Wire::OpenAiChat, text.into())?;
/// let sent = body.initial(&Profile::OPENAI);
/// assert!(sent.starts_with(text.trim_end_matches('}').as_bytes()));
/// assert!(sent.ends_with(br#","stream":true,"stream_options":{"include_usage":true}}"#));
/// # Ok::<(), protocol::BodyError>(())
/// ```
#[derive(Clone)]
pub struct RequestBody {
    wire: Wire,
    body: Bytes,
    model: Option<String>,
    whole: Value,
    members: Vec<(String, Value)>,
    said: Said,
    background: bool,
    /// Asked for once; bodies are long.
    needs_its_provider: OnceLock<bool>,
}

/// Where in a body stands what was said before the answer.
#[derive(Clone, Copy)]
enum Said {
    /// A list of messages that is not empty; or of input items on the Responses wire.
    List {
        /// The whole list.
        list: Value,
        /// Its last item.
        last: Value,
    },
    /// The text of one message of the user; Responses wire only.
    Text(Value),
    /// Not in the body, as far as it is not `null` or empty; Responses wire only.
    Elsewhere(Option<Value>),
}

impl RequestBody {
    /// Reads a body and notes where its members lie.
    ///
    /// # Errors
    ///
    /// [`BodyError`] when the body is longer than [`BODY_BYTES_MAX`], is no JSON object in
    /// UTF-8, has no messages or no input, or says the same of a few members twice.
    pub fn parse(wire: Wire, body: Bytes) -> Result<Self, BodyError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLong { bytes: body.len() });
        }
        std::str::from_utf8(&body)
            .map_err(|error| BodyError::NotUtf8 { offset: error.valid_up_to() })?;
        let (whole, members) = read_members(wire, &body)?;
        let find = |wanted| find_member(&members, wanted);
        let said = Said::read(wire, &body, &members).ok_or(BodyError::NoMessages)?;
        let model = find("model").and_then(|model| model.str(&body)).map(Cow::into_owned);
        if wire == Wire::Gemini && model.as_deref().and_then(gemini::path).is_none() {
            return Err(BodyError::NoModel);
        }
        let background = find("background").is_some_and(|background| background.is_true());
        let needs_its_provider = OnceLock::new();
        Ok(Self { wire, model, whole, said, members, body, background, needs_its_provider })
    }

    /// The caller's own bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The wire that the body is written for.
    #[must_use]
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Whether a server of this profile can be asked with this body.
    ///
    /// # Errors
    ///
    /// [`BodyError::NoModel`] where the path has to name the model and the body names none.
    pub fn fits(&self, profile: &Profile) -> Result<(), BodyError> {
        match profile.request {
            RequestForm::BedrockInvoke if !self.model().is_some_and(bedrock::fits) => {
                Err(BodyError::NoModel)
            }
            _ => Ok(()),
        }
    }

    /// The path and query that follow the base URL.
    ///
    /// ```
    /// use protocol::{Profile, RequestBody, Wire};
    ///
    /// let body = r#"{"model":"gemini-2.5-pro","contents":[{"parts":[{"text":"Hi"}]}]}"#;
    /// let body = RequestBody::parse(Wire::Gemini, body.into())?;
    /// assert_eq!(body.path(&Profile::GEMINI), "/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
    /// # Ok::<(), protocol::BodyError>(())
    /// ```
    #[must_use]
    pub fn path(&self, profile: &Profile) -> Cow<'static, str> {
        if profile.request == RequestForm::BedrockInvoke {
            return bedrock::path(self.model().unwrap_or_default()).into();
        }
        match self.wire {
            Wire::AnthropicMessages => "/messages".into(),
            Wire::OpenAiChat => "/chat/completions".into(),
            Wire::OpenAiResponses => "/responses".into(),
            Wire::Gemini => {
                let path = self.model().and_then(gemini::path);
                path.expect("a body of this wire is only made with a model").into()
            }
        }
    }

    /// The model that the body names.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The service tier that the body asks for, as its provider spells it.
    #[must_use]
    pub fn service_tier(&self) -> Option<Cow<'_, str>> {
        self.member("service_tier")?.str(&self.body)
    }

    /// The speed that the body asks Anthropic for, such as `fast`.
    #[must_use]
    pub fn speed(&self) -> Option<Cow<'_, str>> {
        self.member("speed")?.str(&self.body)
    }

    /// The region that the body pins Anthropic's processing to.
    #[must_use]
    pub fn inference_geo(&self) -> Option<Cow<'_, str>> {
        self.member("inference_geo")?.str(&self.body)
    }

    /// How many answers are asked for; 1 unless the chat wire's `n` or Gemini's `candidateCount`
    /// says otherwise.
    #[must_use]
    pub fn choices(&self) -> u32 {
        let count = match self.wire {
            Wire::Gemini => self.generation("candidateCount", "candidate_count"),
            _ => self.member("n"),
        };
        count.and_then(|count| count.index(&self.body)).unwrap_or(1)
    }

    /// Whether the caller itself asked for the chat wire's extra chunk with token counts.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        let options = self.member("stream_options");
        let include = options.and_then(|options| options.member(&self.body, "include_usage"));
        include.is_some_and(|include| include.is_true())
    }

    /// Has the provider go on with the answer while nobody reads it, and keep it for a while, on
    /// the Responses wire. A body that says `false` to `background` or to `store` stays as it is:
    /// both change what the provider retains.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        let refused = |name| self.member(name).is_some_and(|value| value.is_false());
        let may = !refused("background") && !refused("store");
        self.background |= may && self.wire == Wire::OpenAiResponses;
        self
    }

    /// Whether the provider is asked to go on with the answer while nobody reads it.
    #[must_use]
    pub const fn is_background(&self) -> bool {
        self.background
    }

    /// Whether the server continues an assistant message that was begun, for this request.
    ///
    /// Beside what [`Profile::takes_prefill`] knows, a prefill and Anthropic's thinking exclude
    /// each other.
    #[must_use]
    pub fn takes_prefill(&self, profile: &Profile) -> bool {
        let thinks = profile.prefill == Prefill::ByModel && self.asks_thinking();
        profile.takes_prefill(self.model()) && !thinks
    }

    /// The body of the first attempt: a stream is asked for, and token counts where the profile
    /// says how. The caller's own bytes when they say so already.
    #[must_use]
    pub fn initial(&self, profile: &Profile) -> Bytes {
        self.finish(self.streaming(profile))
    }

    /// Whether a cut answer can be continued by another request.
    ///
    /// # Errors
    ///
    /// [`NotContinuable`] says why it cannot.
    pub fn continuable(&self) -> Result<(), NotContinuable> {
        self.refusal_to_continue().map_or(Ok(()), Err)
    }

    fn member(&self, wanted: &str) -> Option<Value> {
        find_member(&self.members, wanted)
    }

    /// The changes that every attempt needs.
    fn streaming(&self, profile: &Profile) -> Splice {
        if profile.request == RequestForm::BedrockInvoke {
            return self.for_bedrock();
        }
        let mut splice = Splice::default();
        if self.wire == Wire::Gemini {
            // The path says both that the answer is streamed and by which model.
            for model in self.whole.member_ranges(&self.body, &["model"]) {
                splice.replace(model, String::new());
            }
            return splice;
        }
        match self.member("stream") {
            Some(stream) if stream.is_true() => {}
            Some(stream) => splice.replace(stream.range(), "true".to_owned()),
            None => self.add_member(&mut splice, r#""stream":true"#),
        }
        if self.background {
            for name in ["background", "store"] {
                self.set(&mut splice, self.whole, name, "true");
            }
        }
        if self.wire == Wire::OpenAiChat && profile.usage == UsageRequest::StreamOptions {
            self.ask_usage(&mut splice);
        }
        splice
    }

    /// Asks for token counts unless the caller said whether it wants them.
    fn ask_usage(&self, splice: &mut Splice) {
        const OPTION: &str = r#""include_usage":true"#;
        match self.member("stream_options") {
            None => self.add_member(splice, &format!(r#""stream_options":{{{OPTION}}}"#)),
            Some(options) if options.is_null() => {
                splice.replace(options.range(), format!("{{{OPTION}}}"));
            }
            Some(options) => self.add_to_object(splice, options, "include_usage", OPTION),
        }
    }

    fn add_member(&self, splice: &mut Splice, member: &str) {
        // The body has messages or names them, so there is a member before.
        splice.insert(self.whole.inner_end(), format!(",{member}"));
    }

    /// Adds a member to an object that does not have it yet.
    fn add_to_object(&self, splice: &mut Splice, object: Value, name: &str, member: &str) {
        if object.is_object() && object.member(&self.body, name).is_none() {
            let comma = if object.is_empty(&self.body) { "" } else { "," };
            splice.insert(object.inner_end(), format!("{comma}{member}"));
        }
    }

    fn finish(&self, splice: Splice) -> Bytes {
        if splice.is_empty() { self.body.clone() } else { splice.apply(&self.body).into() }
    }
}

impl Said {
    fn read(wire: Wire, body: &[u8], members: &[(String, Value)]) -> Option<Self> {
        let responses = wire == Wire::OpenAiResponses;
        let name = match wire {
            Wire::AnthropicMessages | Wire::OpenAiChat => "messages",
            Wire::OpenAiResponses => "input",
            Wire::Gemini => "contents",
        };
        let said = find_member(members, name);
        if let Some(list) = said
            && let Some(last) = list.last_item(body)
        {
            return Some(Self::List { list, last });
        }
        if !responses {
            return None;
        }
        if let Some(text) = said.filter(|text| text.is_text() && text.raw(body) != b"\"\"") {
            return Some(Self::Text(text));
        }
        let named = |name: &str| find_member(members, name).is_some_and(|value| !value.is_null());
        INPUT_ELSEWHERE.iter().any(|name| named(name)).then_some(Self::Elsewhere(said))
    }
}

/// Shows no content: a body holds the caller's prompt.
impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("wire", &self.wire)
            .field("model", &self.model)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a body is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Longer than [`BODY_BYTES_MAX`].
    #[error("request body has {bytes} bytes, the limit is {BODY_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("request body is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The first byte that is wrong.
        offset: usize,
    },
    /// Not a JSON object.
    #[error("request body is not a JSON object")]
    NotJson(#[source] Malformed),
    /// Without a `messages` array that has an item, on the Gemini wire `contents`; on the Responses
    /// wire without an `input` and without anything that stands for one.
    #[error("request body has no messages")]
    NoMessages,
    /// Without a `model` that a URL can hold, where the URL names it (Gemini, Bedrock).
    #[error("request body names no model, or one that no URL can hold")]
    NoModel,
    /// With a member that stands twice.
    #[error("request body has more than one {name}")]
    Duplicate {
        /// The name of the member.
        name: &'static str,
    },
}

/// Why a cut answer cannot be continued by another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NotContinuable {
    /// More than one answer was asked for.
    #[error("more than one choice was requested")]
    ManyChoices,
    /// The answer must have a structure, such as a JSON schema.
    #[error("structured output was requested")]
    StructuredOutput,
    /// The model must call a tool.
    #[error("a tool call was forced")]
    ForcedTool,
    /// The answer is spoken.
    #[error("audio output was requested")]
    Audio,
    /// The provider adds what is said to a conversation that it keeps: it may hold the answer
    /// already, and would hold what only a continuation says.
    #[error("the provider keeps the conversation")]
    KeptConversation,
}

fn read_members(wire: Wire, body: &[u8]) -> Result<(Value, Vec<(String, Value)>), BodyError> {
    let mut members = Vec::new();
    let mut scan = Scanner::new(body).map_err(BodyError::NotJson)?;
    let read = scan.members(|scan, name| {
        let name = if wire == Wire::Gemini { gemini::canonical(name) } else { name };
        members.push((String::from_utf8_lossy(name).into_owned(), scan.value()?));
        Ok(())
    });
    let whole = read.and_then(|whole| scan.finish().map(|()| whole)).map_err(BodyError::NotJson)?;
    let whole = whole.ok_or(BodyError::NotJson(Malformed { offset: 0 }))?;
    for name in UNIQUE {
        if members.iter().filter(|(member, _)| member == name).count() > 1 {
            return Err(BodyError::Duplicate { name });
        }
    }
    Ok((whole, members))
}

fn find_member(members: &[(String, Value)], wanted: &str) -> Option<Value> {
    members.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| *value)
}
