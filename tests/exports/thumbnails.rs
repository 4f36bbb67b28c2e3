//! Thumbnails in points.parquet.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::common::{Clustering, Dtype, judged, metrics, scratch};
use crate::fixtures::{Row, cell, clustering, has, read};

/// A picture of 200 x 100 pixels for every row, in a colour of its own; the first is missing and the second broken.
fn pictured(folder: &Path, rows: usize) -> PathBuf {
    let mut list = String::new();
    for row in 0..rows {
        let name = format!("{row}.png");
        match row {
            0 => {}
            1 => fs::write(folder.join(&name), "not an image").expect("writes"),
            _ => {
                let shade = u8::try_from(row * 8).expect("small");
                RgbImage::from_pixel(200, 100, Rgb([shade, 90, 255 - shade])).save(folder.join(&name)).expect("writes");
            }
        }
        list += &format!("{name}\n");
    }
    let path = folder.join("names.txt");
    fs::write(&path, list).expect("writes");
    path
}

/// The picture of a row and the name of its file; `None` for null.
fn picture(row: &Row) -> Option<(RgbImage, String)> {
    let Field::Group(fields) = cell(row, "image") else { return None };
    let fields: Vec<(&String, &Field)> = fields.get_column_iter().collect();
    let [(bytes, Field::Bytes(content)), (path, Field::Str(name))] = fields[..] else { panic!("{fields:?}") };
    assert_eq!((bytes.as_str(), path.as_str()), ("bytes", "path"));
    let decoded = image::load_from_memory(content.data()).expect("an image").into_rgb8();
    Some((decoded, name.clone()))
}

#[test]
fn every_image_that_can_be_read_has_a_thumbnail() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let names = pictured(folder.path(), 31);
    let out = folder.path().join("out");
    let images = ["--images", names.to_str().expect("UTF-8"), "--best", "0", "--worst", "0", "--metrics", "fast"];
    let more = [&["--device", "cpu", "--allow-unassigned", "--parquet-thumbnails"], &images[..]].concat();
    let record = judged(&hier, &embeddings, &out, &more);
    let rows = read(&out.join("points.parquet"));
    for (number, row) in rows.iter().enumerate() {
        let Some((picture, name)) = picture(row) else {
            assert!(number < 2 && cell(row, "image") == &Field::Null, "{number}");
            continue;
        };
        let Rgb([red, _, blue]) = *picture.get_pixel(48, 24);
        assert_eq!((picture.dimensions(), name), ((96, 48), format!("{number}.png")));
        let shade = u8::try_from(number * 8).expect("small");
        assert!(red.abs_diff(shade) < 8 && blue.abs_diff(255 - shade) < 8, "{number}: {red} {blue}");
    }
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("2 images have no thumbnail"), "{warnings}");
    assert_eq!(record["settings"]["parquet"], true, "implied");
    // by this, Hugging Face's `datasets` knows the column for images
    let file = SerializedFileReader::new(fs::File::open(out.join("points.parquet")).expect("there")).expect("Parquet");
    let known = file.metadata().file_metadata().key_value_metadata().expect("metadata").clone();
    let known = known.into_iter().find(|entry| entry.key == "huggingface").and_then(|entry| entry.value);
    assert_eq!(known.as_deref(), Some(r#"{"info":{"features":{"image":{"_type":"Image"}}}}"#));
    // none unless they are asked for
    let plain: Vec<&str> = more.iter().map(|word| word.trim_end_matches("-thumbnails")).chain(["--force"]).collect();
    judged(&hier, &embeddings, &out, &plain);
    let rows = read(&out.join("points.parquet"));
    assert!(!has(&rows[5], "image") && has(&rows[5], "path"));
}

/// More than a group of rows, whose images alternate.
#[test]
fn thumbnails_are_written_group_by_group() {
    let folder = scratch();
    let count = (1usize << 13) + 3;
    for (name, shade) in [("even.png", 255), ("odd.png", 0)] {
        RgbImage::from_pixel(4, 4, Rgb([shade; 3])).save(folder.path().join(name)).expect("writes");
    }
    let list: String = (0..count).map(|row| if row % 2 == 0 { "even.png\n" } else { "odd.png\n" }).collect();
    let names = folder.path().join("names.txt");
    fs::write(&names, list).expect("writes");
    let members = (0..2).map(|of| (0..count as u64).filter(|row| row % 2 == of).collect()).collect();
    let points = (0..count).map(|row| vec![(row % 7) as f64, 1.0]).collect();
    let levels = vec![(members, vec![vec![0.0, 0.0], vec![3.0, 3.0]])];
    let (hier, embeddings) = Clustering { points, dtype: Dtype::F4, levels, subset: None }.write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--metrics", "fast", "--parquet-thumbnails", "--map", "none", "--best", "0"];
    let images = ["--images", names.to_str().expect("UTF-8"), "--worst", "0"];
    judged(&hier, &embeddings, &out, &[&more[..], &images].concat());
    let rows = read(&out.join("points.parquet"));
    assert_eq!(rows.len(), count);
    for row in [0, 1, 8190, 8191, 8192, count - 1] {
        let (picture, _) = picture(&rows[row]).expect("a picture");
        assert_eq!(picture.get_pixel(9, 9).0[0] > 128, row % 2 == 0, "{row}");
        assert_eq!(cell(&rows[row], "row"), &Field::Long(row as i64));
    }
}

#[test]
fn thumbnails_without_images_are_refused() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let out = folder.path().join("out");
    let ended = metrics(&hier, &embeddings, &out, &["--device", "cpu", "--allow-unassigned", "--parquet-thumbnails"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(2) && said.contains("--images"), "{said}");
}
