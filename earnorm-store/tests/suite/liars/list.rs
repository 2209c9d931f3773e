//! Every lie, and the cases that must find it. Each case has a liar of its own, or a reason why it has none.

macro_rules! lies {
    ($($lie:ident: $($case:literal)+;)+) => {
        /// What a liar gets wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Lie {
            $($lie,)+
        }

        /// Each lie, and the cases that are about it.
        pub(super) const EXPOSED_BY: &[(Lie, &[&str])] = &[$((Lie::$lie, &[$($case),+]),)+];
    };
}

lies! {
    IgnoresUniqueIndexes: "unique::two_documents_may_not_share_a_unique_value"
        "commit::a_taken_unique_value_leaves_nothing_of_the_rest"
        "concurrency::of_many_with_one_unique_value_one_wins" "unique::one_commit_may_not_use_a_unique_value_twice"
        "unique::replacements_and_patches_may_not_take_a_unique_value"
        "unique::unique_values_are_equal_by_value_not_by_look" "prepare::an_index_that_is_asked_for_no_more_stays"
        "prepare::an_index_may_come_after_the_documents" "prepare::one_prepare_at_a_time_or_several_make_the_same";
    ForgetsThatOnlyPresentValuesAreUnique: "unique::null_and_missing_are_free_where_presence_is_asked"
        "unique::presence_is_known_for_every_kind_of_value";
    ForgetsThatOnlyLiveDocumentsAreUnique: "unique::only_live_documents_are_held_to_a_live_rule";
    NamesNoFieldsInViolations: "unique::a_compound_rule_is_broken_by_all_its_parts";
    ChecksUniquenessAtTheEnd: "unique::two_documents_cannot_swap_values_in_one_commit";
    LosesTheLastDocument: "documents::one_commit_writes_several_collections";
    WritesDocumentsBackwards: "documents::documents_are_written_in_their_order"
        "patches::patches_of_one_document_in_one_commit_follow_each_other";
    KeepsEventsOfAConflict: "commit::a_stale_document_leaves_nothing_of_the_rest"
        "commit::a_stale_check_leaves_nothing_of_the_rest" "commit::a_refused_commit_does_not_block_the_next";
    AcceptsStaleDocuments: "documents::a_stale_replacement_conflicts" "documents::a_stale_delete_conflicts"
        "patches::a_stale_patch_conflicts";
    AcceptsStaleStreams: "versions::exact_refuses_a_stream_that_moved_on"
        "commit::a_stale_stream_leaves_nothing_of_the_rest" "versions::no_stream_refuses_a_stream_that_exists";
    ReportsAWrongActualVersion: "versions::exact_refuses_a_stream_that_is_not_there_yet";
    ReusesVersions: "versions::versions_count_from_one_without_gaps"
        "concurrency::writers_of_one_stream_lose_nothing_and_share_no_version"
        "versions::position_order_is_version_order_in_a_stream";
    SwapsPositions: "versions::positions_rise_in_commit_order" "concurrency::who_has_seen_an_event_writes_after_it";
    LetsTimeFall: "time::recorded_at_never_falls_within_a_stream"
        "time::recorded_at_never_falls_where_any_version_is_expected" "time::recorded_at_never_falls_within_a_commit";
    IgnoresNotBefore: "time::no_event_is_earlier_than_not_before";
    ListsTheReceiptBackwards: "commit::a_commit_applies_all_of_its_parts"
        "concurrency::appends_at_any_version_get_distinct_versions" "versions::the_log_and_the_receipt_agree";
    PassesHoles: "holes::readers_miss_nothing_while_hostile_writers_run"
        "concurrency::writers_of_many_streams_do_not_disturb_each_other" "log::the_log_is_read_in_position_order";
    IgnoresCheckpoints: "checkpoints::a_stale_position_is_refused" "checkpoints::a_checkpoint_is_made_once"
        "checkpoints::a_checkpoint_that_is_not_there_cannot_be_advanced"
        "checkpoints::a_checkpoint_and_its_effects_are_one" "commit::a_stale_checkpoint_leaves_nothing_of_the_rest"
        "concurrency::of_many_owners_of_a_checkpoint_one_advances";
    IgnoresEpochs: "checkpoints::a_new_epoch_refuses_the_old_owner"
        "checkpoints::an_unchanged_checkpoint_still_guards";
    LosesCheckpoints: "commit::a_commit_applies_all_of_its_parts";
    IgnoresChecks: "checks::commits_that_check_what_the_other_writes_do_not_both_win"
        "checks::a_check_that_fails_refuses_the_commit" "checks::a_check_on_what_is_gone_refuses_the_commit"
        "checks::every_check_must_hold";
    BumpsCheckedDocuments: "checks::a_check_changes_neither_version_nor_fields";
    AppliesACommitTwice: "idempotence::the_same_commit_again_answers_with_the_first_receipt"
        "commit::a_dropped_commit_is_wholly_there_or_not_at_all" "entries::entries_are_the_events_with_their_commits"
        "idempotence::an_old_commit_is_known_after_others"
        "idempotence::the_same_commit_at_the_same_time_is_applied_once"
        "idempotence::a_lost_answer_is_settled_by_sending_the_commit_again";
    RemembersRefusedCommits: "idempotence::the_id_of_a_refused_commit_is_free";
    SettlesContradictions: "limits::writes_that_exclude_each_other_are_refused";
    NullMissesMissing: "filter_null::null_equals_missing";
    ExistsMissesNull: "filter_null::exists_tells_null_from_missing";
    ComparesAcrossKinds: "filter_compare::order_compares_within_one_kind";
    FoldsCase: "filter_text::case_and_accents_are_kept";
    ReadsTextAsAPattern: "filter_text::signs_of_patterns_stand_for_themselves";
    ObeysOperatorsInValues: "filter_hostile::a_document_of_operators_is_compared_as_a_document";
    InOfNothingHolds: "filter_compare::in_holds_for_each_of_its_values";
    HasAllOfNothingHolds: "filter_arrays::has_all_asks_for_every_value";
    NotMissesMissing: "filter_null::null_and_missing_are_not_equal_to_any_value";
    ElementsJoin: "filter_arrays::an_element_must_hold_all_conditions_itself";
    SizeCountsScalars: "filter_arrays::size_counts_elements_of_arrays_only";
    InvalidHolds: "filter_compare::an_invalid_filter_is_an_error_wherever_it_stands";
    RawHolds: "capabilities::a_raw_filter_works_or_is_refused";
    SumsWithoutDecimals: "aggregates::decimals_are_summed_exactly"
        "aggregates::a_sum_has_the_widest_kind_of_its_numbers";
    SumsDoublesPlainly: "aggregates::doubles_are_summed_without_losing_the_small_ones";
    OverflowWraps: "aggregates::integers_that_overflow_are_an_error";
    AverageOfNothingIsZero: "aggregates::measures_over_nothing_are_one_row_too"
        "aggregates::values_that_are_no_numbers_have_no_sum";
    GroupsWithoutNull: "aggregates::groups_come_in_the_order_of_their_key";
    SortsNullLast: "sorting::missing_is_sorted_as_null" "oracle::orders_agree_with_the_oracle"
        "sorting::kinds_have_an_order_and_null_is_first";
    IgnoresTheSecondKey: "sorting::ties_are_broken_by_the_next_key";
    IgnoresSkip: "projection::skip_and_limit_cut_after_the_order" "projection::skip_and_limit_cut_what_matches"
        "projection::pages_in_a_total_order_cover_everything_once";
    IgnoresProjections: "projection::a_projection_keeps_its_paths_and_the_id"
        "projection::a_projection_of_nothing_is_the_id" "projection::an_order_may_use_what_the_projection_drops";
    HandsOverLess: "projection::what_is_at_hand_is_what_is_found";
    FindsTwice: "concurrency::finding_while_others_write_neither_fails_nor_repeats";
    StreamsIgnoreTheLimit: "streams::a_limit_counts_from_where_the_reading_starts";
    StreamsOnlyForwards: "streams::a_stream_is_read_backwards";
    SaysThereIsNoMore: "log_pages::paging_forwards_covers_everything_once"
        "log_pages::paging_backwards_covers_everything_once"
        "log_pages::paging_with_a_filter_covers_what_matches_once" "log_pages::more_says_whether_anything_is_left";
    AlwaysSaysThereIsMore: "log_pages::more_looks_only_within_what_was_asked";
    MarkIsPastTheEnd: "log_pages::the_mark_of_a_quiet_log_is_its_last_event" "log::an_empty_log_ends_at_its_start";
    PagesSkipAnEvent: "log_pages::paging_forwards_covers_everything_once";
    UptoIsExclusive: "log::positions_bound_what_is_read";
    UntilIsInclusive: "log::times_choose_events";
    IgnoresActors: "log::actors_and_flows_choose_events" "log::conditions_are_joined_by_and";
    LosesExtraMetadata: "values::metadata_is_kept_whole" "streams::events_are_read_as_they_were_written";
    LosesMilliseconds: "time::recorded_at_keeps_its_milliseconds";
    WidensIntegers: "values::documents_keep_every_value_exactly" "values::patches_keep_every_value_exactly";
    SortsFields: "values::the_order_of_fields_is_kept" "documents::what_is_inserted_is_read";
    NeverReportsDrift: "prepare::an_index_that_differs_is_reported_and_kept"
        "prepare::an_index_that_differs_in_what_it_covers_is_reported";
    StaysOpen: "capabilities::a_closed_store_answers_that_it_is_closed"
        "capabilities::closing_lets_waiting_commits_finish" "moved::waiting_ends_when_the_store_is_closed";
    ClaimsToBeDurable: "capabilities::a_durable_store_is_there_after_a_restart";
    ClaimsToReservePositions: "capabilities::a_store_that_reserves_positions_can_be_sabotaged"
        "entries::every_position_up_to_the_mark_has_an_entry";
    AdoptsWhatHasAVersion: "adoption::a_document_with_a_version_is_never_taken_for_one_without"
        "adoption::what_is_not_there_is_not_adopted";
    AdoptsNothing: "adoption::a_document_without_a_version_is_adopted_once";
    PutsWhereSomethingIs: "put::absent_never_overwrites";
    PutsOlderVersions: "put::newer_overwrites_only_lower_versions";
    PutsOtherVersions: "put::same_version_overwrites_only_its_own" "put::a_put_and_a_commit_respect_each_other";
    PutsOverUniqueValues: "put::a_put_keeps_unique_indexes";
    RemovesNothing: "put::what_matches_is_removed";
    SwapsDocumentsOnly: "swap::a_shadow_takes_the_place_with_documents_and_indexes";
    SwapsInTwoSteps: "swap::readers_see_the_old_or_the_new_never_none";
    ListsStreamsByLength: "upkeep::streams_come_in_the_order_of_their_keys";
    StreamsBeginAtOne: "truncation::what_is_truncated_is_gone_and_the_rest_stays"
        "import::a_stream_may_begin_above_its_first_version";
    ScansByPosition: "upkeep::a_scan_goes_stream_by_stream";
    ScansAStreamAgain: "upkeep::a_scan_goes_on_within_a_stream";
    ForgetsACategory: "upkeep::categories_are_listed_once_and_in_order";
    HidesCheckpoints: "upkeep::checkpoints_are_listed_by_name";
    RemovesMovedCheckpoints: "checkpoints::a_checkpoint_is_removed_where_it_has_not_moved";
    SharesOneCollection: "upkeep::own_collections_are_read_and_written_like_others";
    HasProblems: "upkeep::an_examination_finds_something_to_say";
    HidesTombstones: "import::positions_between_become_tombstones";
    ForgetsCommits: "import::a_commit_that_was_appended_is_known";
    AppendsWithoutLooking: "import::what_does_not_follow_is_refused"
        "import::what_differs_from_what_is_there_is_refused" "import::what_no_commit_could_have_written_is_refused"
        "import::any_list_is_appended_or_refused_as_a_whole";
    AppendsAnew: "import::commits_go_on_behind_what_was_appended" "import::what_is_appended_is_read_everywhere"
        "import::appending_again_changes_nothing" "import::every_value_comes_along";
    TruncatesWhatIsNotRead: "truncation::what_a_consumer_has_not_read_is_not_truncated"
        "truncation::what_is_not_final_is_not_truncated";
    TruncatesWhatIsKept: "truncation::what_is_kept_stays_readable"
        "truncation::no_handle_takes_what_is_gone_for_a_hole" "truncation::tombstones_go_and_stay_like_events";
    ForgetsTheTruncation: "truncation::truncating_again_goes_on";
    TruncatesNothing: "truncation::what_is_truncated_is_gone_and_the_rest_stays"
        "truncation::positions_and_versions_go_on_after_it" "truncation::a_log_may_be_truncated_to_its_end";
    SaysThatItMoved: "moved::a_quiet_log_is_answered_for_after_a_while";
    SleepsThroughCommits: "moved::a_commit_wakes_who_waits";
    ClosesTheGapsOfArrays: "patches::a_patch_finds_elements_by_their_place";
    PassesOverBadPlaces: "patches::a_patch_that_finds_no_place_is_refused";
    GivesDocumentsTheirIds: "documents::a_document_is_written_under_its_own_id";
    CutsToOnePathOfEachField: "projection::paths_of_a_projection_may_share_their_beginning";
    LooksAtCheckpointsFirst: "idempotence::a_commit_is_known_after_its_checkpoint_moved_on"
        "idempotence::a_commit_of_checkpoints_alone_is_known_too";
    AllIsAny: "filter_logic::all_holds_when_each_part_holds" "filter_logic::all_of_nothing_holds"
        "filter_logic::conditions_nest" "oracle::combined_conditions_agree_with_the_oracle";
    AnyIsAll: "filter_logic::any_holds_when_one_part_holds" "filter_logic::any_of_nothing_never_holds";
    ForgetsNot: "filter_logic::not_turns_every_kind_of_condition_around"
        "oracle::nested_conditions_agree_with_the_oracle";
    LooksIntoNoArray: "filter_arrays::a_comparison_looks_into_arrays"
        "filter_arrays::two_conditions_may_hold_for_two_elements" "filter_null::null_in_an_array_counts";
    FindsTextInNoArray: "filter_arrays::text_is_found_in_elements";
    PathsEndAtDots: "filter_arrays::paths_lead_through_arrays_of_documents"
        "filter_arrays::fields_of_nested_documents_are_reached"
        "filter_null::null_on_a_nested_path_matches_what_is_not_there" "sorting::nested_paths_are_sorted";
    ArraysAreTheirElements: "filter_arrays::an_array_equals_an_array_as_a_whole";
    TrueIsOne: "filter_compare::equal_is_by_value_and_never_across_kinds";
    KeepsKindsOfNumbers: "filter_compare::numbers_are_equal_by_value";
    RoundsLargeNumbers: "filter_compare::large_numbers_are_not_rounded";
    NothingIsNan: "filter_compare::nan_is_only_equal_to_itself";
    ZeroHasASign: "filter_compare::zero_has_no_sign";
    OrdersTextByLetters: "filter_compare::text_is_ordered_by_its_bytes";
    DatesHaveSeconds: "filter_compare::dates_have_milliseconds";
    ValuesMayBePatterns: "filter_hostile::a_regular_expression_as_a_value_is_a_value";
    DollarsNameFields: "filter_hostile::text_with_dollars_is_text";
    ObeysNestedOperators: "filter_hostile::nested_documents_of_operators_are_values_too";
    NullIsBelowEverything: "filter_null::null_and_missing_are_below_and_above_nothing"
        "oracle::simple_conditions_agree_with_the_oracle";
    TextStandsAnywhere: "filter_text::text_stands_at_its_place";
    LinesEndTexts: "filter_text::lines_do_not_end_a_text";
    EmptyTextIsNowhere: "filter_text::empty_text_is_in_every_text_and_in_nothing_else";
    NumbersAreText: "filter_text::numbers_are_no_text";
    PatternsFindNothing: "filter_text::regular_expressions_match_alike_everywhere";
    MeasuresEverything: "aggregates::only_what_matches_is_measured";
    FindsNoHighest: "aggregates::lowest_and_highest_follow_the_order_of_kinds"
        "aggregates::measures_over_everything_are_one_row" "aggregates::what_is_no_number_is_passed_over";
    GroupsByWholes: "aggregates::nested_paths_are_grouped_and_measured";
    RepeatsDistinctValues: "aggregates::distinct_values_come_in_order_and_once";
    LosesADistinctValue: "aggregates::distinct_looks_into_arrays_and_nested_documents";
    RunsEmptyPipelines: "capabilities::a_raw_pipeline_works_or_is_refused";
    HasNoName: "capabilities::a_store_has_a_name";
    ReadsLate: "commit::a_commit_is_read_back_at_once";
    InventsDocuments: "documents::what_is_not_there_is_none";
    KnowsCommonIdsOnly: "documents::ids_of_every_kind_find_their_document";
    KeepsKindsOfIds: "documents::ids_are_equal_by_value";
    EntriesIgnoreTheLimit: "entries::entries_are_cut_by_position_and_limit";
    NamesNoIndexes: "explain::an_index_that_serves_a_condition_is_named";
    TestsNothingAfter: "explain::what_no_index_serves_is_tested_after";
    ExplainsWhatIsRefused: "explain::what_is_refused_is_refused_before_it_is_explained";
    MarkFalls: "holes::a_high_water_mark_never_falls";
    IgnoresStreams: "log::streams_choose_events";
    IgnoresCategories: "log::categories_choose_events";
    IgnoresTypes: "log::type_patterns_choose_events";
    PagesTellAnOlderMark: "log_pages::no_page_reaches_past_the_high_water_mark";
    DroppedWaitsHoldOthersUp: "moved::a_wait_that_is_dropped_disturbs_nobody";
    ZeroIsNoLimit: "projection::a_limit_of_zero_finds_nothing";
    SortsNumbersAsText: "sorting::numbers_are_sorted_by_value";
    SortsTextByLetters: "sorting::text_is_sorted_by_bytes";
    SortsArraysAsWholes: "sorting::an_array_is_sorted_by_its_lowest_or_highest_element";
    RefusesEmptyStreams: "streams::a_stream_that_is_not_there_is_empty";
    InventsActors: "streams::events_without_metadata_stay_without";
    RangesAreHalfOpen: "streams::a_range_of_versions_holds_both_ends";
    ChangesEvents: "streams::events_never_change";
    WidensIntegersOfEvents: "values::events_keep_every_value_exactly";
    ForgetsCaseOfStreams: "versions::streams_with_like_names_stay_apart";
    KeepsWhatHasNoVersion: "adoption::a_document_without_a_version_is_replaced_or_deleted";
    NeverAdvances: "checkpoints::a_checkpoint_is_made_and_advanced";
    KeepsTheHighestCheckpoint: "checkpoints::a_checkpoint_may_go_back_on_purpose";
    SharesCheckpoints: "checkpoints::consumers_keep_to_themselves";
    RefusesChecks: "checks::a_check_that_holds_lets_the_commit_pass";
    InsertsOverWhatIsThere: "documents::an_insert_on_a_taken_id_conflicts";
    ReplacesByMerging: "documents::a_replacement_leaves_nothing_of_the_old";
    DeletesNothing: "documents::a_delete_removes_the_document" "unique::a_value_is_free_once_its_document_is_deleted";
    KnowsCommitsByContent: "idempotence::other_commits_with_the_same_content_are_other_commits";
    LimitsAreExclusive: "limits::a_commit_may_be_as_large_as_the_limit";
    BelievesAnySize: "limits::a_commit_with_too_many_writes_is_refused"
        "limits::a_commit_with_too_many_bytes_is_refused" "limits::a_document_that_no_database_holds_is_refused";
    BelievesAnyName: "limits::sixty_four_levels_are_stored_and_no_more"
        "limits::field_names_that_databases_read_otherwise_are_refused"
        "limits::patch_paths_that_databases_read_otherwise_are_refused";
    BelievesAnyCommit: "limits::a_commit_that_leaves_no_trace_is_refused"
        "limits::a_commit_that_contradicts_itself_is_refused" "limits::event_types_are_words_joined_by_dots";
    ForgetsToUnset: "patches::a_patch_changes_what_it_names_and_nothing_else";
    DropsDottedPaths: "patches::a_patch_makes_the_documents_on_its_way";
    KeepsDocumentsInside: "patches::a_patch_may_replace_a_document_by_a_value_and_back";
    UnsetsOnlyWhatIsThere: "patches::to_unset_what_is_missing_is_nothing";
    ObeysDollars: "patches::a_patch_stores_text_with_dollars_as_it_is";
    TimeNeverFallsAnywhere: "time::streams_do_not_move_each_others_time";
    ViolationsMayPass: "unique::a_violation_is_not_retryable";
    ReportsDriftAgain: "prepare::preparing_twice_changes_nothing";
    NamesNoBrokenIndexes: "prepare::a_unique_index_over_documents_that_break_it_is_refused";
    PutsLeaveEvents: "put::what_is_put_is_read_and_leaves_no_event";
    PutsOneBatch: "put::many_documents_are_put";
    PutsAnything: "put::what_cannot_be_read_again_is_not_put";
    SwapsOverWhatIsThere: "swap::the_live_collection_need_not_be_there";
    SwapsWhatIsNotThere: "swap::a_shadow_that_is_not_there_is_an_error";
    DropsDocumentsOnly: "swap::a_collection_is_dropped_with_its_indexes";
    ClaimsTruncations: "truncation::nothing_is_truncated_at_first";
    ListsLongStreamsTwice: "upkeep::long_streams_are_one_line_each";
    AppendsWhatItRefuses: "versions::a_refused_append_uses_no_version"
        "versions::a_conflict_is_retryable_and_left_nothing";
    AnyIsNoStream: "versions::any_appends_to_whatever_is_there";
    PutsNothingNewer: "put::of_many_writers_of_newer_the_highest_version_stays";
    LosesSomeWrites: "concurrency::a_counter_that_many_raise_counts_every_raise";
}

/// Cases without a liar, and why. Each is still held against a store that does nothing.
pub(super) const WITHOUT_A_LIAR: &[(&str, &str)] = &[
    ("holes::a_hole_holds_readers_only_for_a_while", HONEST_WITHOUT_HOLES),
    ("holes::an_aborted_commit_leaves_nothing_and_blocks_nobody", HONEST_WITHOUT_HOLES),
    ("holes::a_writer_that_stalls_is_never_overtaken", HONEST_WITHOUT_HOLES),
    ("moved::what_is_there_is_told_at_once", "it would have to be slow, and so would this test"),
];
const HONEST_WITHOUT_HOLES: &str = "the honest store below has no holes, no aborted commits and no writers that stall";
