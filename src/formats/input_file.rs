//! Opening an input file.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use crate::base::error::Finding;

/// Bytes read at a time.
pub(super) const BUFFER: usize = 1 << 18;

/// The extension of a path, in lower case; empty if it has none.
pub(super) fn extension(path: &Path) -> String {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// The finding about a Parquet file if the program can't read it.
#[cfg(not(feature = "parquet"))]
pub(super) fn no_parquet(path: &Path) -> Finding {
    let finding = Finding::new("this program was built without Parquet").file(path);
    finding.hint("build it with its default features")
}

/// Opens a regular file. Anything else is refused before it is opened, because opening a pipe would block.
///
/// # Errors
/// A missing or unreadable file, a folder, a pipe, a socket, a device.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), Finding> {
    open_or_advise(path, "name the file itself")
}

/// [`open`], with `hint` as the advice for what is not a regular file.
///
/// # Errors
/// As [`open`].
pub(super) fn open_or_advise(path: &Path, hint: &str) -> Result<(File, Metadata), Finding> {
    let failed = |error: io::Error| Finding::io("the file can't be opened", path, &error);
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
        return Err(Finding::new("not a file").file(path).expected("a regular file").found(found).hint(hint));
    }
    Ok((File::open(path).map_err(failed)?, metadata))
}
