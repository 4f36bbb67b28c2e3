//! From an image file to a picture that fits a tile.

use super::budget::Budget;
use super::draw::GROUND;
use super::text::blend;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{PixelTrait, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage, RgbaImage};
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Most bytes of a decoded image: 178 million pixels of RGB. A decompression bomb needs more.
const MAX_DECODED: u64 = 512 << 20;

/// Images whose longer side has at most this many pixels are shown pixel by pixel, as squares: an 8 x 8 digit would be a
/// blot if smoothed.
const CRISP: u32 = 48;

/// Why there is no picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The file does not exist.
    Missing,
    /// It exists but can't be shown; the reason.
    Broken(String),
}

impl Problem {
    /// The word on the tile.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Problem::Missing => "missing",
            Problem::Broken(_) => "unreadable",
        }
    }
}

/// Decodes an image and fits it into a square of `side` pixels, keeping its aspect ratio. EXIF orientation is applied,
/// colour profiles are not. Transparent pixels show the ground of the tile. An animation shows its first frame.
pub(super) fn load(path: &Path, side: u32, budget: &Budget) -> Result<RgbImage, Problem> {
    load_below(path, None, side, budget)
}

/// As [`load`]; of a picture that this program has drawn, without the `cut` topmost rows of pixels (none, if that would be all),
/// and not enlarged.
pub(super) fn load_below(path: &Path, cut: Option<u32>, side: u32, budget: &Budget) -> Result<RgbImage, Problem> {
    // decoders panic now and then on hostile files, and one picture must not end the run
    catch_unwind(AssertUnwindSafe(|| decode(path, cut, side, budget)))
        .unwrap_or_else(|_| Err(Problem::Broken("its decoder failed".to_string())))
}

fn decode(path: &Path, cut: Option<u32>, side: u32, budget: &Budget) -> Result<RgbImage, Problem> {
    let broken = |reason: &dyn ToString| Problem::Broken(reason.to_string());
    let unreadable = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Problem::Missing,
        _ => broken(&e),
    };
    // checked before opening: opening a pipe would block until somebody writes to it
    let file_size = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(broken(&"not a file")),
        Err(e) => return Err(unreadable(e)),
    };
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(unreadable)?;
    if reader.format().is_none() {
        return Err(broken(&unknown_format(path)));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| broken(&e))?;
    let (width, height) = decoder.dimensions();
    let decoded = decoder.total_bytes();
    if decoded > MAX_DECODED {
        return Err(broken(&format!("{width} x {height} pixels need more than {} MiB", MAX_DECODED >> 20)));
    }
    // the file (some decoders read all of it), the image, perhaps a rotated copy, and the conversion to 8 bits
    let bytes = file_size.saturating_add(2 * decoded).saturating_add(4 * u64::from(width) * u64::from(height));
    let _permit = budget.acquire(bytes);
    // an image with damaged EXIF data is still shown
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| broken(&e))?;
    if image.width() == 0 || image.height() == 0 {
        return Err(broken(&"it has no pixels"));
    }
    to_unit_range(&mut image);
    image.apply_orientation(orientation);
    let mut side = side;
    if let Some(cut) = cut {
        let cut = if cut < image.height() { cut } else { 0 };
        image = image.crop_imm(0, cut, image.width(), image.height() - cut);
        side = side.min(image.width().max(image.height()));
    }
    fit(image, side).map_err(|e| broken(&e))
}

/// Names common formats that can't be decoded.
fn unknown_format(path: &Path) -> String {
    let mut start = Vec::new();
    // a file that can't be read any more has no known format either
    let _ = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    let name = match start.as_slice() {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.get(..4) {
            Some(b"avif" | b"avis") => "AVIF",
            Some(b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1") => "HEIC",
            _ => "a video or another ISO media file",
        },
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [0, 0, 0, 0x0c, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => "JPEG 2000",
        [b'8', b'B', b'P', b'S', ..] => "Photoshop (PSD)",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'D', b'I', b'C', b'M', ..] => "DICOM",
        [0x89, b'H', b'D', b'F', ..] => "HDF5",
        _ if start.starts_with(b"<svg") || start.starts_with(b"<?xml") => "SVG",
        _ => return "not an image of a known format".to_owned(),
    };
    format!("{name} is not supported; convert it to PNG or JPEG")
}

/// Scales floats to 0 to 1, the range that is drawn. Where a value exceeds 1, the image uses the range of 8 or 16 bits, or one
/// of its own.
fn to_unit_range(image: &mut DynamicImage) {
    let values: &mut [f32] = match image {
        DynamicImage::ImageRgb32F(image) => image,
        DynamicImage::ImageRgba32F(image) => image,
        _ => return,
    };
    let largest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f32::max);
    let range = [1.0, 255.0, 65535.0].into_iter().find(|&range| largest <= range).unwrap_or(largest);
    values.iter_mut().for_each(|value| *value = if value.is_nan() { 0.0 } else { *value / range });
}

/// Fits `image` into a square of `side` pixels.
fn fit(image: DynamicImage, side: u32) -> Result<RgbImage, String> {
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    if longer <= CRISP.min(side) {
        return Ok(enlarge(&opaque(image), side / longer));
    }
    // at least one pixel, however long and thin the image
    let scaled = |length: u32| {
        let (length, side, longer) = (u64::from(length), u64::from(side), u64::from(longer));
        u32::try_from((length * side + longer / 2) / longer).unwrap_or(1).max(1)
    };
    let size = (scaled(width), scaled(height));
    if image.color().has_alpha() {
        let rgba = image.into_rgba8();
        let bytes = resize::<U8x4>(rgba.as_raw(), (width, height), size)?;
        let resized = RgbaImage::from_raw(size.0, size.1, bytes).ok_or("resizing gave a wrong size")?;
        return Ok(opaque(DynamicImage::from(resized)));
    }
    let bytes = resize::<U8x3>(image.into_rgb8().as_raw(), (width, height), size)?;
    RgbImage::from_raw(size.0, size.1, bytes).ok_or_else(|| "resizing gave a wrong size".to_string())
}

/// Resizes with a Lanczos filter; colours are weighted by opacity. The type of a pixel is known here, because the crate's call for
/// any type is compiled for all of them, which takes as long as a third of this program.
fn resize<P: PixelTrait>(bytes: &[u8], from: (u32, u32), to: (u32, u32)) -> Result<Vec<u8>, String> {
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, bytes).map_err(|e| e.to_string())?;
    let mut target = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let mut view = TypedImage::<P>::from_buffer(to.0, to.1, &mut target).map_err(|e| e.to_string())?;
    Resizer::new().resize_typed(&source, &mut view, None).map_err(|e| e.to_string())?;
    Ok(target)
}

/// Draws the image over the ground of the tiles.
fn opaque(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
        let [red, green, blue, alpha] = rgba.get_pixel(x, y).0;
        let mut pixel = GROUND;
        blend(&mut pixel, Rgb([red, green, blue]), f32::from(alpha) / 255.0);
        pixel
    })
}

/// Enlarges every pixel to a square of `factor` pixels.
fn enlarge(image: &RgbImage, factor: u32) -> RgbImage {
    RgbImage::from_fn(image.width() * factor, image.height() * factor, |x, y| *image.get_pixel(x / factor, y / factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb32FImage;

    #[test]
    fn floats_are_drawn_in_their_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tiff");
        for (range, grey) in [(1.0, 0.5), (255.0, 128.0), (65535.0, 32768.0), (1e6, 5e5)] {
            let image = Rgb32FImage::from_fn(100, 100, |x, _| Rgb([if x < 50 { range } else { grey }; 3]));
            DynamicImage::from(image).save(&path).unwrap();
            let shown = load(&path, 100, &Budget::new(1 << 30)).unwrap();
            assert_eq!((shown[(5, 5)].0, shown[(95, 95)].0[0].abs_diff(128) <= 1), ([255; 3], true), "{range}");
        }
    }

    #[test]
    fn a_format_that_can_not_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        for (bytes, name) in [
            (&b"\0\0\0\x1cftypavif\0\0\0\0mif1"[..], "vif"),
            (b"\0\0\0\x1cftypheic\0\0\0\0mif1", "HEIC"),
            (b"\xff\x0a......................", "JPEG XL"),
            (b"hello, world, hello", "not an image"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let Err(Problem::Broken(reason)) = load(&path, 100, &Budget::new(1 << 30)) else { panic!("{name}") };
            assert!(reason.contains(name), "{reason}");
        }
    }
}
