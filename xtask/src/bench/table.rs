//! Measurements as a Markdown table with aligned columns.
//!
//! Three digits each: more would claim what a shared machine cannot give.

use super::measurement::{Measurement, Work};

/// One row per bench, in the order given.
pub(super) fn render(measurements: &[Measurement]) -> String {
    let mut rows = vec![["bench".to_owned(), "median".to_owned(), "throughput".to_owned()]];
    rows.extend(measurements.iter().map(|measurement| {
        let throughput = throughput(measurement).unwrap_or_default();
        [measurement.name.clone(), time(measurement.median_ns), throughput]
    }));
    let widths = [0, 1, 2]
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let [name, median, rate] = widths;
    let dashes = |count: usize| "-".repeat(count);
    let rule = format!("|{}|{}:|{}:|\n", dashes(name + 2), dashes(median + 1), dashes(rate + 1));
    let mut lines =
        rows.iter().map(|[a, b, c]| format!("| {a:<name$} | {b:>median$} | {c:>rate$} |\n"));
    let head = lines.next().unwrap_or_default();
    head + &rule + &lines.collect::<String>()
}

pub(super) fn time(nanoseconds: f64) -> String {
    let scale = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")];
    let found = scale.iter().find(|(size, _)| nanoseconds >= *size);
    let (size, unit) = found.copied().unwrap_or((1.0, "ns"));
    format!("{} {unit}", three_digits(nanoseconds / size))
}

fn throughput(measurement: &Measurement) -> Option<String> {
    let per_second = measurement.per_second()?;
    let scale = match measurement.work? {
        Work::Bytes(_) => [(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (0.0, "B/s")],
        Work::Elements(_) => [(1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (0.0, "/s")],
    };
    let (size, unit) = *scale.iter().find(|(size, _)| per_second >= *size)?;
    Some(format!("{} {unit}", three_digits(per_second / size.max(1.0))))
}

pub(super) fn three_digits(number: f64) -> String {
    let decimals = match number {
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::{Measurement, Work, render, three_digits};

    fn row(name: &str, median_ns: f64, work: Option<Work>) -> Measurement {
        Measurement { name: name.into(), median_ns, low_ns: 0.0, high_ns: 0.0, work }
    }

    #[test]
    fn times_and_rates_have_units_and_columns_align() {
        let rows = [
            row("a", 12.345, None),
            row("sse/decode", 1_500.0, Some(Work::Bytes(3_000))),
            row("b", 2e9, Some(Work::Elements(10))),
        ];
        let expected = "\
| bench      |  median | throughput |
|------------|--------:|-----------:|
| a          | 12.3 ns |            |
| sse/decode | 1.50 µs |  2.00 GB/s |
| b          |  2.00 s |    5.00 /s |
";
        assert_eq!(render(&rows), expected);
    }

    #[test]
    fn numbers_keep_three_digits() {
        for (number, text) in [(1.0, "1.00"), (9.999, "10.0"), (99.99, "100"), (1234.5, "1234")] {
            assert_eq!(three_digits(number), text);
        }
    }
}
