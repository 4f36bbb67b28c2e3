//! The host's memory, and this process's share of it.

/// Assumed where the system does not say how much memory is free.
const UNKNOWN: u64 = 2 << 30;

/// Bytes of memory that programs can allocate without swapping. On systems other than Linux, a cautious guess.
pub fn free_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    bytes_of("MemAvailable", &text).unwrap_or(UNKNOWN)
}

/// Most bytes of memory that this process has held at a time; `None` where the system doesn't say.
pub fn peak_memory() -> Option<u64> {
    // getrusage would also count the process that started this one
    match cfg!(target_os = "linux") {
        true => bytes_of("VmHWM", &std::fs::read_to_string("/proc/self/status").ok()?),
        false => most_resident(),
    }
}

#[cfg(unix)]
fn most_resident() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let most = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
    Some(if cfg!(target_vendor = "apple") { most } else { most << 10 })
}

#[cfg(not(unix))]
fn most_resident() -> Option<u64> {
    None
}

/// The line `NAME:   1234 kB` of a file in Linux's /proc.
fn bytes_of(name: &str, text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_in_kibibytes() {
        let text = "MemTotal:       24567890 kB\nMemFree:         1000 kB\nMemAvailable:       2048 kB\n";
        assert_eq!(bytes_of("MemAvailable", text), Some(2 << 20));
        assert_eq!(bytes_of("MemAvailable", "MemTotal: 5 kB\n"), None);
        assert!(free_memory() > 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_peak_of_this_process_includes_what_it_has_freed() {
        const HELD: usize = 64 << 20;
        let before = peak_memory().expect("known");
        drop(std::hint::black_box(vec![1_u8; HELD]));
        let after = peak_memory().expect("known");
        // 1 TiB would be a wrong unit
        assert!(after >= before && after >= HELD as u64 && after < 1 << 40, "{before}, then {after}");
    }
}
