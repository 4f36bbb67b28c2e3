//! Selections on the map, and the files that name their rows.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::four_levels;
use crate::map::{at, frame, square};

/// Drags along a line, with Shift if asked.
fn draw(browser: &mut Browser, line: &[(f64, f64)], shift: bool) {
    let modifiers = if shift { 8 } else { 0 };
    let mut mouse = |kind: &str, (x, y): (f64, f64), buttons: u32| {
        let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
                            "modifiers": modifiers });
        browser.command("Input.dispatchMouseEvent", event);
    };
    mouse("mouseMoved", line[0], 0);
    mouse("mousePressed", line[0], 1);
    line[1..].iter().for_each(|&place| mouse("mouseMoved", place, 1));
    mouse("mouseReleased", line[line.len() - 1], 0);
}

/// The line of a selection finds the points inside it, and the files name their rows.
#[test]
fn a_line_selects_points_and_their_rows_are_saved() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let rows = square(&run);
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    browser.value("window.told = []; addEventListener('selected', (event) => window.told.push(event.detail))");
    let square = frame(&mut browser);
    // around the two columns on the left, without the lowest points; the middle, where the clusters are, stays outside
    let line = [(-0.4, 0.5), (-0.4, 3.02), (1.3, 3.02), (1.3, 0.5)].map(|(x, y)| at(square, x, y));
    draw(&mut browser, &line, true);
    let expected: Vec<u64> = [1, 2, 3, 5, 6, 7].map(|i| rows[i]).to_vec();
    browser.wait("!document.querySelector('.selection').hidden");
    let told = browser.text(".selection [role=status]");
    assert!(told.starts_with("Selected: 6 sampled points of ") && !told.contains("centroid"), "{told}");
    assert_eq!(browser.value("window.told.at(-1).rows.sort((a, b) => a - b)"), json!(expected));
    let labels = record(&run.out)["map"]["points"]["labels"].clone();
    let mut clusters: Vec<u64> = [1, 2, 3, 5, 6, 7].iter().filter_map(|&i: &usize| labels[0][i].as_u64()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    assert_eq!(browser.value("window.told.at(-1).places"), json!(clusters));
    assert_eq!(browser.value("location.hash"), "#level1", "a selection is no click");

    let folder = run.folder.path().join("saved");
    std::fs::create_dir(&folder).expect("a folder");
    let to = json!({ "behavior": "allow", "downloadPath": folder });
    browser.command("Browser.setDownloadBehavior", to);
    browser.click(".selection button:nth-of-type(1)");
    browser.click(".selection button:nth-of-type(2)");
    let csv = String::from_utf8(saved(&folder.join("level1-selection.csv"))).expect("text");
    let line = |i: usize| {
        let of_level = |level: usize| labels[level][i].to_string();
        format!("{0},{0}.png,{1},{2},{3},{4}", rows[i], of_level(0), of_level(1), of_level(2), of_level(3))
    };
    let lines: Vec<String> = [1, 2, 3, 5, 6, 7].into_iter().map(line).collect();
    assert_eq!(csv, format!("row,path,level1,level2,level3,level4\n{}\n", lines.join("\n")));
    let npy = saved(&folder.join("level1-selection.npy"));
    assert_eq!(numbers(&npy), expected);
    assert_eq!(browser.complaints(), Vec::<String>::new());

    // by the button in place of Shift, and what is in view by the keyboard
    browser.click(".selection button:last-of-type");
    browser.wait("document.querySelector('.selection').hidden");
    browser.click("#map-select");
    let square = frame(&mut browser);
    let corner = [(2.5, -0.02), (2.5, 0.4), (3.3, 0.4), (3.3, -0.02)].map(|(x, y)| at(square, x, y));
    draw(&mut browser, &corner, false);
    browser.wait("!document.querySelector('.selection').hidden");
    assert_eq!(browser.value("window.told.at(-1).rows"), json!([rows[12]]));
    browser.value("document.querySelector('#map-select').focus()");
    browser.key("Tab");
    browser.key("Enter");
    browser.wait("document.querySelector('.selection').innerText.includes('16 sampled points')");
    assert!(browser.text(".selection [role=status]").contains("and 60 centroids"));
}

/// A file that the browser saves, once it is there.
fn saved(path: &Path) -> Vec<u8> {
    let begun = Instant::now();
    while !path.is_file() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not saved: {}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::read(path).expect("reads")
}

/// The numbers of a NumPy file, by its own description.
fn numbers(npy: &[u8]) -> Vec<u64> {
    assert_eq!(&npy[..8], b"\x93NUMPY\x01\0");
    let start = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let header = std::str::from_utf8(&npy[10..start]).expect("ASCII");
    let values: Vec<u64> =
        npy[start..].chunks_exact(8).map(|value| u64::from_le_bytes(value.try_into().expect("eight bytes"))).collect();
    let shape = format!("'shape': ({},)", values.len());
    assert!(header.contains("'descr': '<i8'") && header.contains("'fortran_order': False"), "{header}");
    assert!(header.contains(&shape) && header.ends_with('\n') && start % 64 == 0, "{header}");
    values
}
