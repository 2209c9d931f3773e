//! Stores that are wrong in exactly one way: for each, the suite must say so, in the case that is about it.

mod admin;
pub(crate) mod idle;
mod liar;
mod reads;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use earnorm_core::store::Store;
use earnorm_store::MemoryStore;
use earnorm_store::conformance::{CASES, Fixture, run_case};

use liar::Liar;

/// What a liar gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    IgnoresUniqueIndexes,
    ForgetsThatOnlyPresentValuesAreUnique,
    ForgetsThatOnlyLiveDocumentsAreUnique,
    NamesNoFieldsInViolations,
    ChecksUniquenessAtTheEnd,
    LosesTheLastDocument,
    WritesDocumentsBackwards,
    KeepsEventsOfAConflict,
    AcceptsStaleDocuments,
    AcceptsStaleStreams,
    ReportsAWrongActualVersion,
    ReusesVersions,
    SwapsPositions,
    LetsTimeFall,
    IgnoresNotBefore,
    ListsTheReceiptBackwards,
    PassesHoles,
    IgnoresCheckpoints,
    IgnoresEpochs,
    LosesCheckpoints,
    IgnoresChecks,
    BumpsCheckedDocuments,
    AppliesACommitTwice,
    RemembersRefusedCommits,
    SettlesContradictions,
    NullMissesMissing,
    ExistsMissesNull,
    ComparesAcrossKinds,
    FoldsCase,
    ReadsTextAsAPattern,
    ObeysOperatorsInValues,
    InOfNothingHolds,
    HasAllOfNothingHolds,
    NotMissesMissing,
    ElementsJoin,
    SizeCountsScalars,
    InvalidHolds,
    RawHolds,
    SumsWithoutDecimals,
    SumsDoublesPlainly,
    OverflowWraps,
    AverageOfNothingIsZero,
    GroupsWithoutNull,
    SortsNullLast,
    IgnoresTheSecondKey,
    IgnoresSkip,
    IgnoresProjections,
    HandsOverLess,
    FindsTwice,
    StreamsIgnoreTheLimit,
    StreamsOnlyForwards,
    SaysThereIsNoMore,
    AlwaysSaysThereIsMore,
    MarkIsPastTheEnd,
    PagesSkipAnEvent,
    UptoIsExclusive,
    UntilIsInclusive,
    IgnoresActors,
    LosesExtraMetadata,
    LosesMilliseconds,
    WidensIntegers,
    SortsFields,
    NeverReportsDrift,
    StaysOpen,
    ClaimsToBeDurable,
    ClaimsToReservePositions,
    AdoptsWhatHasAVersion,
    AdoptsNothing,
    PutsWhereSomethingIs,
    PutsOlderVersions,
    PutsOtherVersions,
    PutsOverUniqueValues,
    RemovesNothing,
    SwapsDocumentsOnly,
    SwapsInTwoSteps,
    ListsStreamsByLength,
    StreamsBeginAtOne,
    ScansByPosition,
    ScansAStreamAgain,
    ForgetsACategory,
    HidesCheckpoints,
    RemovesMovedCheckpoints,
    SharesOneCollection,
    HasProblems,
    HidesTombstones,
    ForgetsCommits,
    AppendsWithoutLooking,
    AppendsAnew,
    TruncatesWhatIsNotRead,
    TruncatesWhatIsKept,
    ForgetsTheTruncation,
    TruncatesNothing,
    SaysThatItMoved,
    SleepsThroughCommits,
}

use Lie::*;

/// Each lie, and the case that must find it.
const EXPOSED_BY: &[(Lie, &str)] = &[
    (IgnoresUniqueIndexes, "unique::two_documents_may_not_share_a_unique_value"),
    (ForgetsThatOnlyPresentValuesAreUnique, "unique::null_and_missing_are_free_where_presence_is_asked"),
    (ForgetsThatOnlyLiveDocumentsAreUnique, "unique::only_live_documents_are_held_to_a_live_rule"),
    (NamesNoFieldsInViolations, "unique::a_compound_rule_is_broken_by_all_its_parts"),
    (ChecksUniquenessAtTheEnd, "unique::two_documents_cannot_swap_values_in_one_commit"),
    (LosesTheLastDocument, "documents::one_commit_writes_several_collections"),
    (WritesDocumentsBackwards, "documents::documents_are_written_in_their_order"),
    (KeepsEventsOfAConflict, "commit::a_stale_document_leaves_nothing_of_the_rest"),
    (AcceptsStaleDocuments, "documents::a_stale_replacement_conflicts"),
    (AcceptsStaleStreams, "versions::exact_refuses_a_stream_that_moved_on"),
    (ReportsAWrongActualVersion, "versions::exact_refuses_a_stream_that_is_not_there_yet"),
    (ReusesVersions, "versions::versions_count_from_one_without_gaps"),
    (SwapsPositions, "versions::positions_rise_in_commit_order"),
    (LetsTimeFall, "time::recorded_at_never_falls_within_a_stream"),
    (IgnoresNotBefore, "time::no_event_is_earlier_than_not_before"),
    (ListsTheReceiptBackwards, "commit::a_commit_applies_all_of_its_parts"),
    (PassesHoles, "holes::readers_miss_nothing_while_hostile_writers_run"),
    (IgnoresCheckpoints, "checkpoints::a_stale_position_is_refused"),
    (IgnoresEpochs, "checkpoints::a_new_epoch_refuses_the_old_owner"),
    (LosesCheckpoints, "commit::a_commit_applies_all_of_its_parts"),
    (IgnoresChecks, "checks::commits_that_check_what_the_other_writes_do_not_both_win"),
    (BumpsCheckedDocuments, "checks::a_check_changes_neither_version_nor_fields"),
    (AppliesACommitTwice, "idempotence::the_same_commit_again_answers_with_the_first_receipt"),
    (RemembersRefusedCommits, "idempotence::the_id_of_a_refused_commit_is_free"),
    (SettlesContradictions, "limits::writes_that_exclude_each_other_are_refused"),
    (NullMissesMissing, "filter_null::null_equals_missing"),
    (ExistsMissesNull, "filter_null::exists_tells_null_from_missing"),
    (ComparesAcrossKinds, "filter_compare::order_compares_within_one_kind"),
    (FoldsCase, "filter_text::case_and_accents_are_kept"),
    (ReadsTextAsAPattern, "filter_text::signs_of_patterns_stand_for_themselves"),
    (ObeysOperatorsInValues, "filter_hostile::a_document_of_operators_is_compared_as_a_document"),
    (InOfNothingHolds, "filter_compare::in_holds_for_each_of_its_values"),
    (HasAllOfNothingHolds, "filter_arrays::has_all_asks_for_every_value"),
    (NotMissesMissing, "filter_null::null_and_missing_are_not_equal_to_any_value"),
    (ElementsJoin, "filter_arrays::an_element_must_hold_all_conditions_itself"),
    (SizeCountsScalars, "filter_arrays::size_counts_elements_of_arrays_only"),
    (InvalidHolds, "filter_compare::an_invalid_filter_is_an_error_wherever_it_stands"),
    (RawHolds, "capabilities::a_raw_filter_works_or_is_refused"),
    (SumsWithoutDecimals, "aggregates::decimals_are_summed_exactly"),
    (SumsDoublesPlainly, "aggregates::doubles_are_summed_without_losing_the_small_ones"),
    (OverflowWraps, "aggregates::integers_that_overflow_are_an_error"),
    (AverageOfNothingIsZero, "aggregates::measures_over_nothing_are_one_row_too"),
    (GroupsWithoutNull, "aggregates::groups_come_in_the_order_of_their_key"),
    (SortsNullLast, "sorting::missing_is_sorted_as_null"),
    (IgnoresTheSecondKey, "sorting::ties_are_broken_by_the_next_key"),
    (IgnoresSkip, "projection::skip_and_limit_cut_after_the_order"),
    (IgnoresProjections, "projection::a_projection_keeps_its_paths_and_the_id"),
    (HandsOverLess, "projection::what_is_at_hand_is_what_is_found"),
    (FindsTwice, "concurrency::finding_while_others_write_neither_fails_nor_repeats"),
    (StreamsIgnoreTheLimit, "streams::a_limit_counts_from_where_the_reading_starts"),
    (StreamsOnlyForwards, "streams::a_stream_is_read_backwards"),
    (SaysThereIsNoMore, "log_pages::paging_forwards_covers_everything_once"),
    (AlwaysSaysThereIsMore, "log_pages::more_looks_only_within_what_was_asked"),
    (MarkIsPastTheEnd, "log_pages::the_mark_of_a_quiet_log_is_its_last_event"),
    (PagesSkipAnEvent, "log_pages::paging_forwards_covers_everything_once"),
    (UptoIsExclusive, "log::positions_bound_what_is_read"),
    (UntilIsInclusive, "log::times_choose_events"),
    (IgnoresActors, "log::actors_and_flows_choose_events"),
    (LosesExtraMetadata, "values::metadata_is_kept_whole"),
    (LosesMilliseconds, "time::recorded_at_keeps_its_milliseconds"),
    (WidensIntegers, "values::documents_keep_every_value_exactly"),
    (SortsFields, "values::the_order_of_fields_is_kept"),
    (NeverReportsDrift, "prepare::an_index_that_differs_is_reported_and_kept"),
    (StaysOpen, "capabilities::a_closed_store_answers_that_it_is_closed"),
    (ClaimsToBeDurable, "capabilities::a_durable_store_is_there_after_a_restart"),
    (ClaimsToReservePositions, "capabilities::a_store_that_reserves_positions_can_be_sabotaged"),
    (AdoptsWhatHasAVersion, "adoption::a_document_with_a_version_is_never_taken_for_one_without"),
    (AdoptsNothing, "adoption::a_document_without_a_version_is_adopted_once"),
    (PutsWhereSomethingIs, "put::absent_never_overwrites"),
    (PutsOlderVersions, "put::newer_overwrites_only_lower_versions"),
    (PutsOtherVersions, "put::same_version_overwrites_only_its_own"),
    (PutsOverUniqueValues, "put::a_put_keeps_unique_indexes"),
    (RemovesNothing, "put::what_matches_is_removed"),
    (SwapsDocumentsOnly, "swap::a_shadow_takes_the_place_with_documents_and_indexes"),
    (SwapsInTwoSteps, "swap::readers_see_the_old_or_the_new_never_none"),
    (ListsStreamsByLength, "upkeep::streams_come_in_the_order_of_their_keys"),
    (StreamsBeginAtOne, "truncation::what_is_truncated_is_gone_and_the_rest_stays"),
    (ScansByPosition, "upkeep::a_scan_goes_stream_by_stream"),
    (ScansAStreamAgain, "upkeep::a_scan_goes_on_within_a_stream"),
    (ForgetsACategory, "upkeep::categories_are_listed_once_and_in_order"),
    (HidesCheckpoints, "upkeep::checkpoints_are_listed_by_name"),
    (RemovesMovedCheckpoints, "checkpoints::a_checkpoint_is_removed_where_it_has_not_moved"),
    (SharesOneCollection, "upkeep::own_collections_are_read_and_written_like_others"),
    (HasProblems, "upkeep::an_examination_finds_something_to_say"),
    (HidesTombstones, "import::positions_between_become_tombstones"),
    (ForgetsCommits, "import::a_commit_that_was_appended_is_known"),
    (AppendsWithoutLooking, "import::what_does_not_follow_is_refused"),
    (AppendsAnew, "import::commits_go_on_behind_what_was_appended"),
    (TruncatesWhatIsNotRead, "truncation::what_a_consumer_has_not_read_is_not_truncated"),
    (TruncatesWhatIsKept, "truncation::what_is_kept_stays_readable"),
    (ForgetsTheTruncation, "truncation::truncating_again_goes_on"),
    (TruncatesNothing, "truncation::what_is_truncated_is_gone_and_the_rest_stays"),
    (SaysThatItMoved, "moved::a_quiet_log_is_answered_for_after_a_while"),
    (SleepsThroughCommits, "moved::a_commit_wakes_who_waits"),
];

#[async_trait]
impl Fixture for Lie {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(Liar::new(MemoryStore::new(), *self))
    }
}

#[test]
fn every_lie_is_found_by_the_case_that_is_about_it() {
    let mut believed = Vec::new();
    for (lie, name) in EXPOSED_BY {
        let case = CASES.iter().find(|case| case.to_string() == *name);
        let case = case.unwrap_or_else(|| panic!("{name} is a case"));
        if block_on(run_case(*case, Arc::new(*lie))).failure.is_none() {
            believed.push((lie, name));
        }
    }
    assert!(believed.is_empty(), "these lies are believed: {believed:#?}");
}

/// Runs on a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
