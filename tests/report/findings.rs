//! The verdict on clusterings whose faults are known: it is what a reader sees first, and it leads to the clusters.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::browser::Browser;
use crate::common::{Clustering, Draw, Dtype, metrics, record, scratch};
use crate::fixtures::Run;

/// Groups of points, far apart; `sizes` has the number of points of each group and so of each cluster. `label` gives the
/// label of a point from its cluster and its number within it.
fn judged(sizes: &[usize], label: impl Fn(usize, usize) -> &'static str) -> Run {
    let folder = scratch();
    let mut draw = Draw(3);
    let centre = |group: usize| vec![50.0 * group as f64, if group.is_multiple_of(2) { 0.0 } else { 80.0 }];
    let (mut points, mut members, mut labels) = (Vec::new(), Vec::new(), String::new());
    for (group, &size) in sizes.iter().enumerate() {
        let first = points.len() as u64;
        members.push((first..first + size as u64).collect());
        for at in 0..size {
            points.push(centre(group).iter().map(|c| f64::from((c + draw.value()) as f32)).collect());
            labels += label(group, at);
            labels += "\n";
        }
    }
    let centroids = (0..sizes.len()).map(centre).collect();
    let clustering = Clustering { points, dtype: Dtype::F4, levels: vec![(members, centroids)], subset: None };
    let (hier, embeddings) = clustering.write(folder.path());
    let names = folder.path().join("labels.txt");
    fs::write(&names, labels).expect("writes");
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--metrics", "all", "--labels", names.to_str().expect("UTF-8")];
    let output = metrics(&hier, &embeddings, &out, &more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Run { folder, out }
}

/// What the first screen says: the headline, and severity and text of every finding.
fn verdict(browser: &mut Browser, run: &Run) -> (String, Vec<String>) {
    browser.window(1280, 800);
    browser.open(&run.page(), "");
    browser.wait("document.querySelector('.headline')");
    let top = browser.value("document.querySelector('.headline').getBoundingClientRect().bottom");
    assert!(top.as_f64().is_some_and(|top| top < 800.0), "the verdict is on the first screen: {top}");
    let found = browser.value("[...document.querySelectorAll('.finding')].map((item) => item.textContent)");
    let texts = found.as_array().expect("a list").iter().map(|text| text.as_str().unwrap_or_default().to_owned());
    let texts = texts.collect();
    assert_eq!(browser.complaints(), Vec::<String>::new());
    (browser.text(".headline"), texts)
}

fn class(_: usize, at: usize) -> &'static str {
    ["cat", "dog"][at % 2]
}

#[test]
fn a_collapse_a_mix_and_a_perfect_clustering_are_told_apart() {
    let Some(mut browser) = Browser::start() else { return };
    let of_cluster = |group: usize, _: usize| ["cat", "dog", "owl", "bee"][group % 4];

    let collapsed = judged(&[900, 25, 25, 25, 25], of_cluster);
    let (headline, findings) = verdict(&mut browser, &collapsed);
    assert!(headline.starts_with("Probably not fit for use: 1 severe finding"), "{headline}: {findings:?}");
    assert!(findings[0].starts_with("severeLevel 1 collapsed: cluster 0 holds 90 % of the points."), "{findings:?}");
    browser.click(".finding a");
    browser.wait("document.querySelector('#cluster-title')?.textContent === 'Level 1, cluster 0'");

    let mixed = judged(&[40, 40, 40, 40], class);
    let (headline, findings) = verdict(&mut browser, &mixed);
    assert!(headline.starts_with("Probably not fit for use: 1 severe finding"), "{headline}: {findings:?}");
    assert!(findings[0].contains("All 4 clusters of level 1 mix classes, with 100 % of the points"), "{findings:?}");

    let perfect = judged(&[40, 40, 40, 40], of_cluster);
    let (headline, findings) = verdict(&mut browser, &perfect);
    assert_eq!(headline, "Good: 3 good signs, nothing to warn of");
    assert!(findings.len() >= 3 && findings.iter().all(|text| text.starts_with("good")), "{findings:?}");
}

#[test]
fn single_points_open_the_table_of_them() {
    let Some(mut browser) = Browser::start() else { return };
    let run = judged(&[40, 1, 30, 1, 40, 40], |_, _| "cat");
    let (_, findings) = verdict(&mut browser, &run);
    assert!(
        findings.iter().any(|text| text.contains("2 of 6 clusters of level 1 (1 and 3) hold one point each")),
        "{findings:?}"
    );
    browser.value(
        "[...document.querySelectorAll('.finding')].find((item) => item.textContent.includes('one point each'))\
         .querySelector('a').click()",
    );
    browser.wait("document.querySelectorAll('.grid .space [role=row]').length === 2");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_record_the_terminal_and_gates_have_the_findings_of_the_page() {
    let run = judged(&[900, 25, 25, 25, 25], |_, _| "cat");
    let found = record(&run.out)["findings"].clone();
    let severe: Vec<&Value> = found.as_array().expect("a list").iter().filter(|f| f["severity"] == "severe").collect();
    assert_eq!(severe.len(), 1, "{found}");
    assert_eq!((&severe[0]["rule"], &severe[0]["value"]), (&json!("collapsed"), &json!(0.9)));
    assert_eq!(severe[0]["clusters"], json!({ "level": 1, "cluster": 0 }));

    let (hier, embeddings) = (run.folder.path().join("hier"), run.folder.path().join("embeddings.npy"));
    let judge = |gate: &str, name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clustrata"));
        command.arg("metrics").arg(&hier).arg("--embeddings").arg(&embeddings);
        command.arg("--out").arg(run.folder.path().join(name)).args(["--device", "cpu", "--metrics", "all"]);
        let output = command.args(["--fail-if", gate]).output().expect("starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, told) = judge("findings.severe > 0", "fails");
    assert_eq!(code, Some(5), "{told}");
    assert!(told.contains("\n  severe   Level 1 collapsed: cluster 0 holds 90 % of the points.\n"), "{told}");
    assert!(told.contains("gate fails: findings.severe > 0: found 1"), "{told}");
    let (code, told) = judge("findings.severe > 1", "holds");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("\nreport: file:///") && told.contains("holds/report.html"), "{told}");
}
