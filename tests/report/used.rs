//! Sorting, filtering and walking the hierarchy, by mouse and by keyboard.

use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{Run, digits};

/// The first row of the table, by the record.
fn extreme(run: &Run, level: usize, name: &str, largest: bool) -> u64 {
    let column = record(&run.out)["levels"][level]["clusters"][name].clone();
    let values: Vec<f64> = column.as_array().expect("a column").iter().filter_map(Value::as_f64).collect();
    let better = |a: f64, b: f64| if largest { a > b } else { a < b };
    (0..values.len()).fold(0, |best, at| if better(values[at], values[best]) { at } else { best }) as u64
}

fn first_row(browser: &mut Browser) -> String {
    browser
        .value("document.querySelector('[role=row][data-at=\"0\"]').firstChild.textContent")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn hash(browser: &mut Browser) -> String {
    browser.value("location.hash").as_str().unwrap_or_default().to_owned()
}

#[test]
fn by_mouse() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "");
    browser.click("#views a[href='#level1']");
    browser.wait("document.querySelector('.grid .space [role=row]')");
    assert_eq!((hash(&mut browser).as_str(), first_row(&mut browser).as_str()), ("#level1", "0"));
    // sorting both ways, against the record
    let header = ".grid .head > :nth-child(2) button";
    browser.click(header);
    assert_eq!(first_row(&mut browser), extreme(&run, 0, "size", true).to_string());
    browser.click(header);
    assert_eq!(first_row(&mut browser), extreme(&run, 0, "size", false).to_string());
    // a row opens its cluster; the panel leads up, down and to the neighbour, and Back comes back
    browser.click("[role=row][data-at='0']");
    let first = hash(&mut browser);
    assert!(first.starts_with("#level1/cluster"), "{first}");
    browser.wait("!document.querySelector('#cluster').hidden");
    let places = [
        ("#cluster dl a[href^='#level2']", "#level2/cluster"),
        ("#cluster .tall a[href^='#level1']", "#level1/cluster"),
        ("#cluster dl dd:nth-of-type(2) a", "#level1/cluster"),
    ];
    let mut trail = vec![first.clone()];
    for (link, start) in places {
        browser.click(link);
        browser.wait(&format!("location.hash.startsWith('{start}')"));
        // the panel follows the address
        let shown = "document.querySelector('#cluster-title').textContent.endsWith(` ${location.hash.match(/cluster(\\d+)/)[1]}`)";
        browser.wait(shown);
        trail.push(hash(&mut browser));
    }
    for before in trail.iter().rev().skip(1) {
        browser.value("history.back()");
        browser.wait(&format!("location.hash === '{before}'"));
    }
    let (number, sorting) = first["#level1/cluster".len()..].split_once('?').expect("a sorting");
    assert_eq!(sorting, "sort=size");
    browser.wait(&format!("document.querySelector('#cluster-title').textContent.endsWith(' {number}')"));
    browser.click("#cluster button");
    browser.wait("document.querySelector('#cluster').hidden");
    // a montage opens its cluster
    browser.click(".montages a");
    browser.wait("!document.querySelector('#cluster').hidden");
    let best = record(&run.out)["levels"][0]["ranking"]["best"][0].clone();
    assert_eq!(hash(&mut browser), format!("#level1/cluster{best}?sort=size"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn filters() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    let sizes = record(&run.out)["levels"][0]["clusters"]["size"].clone();
    let sizes: Vec<u64> = sizes.as_array().expect("sizes").iter().filter_map(Value::as_u64).collect();
    let passing = |passes: &dyn Fn(usize) -> bool| (0..sizes.len()).filter(|&at| passes(at)).count();
    browser.open(&run.page(), "#level1");
    let mut counted = |filter: &str| {
        browser.value("document.querySelector('.tools input').value = ''");
        browser.value("document.querySelector('.tools input').focus()");
        browser.write(filter);
        browser.text(".tools [role=status]")
    };
    let table: [(&str, usize); 5] = [
        ("size>=10", passing(&|at| sizes[at] >= 10)),
        ("size > 4 and size<=9", passing(&|at| (5..=9).contains(&sizes[at]))),
        ("3, 17 42", 3),
        ("size=1e3", 0),
        ("  ", sizes.len()),
    ];
    for (filter, count) in table {
        assert_eq!(counted(filter), format!("{count} of 200 clusters"), "{filter}");
    }
    assert!(counted("weight>3").contains("no column “weight”"));
    assert!(counted("big").contains("neither a cluster number"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "");
    // to the link of level 2 in the navigation
    let focused = |browser: &mut Browser| {
        browser.value("document.activeElement.getAttribute('href') ?? document.activeElement.className")
    };
    let tab_to = |browser: &mut Browser, wanted: &str| {
        for _ in 0..30 {
            browser.key("Tab");
            if focused(browser) == wanted {
                return;
            }
        }
        panic!("{wanted} can't be reached");
    };
    tab_to(&mut browser, "#level2");
    browser.key("Enter");
    browser.wait("document.querySelector('.grid .space [role=row]')");
    assert_eq!(hash(&mut browser), "#level2");
    // the headers are one stop, the rows are another
    browser.value("document.querySelector('.tools input').focus()");
    tab_to(&mut browser, "grid");
    browser.key("Tab");
    browser.key("ArrowRight");
    browser.key("Enter");
    assert_eq!(first_row(&mut browser), extreme(&run, 1, "size", true).to_string());
    browser.key("Shift+Tab");
    assert_eq!(focused(&mut browser), "grid");
    for (key, row) in [("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 39), ("Home", 0), ("ArrowDown", 1)] {
        browser.key(key);
        let active = browser.value("Number(document.querySelector('.active').dataset.at)");
        assert_eq!(active, row, "{key}");
    }
    let second = browser.value("document.querySelector('.active').firstChild.textContent");
    browser.key("Enter");
    browser.wait(&format!("location.hash === '#level2/cluster{}?sort=-size'", second.as_str().expect("a number")));
    browser.wait("document.activeElement.id === 'cluster-title'");
    // the panel has the focus: its links are next, the first leads up
    browser.key("Tab");
    browser.key("Tab");
    browser.key("Enter");
    browser.wait("document.activeElement.textContent.startsWith('Level 3')");
    // down again, past the images, each grid of which is one stop, through the children
    for _ in 0..14 {
        browser.key("Tab");
        if focused(&mut browser).as_str().is_some_and(|href| href.starts_with("#level2")) {
            break;
        }
    }
    browser.key("Enter");
    // the panel follows the address a little later
    browser.wait("document.activeElement.textContent.startsWith('Level 2')");
    browser.key("Escape");
    browser.wait("document.querySelector('#cluster').hidden && location.hash === '#level2'");
    // the map
    browser.value("document.querySelector('.map canvas').focus()");
    browser.key("Shift+ArrowRight");
    browser.key("Shift+ArrowRight");
    let told = browser.text(".map + [role=status]");
    assert!(told.starts_with("cluster "), "{told}");
    browser.key("Enter");
    let cluster = told.split(' ').nth(1).expect("a number");
    browser.wait(&format!("location.hash === '#level2/cluster{cluster}'"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
