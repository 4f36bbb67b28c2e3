//! `clustrata demo`: runs `metrics` on the handwritten digits that come with the program.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};

use crate::backend::select::{self, Choice, Request};
use crate::base::error::{Error, Result};
use crate::cli::args::DemoArgs;
use crate::cli::console::Console;
use crate::formats::npy::Matrix;
use crate::formats::npy::shell_word;
use crate::plan::settings::Options;
use crate::run::session;

/// The files of `tests/data/digits`, embedded in the executable so that the demo works wherever it is installed.
const FILES: [(&str, &[u8]); 8] = [
    ("embeddings.npy", include_bytes!("../../../tests/data/digits/embeddings.npy")),
    ("clustering/config.yaml", include_bytes!("../../../tests/data/digits/config.yaml")),
    ("clustering/level1/centroids.npy", include_bytes!("../../../tests/data/digits/level1/centroids.npy")),
    ("clustering/level1/sorted_clusters.npy", include_bytes!("../../../tests/data/digits/level1/sorted_clusters.npy")),
    ("clustering/level2/centroids.npy", include_bytes!("../../../tests/data/digits/level2/centroids.npy")),
    ("clustering/level2/sorted_clusters.npy", include_bytes!("../../../tests/data/digits/level2/sorted_clusters.npy")),
    ("clustering/level3/centroids.npy", include_bytes!("../../../tests/data/digits/level3/centroids.npy")),
    ("clustering/level3/sorted_clusters.npy", include_bytes!("../../../tests/data/digits/level3/sorted_clusters.npy")),
];

/// Side of a digit, in pixels.
const SIDE: u32 = 8;
/// Brightest value of a pixel.
const INK: f64 = 16.0;

pub(super) fn run(args: DemoArgs, console: &Console) -> Result<String> {
    // first of all: a missing device must leave no files behind
    select::open(&Choice::parse(&args.device), &Request::default())?;
    let input = args.out.join("input");
    for (name, bytes) in FILES {
        write(&input.join(name), bytes)?;
    }
    let names = write_images(&input)?;
    let options = Options {
        clustering: Some(input.join("clustering")),
        embeddings: vec![input.join("embeddings.npy").display().to_string()],
        images: vec![names.display().to_string()],
        out: Some(args.out.join("metrics")),
        device: Some(args.device.clone()),
        parquet_thumbnails: Some(args.parquet),
        force: Some(true),
        ..Options::default()
    };
    let [clustering, embeddings, images] =
        ["clustering", "embeddings.npy", "images.txt"].map(|name| shell_word(&input.join(name)));
    tracing::info!("the same with: clustrata metrics {clustering} --embeddings {embeddings} --images {images}");
    session::evaluate(options, false, args.json, console)
}

/// Draws every digit into a PNG and lists the files; returns the list.
fn write_images(input: &Path) -> Result<std::path::PathBuf> {
    let pixels = Matrix::open(&input.join(FILES[0].0)).map_err(Error::failed)?;
    let pixels = pixels.view();
    let mut digit = vec![0.0; pixels.cols()];
    let mut list = String::new();
    for row in 0..pixels.rows() {
        pixels.copy_row(row, &mut digit);
        let name = format!("images/{row:05}.png");
        let ink = |x: u32, y: u32| digit[(y * SIDE + x) as usize] / INK;
        let image = GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([grey(ink(x, y))]));
        let path = input.join(&name);
        if row == 0 {
            make_parent(&path)?;
        }
        image.save(&path).map_err(|e| Error::io("can't write the demo's images", &path, &std::io::Error::other(e)))?;
        list.push_str(&name);
        list.push('\n');
    }
    let path = input.join("images.txt");
    write(&path, list.as_bytes())?;
    Ok(path)
}

/// Dark ink on white paper.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn grey(ink: f64) -> u8 {
    (255.0 * (1.0 - ink)).clamp(0.0, 255.0).round() as u8
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    make_parent(path)?;
    fs::write(path, bytes).map_err(|e| Error::io("can't write the demo's input", path, &e))
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|e| Error::io("can't create the demo's folder", parent, &e))
}
