//! The grammar of gates, and which values pass.

use super::*;

fn judged(gate: &str, values: &[(u32, f64)]) -> bool {
    let gate: Gate = gate.parse().expect("a gate");
    let levels: Vec<u32> = values.iter().map(|(level, _)| *level).collect();
    let of_level = |level| values.iter().find(|(l, _)| *l == level).map(|(_, f)| *f).ok_or("left out".to_owned());
    gate.judge(&levels, |level, _| of_level(level), |_| 0.0).holds
}

#[test]
fn a_gate_fails_where_its_condition_is_met() {
    for (comparison, below, equal, above) in [
        ("<", false, true, true),
        ("<=", false, false, true),
        (">", true, true, false),
        (">=", true, false, false),
        ("==", true, false, true),
        ("!=", false, true, false),
    ] {
        let gate = format!("level1.silhouette {comparison} 0.5");
        let holds = [0.25, 0.5, 0.75].map(|figure| judged(&gate, &[(1, figure)]));
        assert_eq!(holds, [below, equal, above], "{gate}");
        assert_eq!(judged(&gate.replace(' ', ""), &[(1, 0.25)]), below, "spaces do not matter");
    }
}

#[test]
fn levels_are_one_any_or_all() {
    let figures = [(1, 0.3), (2, 0.1)];
    assert!(judged("level1.silhouette < 0.2", &figures) && !judged("level2.silhouette < 0.2", &figures));
    assert!(!judged("level*.silhouette < 0.2", &figures) && !judged("any.silhouette < 0.2", &figures));
    assert!(judged("all.silhouette < 0.2", &figures) && !judged("all.silhouette < 0.4", &figures));
    assert!(judged("any.silhouette < 0.05", &figures));
}

#[test]
fn undefined_values_never_pass() {
    for comparison in ["<", "<=", ">", ">=", "==", "!="] {
        for levels in ["level1", "level*", "all"] {
            let gate = format!("{levels}.silhouette {comparison} 0");
            assert!(!judged(&gate, &[(1, f64::NAN), (2, 1.0)]), "{gate} of NaN");
            let undefined: Gate = gate.parse().expect("a gate");
            let verdict = undefined.judge(&[1], |_, _| Err("needs two clusters".to_owned()), |_| 0.0);
            assert!(!verdict.holds && verdict.found.contains("needs two clusters"), "{verdict:?}");
        }
    }
    assert!(!judged("any.silhouette < 0", &[]), "no level at all");
}

#[test]
fn malformed_gates_are_refused() {
    for (text, part) in [
        ("", "no comparison"),
        ("level1.silhouette", "no comparison"),
        ("level1.silhouette = 1", "comparison"),
        ("level1.silhouette <", "not end in a number"),
        ("level1.silhouette < low", "`low`"),
        ("level1.silhouette < nan", "`nan`"),
        ("level1.silhouette < 1 < 2", "`1 < 2`"),
        ("silhouette < 1", "not name a level and a metric"),
        ("level0.silhouette < 1", "`level0`"),
        ("stage1.silhouette < 1", "`stage1`"),
        ("level1.silhuette < 1", "did you mean `silhouette`"),
        ("level1.mean_distance < 1", "unknown per-level metric"),
        ("findings.sever > 0", "did you mean `severe`"),
    ] {
        let refused = text.parse::<Gate>().expect_err(text).to_string();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    let gate: Gate = " level2.davies-bouldin>=1_000.5 ".parse().expect("a gate");
    assert_eq!(
        (gate.subject, gate.to_string().as_str()),
        (Subject::Metric(Levels::One(2), "davies_bouldin"), "level2.davies-bouldin>=1_000.5")
    );
    assert!(Levels::One(2).check(&[1, 2]).is_ok());
    assert!(Levels::One(2).check(&[1, 3]).is_err_and(|refused| refused.to_string().contains("level1, level3")));
}

#[test]
fn findings_of_a_severity_are_counted() {
    let gate: Gate = "findings.severe > 0".parse().expect("a gate");
    assert_eq!((gate.subject, gate.metric()), (Subject::Findings(Severity::Severe), None));
    let count = |severe: f64| move |severity| if severity == Severity::Severe { severe } else { 7.0 };
    let judged = |severe| gate.judge(&[1, 2], |_, _| Err("not asked".to_owned()), count(severe));
    assert!(judged(0.0).holds && !judged(2.0).holds);
    assert_eq!(judged(2.0).found, "2");
}
