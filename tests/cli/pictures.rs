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
    let told = ["--images", arg(&names), "--montage-min-size", "1", "--force"];
    let metrics: &[&str] = if more.contains(&"--metrics") { &[] } else { &["--metrics", "fast"] };
    let output = succeeded(&mut place.command(&[&told[..], metrics, more].concat()));
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
    assert_eq!(whole["levels"][0]["contact_sheet"]["left_out"], 0);
    let few = judged(&place, &names, &["--contact-sheet", "3"]);
    let all = whole["levels"][0]["contact_sheet"]["clusters"].as_array().expect("clusters").clone();
    let ends = [all[0].clone(), all[1].clone(), all[all.len() - 1].clone()];
    assert_eq!(few["levels"][0]["contact_sheet"]["clusters"], Value::from(ends.to_vec()));
    assert_eq!(few["levels"][0]["contact_sheet"]["left_out"], all.len() as u64 - 3);
    let none = judged(&place, &names, &["--contact-sheet", "0"]);
    assert!(none["levels"][0].get("contact_sheet").is_none());
    assert!(!files_below(&place.out).iter().any(|file| file.contains("contact-sheet")), "the earlier run's went");
    let no_pictures = judged(&place, &names, &["--best", "0", "--worst", "0"]);
    assert!(no_pictures["levels"][0].get("contact_sheet").is_none());
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().expect("a list").iter().filter_map(Value::as_u64).collect()
}

/// The montages of all levels, each with its level.
fn montages(record: &Value) -> Vec<(usize, &Value)> {
    let levels = record["levels"].as_array().expect("levels").iter().enumerate();
    levels
        .flat_map(|(at, level)| level["montages"].as_array().expect("montages").iter().map(move |m| (at, m)))
        .collect()
}

#[test]
fn montages_show_both_ends_of_a_cluster_and_the_nearest_of_a_bad_one() {
    let (place, names) = pictured();
    let labels = crate::fixtures::clustering().labels();
    // the nearest cluster from the metrics, and searched for the montages alone
    let known =
        judged(&place, &names, &["--metrics", "size,inertia,nearest_cluster,nearest_distance", "--rank-by", "inertia"]);
    let searched = judged(&place, &names, &["--metrics", "size,inertia", "--rank-by", "inertia"]);
    for (level, montage) in montages(&known) {
        let cluster = montage["cluster"].as_u64().expect("a number");
        let sections = montage["sections"].as_array().expect("sections");
        let mut shown: Vec<u64> = sections.iter().flat_map(|section| numbers(&section["rows"])).collect();
        assert_eq!(shown, numbers(&montage["rows"]));
        assert!(shown.len() <= 20);
        let count = shown.len();
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown.len(), count, "no image twice: {montage}");
        for section in sections {
            let of = section["cluster"].as_u64();
            assert!(numbers(&section["rows"]).iter().all(|&row| labels[level][row as usize].map(|c| c as u64) == of));
        }
        let own = sections.iter().filter(|section| section["cluster"] == cluster).count();
        let beside: Vec<&Value> = sections[own..].iter().map(|section| &section["cluster"]).collect();
        let nearest = &known["levels"][level]["clusters"]["nearest_cluster"][cluster as usize];
        match montage["end"].as_str() {
            Some("best") => assert!(beside.is_empty()),
            _ => assert_eq!(beside, [nearest]),
        }
    }
    let of = |record| montages(record).into_iter().map(|(_, montage)| montage["sections"].clone()).collect::<Vec<_>>();
    assert_eq!(of(&known), of(&searched), "titles with their distances, too");
    // every image is named, so that the report can show it
    let named = numbers(&known["images"]["rows"]);
    assert!(
        montages(&known).iter().all(|(_, montage)| numbers(&montage["rows"]).iter().all(|row| named.contains(row)))
    );
    for (most, sections) in [("1", 1), ("2", 2), ("3", 3)] {
        let few = judged(&place, &names, &["--montage-size", most]);
        let of = |end: &str| {
            let all = montages(&few).into_iter().map(|(_, montage)| montage).filter(|montage| montage["end"] == end);
            all.map(|montage| numbers(&montage["rows"]).len()).max()
        };
        assert_eq!((of("best"), of("worst")), (Some(sections.min(2)), Some(sections)), "{most}");
    }
}

#[test]
fn an_explicit_sample_is_one_grid_and_old_records_are_shown() {
    let (place, names) = pictured();
    let config = place.at("sample.yaml");
    fs::write(&config, "sample: farthest\n").expect("writes");
    let by_file = judged(&place, &names, &["--config", arg(&config)]);
    let by_option = judged(&place, &names, &["--sample", "farthest"]);
    let rows = |record| montages(record).into_iter().map(|(_, montage)| numbers(&montage["rows"])).collect::<Vec<_>>();
    assert_eq!(rows(&by_file), rows(&by_option));
    assert!(montages(&by_file).iter().all(|(_, montage)| montage.get("sections").is_none()));
    let sections = judged(&place, &names, &["--config", arg(&config), "--sample", "sections"]);
    assert!(montages(&sections).iter().all(|(_, montage)| montage["sections"].is_array()));
    // as an earlier version wrote it
    let path = place.out.join("record.json");
    let mut old = sections.clone();
    for level in old["levels"].as_array_mut().expect("levels") {
        for montage in level["montages"].as_array_mut().expect("montages") {
            let montage = montage.as_object_mut().expect("a montage");
            assert!(montage.remove("sections").is_some() && montage.remove("title_height").is_some());
        }
        let sheet = level["contact_sheet"].as_object_mut().expect("a sheet");
        assert!(sheet.remove("left_out").is_some() && sheet.remove("title_height").is_some());
    }
    fs::write(&path, old.to_string()).expect("writes");
    succeeded(crate::common::program().arg("report").arg(&place.out));
    let page = fs::read_to_string(place.out.join("report.html")).expect("a page");
    assert!(page.contains("level1/montages/contact-sheet.png\":\"data:image/"), "the sheet is in it");
    // a picture from elsewhere is not
    old["levels"][0]["contact_sheet"]["path"] = "../../other.png".into();
    fs::write(&path, old.to_string()).expect("writes");
    let refused = crate::common::program().arg("report").arg(&place.out).output().expect("starts");
    assert!(!refused.status.success() && text(&refused.stderr).contains("outside the output folder"));
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
