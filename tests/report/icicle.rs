//! The icicle of all levels on the overview: where clusters stand, how they are told, found and coloured.

use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{Run, digits, ten_thousand, with_data};

fn told(browser: &mut Browser) -> String {
    browser.text("#icicle-status")
}

/// Presses a key on the icicle and returns what it tells.
fn press(browser: &mut Browser, key: &str) -> String {
    browser.value("document.querySelector('.icicle canvas').focus()");
    browser.key(key);
    told(browser)
}

fn sizes(run: &Run, level: usize) -> Vec<u64> {
    let column = record(&run.out)["levels"][level]["clusters"]["size"].clone();
    column.as_array().expect("sizes").iter().filter_map(Value::as_u64).collect()
}

/// The largest of some clusters; of equal ones, the first.
fn largest(sizes: &[u64], among: impl Iterator<Item = usize>) -> usize {
    among.reduce(|best, at| if sizes[at] > sizes[best] { at } else { best }).expect("some")
}

#[test]
fn arrow_keys_walk_the_hierarchy_and_enter_opens() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "");
    browser.wait("document.querySelector('.icicle canvas')");
    let (upper, middle) = (sizes(&run, 2), sizes(&run, 1));
    let top = largest(&upper, 0..upper.len());
    let parents = record(&run.out)["levels"][1]["parent"].clone();
    let children: Vec<usize> = (0..middle.len()).filter(|&at| parents[at] == top).collect();
    let child = largest(&middle, children.iter().copied());
    let text = press(&mut browser, "ArrowRight");
    assert!(text.starts_with(&format!("level 3, cluster {top} · {} points · silhouette ", upper[top])), "{text}");
    let text = press(&mut browser, "ArrowDown");
    assert!(text.starts_with(&format!("level 2, cluster {child} · {} points", middle[child])), "{text}");
    assert!(text.ends_with(&format!("in cluster {top} of level 3")), "{text}");
    // all siblings, largest first, before those of the next parent
    let mut last = middle[child];
    for _ in 1..children.len() {
        let text = press(&mut browser, "ArrowRight");
        assert!(text.contains(&format!("in cluster {top} of level 3")), "{text}");
        let points = text.split(" · ").nth(1).and_then(|part| part.split(' ').next()).expect("points");
        let points: u64 = points.parse().expect("a number");
        assert!(points <= last, "{text}");
        last = points;
    }
    assert!(!press(&mut browser, "ArrowRight").contains(&format!("in cluster {top} of level 3")));
    press(&mut browser, "ArrowLeft");
    let text = press(&mut browser, "ArrowUp");
    assert!(text.starts_with(&format!("level 3, cluster {top} ·")), "{text}");
    // nothing above the top level
    assert_eq!(press(&mut browser, "ArrowUp"), text);
    browser.key("Enter");
    browser.wait(&format!("location.hash === '#level3/cluster{top}'"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_pointer_finds_what_the_keys_find() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "");
    browser.wait("document.querySelector('.icicle canvas')");
    let text = press(&mut browser, "ArrowRight");
    let corner = browser.value(
        "(() => { const b = document.querySelector('.icicle canvas').getBoundingClientRect(); return [b.x, b.y]; })()",
    );
    let (x, y) = (corner[0].as_f64().expect("a place"), corner[1].as_f64().expect("a place"));
    browser.mouse("mouseMoved", x + 20.0, y + 10.0);
    assert_eq!(browser.text(".icicle .tip"), text);
    assert_eq!(browser.value("document.querySelector('.icicle .tip').hidden"), false);
    // a drag of the whole moves nothing and opens nothing
    browser.drag((x + 20.0, y + 10.0), (x + 200.0, y + 10.0));
    assert_eq!(browser.value("location.hash"), "");
    browser.click_at(x + 20.0, y + 10.0);
    let top = text.split([' ', ',']).nth(4).expect("a number");
    browser.wait(&format!("location.hash === '#level3/cluster{top}'"));
    browser.value("history.back()");
    browser.wait("document.querySelector('.icicle canvas')");
    // another colour is told too
    browser.value(
        "(() => { const s = document.querySelector('#icicle-colour'); s.value = 'mean_distance'; s.dispatchEvent(new Event('change')); })()",
    );
    assert!(press(&mut browser, "ArrowRight").contains("mean distance "));
    assert!(browser.text(".icicle").contains("(distance); lower is better"));
    assert_eq!(browser.value("document.querySelectorAll('.scales tbody tr').length"), 3, "a scale for each level");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Says how long it takes; promises no time, since the machine is not ours alone.
#[test]
fn narrow_clusters_are_counted_and_appear_by_zooming() {
    let Some(mut browser) = Browser::start() else { return };
    let run = ten_thousand();
    browser.window(1280, 1000);
    browser.open(&run.page(), "");
    browser.wait("document.querySelector('.icicle canvas')");
    press(&mut browser, "ArrowRight");
    let mut text = press(&mut browser, "ArrowDown");
    let mut counted = 0;
    let mut blocks = 0;
    // all blocks of the row together are all clusters
    loop {
        let count: u64 = text
            .strip_prefix("level 1: ")
            .and_then(|rest| rest.split_once(" clusters too narrow to show"))
            .map_or(1, |(count, _)| count.replace(',', "").parse().expect("a number"));
        counted += count;
        blocks += 1;
        let next = press(&mut browser, "ArrowRight");
        if next == text {
            break;
        }
        text = next;
    }
    assert_eq!(counted, 10_000, "in {blocks} blocks");
    press(&mut browser, "Home");
    for _ in 0..6 {
        text = press(&mut browser, "Enter");
        if text.starts_with("level 1, cluster ") {
            break;
        }
    }
    assert!(text.starts_with("level 1, cluster ") && text.contains(" · 2 points"), "{text}");
    assert!(browser.text(".icicle").contains("Zoomed in to "));
    assert!(press(&mut browser, "0").contains("too narrow to show"));
    assert!(!browser.text(".icicle").contains("Zoomed in to "));
    let timed = browser.value(
        "(() => { const s = document.querySelector('#icicle-colour'); const begun = performance.now(); \
         s.value = 'size'; s.dispatchEvent(new Event('change')); return performance.now() - begun; })()",
    );
    println!("10,100 clusters coloured and drawn in {timed} ms");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The worst colour stands out most from the ground, in both themes, and lightness alone tells the order.
#[test]
fn the_worst_is_never_the_palest() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    for theme in ["light", "dark"] {
        browser.system_theme(theme);
        browser.open(&run.page(), "");
        browser.wait("document.querySelector('.scales canvas')");
        let contrasts = browser.value(
            "(() => { const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4) \
               .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0); \
             const canvas = document.querySelector('.scales canvas'); const pen = canvas.getContext('2d'); \
             const ground = light(getComputedStyle(document.querySelector('.icicle canvas')).backgroundColor.match(/\\d+/g).map(Number)); \
             return Array.from({ length: 9 }, (_, i) => { const c = light([...pen.getImageData(Math.min(canvas.width - 1, i * canvas.width / 8), 5, 1, 1).data]); \
               return (Math.max(c, ground) + 0.05) / (Math.min(c, ground) + 0.05); }); })()",
        );
        let contrasts: Vec<f64> = contrasts.as_array().expect("contrasts").iter().filter_map(Value::as_f64).collect();
        assert!(contrasts.windows(2).all(|pair| pair[1] > pair[0]), "{theme}: {contrasts:?}");
        assert!(contrasts[8] > 4.5, "{theme}: {contrasts:?}");
        let ends = browser.text(".scales thead");
        assert!(ends.find("better") < ends.find("worse"), "{ends}");
    }
}

#[test]
fn levels_without_parents_stand_on_their_own_by_size() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1280, 1000);
    let lower = sizes(&run, 0);
    let page = with_data(&run, |data| {
        for level in data["levels"].as_array_mut().expect("levels") {
            level["parent"] = json!([]);
        }
    });
    browser.open(&page, "");
    assert!(browser.text("main").contains("levels 1 and 2 are ordered by size alone"));
    press(&mut browser, "ArrowRight");
    press(&mut browser, "ArrowDown");
    press(&mut browser, "ArrowDown");
    let text = press(&mut browser, "Home");
    let first = largest(&lower, 0..lower.len());
    assert!(text.starts_with(&format!("level 1, cluster {first} · {} points", lower[first])), "{text}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn empty_clusters_and_undefined_values_are_told() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1280, 1000);
    let upper = sizes(&run, 2);
    let gone = largest(&upper, 0..upper.len());
    let page = with_data(&run, |data| {
        for column in data["levels"][2]["columns"].as_array_mut().expect("columns") {
            column[1][gone] = if column[0] == "size" { json!(0) } else { Value::Null };
        }
        for column in data["levels"][1]["columns"].as_array_mut().expect("columns") {
            if column[0] == "silhouette" {
                column[1].as_array_mut().expect("values").fill(Value::Null);
            }
        }
    });
    browser.open(&page, "");
    assert!(browser.text("main").contains("1 empty cluster of level 3 can't be seen"));
    assert!(!press(&mut browser, "ArrowRight").starts_with(&format!("level 3, cluster {gone} ")));
    assert!(press(&mut browser, "ArrowDown").contains("silhouette not defined"));
    assert!(browser.text(".icicle").contains("not defined"));
    // no points at all
    let page = with_data(&run, |data| {
        for level in data["levels"].as_array_mut().expect("levels") {
            for column in level["columns"].as_array_mut().expect("columns") {
                let none = if column[0] == "size" { json!(0) } else { Value::Null };
                column[1].as_array_mut().expect("values").fill(none);
            }
        }
    });
    browser.open(&page, "");
    browser.wait("document.querySelector('main').childElementCount > 0");
    assert_eq!(browser.value("document.querySelector('.icicle')"), Value::Null);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn one_level_of_one_cluster_is_drawn_too() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    let page = with_data(&run, |data| {
        data["levels"].as_array_mut().expect("levels").truncate(1);
        let level = &mut data["levels"][0];
        level["parent"] = json!([]);
        level["clusters"] = json!(1);
        level["maps"] = json!({});
        level["montages"] = json!([]);
        level["ranking"]["best"] = json!([0]);
        level["ranking"]["worst"] = json!([]);
        for column in level["columns"].as_array_mut().expect("columns") {
            column[1].as_array_mut().expect("values").truncate(1);
        }
        data["maps"] = json!({});
    });
    for (hash, text) in [("", "All clusters at a glance"), ("#level1", "1 of 1 clusters")] {
        browser.open(&page, hash);
        browser.wait("document.querySelector('main').childElementCount > 0");
        assert!(browser.text("main").contains(text), "{hash}");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{hash}");
    }
    browser.open(&page, "");
    assert!(press(&mut browser, "ArrowRight").starts_with("level 1, cluster 0 · "));
    assert_eq!(press(&mut browser, "ArrowDown"), told(&mut browser));
}
