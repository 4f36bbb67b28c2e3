//! Names and captions are always treated as text.

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{HOSTILE, hostile};

#[test]
fn hostile_names_are_shown_and_nothing_else() {
    let Some(mut browser) = Browser::start() else { return };
    let run = hostile();
    let record = record(&run.out);
    assert!(record["images"]["paths"].as_array().is_some_and(|paths| paths.len() > 8));
    for hash in ["", "#level1", "#level1/cluster2", "#level2/cluster1", "#run"] {
        browser.open(&run.page(), hash);
        browser.wait("document.querySelector('main').childElementCount > 0");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{hash}");
        assert_eq!(browser.requests().len(), 1, "{hash}: {:?}", browser.requests());
        assert_eq!(browser.value("typeof window.hacked"), "undefined", "{hash}");
        browser.screenshot(&format!("hostile{}", hash.replace(['#', '/'], "-")));
    }
    // all names of a cluster's images are there, to the letter
    browser.open(&run.page(), "#level1/cluster2");
    let titles = browser.value("[...document.querySelectorAll('#cluster figure')].map((f) => f.title).join('|')");
    let titles = titles.as_str().expect("text");
    assert!(HOSTILE.iter().filter(|name| titles.contains(*name)).count() >= 4, "{titles}");
    assert!(browser.value("document.querySelectorAll('main script, #cluster script, #cluster svg').length") == 0);
}

/// The control: in this very browser, without the page's care, such a name runs and is noticed.
#[test]
fn scripts_and_requests_are_noticed() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = crate::common::scratch();
    let page = folder.path().join("page.html");
    std::fs::write(&page, format!("<title>x</title>{}<script>no.such.thing()</script>", HOSTILE[1])).expect("writes");
    browser.open(&page, "");
    browser.wait("window.hacked === 2");
    assert!(browser.complaints().iter().any(|complaint| complaint.contains("no is not defined")));
    assert_eq!(browser.requests().len(), 2, "{:?}", browser.requests());
    // the policy stops text that became elements in spite of the scripts
    let run = hostile();
    browser.open(&run.page(), "");
    browser.value(&format!("document.querySelector('main').innerHTML = {}", serde_json::json!(HOSTILE[1])));
    browser.wait("document.querySelector('main img')");
    assert!(browser.complaints().iter().any(|complaint| complaint.contains("Content Security Policy")));
    assert_eq!(browser.value("typeof window.hacked"), "undefined");
}
