//! The rows as a table, and what its columns are.

use benches::table::{number, percent, render as table};

use crate::run::{ENDPOINTS, LATE_BY, LATE_PER_MILLION, LEAD, Row, WIDTH};

const HEAD: [&str; 8] =
    ["client", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "more requests %", "copies won %", "wrong"];

pub(crate) fn render(rows: &[&Row]) -> String {
    let cells: Vec<_> = rows.iter().map(|row| cells(row)).collect();
    let streams = rows.first().map_or(0, |row| row.streams);
    let about = format!(
        "{streams} streams each, {WIDTH} at a time, at {ENDPOINTS} endpoints; a first token takes {} ms, and \
         {} % of them {} ms more. The times are those to the first token.\n",
        LEAD.as_millis(),
        percent(f64::from(LATE_PER_MILLION) / 1e6, 0),
        LATE_BY.as_millis(),
    );
    format!("{about}\n{}", table(&HEAD, &cells))
}

fn cells(row: &Row) -> Vec<String> {
    let millis = |quantile| number(row.at(quantile) * 1e3, 0);
    vec![
        row.name.to_owned(),
        millis(0.5),
        millis(0.9),
        millis(0.95),
        millis(0.99),
        percent(row.more(), 2),
        percent(row.won as f64 / row.streams as f64, 2),
        row.wrong.to_string(),
    ]
}
