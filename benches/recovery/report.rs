//! The rows as a table, and what its columns are.

use benches::quantile;
use benches::table::{number, percent, render as table};

use crate::cell::Row;
use crate::scale::{Scale, TOKENS};

const HEAD: [&str; 10] = [
    "client",
    "breaks %",
    "broken %",
    "recovered %",
    "completed %",
    "truncated as success %",
    "median s",
    "p99 s",
    "billed/needed",
    "requests",
];

pub(crate) fn render(rows: &[Row], scale: &Scale) -> String {
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let about = format!(
        "{} streams each, {} at a time; an answer is {TOKENS} tokens and takes {:.1} s, {:.2} s of it \
         before the first.\n",
        scale.streams,
        scale.width.min(scale.streams),
        scale.answer().as_secs_f64(),
        scale.lead.as_secs_f64(),
    );
    format!("{about}\n{}", table(&HEAD, &cells))
}

fn cells(row: &Row) -> Vec<String> {
    let of = |part: usize, whole: usize| part as f64 / whole as f64;
    vec![
        row.policy.name().to_owned(),
        percent(f64::from(row.per_million) / 1e6, 1),
        percent(of(row.broken, row.streams), 1),
        percent(of(row.recovered, row.broken), 1),
        percent(of(row.whole, row.streams), 1),
        percent(of(row.false_success, row.streams), 1),
        number(quantile(&row.seconds, 0.5), 2),
        number(quantile(&row.seconds, 0.99), 2),
        number(row.billed as f64 / row.needed as f64, 3),
        number(row.requests as f64 / row.streams as f64, 3),
    ]
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::Policy;
    use crate::cell::Row;
    use crate::scale::Scale;

    #[test]
    fn a_row_says_what_part_came_out_and_what_it_cost() {
        let row = Row {
            policy: Policy::NoRetry,
            per_million: 28_000,
            streams: 200,
            broken: 10,
            recovered: 1,
            whole: 191,
            false_success: 3,
            seconds: vec![1.0, 2.0, 3.0],
            billed: 1_100,
            needed: 1_000,
            requests: 201,
        };
        let text = render(&[row], &Scale::FULL);
        let cells: Vec<_> = text.lines().last().expect("a row").split('|').map(str::trim).collect();
        let expected =
            ["no retry", "2.8", "5.0", "10.0", "95.5", "1.5", "2.00", "3.00", "1.100", "1.005"];
        assert_eq!(cells[1..11], expected, "{text}");
        assert!(
            text.starts_with("1000 streams each, 250 at a time; an answer is 200 tokens"),
            "{text}"
        );
    }
}
