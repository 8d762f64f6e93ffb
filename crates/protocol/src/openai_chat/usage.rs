//! Token counts of the OpenAI Chat Completions wire.
//!
//! The prompt count contains cached and audio tokens, and the completion count contains
//! reasoning, except at servers whose total says otherwise.

use crate::Malformed;
use crate::json::{Scanner, Value};
use cost::Usage;
use std::ops::Range;

/// Counts of one chunk and where the totals lie.
pub(crate) struct Counts {
    pub(crate) usage: Usage,
    pub(crate) output_tokens: Option<Range<u32>>,
    pub(crate) total_tokens: Option<Range<u32>>,
}

/// Reads a `usage` object; anything else is skipped and is no usage.
pub(crate) fn read_usage(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Option<Counts>, Malformed> {
    let mut seen = Seen::default();
    let whole = scan.members(|scan, name| seen.member(scan, name, data))?;
    Ok(whole.map(|_| seen.counts(data)))
}

#[derive(Default)]
struct Seen {
    prompt: u64,
    cached: Option<u64>,
    /// DeepSeek's name for the cached part.
    cache_hit: u64,
    cache_written: u64,
    audio_in: u64,
    completion: Option<Value>,
    reasoning: u64,
    audio_out: u64,
    total: Option<Value>,
}

impl Seen {
    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"prompt_tokens_details" => {
                scan.members(|scan, name| self.prompt_detail(scan, name, data))?;
            }
            b"completion_tokens_details" => {
                scan.members(|scan, name| self.completion_detail(scan, name, data))?;
            }
            _ => {
                let value = scan.value()?;
                match name {
                    b"prompt_tokens" => self.prompt = value.u64(data).unwrap_or(0),
                    b"prompt_cache_hit_tokens" => self.cache_hit = value.u64(data).unwrap_or(0),
                    b"completion_tokens" => self.completion = Some(value),
                    b"total_tokens" => self.total = Some(value),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn prompt_detail(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        let count = scan.value()?.u64(data);
        match name {
            b"cached_tokens" => self.cached = count,
            b"cache_write_tokens" => self.cache_written = count.unwrap_or(0),
            b"audio_tokens" => self.audio_in = count.unwrap_or(0),
            _ => {}
        }
        Ok(())
    }

    fn completion_detail(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        let count = scan.value()?.u64(data).unwrap_or(0);
        match name {
            b"reasoning_tokens" => self.reasoning = count,
            b"audio_tokens" => self.audio_out = count,
            _ => {}
        }
        Ok(())
    }

    fn counts(&self, data: &[u8]) -> Counts {
        let read = |value: Option<Value>| value.and_then(|value| value.u64(data));
        let span = |value: Option<Value>| read(value).and(value).map(|value| value.range());
        let completion = read(self.completion).unwrap_or(0);
        let both = completion.saturating_add(self.reasoning);
        // Some servers count reasoning beside the completion; only their total shows it.
        let apart = read(self.total) == Some(self.prompt.saturating_add(both));
        let output = if apart { both } else { completion };
        let cached = self.cached.unwrap_or(self.cache_hit);
        let buckets = [cached, self.cache_written, self.audio_in];
        Counts {
            usage: Usage {
                input: buckets.iter().fold(self.prompt, |rest, part| rest.saturating_sub(*part)),
                cache_read: cached,
                cache_write_5m: self.cache_written,
                input_audio: self.audio_in,
                output: output.saturating_sub(self.audio_out),
                output_reasoning: self.reasoning,
                output_audio: self.audio_out,
                ..Usage::default()
            },
            output_tokens: span(self.completion),
            total_tokens: span(self.total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Usage) {
        let mut scan = Scanner::new(json.as_bytes()).unwrap();
        let counts = read_usage(&mut scan, json.as_bytes()).unwrap().unwrap();
        assert_eq!(counts.usage, expected);
    }

    #[test]
    fn buckets_inside_the_totals_are_taken_out() {
        check(
            r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,
                "prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":6},
                "completion_tokens_details":{"reasoning_tokens":192,"audio_tokens":8}}"#,
            Usage {
                input: 80,
                cache_read: 1_920,
                input_audio: 6,
                output: 292,
                output_reasoning: 192,
                output_audio: 8,
                ..Usage::default()
            },
        );
    }

    #[test]
    fn reasoning_that_is_counted_apart_is_output_too() {
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,
                "completion_tokens_details":{"reasoning_tokens":20}}"#,
            Usage { input: 10, output: 25, output_reasoning: 20, ..Usage::default() },
        );
    }

    #[test]
    fn cache_hits_go_by_two_names() {
        check(
            r#"{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}"#,
            Usage { input: 2, cache_read: 8, output: 1, ..Usage::default() },
        );
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        check(
            r#"{"prompt_tokens":1,"completion_tokens":18446744073709551615,
                "prompt_tokens_details":{"cached_tokens":7,"audio_tokens":null},
                "completion_tokens_details":{"reasoning_tokens":9}}"#,
            Usage { cache_read: 7, output: u64::MAX, output_reasoning: 9, ..Usage::default() },
        );
    }
}
