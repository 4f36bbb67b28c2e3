//! Sizes of tiles, and the largest picture.

use std::ops::RangeInclusive;

/// Tile sizes, in pixels, at which text is legible and pictures are useful.
pub(super) const TILE_SIZES: RangeInclusive<u32> = 32..=1024;

/// The default tile size.
pub(super) const USUAL_TILE: u32 = 160;

/// Largest picture: more pixels (200 MB) are a mistake, and few viewers would open the file.
pub(super) const MAX_PIXELS: u64 = 1 << 26;

/// The largest tile size, up to the usual one, at which `images` images with captions, in up to three sections, fit the
/// largest picture.
pub(super) fn fitting_tile(images: u64) -> u32 {
    // an upper bound of the room between and around tiles
    let pixels =
        |tile: u32| u64::from(tile + 12) * u64::from(tile + 36) * images.saturating_add(images.isqrt() * 7 + 16);
    let fits = |tile: &u32| pixels(*tile) <= MAX_PIXELS;
    TILE_SIZES.rev().skip_while(|tile| *tile > USUAL_TILE).find(fits).unwrap_or(*TILE_SIZES.start())
}
