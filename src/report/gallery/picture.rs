//! A montage together with its entry in the record.

use std::path::{Path, PathBuf};

use crate::plan::record::{ContactSheet, Level, MontageFile};
use crate::plan::settings::{MontageCaptions, Settings};
use crate::report::montage::{self, Cut, Montage, Tile};

/// A montage to be drawn.
pub struct Picture {
    /// Its entry in the record.
    pub file: PictureFile,
    /// What is on it.
    pub montage: Montage,
    /// 1-based level.
    pub level: u32,
}

/// The entry of a picture in the record.
pub enum PictureFile {
    /// Members of one cluster.
    Cluster(MontageFile),
    /// One member each of many clusters.
    Sheet(ContactSheet),
}

impl PictureFile {
    /// Relative to the output folder.
    pub fn path(&self) -> &Path {
        match self {
            PictureFile::Cluster(file) => &file.path,
            PictureFile::Sheet(file) => &file.path,
        }
    }

    /// The rows shown, in the order of the tiles.
    pub(super) fn rows(&self) -> &[u64] {
        match self {
            PictureFile::Cluster(file) => &file.rows,
            PictureFile::Sheet(file) => &file.rows,
        }
    }

    /// Enters it in the record of its level, with the number of images that were missing or unreadable.
    pub fn enter(self, level: &mut Level, missing: usize, broken: usize) {
        match self {
            PictureFile::Cluster(file) => level.montages.push(MontageFile { missing, broken, ..file }),
            PictureFile::Sheet(file) => level.contact_sheet = Some(ContactSheet { missing, broken, ..file }),
        }
    }
}

/// Options of all montages of a run. Their tiles have one size, small enough for the largest montage.
pub fn options(settings: &Settings) -> montage::Options {
    let cut = if settings.montage_captions == MontageCaptions::Name { Cut::Middle } else { Cut::End };
    let images = settings.montage_size.max(settings.contact_sheet);
    montage::Options { cut, ..montage::Options::for_images(images) }
}

/// A tile whose image is yet to be filled in.
pub(super) fn tile_of(caption: Option<String>) -> Tile {
    Tile { image: PathBuf::new(), caption }
}

/// A number to four significant digits.
pub(super) fn short(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let digits = (0..=6).find(|&digits| value.abs() >= 10f64.powi(3 - digits)).unwrap_or(6);
    format!("{value:.*}", usize::try_from(digits.max(0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.123_456, 12.345_67, 1234.567, 999_999.4, 1.234e-5, 1.5e7].map(short);
        assert_eq!(shown, ["0.000000", "0.1235", "12.35", "1235", "999999", "1.234e-5", "1.500e7"]);
    }
}
