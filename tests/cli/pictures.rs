//! Which pictures a run makes: formats, captions, contact sheets.

use std::fs;

use serde_json::Value;

use crate::common::{files_below, record};
use crate::fixtures::{Place, ROWS, arg, succeeded, text};

/// A clustering with an image per row, and its list of names.
fn pictured() -> (Place, std::path::PathBuf) {
    let place = Place::new();
    let mut list = "path,caption\n".to_owned();
    for row in 0..ROWS {
        let shade = u8::try_from(4 * row).expect("small");
        image::RgbImage::from_pixel(8, 8, image::Rgb([shade; 3]))
            .save(place.at(&format!("{row}.png")))
            .expect("writes");
        list += &format!("{row}.png,row {row}\n");
    }
    let path = place.at("names.csv");
    fs::write(&path, list).expect("writes");
    (place, path)
}

fn judged(place: &Place, names: &std::path::Path, more: &[&str]) -> Value {
    let told = ["--images", arg(&names), "--montage-min-size", "1", "--metrics", "fast", "--force"];
    let output = succeeded(&mut place.command(&[&told[..], more].concat()));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    record(&place.out)
}

#[test]
fn every_level_has_a_contact_sheet_from_the_best_to_the_worst() {
    let (place, names) = pictured();
    let whole = judged(&place, &names, &[]);
    for level in whole["levels"].as_array().expect("levels") {
        let sheet = &level["contact_sheet"];
        let clusters: Vec<u64> =
            sheet["clusters"].as_array().expect("clusters").iter().filter_map(Value::as_u64).collect();
        assert_eq!(clusters.len() as u64, level["ranking"]["ranked"].as_u64().expect("a number"));
        let ends =
            |end: &str| level["ranking"][end].as_array().expect("a ranking").iter().filter_map(Value::as_u64).collect();
        let (best, worst): (Vec<u64>, Vec<u64>) = (ends("best"), ends("worst"));
        assert!(clusters.starts_with(&best) && clusters.iter().rev().take(worst.len()).eq(&worst), "{clusters:?}");
        // each by the member that its montage begins with
        for montage in level["montages"].as_array().expect("montages") {
            let at = clusters.iter().position(|cluster| montage["cluster"] == *cluster).expect("is on the sheet");
            assert_eq!(sheet["rows"][at], montage["rows"][0]);
        }
        assert!(place.out.join(sheet["path"].as_str().expect("a path")).is_file());
    }
    let few = judged(&place, &names, &["--contact-sheet", "3"]);
    let all = whole["levels"][0]["contact_sheet"]["clusters"].as_array().expect("clusters").clone();
    let ends = [all[0].clone(), all[1].clone(), all[all.len() - 1].clone()];
    assert_eq!(few["levels"][0]["contact_sheet"]["clusters"], Value::from(ends.to_vec()));
    let none = judged(&place, &names, &["--contact-sheet", "0"]);
    assert!(none["levels"][0].get("contact_sheet").is_none());
    assert!(!files_below(&place.out).iter().any(|file| file.contains("contact-sheet")), "the earlier run's went");
    let no_pictures = judged(&place, &names, &["--best", "0", "--worst", "0"]);
    assert!(no_pictures["levels"][0].get("contact_sheet").is_none());
}

#[test]
fn pictures_are_written_in_the_format_that_is_asked_for() {
    let (place, names) = pictured();
    for (format, extension) in [("jpeg", ".jpg"), ("webp", ".webp"), ("png", ".png")] {
        let record = judged(&place, &names, &["--montage-format", format]);
        let pictures: Vec<String> =
            files_below(&place.out).into_iter().filter(|file| file.contains("montages")).collect();
        // those of the run before, of another format, went with it
        assert!(pictures.len() > 6 && pictures.iter().all(|file| file.ends_with(extension)), "{pictures:?}");
        assert!(record["levels"][0]["montages"][0]["path"].as_str().is_some_and(|path| path.ends_with(extension)));
    }
    let record = judged(&place, &names, &["--montage-size", "5000", "--contact-sheet", "10000"]);
    assert!(record["levels"][2]["contact_sheet"].is_object(), "tiles that many images leave room for");
}

#[test]
fn captions_are_those_that_are_asked_for() {
    let (place, names) = pictured();
    let picture = |captions: &str| {
        let record = judged(&place, &names, &["--montage-captions", captions]);
        let path = record["levels"][0]["montages"][0]["path"].as_str().expect("a path").to_owned();
        let picture = image::open(place.out.join(path)).expect("a picture").into_rgb8();
        let sheet = image::open(place.out.join("level1/montages/contact-sheet.png")).expect("a picture").into_rgb8();
        (picture, sheet)
    };
    let [distance, name, caption, none] = ["distance", "name", "caption", "none"].map(picture);
    assert!(none.0.height() < name.0.height(), "no room for captions that are not there");
    assert!(distance.0 != name.0 && name.0 != caption.0 && distance.0 != caption.0);
    assert!(distance.1 == name.1 && name.1 == none.1, "sheets name their clusters");
    // a list without captions
    let plain = place.at("plain.txt");
    fs::write(&plain, (0..ROWS).map(|row| format!("{row}.png\n")).collect::<String>()).expect("writes");
    let told = ["--images", arg(&plain), "--montage-min-size", "1", "--montage-captions", "caption", "--force"];
    let output = succeeded(&mut place.command(&told));
    assert!(text(&output.stderr).contains("has no captions"), "{}", text(&output.stderr));
}
