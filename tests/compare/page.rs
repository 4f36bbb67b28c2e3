//! `compare --html`: the page in a real browser, and where it is written.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::hostile::HOSTILE;
use crate::common::{self, scratch};
use crate::fixtures::{Runs, clustrata, compare, digits, failed, judged, succeeded};

/// `compare --html FILE`
fn page(a: &Path, b: &Path, file: &Path) {
    succeeded(&compare(a, b, &["--html", file.to_str().expect("UTF-8")]));
}

/// Opens a page, which must do nothing but show itself.
fn opened(browser: &mut Browser, file: &Path) {
    browser.open(file, "");
    browser.wait("document.querySelector('.sentence')");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests().len(), 1, "{:?}", browser.requests());
}

/// The words by which metrics tell whether B is better, each once.
fn outcomes(browser: &mut Browser) -> String {
    let words = "[...new Set([...document.querySelectorAll('main td span:is(.best, .worst, .same)')]\
                 .map((e) => e.textContent.replace('*', '')))].sort().join(' ')";
    browser.value(words).as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_page_shows_the_verdict_the_metrics_and_where_the_points_went() {
    let Some(mut browser) = Browser::start() else { return };
    let runs = Runs::new();
    let out = runs.at("c");
    succeeded(&runs.compare(&["--out", out.to_str().expect("UTF-8"), "--html"]));
    let json: Value =
        serde_json::from_str(&fs::read_to_string(out.join("compare.json")).expect("a file")).expect("JSON");
    opened(&mut browser, &out.join("compare.html"));
    browser.screenshot("compare");
    let verdict = browser.text(".sentence");
    assert_eq!(json["verdict"]["text"], verdict);
    assert!(verdict.starts_with("A is better") && verdict.contains("level 1"), "{verdict}");
    // the first thing said is what can't be compared
    let notice = browser.text("main > .notice:first-child");
    assert!(notice.contains("Only A has levels 2, 3"), "{notice}");
    assert_eq!(outcomes(&mut browser), "better same worse");
    let row = "[...document.querySelectorAll('section table tbody tr')].find((r) => r.firstChild.textContent.startsWith('inertia')).innerText";
    let inertia = browser.value(row);
    let inertia = inertia.as_str().expect("text");
    assert!(inertia.contains("513,893.6") && inertia.contains('%') && inertia.contains("worse"), "{inertia}");
    // the flows of one cluster are those of its points
    browser.value("document.querySelector('.flow input').focus()");
    browser.write("7");
    let cells = browser.value("[...document.querySelectorAll('.flow tbody tr')].map((r) => [r.children[0].textContent, r.children[2].textContent])");
    let cells: Vec<(String, u64)> = serde_json::from_value::<Vec<(String, String)>>(cells)
        .expect("rows")
        .into_iter()
        .map(|(cluster, points)| (cluster, points.parse().expect("a count")))
        .collect();
    let size = common::record(&runs.a)["levels"][0]["clusters"]["size"][7].as_u64();
    assert!(cells.len() > 1 && cells.iter().all(|(cluster, _)| cluster == "7"), "{cells:?}");
    assert_eq!(Some(cells.iter().map(|(_, points)| points).sum()), size);
    // no wider than the window
    for width in [400, 1280, 1920] {
        browser.window(width, 900);
        assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth"), true, "{width}");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_run_is_the_same_as_itself() {
    let Some(mut browser) = Browser::start() else { return };
    let runs = Runs::new();
    let file = runs.at("same.html");
    page(&runs.a, &runs.a, &file);
    opened(&mut browser, &file);
    assert_eq!(browser.text(".sentence"), "A and B are the same, within noise, on every level (1, 2 and 3).");
    assert_eq!(outcomes(&mut browser), "same");
    assert_eq!(browser.value("document.querySelectorAll('.notice').length"), 0);
    assert!(browser.text("main").contains("1,797 of 1,797 points (100 %)"));
    browser.wait("document.querySelector('.bands svg')");
    // bands for the ten clusters of the top level, a matrix for more
    assert_eq!(browser.value("[document.querySelectorAll('.bands svg .pair').length, document.querySelectorAll('.bands svg .moved').length]"), serde_json::json!([10, 0]));
    assert_eq!(browser.value("document.querySelectorAll('.matrix canvas').length"), 2);
}

#[test]
fn different_data_are_said_first() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = scratch();
    let clustering = common::Clustering {
        points: (0..20).map(|i| vec![f64::from(i), f64::from(i % 3)]).collect(),
        dtype: common::Dtype::F4,
        levels: vec![((0..1).map(|_| (0..20).collect()).collect(), vec![vec![10.0, 1.0]])],
        subset: None,
    };
    let (hier, embeddings) = clustering.write(folder.path());
    let (a, b, file) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c.html"));
    judged(&digits(), &a, &[]);
    common::judged(&hier, &embeddings, &b, &["--device", "cpu", "--metrics", "fast"]);
    page(&a, &b, &file);
    opened(&mut browser, &file);
    let first = browser.text("main > :first-child");
    assert!(first.contains("different data") && first.contains("1797 rows of 64 columns"), "{first}");
    assert!(browser.text(".sentence").ends_with("no metric says which is better."));
    assert!(browser.text("main").contains("Clusters were not compared"));
}

#[test]
fn copies_are_the_same_data_and_changed_copies_are_not() {
    let folder = scratch();
    let (a, b, copy) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("copy.npy"));
    judged(&digits(), &a, &[]);
    let mut bytes = fs::read(digits().join("embeddings.npy")).expect("the digits");
    let compared = |bytes: &[u8]| -> Value {
        fs::write(&copy, bytes).expect("writes");
        common::judged(&digits(), &copy, &b, &["--device", "cpu", "--metrics", "fast", "--force"]);
        serde_json::from_str(&succeeded(&compare(&a, &b, &["--json"]))).expect("JSON")
    };
    let same = compared(&bytes);
    assert_eq!((&same["data"]["embeddings"], &same["data"]["differences"]), (&true.into(), &Value::Array(Vec::new())));
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    let changed = compared(&bytes);
    assert_eq!(changed["data"]["embeddings"], false);
    assert!(changed["data"]["differences"][0].as_str().is_some_and(|text| text.contains("other contents")));
    // the records know what is gone; those of earlier versions have no checksums
    fs::remove_file(&copy).expect("removes");
    let gone = || -> Value { serde_json::from_str(&succeeded(&compare(&a, &b, &["--json"]))).expect("JSON") };
    assert_eq!(gone()["data"]["embeddings"], false);
    let mut record = common::record(&b);
    record["inputs"]["embeddings"][0].as_object_mut().expect("a file").remove("checksum").expect("a checksum");
    fs::write(b.join("record.json"), record.to_string()).expect("writes");
    let gone = gone();
    assert_eq!(gone["data"]["embeddings"], Value::Null);
    assert!(gone["verdict"]["text"].as_str().is_some_and(|text| text.starts_with("If both judged the same data")));
}

/// Images and classes whose names attack the page; only `here.png` is a picture.
fn attackers(folder: &Path) -> [PathBuf; 2] {
    RgbImage::from_pixel(20, 20, Rgb([200, 30, 30])).save(folder.join("here.png")).expect("writes");
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let name = |row: usize| if row.is_multiple_of(3) { "here.png" } else { HOSTILE[row % HOSTILE.len()] };
    let rows = |head: &str, row: &dyn Fn(usize) -> String| {
        std::iter::once(head.to_owned()).chain((0..1797).map(row)).collect::<Vec<_>>().join("\n")
    };
    let caption = |row: usize| HOSTILE[(row / 3) % HOSTILE.len()];
    let images = rows("path,caption", &|row| format!("{},{}", quoted(name(row)), quoted(caption(row))));
    let classes = rows("label", &|row| quoted(HOSTILE[row % 2]));
    let files = [folder.join("<b>names'.csv"), folder.join("classes.csv")];
    fs::write(&files[0], images).expect("writes");
    fs::write(&files[1], classes).expect("writes");
    files
}

#[test]
fn names_and_classes_stay_text_and_missing_images_are_said() {
    let Some(mut browser) = Browser::start() else { return };
    let runs = Runs::new();
    let [images, classes] = attackers(runs.folder.path());
    let [images, classes] = [&images, &classes].map(|path| path.to_str().expect("UTF-8"));
    let more = ["--images", images, "--labels", classes, "--force"];
    judged(&digits(), &runs.a, &more);
    judged(&runs.moved, &runs.b, &more);
    let file = runs.at("<script>alert(1)<!-- & 'page'.html");
    page(&runs.a, &runs.b, &file);
    opened(&mut browser, &file);
    browser.screenshot("compare-hostile");
    assert_eq!(browser.value("typeof window.hacked"), "undefined");
    assert!(browser.value("document.querySelectorAll('main script, main iframe, main object').length") == 0);
    let text = browser.value("document.querySelector('main').textContent + [...document.querySelectorAll('main figure')].map((f) => f.title).join()");
    let text = text.as_str().expect("text");
    assert!(HOSTILE[..2].iter().all(|name| text.contains(name)), "the names are shown as they are");
    // pairs of clusters with their images; those that are not there are named
    assert_eq!(browser.value("document.querySelectorAll('.change').length > 1 && [...document.querySelectorAll('.change')].every((c) => c.querySelectorAll('.side').length === 2)"), true);
    assert!(browser.value("document.querySelectorAll('.change img').length").as_u64().is_some_and(|count| count > 1));
    assert_eq!(
        browser.value("[...document.querySelectorAll('.change .none')].some((e) => e.textContent === 'missing')"),
        true
    );
    assert_eq!(
        browser.value("[...document.querySelectorAll('.change img')].every((i) => i.src.startsWith('data:image/'))"),
        true
    );
    // none reaches over the next one
    browser.value("document.querySelectorAll('.change img').forEach((image) => image.loading = 'eager')");
    browser.wait("[...document.querySelectorAll('.change img')].every((image) => image.naturalWidth > 0)");
    let width = "getBoundingClientRect().width";
    assert_eq!(
        browser.value(&format!(
            "[...document.querySelectorAll('.change img')].every((i) => i.{width} <= i.closest('li').{width} + 0.5)"
        )),
        true
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_page_replaces_nothing_unless_told_to() {
    let runs = Runs::new();
    let refused = |more: &[&str], part: &str| {
        let (code, message) = failed(&runs.compare(more));
        assert!(code == Some(2) && message.contains(part), "{more:?}: {code:?} {message}");
    };
    let at = |name: &str| runs.at(name).to_str().expect("UTF-8").to_owned();
    let file = at("c.html");
    fs::write(&file, "mine").expect("writes");
    refused(&["--html", &file], "--force");
    assert_eq!(fs::read_to_string(&file).expect("there"), "mine");
    let told = succeeded(&runs.compare(&["--html", &file, "--force"]));
    assert!(told.contains(&format!("written: {file}")), "{told}");
    assert!(fs::read_to_string(&file).expect("there").contains("Content-Security-Policy"));
    // not a third run, and not a file of a run
    refused(&["--html", &at("moved")], "ends in .html");
    refused(&["--html", &format!("{}/record.json", at("a")), "--force"], "ends in .html");
    refused(&["--html", &at("nowhere/c.html")], "does not exist");
    // into the folder of --out, together with the tables; nothing else is left
    let out = at("c");
    succeeded(&runs.compare(&["--out", &out, "--html"]));
    refused(&["--out", &out, "--html"], "--force");
    succeeded(&runs.compare(&["--out", &out, "--force"]));
    let mut names: Vec<_> =
        fs::read_dir(&out).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["compare.csv", "compare.json"], "a page of an earlier comparison is gone");
    // without a name, it is written here
    let command = std::process::Command::new(env!("CARGO_BIN_EXE_clustrata"))
        .args(["compare", "a", "b", "--html"])
        .current_dir(runs.folder.path())
        .output();
    succeeded(&command.expect("the program starts"));
    assert!(runs.at("compare.html").is_file());
    assert!(succeeded(&clustrata(&["compare", "--help"])).contains("--html [<FILE>]"));
}
