//! Token counts of Gemini, on the Gemini API and on Vertex AI.
//!
//! The prompt count contains what was read from a cache. Thinking, and what tools put into the
//! prompt, are counted beside the prompt and the candidates.
//! Source: <https://ai.google.dev/api/generate-content#UsageMetadata>.

use super::count::Counter;
use super::whole::Whole;
use super::{Counts, Report};
use crate::Malformed;
use crate::json::{Scanner, Value};
use cost::Usage;

/// Reads a `usageMetadata` object; anything else is skipped and is no report.
pub(crate) fn read(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Option<Report>, Malformed> {
    let mut said = Said::default();
    let whole = scan.members(|scan, name| said.member(scan, name, data))?;
    let report = |mut said: Said| {
        let span = |value: Option<Value>| value.and_then(Value::span);
        let counts = Counts {
            usage: said.usage(),
            output_tokens: span(said.candidates_span),
            total_tokens: span(said.total_span),
        };
        Report { counts, counter: said.counter, iterations: Vec::new() }
    };
    Ok(whole.map(|_| report(said)))
}

/// The counts as they stand in the report.
#[derive(Default)]
struct Said {
    counter: Counter,
    prompt: u64,
    prompt_audio: u64,
    cached: u64,
    cached_audio: u64,
    tool_use: u64,
    tool_use_audio: u64,
    candidates: u64,
    candidates_audio: u64,
    thoughts: u64,
    total: Option<u64>,
    candidates_span: Option<Value>,
    total_span: Option<Value>,
}

impl Said {
    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        let audio = match name {
            b"promptTokensDetails" => &mut self.prompt_audio,
            b"cacheTokensDetails" => &mut self.cached_audio,
            b"toolUsePromptTokensDetails" => &mut self.tool_use_audio,
            b"candidatesTokensDetails" => &mut self.candidates_audio,
            _ => {
                let value = scan.value()?;
                self.count(value, name, data);
                return Ok(());
            }
        };
        *audio = read_audio(scan, data, &mut self.counter)?;
        Ok(())
    }

    fn count(&mut self, value: Value, name: &[u8], data: &[u8]) {
        let mut count = |path| self.counter.take(value, data, path);
        match name {
            b"promptTokenCount" => self.prompt = count("promptTokenCount").unwrap_or(0),
            b"cachedContentTokenCount" => {
                self.cached = count("cachedContentTokenCount").unwrap_or(0);
            }
            b"toolUsePromptTokenCount" => {
                self.tool_use = count("toolUsePromptTokenCount").unwrap_or(0);
            }
            b"candidatesTokenCount" => {
                self.candidates = count("candidatesTokenCount").unwrap_or(0);
                self.candidates_span = Some(value);
            }
            b"thoughtsTokenCount" => self.thoughts = count("thoughtsTokenCount").unwrap_or(0),
            b"totalTokenCount" => {
                self.total = count("totalTokenCount");
                self.total_span = Some(value);
            }
            _ => {}
        }
    }

    fn usage(&mut self) -> Usage {
        let named = self.prompt.saturating_add(self.tool_use).saturating_add(self.candidates);
        let beside = self.total.map(|total| total.saturating_sub(named));
        let mut prompt = Whole::new(self.prompt, beside);
        // Audio that came out of the cache is cached.
        let cached_audio = self.cached_audio.min(self.cached);
        let prompt_audio = prompt.part(self.prompt_audio.saturating_sub(cached_audio));
        let cache_read = prompt.part(self.cached);
        let mut tool_use = Whole::new(self.tool_use, Some(0));
        let tool_use_audio = tool_use.part(self.tool_use_audio);
        let mut spoken = Whole::new(self.output(prompt.beside()), Some(0));
        let output_audio = spoken.part(self.candidates_audio);
        let (count, path) = (&mut self.counter, "toolUsePromptTokenCount");
        Usage {
            input: count.sum(prompt.rest(), tool_use.rest(), path),
            cache_read,
            input_audio: count.sum(prompt_audio, tool_use_audio, path),
            output: spoken.rest(),
            output_reasoning: self.thoughts.min(spoken.rest()),
            output_audio,
            ..Usage::default()
        }
    }

    /// All output. Thinking lies beside the candidates, unless the total has room for none and
    /// the candidates have: some answers of Vertex AI count it inside.
    fn output(&mut self, beyond: Option<u64>) -> u64 {
        let apart = match beyond {
            Some(0) if self.thoughts <= self.candidates => 0,
            beyond => self.thoughts.max(beyond.unwrap_or(0)),
        };
        self.counter.sum(self.candidates, apart, "thoughtsTokenCount")
    }
}

/// The tokens of audio in a list of counts by modality.
fn read_audio(
    scan: &mut Scanner<'_>,
    data: &[u8],
    counter: &mut Counter,
) -> Result<u64, Malformed> {
    let path = "tokenCount";
    let mut audio = 0;
    if !scan.array()? {
        return Ok(audio);
    }
    while scan.item()? {
        let (mut is_audio, mut tokens) = (false, None);
        scan.members(|scan, name| {
            let value = scan.value()?;
            match name {
                b"modality" => is_audio = value.says(data, "AUDIO"),
                b"tokenCount" => tokens = counter.take(value, data, path),
                _ => {}
            }
            Ok(())
        })?;
        if is_audio {
            audio = counter.sum(audio, tokens.unwrap_or(0), path);
        }
    }
    Ok(audio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(json: &str, expected: Usage) {
        assert_eq!(read_usage(json), expected);
    }

    fn read_usage(json: &str) -> Usage {
        let mut scan = Scanner::new(json.as_bytes()).unwrap();
        let report = read(&mut scan, json.as_bytes()).unwrap().unwrap();
        scan.finish().unwrap();
        report.counts.usage
    }

    #[test]
    fn cached_tokens_are_inside_the_prompt() {
        check(
            r#"{"promptTokenCount":16000,"cachedContentTokenCount":5200,
                "candidatesTokenCount":300,"totalTokenCount":16300}"#,
            Usage { input: 10_800, cache_read: 5_200, output: 300, ..Usage::default() },
        );
    }

    #[test]
    fn thinking_and_tool_use_are_beside_what_they_belong_to() {
        let usage = Usage { input: 13, output: 12, output_reasoning: 7, ..Usage::default() };
        let counts = r#""promptTokenCount":10,"toolUsePromptTokenCount":3,
            "candidatesTokenCount":5,"thoughtsTokenCount":7"#;
        check(&format!("{{{counts}}}"), usage);
        check(&format!(r#"{{{counts},"totalTokenCount":25}}"#), usage);
        // A total that leaves out what tools put in makes nothing cheaper.
        check(&format!(r#"{{{counts},"totalTokenCount":22}}"#), usage);
    }

    #[test]
    fn thinking_is_inside_the_candidates_where_the_total_says_so() {
        check(
            r#"{"promptTokenCount":10,"candidatesTokenCount":50,"thoughtsTokenCount":7,"totalTokenCount":60}"#,
            Usage { input: 10, output: 50, output_reasoning: 7, ..Usage::default() },
        );
        check(
            r#"{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":15}"#,
            Usage { input: 10, output: 12, output_reasoning: 7, ..Usage::default() },
        );
    }

    #[test]
    fn audio_is_told_by_modality_and_cached_audio_is_cached() {
        check(
            r#"{"promptTokenCount":100,"cachedContentTokenCount":30,"candidatesTokenCount":20,"totalTokenCount":120,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":40},{"modality":"AUDIO","tokenCount":60}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":25},{"modality":"TEXT","tokenCount":5}],
                "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":15},{"modality":"TEXT","tokenCount":5}]}"#,
            Usage {
                input: 35,
                cache_read: 30,
                input_audio: 35,
                output: 5,
                output_audio: 15,
                ..Usage::default()
            },
        );
    }

    proptest! {
        #[test]
        fn buckets_add_up_to_no_less_than_the_total(
            (prompt, cached, tools) in (0..50u64, 0..50u64, 0..9u64),
            (candidates, thoughts) in (0..50u64, 0..50u64),
            (heard, cached_heard, spoken) in (0..50u64, 0..50u64, 0..50u64),
            total in 0..200u64,
        ) {
            let json = |total: u64| format!(
                r#"{{"promptTokenCount":{prompt},"cachedContentTokenCount":{cached},
                    "toolUsePromptTokenCount":{tools},"candidatesTokenCount":{candidates},
                    "thoughtsTokenCount":{thoughts},"totalTokenCount":{total},
                    "promptTokensDetails":[{{"modality":"AUDIO","tokenCount":{heard}}}],
                    "cacheTokensDetails":[{{"modality":"AUDIO","tokenCount":{cached_heard}}}],
                    "candidatesTokensDetails":[{{"modality":"AUDIO","tokenCount":{spoken}}}]}}"#
            );
            let sum = |usage: Usage| {
                usage.input_total().unwrap() + usage.output + usage.output_audio
            };
            let usage = read_usage(&json(total));
            prop_assert!(sum(usage) >= total);
            prop_assert!(usage.input_total().unwrap() >= prompt + tools);
            prop_assert!(usage.output_reasoning <= usage.output);
            if cached <= prompt && heard <= prompt {
                let documented = prompt + tools + candidates + thoughts;
                prop_assert_eq!(sum(read_usage(&json(documented))), documented);
            }
        }
    }
}
