//! Whole selections from small hierarchies.

use super::*;
use crate::formats::hierarchy::Tree;
use crate::formats::pickle::Clusters;

/// Rows 0 to 9 in clusters of 4, 1, 0, 2 and 3, which are grouped as {0, 1}, {2}, {} and {3, 4}.
fn tree() -> Tree {
    let rows = Clusters::from_parts(vec![0, 4, 5, 5, 7, 10], vec![3, 1, 0, 2, 4, 6, 5, 9, 8, 7]);
    Tree::from_levels(vec![rows, Clusters::from_parts(vec![0, 2, 3, 3, 5], vec![1, 0, 2, 3, 4])])
}

fn request(target: u64, multiplier: u64, strategy: Strategy) -> Request {
    Request { target, multiplier, strategy, seed: 5 }
}

#[test]
fn the_closest_are_selected_in_hierarchy_order() {
    let selection = select(&tree(), request(8, 1, Strategy::Closest)).unwrap();
    assert_eq!(selection.per_cluster, [4, 0, 0, 4]);
    assert_eq!(selection.rows, [4, 3, 1, 0, 6, 5, 9, 8]);
}

#[test]
fn rows_repeat_at_most_multiplier_times() {
    let selection = select(&tree(), request(20, 2, Strategy::Closest)).unwrap();
    assert_eq!(selection.per_cluster, [10, 0, 0, 10]);
    let selection = select(&tree(), request(13, 3, Strategy::Closest)).unwrap();
    assert_eq!(selection.rows.len(), 13);
    for row in 0..10 {
        assert!(selection.rows.iter().filter(|&&taken| taken == row).count() <= 3, "{row}");
    }
}

#[test]
fn the_seed_determines_the_selection() {
    let draw = |seed| select(&tree(), Request { seed, ..request(5, 1, Strategy::Random) }).unwrap();
    assert_eq!(draw(1), draw(1));
    assert!((2..20).any(|seed| draw(seed) != draw(1)));
}

#[test]
fn too_large_a_target_is_refused() {
    let refused = select(&tree(), request(11, 1, Strategy::Random)).unwrap_err().to_string();
    assert!(refused.contains("at most 10") && refused.contains("--multiplier"), "{refused}");
    assert_eq!(select(&tree(), request(10, 1, Strategy::Random)).unwrap().rows.len(), 10);
    let refused = select(&tree(), request(1 << 62, 1 << 60, Strategy::Random)).unwrap_err().to_string();
    assert!(refused.contains("memory"), "{refused}");
}
