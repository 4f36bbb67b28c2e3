//! The host's memory.

/// Assumed where the system does not say how much memory is free.
const UNKNOWN: u64 = 2 << 30;

/// Bytes of memory that programs can allocate without swapping. On systems other than Linux, a cautious guess.
pub fn free_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    available(&text).unwrap_or(UNKNOWN)
}

/// The line `MemAvailable:   1234 kB` of Linux's /proc/meminfo.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_in_kibibytes() {
        let text = "MemTotal:       24567890 kB\nMemFree:         1000 kB\nMemAvailable:       2048 kB\n";
        assert_eq!(available(text), Some(2 << 20));
        assert_eq!(available("MemTotal: 5 kB\n"), None);
        assert!(free_memory() > 0);
    }
}
