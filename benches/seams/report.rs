//! The counts as Markdown tables.

use std::fmt::Write as _;

use crate::tally::{LABELS, Score, Tally};

/// The tables and what they come to.
pub(crate) fn render(tally: &Tally, seed: u64) -> String {
    let mut text = format!("Seams: {} streams, each cut once; seed {seed}\n\n", tally.seams);
    labels(&mut text, tally);
    text.push('\n');
    habits(&mut text, tally);
    text.push('\n');
    genres(&mut text, tally);
    let ((lost, chars), (ambiguous, more)) = (tally.lost, tally.ambiguous);
    let _ = writeln!(
        text,
        "\nNew characters removed: {chars} in {lost} seams where the wire can tell, {more} in \
         {ambiguous} where it cannot."
    );
    text
}

fn labels(text: &mut String, tally: &Tally) {
    text.push_str("| label | said | right | precision | provable | found | recall |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
    for (label, score) in LABELS.iter().zip(&tally.scores) {
        let Score { said, right, provable, found } = *score;
        let _ = writeln!(
            text,
            "| {label} | {said} | {right} | {} | {provable} | {found} | {} |",
            percent(right, said),
            percent(found, provable)
        );
    }
}

fn habits(text: &mut String, tally: &Tally) {
    text.push_str(
        "| rung | the model | seams | exact | anchored | overlap | none | refused \
         | held | removed | lost | repeated | added |\n",
    );
    text.push_str("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for ((rung, habit), row) in &tally.rows {
        let labels: String = row.labels.iter().map(|count| format!(" {count} |")).collect();
        let _ = writeln!(
            text,
            "| {rung} | {} | {} |{labels} {} | {} | {} | {} | {} |",
            habit.name(),
            row.seams,
            // The mean of one seam.
            row.held.div_ceil(row.seams),
            row.removed,
            row.lost,
            row.duplicated,
            row.added
        );
    }
}

fn genres(text: &mut String, tally: &Tally) {
    text.push_str(
        "| text | seams | fragments repeated | joined without a trace | lost | repeated |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|--:|\n");
    for (genre, texts) in &tally.genres {
        let Score { provable, found, .. } = texts.anchors;
        let _ = writeln!(
            text,
            "| {} | {} | {provable} | {found} | {} | {} |",
            genre.name(),
            texts.seams,
            texts.lost,
            texts.duplicated
        );
    }
}

/// A share in hundredths of a percent, rounded down: what is not all is never 100 %.
fn percent(part: usize, whole: usize) -> String {
    match (part * 10_000).checked_div(whole) {
        Some(share) => format!("{}.{:02} %", share / 100, share % 100),
        None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_rounded_down() {
        assert_eq!(percent(2, 3), "66.66 %");
        assert_eq!(percent(99_999, 100_000), "99.99 %");
        assert_eq!(percent(3, 3), "100.00 %");
        assert_eq!(percent(0, 0), "-");
    }
}
