//! The map: what it shows first, zooming, what the pointer finds, and maps of odd places.

use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{Run, digits, four_levels};

/// Changes the data in a page.
fn edit(run: &Run, change: impl FnOnce(&mut Value)) {
    let page = run.html();
    let (before, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("data");
    let (text, after) = rest.split_once("</script>").expect("an end");
    let mut data: Value = serde_json::from_str(text).expect("JSON");
    change(&mut data);
    let text = data.to_string().replace('<', "\\u003c");
    let script = "<script type=\"application/json\" id=\"data\">";
    std::fs::write(run.page(), format!("{before}{script}{text}</script>{after}")).expect("writes");
}

/// Side of the square that points are put on, one at each whole number.
const SIDE: u64 = 4;

/// Puts 16 points on a square; the worst cluster of level 1 at its lower left corner, the best at its upper right one, all
/// others in the middle. There is no t-SNE. Returns the rows of the points, column after column from the left.
pub(crate) fn square(run: &Run) -> Vec<u64> {
    let ranking = record(&run.out)["levels"][0]["ranking"].clone();
    let (best, worst) = (ranking["best"][0].clone(), ranking["worst"][0].clone());
    let mut rows = Vec::new();
    edit(run, |data| {
        data["maps"].as_object_mut().expect("maps").remove("tsne");
        let points = &mut data["maps"]["pca"]["points"];
        let count = usize::try_from(SIDE * SIDE).expect("small");
        for name in ["rows", "x", "y", "given_labels"] {
            points[name].as_array_mut().into_iter().for_each(|column| column.truncate(count));
        }
        for name in ["labels", "distances"] {
            let levels = points[name].as_array_mut().into_iter().flatten();
            levels.for_each(|column| column.as_array_mut().expect("a column").truncate(count));
        }
        points["x"] = (0..SIDE * SIDE).map(|i| i / SIDE).collect();
        points["y"] = (0..SIDE * SIDE).map(|i| i % SIDE).collect();
        rows = points["rows"].as_array().expect("rows").iter().filter_map(Value::as_u64).collect();
        for level in data["levels"].as_array_mut().expect("levels") {
            level["maps"].as_object_mut().expect("maps").remove("tsne");
            let places = &mut level["maps"]["pca"];
            let clusters = places["clusters"].as_array().expect("clusters").clone();
            let at = |cluster: &Value| match cluster {
                cluster if *cluster == worst => 0.0,
                cluster if *cluster == best => 3.0,
                _ => 1.5,
            };
            let along: Vec<f64> = clusters.iter().map(at).collect();
            (places["x"], places["y"]) = (json!(along), json!(along));
        }
    });
    rows
}

/// Where the map is, CSS pixels: left, top, width, height.
pub(crate) fn frame(browser: &mut Browser) -> [f64; 4] {
    browser.value("document.querySelector('.map').scrollIntoView({ block: 'center' })");
    settle(browser);
    let place = browser.value(
        "(() => { const b = document.querySelector('.map canvas').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()",
    );
    let place: Vec<f64> = place.as_array().expect("a place").iter().filter_map(Value::as_f64).collect();
    place.try_into().expect("four numbers")
}

/// Two frames have been drawn.
pub(crate) fn settle(browser: &mut Browser) {
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
}

/// Where a place of the square is in the window.
pub(crate) fn at(frame: [f64; 4], x: f64, y: f64) -> (f64, f64) {
    let [left, top, width, height] = frame;
    // the square fills the map but for 18 pixels on each side
    let scale = (width.min(height) - 36.0) / 3.0;
    (left + width / 2.0 + scale * (x - 1.5), top + height / 2.0 - scale * (y - 1.5))
}

/// Turns the wheel with Ctrl held.
fn zoom(browser: &mut Browser, (x, y): (f64, f64), by: f64) {
    let turned = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by, "modifiers": 2 });
    browser.command("Input.dispatchMouseEvent", turned);
}

const PICTURE: &str = "document.querySelector('.map canvas').toDataURL()";

fn keep(browser: &mut Browser, name: &str) {
    browser.value(&format!("window.{name} = {PICTURE}; 0"));
}

#[test]
fn tsne_comes_first_and_the_choice_is_kept() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let kinds = "[...document.querySelector('#map-kind').options].map((o) => o.text).join()";
    assert_eq!(browser.value(kinds), "t-SNE,PCA");
    assert_eq!(browser.value("document.querySelector('#map-kind').value"), "tsne");
    assert!(browser.text("main").contains("perplexity 30"));
    let label = browser.value("document.querySelector('.map canvas').ariaLabel");
    let label = label.as_str().expect("a label").to_owned();
    let words = ["level 1", "t-SNE", "200 clusters", "1,000 sampled points", "silhouette from", "(worse)", "(better)"];
    assert!(words.iter().all(|word| label.contains(word)), "{label}");
    keep(&mut browser, "tsne");
    browser.value(
        "(() => { const kind = document.querySelector('#map-kind'); kind.value = 'pca'; \
         kind.dispatchEvent(new Event('change')); })()",
    );
    browser.wait(&format!("{PICTURE} !== window.tsne"));
    browser.click("#views a[href='#level2']");
    browser.wait("document.querySelector('.map canvas').ariaLabel.includes('level 2')");
    assert_eq!(browser.value("document.querySelector('#map-kind').value"), "pca");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn only_the_wheel_with_ctrl_zooms() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let [left, top, width, height] = frame(&mut browser);
    let middle = (left + width / 2.0, top + height / 2.0);
    keep(&mut browser, "all");
    browser.value("window.before = scrollY");
    browser.wheel(middle.0, middle.1, -300.0);
    browser.wait("scrollY < window.before");
    browser.wait("!document.querySelector('.map .hint').hidden");
    assert!(browser.text(".map .hint").contains("+ wheel zooms"));
    assert_eq!(browser.value(&format!("{PICTURE} === window.all")), true, "the plain wheel zooms");
    browser.wait("document.querySelector('.map .hint').hidden");
    let [left, top, width, height] = frame(&mut browser);
    let middle = (left + width / 2.0, top + height / 2.0);
    browser.value("window.before = scrollY");
    zoom(&mut browser, middle, -300.0);
    browser.wait(&format!("{PICTURE} !== window.all"));
    settle(&mut browser);
    assert_eq!(browser.value("scrollY === window.before"), true, "zooming scrolls");
    // a double click brings everything back
    for count in [1, 2] {
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": left + 5.0, "y": top + 5.0, "button": "left", "clickCount": count });
            browser.command("Input.dispatchMouseEvent", event);
        }
    }
    browser.wait(&format!("{PICTURE} === window.all"));
    // by dragging and by keys
    browser.value("document.querySelector('.map canvas').focus()");
    browser.key("+");
    browser.wait(&format!("{PICTURE} !== window.all"));
    keep(&mut browser, "near");
    // from side to side, all of it is still in view
    browser.key("ArrowDown");
    browser.wait(&format!("{PICTURE} !== window.near"));
    browser.key("ArrowUp");
    browser.wait(&format!("{PICTURE} === window.near"));
    browser.drag(middle, (middle.0 + 90.0, middle.1 + 40.0));
    browser.wait(&format!("{PICTURE} !== window.near"));
    assert_eq!(browser.value("location.hash"), "#level1", "a drag is no click");
    browser.key("0");
    browser.wait(&format!("{PICTURE} === window.all"));
    browser.click(".zoom button:nth-child(2)");
    browser.wait(&format!("{PICTURE} !== window.all"));
    browser.click(".zoom button:last-child");
    browser.wait(&format!("{PICTURE} === window.all"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Wherever one zooms and moves, something is in view.
#[test]
fn the_view_never_leaves_the_data() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    square(&run);
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let frame = frame(&mut browser);
    // pixels that differ from the ground
    let marks = "(() => { const c = document.querySelector('.map canvas'); \
                 const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer); \
                 const ground = getComputedStyle(c).backgroundColor.match(/[\\d.]+/g).map(Number); \
                 const packed = (0xff000000 | ground[2] << 16 | ground[1] << 8 | ground[0]) >>> 0; \
                 return d.filter((pixel) => pixel !== packed).length; })()";
    // between the points
    for _ in 0..40 {
        zoom(&mut browser, at(frame, 0.5, 0.5), -300.0);
    }
    settle(&mut browser);
    assert!(browser.value(marks).as_u64() > Some(5), "zoomed into nothing");
    browser.value("document.querySelector('.map canvas').focus()");
    for key in ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"] {
        for _ in 0..60 {
            browser.key(key);
        }
        settle(&mut browser);
        assert!(browser.value(marks).as_u64() > Some(5), "{key} leaves the data");
    }
}

#[test]
fn the_pointer_finds_names_and_pictures() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let rows = square(&run);
    let found = record(&run.out);
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let square = frame(&mut browser);
    let (x, y) = at(square, 1.0, 2.0);
    browser.mouse("mouseMoved", x, y);
    browser.wait("!document.querySelector('.map .tip').hidden");
    let tip = browser.text(".map .tip");
    let cluster = &found["map"]["points"]["labels"][0][6];
    let distance = found["map"]["points"]["distances"][0][6].as_f64().expect("a distance");
    let words = [format!("{}.png", rows[6]), format!("row {}", rows[6]), format!("cluster {cluster}")];
    assert!(words.iter().all(|word| tip.contains(word.as_str())), "{tip}");
    assert!(tip.contains(&format!("distance to its centroid {}", &distance.to_string()[..5])), "{tip}: {distance}");
    browser.wait("document.querySelector('.map .tip img')?.naturalWidth > 0");
    // the centroid of the worst cluster, with its first sample
    let (x, y) = at(square, 0.0, 0.0);
    browser.mouse("mouseMoved", x, y);
    let worst = &found["levels"][0]["ranking"]["worst"][0];
    browser.wait(&format!("document.querySelector('.map .tip').innerText.startsWith('cluster {worst}')"));
    browser.wait("document.querySelector('.map .tip img')?.naturalWidth > 0");
    let (x, y) = at(square, 1.0, 0.5);
    browser.mouse("mouseMoved", x, y);
    browser.wait("document.querySelector('.map .tip').hidden");
    // every point of the map has a name in the record
    let named = found["images"]["rows"].as_array().expect("rows");
    let points = found["map"]["points"]["rows"].as_array().expect("rows");
    assert!(!points.is_empty() && points.iter().all(|row| named.contains(row)));
}

/// Places that are not numbers, one place for all, and a single point.
#[test]
fn odd_maps_are_drawn() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let page = run.html();
    type Place = fn(usize) -> Value;
    let cases: [(&str, Place, usize); 4] = [
        ("equal", |_| json!(2.5), usize::MAX),
        ("not a number", |i| if i % 2 == 0 { Value::Null } else { json!(i) }, usize::MAX),
        ("nothing", |_| Value::Null, usize::MAX),
        ("one", |_| json!(1.0), 1),
    ];
    for (name, place, most) in cases {
        std::fs::write(run.page(), &page).expect("writes");
        edit(&run, |data| {
            let column = |columns: &mut Value| {
                let count = columns["x"].as_array().map_or(0, Vec::len);
                for axis in ["x", "y"] {
                    columns[axis] = (0..count).map(|i| if i < most { place(i) } else { Value::Null }).collect();
                }
            };
            for kind in ["pca", "tsne"] {
                column(&mut data["maps"][kind]["points"]);
                for level in data["levels"].as_array_mut().expect("levels") {
                    column(&mut level["maps"][kind]);
                }
            }
        });
        browser.open(&run.page(), "#level1");
        browser.value("document.querySelector('.map canvas').focus()");
        for key in ["+", "ArrowRight", "Shift+ArrowRight", "-", "0"] {
            browser.key(key);
        }
        settle(&mut browser);
        let empty = browser.value("document.querySelector('.map .empty').hidden") == false;
        assert_eq!(empty, name == "nothing", "{name}");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
    }
}
