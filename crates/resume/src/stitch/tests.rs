//! The rules of the seam, one by one. Each continuation arrives a character at a time, since
//! every cut must decide the same.

use super::*;

const TEXT: &str =
    "The lighthouse keeper climbed the stairs every evening and lit the lamp by hand";

/// Feeds `continuation` a character at a time and returns the joined text and the label.
#[track_caller]
fn join_all(
    mut stitch: Stitch,
    text: &str,
    sent: usize,
    continuation: &str,
) -> (String, SeamLabel) {
    let shown = Shown { text, sent };
    let mut held = String::new();
    let mut chars = continuation.chars();
    let (dropped, label) = loop {
        let Some(c) = chars.next() else {
            match stitch.finish(shown) {
                Step::Join { drop, label } => break (drop, label),
                other => panic!("{other:?}"),
            }
        };
        held.push(c);
        match stitch.push(shown, c.encode_utf8(&mut [0; 4])) {
            Step::Hold => {}
            Step::Eat(bytes) => drop(held.drain(..bytes)),
            Step::Join { drop, label } => break (drop, label),
            Step::Diverged => panic!("diverged at {held:?}"),
        }
    };
    (format!("{text}{}{}", &held[dropped..], chars.as_str()), label)
}

#[track_caller]
fn check_instruct(text: &str, continuation: &str, expected: &str, label: SeamLabel) {
    let sent = crate::partial::sendable_len(text);
    let stitch = Stitch::instruct(anchor::choose(&text[..sent]), Restarts::Compared);
    assert_eq!(join_all(stitch, text, sent, continuation), (format!("{text}{expected}"), label));
}

fn anchor_of(text: &str) -> &str {
    &text[anchor::choose(text).unwrap()..]
}

#[test]
fn prefill_goes_on_at_the_cut() {
    let joined = join_all(Stitch::prefill(), TEXT, TEXT.len(), ", alone.");
    assert_eq!(joined, (format!("{TEXT}, alone."), SeamLabel::Exact));
}

#[test]
fn white_space_that_was_cut_off_comes_again_and_is_dropped() {
    let text = "word \n ";
    let joined = join_all(Stitch::prefill(), text, 4, " \n  next");
    assert_eq!(joined, ("word \n  next".into(), SeamLabel::Exact));
}

#[test]
fn white_space_that_does_not_come_again_stays_shown() {
    let joined = join_all(Stitch::prefill(), "word ", 4, "next");
    assert_eq!(joined, ("word next".into(), SeamLabel::None));
}

#[test]
fn an_echoed_prefill_is_dropped_whole() {
    let joined = join_all(Stitch::echoed_prefill(), "One two ", 7, "One two three");
    assert_eq!(joined, ("One two three".into(), SeamLabel::Exact));
    let joined = join_all(Stitch::echoed_prefill(), "One two ", 7, " three");
    assert_eq!(joined, ("One two three".into(), SeamLabel::Exact));
}

#[test]
fn a_repeated_anchor_is_cut_off() {
    let echo = format!("{} until dawn.", anchor_of(TEXT));
    check_instruct(TEXT, &echo, " until dawn.", SeamLabel::Anchored);
}

#[test]
fn a_model_that_goes_on_at_the_cut_loses_nothing() {
    check_instruct(TEXT, " until dawn.", " until dawn.", SeamLabel::None);
}

#[test]
fn the_tail_after_an_anchor_is_dropped_too() {
    let text = format!("{TEXT}  ");
    let echo = format!("{}   until dawn.", anchor_of(TEXT));
    check_instruct(&text, &echo, " until dawn.", SeamLabel::Anchored);
}

#[test]
fn a_preamble_before_the_anchor_is_dropped() {
    let echo = format!("Sure, continuing from there:\n\n{} until dawn.", anchor_of(TEXT));
    check_instruct(TEXT, &echo, " until dawn.", SeamLabel::Anchored);
}

#[test]
fn words_like_a_preamble_are_kept_without_an_anchor() {
    let more =
        "Here the story ends, and nobody ever saw the keeper again in that small town. ".repeat(4);
    check_instruct(TEXT, &more, &more, SeamLabel::None);
}

#[test]
fn a_row_that_repeats_after_a_line_end_is_the_text_going_on() {
    check_instruct(
        "| 0 | x | y |  |",
        "\n| 0 | x | y |  |\n",
        "\n| 0 | x | y |  |\n",
        SeamLabel::None,
    );
}

#[test]
fn the_next_cell_of_a_table_is_no_preamble() {
    let row = "| 0 | Sure | ok |\n";
    for begin in 1..row.len() {
        let more = format!("{}{}", &row[begin..], row.repeat(4));
        check_instruct(
            &format!("{row}{}", &row[..begin].trim_end()),
            &more,
            &more,
            SeamLabel::None,
        );
    }
}

#[test]
fn a_longer_repetition_than_asked_for_is_an_overlap() {
    let text = format!("{TEXT}, and then went down again to read the letters of the week");
    let longer = &text[10..];
    check_instruct(&text, &format!("{longer} until dawn."), " until dawn.", SeamLabel::Overlap);
}

#[test]
fn a_short_repetition_is_kept() {
    check_instruct(TEXT, &TEXT[20..], &TEXT[20..], SeamLabel::None);
    check_instruct(TEXT, "lamp by hand, again", "lamp by hand, again", SeamLabel::None);
}

#[test]
fn a_restart_is_swallowed_up_to_the_cut() {
    check_instruct(TEXT, &format!("{TEXT} until dawn."), " until dawn.", SeamLabel::Exact);
}

#[test]
fn a_restart_that_could_not_be_compared_before_is_kept() {
    let again = format!("{} a candle until dawn.", &TEXT[..66]);
    let stitch = Stitch::instruct(anchor::choose(TEXT), Restarts::Kept);
    let joined = join_all(stitch, TEXT, TEXT.len(), &again);
    assert_eq!(joined, (format!("{TEXT}{again}"), SeamLabel::None));
}

#[test]
fn repetitive_text_is_never_trimmed() {
    for unit in
        ["ha ", "| --- | --- |\n", "A line that is as long as it takes to be more than forty.\n"]
    {
        let text = unit.repeat(30);
        for cut in text.len() - unit.len() * 2..text.len() {
            let shown = &text[..cut];
            let sent = crate::partial::sendable_len(shown);
            let more = format!("{}end", &unit.repeat(60)[sent..sent + unit.len() * 12]);
            let stitch = Stitch::instruct(anchor::choose(&shown[..sent]), Restarts::Compared);
            let (joined, _) = join_all(stitch, shown, sent, &more);
            assert_eq!(joined, format!("{}{more}", &shown[..sent]), "cut at {cut} of {unit:?}");
        }
    }
}

#[test]
fn a_replay_is_exact_or_diverges() {
    let joined = join_all(Stitch::replay(), "Once upon", 4, "Once upon a time");
    assert_eq!(joined, ("Once upon a time".into(), SeamLabel::Exact));
    let mut stitch = Stitch::replay();
    let shown = Shown { text: "Once upon", sent: 4 };
    assert_eq!(stitch.push(shown, "Once "), Step::Eat(5));
    assert_eq!(stitch.push(shown, "there"), Step::Diverged);
}

#[test]
fn a_replay_that_ends_early_has_diverged() {
    let mut stitch = Stitch::replay();
    let shown = Shown { text: "Once upon", sent: 4 };
    assert_eq!(stitch.push(shown, "Once "), Step::Eat(5));
    assert_eq!(stitch.finish(shown), Step::Diverged);
}

#[test]
fn a_replay_that_ends_where_the_text_was_cut_is_whole() {
    let mut stitch = Stitch::replay();
    let shown = Shown { text: "Once", sent: 4 };
    assert_eq!(stitch.push(shown, "Once"), Step::Join { drop: 4, label: SeamLabel::Exact });
}

#[test]
fn an_empty_continuation_joins_nothing() {
    let mut stitch = Stitch::prefill();
    let shown = Shown { text: "Once", sent: 4 };
    assert_eq!(stitch.finish(shown), Step::Join { drop: 0, label: SeamLabel::Exact });
}
