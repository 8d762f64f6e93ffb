//! `Reply`: what a script answers, a word and what belongs to it, and values read from answers.
//! A server that answers anything else gets an error, never a panic.

use redis::{FromRedisValue, Value};

use crate::{Epoch, ErrorKind, Seq, StoreError};

/// A word, and what belongs to it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) word: String,
    rest: Vec<Value>,
}

impl Reply {
    pub(super) fn read(answer: Value) -> Result<Self, StoreError> {
        let Value::Array(mut rest) = answer else { return Err(malformed()) };
        if rest.is_empty() {
            return Err(malformed());
        }
        Ok(Self { word: text(rest.remove(0))?, rest })
    }

    /// The number at this place behind the word; below 0 is none.
    pub(super) fn number(&self, at: usize) -> Result<Option<u64>, StoreError> {
        match self.rest.get(at) {
            Some(Value::Int(number)) => Ok(u64::try_from(*number).ok()),
            _ => Err(malformed()),
        }
    }

    pub(super) fn count(&self, at: usize) -> Result<u64, StoreError> {
        self.number(at)?.ok_or_else(malformed)
    }

    pub(super) fn epoch(&self, at: usize) -> Result<Epoch, StoreError> {
        self.count(at).map(Epoch::new)
    }

    pub(super) fn seq(&self, at: usize) -> Result<Seq, StoreError> {
        Seq::new(self.count(at)?).ok_or_else(malformed)
    }

    pub(super) fn text(&mut self, at: usize) -> Result<String, StoreError> {
        self.rest.get_mut(at).map(std::mem::take).ok_or_else(malformed).and_then(text)
    }

    /// Bytes at this place, if there are any.
    pub(super) fn bytes(&mut self, at: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.rest.get_mut(at).map(std::mem::take).map_or(Ok(None), read)
    }

    /// The error of a word that every script may answer.
    pub(super) fn unexpected(&self) -> StoreError {
        match self.word.as_str() {
            "absent" => ErrorKind::NotFound.into(),
            _ => malformed(),
        }
    }
}

pub(super) fn text(value: Value) -> Result<String, StoreError> {
    read(value)
}

pub(super) fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|_| malformed())
}

/// What the server holds or says is not what was written.
pub(super) fn malformed() -> StoreError {
    StoreError::with_source(
        ErrorKind::Corrupt { good_prefix: None },
        "the Redis server holds something else under the names of this store",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_reply_is_a_word_and_numbers() {
        let mut reply = Reply::read(Value::Array(vec![
            word("held"),
            Value::Int(7),
            Value::Int(-1),
            word("me"),
        ]))
        .unwrap();
        assert_eq!((reply.word.as_str(), reply.count(0).unwrap()), ("held", 7));
        assert_eq!(reply.number(1).unwrap(), None);
        assert_eq!(reply.text(2).unwrap(), "me");
        assert!(reply.seq(3).is_err());
    }

    #[test]
    fn anything_else_is_an_error() {
        let odd =
            [Value::Nil, Value::Array(Vec::new()), Value::Array(vec![Value::Nil]), word("ok")];
        for value in odd {
            assert!(Reply::read(value.clone()).is_err(), "{value:?}");
        }
    }
}
