//! Thumbnails of the images of rows.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::base::error::Result;
use crate::base::signals;
use crate::formats::parquet::Picture;
use crate::report::montage::Thumbnails;

/// Sides of a thumbnail at most, pixels.
const SIDE: u32 = 96;
/// Makes thumbnails and counts the images that have none.
#[derive(Default)]
pub(super) struct PointThumbnails {
    make: Thumbnails,
    lacking: AtomicU64,
}

impl PointThumbnails {
    /// Thumbnails of the images at these paths, on all threads; `None` for those that are missing or can't be read.
    pub(super) fn make(&self, paths: &[Option<String>]) -> Result<Vec<Option<Picture>>> {
        let one = |path: &Option<String>| {
            signals::go_on()?;
            let path = path.as_deref().map(Path::new);
            let made = path.and_then(|path| Some((path.file_name()?, self.make.make(path, SIDE).ok()?)));
            if made.is_none() {
                self.lacking.fetch_add(1, Ordering::Relaxed);
            }
            Ok(made.map(|(name, made)| Picture { bytes: made.bytes, path: name.to_string_lossy().into_owned() }))
        };
        paths.par_iter().map(one).collect()
    }

    /// What the user should know about images without a thumbnail.
    pub(super) fn warning(&self) -> Option<String> {
        let lacking = self.lacking.load(Ordering::Relaxed);
        let (images, have) = if lacking == 1 { ("image", "has") } else { ("images", "have") };
        let why = "in points.parquet: missing, or not an image that can be read";
        (lacking > 0).then(|| format!("{lacking} {images} {have} no thumbnail {why}"))
    }
}
