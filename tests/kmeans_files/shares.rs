//! An independent check of balanced samples. It searches cuts by counting, and verifies existing selections.

use std::collections::HashMap;

use clustrata::formats::hierarchy::Tree;
use clustrata::formats::pickle::Clusters;
use clustrata::kmeans::sampling::{Request, Strategy, select};
use proptest::prelude::*;

use super::common::Draw;

/// The largest cut whose total does not exceed `target`, by trying all.
fn cut(most: &[u64], target: u64) -> u64 {
    let total = |cut: u64| most.iter().map(|&most| most.min(cut)).sum::<u64>();
    (0..=*most.iter().max().unwrap_or(&0)).take_while(|&cut| total(cut) <= target).last().unwrap_or(0)
}

/// Whether `given` shares its total out evenly: each gives at least the cut or all it has, and at most one more.
fn is_shared(given: &[u64], sizes: &[u64], multiplier: u64) -> Result<(), String> {
    let most: Vec<u64> = sizes.iter().map(|size| size * multiplier).collect();
    let target: u64 = given.iter().sum();
    let cut = cut(&most, target);
    for (cluster, (&given, &most)) in given.iter().zip(&most).enumerate() {
        let least = most.min(cut);
        if given != least && !(most > cut && given == least + 1) {
            return Err(format!("cluster {cluster} gives {given} of {most} where the cut is {cut}"));
        }
    }
    Ok(())
}

/// Whether `rows` is a balanced selection from `tree` on every level. `closest`: whether the closest rows of a cluster of
/// level 1 must be selected.
pub(super) fn is_balanced(tree: &Tree, rows: &[u64], multiplier: u64, closest: bool) -> Result<(), String> {
    let mut times: HashMap<u64, u64> = HashMap::new();
    rows.iter().for_each(|&row| *times.entry(row).or_default() += 1);
    // sizes and selected counts: of level 1 from the rows, of higher levels from the level below
    let mut below: Vec<(u64, u64)> = Vec::new();
    for level in 0..tree.height() {
        let mut here = Vec::new();
        for members in tree.clusters(level).iter() {
            let children: Vec<(u64, u64)> = match level {
                0 => members.iter().map(|row| (1, times.get(row).copied().unwrap_or(0))).collect(),
                _ => members.iter().map(|&child| below[usize::try_from(child).expect("small")]).collect(),
            };
            let (sizes, given): (Vec<u64>, Vec<u64>) = children.into_iter().unzip();
            is_shared(&given, &sizes, multiplier).map_err(|wrong| format!("level {}: {wrong}", level + 1))?;
            if level == 0 && closest && !given.is_sorted_by(|a, b| a >= b) {
                return Err(format!("level 1 gives {given:?} of its members, the closest first"));
            }
            here.push((sizes.iter().sum(), given.iter().sum()));
        }
        below = here;
    }
    let (sizes, given): (Vec<u64>, Vec<u64>) = below.into_iter().unzip();
    if given.iter().sum::<u64>() != rows.len() as u64 {
        return Err("rows that are in no cluster".to_owned());
    }
    is_shared(&given, &sizes, multiplier)
}

#[test]
fn a_cut_is_found_by_counting() {
    assert_eq!(cut(&[5, 1, 9, 0, 3], 10), 3);
    assert_eq!(cut(&[5, 1, 9, 0, 3], 11), 3);
    assert!(is_shared(&[3, 1, 4, 0, 3], &[5, 1, 9, 0, 3], 1).is_ok());
    assert!(is_shared(&[3, 1, 5, 0, 2], &[5, 1, 9, 0, 3], 1).is_err());
}

/// Clusters of `sizes` with members 0, 1, ... in random order.
fn clusters(sizes: &[usize], draw: &mut Draw) -> Clusters {
    let mut offsets = vec![0];
    sizes.iter().for_each(|&size| offsets.push(offsets.last().expect("one") + size as u64));
    let mut members: Vec<u64> = (0..*offsets.last().expect("one")).collect();
    (1..members.len()).rev().for_each(|place| members.swap(place, draw.below(place + 1)));
    Clusters::from_parts(offsets, members)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn samples_of_any_hierarchy_are_balanced(
        sizes in prop::collection::vec(0_usize..12, 1..40),
        cuts in prop::collection::vec(0.0_f64..1.0, 0..9),
        multiplier in 1_u64..5,
        part in 0.0_f64..=1.0,
        closest: bool,
        seed: u64,
    ) {
        let mut draw = Draw(seed);
        let level1 = clusters(&sizes, &mut draw);
        // some of the upper clusters are empty
        let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * sizes.len() as f64) as usize).collect();
        ends.extend([0, sizes.len()]);
        ends.sort_unstable();
        let above: Vec<usize> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let level2 = clusters(&above, &mut draw);
        let tree = Tree::from_levels(vec![level1, level2]);
        let target = (part * (tree.rows().len() as u64 * multiplier) as f64) as u64;
        let strategy = if closest { Strategy::Closest } else { Strategy::Random };
        let taken = select(&tree, Request { target, multiplier, strategy, seed }).expect("there are enough");
        prop_assert_eq!(taken.rows.len() as u64, target);
        prop_assert_eq!(taken.per_cluster.iter().sum::<u64>(), target);
        prop_assert_eq!(is_balanced(&tree, &taken.rows, multiplier, closest), Ok(()));
    }
}
