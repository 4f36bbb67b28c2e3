//! The images of clusters: which ones are chosen, enlarged and turned, and what is said of those that a page lacks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::{Clustering, distance, files_below, program, record, scratch};
use crate::fixtures::{HOSTILE, Run, four_levels, grainy, hostile, judged, synthetic};

/// Twelve clusters of thirty points with captions and classes; the class of every fifth row is another.
fn captioned() -> (Clustering, Run) {
    let clustering = synthetic(&[12, 3], 30, 8);
    let rows = clustering.points.len();
    let labels = scratch();
    let file = labels.path().join("classes.txt");
    let classes: String = (0..rows).map(|row| format!("{}\n", class(row))).collect();
    fs::write(&file, classes).expect("writes");
    let images = |folder: &Path| {
        let mut list = "path,caption\n".to_owned();
        for row in 0..rows {
            let shade = u8::try_from(row % 256).unwrap_or(0);
            RgbImage::from_pixel(64, 48, Rgb([shade, 90, 255 - shade]))
                .save(folder.join(format!("{row}.png")))
                .expect("writes");
            let _ = writeln!(list, "{row}.png,caption of {row}");
        }
        fs::write(folder.join("names.csv"), list).expect("writes");
        folder.join("names.csv")
    };
    // of twelve clusters, all are ranked
    let file = file.display().to_string();
    let more = ["--best", "6", "--worst", "6", "--metrics", "all", "--yes", "--labels", &file];
    let run = judged(&clustering, &more, Some(&images));
    (clustering, run)
}

fn class(row: usize) -> &'static str {
    if row.is_multiple_of(5) { "odd" } else { "even" }
}

fn rows(column: &Value) -> Vec<usize> {
    column.as_array().expect("rows").iter().filter_map(Value::as_u64).map(|row| row as usize).collect()
}

/// Against distances computed here: the closest, the farthest, none twice.
#[test]
fn the_record_has_the_closest_and_the_farthest_members() {
    let (clustering, run) = captioned();
    let record = record(&run.out);
    for (level, labels) in clustering.labels().iter().enumerate() {
        let samples = &record["levels"][level]["samples"];
        for at in 0..samples["clusters"].as_array().expect("clusters").len() {
            let cluster = samples["clusters"][at].as_u64().expect("a number") as usize;
            let centroid = &clustering.levels[level].1[cluster];
            let mut members: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == Some(cluster)).collect();
            let away = |row: usize| distance(&clustering.points[row], centroid);
            members.sort_by(|&a, &b| away(a).total_cmp(&away(b)));
            let (closest, farthest) = (rows(&samples["rows"][at]), rows(&samples["farthest"][at]));
            let shown = members.len().min(64);
            assert_eq!((closest.len(), farthest.len()), (shown - shown / 3, shown / 3), "every cluster is ranked");
            assert_eq!(closest, members[..closest.len()]);
            assert_eq!(farthest, members.iter().rev().take(farthest.len()).copied().collect::<Vec<_>>());
            for (distances, rows) in [("distances", &closest), ("farthest_distances", &farthest)] {
                for (found, &row) in samples[distances][at].as_array().expect("distances").iter().zip(rows) {
                    let found = found.as_f64().expect("a distance");
                    assert!((found - away(row)).abs() < 1e-5 * away(row), "{found} for {}", away(row));
                }
            }
        }
    }
    let images = &record["images"];
    for (row, found) in rows(&images["rows"]).into_iter().zip(images["classes"].as_array().expect("classes")) {
        assert_eq!(found, class(row));
    }
}

/// The rows behind the pictures of a grid, by the alternative texts.
fn captions(browser: &mut Browser, grid: &str) -> Vec<usize> {
    let texts = browser.value(&format!("[...document.querySelectorAll('{grid} img')].map((i) => i.alt)"));
    let number = |text: &Value| text.as_str()?.strip_prefix("caption of ")?.parse().ok();
    texts.as_array().expect("texts").iter().filter_map(number).collect()
}

const CLOSEST: &str = "#cluster .members:nth-of-type(2)";

#[test]
fn an_image_is_enlarged_by_mouse_and_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let (_, run) = captioned();
    let samples = record(&run.out)["levels"][0]["samples"].clone();
    let (closest, farthest) = (rows(&samples["rows"][3]), rows(&samples["farthest"][3]));
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1/cluster3");
    assert_eq!(captions(&mut browser, CLOSEST), closest[..8], "the closest come first");
    let panel = browser.text("#cluster");
    assert!(panel.contains("20 images of 30 points") && panel.contains("× mean"), "{panel}");
    // by mouse: what is known of the image
    browser.click(&format!("{CLOSEST} li:nth-child(2) button"));
    browser.wait("document.querySelector('dialog').open");
    let text = browser.text("dialog");
    let away = samples["distances"][3][1].as_f64().expect("a distance");
    for word in [
        format!("{}.png", closest[1]),
        format!("caption of {}", closest[1]),
        class(closest[1]).to_owned(),
        format!("{away:.3}")[..5].to_owned(),
        "× the mean distance".to_owned(),
        "level 1, cluster 3".to_owned(),
        "Image 2 of 20".to_owned(),
    ] {
        assert!(text.contains(&word), "no `{word}`: {text}");
    }
    browser.wait("document.querySelector('dialog img').naturalWidth > 0");
    // the file that the link names is the image
    let href = browser.value("document.querySelector('dialog a[target]').href");
    let file = fs::canonicalize(run.folder.path()).expect("there").join(format!("{}.png", closest[1]));
    assert!(
        href.as_str()
            .is_some_and(|href| href.ends_with(&format!("/{}.png", closest[1])) && href.starts_with("file:///")),
        "{href}"
    );
    assert!(file.is_file());
    browser.screenshot("lightbox");
    // keys: to the next, past the grid's page, and none leaves the dialog
    for _ in 0..8 {
        browser.key("ArrowRight");
    }
    assert!(browser.text("dialog h2").starts_with("Image 10 of 20"));
    for key in ["Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab"] {
        browser.key(key);
        assert_eq!(browser.value("document.querySelector('dialog').contains(document.activeElement)"), true);
    }
    browser.key("Escape");
    browser.wait("!document.querySelector('dialog').open");
    // the panel is still there, its grid shows the image, and has the focus
    assert_eq!(browser.value("document.querySelector('#cluster').hidden"), false);
    // (the page hears of it in an event of its own, a moment after the dialog is closed)
    let focused = "document.activeElement.querySelector('img')?.alt";
    browser.wait(&format!("{focused} === 'caption of {}'", closest[9]));
    assert_eq!(captions(&mut browser, CLOSEST), closest[8..16]);
    // by keyboard: arrows within the grid, Enter
    browser.key("ArrowLeft");
    browser.key("Enter");
    browser.wait("document.querySelector('dialog').open");
    assert!(browser.text("dialog").contains(&format!("{}.png", closest[8])));
    for key in ["ArrowLeft", "ArrowLeft", "ArrowRight"] {
        browser.key(key);
    }
    browser.click("dialog .top button");
    browser.wait(&format!("!document.querySelector('dialog').open && {focused} === 'caption of {}'", closest[7]));
    // the link leads to the cluster and closes the dialog
    browser.click("#cluster .members:last-of-type button");
    browser.wait("document.querySelector('dialog').open");
    browser.click("dialog dl a");
    browser.wait("!document.querySelector('dialog').open && location.hash !== '#level1/cluster3'");
    browser.open(&run.page(), "#level1/cluster3");
    assert_eq!(captions(&mut browser, "#cluster .members:nth-of-type(3)"), farthest[..4], "the farthest");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests().len(), 1, "{:?}", browser.requests());
}

#[test]
fn a_grid_has_pages() {
    let Some(mut browser) = Browser::start() else { return };
    let (_, run) = captioned();
    let closest = rows(&record(&run.out)["levels"][0]["samples"]["rows"][5]);
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1/cluster5");
    let mut seen = Vec::new();
    let next = format!("{CLOSEST} .pager button:last-child");
    for words in ["1 to 8 of 20", "9 to 16 of 20", "17 to 20 of 20"] {
        assert_eq!(browser.text(&format!("{CLOSEST} .pager [role=status]")), words);
        seen.extend(captions(&mut browser, CLOSEST));
        browser.click(&next);
    }
    assert_eq!(seen, closest);
    assert_eq!(browser.value(&format!("document.querySelector('{next}').disabled")), true);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn hostile_names_stay_text_when_enlarged() {
    let Some(mut browser) = Browser::start() else { return };
    let run = hostile();
    browser.open(&run.page(), "#level1/cluster2");
    browser.click("#cluster .enlarge");
    browser.wait("document.querySelector('dialog').open");
    let mut paths = BTreeSet::new();
    for _ in 0..16 {
        let path = browser.value("document.querySelector('dialog .path').textContent");
        let href = browser.value("document.querySelector('dialog a[target]').href");
        let href = href.as_str().expect("an address");
        assert!(href.starts_with("file:///") && !href.contains(['<', '"', ' ']), "{href}");
        paths.insert(path.as_str().expect("a path").to_owned());
        browser.key("ArrowRight");
    }
    assert!(paths.len() > 4 && paths.iter().all(|path| HOSTILE.contains(&path.as_str())), "{paths:?}");
    assert_eq!(browser.value("typeof window.hacked"), "undefined");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests().len(), 1, "{:?}", browser.requests());
}

/// A page that can't hold all images says so where they are missing, with the command that writes them.
#[test]
fn missing_images_are_named_where_they_are_missing() {
    let Some(mut browser) = Browser::start() else { return };
    let run = grainy();
    let record = record(&run.out);
    let out = fs::canonicalize(&run.out).expect("there");
    browser.open(&run.page(), "#level1");
    let text = browser.text("main .missing");
    let count =
        text.strip_prefix("Images of ").and_then(|rest| rest.split(' ').next()).and_then(|n| n.parse::<usize>().ok());
    let count = count.unwrap_or_else(|| panic!("{text}"));
    assert!((20..1000).contains(&count), "{text}");
    assert!(text.contains("of 1,000 clusters"), "{text}");
    assert!(text.contains(&format!("clustrata report {} --report-folder", out.display())), "{text}");
    // the worst clusters are among them
    for worst in record["levels"][0]["ranking"]["worst"].as_array().expect("clusters") {
        browser.open(&run.page(), &format!("#level1/cluster{worst}"));
        assert!(
            browser.value("document.querySelectorAll('#cluster .members img').length").as_u64() > Some(0),
            "{worst}"
        );
    }
    let mut without = 0;
    for cluster in (0..1000).step_by(50) {
        browser.open(&run.page(), &format!("#level1/cluster{cluster}"));
        if browser.value("document.querySelectorAll('#cluster .members').length") == 0 {
            let text = browser.text("#cluster");
            assert!(text.contains("No images of this cluster") && text.contains("--report-folder"), "{text}");
            without += 1;
        }
    }
    assert!(without > 0);
    // a level that is complete says nothing
    browser.open(&run.page(), "#level4");
    assert_eq!(browser.value("document.querySelectorAll('main .missing').length"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Beside the page there are all images, in numbered folders, and the page loads those that it shows.
#[test]
fn images_beside_the_page_are_loaded_when_they_are_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let remade = program().arg("report").arg(&run.out).arg("--report-folder").output().expect("starts");
    assert!(remade.status.success(), "{}", String::from_utf8_lossy(&remade.stderr));
    let record = record(&run.out);
    let samples = record["levels"].as_array().expect("levels").iter().flat_map(|level| {
        let samples = &level["samples"];
        ["rows", "farthest"]
            .map(|name| samples[name].as_array().expect("clusters").iter().flat_map(rows).collect::<Vec<_>>())
    });
    let samples: BTreeSet<usize> = samples.flatten().collect();
    let files = files_below(&run.out.join("report"));
    assert_eq!(files.len(), samples.len());
    assert!(files.iter().all(|file| file.starts_with("0/row-")), "{files:?}");
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let loaded = |browser: &mut Browser| browser.requests().iter().filter(|url| url.contains("/report/")).count();
    assert_eq!(loaded(&mut browser), 0);
    browser.open(&run.page(), "#level1/cluster3");
    browser.wait("document.querySelector('#cluster .members img').naturalWidth > 0");
    let count = loaded(&mut browser);
    assert!(0 < count && count <= 16 && count < samples.len() / 4, "{count} of {}", samples.len());
    assert_eq!(browser.value("document.querySelectorAll('.missing').length"), 0);
    browser.click("#cluster .enlarge");
    browser.wait("document.querySelector('dialog img').naturalWidth === 240");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
