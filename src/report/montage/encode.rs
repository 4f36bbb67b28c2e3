//! From pixels to a file.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _, ImageResult, RgbImage};
use std::path::Path;

use crate::base::error::{Error, Finding, Result};

/// JPEG quality: below this, text has a visible halo.
const QUALITY: u8 = 92;

/// Writes a picture in the format of its extension: `jpg`, `webp` (lossless), and PNG for any other.
///
/// # Errors
/// `Failed` if it can't be encoded or written.
pub(super) fn write(path: &Path, image: &RgbImage) -> Result<()> {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    let bytes = encode(image, extension.as_deref().and_then(|extension| extension.to_str()));
    let bytes =
        bytes.map_err(|e| Error::failed(Finding::new("can't encode a montage").file(path).found(e.to_string())))?;
    std::fs::write(path, bytes).map_err(|e| Error::io("can't write a montage", path, &e))
}

fn encode(image: &RgbImage, extension: Option<&str>) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = image.dimensions();
    match extension {
        Some("jpg") => JpegEncoder::new_with_quality(&mut bytes, QUALITY).write_image(
            image,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?,
        Some("webp") => {
            WebPEncoder::new_lossless(&mut bytes).write_image(image, width, height, ExtendedColorType::Rgb8)?;
        }
        _ => PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive).write_image(
            image,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?,
    }
    Ok(bytes)
}
