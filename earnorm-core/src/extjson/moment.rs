//! Times in the one form in which nearly all are written, read without a parser for the others.

use chrono::{DateTime, NaiveDate, Utc};

/// Reads a time such as `2023-11-14T22:13:20.123Z`, with up to three digits behind the point or none. `None` for every
/// other text, which may be a time all the same.
#[must_use]
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', rest @ ..] = text.as_bytes() else { return None };
    let [h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] = rest else { return None };
    let millis = match rest {
        [b'Z'] => 0,
        [b'.', tenths, b'Z'] => number([tenths])? * 100,
        [b'.', tenths, hundredths, b'Z'] => number([tenths, hundredths])? * 10,
        [b'.', tenths, hundredths, thousandths, b'Z'] => number([tenths, hundredths, thousandths])?,
        _ => return None,
    };
    let year = i32::try_from(number([y1, y2, y3, y4])?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number([m1, m2])?, number([d1, d2])?)?;
    Some(day.and_hms_milli_opt(number([h1, h2])?, number([n1, n2])?, number([s1, s2])?, millis)?.and_utc())
}

fn number<const N: usize>(digits: [&u8; N]) -> Option<u32> {
    digits.into_iter().try_fold(0, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    //! The short way reads what a parser of all times reads.

    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::moment;

    #[test]
    fn what_is_no_such_time_is_left_to_others() {
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20.1234Z",
            "2023-11-14T22:13:20+01:00",
            "2023-11-14t22:13:20z",
            "2023-11-14T22:13:60Z",
            "2023-11-14T24:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-1a-14T22:13:20Z",
            "2023-11-14T22:13:1:Z",
            "2023-11-14T22:13:1/Z",
            "+2023-11-14T22:13:20Z",
            "2023-11-14T22:13:2\u{661}Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_the_one_of_the_long_way(seconds in -62_167_219_200_i64..253_402_300_800, millis in 0..1_000_u32) {
            let at = DateTime::<Utc>::from_timestamp(seconds, millis * 1_000_000).unwrap();
            let text = at.format("%Y-%m-%dT%H:%M:%S").to_string();
            let digits = format!("{millis:03}");
            for fraction in [format!(".{digits}"), format!(".{}", &digits[..2]), format!(".{}", &digits[..1]), String::new()] {
                let text = format!("{text}{fraction}Z");
                prop_assert_eq!(moment(&text), text.parse().ok(), "{}", text);
            }
        }
    }
}
