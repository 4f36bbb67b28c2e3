//! `--fail-if` of `metrics` and `compare`: exit codes, and malformed gates.

use std::fs;

use crate::common::{self, scratch};
use crate::fixtures::{Runs, digits, failed, judge, stdout, succeeded};

#[test]
fn a_gate_that_holds_does_not_change_the_exit_code() {
    let folder = scratch();
    let out = folder.path().join("m");
    let gates = ["--fail-if", "level1.inertia > 513_894", "--fail-if", "level*.empty_clusters != 0"];
    let told = succeeded(&judge(&digits(), &out, &gates));
    assert!(told.contains("gate holds: level1.inertia > 513_894: found 513893.6"), "{told}");
    assert!(told.contains("0 on level 1, 0 on level 2, 0 on level 3"), "{told}");
    let config = fs::read_to_string(out.join("config.yaml")).expect("settings");
    assert!(config.contains("fail-if:\n- level1.inertia > 513_894\n"), "{config}");
}

#[test]
fn gates_that_fail_end_with_their_code_and_all_results() {
    let folder = scratch();
    let out = folder.path().join("m");
    let gates =
        ["--fail-if", "level1.inertia > 513_893", "--fail-if", "any.clusters == 40", "--fail-if", "all.clusters < 50"];
    let output = judge(&digits(), &out, &gates);
    let (code, message) = failed(&output);
    assert_eq!(code, Some(5), "{message}");
    assert!(message.contains("level1.inertia > 513_893\n  found:    513893.6"), "{message}");
    assert!(message.contains("200 on level 1, 40 on level 2") && !message.contains("all.clusters"), "{message}");
    assert!(stdout(&output).contains("gate holds: all.clusters < 50"), "{}", stdout(&output));
    assert_eq!(common::record(&out)["levels"].as_array().map(Vec::len), Some(3));
    // gates apply to a complete run as well
    let again = judge(&digits(), &out, &[&gates[..], &["--resume"]].concat());
    assert_eq!(failed(&again).0, Some(5), "{}", stdout(&again));
    succeeded(&judge(&digits(), &out, &["--resume", "--fail-if", "level1.inertia > 1e9"]));
}

#[test]
fn an_undefined_metric_passes_no_gate() {
    let folder = scratch();
    // one cluster: nothing to compare it with
    let clustering = common::Clustering {
        points: (0..20).map(|i| vec![f64::from(i), 1.0]).collect(),
        dtype: common::Dtype::F4,
        levels: vec![(vec![(0..20).collect()], vec![vec![10.0, 1.0]])],
        subset: None,
    };
    let (hier, embeddings) = clustering.write(folder.path());
    for comparison in ["<", ">", "==", "!="] {
        let gate = format!("level1.davies_bouldin {comparison} 1");
        let out = folder.path().join("m");
        let output = common::metrics(&hier, &embeddings, &out, &["--device", "cpu", "--force", "--fail-if", &gate]);
        let (code, message) = failed(&output);
        assert!(code == Some(5) && message.contains("needs two non-empty clusters"), "{gate}: {code:?} {message}");
    }
}

#[test]
fn the_metric_of_a_gate_is_computed() {
    let folder = scratch();
    let out = folder.path().join("m");
    let more = ["--metrics", "inertia", "--fail-if", "level3.davies-bouldin > 100", "--fail-if", "level3.silhouette<0"];
    let told = succeeded(&judge(&digits(), &out, &more));
    assert!(told.contains("gate holds: level3.davies-bouldin > 100: found 1.6"), "{told}");
}

#[test]
fn malformed_gates_are_refused_before_anything_is_computed() {
    let folder = scratch();
    let out = folder.path().join("m");
    for (gate, part) in [
        ("level1.silhuette < 0.1", "did you mean `silhouette`"),
        ("level4.inertia < 0.1", "one of level1, level2, level3"),
        ("level1.inertia << 0.1", "not end in a number"),
        ("level1.size > 3", "unknown per-level metric"),
        ("inertia > 3", "LEVEL.METRIC"),
        ("level1.silhouette_standard_error > 1", "sample:"),
    ] {
        let (code, message) = failed(&judge(&digits(), &out, &["--fail-if", gate]));
        assert!(code == Some(2) && message.contains(part), "{gate}: {code:?} {message}");
        assert!(!out.exists(), "{gate}");
    }
    let off = ["--metrics", "all", "--silhouette", "off", "--fail-if", "level1.silhouette < 0"];
    assert_eq!(failed(&judge(&digits(), &out, &off)).0, Some(2));
}

#[test]
fn gates_apply_to_comparisons() {
    let runs = Runs::new();
    let holding =
        ["a.level1.inertia > 513_894", "delta.level1.inertia < 0", "ari.level1 < 0.49", "v_measure.any < 0.8"];
    let gates: Vec<&str> = holding.iter().flat_map(|gate| ["--fail-if", gate]).collect();
    let told = succeeded(&runs.compare(&gates));
    assert_eq!(told.matches("gate holds").count(), 4, "{told}");

    let failing = ["b.level1.inertia > 513_894", "delta.level1.inertia > 0", "ami.level* < 0.58", "ari.all != 1"];
    let gates: Vec<&str> = failing.iter().flat_map(|gate| ["--fail-if", gate]).collect();
    let output = runs.compare(&[&gates[..], &["--out", runs.at("c").to_str().expect("UTF-8")]].concat());
    let (code, message) = failed(&output);
    assert_eq!((code, message.matches("a gate fails").count()), (Some(5), 4), "{message}");
    assert!(message.contains("0.5754") && stdout(&output).contains("level 1"), "{message}");
    let written = fs::read_to_string(runs.at("c").join("compare.json")).expect("written all the same");
    assert_eq!(written.matches("\"holds\": false").count(), 4, "{written}");

    for (gate, part) in [
        ("level1.inertia > 1", "a, b, delta"),
        ("delta.level2.inertia > 1", "level 2"),
        ("a.level1.davies_bouldin > 1", "run A does not have"),
        ("delta.level1.davies_bouldin > 1", "run A does not have"),
        ("b.inertia > 1", "no metric of a level"),
        ("b.level1.inerta > 1", "did you mean `inertia`"),
        ("arri.level1 < 1", "did you mean `ari`"),
    ] {
        let (code, message) = failed(&runs.compare(&["--fail-if", gate]));
        assert!(code == Some(2) && message.contains(part), "{gate}: {code:?} {message}");
    }
}
