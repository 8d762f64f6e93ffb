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
            other => panic!("{other:?} at {held:?}"),
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
    let joined = join_all(Stitch::prefill(Restarts::Compared), TEXT, TEXT.len(), ", alone.");
    assert_eq!(joined, (format!("{TEXT}, alone."), SeamLabel::Exact));
}

#[test]
fn white_space_that_was_cut_off_comes_again_and_is_dropped() {
    let text = "word \n ";
    let joined = join_all(Stitch::prefill(Restarts::Compared), text, 4, " \n  next");
    assert_eq!(joined, ("word \n  next".into(), SeamLabel::Exact));
}

#[test]
fn white_space_that_does_not_come_again_stays_shown() {
    let joined = join_all(Stitch::prefill(Restarts::Compared), "word ", 4, "next");
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
fn a_short_repetition_that_nobody_asked_for_is_kept() {
    let stitch = Stitch::instruct(None, Restarts::Compared);
    let joined = join_all(stitch, TEXT, TEXT.len(), &TEXT[20..]);
    assert_eq!(joined, (format!("{TEXT}{}", &TEXT[20..]), SeamLabel::None));
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
    let mut stitch = Stitch::prefill(Restarts::Compared);
    let shown = Shown { text: "Once", sent: 4 };
    assert_eq!(stitch.finish(shown), Step::Join { drop: 0, label: SeamLabel::Exact });
}

// ---- how sure a repetition is

const LONG: &str = "The lighthouse keeper climbed the stairs every evening and lit the lamp by hand, \
    and then went down again to read the letters of the week. Nobody had told him that the harbour \
    was closed, and no boat had come since the first of the winter storms went over the hills. He \
    counted the bells that he heard, and wrote the number into the book that lay under the window, \
    because that was what a keeper did, and because somebody would read it when the spring came back";

#[test]
fn the_fragment_and_words_before_it_are_dropped_and_not_called_the_fragment() {
    let anchor = anchor::choose(LONG).unwrap();
    let longer = &LONG[anchor - "would read ".len()..];
    assert!(longer.len() < overlap::OVERLAP_BYTES_MIN, "it counts because it was asked for");
    check_instruct(LONG, &format!("{longer} again."), " again.", SeamLabel::Overlap);
}

#[test]
fn a_fragment_that_may_be_a_refrain_is_none() {
    let line = "we row the boat down to the harbour in the wind\n";
    let text = format!("A song for the evening:\n{line}");
    let again = format!("{line}{line}");
    for more in [again.clone(), format!("\n{again}")] {
        check_instruct(text.trim_end(), &more, &more, SeamLabel::None);
    }
}

#[test]
fn a_repetition_of_whole_sentences_is_kept_and_one_that_stops_inside_a_sentence_is_not() {
    let sentence = "Nobody had told him that the harbour was closed, and no boat had come since the \
        first of the winter storms went over the hills.";
    let text = format!("So it went. {sentence}");
    check_instruct(
        &text,
        &format!("{sentence} Then"),
        &format!("{sentence} Then"),
        SeamLabel::None,
    );
    let cut = &sentence[..sentence.len() - " the hills.".len()];
    let text = format!("So it went. {cut}");
    check_instruct(&text, &format!("{cut} the hills"), " the hills", SeamLabel::Overlap);
}

#[test]
fn the_floor_of_an_overlap_is_in_bytes_and_in_characters() {
    let of = |len: usize| {
        let at = anchor::choose(LONG).unwrap();
        let head = format!("{} again", &LONG[LONG.len() - len..]);
        assert!(LONG.len() - at < len);
        overlap::find(LONG, &head, None)
    };
    assert_eq!(of(overlap::OVERLAP_BYTES_MIN - 1), Overlap::No);
    assert_eq!(of(overlap::OVERLAP_BYTES_MIN + 1), Overlap::Ends(97));
    let signs: String = ('一'..).take(60).collect();
    let last = |chars| &signs[anchor_start(&signs, chars)..];
    let chars = overlap::OVERLAP_CHARS_MIN;
    assert_eq!(overlap::find(&signs, &format!("{}好", last(chars - 1)), None), Overlap::No);
    let found = overlap::find(&signs, &format!("{}好", last(chars)), None);
    assert_eq!(found, Overlap::Ends(96));
}

fn anchor_start(text: &str, chars: usize) -> usize {
    folded::last_chars(text, chars)
}

#[test]
fn a_repetition_with_a_rhythm_of_its_own_is_kept() {
    let row = "| not yet known in this region | ok | Sure | ok | not yet known in this region |\n";
    let text = format!("{row}{}", &row[..52]);
    let again = &text[text.len() - 30..];
    let more = format!("{again}{}{row}", &row[52..]);
    check_instruct(&text, &more, &more, SeamLabel::None);
}

// ---- restarts

#[test]
fn a_short_text_that_ends_with_a_line_may_be_said_again() {
    let verse = "we row the boat down to the harbour in the wind, and the bells are heard again.";
    assert!(verse.len() > RESTART_CHARS);
    let more = format!("{verse} And so on.");
    check_instruct(verse, &more, &more, SeamLabel::None);
}

#[test]
fn a_long_text_that_ends_with_a_sentence_is_not_said_again() {
    let text = format!("{LONG}, as ever, after the long nights.");
    assert!(text.len() > REFRAIN_CHARS);
    check_instruct(&text, &format!("{text} He slept."), " He slept.", SeamLabel::Overlap);
}

#[test]
fn a_restart_is_compared_up_to_what_the_model_was_given() {
    let text = format!("{LONG} \n ");
    check_instruct(&text, &format!("{LONG}\n again."), "\n again.", SeamLabel::Overlap);
}

#[test]
fn a_prefill_that_is_echoed_unasked_is_dropped() {
    let stitch = Stitch::prefill(Restarts::Compared);
    let joined = join_all(stitch, LONG, LONG.len(), &format!("{LONG} again."));
    assert_eq!(joined, (format!("{LONG} again."), SeamLabel::Exact));
    let stitch = Stitch::prefill(Restarts::Kept);
    let joined = join_all(stitch, LONG, LONG.len(), &format!("{LONG} again."));
    assert_eq!(joined, (format!("{LONG}{LONG} again."), SeamLabel::Exact));
}

#[test]
fn an_echo_that_may_be_the_text_going_on_is_kept_and_not_sure() {
    let stitch = || Stitch::prefill(Restarts::Compared);
    assert_eq!(join_all(stitch(), "ha", 2, "ha ha"), ("haha ha".into(), SeamLabel::None));
    assert_eq!(join_all(stitch(), "ha", 2, "hm"), ("hahm".into(), SeamLabel::Exact));
}

#[test]
fn an_echo_that_was_tidied_up_is_not_sure() {
    let tidied = TEXT.replace("evening", "Evening");
    let joined = join_all(Stitch::echoed_prefill(), TEXT, TEXT.len(), &tidied);
    assert_eq!(joined, (format!("{TEXT}{tidied}"), SeamLabel::None));
}

// ---- what is held, and for how long

/// Characters of a continuation that are held before the seam is decided.
#[track_caller]
fn held(stitch: Stitch, text: &str, continuation: &str) -> usize {
    let mut stitch = stitch;
    let shown = Shown { text, sent: text.len() };
    let mut chars = continuation.chars();
    let held = chars.by_ref().position(|c| {
        !matches!(stitch.push(shown, c.encode_utf8(&mut [0; 4])), Step::Hold | Step::Eat(_))
    });
    held.expect("the seam is decided before the continuation ends") + 1
}

#[test]
fn what_is_held_is_bounded() {
    let instruct = || Stitch::instruct(anchor::choose(LONG), Restarts::Compared);
    let anchor = &LONG[anchor::choose(LONG).unwrap()..];
    let words = "no end of it ".repeat(100);
    // Leading white space or marks.
    assert_eq!(held(instruct(), LONG, &format!("«{anchor}» so")), anchor.len() + 2);
    // A preamble without the fragment.
    let sure = format!("Sure, {words}");
    assert_eq!(held(instruct(), LONG, &sure), PREAMBLE_CHARS + anchor.len());
    // A fence that no line ends.
    let code = format!("{}\n```\n{TEXT}", LONG.replace('.', "\n"));
    let start = anchor::choose(&code);
    let fence = format!("```{}", "x".repeat(100));
    assert_eq!(
        held(Stitch::instruct(start, Restarts::Compared), &code, &fence),
        preamble::FENCE_CHARS
    );
    // A part of the text, said again from somewhere inside it.
    let far: String = (0..200).map(|n| format!("{n} boats came and ")).collect();
    let stitch = Stitch::instruct(anchor::choose(&far), Restarts::Compared);
    assert_eq!(held(stitch, &far, &far[500..2000]), WINDOW_CHARS);
    // In a rhythm nothing but what was asked for is waited for.
    let rows = "| one | two | three |\n".repeat(20);
    let rows = rows.trim_end();
    assert_eq!(anchor::choose(rows), None);
    let stitch = Stitch::instruct(None, Restarts::Compared);
    assert_eq!(held(stitch, rows, "| one | two"), 1);
    // The text from its beginning, in full.
    let short = &LONG[..REFRAIN_CHARS];
    let stitch = Stitch::instruct(anchor::choose(short), Restarts::Compared);
    assert!(held(stitch, short, &format!("{short} on")) <= REFRAIN_CHARS + 2);
    // A stop sequence that may stand over the seam.
    let stops = StopSequences::new(["d".to_owned() + &"x".repeat(40)]);
    let stitch = Stitch::prefill(Restarts::Compared).stopping_at(stops);
    assert_eq!(held(stitch, TEXT, &format!("{}y", "x".repeat(39))), 40);
}

// ---- preambles and fences

#[test]
fn a_fence_that_is_open_already_is_dropped_with_the_fragment() {
    let code = format!("Here:\n\n```text\n{TEXT}");
    let echo = format!("```text\n{} until dawn.", anchor_of(&code));
    check_instruct(&code, &echo, " until dawn.", SeamLabel::Anchored);
    let sure = format!("Sure, going on:\n\n{echo}");
    check_instruct(&code, &sure, " until dawn.", SeamLabel::Anchored);
    // Without the fragment it is text: it may close the block.
    let close = "```\n\nThat is all of it, and nothing more is to be said about it today.";
    check_instruct(&code, close, close, SeamLabel::None);
    // Outside a block a fence opens one.
    let echo = format!("```text\n{} until dawn.", anchor_of(TEXT));
    check_instruct(TEXT, &echo, &echo, SeamLabel::None);
}

#[test]
fn a_line_break_that_the_model_writes_is_its_own() {
    let echo = format!("{}\n\nand until dawn.", anchor_of(TEXT));
    check_instruct(TEXT, &echo, "\n\nand until dawn.", SeamLabel::Anchored);
}

// ---- stop sequences

#[test]
fn a_stop_sequence_over_the_seam_is_told() {
    let stops = || StopSequences::new(["hand in".to_owned()]);
    let shown = Shown { text: TEXT, sent: TEXT.len() };
    let mut stitch = Stitch::prefill(Restarts::Compared).stopping_at(stops());
    assert_eq!(stitch.push(shown, " i"), Step::Hold);
    let (drop, label, sequence) = (0, SeamLabel::Exact, "hand in".to_owned());
    assert_eq!(stitch.push(shown, "n hand"), Step::Stop { drop, label, sequence });
    let mut stitch =
        Stitch::instruct(anchor::choose(TEXT), Restarts::Compared).stopping_at(stops());
    let (drop, label, sequence) =
        (anchor_of(TEXT).len(), SeamLabel::Anchored, "hand in".to_owned());
    let step = stitch.push(shown, &format!("{} in hand", anchor_of(TEXT)));
    assert_eq!(step, Step::Stop { drop, label, sequence });
}

#[test]
fn a_replay_that_stops_before_a_stop_sequence_has_not_diverged() {
    let stops = StopSequences::new(["END".to_owned()]);
    let text = "Once upon E";
    let mut stitch = Stitch::replay().stopping_at(stops);
    let shown = Shown { text, sent: 0 };
    assert_eq!(stitch.push(shown, "Once up"), Step::Eat(7));
    assert_eq!(stitch.push(shown, "on "), Step::Eat(3));
    assert_eq!(stitch.finish(shown), Step::Join { drop: 0, label: SeamLabel::Exact });
}
