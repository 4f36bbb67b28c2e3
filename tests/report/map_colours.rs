//! The colours of the map and its legend.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::four_levels;
use crate::map::{at, frame, square};

/// Relative luminance of a colour of sRGB.
fn luminance(colour: &Value) -> f64 {
    let linear = |channel: &Value| {
        let share = channel.as_f64().expect("a channel") / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(&colour[0]) + 0.7152 * linear(&colour[1]) + 0.0722 * linear(&colour[2])
}

fn contrast(a: &Value, b: &Value) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// In both themes, the worst cluster stands out more than the best one, which is seen well too.
#[test]
fn the_worst_cluster_is_the_most_visible() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    square(&run);
    browser.window(1600, 1000);
    for theme in ["light", "dark"] {
        browser.system_theme(theme);
        browser.open(&run.page(), "#level1");
        browser.click("#map-points");
        let square = frame(&mut browser);
        let pixel = |browser: &mut Browser, x: f64, y: f64| {
            let (left, top) = (x - square[0], y - square[1]);
            browser.value(&format!(
                "[...document.querySelector('.map canvas').getContext('2d').getImageData({left:.0}, {top:.0}, 1, 1).data]"
            ))
        };
        let (worst, best) = (at(square, 0.0, 0.0), at(square, 3.0, 3.0));
        let ground = pixel(&mut browser, square[0] + 3.0, square[1] + 3.0);
        let (worst, best) = (pixel(&mut browser, worst.0, worst.1), pixel(&mut browser, best.0, best.1));
        let (worst, best) = (contrast(&worst, &ground), contrast(&best, &ground));
        assert!(worst > 10.0 && best > 2.9 && worst > 2.0 * best, "{theme}: worst {worst}, best {best}");
    }
    // the legend says which end is which
    let legend = browser.text(".legend");
    assert!(legend.find("worse") < legend.find("better"), "{legend}");
    browser.value(
        "(() => { const by = document.querySelector('#map-colour'); by.value = 'inertia'; \
         by.dispatchEvent(new Event('change')); })()",
    );
    let legend = browser.text(".legend");
    assert!(legend.find("better") < legend.find("worse") && legend.contains("squared distance"), "{legend}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Of many kinds, the most frequent have a colour and a name; the others are counted.
#[test]
fn many_parents_are_named_as_far_as_colours_go() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    browser.open(&run.page(), "#level1");
    let choose = |browser: &mut Browser, by: &str| {
        browser.value(&format!(
            "(() => {{ const by = document.querySelector('#map-colour'); by.value = '{by}'; \
             by.dispatchEvent(new Event('change')); }})()"
        ));
        let colours = "new Set([...document.querySelectorAll('.legend .dot')].map((dot) => dot.style.background)).size";
        (browser.value(colours), browser.text(".legend"))
    };
    let parents = record(&run.out)["levels"][0]["parent"].clone();
    let parents: BTreeSet<u64> = parents.as_array().expect("parents").iter().filter_map(Value::as_u64).collect();
    let (colours, legend) = choose(&mut browser, "level2");
    assert!(parents.len() > 12, "{}", parents.len());
    assert_eq!(colours, 13, "{legend}");
    let others = parents.len() - 12;
    assert!(legend.contains(&format!("{others} other")), "{legend}");
    // two clusters of level 4: all of them have a colour
    let (colours, legend) = choose(&mut browser, "level4");
    assert!(colours == 2 && !legend.contains("other"), "{legend}");
}
