//! A share of the simulated sequences, by what is promised of them.
//!
//! `SIM_STREAMS` sets how many sequences one run of the tests takes in all, `SIM_FROM` the first
//! seed, `SIM_FAILURES` how many violations are collected; `SIM_SEED` runs one sequence, made as
//! small as it gets and with its trace when it fails.

use protocol::Wire;
use simulation::{Family, Storm, Wires};

#[test]
fn every_byte_comes_once_on_the_messages_wire() {
    Storm::of(Family::Exact(Wire::AnthropicMessages), 30)
        .run("every_byte_comes_once_on_the_messages_wire");
}

#[test]
fn every_byte_comes_once_on_the_chat_wire() {
    Storm::of(Family::Exact(Wire::OpenAiChat), 30).run("every_byte_comes_once_on_the_chat_wire");
}

#[test]
fn every_byte_comes_once_on_the_responses_wire() {
    Storm::of(Family::Exact(Wire::OpenAiResponses), 15)
        .run("every_byte_comes_once_on_the_responses_wire");
}

#[test]
fn every_byte_comes_once_on_the_gemini_wire() {
    Storm::of(Family::Exact(Wire::Gemini), 10).run("every_byte_comes_once_on_the_gemini_wire");
}

#[test]
fn a_response_that_is_kept_is_read_on() {
    Storm::of(Family::Kept, 15).run("a_response_that_is_kept_is_read_on");
}

#[test]
fn a_stream_outlives_its_process() {
    Storm::of(Family::Deaths(Wires::Elder), 20).run("a_stream_outlives_its_process");
}

#[test]
fn nothing_delivered_is_taken_back_when_the_model_wanders() {
    Storm::of(Family::Inexact(Wires::Elder), 15)
        .run("nothing_delivered_is_taken_back_when_the_model_wanders");
}

#[test]
fn a_stream_that_is_ended_from_outside_ends_honestly() {
    Storm::of(Family::Ends(Wires::Elder), 10)
        .run("a_stream_that_is_ended_from_outside_ends_honestly");
}

#[test]
fn a_recovery_costs_at_most_three_percent_of_the_tokens() {
    let tally = Storm::of(Family::Cuts(Wires::Elder), 1)
        .run("a_recovery_costs_at_most_three_percent_of_the_tokens");
    assert!(tally.billed * 100 <= tally.needed * 103, "{tally:?}");
}

#[test]
fn a_stream_of_a_younger_wire_outlives_its_process() {
    Storm::of(Family::Deaths(Wires::Younger), 10)
        .run("a_stream_of_a_younger_wire_outlives_its_process");
}

#[test]
fn nothing_delivered_is_taken_back_on_a_younger_wire() {
    Storm::of(Family::Inexact(Wires::Younger), 8)
        .run("nothing_delivered_is_taken_back_on_a_younger_wire");
}

#[test]
fn a_stream_of_a_younger_wire_ends_honestly() {
    Storm::of(Family::Ends(Wires::Younger), 5).run("a_stream_of_a_younger_wire_ends_honestly");
}

#[test]
fn a_recovery_on_a_younger_wire_costs_at_most_three_percent_of_the_tokens() {
    let tally = Storm::of(Family::Cuts(Wires::Younger), 1)
        .run("a_recovery_on_a_younger_wire_costs_at_most_three_percent_of_the_tokens");
    assert!(tally.billed * 100 <= tally.needed * 103, "{tally:?}");
}

/// Right after the first of two equal lines, a model that goes on and one that repeats the line
/// write the same bytes. Where the repetition is believed, the second line is lost; the seam then
/// says that it removed one, and no other seam ever loses any text.
#[test]
fn a_line_that_comes_twice_is_lost_only_where_the_seam_says_so() {
    let tally = Storm::of(Family::Doubled(Wires::Elder), 4)
        .run("a_line_that_comes_twice_is_lost_only_where_the_seam_says_so");
    assert!(tally.confessed * 50 <= tally.streams, "{tally:?}");
}

#[test]
fn a_line_that_comes_twice_on_a_younger_wire_is_lost_only_where_the_seam_says_so() {
    let tally = Storm::of(Family::Doubled(Wires::Younger), 2)
        .run("a_line_that_comes_twice_on_a_younger_wire_is_lost_only_where_the_seam_says_so");
    assert!(tally.confessed * 50 <= tally.streams, "{tally:?}");
}
