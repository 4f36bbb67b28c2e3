//! Times as text, and the processor time of this process.

use std::time::{Duration, SystemTime};

/// A time as RFC 3339 in UTC, to the second. `None` for a time that the format can't express: before 1970 or after 9999.
pub fn rfc3339(time: SystemTime) -> Option<String> {
    const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok().filter(|since| *since < YEAR_10000);
    since.map(|_| humantime::format_rfc3339_seconds(time).to_string())
}

/// The present time as RFC 3339; empty if the clock is beyond what that can express.
pub fn now() -> String {
    rfc3339(SystemTime::now()).unwrap_or_default()
}

/// Seconds that all processors together have spent on this process; `None` where the system doesn't say.
pub fn cpu_seconds() -> Option<f64> {
    system::cpu_time().map(|time| time.as_secs_f64())
}

#[cfg(unix)]
mod system {
    use std::time::Duration;

    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;

    pub(super) fn cpu_time() -> Option<Duration> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        Some(duration(usage.user_time())? + duration(usage.system_time())?)
    }

    fn duration(time: TimeVal) -> Option<Duration> {
        let (seconds, micros) = (u64::try_from(time.tv_sec()).ok()?, u64::try_from(time.tv_usec()).ok()?);
        Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }
}

#[cfg(not(unix))]
mod system {
    use std::time::Duration;

    pub(super) fn cpu_time() -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn processor_time_grows_with_work() {
        let before = cpu_seconds().expect("known");
        let clock = std::time::Instant::now();
        let mut sum = 0_u64;
        while clock.elapsed() < Duration::from_millis(50) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let after = cpu_seconds().expect("known");
        assert!(after > before, "{before}, then {after}");
    }

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
