//! The forms in which servers report an error, read as far as they are there.
//!
//! Known: `{"error":{…}}`, also with Google's list of details, `{"error":"…"}`, the same inside a list or under `x_groq`,
//! `{"object":"error","message":…}`, `{"detail":…}`, AWS's `{"message":…}` with a name in a header or
//! under `__type`, plain text. A body that was cut short is
//! read up to the cut.

use super::details::Details;
use crate::Malformed;
use crate::json::{Kind, Scanner, Value};
use http::HeaderMap;
use retry_policy::Nanos;
use std::borrow::Cow;

/// What a server says about an error.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    message: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
    /// `details.error_code` or `metadata.error_type`: the most specific.
    detail: Option<Cow<'a, str>>,
    details: Details<'a>,
    number: Option<u16>,
    is_error: bool,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(data: &'a [u8]) -> Self {
        let mut envelope = Self::default();
        let text = data.trim_ascii();
        if matches!(text.first(), Some(b'{' | b'[')) {
            // What was read before a cut or a mistake counts.
            let _ = envelope.document(data);
        } else if !text.starts_with(b"<") {
            envelope.message = Some(String::from_utf8_lossy(text));
        }
        envelope
    }

    /// With the name that AWS gives an error in a header, which may have an address behind it.
    pub(super) fn named_by(mut self, headers: &'a HeaderMap) -> Self {
        let name = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let name = name.and_then(|name| name.split(':').next()).map(str::trim);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.is_error = true;
            self.kind = Some(Cow::Borrowed(name));
        }
        self
    }

    /// Whether the document says that it reports an error.
    pub(super) fn is_error(&self) -> bool {
        self.is_error
    }

    /// The HTTP status that the error names in its code.
    pub(super) fn status(&self) -> Option<u16> {
        self.number.filter(|number| (400..600).contains(number))
    }

    /// When to come back, as the body says it.
    pub(super) fn delay(&self) -> Option<Nanos> {
        self.details.delay
    }

    /// Whether what is allowed in a day is used up.
    pub(super) fn is_of_day(&self) -> bool {
        self.details.of_day
    }

    pub(super) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    pub(super) fn code(&self) -> Option<&str> {
        [&self.detail, &self.code, &self.kind].into_iter().find_map(|word| word.as_deref())
    }

    /// Its words in lower case, the most specific first.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let words = [&self.detail, &self.code, &self.kind];
        words.into_iter().flatten().map(|word| word.to_ascii_lowercase())
    }

    fn document(&mut self, data: &'a [u8]) -> Result<(), Malformed> {
        let mut scan = Scanner::new(data)?;
        if data.trim_ascii().first() == Some(&b'[') && !(scan.array()? && scan.item()?) {
            return Ok(());
        }
        scan.members(|scan, name| self.top_member(scan, name, data))?;
        Ok(())
    }

    fn top_member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &'a [u8],
    ) -> Result<(), Malformed> {
        match name {
            b"error" => self.error(scan, data),
            b"x_groq" => {
                scan.members(|scan, name| match name {
                    b"error" => self.error(scan, data),
                    _ => scan.value().map(drop),
                })?;
                Ok(())
            }
            b"object" => {
                let object = scan.value()?;
                self.is_error |= object.text(data).as_deref() == Some(b"error");
                Ok(())
            }
            // `type` of a frame is "error" itself and says nothing more.
            b"message" | b"Message" | b"detail" | b"code" | b"type" | b"__type" => {
                let value = scan.value()?;
                if value.text(data).as_deref() != Some(b"error") {
                    self.word(name, value, data);
                } else {
                    self.is_error = true;
                }
                Ok(())
            }
            _ => scan.value().map(drop),
        }
    }

    /// The value of an `error` key: an object, a message, or null for none.
    fn error(&mut self, scan: &mut Scanner<'_>, data: &'a [u8]) -> Result<(), Malformed> {
        let mut inner = Self { is_error: true, ..Self::default() };
        match scan.fork().value() {
            Ok(value) if value.is_null() => {
                scan.value()?;
                return Ok(());
            }
            Ok(value) if value.is_text() => inner.message = value.str(data),
            _ => {}
        }
        let walked = scan.members(|scan, name| inner.error_member(scan, name, data));
        *self = inner;
        walked.map(drop)
    }

    fn error_member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &'a [u8],
    ) -> Result<(), Malformed> {
        match name {
            b"details" if data.get(scan.next_start() as usize) == Some(&b'[') => {
                let read = self.details.read(scan, data);
                self.detail = self.details.reason.take().or(self.detail.take());
                read?;
            }
            b"details" | b"metadata" => {
                scan.members(|scan, name| {
                    let value = scan.value()?;
                    if matches!(name, b"error_code" | b"error_type") {
                        self.detail = value.str(data);
                    }
                    Ok(())
                })?;
            }
            _ => {
                let value = scan.value()?;
                self.word(name, value, data);
            }
        }
        Ok(())
    }

    fn word(&mut self, name: &[u8], value: Value, data: &'a [u8]) {
        let quoted = || value.str(data).and_then(|text| text.parse().ok());
        let number = value.u64(data).or_else(quoted).and_then(|number| u16::try_from(number).ok());
        match name {
            b"message" | b"detail" if value.kind == Kind::Array => {
                self.message = Some(String::from_utf8_lossy(value.raw(data)));
            }
            b"message" | b"Message" | b"detail" => {
                self.message = value.str(data).or(self.message.take());
            }
            // A number names a status, a word names the error.
            b"code" | b"status" if number.is_some() => self.number = number,
            b"code" => self.code = value.str(data),
            b"type" => self.kind = value.str(data),
            // AWS's, behind the name of a space.
            b"__type" => self.kind = value.str(data).map(last_name),
            // Google's word for the code.
            b"status" => self.code = self.code.take().or_else(|| value.str(data)),
            _ => {}
        }
    }
}

/// What follows the last `#`.
fn last_name(name: Cow<'_, str>) -> Cow<'_, str> {
    match name.rfind('#') {
        None => name,
        Some(at) => match name {
            Cow::Borrowed(name) => Cow::Borrowed(&name[at + 1..]),
            Cow::Owned(name) => Cow::Owned(name[at + 1..].to_owned()),
        },
    }
}
