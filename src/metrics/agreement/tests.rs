//! Hand-computed values, comparison with the definition, properties of the measures, and large counts.

use proptest::prelude::*;

use super::expected::expected_mutual_information;
use super::*;

/// The contingency table of two label vectors.
fn table(clusters: &[u32], labels: &[u32]) -> Contingency {
    let count = |labels: &[u32]| labels.iter().max().map_or(0, |&most| most + 1);
    let of_cluster = |cluster| {
        let both = clusters.iter().zip(labels);
        both.filter(move |(of, _)| **of == cluster).map(|(_, &label)| label)
    };
    Contingency::of_groups(count(labels) as usize, (0..count(clusters)).map(of_cluster))
}

/// The symmetric measures.
fn symmetric(table: &Contingency) -> [f64; 4] {
    [ari(table), ami(table), nmi(table), homogeneity_completeness_v(table).v_measure]
}

fn all(table: &Contingency) -> [f64; 7] {
    let [ari, ami, nmi, v] = symmetric(table);
    let Homogeneity { homogeneity, completeness, .. } = homogeneity_completeness_v(table);
    [ari, ami, nmi, v, homogeneity, completeness, purity(table)]
}

fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
}

#[test]
fn a_table_counts_points_and_labels() {
    let table = table(&[0, 0, 2, 2, 2], &[1, 3, 3, 3, 1]);
    assert_eq!(table.columns, [0, 2, 0, 3]);
    let row = |points, majority, most| Row { points, majority, most };
    assert_eq!(table.rows, [row(2, Some(1), 1), row(0, None, 0), row(3, Some(3), 2)]);
    assert_eq!((table.points, table.squares), (5, 1 + 1 + 4 + 1));
    assert_eq!(purity(&table), 0.6);
}

#[test]
fn degenerate_partitions_match_scikit_learn() {
    let one = [1.0; 7];
    assert_eq!(all(&table(&[], &[])), one, "no points");
    assert_eq!(all(&table(&[0], &[0])), one, "one point");
    assert_eq!(all(&table(&[0, 0, 0], &[0, 0, 0])), one, "a single part each");
    assert_eq!(all(&table(&[0, 1, 2], &[2, 0, 1])), one, "only singletons");
    // several clusters, one label: every cluster is homogeneous
    assert_eq!(all(&table(&[0, 0, 1, 1], &[0, 0, 0, 0])), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(all(&table(&[0, 0, 0, 0], &[0, 0, 1, 1])), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5]);
    let crossed = all(&table(&[0, 0, 1, 1], &[0, 1, 0, 1]));
    assert!(close(&crossed, &[-0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.5]), "{crossed:?}");
}

/// The definition, term by term, with factorials of small numbers.
fn by_definition(rows: &[u64], columns: &[u64], points: u64) -> f64 {
    let factorial = |n: u64| (1..=n).map(|i| i as f64).product::<f64>();
    let choose = |n: u64, k: u64| factorial(n) / factorial(k) / factorial(n - k);
    let term = |a: u64, b: u64, x: u64| {
        let chance = choose(b, x) * choose(points - b, a - x) / choose(points, a);
        let (x, n) = (x as f64, points as f64);
        x / n * (n * x / (a as f64 * b as f64)).ln() * chance
    };
    let pair = |a: u64, b: u64| ((a + b).saturating_sub(points).max(1)..=a.min(b)).map(|x| term(a, b, x)).sum::<f64>();
    rows.iter().flat_map(|&a| columns.iter().map(move |&b| pair(a, b))).sum()
}

#[test]
fn expected_information_matches_the_definition() {
    for (rows, columns) in [
        (vec![3, 4, 5], vec![6, 6]),
        (vec![10, 1, 1], vec![11, 1]),
        (vec![1; 12], vec![2; 6]),
        (vec![40, 3], vec![42, 1]),
    ] {
        let points = rows.iter().sum();
        let expected = expected_mutual_information(rows.iter().copied(), columns.iter().copied(), points);
        let definition = by_definition(&rows, &columns, points);
        assert!((expected - definition).abs() < 1e-13, "{rows:?} {columns:?}: {expected} instead of {definition}");
        let other = expected_mutual_information(rows.iter().copied(), columns.iter().copied(), points + 1);
        assert!((other - definition).abs() > 1e-6, "another number of points is noticed");
    }
}

/// With many points per cell, it tends to (R - 1) (C - 1) / (2 n), the mean of a chi-squared distribution over 2 n.
#[test]
fn a_billion_points_lose_no_digits() {
    let (rows, columns) = (vec![100_000_000_u64; 10], vec![250_000_000_u64; 4]);
    let expected = expected_mutual_information(rows.iter().copied(), columns.iter().copied(), 1_000_000_000);
    assert!((expected / 1.35e-8 - 1.0).abs() < 1e-6, "{expected}");
    // pairs are counted without overflow: two halves that differ in a tenth of the points
    let half = 500_000_000_u64;
    let cells = [(0, half - half / 10), (1, half / 10), (0, half / 10), (1, half - half / 10)];
    let mut table = Contingency { columns: vec![0; 2], ..Contingency::default() };
    cells.chunks(2).for_each(|row| table.push(row.iter().copied()));
    assert!((ari(&table) - 0.64).abs() < 1e-8 && (purity(&table) - 0.9).abs() < 1e-15, "{}", ari(&table));
    let entropy = -(0.9_f64 * 0.9_f64.ln() + 0.1 * 0.1_f64.ln());
    assert!((nmi(&table) - (1.0 - entropy / 2.0_f64.ln())).abs() < 1e-12, "{}", nmi(&table));
}

fn labels() -> impl Strategy<Value = (Vec<u32>, Vec<u32>)> {
    prop::collection::vec((0..7_u32, 0..5_u32), 1..80).prop_map(|pairs| pairs.into_iter().unzip())
}

proptest! {
    #[test]
    fn sides_may_be_exchanged((a, b) in labels()) {
        let (there, back) = (table(&a, &b), table(&b, &a));
        prop_assert!(close(&symmetric(&there), &symmetric(&back)));
        let (there, back) = (homogeneity_completeness_v(&there), homogeneity_completeness_v(&back));
        prop_assert!(close(&[there.homogeneity, there.completeness], &[back.completeness, back.homogeneity]));
    }

    #[test]
    fn numbering_of_labels_does_not_matter((a, b) in labels()) {
        let renamed: Vec<u32> = a.iter().map(|&cluster| 11 * (6 - cluster)).collect();
        prop_assert!(close(&all(&table(&a, &b)), &all(&table(&renamed, &b))));
    }

    #[test]
    fn measures_stay_within_their_bounds((a, b) in labels()) {
        let [ari, ami, others @ ..] = all(&table(&a, &b));
        prop_assert!((-0.5..=1.0).contains(&ari) && ami <= 1.0 + 1e-12);
        prop_assert!(others.iter().all(|measure| (0.0..=1.0 + 1e-12).contains(measure)), "{others:?}");
        prop_assert!(close(&all(&table(&a, &a)), &[1.0; 7]));
    }

    #[test]
    fn a_moved_point_is_noticed((a, b) in labels()) {
        // full agreement is lost once a point gets a label of its own, unless it was a singleton before
        let mut moved = a.clone();
        prop_assume!(a.iter().filter(|&&cluster| cluster == a[0]).count() > 1);
        moved[0] = 40 + b[0];
        prop_assert!(all(&table(&a, &moved))[..4].iter().all(|measure| *measure < 1.0 - 1e-6));
    }
}
