//! Token counts of the Anthropic Messages API.
//!
//! The input count excludes what was read from or written to a cache, so the buckets are
//! disjoint as they come. Source: <https://docs.anthropic.com/en/api/messages>.

use super::count::Counter;
use super::{Counts, Iteration, Report};
use crate::Malformed;
use crate::json::{Scanner, Value};
use cost::Usage;

/// Reads a `usage` object; anything else is skipped and is no report.
pub(crate) fn read(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Option<Report>, Malformed> {
    let mut said = Said::default();
    let whole = scan.members(|scan, name| said.member(scan, name, data))?;
    Ok(whole.map(|_| said.report(data)))
}

/// The counts as they stand in the report.
#[derive(Default)]
struct Said {
    counter: Counter,
    usage: Usage,
    cache_written: u64,
    output: Option<Value>,
    iterations: Vec<Iteration>,
    kind: Option<Value>,
    model: Option<Value>,
}

impl Said {
    fn member(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        match name {
            b"cache_creation" => {
                scan.members(|scan, name| self.split(scan, name, data))?;
            }
            b"server_tool_use" => {
                scan.members(|scan, name| self.server_tool(scan, name, data))?;
            }
            b"output_tokens_details" => {
                scan.members(|scan, name| self.output_detail(scan, name, data))?;
            }
            b"iterations" => self.iterations(scan, data)?,
            _ => {
                let value = scan.value()?;
                self.count(value, name, data);
            }
        }
        Ok(())
    }

    fn count(&mut self, value: Value, name: &[u8], data: &[u8]) {
        let mut count = |path| self.counter.take(value, data, path).unwrap_or(0);
        match name {
            b"input_tokens" => self.usage.input = count("input_tokens"),
            b"output_tokens" => {
                self.usage.output = count("output_tokens");
                self.output = Some(value);
            }
            b"cache_read_input_tokens" => self.usage.cache_read = count("cache_read_input_tokens"),
            b"cache_creation_input_tokens" => {
                self.cache_written = count("cache_creation_input_tokens");
            }
            b"type" => self.kind = Some(value),
            b"model" => self.model = Some(value),
            _ => {}
        }
    }

    fn split(&mut self, scan: &mut Scanner<'_>, name: &[u8], data: &[u8]) -> Result<(), Malformed> {
        let value = scan.value()?;
        let mut count = |path| self.counter.take(value, data, path).unwrap_or(0);
        match name {
            b"ephemeral_5m_input_tokens" => {
                self.usage.cache_write_5m = count("cache_creation.ephemeral_5m_input_tokens");
            }
            b"ephemeral_1h_input_tokens" => {
                self.usage.cache_write_1h = count("cache_creation.ephemeral_1h_input_tokens");
            }
            _ => {}
        }
        Ok(())
    }

    fn server_tool(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        let value = scan.value()?;
        if name == b"web_search_requests" {
            let path = "server_tool_use.web_search_requests";
            self.usage.web_searches = self.counter.take(value, data, path).unwrap_or(0);
        }
        Ok(())
    }

    /// Thinking is part of the output count.
    fn output_detail(
        &mut self,
        scan: &mut Scanner<'_>,
        name: &[u8],
        data: &[u8],
    ) -> Result<(), Malformed> {
        let value = scan.value()?;
        if name == b"thinking_tokens" {
            let path = "output_tokens_details.thinking_tokens";
            self.usage.output_reasoning = self.counter.take(value, data, path).unwrap_or(0);
        }
        Ok(())
    }

    /// What each call of a model inside one request used.
    fn iterations(&mut self, scan: &mut Scanner<'_>, data: &[u8]) -> Result<(), Malformed> {
        if !scan.array()? {
            return Ok(());
        }
        while scan.item()? {
            let mut said = Self::default();
            scan.members(|scan, name| {
                // They do not nest.
                if name == b"iterations" {
                    scan.value()?;
                    return Ok(());
                }
                said.member(scan, name, data)
            })?;
            let (kind, model) = (said.kind, said.model);
            let report = said.report(data);
            self.counter.bad = self.counter.bad.or(report.counter.bad);
            self.iterations.push(Iteration { kind, model, usage: report.counts.usage });
        }
        Ok(())
    }

    fn report(mut self, data: &[u8]) -> Report {
        let usage = &mut self.usage;
        // Without a split everything written lives 5 minutes, the provider's default. A split
        // that has less than the total leaves the rest to it too; one that has more is kept.
        let rest = self.cache_written.saturating_sub(usage.cache_write_1h);
        usage.cache_write_5m = usage.cache_write_5m.max(rest);
        usage.output = usage.output.max(usage.output_reasoning);
        let answering = answering(&self.iterations, data);
        for iteration in &self.iterations {
            if iteration.beside(answering, data) {
                match usage.checked_add(&iteration.usage) {
                    Ok(sum) => *usage = sum,
                    Err(_) => self.counter.too_large("iterations"),
                }
            }
        }
        let output = self.output.filter(|output| output.u64(data).is_some());
        let counts = Counts {
            usage: self.usage,
            output_tokens: output.and_then(Value::span),
            total_tokens: None,
        };
        Report { counts, counter: self.counter, iterations: self.iterations }
    }
}

/// The model whose calls the counts of the whole report are of, when the iterations name it:
/// that of the last one that answers.
pub(crate) fn answering(iterations: &[Iteration], data: &[u8]) -> Option<Value> {
    iterations.iter().rev().find(|iteration| iteration.answers(data))?.model(data)
}

impl Iteration {
    /// Whether it is a call that the report's own counts contain when it is of the same model.
    /// They contain no others, such as compaction:
    /// <https://platform.claude.com/docs/en/build-with-claude/compaction>.
    fn answers(&self, data: &[u8]) -> bool {
        self.kind
            .is_none_or(|kind| kind.says(data, "message") || kind.says(data, "fallback_message"))
    }

    fn model(&self, data: &[u8]) -> Option<Value> {
        self.model.filter(|model| model.text(data).is_some())
    }

    /// The model, when it is another than the one that answers.
    pub(crate) fn other_model(&self, answering: Option<Value>, data: &[u8]) -> Option<Value> {
        let text = |value: Option<Value>| value.and_then(|value| value.text(data));
        self.model(data).filter(|_| text(self.model) != text(answering))
    }

    /// Whether it is billed like the report's own counts, which do not contain it.
    fn beside(&self, answering: Option<Value>, data: &[u8]) -> bool {
        !self.answers(data) && self.other_model(answering, data).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_usage(json: &str) -> Report {
        let mut scan = Scanner::new(json.as_bytes()).unwrap();
        let report = read(&mut scan, json.as_bytes()).unwrap().unwrap();
        scan.finish().unwrap();
        report
    }

    #[track_caller]
    fn check(json: &str, expected: Usage) {
        assert_eq!(read_usage(json).counts.usage, expected);
    }

    #[test]
    fn cache_writes_are_split_by_how_long_they_live() {
        check(
            r#"{"input_tokens":25,"cache_creation_input_tokens":456,"cache_read_input_tokens":2051,
                "cache_creation":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":56},
                "output_tokens":3,"server_tool_use":{"web_search_requests":2}}"#,
            Usage {
                input: 25,
                cache_read: 2_051,
                cache_write_5m: 400,
                cache_write_1h: 56,
                output: 3,
                web_searches: 2,
                ..Usage::default()
            },
        );
    }

    #[test]
    fn cache_writes_without_a_split_live_five_minutes() {
        check(
            r#"{"cache_creation_input_tokens":7,"cache_creation":null,"output_tokens":1}"#,
            Usage { cache_write_5m: 7, output: 1, ..Usage::default() },
        );
    }

    #[test]
    fn a_split_and_a_total_that_disagree_bill_the_larger() {
        let split =
            r#""cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5}"#;
        let written =
            |five, hour| Usage { cache_write_5m: five, cache_write_1h: hour, ..Usage::default() };
        check(&format!("{{{split}}}"), written(4, 5));
        check(&format!(r#"{{"cache_creation_input_tokens":12,{split}}}"#), written(7, 5));
        check(&format!(r#"{{{split},"cache_creation_input_tokens":6}}"#), written(4, 5));
    }

    #[test]
    fn thinking_is_inside_the_output() {
        let details = r#""output_tokens_details":{"thinking_tokens":35}"#;
        let usage = |output| Usage { output, output_reasoning: 35, ..Usage::default() };
        check(&format!(r#"{{"output_tokens":41,{details}}}"#), usage(41));
        check(&format!(r#"{{"output_tokens":1,{details}}}"#), usage(35));
    }

    #[test]
    fn calls_that_the_counts_leave_out_are_added() {
        check(
            r#"{"input_tokens":23000,"output_tokens":1000,"iterations":[
                {"type":"compaction","input_tokens":180000,"output_tokens":3500},
                {"type":"message","input_tokens":23000,"output_tokens":1000}]}"#,
            Usage { input: 203_000, output: 4_500, ..Usage::default() },
        );
    }

    #[test]
    fn calls_of_other_models_are_not_billed_as_this_one() {
        let own = Usage { input: 412, output: 264, ..Usage::default() };
        check(
            r#"{"input_tokens":412,"output_tokens":264,"iterations":[
                {"type":"message","model":"a","input_tokens":408,"output_tokens":0},
                {"type":"fallback_message","model":"b","input_tokens":412,"output_tokens":264}]}"#,
            own,
        );
        check(
            r#"{"input_tokens":412,"output_tokens":264,"iterations":[
                {"type":"message","model":null,"input_tokens":412,"output_tokens":264},
                {"type":"advisor_message","model":"b","input_tokens":9,"output_tokens":9}]}"#,
            own,
        );
    }

    #[test]
    fn null_and_odd_counts_are_left_out_and_remembered() {
        let report = read_usage(
            r#"{"input_tokens":null,"cache_read_input_tokens":"9","output_tokens":-4,
                "cache_creation":7,"server_tool_use":[],"iterations":{}}"#,
        );
        assert_eq!(report.counts.usage, Usage::default());
        assert_eq!(report.counter.bad.unwrap().0, "cache_read_input_tokens");
        assert!(!report.counter.any);
    }

    #[test]
    fn iterations_too_large_to_add_are_remembered() {
        let report = read_usage(
            r#"{"input_tokens":18446744073709551615,"iterations":[{"type":"compaction","input_tokens":1}]}"#,
        );
        assert_eq!(report.counter.bad.unwrap().0, "iterations");
    }
}
