//! Paths as text, for JSON and YAML, which hold only UTF-8.
//!
//! A path that is UTF-8 is written as it is. Any other path is written as a file URL with its bytes percent-encoded, such as
//! `file:///data/part-%FF.npy`, from which the same path can be read again.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Start of a file URL without a host.
const SCHEME: &str = "file://";

/// The path as text. `None` if this system's paths have no bytes to encode, which concerns Windows only.
pub fn to_text(path: &Path) -> Option<Cow<'_, str>> {
    match path.to_str() {
        Some(text) if !text.starts_with(SCHEME) => Some(Cow::Borrowed(text)),
        _ => url(path).map(Cow::Owned),
    }
}

/// The path that a text stands for: the reverse of [`to_text`].
pub fn from_text(text: &str) -> PathBuf {
    let encoded = text.strip_prefix(SCHEME).filter(|rest| rest.starts_with('/'));
    encoded.and_then(decoded).unwrap_or_else(|| PathBuf::from(text))
}

/// Whether the text is a file URL.
pub fn is_url(text: &str) -> bool {
    text.strip_prefix(SCHEME).is_some_and(|rest| rest.starts_with('/'))
}

/// The file URL of a path, for people to open.
pub fn file_url(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = absolute.to_string_lossy();
    if cfg!(windows) { url_on_windows(&text) } else { url(path).unwrap_or_else(|| text.into_owned()) }
}

/// `C:\a b` is `file:///C:/a%20b`, `\\host\a` is `file://host/a`.
fn url_on_windows(absolute: &str) -> String {
    let text = absolute.replace('\\', "/");
    match text.strip_prefix("//") {
        Some(share) => SCHEME.to_owned() + &percent_encoded(share.as_bytes()),
        None => format!("{SCHEME}/{}", percent_encoded(text.as_bytes())),
    }
}

/// Encodes every byte but those that URLs and paths share. A colon stays, for the drives of Windows.
fn percent_encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(unix)]
fn url(path: &Path) -> Option<String> {
    use std::os::unix::ffi::OsStrExt;
    let absolute = std::path::absolute(path).ok()?;
    Some(SCHEME.to_owned() + &percent_encoded(absolute.as_os_str().as_bytes()))
}

#[cfg(unix)]
fn decoded(encoded: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn url(path: &Path) -> Option<String> {
    path.to_str().map(str::to_owned)
}

#[cfg(not(unix))]
fn decoded(_: &str) -> Option<PathBuf> {
    None
}

/// For `#[serde(with)]` on a path.
pub mod one {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the path as text.
    ///
    /// # Errors
    /// A path that this system can't write as text.
    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match super::to_text(path) {
            Some(text) => serializer.serialize_str(&text),
            None => Err(serde::ser::Error::custom("the path is not valid Unicode")),
        }
    }

    /// Reads the path from its text.
    ///
    /// # Errors
    /// A value that is not text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(super::from_text(&String::deserialize(deserializer)?))
    }
}

/// For `#[serde(serialize_with)]` on a list of paths.
///
/// # Errors
/// A path that this system can't write as text.
pub fn serialize_all<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    let texts: Option<Vec<_>> = paths.iter().map(|path| to_text(path)).collect();
    match texts {
        Some(texts) => serializer.collect_seq(texts),
        None => Err(serde::ser::Error::custom("a path is not valid Unicode")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn urls_of_windows_have_slashes_and_keep_the_drive() {
        assert_eq!(url_on_windows(r"C:\a b\report.html"), "file:///C:/a%20b/report.html");
        assert_eq!(url_on_windows(r"\\host\share\x"), "file://host/share/x");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_is_absolute_and_encoded() {
        assert_eq!(file_url(Path::new("/a b/#1/report.html")), "file:///a%20b/%231/report.html");
    }

    #[test]
    fn every_path_reads_back() {
        use std::os::unix::ffi::OsStrExt;
        for bytes in
            [&b"/data/part-\xff%41 [1].npy"[..], b"/\x80", "/data/\u{e9}.npy".as_bytes(), b"part.npy", b"/a%FF"]
        {
            let path = Path::new(std::ffi::OsStr::from_bytes(bytes));
            let text = to_text(path).expect("Unix paths can be written");
            assert_eq!(from_text(&text), path, "{text}");
            assert_eq!(is_url(&text), path.to_str().is_none(), "{text}");
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/data/part-\xff.npy"));
        assert_eq!(to_text(path).as_deref(), Some("file:///data/part-%FF.npy"));
    }

    #[test]
    fn a_malformed_url_is_taken_literally() {
        for text in ["file:///a%F", "file:///a%GG", "file://host/a", "file:"] {
            assert_eq!(from_text(text), Path::new(text));
        }
    }
}
