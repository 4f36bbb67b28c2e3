//! Names of the images, and images that are not there.

use std::fs;

use image::GrayImage;

use crate::common::files_below;
use crate::fixtures::{Place, ROWS, arg};

/// A small picture for every row, below `images/`.
fn with_images() -> Place {
    let place = Place::new();
    fs::create_dir(place.at("images")).expect("makes a folder");
    for row in 0..ROWS {
        let shade = u8::try_from(4 * row).expect("small");
        GrayImage::from_pixel(8, 8, image::Luma([shade])).save(place.at(&name(row))).expect("writes");
    }
    place
}

fn name(row: usize) -> String {
    format!("images/{row:02}.png")
}

fn names() -> Vec<String> {
    (0..ROWS).map(name).collect()
}

/// A pickle of a list of `(path, caption)`, protocol 2.
fn pickled(names: &[String]) -> Vec<u8> {
    let mut pickle = b"\x80\x02]q\x00(".to_vec();
    for name in names {
        for text in [name.as_str(), "a caption"] {
            pickle.push(b'X');
            pickle.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
            pickle.extend(text.as_bytes());
        }
        pickle.push(b'\x86');
    }
    pickle.extend(b"e.");
    pickle
}

/// What makes montages of every cluster that is not empty.
const MONTAGES: [&str; 6] = ["--montage-min-size", "1", "--best", "2", "--worst", "1"];

#[test]
fn every_form_of_names_gives_the_same_montages() {
    let place = with_images();
    let csv = names().iter().fold("id,path,caption\n".to_owned(), |text, name| text + "7," + name + ",\"a, b\"\n");
    for (file, content) in [
        ("names.txt", names().join("\n").into_bytes()),
        ("names.csv", csv.into_bytes()),
        ("names.pkl", pickled(&names())),
    ] {
        fs::write(place.at(file), content).expect("writes");
    }
    let montages = |file: &str| {
        let record = place.judged(&[&MONTAGES[..], &["--images", arg(&place.at(file)), "--force"]].concat());
        assert_eq!(record["warnings"], serde_json::json!([]), "{file}");
        let files: Vec<_> = files_below(&place.out).into_iter().filter(|file| file.ends_with(".png")).collect();
        files.into_iter().map(|file| (file.clone(), fs::read(place.out.join(file)).expect("reads"))).collect::<Vec<_>>()
    };
    let want = montages("names.txt");
    // a level has two clusters, so none is the worst beside the two best
    assert_eq!(want.len(), 3 + 3 + 2 + 3, "with a contact sheet per level");
    for file in ["names.csv", "names.pkl"] {
        assert!(montages(file) == want, "{file}: other montages");
    }
}

#[test]
fn missing_and_broken_images_are_marked_and_counted_and_the_run_goes_on() {
    let place = with_images();
    fs::write(place.at("names.txt"), names().join("\n")).expect("writes");
    (0..20).for_each(|row| fs::remove_file(place.at(&name(row))).expect("removes"));
    (20..30).for_each(|row| fs::write(place.at(&name(row)), "no picture").expect("writes"));
    let list = place.at("names.txt");
    let more = ["--images", arg(&list), "--montage-min-size", "1", "--best", "100", "--worst", "0"];
    let record = place.judged(&more);
    for level in record["levels"].as_array().expect("levels") {
        let sum = |name: &str| -> u64 {
            let montages = level["montages"].as_array().expect("montages").iter();
            montages.map(|montage| montage[name].as_u64().expect("a count")).sum()
        };
        let shown = |rows: std::ops::Range<u64>| {
            let montages = level["montages"].as_array().expect("montages").iter();
            let all = montages.flat_map(|montage| montage["rows"].as_array().expect("rows"));
            all.filter(|row| row.as_u64().is_some_and(|row| rows.contains(&row))).count() as u64
        };
        assert_eq!((sum("missing"), sum("broken")), (shown(0..20), shown(20..30)));
    }
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("20 images are missing") && warnings.contains("10 images can't be read"), "{warnings}");
    assert!(warnings.contains("not an image of a known format"), "{warnings}");
    assert!(warnings.contains("images/0") && warnings.contains("--image-root"), "{warnings}");
}

#[test]
fn another_image_root_is_taken() {
    let place = with_images();
    let (elsewhere, names) = (place.at("lists"), names().join("\n"));
    fs::create_dir(&elsewhere).expect("makes a folder");
    fs::write(elsewhere.join("names.txt"), names).expect("writes");
    let list = elsewhere.join("names.txt");
    let more = [&MONTAGES[..], &["--images", arg(&list), "--force"]].concat();
    let warnings = place.judged(&more)["warnings"].to_string();
    assert!(warnings.contains("images are missing"), "{warnings}");
    let record = place.judged(&[&more[..], &["--image-root", arg(&place.folder.path())]].concat());
    assert_eq!(record["warnings"], serde_json::json!([]));
}

#[test]
fn a_wrong_number_of_names_is_refused() {
    let place = Place::new();
    let list = place.at("names.txt");
    for count in [59, 61] {
        fs::write(&list, "a.png\n".repeat(count)).expect("writes");
        let found = format!("found:    {count} names");
        let parts = ["doesn't match the embeddings", "names.txt", "expected: 60 names", &found, "try:"];
        place.refused(&["--images", arg(&list)], 3, &parts);
    }
}

#[test]
fn lists_that_are_none_are_refused() {
    let place = Place::new();
    for (file, content, parts) in [
        ("names.csv", &b"file,caption\na.png,x\n"[..], &["no column of paths", "`path`", "file, caption"][..]),
        ("names.csv", b"path\na.png,x\n", &["a record of the file can't be read", "index 0"]),
        ("names.txt", b"a.png\n\nb.png\n", &["an empty line", "index 1"]),
        ("names.txt", b"a.png\n\xff\xfe.png\n", &["not UTF-8", "index 1"]),
        ("names.parquet", b"PAR1", &["Parquet"]),
        ("names.doc", b"a.png\n", &["unknown format", ".doc", ".txt"]),
        ("names.pkl", b"cos\nsystem\n(V touch owned-by-pickle\ntR.", &["names.pkl", "os"]),
        ("names.pkl", b"\x80\x04]\x8e\x00\x00\x00\x00\x00\x00\x00\x10abc.", &["names.pkl"]),
        ("names.pkl", b"", &["names.pkl"]),
    ] {
        let list = place.at(file);
        fs::write(&list, content).expect("writes");
        let mut command = place.command(&["--images", arg(&list)]);
        command.current_dir(place.folder.path());
        crate::fixtures::refused(&mut command, place.folder.path(), 3, parts);
        fs::remove_file(list).expect("removes");
    }
    place.refused(&["--images", arg(&place.at("nowhere.txt"))], 3, &["nowhere.txt", "check the path"]);
}
