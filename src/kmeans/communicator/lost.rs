//! The error for a lost connection.

use std::io;

use crate::base::error::{Error, Finding};

/// The connection to another process failed.
pub(super) fn lost(error: &io::Error) -> Error {
    Error::failed(
        Finding::new("another process of this k-means is lost").found(error.to_string()).hint(
            "see the output of that process; start all processes with --resume to continue from the last checkpoint",
        ),
    )
}
