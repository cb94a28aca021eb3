//! How long a credential is to be good, as people write it.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use time::{Date, Month, OffsetDateTime};

/// The end of a credential: a date, or a time from now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expiry {
    Days(u16),
    Months(u16),
    On(Date),
}

impl Expiry {
    /// Midnight, UTC, of the day on which it ends.
    pub(super) fn from(self, now: SystemTime) -> SystemTime {
        let today = OffsetDateTime::from(now).date();
        let day = match self {
            Self::Days(days) => today.saturating_add(time::Duration::days(days.into())),
            Self::Months(months) => after(today, months),
            Self::On(day) => day,
        };
        day.midnight().assume_utc().into()
    }
}

impl FromStr for Expiry {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        if unit.starts_with('-') {
            return date(text).map(Self::On).ok_or(WRONG);
        }
        let number =
            number.parse::<u16>().ok().filter(|it| (1..=7300).contains(it)).ok_or(WRONG)?;
        match unit {
            "d" => Ok(Self::Days(number)),
            "w" => Ok(Self::Days(number.checked_mul(7).ok_or(WRONG)?)),
            "mo" => Ok(Self::Months(number)),
            "y" => Ok(Self::Months(number.checked_mul(12).ok_or(WRONG)?)),
            _ => Err(WRONG),
        }
    }
}

/// `2027-01-31` of a time, in UTC.
pub(super) fn day(at: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(at).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// As Graph writes a time.
pub(super) fn written(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A time as Graph writes it, whatever its fractions are.
pub(super) fn read(text: &str) -> Option<SystemTime> {
    let whole = text.get(..19)?;
    humantime::parse_rfc3339(&format!("{whole}Z")).ok()
}

/// Whole days until then; none if it is past.
pub(super) fn days_left(ends: SystemTime, now: SystemTime) -> Option<u64> {
    ends.duration_since(now).ok().map(|left| left.as_secs() / DAY.as_secs())
}

/// The same day of a later month, or its last one.
fn after(day: Date, months: u16) -> Date {
    let months = i32::from(u8::from(day.month())) - 1 + i32::from(months);
    let month = Month::try_from((months % 12 + 1) as u8).unwrap_or(Month::January);
    let year = day.year() + months / 12;
    let last = month.length(year);
    Date::from_calendar_date(year, month, day.day().min(last)).unwrap_or(Date::MAX)
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
    let day = Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()?;
    parts.next().is_none().then_some(day)
}

const DAY: Duration = Duration::from_secs(24 * 3600);

const WRONG: &str = "it is written like 90d, 6mo, 2y or 2027-01-31";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_days_months_years_and_dates() {
        let now = humantime::parse_rfc3339("2026-08-31T15:04:05Z").unwrap();
        for (text, ends) in [
            ("1d", "2026-09-01"),
            ("90d", "2026-11-29"),
            ("2w", "2026-09-14"),
            ("6mo", "2027-02-28"),
            ("18mo", "2028-02-29"),
            ("2y", "2028-08-31"),
            ("2027-01-31", "2027-01-31"),
        ] {
            assert_eq!(day(text.parse::<Expiry>().unwrap().from(now)), ends, "{text}");
        }
        for text in ["", "d", "0d", "6", "6m", "-1d", "99999y", "2027-02-30", "2027-1", "27-01-31"]
        {
            assert!(text.parse::<Expiry>().is_err(), "{text}");
        }
    }

    #[test]
    fn graph_s_times_are_read_with_and_without_fractions() {
        let plain = read("2027-05-22T00:00:00Z").unwrap();
        assert_eq!(read("2027-05-22T00:00:00.1234567Z"), Some(plain));
        assert_eq!(days_left(plain, plain - Duration::from_secs(86_401)), Some(1));
        assert_eq!(days_left(plain, plain + Duration::from_secs(1)), None);
        assert_eq!(read("soon"), None);
    }
}
