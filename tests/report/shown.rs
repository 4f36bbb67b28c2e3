//! What the page shows, at which sizes, in which colours.

use std::time::Instant;

use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{Run, digits, four_levels, ten_thousand};

/// Every view at both ends of the widths that are promised, in both themes: nothing complains, nothing is cut off.
fn every_view(browser: &mut Browser, run: &Run, name: &str, hashes: &[&str]) {
    for theme in ["light", "dark"] {
        browser.system_theme(theme);
        for width in [400, 1600] {
            browser.window(width, 1000);
            for hash in hashes {
                browser.open(&run.page(), hash);
                browser.wait("document.querySelector('main').childElementCount > 0");
                let over = browser.value("document.documentElement.scrollWidth - innerWidth");
                assert!(over.as_i64().is_some_and(|over| over <= 0), "{name}{hash} at {width}: {over} pixels too wide");
                assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}{hash} at {width}, {theme}");
                assert_eq!(browser.requests().len(), 1, "{:?}", browser.requests());
                let shot = hash.trim_start_matches('#').replace('/', "-");
                browser.screenshot(&format!("{name}-{width}-{theme}-{shot}"));
            }
        }
    }
}

#[test]
fn digits_are_shown_at_every_width_in_both_themes() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    every_view(&mut browser, &run, "digits", &["", "#level1", "#level2/cluster17", "#level3/cluster0", "#run"]);
    for word in ["silhouette", "explained variance", "higher is better", "level 3"] {
        browser.open(&run.page(), "");
        assert!(browser.text("main").contains(word), "no `{word}`");
    }
    let loaded =
        "[...document.images].length > 9 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)";
    browser.open(&run.page(), "#level1");
    browser.value("document.querySelectorAll('img').forEach((image) => image.loading = 'eager')");
    browser.wait(loaded);
    assert!(run.html().len() < 15_000_000);
}

#[test]
fn four_levels_are_shown_with_the_metrics_of_the_record() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    every_view(&mut browser, &run, "four", &["", "#level4", "#level3/cluster1"]);
    let record = record(&run.out);
    browser.open(&run.page(), "#level3/cluster1");
    let panel = browser.text("#cluster");
    let level = &record["levels"][2];
    let size = level["clusters"]["size"][1].as_u64().expect("a size").to_string();
    let parent = &level["parent"][1];
    assert!(panel.contains(&format!("size\t{size}")), "{panel}");
    assert!(panel.contains(&format!("level 4, cluster {parent}")), "{panel}");
    let below = record["levels"][1]["parent"].as_array().expect("parents");
    let children = below.iter().filter(|parent| **parent == 1).count();
    assert!(panel.contains(&format!("{children} children")), "{panel}");
    let images = browser.value("document.querySelectorAll('#cluster .members img').length");
    // of the closest, the farthest and the nearest cluster
    assert_eq!(images, 8 + 4 + 4, "{panel}");
}

/// The theme of the page beats that of the system, and is kept.
#[test]
fn the_theme_can_be_changed() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let ground = "getComputedStyle(document.body).backgroundColor";
    browser.system_theme("light");
    browser.open(&run.page(), "#level2");
    let light = browser.value(ground);
    browser.click("#theme");
    browser.click("#theme");
    assert_eq!(browser.text("#theme"), "Theme: dark");
    let dark = browser.value(ground);
    assert_ne!(light, dark);
    browser.open(&run.page(), "#level1");
    assert_eq!(browser.value(ground), dark, "not kept");
    browser.click("#theme");
    browser.system_theme("dark");
    assert_eq!((browser.text("#theme").as_str(), browser.value(ground)), ("Theme: auto", dark));
}

/// Says how long it takes; promises no time, since the machine is not ours alone.
#[test]
fn ten_thousand_clusters_open_and_scroll() {
    let Some(mut browser) = Browser::start() else { return };
    let run = ten_thousand();
    browser.window(1600, 1000);
    let begun = Instant::now();
    browser.open(&run.page(), "#level1");
    browser.wait("document.querySelector('.grid .space [role=row]')");
    let opened = begun.elapsed();
    let rows = "document.querySelectorAll('.grid .space [role=row]').length";
    assert!(browser.value(rows).as_u64().is_some_and(|rows| rows < 100), "all rows are there");
    let begun = Instant::now();
    browser.value("document.querySelector('.grid').scrollTop = 1e9");
    let last =
        "[...document.querySelectorAll('.grid .space [role=row]')].some((r) => r.firstChild.textContent === '9,999')";
    browser.wait(last);
    let scrolled = begun.elapsed();
    let begun = Instant::now();
    browser.click(".grid .head > :nth-child(3) button");
    browser.value("new Promise((done) => requestAnimationFrame(() => done(1)))");
    let sorted = begun.elapsed();
    browser.screenshot("ten-thousand");
    let size = run.html().len();
    println!(
        "10,000 clusters, {size} bytes: opened in {opened:.2?}, scrolled to the end in {scrolled:.2?}, sorted in {sorted:.2?}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let found: Value = record(&run.out);
    assert_eq!(found["map"]["levels"][0]["clusters"].as_array().map(Vec::len), Some(10_000));
}
