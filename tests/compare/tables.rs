//! The measures of the library on tables of all kinds, against scikit-learn.

use clustrata::metrics::agreement::{self, Contingency};
use serde_json::Value;

use crate::fixtures::{MEASURES, close, golden};

/// The table of a golden case, from its cells `[cluster, label, points]`.
fn table(case: &Value) -> Contingency {
    let cells = case["cells"].as_array().expect("cells").iter();
    let cells: Vec<[u64; 3]> = cells.map(|cell| [0, 1, 2].map(|i| cell[i].as_u64().expect("a count"))).collect();
    let count = |of: usize| cells.iter().map(|cell| cell[of]).max().map_or(0, |most| most + 1);
    let of_cluster = |cluster: u64| {
        let row = cells.iter().filter(move |cell| cell[0] == cluster);
        row.flat_map(|cell| (0..cell[2]).map(|_| u32::try_from(cell[1]).expect("small")))
    };
    Contingency::of_groups(usize::try_from(count(1)).expect("small"), (0..count(0)).map(of_cluster))
}

fn measures(table: &Contingency) -> [f64; 7] {
    let of_labels = agreement::homogeneity_completeness_v(table);
    [
        agreement::ari(table),
        agreement::ami(table),
        agreement::nmi(table),
        of_labels.v_measure,
        of_labels.homogeneity,
        of_labels.completeness,
        agreement::purity(table),
    ]
}

/// The first measure that differs.
fn differs(case: &Value) -> Option<String> {
    let got = measures(&table(case));
    let mut pairs = MEASURES.iter().zip(got);
    let wrong = pairs.find(|(name, got)| !close(*got, &case["measures"][**name]));
    wrong.map(|(name, got)| format!("{}: {name} {got} instead of {}", case["name"], case["measures"][*name]))
}

#[test]
fn every_measure_agrees_with_scikit_learn() {
    let golden = golden();
    let cases = golden["tables"].as_array().expect("cases");
    assert_eq!(cases.len(), 22);
    for case in cases {
        assert_eq!(differs(case), None);
    }
}

#[test]
fn one_wrong_measure_is_noticed() {
    let golden = golden();
    let cases = golden["tables"].as_array().expect("cases");
    for (case, name) in cases.iter().zip(MEASURES.iter().cycle()) {
        let mut wrong = case.clone();
        let value = wrong["measures"][*name].as_f64().expect("a number");
        wrong["measures"][*name] = (value + 3e-9).into();
        assert!(differs(&wrong).is_some_and(|text| text.contains(name)), "{}: {name}", case["name"]);
        wrong["measures"][*name] = Value::Null;
        assert!(differs(&wrong).is_some(), "null");
    }
    // a point of another label
    let mut moved = cases[13].clone();
    moved["cells"][0][2] = (moved["cells"][0][2].as_u64().expect("a count") + 1).into();
    assert!(differs(&moved).is_some());
}
