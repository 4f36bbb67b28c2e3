//! Small pictures for pages, encoded in few bytes.

use super::budget::Budget;
use super::picture::{self, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, RgbImage};
use std::path::Path;

/// JPEG quality: above this, small pictures gain more bytes than quality.
const QUALITY: u8 = 80;

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// `image/png` or `image/jpeg`
    pub mime: &'static str,
    /// `png` or `jpg`
    pub extension: &'static str,
    /// Content of the file.
    pub bytes: Vec<u8>,
}

impl Encoded {
    /// The picture as a URL that needs no file.
    pub fn data_uri(&self) -> String {
        format!("data:{};base64,{}", self.mime, STANDARD.encode(&self.bytes))
    }
}

/// Makes small pictures on any number of threads, within a budget of decoded bytes.
#[derive(Debug)]
pub struct Thumbnails {
    budget: Budget,
}

/// Most bytes of decoded images in memory at a time, unless others are asked for.
const DECODED: u64 = 1 << 30;

impl Default for Thumbnails {
    fn default() -> Self {
        Thumbnails::new(DECODED)
    }
}

impl Thumbnails {
    /// `decode_bytes` as in [`Options`](super::Options).
    pub fn new(decode_bytes: u64) -> Self {
        Thumbnails { budget: Budget::new(decode_bytes) }
    }

    /// Fits the image in `path` into a square of `side` pixels, as PNG or JPEG, whichever is smaller.
    ///
    /// # Errors
    /// `missing`, or the reason why it can't be shown.
    pub fn make(&self, path: &Path, side: u32) -> Result<Encoded, String> {
        self.made(path, None, side)
    }

    /// As [`make`](Self::make) for a montage or contact sheet: without the `cut` topmost rows of pixels, and not enlarged.
    ///
    /// # Errors
    /// As for [`make`](Self::make).
    pub fn make_below(&self, path: &Path, cut: u32, side: u32) -> Result<Encoded, String> {
        self.made(path, Some(cut), side)
    }

    fn made(&self, path: &Path, cut: Option<u32>, side: u32) -> Result<Encoded, String> {
        let picture = picture::load_below(path, cut, side, &self.budget).map_err(|problem| match problem {
            Problem::Missing => "missing".to_owned(),
            Problem::Broken(reason) => reason,
        })?;
        encode(&picture).map_err(|e| e.to_string())
    }
}

fn encode(picture: &RgbImage) -> image::ImageResult<Encoded> {
    let (width, height) = picture.dimensions();
    let (mut png, mut jpeg) = (Vec::new(), Vec::new());
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive).write_image(
        picture,
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).write_image(picture, width, height, ExtendedColorType::Rgb8)?;
    Ok(if png.len() <= jpeg.len() {
        Encoded { mime: "image/png", extension: "png", bytes: png }
    } else {
        Encoded { mime: "image/jpeg", extension: "jpg", bytes: jpeg }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn drawings_become_png_and_photographs_jpeg() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let flat = RgbImage::from_fn(8, 8, |x, _| Rgb([if x < 4 { 0 } else { 255 }; 3]));
        // as hard to predict as a photograph's grain
        let grain = |x: u32, y: u32| u8::try_from((x * 7919 + y * 104_729 + x * y * 31) % 251).unwrap_or(0);
        let noisy = RgbImage::from_fn(300, 200, |x, y| Rgb([grain(x, y), grain(y, x), grain(x, x)]));
        for (picture, extension, size) in [(flat, "png", (80, 80)), (noisy, "jpg", (80, 53))] {
            picture.save(&path).unwrap();
            let made = Thumbnails::default().make(&path, 80).unwrap();
            assert_eq!(made.extension, extension);
            let read = image::load_from_memory(&made.bytes).unwrap();
            assert_eq!((read.width(), read.height()), size);
        }
    }

    #[test]
    fn an_upper_edge_can_be_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        RgbImage::from_fn(100, 100, |_, y| Rgb([if y < 40 { 255 } else { 0 }, 0, 0])).save(&path).unwrap();
        let read = |cut| {
            let made = Thumbnails::default().make_below(&path, cut, 100).unwrap();
            image::load_from_memory(&made.bytes).unwrap().into_rgb8()
        };
        assert_eq!((read(0).dimensions(), read(0)[(50, 2)]), ((100, 100), Rgb([255, 0, 0])));
        assert_eq!((read(40).dimensions(), read(40)[(50, 2)]), ((100, 60), Rgb([0; 3])));
        // not all of it
        assert_eq!(read(1000).dimensions(), (100, 100));
        let larger = Thumbnails::default().make_below(&path, 0, 640).unwrap();
        assert_eq!(image::load_from_memory(&larger.bytes).unwrap().width(), 100, "not enlarged");
    }

    #[test]
    fn an_image_that_can_not_be_shown_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        assert_eq!(Thumbnails::default().make(&path, 80), Err("missing".to_owned()));
        std::fs::write(&path, "<script>").unwrap();
        assert!(Thumbnails::default().make(&path, 80).unwrap_err().contains("not an image"));
    }
}
