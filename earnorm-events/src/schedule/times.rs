//! The times of a periodic schedule: every so long from a beginning, or by a cron pattern in a time zone.

use std::str::FromStr;
use std::time::Duration;

use bson::{Bson, Document, doc};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::{Cron, Direction};

/// When a schedule is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Times {
    /// Every so many milliseconds, counted from the time at which the schedule was first written down.
    Every(i64),
    /// By a pattern, read on the clocks of a zone.
    Cron { pattern: String, cron: Box<Cron>, zone: Tz },
}

impl Times {
    /// Refuses less than a millisecond.
    pub(crate) fn every(time: Duration) -> Result<Self, String> {
        match i64::try_from(time.as_millis()) {
            Ok(millis) if millis > 0 => Ok(Self::Every(millis)),
            _ => Err(format!("it is to run every {time:?}: name a time of a millisecond or more")),
        }
    }

    /// Refuses patterns that are none or that no time meets, and zones that are not in the tz database.
    pub(crate) fn cron(pattern: &str, zone: &str) -> Result<Self, String> {
        let zone = Tz::from_str(zone).map_err(|_| {
            format!("`{zone}` is not the name of a time zone: take one of the tz database, such as `Europe/Rome`")
        })?;
        // An empty list would be met by no time, which is found only after a search through all of them.
        if pattern.split_whitespace().any(|field| field.split(',').any(str::is_empty)) {
            return Err(format!("the cron pattern `{pattern}` is none: a list in it has an empty entry"));
        }
        let cron = Cron::from_str(pattern).map_err(|error| format!("the cron pattern `{pattern}` is none: {error}"))?;
        let times = Self::Cron { pattern: pattern.to_owned(), cron: Box::new(cron), zone };
        match times.after(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH) {
            Some(_) => Ok(times),
            None => Err(format!("no time ever meets the cron pattern `{pattern}`")),
        }
    }

    /// The first time after `moment`; `from` is where counting begins. `None` when there is none any more.
    pub(crate) fn after(&self, moment: DateTime<Utc>, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(every) => {
                let done = (moment - from).num_milliseconds().div_euclid(*every).max(0);
                let next = done.checked_add(1)?.checked_mul(*every)?;
                from.checked_add_signed(TimeDelta::try_milliseconds(next)?)
            }
            Self::Cron { cron, zone, .. } => {
                let next = cron.find_next_occurrence(&on_clocks(moment, *zone), false).ok()?.with_timezone(&Utc);
                // Patterns have whole seconds.
                (next > moment).then(|| whole_seconds(next))
            }
        }
    }

    /// The last time up to `until`, at least `first`, which is one of them.
    pub(crate) fn last_until(&self, until: DateTime<Utc>, first: DateTime<Utc>, from: DateTime<Utc>) -> DateTime<Utc> {
        let last = match self {
            Self::Every(every) => {
                let done = (until - from).num_milliseconds().div_euclid(*every);
                let time = done.checked_mul(*every).and_then(TimeDelta::try_milliseconds);
                time.and_then(|time| from.checked_add_signed(time))
            }
            Self::Cron { cron, zone, .. } => {
                let until = on_clocks(whole_seconds(until), *zone);
                let last = cron.iter_from(until, Direction::Backward).next();
                last.map(|last| whole_seconds(last.with_timezone(&Utc)))
            }
        };
        last.filter(|last| *last <= until).unwrap_or(first).max(first)
    }

    /// As it is stored; what is equal here is the same schedule.
    pub(crate) fn to_document(&self) -> Document {
        match self {
            Self::Every(millis) => doc! { "every": Bson::Int64(*millis) },
            Self::Cron { pattern, zone, .. } => doc! { "cron": pattern, "zone": zone.name() },
        }
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self, String> {
        if let Ok(millis) = document.get_i64("every") {
            return Self::every(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        }
        match (document.get_str("cron"), document.get_str("zone")) {
            (Ok(pattern), Ok(zone)) => Self::cron(pattern, zone),
            _ => Err("it has neither `every` nor `cron` with `zone`".to_owned()),
        }
    }
}

/// A moment on the clocks of a zone, not before the year 1 and not behind 4999, between which patterns are followed: from
/// further away the search takes seconds, and at the ends of time some clocks show no date at all.
fn on_clocks(moment: DateTime<Utc>, zone: Tz) -> DateTime<Tz> {
    let day = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let (first, last) = (day(-62_135_510_400), day(95_617_411_200));
    moment.clamp(first, last).with_timezone(&zone)
}

fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn cron(pattern: &str, zone: &str) -> Times {
        Times::cron(pattern, zone).unwrap_or_else(|error| panic!("{error}"))
    }

    fn next(times: &Times, after: &str, count: usize) -> Vec<String> {
        let mut moment = at(after);
        let mut found = Vec::new();
        for _ in 0..count {
            moment = times.after(moment, DateTime::UNIX_EPOCH).unwrap_or_else(|| panic!("no time after {moment}"));
            found.push(moment.format("%d %H:%M").to_string());
        }
        found
    }

    #[test]
    fn a_time_that_the_clocks_leave_out_is_met_behind_the_gap() {
        // Rome, 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC.
        let times = cron("30 2 * * *", "Europe/Rome");
        assert_eq!(next(&times, "2026-03-27T12:00:00Z", 3), ["28 01:30", "29 01:00", "30 00:30"]);
        let hourly = cron("30 * * * *", "Europe/Rome");
        assert_eq!(next(&hourly, "2026-03-28T23:00:00Z", 3), ["28 23:30", "29 00:30", "29 01:30"]);
    }

    #[test]
    fn a_time_that_the_clocks_show_twice_is_met_once_by_a_fixed_hour_and_each_time_by_every_hour() {
        // Rome, 25 October 2026: 03:00 becomes 02:00, which is 01:00 UTC.
        let times = cron("30 2 * * *", "Europe/Rome");
        assert_eq!(next(&times, "2026-10-24T12:00:00Z", 2), ["25 00:30", "26 01:30"]);
        let hourly = cron("30 * * * *", "Europe/Rome");
        assert_eq!(next(&hourly, "2026-10-24T23:00:00Z", 4), ["24 23:30", "25 00:30", "25 01:30", "25 02:30"]);
    }

    #[test]
    fn what_cannot_be_a_schedule_is_refused_with_what_to_do() {
        let refused = |times: Result<Times, String>| times.map(|_| ()).unwrap_or_else(|error| panic!("{error}"));
        let text = |times: Result<Times, String>| times.map_or_else(|error| error, |times| format!("{times:?}"));
        refused(Times::cron("0 3 * * *", "UTC"));
        assert!(text(Times::cron("0 3 * *", "UTC")).contains("`0 3 * *`"));
        assert!(text(Times::cron("0 25 * * *", "UTC")).contains("`0 25 * * *`"));
        for empty in [", 0-6 * * MON-FRI", "0 1,,2 * * *", "0 0 1 , *", "1, 2 * * * *"] {
            assert!(text(Times::cron(empty, "UTC")).contains("an empty entry"), "{empty}");
        }
        assert!(text(Times::cron("0 3 * * *", "Europe/Roma")).contains("tz database"));
        assert!(text(Times::cron("0 0 30 2 *", "UTC")).contains("no time ever"));
        assert!(text(Times::every(Duration::ZERO)).contains("a millisecond or more"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn the_last_time_is_the_last_of_those_that_come_one_after_the_other(
            start in 1_700_000_000_000_i64..1_800_000_000_000,
            ahead in 0_i64..400_000_000,
            which in 0_usize..5,
        ) {
            let times = match which {
                0 => Times::Every(7_919_000),
                1 => cron("30 2 * * *", "Europe/Rome"),
                2 => cron("*/17 * * * *", "Europe/Rome"),
                3 => cron("0 0 * * MON", "America/New_York"),
                _ => cron("15 0 1 * * *", "Australia/Lord_Howe"),
            };
            let from = DateTime::from_timestamp_millis(start).unwrap_or_default();
            let until = from + TimeDelta::milliseconds(ahead);
            let Some(first) = times.after(from, from) else { return Ok(()) };
            prop_assume!(first <= until);
            let mut last = first;
            while let Some(next) = times.after(last, from) {
                prop_assert!(next > last);
                if next > until {
                    break;
                }
                last = next;
            }
            prop_assert_eq!(times.last_until(until, first, from), last);
        }

        #[test]
        fn any_pattern_is_refused_or_has_times_that_rise(
            noise in ".{0,24}", parts in prop::collection::vec(0_usize..16, 1..8), zone in 0_usize..4, millis in any::<i64>(),
        ) {
            let words = [
                "*", "0", "59", "60", "*/7", "1-5", "5-1", "L", "15W", "5#3", "MON", "JAN", "?", "@yearly", "4294967296", "2030",
            ];
            let zone = ["UTC", "Europe/Rome", "Pacific/Apia", "Etc/GMT+12"][zone];
            let joined = parts.into_iter().map(|part| words[part]).collect::<Vec<_>>().join(" ");
            for pattern in [noise, joined] {
                let Ok(times) = Times::cron(&pattern, zone) else { continue };
                let edges = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at("2026-03-29T00:30:00Z")];
                let moments = DateTime::from_timestamp_millis(millis).into_iter().chain(edges);
                for moment in moments {
                    let next = times.after(moment, moment);
                    prop_assert!(next.is_none_or(|next| next > moment), "{pattern}: {next:?} after {moment}");
                    let last = times.last_until(moment, DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
                    prop_assert!(last <= moment.max(DateTime::UNIX_EPOCH), "{pattern}: {last} up to {moment}");
                }
                let stored = Times::from_document(&times.to_document());
                prop_assert_eq!(stored, Ok(times));
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
        let year = TimeDelta::days(365);
        for times in [
            Times::Every(1),
            Times::Every(i64::MAX),
            cron("* * * * *", "Pacific/Apia"),
            cron("0 3 * * *", "Etc/GMT+12"),
        ] {
            for (moment, from) in ends.into_iter().flat_map(|moment| ends.map(|from| (moment, from))) {
                let _ = times.after(moment, from);
                assert!(times.last_until(moment, from, from) >= from);
            }
            assert!(times.after(ends[1] - year, ends[0]).is_none_or(|next| next > ends[1] - year));
        }
    }
}
