//! Times as text.

use std::time::{Duration, SystemTime};

/// A time as RFC 3339 in UTC, to the second. `None` for a time that the format can't express: before 1970 or after 9999.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok().filter(|since| *since < YEAR_10000);
    since.map(|_| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_the_format_cannot_express_are_none() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(rfc3339(epoch).as_deref(), Some("1970-01-01T00:00:00Z"));
        let last = epoch + Duration::from_secs(253_402_300_799);
        assert_eq!(rfc3339(last).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(rfc3339(last + Duration::from_secs(1)), None);
        assert_eq!(rfc3339(epoch - Duration::from_secs(1)), None);
    }
}
