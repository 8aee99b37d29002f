//! Moments as seconds since the epoch, and as RFC 3339 text.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last second that four digits of a year can write: 9999-12-31T23:59:59Z.
pub const LAST: i64 = 253_402_300_799;

/// The wall clock.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// `2026-01-02T03:04:05Z`. The years of certificates are 0 to 9999 (RFC 5280 section 4.1.2.5), and all come out in four digits.
pub fn rfc3339(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The same to the millisecond: `2026-01-02T03:04:05.678Z`.
pub fn rfc3339_ms(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut text = rfc3339(i64::try_from(since.as_secs()).unwrap_or(LAST).min(LAST));
    text.truncate(text.len() - 1);
    format!("{text}.{:03}Z", since.subsec_millis())
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// The year is taken to begin in March, so that the leap day is its last: then the lengths of months follow one rule.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const FROM_0000_03_01_TO_1970: i64 = 719_468;
    let days = days + FROM_0000_03_01_TO_1970;
    let (era, day) = (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, january_or_february) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + january_or_february, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (2_587_593_600, "2051-12-31T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn milliseconds_stand_behind_the_second() {
        let moment = UNIX_EPOCH + Duration::from_micros(951_868_799_007_900);
        assert_eq!(rfc3339_ms(moment), "2000-02-29T23:59:59.007Z");
    }
}
