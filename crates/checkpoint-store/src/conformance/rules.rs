//! The rules, one function each, by what they are about. They are public for the macro alone.

pub mod commits;
pub mod expiry;
pub mod isolation;
pub mod leases;
pub mod reading;
pub mod reopening;
pub mod streams;
pub mod tails;

pub use super::model::random_calls_agree_with_an_ordered_map;

/// One test per rule, for the subject that `subject()` makes.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_rules {
    () => {
        $crate::conformance_rules! {
            commits::a_stream_is_created_written_read_closed_and_deleted,
            commits::what_does_not_exist_is_not_found,
            commits::an_id_is_taken_once,
            commits::a_commit_is_taken_only_where_the_stream_ends,
            commits::a_repeated_commit_is_a_duplicate_and_changes_nothing,
            commits::an_old_epoch_is_fenced_at_every_position,
            commits::a_closed_stream_takes_nothing_and_repeats_its_close,
            commits::a_stream_without_records_can_be_closed,
            commits::a_close_needs_its_place_and_its_epoch,
            commits::one_refused_stream_does_not_stop_the_batch,
            commits::an_empty_batch_is_answered,
            commits::a_writer_of_a_deleted_stream_cannot_write_into_its_successor,
            commits::the_epochs_of_an_id_rise_over_its_streams,
            commits::a_dropped_commit_is_whole_or_absent,
            commits::a_dropped_open_is_whole_or_absent,
            leases::a_held_stream_is_not_taken,
            leases::a_held_stream_is_taken_from_the_writer_that_was_named,
            leases::a_released_stream_is_free,
            leases::a_released_stream_is_also_taken_by_name,
            leases::a_late_release_does_not_free_the_stream_of_a_successor,
            leases::a_close_ends_the_lease,
            leases::a_lease_ends_with_its_writer,
            leases::a_dropped_open_leaves_no_lease,
            leases::a_lease_is_renewed_while_its_writer_lives,
            leases::of_two_recoveries_of_a_free_stream_exactly_one_succeeds,
            leases::of_two_takeovers_from_one_writer_exactly_one_succeeds,
            leases::a_recovery_races_with_the_last_commits_of_the_writer_before,
            reading::records_come_back_byte_for_byte,
            reading::a_record_that_looks_like_a_chunk_stays_a_record,
            reading::one_commit_may_hold_megabytes,
            reading::pages_join_without_gap_or_repeat,
            reading::a_page_is_no_longer_than_asked,
            reading::a_reader_ahead_of_the_store_is_told_so,
            reading::only_the_last_page_of_a_closed_stream_ends_it,
            reading::a_stream_over_several_epochs_is_one_sequence,
            reading::a_listing_is_sorted_and_paged,
            reading::a_listing_says_what_a_stat_says,
            reading::streams_do_not_see_each_other,
            tails::a_wait_is_over_at_once_where_there_is_something,
            tails::a_tail_sees_every_record_however_they_meet,
            tails::a_wait_that_begins_as_a_record_comes_is_woken,
            tails::many_tails_see_the_same,
            tails::a_close_ends_a_tail,
            tails::a_delete_ends_a_tail,
            tails::an_expiry_ends_a_tail,
            tails::a_takeover_does_not_end_a_tail,
            tails::a_wait_that_moved_to_another_thread_is_woken_there,
            tails::a_dropped_wait_leaves_the_others,
            expiry::a_ttl_counts_from_now,
            expiry::a_ttl_only_extends,
            expiry::a_sliding_ttl_moves_with_commits_and_recoveries_and_a_fixed_one_does_not,
            expiry::an_expired_stream_is_gone_and_its_id_is_free,
            expiry::a_closed_stream_expires_too,
            expiry::a_sweep_is_bounded_and_takes_only_what_expired,
            expiry::the_epoch_of_a_deleted_stream_is_remembered,
            expiry::only_a_closed_stream_is_compacted,
            expiry::a_snapshot_takes_the_place_of_the_records,
            expiry::a_second_snapshot_replaces_the_first,
            expiry::a_stream_without_records_is_compacted_too,
            expiry::a_deleted_snapshot_is_gone,
            reopening::a_level_above_memory_can_be_reopened,
            reopening::everything_is_there_after_a_reopen,
            reopening::rules_of_commits_hold_after_a_reopen,
            reopening::names_and_numbers_are_not_used_again_after_a_reopen,
            reopening::time_passes_while_a_store_is_closed,
            reopening::a_store_of_a_thousand_commits_reopens_whole,
            streams::a_level_is_named_and_never_lowered_in_silence,
            streams::pieces_of_a_record_are_joined,
            streams::what_is_durable_can_be_read_and_nothing_else,
            streams::a_recovery_goes_on_after_the_last_durable_record,
            streams::a_takeover_fences_the_writer_before_it,
            streams::of_racing_takeovers_one_writes,
            streams::a_closed_stream_cannot_be_recovered_and_stays_readable,
            streams::a_dropped_writer_leaves_a_stream_that_can_be_recovered,
            streams::a_writer_is_free_only_after_its_last_record,
            streams::a_deleted_stream_is_gone_and_its_writer_is_told,
            streams::a_follower_replays_what_is_there_and_waits_for_the_rest,
            streams::a_follower_does_not_go_on_in_the_next_stream_of_its_id,
            streams::a_store_keeps_its_streams_as_long_as_its_options_say,
            streams::a_snapshot_that_is_too_large_is_refused,
            streams::a_listing_is_bounded,
            streams::too_large_is_refused_and_uses_no_position,
            streams::a_stream_of_too_many_records_is_refused,
            streams::a_watermark_elsewhere_sees_progress_and_the_end,
            streams::many_writers_at_once_keep_every_record,
        }

        #[test]
        fn random_calls_agree_with_an_ordered_map() {
            $crate::conformance::rules::random_calls_agree_with_an_ordered_map(&mut subject());
        }

        #[test]
        fn stores_do_not_see_each_other() {
            let (mut left, mut right) = (subject(), subject());
            $crate::conformance::rules::isolation::stores_do_not_see_each_other(
                &mut left, &mut right,
            );
        }
    };
    ($($module:ident::$rule:ident),+ $(,)?) => {
        $(
            #[test]
            fn $rule() {
                $crate::conformance::rules::$module::$rule(&mut subject());
            }
        )+
    };
}
