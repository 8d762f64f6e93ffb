//! Token counts of Chat Completions, of the servers that imitate it, and of the Responses API.
//!
//! The input count contains what was read from or written to a cache and audio; the output count
//! contains reasoning and audio. Servers exist that count one or the other beside it; their
//! total shows it.

use super::count::Counter;
use super::whole::Whole;
use super::{Counts, Report};
use crate::Malformed;
use crate::json::{Scanner, Value};
use cost::Usage;

/// The names that the two APIs give the same counts.
pub(crate) struct Names {
    input: &'static str,
    input_details: &'static str,
    cached: &'static str,
    written: &'static str,
    input_audio: &'static str,
    output: &'static str,
    output_details: &'static str,
    reasoning: &'static str,
    output_audio: &'static str,
}

/// Source: <https://platform.openai.com/docs/api-reference/chat/object>.
pub(crate) const CHAT: Names = Names {
    input: "prompt_tokens",
    input_details: "prompt_tokens_details",
    cached: "prompt_tokens_details.cached_tokens",
    written: "prompt_tokens_details.cache_write_tokens",
    input_audio: "prompt_tokens_details.audio_tokens",
    output: "completion_tokens",
    output_details: "completion_tokens_details",
    reasoning: "completion_tokens_details.reasoning_tokens",
    output_audio: "completion_tokens_details.audio_tokens",
};

/// Source: <https://platform.openai.com/docs/api-reference/responses/object>.
pub(crate) const RESPONSES: Names = Names {
    input: "input_tokens",
    input_details: "input_tokens_details",
    cached: "input_tokens_details.cached_tokens",
    written: "input_tokens_details.cache_write_tokens",
    input_audio: "input_tokens_details.audio_tokens",
    output: "output_tokens",
    output_details: "output_tokens_details",
    reasoning: "output_tokens_details.reasoning_tokens",
    output_audio: "output_tokens_details.audio_tokens",
};

/// Reads a `usage` object; anything else is skipped and is no report.
pub(crate) fn read(
    scan: &mut Scanner<'_>,
    data: &[u8],
    names: &Names,
) -> Result<Option<Report>, Malformed> {
    let mut said = Said::default();
    let whole = scan.members(|scan, name| said.member(scan, name, data, names))?;
    Ok(whole.map(|_| said.report(data, names)))
}

/// The counts as they stand in the report.
#[derive(Default)]
struct Said {
    counter: Counter,
    input: Option<u64>,
    /// Tokens read from a cache. A name under which nothing is said may stand beside one that
    /// has the count, so the largest counts.
    cached: u64,
    /// DeepSeek says the input in two parts also:
    /// <https://api-docs.deepseek.com/api/create-chat-completion>.
    cache_hit: Option<u64>,
    cache_miss: Option<u64>,
    written: u64,
    input_audio: u64,
    output: Option<u64>,
    output_span: Option<Value>,
    reasoning: u64,
    output_audio: u64,
    total: Option<u64>,
    total_span: Option<Value>,
}

impl Said {
    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
        names: &Names,
    ) -> Result<(), Malformed> {
        // vLLM, llama.cpp and others say `null` for details that they do not have.
        if name == names.input_details.as_bytes() {
            scan.members(|scan, name| self.input_detail(scan, name, data, names))?;
            return Ok(());
        }
        if name == names.output_details.as_bytes() {
            scan.members(|scan, name| self.output_detail(scan, name, data, names))?;
            return Ok(());
        }
        let value = scan.value()?;
        let count = &mut self.counter;
        match name {
            _ if name == names.input.as_bytes() => {
                self.input = count.take(value, data, names.input);
            }
            _ if name == names.output.as_bytes() => {
                self.output = count.take(value, data, names.output);
                self.output_span = self.output.map(|_| value);
            }
            b"total_tokens" => {
                self.total = count.take(value, data, "total_tokens");
                self.total_span = self.total.map(|_| value);
            }
            b"prompt_cache_hit_tokens" => {
                self.cache_hit = count.take(value, data, "prompt_cache_hit_tokens");
            }
            b"prompt_cache_miss_tokens" => {
                self.cache_miss = count.take(value, data, "prompt_cache_miss_tokens");
            }
            // Moonshot: <https://platform.moonshot.ai/docs/api/chat>.
            b"cached_tokens" => {
                let cached = count.take(value, data, "cached_tokens");
                self.cached = self.cached.max(cached.unwrap_or(0));
            }
            _ => {}
        }
        Ok(())
    }

    fn input_detail(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
        names: &Names,
    ) -> Result<(), Malformed> {
        let value = scan.value()?;
        let mut count = |path| self.counter.take(value, data, path).unwrap_or(0);
        match name {
            b"cached_tokens" => self.cached = self.cached.max(count(names.cached)),
            // OpenAI from gpt-5.6 on: <https://platform.openai.com/docs/guides/prompt-caching>;
            // OpenRouter: <https://openrouter.ai/docs/use-cases/usage-accounting>.
            b"cache_write_tokens" => self.written = count(names.written),
            b"audio_tokens" => self.input_audio = count(names.input_audio),
            _ => {}
        }
        Ok(())
    }

    fn output_detail(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
        names: &Names,
    ) -> Result<(), Malformed> {
        let value = scan.value()?;
        let mut count = |path| self.counter.take(value, data, path).unwrap_or(0);
        match name {
            b"reasoning_tokens" => self.reasoning = count(names.reasoning),
            b"audio_tokens" => self.output_audio = count(names.output_audio),
            _ => {}
        }
        Ok(())
    }

    fn report(mut self, data: &[u8], names: &Names) -> Report {
        let usage = self.usage(names);
        let span =
            |value: Option<Value>| value.filter(|v| v.u64(data).is_some()).and_then(Value::span);
        let counts = Counts {
            usage,
            output_tokens: span(self.output_span),
            total_tokens: span(self.total_span),
        };
        Report { counts, counter: self.counter, iterations: Vec::new() }
    }

    fn usage(&mut self, names: &Names) -> Usage {
        let (input, output) = (self.input_tokens(names), self.output.unwrap_or(0));
        let both = input.saturating_add(output);
        let mut rest = Whole::new(input, self.total.map(|total| total.saturating_sub(both)));
        let input_audio = rest.part(self.input_audio);
        let cache_write_5m = rest.part(self.written);
        let cache_read = rest.part(self.cached.max(self.cache_hit.unwrap_or(0)));
        let mut spoken = self.output_tokens(output, rest.beside(), names);
        let output_audio = spoken.part(self.output_audio);
        Usage {
            input: rest.rest(),
            cache_read,
            cache_write_5m,
            cache_write_1h: 0,
            input_audio,
            output: spoken.rest(),
            output_reasoning: self.reasoning.min(spoken.rest()),
            output_audio,
            web_searches: 0,
        }
    }

    /// All input. Where only its parts or the total are said, what follows from them.
    fn input_tokens(&mut self, names: &Names) -> u64 {
        let parts = match (self.cache_hit, self.cache_miss) {
            (hit, Some(miss)) => Some(self.counter.sum(hit.unwrap_or(0), miss, names.input)),
            _ => None,
        };
        let left = || Some(self.total?.saturating_sub(self.output?));
        self.input.max(parts).or_else(left).unwrap_or(0)
    }

    /// All output. What the total has beyond all that is named is thinking that some servers
    /// count nowhere else, and billed as output.
    fn output_tokens(&mut self, output: u64, beyond: Option<u64>, names: &Names) -> Whole {
        let apart = if self.reasoning > output { self.reasoning } else { 0 };
        let output = self.counter.sum(output, beyond.unwrap_or(apart), names.output);
        Whole::new(output, self.total.map(|_| 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_chat(json: &str) -> Report {
        let mut scan = Scanner::new(json.as_bytes()).unwrap();
        let report = read(&mut scan, json.as_bytes(), &CHAT).unwrap().unwrap();
        scan.finish().unwrap();
        report
    }

    #[track_caller]
    fn check(json: &str, expected: Usage) {
        assert_eq!(read_chat(json).counts.usage, expected);
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
        let apart = Usage { input: 10, output: 25, output_reasoning: 20, ..Usage::default() };
        let total = r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,
            "completion_tokens_details":{"reasoning_tokens":20}}"#;
        check(total, apart);
        check(&total.replace(r#""total_tokens":35,"#, ""), apart);
        check(
            r#"{"prompt_tokens":10,"completion_tokens":50,"total_tokens":80,
                "completion_tokens_details":{"reasoning_tokens":20}}"#,
            Usage { input: 10, output: 70, output_reasoning: 20, ..Usage::default() },
        );
    }

    #[test]
    fn tokens_that_only_the_total_has_are_output() {
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":40}"#,
            Usage { input: 10, output: 30, ..Usage::default() },
        );
        check(r#"{"total_tokens":40}"#, Usage { output: 40, ..Usage::default() });
        check(
            r#"{"total_tokens":40,"completion_tokens":15}"#,
            Usage { input: 25, output: 15, ..Usage::default() },
        );
    }

    #[test]
    fn cache_hits_go_by_several_names() {
        let read = Usage { input: 2, cache_read: 8, output: 1, ..Usage::default() };
        let hits = r#""prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2"#;
        check(&format!(r#"{{"completion_tokens":1,{hits}}}"#), read);
        check(&format!(r#"{{"prompt_tokens":10,"completion_tokens":1,{hits}}}"#), read);
        check(
            r#"{"prompt_tokens":10,"completion_tokens":1,"cached_tokens":8,
                "prompt_tokens_details":{"cached_tokens":0}}"#,
            read,
        );
    }

    #[test]
    fn cached_tokens_beside_the_prompt_are_not_lost() {
        check(
            r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":12,
                "prompt_tokens_details":{"cached_tokens":7}}"#,
            Usage { input: 3, cache_read: 7, output: 2, ..Usage::default() },
        );
        check(
            r#"{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,
                "prompt_tokens_details":{"cached_tokens":7}}"#,
            Usage { cache_read: 3, output: 2, ..Usage::default() },
        );
    }

    #[test]
    fn cached_audio_is_billed_once_as_audio() {
        check(
            r#"{"prompt_tokens":100,"prompt_tokens_details":{"cached_tokens":80,"audio_tokens":60}}"#,
            Usage { cache_read: 40, input_audio: 60, ..Usage::default() },
        );
    }

    #[test]
    fn null_and_odd_counts_are_left_out_and_remembered() {
        let report = read_chat(
            r#"{"prompt_tokens":4,"completion_tokens":null,"prompt_tokens_details":null,
                "completion_tokens_details":{"reasoning_tokens":-4}}"#,
        );
        assert_eq!(report.counts.usage, Usage { input: 4, ..Usage::default() });
        let (path, _) = report.counter.bad.unwrap();
        assert_eq!(path, "completion_tokens_details.reasoning_tokens");
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        check(
            r#"{"prompt_tokens":1,"completion_tokens":18446744073709551615,
                "prompt_tokens_details":{"cached_tokens":7,"audio_tokens":null},
                "completion_tokens_details":{"reasoning_tokens":9}}"#,
            Usage {
                input: 1,
                cache_read: 7,
                output: u64::MAX,
                output_reasoning: 9,
                ..Usage::default()
            },
        );
    }

    fn counts() -> impl Strategy<Value = u64> {
        prop_oneof![0..20u64, 0..20_000u64]
    }

    proptest! {
        #[test]
        fn buckets_add_up_to_the_total(
            (input, output) in (counts(), counts()),
            (cached, written, audio) in (counts(), counts(), counts()),
            (reasoning, spoken) in (counts(), counts()),
            beyond in counts(),
        ) {
            let total = (input + output + beyond).saturating_sub(10);
            let json = format!(
                r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},
                    "prompt_tokens_details":{{"cached_tokens":{cached},"cache_write_tokens":{written},"audio_tokens":{audio}}},
                    "completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":{spoken}}}}}"#
            );
            let usage = read_chat(&json).counts.usage;
            let sum = usage.input_total().unwrap() + usage.output + usage.output_audio;
            prop_assert_eq!(sum, total.max(input + output));
            prop_assert!(usage.output_reasoning <= usage.output);
            let json = json.replace(&format!(r#","total_tokens":{total}"#), "");
            let usage = read_chat(&json).counts.usage;
            prop_assert!(usage.input_total().unwrap() >= input);
            prop_assert!(usage.output + usage.output_audio >= output);
            prop_assert!(usage.output_reasoning <= usage.output);
        }
    }
}
