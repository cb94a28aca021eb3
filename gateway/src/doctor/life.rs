//! When things end, in words.

use std::time::{Duration, SystemTime};

/// How many days are left; negative for one that has ended.
pub(super) fn days(ends: SystemTime, now: SystemTime) -> i64 {
    let days = |seconds: u64| i64::try_from(seconds / DAY).unwrap_or(i64::MAX);
    match ends.duration_since(now) {
        Ok(left) => days(left.as_secs()),
        Err(over) => -1 - days(over.duration().as_secs()),
    }
}

/// The same in words: `812 days left`.
pub(super) fn left(ends: SystemTime, now: SystemTime) -> String {
    match days(ends, now) {
        ..0 => format!("ended {}", date(ends)),
        0 => "ends today".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    }
}

/// A day, in UTC: `2027-01-31`.
pub(super) fn date(at: SystemTime) -> String {
    // What is written so has years of four digits.
    let at = at.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + YEAR_9999);
    let text = humantime::format_rfc3339_seconds(at).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// In seconds.
const DAY: u64 = 24 * 3600;

/// The end of that year.
const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_left_until_it_is_over() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 * DAY);
        let at = |seconds: i64| match u64::try_from(seconds) {
            Ok(seconds) => now + Duration::from_secs(seconds),
            Err(_) => now - Duration::from_secs(seconds.unsigned_abs()),
        };
        for (seconds, words) in [
            (812 * 86_400 + 5, "812 days left"),
            (86_400, "1 day left"),
            (86_399, "ends today"),
            (0, "ends today"),
            (-1, "ended 1972-09-26"),
        ] {
            assert_eq!(left(at(seconds), now), words, "{seconds}");
        }
        assert_eq!([days(at(-1), now), days(at(-86_401), now)], [-1, -2]);
    }
}
