//! What readers need who see little, use no mouse, have a small screen, or print the page.

use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::fixtures::{digits, four_levels};

/// Contrast of the borders of fields against what is around them, the least first.
const BORDERS: &str = "(() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return light(colour);
    }
    return 1;
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const fields = [...document.querySelectorAll('input:not([type=checkbox]), select, summary, .tools button, #theme, .quick a')];
  return fields.map((field) => {
    const border = light(getComputedStyle(field).borderTopColor);
    return [Math.min(contrast(border, ground(field)), contrast(border, ground(field.parentElement))), field.outerHTML.slice(0, 60)];
  }).sort((a, b) => a[0] - b[0]);
})()";

#[test]
fn borders_of_fields_are_seen_in_both_themes() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    for theme in ["light", "dark"] {
        browser.system_theme(theme);
        for (hash, fields) in [("", 3), ("#level1", 8)] {
            browser.open(&run.page(), hash);
            let borders = browser.value(BORDERS);
            assert!(borders.as_array().is_some_and(|borders| borders.len() >= fields), "{borders}");
            assert!(borders[0][0].as_f64().is_some_and(|least| least >= 3.0), "{theme}{hash}: {}", borders[0]);
        }
    }
}

/// An arrow tells which direction is better; sorting has triangles.
#[test]
fn an_arrow_means_one_thing() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.open(&run.page(), "#level1?sort=-size");
    browser.wait("document.querySelector('[aria-sort=descending]')");
    let sorted = browser.value(
        "(() => { const b = document.querySelector('[aria-sort=descending] button'); return [b.textContent, getComputedStyle(b, '::after').content]; })()",
    );
    assert!(sorted[0] == "size" && sorted[1].as_str().is_some_and(|text| text.contains('▼')), "{sorted}");
    let arrows = browser.value("[...document.querySelectorAll('.head button')].filter((b) => /[↑↓]/.test(b.textContent)).map((b) => [b.textContent, b.title])");
    let arrows = arrows.as_array().expect("heads").clone();
    assert!(arrows.len() > 4);
    for head in arrows {
        let (name, title) = (head[0].as_str().expect("text"), head[1].as_str().expect("text"));
        let better = if name.ends_with('↓') { "lower is better" } else { "higher is better" };
        assert!(title.ends_with(better), "{head}");
    }
}

#[test]
fn pictures_and_fields_have_names() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    for hash in ["", "#level1", "#level2/cluster3", "#run"] {
        browser.open(&run.page(), hash);
        browser.wait("document.querySelector('main').childElementCount > 0");
        let nameless = browser.value(
            "[...document.querySelectorAll('canvas[tabindex], [role=img], [role=application], img, nav, [role=region], [role=grid], input, select, button, summary')] \
             .filter((e) => !(e.ariaLabel || e.alt || e.textContent.trim() || e.labels?.length || e.querySelector('img')?.alt || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML.slice(0, 80))",
        );
        assert_eq!(nameless, json!([]), "{hash}");
        let references = browser.value(
            "[...document.querySelectorAll('[aria-describedby], [aria-labelledby]')].flatMap((e) => \
             [e.getAttribute('aria-describedby'), e.getAttribute('aria-labelledby')].filter(Boolean).flatMap((ids) => ids.split(' '))) \
             .filter((id) => !document.getElementById(id) && id !== 'cluster-title')",
        );
        assert_eq!(references, json!([]), "{hash}");
    }
    // the hierarchy in words
    browser.open(&run.page(), "");
    browser.wait("document.querySelector('.icicle')");
    let words = browser.value("[...document.querySelectorAll('.icicle .unseen li')].map((li) => li.textContent)");
    assert!(words.as_array().is_some_and(|levels| levels.len() == 3), "{words}");
    assert!(
        words[0]
            .as_str()
            .is_some_and(|text| text.starts_with("Level 3: 10 clusters with 1,797 points; the largest is cluster ")),
        "{words}"
    );
}

#[test]
fn the_page_is_printed_light_and_whole() {
    let Some(mut browser) = Browser::start() else { return };
    let run = four_levels();
    let dark_paper = json!({ "media": "print", "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    browser.command("Emulation.setEmulatedMedia", dark_paper);
    browser.open(&run.page(), "#level2?filter=size%3E0&sort=-size");
    browser.wait("document.querySelector('.grid .space [role=row]') || document.querySelector('.printed')");
    let shown = |browser: &mut Browser, selector: &str| {
        browser.value(&format!("document.querySelector('{selector}')?.checkVisibility() ?? null"))
    };
    browser.value("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
    for (selector, visible) in
        [(".grid", false), (".quick", false), (".tools > input", false), (".printed", true), (".legend", true)]
    {
        assert_eq!(shown(&mut browser, selector), visible, "{selector}");
    }
    // the table as it is filtered and sorted, the best and the worst, and the map
    assert_eq!(browser.value("document.querySelectorAll('.printed tbody tr').length"), 16);
    let sizes = browser
        .value("[...document.querySelectorAll('.printed tbody td:nth-child(2)')].map((td) => Number(td.textContent))");
    let sizes: Vec<f64> = sizes.as_array().expect("sizes").iter().filter_map(Value::as_f64).collect();
    assert!(sizes.len() == 16 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    assert!(browser.text("main").contains("Best") && browser.text("main").contains("Worst"));
    browser.value("dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.value("document.querySelector('.printed').childElementCount"), 0);
    assert_eq!(browser.value("document.documentElement.dataset.theme ?? 'auto'"), "auto");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn times_of_lanes_are_told_apart() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.open(&run.page(), "#run");
    browser.wait("document.querySelector('main').childElementCount > 0");
    let text = browser.text("main");
    assert!(text.contains("evaluate: compute, in all lanes") && !text.contains("evaluate.compute"), "{text}");
    assert!(text.contains("adds up the seconds of lanes that work at the same time"), "{text}");
}
