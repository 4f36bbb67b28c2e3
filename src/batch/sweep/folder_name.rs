//! Names that a folder can have on every file system.

/// Longest name, in characters; on Windows a whole path may have 260.
pub(super) const LONGEST: usize = 80;
/// Names that Windows reserves for devices, whatever follows the first dot; the second list with a digit appended.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
const RESERVED_WITH_DIGIT: [&str; 2] = ["com", "lpt"];

/// Whether a folder can have this name on every file system.
pub(super) fn is_safe(name: &str) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_digit = |rest: &str| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit());
    let numbered = RESERVED_WITH_DIGIT.iter().any(|device| base.strip_prefix(device).is_some_and(is_digit));
    let reserved = RESERVED.contains(&base.as_str()) || numbered;
    let known = |c: char| c.is_ascii_alphanumeric() || " -_.,+=()".contains(c);
    let ends = name.starts_with([' ', '.', '-']) || name.ends_with([' ', '.']);
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(known) && !ends && !reserved
}
