//! Errors of k-means.

use crate::base::error::{Error, Finding, Result};

/// Points and centroids must have the same dimension.
///
/// # Errors
/// `Input` if they don't.
pub(super) fn check_columns(points: usize, centroids: usize) -> Result<()> {
    if points == centroids {
        return Ok(());
    }
    let finding = Finding::new("points and centroids have different numbers of columns");
    Err(Error::input(
        finding
            .expected(points.to_string())
            .found(centroids.to_string())
            .hint("use embeddings and centroids that match"),
    ))
}

/// Internal invariant violated.
pub(super) fn defect(what: &str) -> Error {
    Error::failed(Finding::new(format!("k-means: {what}")).hint("this is a defect of the program: please report it"))
}
