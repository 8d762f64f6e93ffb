//! Token counts of the Anthropic Messages wire.
//!
//! The input count excludes what was read from or written to a cache, so the buckets are
//! disjoint as they come.

use crate::Malformed;
use crate::json::Scanner;
use cost::Usage;
use std::ops::Range;

/// Counts of one event and where the output count lies.
pub(crate) struct Counts {
    pub(crate) usage: Usage,
    pub(crate) output_tokens: Option<Range<u32>>,
}

/// Reads a `usage` object; anything else is skipped and is no usage.
pub(crate) fn read_usage(scan: &mut Scanner<'_>, data: &[u8]) -> Result<Option<Counts>, Malformed> {
    let mut counts = Counts { usage: Usage::default(), output_tokens: None };
    let usage = &mut counts.usage;
    let mut cache_written = 0;
    let whole = scan.members(|scan, name| {
        match name {
            b"input_tokens" => usage.input = read_count(scan, data)?,
            b"cache_read_input_tokens" => usage.cache_read = read_count(scan, data)?,
            b"cache_creation_input_tokens" => cache_written = read_count(scan, data)?,
            b"cache_creation" => read_split(scan, data, usage)?,
            b"server_tool_use" => usage.web_searches = read_searches(scan, data)?,
            b"output_tokens" => {
                let value = scan.value()?;
                usage.output = value.u64(data).unwrap_or(0);
                counts.output_tokens = value.u64(data).map(|_| value.range());
            }
            _ => {
                scan.value()?;
            }
        }
        Ok(())
    })?;
    // Without a split everything written lives 5 minutes, the provider's default.
    usage.cache_write_5m =
        usage.cache_write_5m.max(cache_written.saturating_sub(usage.cache_write_1h));
    Ok(whole.map(|_| counts))
}

fn read_split(scan: &mut Scanner<'_>, data: &[u8], usage: &mut Usage) -> Result<(), Malformed> {
    scan.members(|scan, name| {
        let count = read_count(scan, data)?;
        match name {
            b"ephemeral_5m_input_tokens" => usage.cache_write_5m = count,
            b"ephemeral_1h_input_tokens" => usage.cache_write_1h = count,
            _ => {}
        }
        Ok(())
    })?;
    Ok(())
}

fn read_searches(scan: &mut Scanner<'_>, data: &[u8]) -> Result<u64, Malformed> {
    let mut searches = 0;
    scan.members(|scan, name| {
        let count = read_count(scan, data)?;
        if name == b"web_search_requests" {
            searches = count;
        }
        Ok(())
    })?;
    Ok(searches)
}

fn read_count(scan: &mut Scanner<'_>, data: &[u8]) -> Result<u64, Malformed> {
    Ok(scan.value()?.u64(data).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Usage) {
        let mut scan = Scanner::new(json.as_bytes()).unwrap();
        let counts = read_usage(&mut scan, json.as_bytes()).unwrap().unwrap();
        assert_eq!(counts.usage, expected);
        scan.finish().unwrap();
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
    fn null_and_odd_counts_are_left_out() {
        check(
            r#"{"input_tokens":null,"cache_read_input_tokens":"9","output_tokens":-4}"#,
            Usage::default(),
        );
    }
}
