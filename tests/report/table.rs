//! The table of clusters: what its filter understands and refuses, its groups and columns, and its part of the address.

use serde_json::Value;

use crate::common::browser::Browser;
use crate::common::record;
use crate::fixtures::{Run, digits, labelled};

/// A column of level 1; a text or number per cluster.
fn column(run: &Run, name: &str) -> Vec<Value> {
    record(&run.out)["levels"][0]["clusters"][name].as_array().expect("a column").clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Types a filter in place of the old one.
fn filter(browser: &mut Browser, text: &str) {
    browser.value("(() => { const i = document.querySelector('.tools > input'); i.focus(); i.select(); })()");
    if text.is_empty() {
        browser.value("document.execCommand('delete')");
    }
    browser.write(text);
}

fn status(browser: &mut Browser) -> String {
    browser.text(".tools [role=status]")
}

fn said(browser: &mut Browser) -> String {
    browser.text("#filter-said")
}

fn invalid(browser: &mut Browser) -> bool {
    browser.value("document.querySelector('.tools > input').ariaInvalid") == "true"
}

/// The cluster in the first row.
fn first(browser: &mut Browser) -> String {
    let text = browser.value("document.querySelector('[role=row][data-at=\"0\"]').firstChild.textContent");
    text.as_str().unwrap_or_default().to_owned()
}

fn hash(browser: &mut Browser) -> String {
    browser.value("location.hash").as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_way_to_write_a_condition_finds_what_it_says() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    let columns: Vec<Vec<f64>> = ["size", "mean_inertia", "silhouette", "inertia", "parent_points_share"]
        .map(|name| column(&run, name).iter().map(number).collect())
        .into();
    let parent: Vec<f64> =
        record(&run.out)["levels"][0]["parent"].as_array().expect("parents").iter().map(number).collect();
    let passing = |passes: &dyn Fn(usize) -> bool| (0..200).filter(|&at| passes(at)).count();
    let (size, mean, silhouette) = (&columns[0], &columns[1], &columns[2]);
    let cases: [(&str, usize, &str); 18] = [
        ("inertia>1,000", passing(&|at| columns[3][at] > 1000.0), "inertia > 1,000"),
        ("mean inertia>200", passing(&|at| mean[at] > 200.0), "mean inertia > 200"),
        ("Mean_Inertia > 2e2", passing(&|at| mean[at] > 200.0), "mean inertia > 2e2"),
        (
            "mean i>=200 AND size<10",
            passing(&|at| mean[at] >= 200.0 && size[at] < 10.0),
            "mean inertia ≥ 200 and size < 10",
        ),
        (
            "size>20, silhouette<.1",
            passing(&|at| size[at] > 20.0 && silhouette[at] < 0.1),
            "size > 20 and silhouette < .1",
        ),
        ("silhouette<1e-2", passing(&|at| silhouette[at] < 0.01), "silhouette < 1e−2"),
        (
            "silhouette > -0.01 and silhouette<0",
            passing(&|at| (-0.01..0.0).contains(&silhouette[at])),
            "silhouette > −0.01",
        ),
        ("size=1 or size>=30", passing(&|at| size[at] == 1.0 || size[at] >= 30.0), "size = 1 or size ≥ 30"),
        (
            "(size=1 OR size>30) parent=3",
            passing(&|at| (size[at] == 1.0 || size[at] > 30.0) && parent[at] == 3.0),
            "(size = 1 or size > 30) and parent = 3",
        ),
        ("size!=1", passing(&|at| size[at] != 1.0), "size ≠ 1"),
        ("parent points share>50%", passing(&|at| columns[4][at] > 0.5), "parent points share > 50%"),
        ("misassigned>=0%", 200, "of the cluster's points"),
        ("3,17,42", 3, "cluster 3 or 17 or 42"),
        ("clusters 3 17 size>0", 2, "size > 0 and (cluster 3 or 17)"),
        ("7 9999", 1, "cluster 7 or 9,999 (not in this table)"),
        ("empty", 0, "without points"),
        ("silhouette=undefined", passing(&|at| silhouette[at].is_nan()), "silhouette is undefined"),
        ("", 200, ""),
    ];
    browser.open(&run.page(), "#level1");
    for (text, count, understood) in cases {
        filter(&mut browser, text);
        assert_eq!(status(&mut browser), format!("{count} of 200 clusters"), "{text}");
        assert!(said(&mut browser).contains(understood), "{text}: {}", said(&mut browser));
        assert!(!invalid(&mut browser), "{text}");
    }
    // a number with as many digits as the table shows is what the table shows
    let shown = browser.value("document.querySelector('[role=row][data-at=\"3\"]').children[2].textContent");
    filter(&mut browser, &format!("silhouette={}", shown.as_str().expect("a number")));
    assert_eq!(first(&mut browser), "3");
    assert!(said(&mut browser).contains("as shown"), "{}", said(&mut browser));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn what_is_not_understood_is_refused_in_a_sentence_and_changes_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.open(&run.page(), "#level1");
    filter(&mut browser, "size>=10");
    let kept = (hash(&mut browser), browser.value("document.querySelector('.grid').ariaRowCount"));
    let cases = [
        ("mean>3", "“mean” could be mean distance or mean inertia"),
        ("weight>3", "no column “weight” (character 1)"),
        ("size>1,0000", "“1,0000” (character 6) is not a number"),
        ("size>5,3", "two values as size=1 or size=2"),
        ("size>1 000", "follows a compared number; write 1,000"),
        ("size>10k", "“10k” (character 6) is not a number"),
        ("size>50%", "size is no share"),
        ("size=>3", "“>3” (character 6)"),
        ("size>", "needs a number after it"),
        ("size>4 and", "needs a condition after it"),
        ("or size>4", "needs a condition before it"),
        ("(size>4", "is not closed"),
        ("size>4)", "closes nothing"),
        ("4<size", "begins with its column"),
        ("size", "needs a comparison, such as size>=10"),
        ("3 and 17", "a cluster has one"),
        ("size>3 & size<9", "“&” (character 8) is no condition"),
        ("big", "neither a cluster number nor a condition"),
        ("-1", "is not the number of a cluster"),
        ("\"a", "has no closing quote"),
    ];
    for (text, why) in cases {
        filter(&mut browser, text);
        assert!(status(&mut browser).contains(why), "{text}: {}", status(&mut browser));
        assert!(invalid(&mut browser), "{text}");
        assert_eq!(said(&mut browser), "The table still shows: size ≥ 10.", "{text}");
        let now = (hash(&mut browser), browser.value("document.querySelector('.grid').ariaRowCount"));
        assert_eq!(now, kept, "{text}");
    }
    filter(&mut browser, "size>=10");
    assert!(!invalid(&mut browser));
    // from an address, all rows are shown
    browser.open(&run.page(), "#level1?filter=size%3E");
    browser.wait("document.querySelector('.tools > input').ariaInvalid === 'true'");
    assert_eq!(said(&mut browser), "The table shows all clusters.");
    assert_eq!(browser.value("document.querySelector('.grid').ariaRowCount"), "201");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn labels_are_names_even_if_they_are_numbers() {
    let Some(mut browser) = Browser::start() else { return };
    let run = labelled(&|row| ["a cat", "Dog", "dog", "it's"][row / 12 % 4].to_owned());
    browser.open(&run.page(), "#level1");
    let cases = [
        ("label=\"a cat\"", 10, "majority label = “a cat”"),
        ("label=a cat", 10, "majority label = “a cat”"),
        ("label=A CAT size>0", 10, "majority label = “A CAT” and size > 0"),
        ("majority label=dog", 10, "“dog”"),
        ("label!=Dog", 30, "≠ “Dog”"),
        ("label=it's or label=dog", 20, "or"),
        ("dog", 20, "majority label contains “dog”"),
        ("label=zebra", 0, "which no cluster has"),
    ];
    for (text, count, understood) in cases {
        filter(&mut browser, text);
        assert_eq!(status(&mut browser), format!("{count} of 40 clusters"), "{text}: {}", said(&mut browser));
        assert!(said(&mut browser).contains(understood), "{text}: {}", said(&mut browser));
    }
    filter(&mut browser, "label>a");
    assert!(status(&mut browser).contains("which is a name"), "{}", status(&mut browser));
    // integers
    let run = labelled(&|row| (row / 12 % 4 * 1000).to_string());
    assert!(column(&run, "majority_label").iter().all(Value::is_u64));
    browser.open(&run.page(), "#level1");
    filter(&mut browser, "label=1000");
    assert_eq!(status(&mut browser), "10 of 40 clusters");
    filter(&mut browser, "label>1000");
    assert!(status(&mut browser).contains("which is a name"), "{}", status(&mut browser));
    let cell = browser.value("(() => { const c = document.querySelector('.space .name'); return [c.textContent, getComputedStyle(c).textAlign]; })()");
    assert_eq!(cell, serde_json::json!(["1000", "left"]));
    browser.value(
        "(() => { const s = document.querySelector('#map-colour'); s.value = 'majority_label'; \
         s.dispatchEvent(new Event('change')); })()",
    );
    browser.wait("document.querySelectorAll('.legend .kind').length === 4");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn filter_and_sorting_stand_in_the_address() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    let sizes: Vec<f64> = column(&run, "size").iter().map(number).collect();
    let silhouettes: Vec<f64> = column(&run, "silhouette").iter().map(number).collect();
    let large: Vec<usize> = (0..200).filter(|&at| sizes[at] >= 10.0).collect();
    let best = *large.iter().max_by(|&&a, &&b| silhouettes[a].total_cmp(&silhouettes[b])).expect("large ones");
    let address = "#level1?filter=size%3E%3D10&sort=-silhouette";
    browser.window(1600, 1000);
    browser.open(&run.page(), address);
    browser.wait("document.querySelector('[role=row][data-at=\"0\"]')");
    let shown = |browser: &mut Browser| {
        (first(browser), status(browser), browser.value("document.querySelector('.tools > input').value"))
    };
    let expected = (best.to_string(), format!("{} of 200 clusters", large.len()), Value::from("size>=10"));
    assert_eq!(shown(&mut browser), expected);
    // a row opens its cluster, and the table stays as it is
    browser.click("[role=row][data-at='0']");
    browser.wait(&format!("location.hash === '#level1/cluster{best}?filter=size%3E%3D10&sort=-silhouette'"));
    browser.wait("!document.querySelector('#cluster').hidden");
    assert_eq!(shown(&mut browser), expected);
    // so does a link to another cluster of the level; a link to another level has its own table
    browser.click("#cluster dl a[href^='#level1/']");
    browser.wait(
        "location.hash.startsWith('#level1/') && location.hash.endsWith('?filter=size%3E%3D10&sort=-silhouette')",
    );
    browser.value("history.back()");
    browser.wait(&format!("location.hash.startsWith('#level1/cluster{best}?')"));
    browser.click("#cluster dl a[href^='#level2']");
    browser.wait("/^#level2.cluster\\d+$/.test(location.hash)");
    browser.value("history.back()");
    browser.wait(&format!("location.hash.startsWith('#level1/cluster{best}?')"));
    browser.wait("document.querySelector('.tools > input')?.value === 'size>=10'");
    assert_eq!(shown(&mut browser), expected);
    browser.click("#cluster button");
    browser.wait(&format!("location.hash === '{address}'"));
    // what is typed and clicked is written to the address, which opens the same elsewhere
    filter(&mut browser, "size<5");
    browser.click(".grid .head > :nth-child(2) button");
    let written = hash(&mut browser);
    assert_eq!(written, "#level1?filter=size%3C5&sort=-size");
    let here = shown(&mut browser);
    browser.open(&run.page(), &written);
    browser.wait("document.querySelector('[role=row][data-at=\"0\"]')");
    assert_eq!(shown(&mut browser), here);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn groups_lead_to_their_clusters() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    let sizes: Vec<f64> = column(&run, "size").iter().map(number).collect();
    let ones = sizes.iter().filter(|&&size| size == 1.0).count();
    let small = sizes.iter().filter(|&&size| size < 10.0).count();
    browser.open(&run.page(), "#level1");
    let titles = browser.value("[...document.querySelectorAll('.quick a')].map((a) => a.textContent)");
    let expected = [
        "All 200".to_owned(),
        "Worst first".into(),
        "Best first".into(),
        format!("{ones} clusters of one point"),
        format!("{small} too small to rank"),
    ];
    assert_eq!(titles, serde_json::json!(expected), "no group without clusters");
    let ranking = record(&run.out)["levels"][0]["ranking"].clone();
    let ranked = ranking["ranked"].as_u64().expect("a number");
    let worst = ranking["worst"][0].to_string();
    let best = ranking["best"][0].to_string();
    let groups = [
        (1, 200, None),
        (2, ranked, Some(worst)),
        (3, ranked, Some(best)),
        (4, ones as u64, None),
        (5, small as u64, None),
    ];
    for (at, count, top) in groups.into_iter().rev() {
        browser.click(&format!(".quick a:nth-child({at})"));
        browser.wait(&format!("document.querySelector('.quick a:nth-child({at})').ariaCurrent === 'true'"));
        assert_eq!(status(&mut browser), format!("{count} of 200 clusters"));
        assert_eq!(browser.value("document.querySelectorAll('.quick [aria-current]').length"), 1);
        if let Some(top) = top {
            assert_eq!(first(&mut browser), top);
        }
    }
    // Back goes through the groups
    browser.value("history.back()");
    browser.wait("document.querySelector('.quick a:nth-child(2)').ariaCurrent === 'true'");
    // a level without singletons has no such group
    browser.open(&run.page(), "#level2");
    let titles = browser.text(".quick");
    assert!(!titles.contains("of one point") && !titles.contains("empty"), "{titles}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn columns_are_chosen_by_keyboard_and_kept() {
    let Some(mut browser) = Browser::start() else { return };
    let run = digits();
    browser.window(1600, 1000);
    browser.open(&run.page(), "#level1");
    let heads = "[...document.querySelectorAll('.head [role=columnheader]')].map((h) => h.textContent.replace(/[^a-z ]/g, '')).join()";
    let all = browser.value(heads);
    assert!(
        all.as_str().expect("text").starts_with("cluster,size,silhouette,simplified silhouette,misassigned,"),
        "{all}"
    );
    assert!(all.as_str().expect("text").ends_with(",inertia"), "{all}");
    browser.value("document.querySelector('.chooser summary').focus()");
    browser.key("Enter");
    browser.wait("document.querySelector('.chooser').open");
    browser.key("Tab");
    browser.key("Tab");
    assert_eq!(browser.value("document.activeElement.value"), "silhouette");
    browser.key(" ");
    let fewer = browser.value(heads);
    assert!(fewer.as_str().expect("text").starts_with("cluster,size,simplified silhouette,"), "{fewer}");
    let count = all.as_str().map_or(0, |all| all.split(',').count());
    assert_eq!(browser.text(".chooser summary"), format!("Columns: {} of {}", count - 2, count - 1));
    assert_eq!(browser.value("document.querySelector('.space [role=row]').childElementCount"), count - 1);
    browser.key("Escape");
    assert_eq!(browser.value("document.querySelector('.chooser').open"), false);
    assert_eq!(browser.value("document.activeElement.tagName"), "SUMMARY");
    // on other levels too, and in a copied address
    assert!(hash(&mut browser).starts_with("#level1?columns=size,simplified_silhouette"), "{}", hash(&mut browser));
    browser.click("#views a[href='#level2']");
    browser.wait("location.hash.startsWith('#level2?columns=')");
    browser.wait("document.querySelector('.grid').ariaLabel.includes('level 2')");
    assert_eq!(browser.value(heads), fewer);
    let copied = hash(&mut browser);
    browser.open(&run.page(), &copied);
    browser.wait("document.querySelector('.head [role=columnheader]')");
    assert_eq!(browser.value(heads), fewer);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Says how long it takes; promises no time, since the machine is not ours alone.
#[test]
fn ten_thousand_clusters_are_filtered() {
    let Some(mut browser) = Browser::start() else { return };
    let run = crate::fixtures::ten_thousand();
    browser.open(&run.page(), "#level1");
    browser.wait("document.querySelector('.grid .space [role=row]')");
    let timed = browser.value(
        "(() => { const input = document.querySelector('.tools > input'); const times = []; \
         for (let i = 0; i < 9; i++) { input.value = `inertia>${i / 10} or size=${i}`; const begun = performance.now(); \
         input.dispatchEvent(new Event('input')); times.push(performance.now() - begun); } \
         return times.sort((a, b) => a - b)[4]; })()",
    );
    println!("10,000 clusters filtered in {timed} ms (median of 9)");
    assert!(status(&mut browser).ends_with(" of 10,000 clusters"), "{}", status(&mut browser));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
