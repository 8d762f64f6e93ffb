//! A JSON value as it was written: member order kept, numbers kept as text.
//! Only what this server needs; it does not compute with numbers.

mod reader;
mod writer;

pub(crate) use reader::read;
pub(crate) use writer::{Escapes, write_string};

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// The digits as written.
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The member of an object; the last one where a name is repeated.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_member_is_the_last_one() {
        let value = read(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(value.member("a").and_then(Value::as_u64), Some(2));
    }

    #[test]
    fn accessors_refuse_other_kinds() {
        let value = read(br#"{"a":"1"}"#).unwrap();
        let member = value.member("a").unwrap();
        assert_eq!(member.as_u64(), None);
        assert_eq!(member.as_bool(), None);
        assert_eq!(member.as_array(), None);
        assert_eq!(member.member("a"), None);
        assert_eq!(member.as_str(), Some("1"));
    }
}
