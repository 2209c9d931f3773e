//! The list of all cases, and the macro that enrols a backend.

/// Makes one `#[test]` of every case of the suite, in a module a group. The argument is an expression that makes a
/// [`Fixture`](crate::conformance::Fixture), evaluated once a case.
///
/// Two backends in one file stand in a module each.
#[macro_export]
macro_rules! conformance_tests {
    ($fixture:expr) => {
        $crate::__conformance_list!(tests { $fixture });
    };
}

/// What the list becomes: a slice of cases, or tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_expand {
    (consts {} $($group:ident { $($case:ident)* })*) => {
        &[$($(Case {
            group: stringify!($group),
            name: stringify!($case),
            run: |subject| Box::pin($crate::conformance::$group::$case(subject)),
        },)*)*]
    };
    (tests { $fixture:expr } $($group:ident $cases:tt)*) => {
        $($crate::__conformance_group!($group { $fixture } $cases);)*
    };
}

/// The tests of one group.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_group {
    ($group:ident { $fixture:expr } { $($case:ident)* }) => {
        mod $group {
            #[allow(unused_imports, reason = "the fixture's expression may need nothing of what surrounds it")]
            use super::*;
            $(
                #[test]
                fn $case() {
                    $crate::conformance::check(concat!(stringify!($group), "::", stringify!($case)), $fixture);
                }
            )*
        }
    };
}

/// Every case, by group: the one place where a new case is listed.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ($mode:ident $with:tt) => {
        $crate::__conformance_expand! {
            $mode $with
            adoption {
                a_document_without_a_version_is_adopted_once a_document_with_a_version_is_never_taken_for_one_without
                what_is_not_there_is_not_adopted a_document_without_a_version_is_replaced_or_deleted
            }
            aggregates {
                measures_over_everything_are_one_row measures_over_nothing_are_one_row_too
                groups_come_in_the_order_of_their_key only_what_matches_is_measured what_is_no_number_is_passed_over
                values_that_are_no_numbers_have_no_sum a_sum_has_the_widest_kind_of_its_numbers
                decimals_are_summed_exactly doubles_are_summed_without_losing_the_small_ones
                integers_that_overflow_are_an_error lowest_and_highest_follow_the_order_of_kinds
                nested_paths_are_grouped_and_measured distinct_values_come_in_order_and_once
                distinct_looks_into_arrays_and_nested_documents
            }
            capabilities {
                a_raw_filter_works_or_is_refused a_raw_pipeline_works_or_is_refused
                a_durable_store_is_there_after_a_restart a_store_that_reserves_positions_can_be_sabotaged
                a_store_has_a_name a_closed_store_answers_that_it_is_closed closing_lets_waiting_commits_finish
            }
            checkpoints {
                a_checkpoint_is_made_and_advanced a_checkpoint_is_made_once
                a_checkpoint_that_is_not_there_cannot_be_advanced a_stale_position_is_refused
                a_new_epoch_refuses_the_old_owner an_unchanged_checkpoint_still_guards
                a_checkpoint_may_go_back_on_purpose consumers_keep_to_themselves a_checkpoint_and_its_effects_are_one
                a_checkpoint_is_removed_where_it_has_not_moved
            }
            checks {
                a_check_that_holds_lets_the_commit_pass a_check_that_fails_refuses_the_commit
                a_check_on_what_is_gone_refuses_the_commit a_check_changes_neither_version_nor_fields
                every_check_must_hold commits_that_check_what_the_other_writes_do_not_both_win
            }
            commit {
                a_commit_applies_all_of_its_parts a_stale_stream_leaves_nothing_of_the_rest
                a_stale_document_leaves_nothing_of_the_rest a_taken_unique_value_leaves_nothing_of_the_rest
                a_stale_checkpoint_leaves_nothing_of_the_rest a_stale_check_leaves_nothing_of_the_rest
                a_refused_commit_does_not_block_the_next a_dropped_commit_is_wholly_there_or_not_at_all
                a_commit_is_read_back_at_once
            }
            concurrency {
                writers_of_one_stream_lose_nothing_and_share_no_version appends_at_any_version_get_distinct_versions
                writers_of_many_streams_do_not_disturb_each_other a_counter_that_many_raise_counts_every_raise
                of_many_with_one_unique_value_one_wins of_many_owners_of_a_checkpoint_one_advances
                who_has_seen_an_event_writes_after_it finding_while_others_write_neither_fails_nor_repeats
            }
            explain {
                an_index_that_serves_a_condition_is_named what_no_index_serves_is_tested_after
                what_is_refused_is_refused_before_it_is_explained
            }
            documents {
                what_is_inserted_is_read what_is_not_there_is_none ids_of_every_kind_find_their_document
                ids_are_equal_by_value an_insert_on_a_taken_id_conflicts a_replacement_leaves_nothing_of_the_old
                a_stale_replacement_conflicts a_delete_removes_the_document a_stale_delete_conflicts
                documents_are_written_in_their_order one_commit_writes_several_collections
                a_document_is_written_under_its_own_id
            }
            entries {
                entries_are_the_events_with_their_commits entries_are_cut_by_position_and_limit
                every_position_up_to_the_mark_has_an_entry
            }
            filter_arrays {
                a_comparison_looks_into_arrays an_array_equals_an_array_as_a_whole
                two_conditions_may_hold_for_two_elements size_counts_elements_of_arrays_only
                has_all_asks_for_every_value paths_lead_through_arrays_of_documents
                an_element_must_hold_all_conditions_itself text_is_found_in_elements
                fields_of_nested_documents_are_reached
            }
            filter_compare {
                equal_is_by_value_and_never_across_kinds numbers_are_equal_by_value large_numbers_are_not_rounded
                order_compares_within_one_kind nan_is_only_equal_to_itself zero_has_no_sign
                text_is_ordered_by_its_bytes in_holds_for_each_of_its_values dates_have_milliseconds
                an_invalid_filter_is_an_error_wherever_it_stands
            }
            filter_hostile {
                a_document_of_operators_is_compared_as_a_document a_regular_expression_as_a_value_is_a_value
                text_with_dollars_is_text nested_documents_of_operators_are_values_too
            }
            filter_logic {
                all_holds_when_each_part_holds all_of_nothing_holds any_holds_when_one_part_holds
                any_of_nothing_never_holds not_turns_every_kind_of_condition_around conditions_nest
            }
            filter_null {
                null_equals_missing exists_tells_null_from_missing null_and_missing_are_not_equal_to_any_value
                null_and_missing_are_below_and_above_nothing null_on_a_nested_path_matches_what_is_not_there
                null_in_an_array_counts
            }
            filter_text {
                signs_of_patterns_stand_for_themselves text_stands_at_its_place case_and_accents_are_kept
                lines_do_not_end_a_text empty_text_is_in_every_text_and_in_nothing_else numbers_are_no_text
                regular_expressions_match_alike_everywhere
            }
            holes {
                readers_miss_nothing_while_hostile_writers_run a_hole_holds_readers_only_for_a_while
                an_aborted_commit_leaves_nothing_and_blocks_nobody a_writer_that_stalls_is_never_overtaken
                a_high_water_mark_never_falls
            }
            idempotence {
                the_same_commit_again_answers_with_the_first_receipt an_old_commit_is_known_after_others
                the_same_commit_at_the_same_time_is_applied_once a_commit_of_checkpoints_alone_is_known_too
                a_commit_is_known_after_its_checkpoint_moved_on
                other_commits_with_the_same_content_are_other_commits the_id_of_a_refused_commit_is_free
                a_lost_answer_is_settled_by_sending_the_commit_again
            }
            import {
                what_is_appended_is_read_everywhere positions_between_become_tombstones
                commits_go_on_behind_what_was_appended appending_again_changes_nothing
                what_differs_from_what_is_there_is_refused what_does_not_follow_is_refused
                what_no_commit_could_have_written_is_refused a_stream_may_begin_above_its_first_version
                a_commit_that_was_appended_is_known every_value_comes_along any_list_is_appended_or_refused_as_a_whole
            }
            limits {
                a_commit_may_be_as_large_as_the_limit a_commit_with_too_many_writes_is_refused
                a_commit_with_too_many_bytes_is_refused a_document_that_no_database_holds_is_refused
                sixty_four_levels_are_stored_and_no_more field_names_that_databases_read_otherwise_are_refused
                patch_paths_that_databases_read_otherwise_are_refused a_commit_that_leaves_no_trace_is_refused
                a_commit_that_contradicts_itself_is_refused writes_that_exclude_each_other_are_refused
                event_types_are_words_joined_by_dots
            }
            log {
                an_empty_log_ends_at_its_start the_log_is_read_in_position_order positions_bound_what_is_read
                streams_choose_events categories_choose_events type_patterns_choose_events times_choose_events
                actors_and_flows_choose_events conditions_are_joined_by_and
            }
            log_pages {
                paging_forwards_covers_everything_once paging_backwards_covers_everything_once
                paging_with_a_filter_covers_what_matches_once more_says_whether_anything_is_left
                more_looks_only_within_what_was_asked no_page_reaches_past_the_high_water_mark
                the_mark_of_a_quiet_log_is_its_last_event
            }
            moved {
                what_is_there_is_told_at_once a_quiet_log_is_answered_for_after_a_while a_commit_wakes_who_waits
                waiting_ends_when_the_store_is_closed a_wait_that_is_dropped_disturbs_nobody
            }
            oracle {
                orders_agree_with_the_oracle
                simple_conditions_agree_with_the_oracle combined_conditions_agree_with_the_oracle
                nested_conditions_agree_with_the_oracle
            }
            patches {
                a_patch_changes_what_it_names_and_nothing_else a_patch_makes_the_documents_on_its_way
                a_patch_may_replace_a_document_by_a_value_and_back to_unset_what_is_missing_is_nothing
                a_stale_patch_conflicts a_patch_stores_text_with_dollars_as_it_is
                patches_of_one_document_in_one_commit_follow_each_other a_patch_finds_elements_by_their_place
                a_patch_that_finds_no_place_is_refused
            }
            prepare {
                preparing_twice_changes_nothing an_index_that_differs_is_reported_and_kept
                an_index_that_differs_in_what_it_covers_is_reported an_index_that_is_asked_for_no_more_stays
                an_index_may_come_after_the_documents one_prepare_at_a_time_or_several_make_the_same
                a_unique_index_over_documents_that_break_it_is_refused
            }
            projection {
                skip_and_limit_cut_after_the_order a_limit_of_zero_finds_nothing skip_and_limit_cut_what_matches
                pages_in_a_total_order_cover_everything_once a_projection_keeps_its_paths_and_the_id
                a_projection_of_nothing_is_the_id paths_of_a_projection_may_share_their_beginning
                an_order_may_use_what_the_projection_drops what_is_at_hand_is_what_is_found
            }
            put {
                what_is_put_is_read_and_leaves_no_event absent_never_overwrites newer_overwrites_only_lower_versions
                same_version_overwrites_only_its_own a_put_keeps_unique_indexes many_documents_are_put
                of_many_writers_of_newer_the_highest_version_stays a_put_and_a_commit_respect_each_other
                what_cannot_be_read_again_is_not_put what_matches_is_removed
            }
            sorting {
                kinds_have_an_order_and_null_is_first missing_is_sorted_as_null numbers_are_sorted_by_value
                ties_are_broken_by_the_next_key nested_paths_are_sorted
                an_array_is_sorted_by_its_lowest_or_highest_element text_is_sorted_by_bytes
            }
            streams {
                a_stream_that_is_not_there_is_empty events_are_read_as_they_were_written
                events_without_metadata_stay_without a_range_of_versions_holds_both_ends
                a_limit_counts_from_where_the_reading_starts a_stream_is_read_backwards events_never_change
            }
            swap {
                a_shadow_takes_the_place_with_documents_and_indexes the_live_collection_need_not_be_there
                a_shadow_that_is_not_there_is_an_error readers_see_the_old_or_the_new_never_none
                a_collection_is_dropped_with_its_indexes
            }
            time {
                recorded_at_keeps_its_milliseconds recorded_at_never_falls_within_a_stream
                recorded_at_never_falls_where_any_version_is_expected recorded_at_never_falls_within_a_commit
                no_event_is_earlier_than_not_before streams_do_not_move_each_others_time
            }
            truncation {
                nothing_is_truncated_at_first what_is_truncated_is_gone_and_the_rest_stays what_is_kept_stays_readable
                positions_and_versions_go_on_after_it a_log_may_be_truncated_to_its_end
                what_is_not_final_is_not_truncated what_a_consumer_has_not_read_is_not_truncated
                truncating_again_goes_on no_handle_takes_what_is_gone_for_a_hole tombstones_go_and_stay_like_events
            }
            unique {
                two_documents_may_not_share_a_unique_value a_violation_is_not_retryable
                one_commit_may_not_use_a_unique_value_twice replacements_and_patches_may_not_take_a_unique_value
                a_value_is_free_once_its_document_is_deleted two_documents_cannot_swap_values_in_one_commit
                null_and_missing_are_free_where_presence_is_asked presence_is_known_for_every_kind_of_value
                a_compound_rule_is_broken_by_all_its_parts only_live_documents_are_held_to_a_live_rule
                unique_values_are_equal_by_value_not_by_look
            }
            upkeep {
                streams_come_in_the_order_of_their_keys long_streams_are_one_line_each a_scan_goes_stream_by_stream
                a_scan_goes_on_within_a_stream
                categories_are_listed_once_and_in_order checkpoints_are_listed_by_name
                own_collections_are_read_and_written_like_others an_examination_finds_something_to_say
            }
            values {
                documents_keep_every_value_exactly patches_keep_every_value_exactly events_keep_every_value_exactly
                the_order_of_fields_is_kept metadata_is_kept_whole
            }
            versions {
                versions_count_from_one_without_gaps a_refused_append_uses_no_version
                no_stream_refuses_a_stream_that_exists exact_refuses_a_stream_that_moved_on
                exact_refuses_a_stream_that_is_not_there_yet a_conflict_is_retryable_and_left_nothing
                any_appends_to_whatever_is_there positions_rise_in_commit_order
                position_order_is_version_order_in_a_stream the_log_and_the_receipt_agree
                streams_with_like_names_stay_apart
            }
        }
    };
}
