//! Reads one JSON text (RFC 8259) strictly: no comments, no trailing commas, no lone surrogates.
//! Nesting is limited; everything else is limited by the size of the body.

use crate::json::Value;

/// How deep arrays and objects may nest.
const DEPTH_MAX: usize = 128;

/// Where and why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}")]
pub(crate) struct JsonError {
    pub(crate) problem: &'static str,
    pub(crate) offset: usize,
}

/// Reads exactly one value; white space around it is allowed.
pub(crate) fn read(text: &[u8]) -> Result<Value, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.problem("text after the value"));
    }
    Ok(value)
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        if depth > DEPTH_MAX {
            return Err(self.problem("nested too deeply"));
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.problem("unexpected byte")),
            None => Err(self.problem("unexpected end")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':', "expected ':'")?;
            members.push((name, self.value(depth + 1)?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            self.expect(b',', "expected ',' or '}'")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            self.expect(b',', "expected ',' or ']'")?;
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.problem("unknown word"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let digits = self.text[start..self.at].iter().map(|byte| char::from(*byte)).collect();
        Ok(Value::Number(digits))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.problem("expected a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"', "expected a string")?;
        let mut decoded = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    let scalar = self.escape()?;
                    decoded.extend_from_slice(scalar.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0..=0x1F) => return Err(self.problem("control character in a string")),
                Some(byte) => {
                    decoded.push(byte);
                    self.at += 1;
                }
                None => return Err(self.problem("unexpected end of a string")),
            }
        }
        self.at += 1;
        String::from_utf8(decoded).map_err(|_| self.problem("string is not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let scalar = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.problem("unknown escape")),
        };
        self.at += 1;
        Ok(scalar)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.hex4()?;
        let scalar = match unit {
            0xD800..=0xDBFF => {
                self.expect(b'\\', "lone surrogate")?;
                self.expect(b'u', "lone surrogate")?;
                let low = self.hex4()?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(self.problem("lone surrogate"));
                }
                0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            _ => unit,
        };
        char::from_u32(scalar).ok_or_else(|| self.problem("lone surrogate"))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.problem("expected a hex digit"))?;
            self.at += 1;
        }
        Ok(unit)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.problem(problem)) }
    }

    fn problem(&self, problem: &'static str) -> JsonError {
        JsonError { problem, offset: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(text: &[u8], problem: &str) {
        let error = read(text).expect_err("the text is not JSON");
        assert_eq!(error.problem, problem);
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let value = read(br#" {"a":[null,true,false,-1.5e+3,0,"x"],"b":{},"c":[]} "#).unwrap();
        let items = value.member("a").and_then(Value::as_array).unwrap();
        assert_eq!(items[0], Value::Null);
        assert_eq!(items[1].as_bool(), Some(true));
        assert_eq!(items[2].as_bool(), Some(false));
        assert_eq!(items[3], Value::Number("-1.5e+3".to_owned()));
        assert_eq!(items[4].as_u64(), Some(0));
        assert_eq!(items[5].as_str(), Some("x"));
        assert_eq!(value.member("b"), Some(&Value::Object(vec![])));
        assert_eq!(value.member("c"), Some(&Value::Array(vec![])));
    }

    #[test]
    fn escapes_and_surrogate_pairs_become_characters() {
        let value = read(br#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#).unwrap();
        assert_eq!(value.as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1F600}"));
        assert_eq!(read("\"\u{1F600}\"".as_bytes()).unwrap().as_str(), Some("\u{1F600}"));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_reason() {
        refuses(b"", "unexpected end");
        refuses(b"{\"a\":1,}", "expected a string");
        refuses(b"[1,]", "unexpected byte");
        refuses(b"[1", "expected ',' or ']'");
        refuses(b"{\"a\" 1}", "expected ':'");
        refuses(b"{\"a\":1 1}", "expected ',' or '}'");
        refuses(b"1 2", "text after the value");
        refuses(b"tru", "unknown word");
        refuses(b"-", "expected a digit");
        refuses(b"1.", "expected a digit");
        refuses(b"\"a", "unexpected end of a string");
        refuses(b"\"\n\"", "control character in a string");
        refuses(b"\"\\x\"", "unknown escape");
        refuses(b"\"\\u12g4\"", "expected a hex digit");
        refuses(b"\"\\ud83d\"", "lone surrogate");
        refuses(b"\"\\ud83d\\u0041\"", "lone surrogate");
        refuses(b"\"\\ude00\"", "lone surrogate");
        refuses(b"\"\xff\"", "string is not UTF-8");
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(DEPTH_MAX + 1).as_bytes()).is_ok());
        refuses(nested(DEPTH_MAX + 2).as_bytes(), "nested too deeply");
    }
}
