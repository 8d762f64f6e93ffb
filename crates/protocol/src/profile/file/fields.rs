//! The fields of a profile file, each read once and checked against the wire.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CustomProfile, Place, ProfileFileError};
use crate::classify::holds_key;
use crate::profile::{
    Cursor, Heartbeat, KeyHeader, Label, Prefill, Profile, Terminal, TokenLimit, UsageRequest,
};
use crate::{Framing, Wire};

type Read<T> = Result<T, ProfileFileError>;

/// Every field, in the order of the documentation.
pub(super) const KNOWN: &[&str] = &[
    "name",
    "base",
    "wire",
    "framing",
    "terminal",
    "heartbeat",
    "error_event",
    "prefill",
    "echoes_prefill",
    "deterministic",
    "usage",
    "token_limit",
    "key_header",
    "cursor",
    "headers",
];

const FRAMINGS: &[(&str, Framing)] = &[
    ("sse", Framing::Sse),
    ("ndjson", Framing::NdJson),
    ("aws-event-stream", Framing::AwsEventStream),
];

const TERMINALS: &[(&str, Terminal)] = &[
    ("last-event", Terminal::LastEvent),
    ("stop-reason", Terminal::StopReason),
    ("last-event-alone", Terminal::LastEventAlone),
];

const PREFILLS: &[(&str, Prefill)] = &[
    ("never", Prefill::Never),
    ("by-model", Prefill::ByModel),
    ("trailing", Prefill::Trailing),
    ("prefix", Prefill::Prefix),
    ("partial", Prefill::Partial),
    ("continue-final", Prefill::ContinueFinal),
    ("trailing-no-thinking", Prefill::TrailingNoThinking),
];

const USAGES: &[(&str, UsageRequest)] =
    &[("unasked", UsageRequest::Unasked), ("stream-options", UsageRequest::StreamOptions)];

const TOKEN_LIMITS: &[(&str, TokenLimit)] = &[
    ("max_tokens", TokenLimit::MaxTokens),
    ("max_completion_tokens", TokenLimit::MaxCompletionTokens),
];

const CURSORS: &[(&str, Cursor)] = &[
    ("none", Cursor::None),
    ("sequence", Cursor::Sequence),
    ("event-id", Cursor::EventId),
    ("offset", Cursor::Offset),
];

const BOOLEANS: &str = "write true or false";

/// The fields of one file.
pub(super) struct Fields<'a> {
    place: Place<'a>,
    table: &'a DeTable<'a>,
}

/// A value and where it stands.
#[derive(Clone, Copy)]
struct Found<'a> {
    value: &'a DeValue<'a>,
    at: usize,
}

impl<'a> Fields<'a> {
    /// The fields of a table, all of them known.
    pub(super) fn new(place: Place<'a>, table: &'a DeTable<'a>) -> Read<Self> {
        for key in table.keys() {
            if !KNOWN.contains(&key.get_ref().as_ref()) {
                let remedy = format!("the fields are {}", KNOWN.join(", "));
                let field = Some(key.get_ref().as_ref());
                return Err(place.wrong(key.span().start, field, "no such field", remedy));
            }
        }
        Ok(Self { place, table })
    }

    pub(super) fn read(&self) -> Read<CustomProfile> {
        let base = self.base()?;
        let profile = Profile {
            name: self.name()?,
            wire: base.wire,
            framing: self.choice("framing", FRAMINGS)?.unwrap_or(base.framing),
            // It is told by the base alone: no other server has such a form.
            request: base.request,
            terminal: self.choice("terminal", TERMINALS)?.unwrap_or(base.terminal),
            heartbeat: self.heartbeat()?.unwrap_or(base.heartbeat),
            error_event: self.label("error_event")?.or(base.error_event),
            prefill: self.choice("prefill", PREFILLS)?.unwrap_or(base.prefill),
            echoes_prefill: self.flag("echoes_prefill")?.unwrap_or(base.echoes_prefill),
            deterministic: self.flag("deterministic")?.unwrap_or(base.deterministic),
            usage: self.choice("usage", USAGES)?.unwrap_or(base.usage),
            token_limit: self.choice("token_limit", TOKEN_LIMITS)?.unwrap_or(base.token_limit),
            key_header: self.key_header()?.unwrap_or(base.key_header),
            cursor: self.choice("cursor", CURSORS)?.unwrap_or(base.cursor),
        };
        self.check(&profile)?;
        Ok(CustomProfile { profile, headers: self.headers()? })
    }

    /// The profile that this one starts from.
    fn base(&self) -> Read<Profile> {
        let wire = self.text("wire")?;
        let wire = match &wire {
            Some((found, name)) => Some((
                found,
                name.parse::<Wire>().map_err(|_| {
                    self.unknown(*found, "wire", Wire::all().iter().map(|wire| wire.name()))
                })?,
            )),
            None => None,
        };
        let Some((found, name)) = self.text("base")? else {
            let Some((_, wire)) = wire else {
                let remedy = "write the profile that it starts from, as in base = \"vllm\"";
                return Err(self.place.wrong(
                    0,
                    Some("base"),
                    "neither base nor wire is there",
                    remedy,
                ));
            };
            return Ok(Profile::for_wire(wire));
        };
        let known = || Profile::all().iter().map(|profile| profile.name.as_str());
        let base = Profile::named(name).ok_or_else(|| self.unknown(found, "base", known()))?;
        match wire {
            Some((found, wire)) if wire != base.wire => {
                let what = format!("{} speaks {}", base.name, base.wire);
                Err(self.wrong(*found, "wire", what, "leave the wire out, or name another base"))
            }
            _ => Ok(base),
        }
    }

    fn name(&self) -> Read<Label> {
        let Some((found, name)) = self.text("name")? else {
            let remedy = "write name = \"…\": checkpoints keep it";
            return Err(self.place.wrong(0, Some("name"), "it is missing", remedy));
        };
        if Profile::named(name).is_some() {
            let what = "a profile that comes with the program has this name";
            return Err(self.wrong(found, "name", what, "choose another"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let label = Label::new(name).filter(|_| !name.is_empty() && name.bytes().all(plain));
        label.ok_or_else(|| {
            let remedy = format!("write 1 to {} of A-Z a-z 0-9 . _ -", Label::BYTES_MAX);
            self.wrong(found, "name", "not a name", remedy)
        })
    }

    /// Refuses what would do nothing on the wire, or the wrong thing.
    fn check(&self, profile: &Profile) -> Read<()> {
        let Profile { wire, terminal, prefill, usage, cursor, .. } = *profile;
        let chat = wire == Wire::OpenAiChat;
        let messages = wire == Wire::AnthropicMessages;
        let ends = match wire {
            Wire::AnthropicMessages | Wire::OpenAiChat => true,
            Wire::OpenAiResponses => terminal == Terminal::LastEvent,
            Wire::Gemini => terminal == Terminal::StopReason,
        };
        let fills = match prefill {
            Prefill::Never => true,
            Prefill::ByModel => messages,
            Prefill::Trailing => messages || chat,
            _ => chat,
        };
        let rules = [
            ("terminal", ends, "the wire has one end only"),
            ("prefill", fills, "the wire has no such form"),
            (
                "echoes_prefill",
                !profile.echoes_prefill || prefill != Prefill::Never,
                "without prefill there is no echo",
            ),
            (
                "usage",
                chat || usage == UsageRequest::Unasked,
                "the wire reports token counts unasked",
            ),
            (
                "token_limit",
                chat || self.find("token_limit").is_none(),
                "the wire has one limit only",
            ),
            (
                "cursor",
                wire == Wire::OpenAiResponses || cursor != Cursor::Sequence,
                "the wire has no such cursor",
            ),
            (
                "cursor",
                profile.usable_cursor() == cursor,
                "it counts by server-sent events, and the framing is another",
            ),
        ];
        for (field, holds, what) in rules {
            if !holds {
                let at = self.find(field).map_or(0, |found| found.at);
                let what = format!("{what} ({wire})");
                return Err(self.place.wrong(at, Some(field), what, "leave it out"));
            }
        }
        Ok(())
    }

    fn heartbeat(&self) -> Read<Option<Heartbeat>> {
        const REMEDY: &str = "write heartbeat = { event = \"…\" } or { data = \"…\" }";
        let Some(found) = self.find("heartbeat") else { return Ok(None) };
        let one = found.value.as_table().filter(|table| table.len() == 1);
        let (key, value) = one
            .and_then(|table| table.iter().next())
            .ok_or_else(|| self.wrong(found, "heartbeat", "not a table of one field", REMEDY))?;
        let label = self.as_label(Found::of(value), "heartbeat")?;
        match key.get_ref().as_ref() {
            "event" => Ok(Some(Heartbeat::Event(label))),
            "data" => Ok(Some(Heartbeat::Data(label))),
            _ => Err(self.wrong(found, "heartbeat", "neither event nor data", REMEDY)),
        }
    }

    fn key_header(&self) -> Read<Option<KeyHeader>> {
        let Some((found, name)) = self.text("key_header")? else { return Ok(None) };
        if name.eq_ignore_ascii_case("authorization") {
            return Ok(Some(KeyHeader::Bearer));
        }
        self.require_header_name(found, "key_header", name)?;
        Ok(Some(KeyHeader::Named(self.as_label(found, "key_header")?)))
    }

    fn headers(&self) -> Read<Vec<(String, String)>> {
        const FORM: &str = "write a table, as in headers = { x-team = \"search\" }";
        let Some(found) = self.find("headers") else { return Ok(Vec::new()) };
        let table = found.value.as_table();
        let table = table.ok_or_else(|| self.wrong(found, "headers", "not a table", FORM))?;
        table.iter().map(|(name, value)| self.header(name.get_ref(), Found::of(value))).collect()
    }

    fn header(&self, name: &str, found: Found<'_>) -> Read<(String, String)> {
        const REMEDY: &str =
            "give a secret with --header, or as the key: a file is no place for it";
        let field = format!("headers.{name}");
        let value = found.value.as_str();
        let value = value
            .ok_or_else(|| self.wrong(found, &field, "not text", "write it in double quotes"))?;
        self.require_header_name(found, &field, name)?;
        let lower = name.to_ascii_lowercase();
        if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
            return Err(self.wrong(found, &field, "by its name it is a secret", REMEDY));
        }
        if holds_key(value) {
            return Err(self.wrong(found, &field, "its value looks like a key", REMEDY));
        }
        if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            let remedy = "write printable ASCII";
            return Err(self.wrong(found, &field, "no header can carry its value", remedy));
        }
        Ok((name.to_owned(), value.to_owned()))
    }

    fn require_header_name(&self, found: Found<'_>, field: &str, name: &str) -> Read<()> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !name.is_empty() && name.bytes().all(token) {
            return Ok(());
        }
        Err(self.wrong(found, field, "not the name of a header", "write a name such as x-team"))
    }

    // ---- one value

    fn find(&self, field: &str) -> Option<Found<'a>> {
        self.table.iter().find(|(key, _)| key.get_ref() == field).map(|(_, value)| Found::of(value))
    }

    fn text(&self, field: &str) -> Read<Option<(Found<'a>, &'a str)>> {
        let Some(found) = self.find(field) else { return Ok(None) };
        match found.value.as_str() {
            Some(text) => Ok(Some((found, text))),
            None => Err(self.wrong(found, field, "not text", "write it in double quotes")),
        }
    }

    fn flag(&self, field: &str) -> Read<Option<bool>> {
        let Some(found) = self.find(field) else { return Ok(None) };
        let flag = found.value.as_bool();
        flag.map(Some).ok_or_else(|| self.wrong(found, field, "not a truth value", BOOLEANS))
    }

    fn label(&self, field: &str) -> Read<Option<Label>> {
        self.find(field).map(|found| self.as_label(found, field)).transpose()
    }

    fn as_label(&self, found: Found<'_>, field: &str) -> Read<Label> {
        let label = found.value.as_str().filter(|text| !text.is_empty()).and_then(Label::new);
        label.ok_or_else(|| {
            let remedy = format!("write 1 to {} bytes in double quotes", Label::BYTES_MAX);
            self.wrong(found, field, "not a short text", remedy)
        })
    }

    fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)]) -> Read<Option<T>> {
        let Some((found, text)) = self.text(field)? else { return Ok(None) };
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        let names = choices.iter().map(|(name, _)| *name);
        chosen.map(Some).ok_or_else(|| self.unknown(found, field, names))
    }

    fn unknown<'n>(
        &self,
        found: Found<'_>,
        field: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> ProfileFileError {
        let shown: String = found.value.as_str().unwrap_or_default().chars().take(40).collect();
        let names: Vec<_> = names.collect();
        let remedy = format!("write one of {}", names.join(", "));
        self.wrong(found, field, format!("unknown value {shown:?}"), remedy)
    }

    fn wrong(
        &self,
        found: Found<'_>,
        field: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ProfileFileError {
        self.place.wrong(found.at, Some(field), what, remedy)
    }
}

impl<'a> Found<'a> {
    fn of(value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { value: value.get_ref(), at: value.span().start }
    }
}

/// Words in the names of headers that carry secrets.
const SECRET_WORDS: &[&str] =
    &["auth", "key", "token", "secret", "cookie", "password", "credential", "signature", "session"];
