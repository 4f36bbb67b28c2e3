//! Montages: what is shown, measured in pixels, and what happens to images that can't be.

use clustrata::base::error::Kind;
use clustrata::report::montage::{self, Accent, Cut, Montage, Options, Section, Tile};
use std::fs;
use std::path::{Path, PathBuf};

const RED: image::Rgb<u8> = image::Rgb([220, 20, 20]);

fn solid(folder: &Path, name: &str, width: u32, height: u32) -> PathBuf {
    let path = folder.join(name);
    image::RgbImage::from_pixel(width, height, RED).save(&path).unwrap();
    path
}

fn montage_of(images: &[PathBuf]) -> Montage {
    Montage {
        title: "Level 1 · cluster 42 · best 1 of 5".to_string(),
        subtitle: "128 points".to_string(),
        accent: Accent::Neutral,
        sections: vec![section("", images)],
    }
}

fn section(title: &str, images: &[PathBuf]) -> Section {
    let tiles = images.iter().map(|image| Tile { image: image.clone(), caption: None });
    Section { title: title.to_owned(), tiles: tiles.collect() }
}

/// Width and height of what is red in the picture.
fn red_extent(image: &image::RgbImage) -> (u32, u32) {
    let red = |p: &image::Rgb<u8>| p.0.iter().zip(RED.0).all(|(a, b)| a.abs_diff(b) < 12);
    let places: Vec<_> = image.enumerate_pixels().filter(|(_, _, p)| red(p)).map(|(x, y, _)| (x, y)).collect();
    let extent = |values: Vec<u32>| values.iter().max().zip(values.iter().min()).map_or(0, |(max, min)| max - min + 1);
    (extent(places.iter().map(|p| p.0).collect()), extent(places.iter().map(|p| p.1).collect()))
}

#[test]
fn aspect_ratios_are_kept() {
    let base = tempfile::tempdir().unwrap();
    // Large ones are reduced, mid-sized ones grow to the tile, tiny ones by a whole factor.
    let shapes = [
        ((800, 400), (160, 80)),
        ((400, 800), (80, 160)),
        ((100, 75), (160, 120)),
        ((8, 8), (160, 160)),
        ((28, 14), (140, 70)),
        ((48, 48), (144, 144)),
        ((4000, 3), (160, 1)),
    ];
    for ((width, height), expected) in shapes {
        let image = solid(base.path(), &format!("{width}x{height}.png"), width, height);
        let rendered = montage::render(&montage_of(&[image]), &Options::default()).unwrap();
        assert_eq!(red_extent(&rendered.image), expected, "{width} x {height}");
    }
    let nothing = montage::render(&montage_of(&[]), &Options::default()).unwrap();
    assert_eq!(red_extent(&nothing.image), (0, 0));
}

/// A JPEG with EXIF orientation 6 (turn right by 90 degrees), put together from a plain one.
fn turned_jpeg(folder: &Path) -> PathBuf {
    let mut plain = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(320, 160, RED).write_to(&mut plain, image::ImageFormat::Jpeg).unwrap();
    let plain = plain.into_inner();
    let tiff = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".as_slice()].concat();
    let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
    let bytes = [&plain[..2], &[0xff, 0xe1], &length, &tiff, &plain[2..]].concat();
    let path = folder.join("turned.jpg");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn orientation_alpha_and_depth_are_honoured() {
    let base = tempfile::tempdir().unwrap();
    let turned = montage::render(&montage_of(&[turned_jpeg(base.path())]), &Options::default()).unwrap();
    assert_eq!(red_extent(&turned.image), (80, 160));

    // The left half is transparent and its hidden colour must not show.
    let path = base.path().join("alpha.png");
    let half = |x, _| image::Rgba([RED.0[0], RED.0[1], RED.0[2], if x < 100 { 0 } else { 255 }]);
    image::RgbaImage::from_fn(200, 200, half).save(&path).unwrap();
    let (width, height) = red_extent(&montage::render(&montage_of(&[path]), &Options::default()).unwrap().image);
    assert!((79..=81).contains(&width) && height == 160, "{width} x {height}");

    let path = base.path().join("deep.png");
    let deep = RED.0.map(|channel| u16::from(channel) * 257);
    image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(300, 300, image::Rgb(deep)).save(&path).unwrap();
    assert_eq!(red_extent(&montage::render(&montage_of(&[path]), &Options::default()).unwrap().image), (160, 160));
}

/// A PNG whose header claims 60,000 x 60,000 pixels, with a right checksum.
fn bomb(folder: &Path) -> PathBuf {
    let mut header = b"IHDR".to_vec();
    header.extend(60_000u32.to_be_bytes());
    header.extend(60_000u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = header.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(header);
    bytes.extend((!crc).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    let path = folder.join("bomb.png");
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn missing_and_broken_images_are_marked_and_counted() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    let good = solid(base.path(), "good.png", 200, 200);
    fs::write(at("text.jpg"), "no image").unwrap();
    fs::write(at("empty.png"), "").unwrap();
    let whole = fs::read(&good).unwrap();
    fs::write(at("cut.png"), &whole[..whole.len() / 2]).unwrap();
    fs::create_dir(at("folder.png")).unwrap();
    let bomb = bomb(base.path());
    let broken = [at("text.jpg"), at("empty.png"), at("cut.png"), at("folder.png"), bomb];
    let missing = [at("not-there.png"), at("日本語.png"), PathBuf::new()];
    let images = [std::slice::from_ref(&good), &broken, &missing].concat();

    let rendered = montage::render(&montage_of(&images), &Options::default()).unwrap();
    assert_eq!(rendered.missing, missing);
    let found: Vec<_> = rendered.broken.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(found, broken);
    assert!(rendered.broken[4].1.contains("60000 x 60000"), "{:?}", rendered.broken[4]);
    assert_eq!(red_extent(&rendered.image), (160, 160));
    let fine = montage::render(&montage_of(&[good]), &Options::default()).unwrap();
    assert!(fine.missing.is_empty() && fine.broken.is_empty());
}

#[test]
fn montages_are_written_the_same_every_time() {
    let base = tempfile::tempdir().unwrap();
    let images: Vec<_> = (1..12).map(|i| solid(base.path(), &format!("{i}.png"), 30 * i, 500)).collect();
    let jobs: Vec<_> =
        (0..6).map(|i| (base.path().join(format!("montage-{i}.png")), montage_of(&images[..=i]))).collect();
    let written = || {
        let summary = montage::write_all(&jobs, &Options::default(), |_| Ok(())).unwrap();
        assert_eq!((summary.written, summary.missing.len(), summary.broken.len()), (6, 0, 0));
        jobs.iter().map(|(path, _)| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let first = written();
    assert_eq!(first, written());
    assert_ne!(first[0], first[1]);
    // A budget below every image's need changes the order of the work, not the result.
    let strict = Options { decode_bytes: 1, ..Options::default() };
    montage::write_all(&jobs, &strict, |_| Ok(())).unwrap();
    assert_eq!(first[5], fs::read(&jobs[5].0).unwrap());
}

#[test]
fn montages_are_written_as_their_extension_says() {
    let base = tempfile::tempdir().unwrap();
    let image = solid(base.path(), "red.png", 200, 120);
    let montage = montage_of(&[image]);
    let exact = montage::render(&montage, &Options::default()).unwrap().image;
    let formats =
        [("png", image::ImageFormat::Png), ("jpg", image::ImageFormat::Jpeg), ("webp", image::ImageFormat::WebP)];
    for (extension, format) in formats {
        let path = base.path().join(format!("montage.{extension}"));
        montage::write_all(&[(path.clone(), montage.clone())], &Options::default(), |_| Ok(())).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
        let read = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert_eq!(read.dimensions(), exact.dimensions());
        let far = |(a, b): (&image::Rgb<u8>, &image::Rgb<u8>)| a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > 40);
        let differing = read.pixels().zip(exact.pixels()).filter(|pair| far(*pair)).count();
        // a JPEG is blurred where colours meet
        assert!(
            differing * 100 < exact.pixels().len() && (extension == "jpg" || read == exact),
            "{extension} {differing}"
        );
    }
}

#[test]
fn long_captions_are_cut_where_they_are_told_to_be() {
    let base = tempfile::tempdir().unwrap();
    let mut montage = montage_of(&[solid(base.path(), "red.png", 160, 160)]);
    let mut caption = |text: &str, cut| {
        montage.sections[0].tiles[0].caption = Some(text.to_owned());
        montage::render(&montage, &Options { cut, ..Options::default() }).unwrap().image
    };
    let (first, second) = ("a name that goes on and on and on 1.jpg", "a name that goes on and on and on 2.jpg");
    assert!(caption(first, Cut::End) == caption(second, Cut::End), "their ends are cut off");
    assert!(caption(first, Cut::Middle) != caption(second, Cut::Middle));
    assert!(caption("short", Cut::End) == caption("short", Cut::Middle));
}

#[test]
fn an_interruption_ends_the_writing() {
    let base = tempfile::tempdir().unwrap();
    let jobs: Vec<_> = (0..50).map(|i| (base.path().join(format!("{i}.png")), montage_of(&[]))).collect();
    let stop = |_: &Path| Err(clustrata::base::error::Error::interrupted());
    // With as many threads as montages all of them would be under way when the first one is done.
    let two_threads = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let error = two_threads.install(|| montage::write_all(&jobs, &Options::default(), stop)).unwrap_err();
    assert_eq!(error.kind(), Kind::Interrupted);
    let written = fs::read_dir(base.path()).unwrap().count();
    assert!((1..50).contains(&written), "{written}");
    let nowhere = [(base.path().join("no/such/folder.png"), montage_of(&[]))];
    assert_eq!(montage::write_all(&nowhere, &Options::default(), |_| Ok(())).unwrap_err().kind(), Kind::Failed);
}

/// First and last coordinate of what has a colour: horizontally, vertically.
fn extent_of(image: &image::RgbImage, colour: [u8; 3]) -> [(u32, u32); 2] {
    let places: Vec<_> = image.enumerate_pixels().filter(|(_, _, p)| p.0 == colour).map(|(x, y, _)| (x, y)).collect();
    let extent = |values: &dyn Fn(&(u32, u32)) -> u32| {
        let values = || places.iter().map(values);
        (values().min().expect("is there"), values().max().expect("is there"))
    };
    [extent(&|place| place.0), extent(&|place| place.1)]
}

#[test]
fn sections_follow_each_other_with_their_titles_between_them() {
    let base = tempfile::tempdir().unwrap();
    let colours = [[200, 30, 30], [30, 160, 30], [40, 40, 220]];
    let images = colours.map(|colour| {
        let path = base.path().join(format!("{}-{}.png", colour[0], colour[1]));
        image::RgbImage::from_pixel(160, 160, image::Rgb(colour)).save(&path).unwrap();
        path
    });
    let titles = ["Closest to the centroid", "Farthest from the centroid", "Closest of the nearest cluster 7"];
    let counts = [6, 6, 2];
    let sections = |titles: [&str; 3]| {
        let of = |at: usize| section(titles[at], &vec![images[at].clone(); counts[at]]);
        let montage = Montage { sections: (0..3).map(of).collect(), ..montage_of(&[]) };
        montage::render(&montage, &Options::default()).unwrap().image
    };
    let (titled, untitled) = (sections(titles), sections([""; 3]));
    assert!(titled.height() > untitled.height());
    let extents = colours.map(|colour| extent_of(&titled, colour));
    // six tiles of 160 with five gaps of 8 between them, all from the same left edge
    for (extent, count) in extents.iter().zip(counts) {
        let wide = u32::try_from(count * 168 - 8).unwrap();
        assert_eq!((extent[0].0, extent[0].1 - extent[0].0 + 1, extent[1].1 - extent[1].0 + 1), (20, wide, 160));
    }
    let dark = |rows: std::ops::Range<u32>| {
        let inked = titled.enumerate_pixels().filter(|(_, y, p)| rows.contains(y) && p.0.iter().all(|&part| part < 60));
        inked.count()
    };
    for pair in extents.windows(2) {
        let (above, below) = (pair[0][1].1, pair[1][1].0);
        assert!(above < below, "{extents:?}");
        assert!(dark(above + 1..below) > 300, "a title");
    }
    // nothing is drawn over the tiles
    for (colour, count) in colours.into_iter().zip(counts) {
        assert_eq!(titled.pixels().filter(|p| p.0 == colour).count(), count * 160 * 160);
    }
}

/// The digits and photos that the project is tested with.
#[test]
fn real_images_are_shown() {
    let shared = std::env::var_os("CLUSTRATA_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        |shared| PathBuf::from(shared).join("data"),
    );
    for (set, extension) in [("digits", "png"), ("photos", "jpg")] {
        let folder = shared.join(set).join("images");
        if !folder.is_dir() {
            eprintln!("skipped: {} is absent (set CLUSTRATA_SHARED)", folder.display());
            continue;
        }
        let images: Vec<_> = (0..20).map(|i| folder.join(format!("{:05}.{extension}", i * 50))).collect();
        let rendered = montage::render(&montage_of(&images), &Options::default()).unwrap();
        assert!(rendered.missing.is_empty() && rendered.broken.is_empty(), "{rendered:?}");
        let blank = montage::render(&montage_of(&[]), &Options::default()).unwrap();
        assert!(rendered.image.dimensions() > blank.image.dimensions());
    }
}
