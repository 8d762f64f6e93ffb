//! The engine through random sequences of faults, on simulated time.
//!
//! `SIM_STREAMS` sets how many sequences one run of the tests takes in all, `SIM_FROM` the first
//! seed, `SIM_FAILURES` how many violations are collected; `SIM_SEED` runs one sequence, with its
//! trace when it fails. Nothing here opens a socket or reads a clock.

mod caller;
mod committer;
mod consumer;
mod corpus;
mod dice;
mod fault;
mod network;
mod provider;
mod scenario;
mod store;
mod storm;
mod stream;
mod verdict;
mod world;

use protocol::Wire;
use scenario::Family;
use storm::Storm;

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
fn a_stream_outlives_its_process() {
    Storm::of(Family::Deaths, 20).run("a_stream_outlives_its_process");
}

#[test]
fn nothing_delivered_is_taken_back_when_the_model_wanders() {
    Storm::of(Family::Inexact, 15).run("nothing_delivered_is_taken_back_when_the_model_wanders");
}

#[test]
fn a_stream_that_is_ended_from_outside_ends_honestly() {
    Storm::of(Family::Ends, 10).run("a_stream_that_is_ended_from_outside_ends_honestly");
}

#[test]
fn a_recovery_costs_at_most_three_percent_of_the_tokens() {
    let cost =
        Storm::of(Family::Cuts, 1).run("a_recovery_costs_at_most_three_percent_of_the_tokens");
    assert!(cost.billed * 100 <= cost.needed * 103, "{cost:?}");
}

/// Right after the first of two equal lines, a model that goes on and one that repeats the line
/// write the same bytes. Where the repetition is believed, the second line is lost; the seam then
/// says that it removed one, and no other seam ever loses any text.
#[test]
fn a_line_that_comes_twice_is_lost_only_where_the_seam_says_so() {
    let storm = Storm::of(Family::Doubled, 4);
    let cost = storm.run("a_line_that_comes_twice_is_lost_only_where_the_seam_says_so");
    let (lost, streams) = (cost.confessed, storm.streams());
    assert!(lost * 50 <= streams, "{lost} of {streams} streams");
}
