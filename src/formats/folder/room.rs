//! Free disk space.

use std::path::Path;

use crate::base::error::{Error, Finding, Result};

/// Checks that the file system of `folder` has `bytes` available.
///
/// # Errors
/// `Failed` if it has less, or can't say.
pub fn ensure_room(folder: &Path, bytes: u64) -> Result<()> {
    let available = fs4::available_space(folder)
        .map_err(|e| Error::io("can't ask the file system for its free space", folder, &e))?;
    if available >= bytes {
        return Ok(());
    }
    Err(Error::failed(
        Finding::new("there is not enough room for the output")
            .file(folder)
            .expected(format!("{} available", describe_bytes(bytes)))
            .found(describe_bytes(available))
            .hint("free some space, or name a folder on another disk with --out; metrics can leave out --distances and --parquet"),
    ))
}

/// A size in readable and exact form: `1.5 GB (1500000000 bytes)`.
pub(crate) fn describe_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // Integer arithmetic, because float formatting would round 999_999 up to "1000.0 kB".
        Some((unit, name)) => format!("{}.{} {name} ({bytes} bytes)", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_described_readably_and_exactly() {
        assert_eq!(describe_bytes(0), "0 bytes");
        assert_eq!(describe_bytes(999), "999 bytes");
        assert_eq!(describe_bytes(1_000), "1.0 kB (1000 bytes)");
        assert_eq!(describe_bytes(999_999), "999.9 kB (999999 bytes)");
        assert_eq!(describe_bytes(1_550_000_000), "1.5 GB (1550000000 bytes)");
        assert_eq!(describe_bytes(u64::MAX), "18446744.0 TB (18446744073709551615 bytes)");
    }
}
