//! Cron patterns.

use arbitrary::{Result, Unstructured};
use chrono::{DateTime, TimeDelta, Utc};
use earnorm_events::__private::cron_times;

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Monrovia",
    "Asia/Kathmandu",
    "Etc/GMT+12",
];
const PARTS: [&str; 24] = [
    "*",
    "0",
    "1",
    "5",
    "59",
    "60",
    "*/7",
    "1-5",
    "5-1",
    "1,2",
    "L",
    "W",
    "15W",
    "#",
    "5#3",
    "5L",
    "MON",
    "JAN",
    "?",
    "@yearly",
    "/",
    "-",
    "4294967296",
    "2024-2026",
];

/// A pattern is refused or has times that rise, in any zone and from any moment.
pub fn cron(data: &[u8]) {
    let _ = check(&mut Unstructured::new(data));
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let zone = *u.choose(&ZONES)?;
    let millis = match u.int_in_range(0..=3)? {
        0 => u.arbitrary()?,
        1 => *u.choose(&[i64::MIN, i64::MAX, 0, -1])?,
        _ => u.int_in_range(-5_000_000_000_000..=100_000_000_000_000)?,
    };
    let near = TimeDelta::milliseconds(u.int_in_range(-100_000_000..=100_000_000)?);
    let edges = [DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC];
    let edge = *u.choose(&edges)?;
    let moment = DateTime::from_timestamp_millis(millis).or_else(|| edge.checked_add_signed(near)).unwrap_or(edge);
    let pattern = if u.arbitrary()? {
        let len = u.int_in_range(1..=7)?;
        let parts = (0..len).map(|_| u.choose(&PARTS).copied()).collect::<Result<Vec<_>>>()?;
        parts.join(*u.choose(&[" ", " ", " ", ",", ""])?)
    } else {
        String::from_utf8_lossy(u.bytes(u.len())?).into_owned()
    };
    let Ok(times) = cron_times(&pattern, zone, moment, 6) else { return Ok(()) };
    let rising = times.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(rising && times.iter().all(|time| *time > moment), "{pattern} in {zone} after {moment}: {times:?}");
    assert!(times.iter().all(|time| time.timestamp_subsec_nanos() == 0), "{pattern}: {times:?}");
    // From between two times the second one is the next.
    if let [first, second, ..] = times[..] {
        let between = first + (second - first) / 2;
        assert_eq!(cron_times(&pattern, zone, between, 1), Ok(vec![second]), "{pattern} in {zone} after {between}");
    }
    Ok(())
}
