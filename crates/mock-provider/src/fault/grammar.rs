//! One fault as text, as on a command line: `rst@40`, `429:ms=250`, `error@10:timeout`.
//! Reading and writing are inverse to each other.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::fault::{Fault, InBandError, RetryHint};

/// How long `refused` without a duration lasts.
const REFUSED_DEFAULT: Duration = Duration::from_millis(300);

/// A value that no clock can hold and no client should wait for: about 317 years.
const ABSURD: &str = "9999999999";

/// Why a text is not a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultParseError {
    /// No fault has this name.
    #[error("unknown fault")]
    UnknownFault,
    /// The fault needs a position: `@K`.
    #[error("the fault needs a position such as @40")]
    MissingPosition,
    /// The fault has no position, or the position is not a number.
    #[error("the position is not one that this fault has")]
    BadPosition,
    /// A status outside 400 to 599.
    #[error("the status is not between 400 and 599")]
    BadStatus,
    /// A hint that is none of the forms.
    #[error("the hint is not N, date=N, ms=N, raw=TEXT or absurd")]
    BadHint,
    /// A duration without a number or unit.
    #[error("the duration is not a number with ms or s")]
    BadDuration,
    /// No in-band error has this name.
    #[error("unknown in-band error")]
    UnknownError,
    /// A close code outside 1000 to 4999.
    #[error("the close code is not between 1000 and 4999")]
    BadCode,
    /// A `:` part that this fault does not have.
    #[error("the fault takes nothing after ':'")]
    UnexpectedPart,
}

impl FromStr for Fault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, FaultParseError> {
        let (head, part) = match text.split_once(':') {
            Some((head, part)) => (head, Some(part)),
            None => (text, None),
        };
        let (name, position) = match head.split_once('@') {
            Some((name, position)) => (name, Some(position)),
            None => (head, None),
        };
        match (name, position) {
            ("end", Some("stop")) => plain(Self::EndAfterStop, part),
            (_, Some(position)) => positioned(name, position, part),
            (_, None) => unpositioned(name, part),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { lasting } => write!(f, "refused:{}ms", lasting.as_millis()),
            Self::Status { status, hint } => write!(f, "{status}{hint}"),
            Self::InBandError { after, error } => write!(f, "error@{after}:{}", error.name()),
            Self::Close { after, code } => write!(f, "ws@{after}:{code}"),
            Self::EndAfterStop => f.write_str("end@stop"),
            _ => match self.after() {
                Some(after) => write!(f, "{}@{after}", self.name()),
                None => f.write_str(self.name()),
            },
        }
    }
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "ok",
            Self::ByteOrderMark => "bom",
            Self::CrLf => "crlf",
            Self::Refused { .. } => "refused",
            Self::CloseBeforeHead => "close",
            Self::ResetBeforeHead | Self::ResetInEvent { .. } => "rst",
            Self::Status { .. } => "status",
            Self::QuotaExhausted => "quota",
            Self::SilentAfterHead => "silent",
            Self::EmptyStream => "empty",
            Self::HtmlBody => "html",
            Self::JsonErrorBody => "json200",
            Self::Expired => "expire",
            Self::Stall { .. } => "stall",
            Self::Heartbeats { .. } => "pings",
            Self::CloseInChunk { .. } => "fin",
            Self::EndWithoutTerminal { .. } | Self::EndAfterStop => "end",
            Self::EndInEvent { .. } => "torn",
            Self::WrongChecksum { .. } => "crc",
            Self::UnknownException { .. } => "exception",
            Self::EndInUtf8 { .. } => "utf8",
            Self::BadChunkSize { .. } => "chunk",
            Self::MalformedJson { .. } => "json",
            Self::InBandError { .. } => "error",
            Self::Close { .. } => "ws",
            Self::Paused { .. } => "pause",
            Self::LateEvent => "late",
            Self::ConnectionLimit => "limit",
            Self::PreviousLost => "previous",
        }
    }
}

impl InBandError {
    const ALL: [Self; 6] = [
        Self::Overloaded,
        Self::Api,
        Self::RateLimit,
        Self::Timeout,
        Self::InvalidRequest,
        Self::OpenRouter,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Api => "api",
            Self::RateLimit => "rate-limit",
            Self::Timeout => "timeout",
            Self::InvalidRequest => "invalid",
            Self::OpenRouter => "openrouter",
        }
    }
}

impl fmt::Display for RetryHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => Ok(()),
            Self::Seconds(seconds) => write!(f, ":{seconds}"),
            Self::HttpDate(seconds) => write!(f, ":date={seconds}"),
            Self::Millis(millis) => write!(f, ":ms={millis}"),
            Self::Raw(text) => write!(f, ":raw={text}"),
        }
    }
}

fn plain(fault: Fault, part: Option<&str>) -> Result<Fault, FaultParseError> {
    if part.is_some() { Err(FaultParseError::UnexpectedPart) } else { Ok(fault) }
}

fn positioned(name: &str, position: &str, part: Option<&str>) -> Result<Fault, FaultParseError> {
    let after = position.parse().map_err(|_| FaultParseError::BadPosition);
    let fault = match name {
        "error" => {
            let error = part.map_or(Ok(InBandError::Overloaded), in_band)?;
            return Ok(Fault::InBandError { after: after?, error });
        }
        "ws" => {
            return Ok(Fault::Close { after: after?, code: part.map_or(Ok(1006), close_code)? });
        }
        "stall" => Fault::Stall { after: after? },
        "pings" => Fault::Heartbeats { after: after? },
        "rst" => Fault::ResetInEvent { after: after? },
        "fin" => Fault::CloseInChunk { after: after? },
        "end" => Fault::EndWithoutTerminal { after: after? },
        "torn" => Fault::EndInEvent { after: after? },
        "crc" => Fault::WrongChecksum { after: after? },
        "exception" => Fault::UnknownException { after: after? },
        "utf8" => Fault::EndInUtf8 { after: after? },
        "chunk" => Fault::BadChunkSize { after: after? },
        "json" => Fault::MalformedJson { after: after? },
        "pause" => Fault::Paused { after: after? },
        _ if unpositioned(name, part).is_ok() => return Err(FaultParseError::BadPosition),
        _ => return Err(FaultParseError::UnknownFault),
    };
    plain(fault, part)
}

fn unpositioned(name: &str, part: Option<&str>) -> Result<Fault, FaultParseError> {
    let fault = match name {
        "refused" => {
            let lasting = part.map_or(Ok(REFUSED_DEFAULT), duration)?;
            return Ok(Fault::Refused { lasting });
        }
        "ok" => Fault::Healthy,
        "bom" => Fault::ByteOrderMark,
        "crlf" => Fault::CrLf,
        "close" => Fault::CloseBeforeHead,
        "rst" => Fault::ResetBeforeHead,
        "quota" => Fault::QuotaExhausted,
        "silent" => Fault::SilentAfterHead,
        "empty" => Fault::EmptyStream,
        "html" => Fault::HtmlBody,
        "json200" => Fault::JsonErrorBody,
        "expire" => Fault::Expired,
        "late" => Fault::LateEvent,
        "limit" => Fault::ConnectionLimit,
        "previous" => Fault::PreviousLost,
        "ws" | "stall" | "pings" | "fin" | "end" | "torn" | "crc" | "exception" | "utf8"
        | "chunk" | "json" | "pause" | "error" => {
            return Err(FaultParseError::MissingPosition);
        }
        _ => return status(name, part),
    };
    plain(fault, part)
}

fn status(name: &str, part: Option<&str>) -> Result<Fault, FaultParseError> {
    let status: u16 = name.parse().map_err(|_| FaultParseError::UnknownFault)?;
    if !(400..600).contains(&status) {
        return Err(FaultParseError::BadStatus);
    }
    Ok(Fault::Status { status, hint: part.map_or(Ok(RetryHint::Absent), hint)? })
}

fn hint(text: &str) -> Result<RetryHint, FaultParseError> {
    let number = |digits: &str| digits.parse().map_err(|_| FaultParseError::BadHint);
    match text.split_once('=') {
        Some(("date", seconds)) => number(seconds).map(RetryHint::HttpDate),
        Some(("ms", millis)) => number(millis).map(RetryHint::Millis),
        Some(("raw", raw)) if raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => {
            Ok(RetryHint::Raw(raw.to_owned()))
        }
        Some(_) => Err(FaultParseError::BadHint),
        None if text == "absurd" => Ok(RetryHint::Raw(ABSURD.to_owned())),
        None => number(text).map(RetryHint::Seconds),
    }
}

fn in_band(name: &str) -> Result<InBandError, FaultParseError> {
    let mut all = InBandError::ALL.into_iter();
    all.find(|error| error.name() == name).ok_or(FaultParseError::UnknownError)
}

/// 1006 stands for no frame at all: the connection ends.
fn close_code(text: &str) -> Result<u16, FaultParseError> {
    let code = text.parse().ok().filter(|code| (1000..5000).contains(code));
    code.ok_or(FaultParseError::BadCode)
}

fn duration(text: &str) -> Result<Duration, FaultParseError> {
    let number = |digits: &str| digits.parse().map_err(|_| FaultParseError::BadDuration);
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => number(millis).map(Duration::from_millis),
        (None, Some(seconds)) => number(seconds).map(Duration::from_secs),
        (None, None) => Err(FaultParseError::BadDuration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_as_it_is_written() {
        for text in [
            "ok",
            "bom",
            "crlf",
            "refused:250ms",
            "close",
            "rst",
            "429",
            "429:2",
            "503:date=3",
            "529:ms=250",
            "500:raw=NaN",
            "401",
            "quota",
            "silent",
            "empty",
            "html",
            "json200",
            "expire",
            "late",
            "limit",
            "previous",
            "ws@3:1011",
            "stall@1",
            "pings@2",
            "rst@3",
            "fin@4",
            "end@5",
            "torn@5",
            "pause@5",
            "crc@5",
            "exception@5",
            "utf8@6",
            "chunk@7",
            "json@8",
            "error@9:overloaded",
            "error@9:invalid",
            "error@9:openrouter",
            "end@stop",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn short_forms_have_defaults() {
        let refused = Fault::Refused { lasting: REFUSED_DEFAULT };
        assert_eq!("refused".parse(), Ok(refused));
        assert_eq!("refused:2s".parse(), Ok(Fault::Refused { lasting: Duration::from_secs(2) }));
        let error = Fault::InBandError { after: 4, error: InBandError::Overloaded };
        assert_eq!("error@4".parse(), Ok(error));
        let absurd = Fault::Status { status: 429, hint: RetryHint::Raw(ABSURD.to_owned()) };
        assert_eq!("429:absurd".parse(), Ok(absurd));
    }

    #[track_caller]
    fn refuses(text: &str, error: FaultParseError) {
        assert_eq!(text.parse::<Fault>(), Err(error), "{text}");
    }

    #[test]
    fn errors_name_what_is_wrong() {
        refuses("", FaultParseError::UnknownFault);
        refuses("boom", FaultParseError::UnknownFault);
        refuses("boom@3", FaultParseError::UnknownFault);
        refuses("stall", FaultParseError::MissingPosition);
        refuses("stall@x", FaultParseError::BadPosition);
        refuses("stall@-1", FaultParseError::BadPosition);
        refuses("html@3", FaultParseError::BadPosition);
        refuses("200", FaultParseError::BadStatus);
        refuses("429:soon", FaultParseError::BadHint);
        refuses("429:date=x", FaultParseError::BadHint);
        refuses("429:raw=a\r\nb", FaultParseError::BadHint);
        refuses("refused:3", FaultParseError::BadDuration);
        refuses("ws@3:999", FaultParseError::BadCode);
        refuses("ws@3:5000", FaultParseError::BadCode);
        refuses("ws", FaultParseError::MissingPosition);
        refuses("error@3:odd", FaultParseError::UnknownError);
        refuses("ok:3", FaultParseError::UnexpectedPart);
        refuses("rst@3:x", FaultParseError::UnexpectedPart);
    }
}
