//! `clustrata report`: the same page from the record, and pictures beside it.

use std::fs;
use std::process::Output;

use crate::common::browser::Browser;
use crate::common::{files_below, program};
use crate::fixtures::{Run, digits, four_levels};

fn remake(run: &Run, more: &[&str]) -> Output {
    program().arg("report").arg(&run.out).args(more).output().expect("starts")
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_report_made_again_is_the_same_and_touches_nothing_else() {
    let run = four_levels();
    let (page, files, before) =
        (run.html(), files_below(&run.out), fs::read(run.out.join("record.json")).expect("a record"));
    fs::remove_file(run.page()).expect("is there");
    fs::remove_file(run.out.join("plots/distribution-size.svg")).expect("is there");
    succeeded(&remake(&run, &[]));
    assert!(run.html() == page, "the page differs");
    assert_eq!((files_below(&run.out), fs::read(run.out.join("record.json")).expect("a record")), (files, before));
}

#[test]
fn missing_images_leave_their_places_empty() {
    let run = four_levels();
    for entry in fs::read_dir(run.folder.path()).expect("a folder").flatten() {
        if entry.path().extension().is_some_and(|e| e == "png") {
            fs::remove_file(entry.path()).expect("is there");
        }
    }
    succeeded(&remake(&run, &[]));
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&run.page(), "#level2/cluster3");
    assert_eq!(browser.value("document.querySelectorAll('#cluster .thumbnails .none').length"), 8 + 4 + 4);
    assert_eq!(browser.value("document.querySelectorAll('#cluster .thumbnails img').length"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn pictures_can_lie_beside_the_page() {
    let run = digits();
    // the page says in which folder it was made, and this is a copy
    succeeded(&remake(&run, &[]));
    let embedded = run.html().len();
    succeeded(&remake(&run, &["--report-folder"]));
    assert!(run.html().len() < embedded / 2, "{} of {embedded} bytes", run.html().len());
    assert!(files_below(&run.out.join("report")).len() > 500);
    let others = run.out.join("report/notes.txt");
    fs::write(&others, "mine").expect("writes");
    let Some(mut browser) = Browser::start() else { return };
    browser.open(&run.page(), "#level1/cluster3");
    browser.value("document.querySelectorAll('img').forEach((image) => image.loading = 'eager')");
    browser.wait(
        "[...document.images].length > 10 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)",
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let out = fs::canonicalize(&run.out).expect("is there");
    let own = format!("file://{}", out.display());
    assert!(browser.requests().iter().all(|url| url.starts_with(&own)), "{:?}", browser.requests());
    // a page with its pictures in it leaves none beside it
    succeeded(&remake(&run, &[]));
    assert_eq!(run.html().len(), embedded);
    assert_eq!(files_below(&run.out.join("report")).len(), 1, "only foreign files");
    assert!(others.is_file());
}

#[test]
fn folders_without_a_finished_run_are_refused() {
    let run = four_levels();
    let refused = |code: i32, word: &str| {
        let output = remake(&run, &[]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && message.contains(word), "{message}");
    };
    let record = run.out.join("record.json");
    let text = fs::read_to_string(&record).expect("a record");
    fs::write(&record, &text[..text.len() / 2]).expect("writes");
    refused(3, "the record is damaged");
    let mut cut: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    cut["levels"][0]["clusters"]["inertia"].as_array_mut().expect("a column").truncate(3);
    fs::write(&record, cut.to_string()).expect("writes");
    refused(3, "3 entries for 60");
    fs::write(&record, text.replacen("\"format\":1", "\"format\":99", 1)).expect("writes");
    refused(3, "format 99");
    fs::remove_file(&record).expect("is there");
    refused(2, "no finished run");
}
