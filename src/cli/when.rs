//! Moments on the command line: RFC 3339, a day, or how long ago.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Reads `2026-01-31T12:00:00Z`, `2026-01-31` (its first moment, UTC), or `90s`, `10m`, `2h`, `3d`, `1w` ago.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    ago(text)
        .and_then(|span| Utc::now().checked_sub_signed(span))
        .ok_or_else(|| "write 2026-01-31T12:00:00Z, 2026-01-31, or how long ago: 90s, 10m, 2h, 3d, 1w".to_owned())
}

fn ago(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number >= 0)?;
    match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        'w' => TimeDelta::try_weeks(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_three_ways() {
        assert_eq!(moment("2026-01-31T13:00:00+01:00").unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
        assert_eq!(moment("2026-01-31").unwrap().to_rfc3339(), "2026-01-31T00:00:00+00:00");
        let past = Utc::now() - moment("2h").unwrap();
        assert!((7_199..=7_260).contains(&past.num_seconds()));
    }

    #[test]
    fn other_text_is_refused_with_examples() {
        for text in ["", "yesterday", "5", "-3m", "9223372036854775807w", "3 d", "ü", "2026-13-01"] {
            assert!(moment(text).unwrap_err().contains("10m"), "{text}");
        }
    }
}
