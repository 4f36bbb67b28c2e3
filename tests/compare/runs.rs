//! `compare`: metrics, clusters, agreement between clusterings against scikit-learn, and refusals.

use std::fs;

use serde_json::Value;

use crate::common::{self, scratch};
use crate::fixtures::{Runs, close, compare, digits, failed, golden, judged, stdout, succeeded};

fn json(output: &std::process::Output) -> Value {
    serde_json::from_str(&succeeded(output)).expect("valid JSON")
}

#[test]
fn metrics_stand_side_by_side() {
    let runs = Runs::new();
    let out = runs.at("c");
    let compared = json(&runs.compare(&["--json", "--out", out.to_str().expect("UTF-8")]));
    assert_eq!(compared["levels"].as_array().map(Vec::len), Some(1), "the levels that both have");
    let (a, b) = (common::record(&runs.a), common::record(&runs.b));
    for figure in compared["levels"][0]["figures"].as_array().expect("figures") {
        let name = figure["name"].as_str().expect("a name");
        let [of_a, of_b] = [&a, &b].map(|record| &record["levels"][0]["figures"][name]);
        assert_eq!((&figure["a"], &figure["b"]), (of_a, of_b), "{name}");
        let difference = of_a.as_f64().zip(of_b.as_f64()).map(|(a, b)| b - a);
        assert_eq!(figure["difference"].as_f64(), difference, "{name}");
        let outcome = match (figure["better"].as_str(), difference) {
            (Some("neither"), _) | (_, None) => None,
            (_, Some(0.0)) => Some("same"),
            (Some("lower"), Some(difference)) => Some(if difference < 0.0 { "better" } else { "worse" }),
            (_, Some(difference)) => Some(if difference > 0.0 { "better" } else { "worse" }),
        };
        assert_eq!(figure["outcome"].as_str(), outcome, "{name}");
    }
    let figure = |name: &str| {
        let figures = compared["levels"][0]["figures"].as_array().expect("figures");
        figures.iter().find(|figure| figure["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!((&figure("inertia")["outcome"], &figure("inertia")["better"]), (&"worse".into(), &"lower".into()));
    assert_eq!(figure("davies_bouldin")["undefined"], "not computed in A");

    let mut written: Value =
        serde_json::from_str(&fs::read_to_string(out.join("compare.json")).expect("a file")).expect("JSON");
    assert_eq!(written, compared);
    *written.pointer_mut("/levels/0/figures/3/a").expect("there") = 0.into();
    assert_ne!(written, compared);
    let mut table = csv::Reader::from_path(out.join("compare.csv")).expect("a table");
    let rows: Vec<csv::StringRecord> = table.records().map(|row| row.expect("a row")).collect();
    let inertia = rows.iter().find(|row| &row[1] == "inertia").expect("there");
    assert_eq!((inertia[2].parse().ok(), &inertia[5]), (figure("inertia")["a"].as_f64(), "worse"));
    let ari = rows.iter().find(|row| &row[1] == "ari").expect("there");
    assert!(close(ari[6].parse().expect("a number"), &golden()["between"]["ari"]));
}

#[test]
fn agreement_of_two_clusterings_is_that_of_scikit_learn() {
    let runs = Runs::new();
    let compared = json(&runs.compare(&["--json"]));
    let between = &compared["levels"][0]["between"];
    for measure in ["ari", "ami", "nmi", "v_measure"] {
        let (got, want) = (&between[measure], &golden()["between"][measure]);
        assert!(got.as_f64().is_some_and(|got| close(got, want)), "{measure}: {got} instead of {want}");
        assert!(!got.as_f64().is_some_and(|got| close(got + 3e-9, want)), "{measure}");
    }
    // symmetric, and 1 with itself, by the files and by the points
    let back = json(&compare(&runs.b, &runs.a, &["--json"]));
    assert!(back["levels"][0]["between"]["ami"].as_f64().is_some_and(|ami| close(ami, &between["ami"])));
    let itself = json(&compare(&runs.a, &runs.a, &["--json"]));
    let hier = digits();
    let by_points = json(&compare(&runs.a, &runs.a, &["--json", "--clustering-a", hier.to_str().expect("UTF-8")]));
    for level in 0..3 {
        let [itself, by_points] = [&itself, &by_points].map(|compared| &compared["levels"][level]["between"]);
        assert_eq!(itself, by_points);
        assert_eq!((&itself["ari"], &itself["ami"], &itself["points"]), (&1.0.into(), &1.0.into(), &1797.into()));
    }
}

#[test]
fn clusters_that_changed_most_are_named() {
    let runs = Runs::new();
    let compared = json(&runs.compare(&["--json", "--by", "mean-distance", "--top", "3"]));
    let clusters = &compared["levels"][0]["clusters"];
    let matched = clusters["matched"].as_u64().expect("a count");
    assert!(matched > 0 && matched < 200, "{clusters}");
    let (a, b) = (common::record(&runs.a), common::record(&runs.b));
    let mut last = f64::INFINITY;
    let worsened = clusters["worsened"].as_array().expect("a list");
    assert_eq!(worsened.len(), 3);
    for change in worsened {
        let figure = |record: &Value, side: &str| {
            let cluster = change[side].as_u64().expect("a number");
            record["levels"][0]["clusters"]["mean_distance"][usize::try_from(cluster).expect("small")].clone()
        };
        assert_eq!((&change["a"], &change["b"]), (&figure(&a, "cluster_a"), &figure(&b, "cluster_b")));
        // rows were moved between clusters that kept their numbers
        assert_eq!(change["cluster_a"], change["cluster_b"]);
        let (difference, jaccard) = (change["difference"].as_f64(), change["jaccard"].as_f64());
        let difference = difference.expect("a number");
        assert!(difference > 0.0 && difference <= last && jaccard.is_some_and(|j| j > 0.5 && j < 1.0), "{change}");
        last = difference;
    }
    // the same clustering judged twice: every cluster is itself, and none has changed
    let itself = json(&compare(&runs.a, &runs.a, &["--json"]));
    let clusters = &itself["levels"][1]["clusters"];
    assert_eq!((&clusters["matched"], &clusters["of_a"]), (&40.into(), &40.into()));
    assert_eq!((&clusters["improved"], &clusters["worsened"]), (&Value::Array(vec![]), &Value::Array(vec![])));
}

#[test]
fn without_a_clustering_metrics_are_still_compared() {
    let runs = Runs::new();
    let elsewhere = runs.at("elsewhere");
    fs::rename(&runs.moved, &elsewhere).expect("moves");
    let told = succeeded(&runs.compare(&[]));
    assert!(told.contains("inertia") && told.contains("--clustering-b"), "{told}");
    assert_eq!(json(&runs.compare(&["--json"]))["levels"][0]["between"], Value::Null);
    let (code, message) = failed(&runs.compare(&["--fail-if", "ari.level1 < 0.1"]));
    assert!(code == Some(3) && message.contains("--clustering-b"), "{code:?} {message}");
    let moved = ["--json", "--clustering-b", elsewhere.to_str().expect("UTF-8"), "--fail-if", "ari.level1 < 0.1"];
    assert!(json(&runs.compare(&moved))["levels"][0]["between"]["ari"].is_f64());
    let wrong = runs.at("wrong");
    fs::create_dir(&wrong).expect("makes a folder");
    let (code, message) = failed(&runs.compare(&["--clustering-b", wrong.to_str().expect("UTF-8")]));
    assert!(code == Some(3) && message.contains("no levels"), "{code:?} {message}");
}

#[test]
fn folders_that_are_no_pair_of_runs_are_refused() {
    let runs = Runs::new();
    let refused = |output: &std::process::Output, code: i32, part: &str| {
        let (found, message) = failed(output);
        assert!(found == Some(code) && message.contains(part), "{found:?} {message}");
        assert!(stdout(output).is_empty());
    };
    let nothing = runs.at("nothing");
    refused(&compare(&nothing, &runs.b, &[]), 3, "holds no finished run");
    refused(&runs.compare(&["--by", "inertai"]), 2, "did you mean `inertia`");
    refused(&runs.compare(&["--by", "size"]), 2, "does not tell whether a cluster improved");
    refused(&runs.compare(&["--by", "silhouette"]), 2, "run A has no metric `silhouette`");
    judged(&digits(), &runs.at("upper"), &["--levels", "2,3"]);
    refused(&compare(&runs.at("upper"), &runs.b, &[]), 3, "no level in common");
    let out = runs.at("c");
    let writing = ["--out", out.to_str().expect("UTF-8")];
    succeeded(&runs.compare(&writing));
    refused(&runs.compare(&writing), 2, "--force");
    succeeded(&runs.compare(&[&writing[..], &["--force"]].concat()));
    fs::write(runs.b.join("record.json"), "{\"format\": 999}").expect("writes");
    refused(&runs.compare(&[]), 3, "another version");
}

#[test]
fn runs_of_different_rows_compare_metrics_only() {
    let folder = scratch();
    let clustering = common::Clustering {
        points: (0..20).map(|i| vec![f64::from(i), f64::from(i % 3)]).collect(),
        dtype: common::Dtype::F4,
        levels: vec![(vec![(0..9).collect(), (9..20).collect()], vec![vec![5.0, 1.0], vec![15.0, 1.0]])],
        subset: None,
    };
    let (hier, embeddings) = clustering.write(folder.path());
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    judged(&digits(), &a, &[]);
    common::judged(&hier, &embeddings, &b, &["--device", "cpu", "--metrics", "fast"]);
    let told = succeeded(&compare(&a, &b, &[]));
    assert!(told.contains("different rows"), "{told}");
    let (code, message) = failed(&compare(&a, &b, &["--fail-if", "nmi.level1 < 1"]));
    assert!(code == Some(3) && message.contains("1797 rows"), "{code:?} {message}");
}
