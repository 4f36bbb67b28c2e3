//! Which sections the montage of a cluster has.

use super::choose::Chooser;
use super::nearest::Nearest;
use super::picture::short;
use crate::plan::record::{Level, MontageSection};

/// The members of `cluster` that are closest to its centroid, those that are farthest from it, and the closest ones of `nearest`:
/// no row twice. Where no distances are known, random members of both. At most `most` rows, shared out equally.
pub(super) fn of_cluster(
    chooser: &Chooser,
    level: &Level,
    cluster: u64,
    nearest: Option<Nearest>,
    most: usize,
) -> Vec<MontageSection> {
    let known = chooser.distances.is_some();
    let (sections, each) = shares(most, usize::from(known) + 1 + usize::from(nearest.is_some()));
    let mut made = Vec::new();
    match chooser.ends(cluster, each) {
        Some((closest, farthest)) => {
            made.push(section("Closest to the centroid", cluster, closest));
            if sections > 1 {
                made.push(section("Farthest from the centroid", cluster, farthest));
            }
        }
        None => made.push(section("Random members", cluster, chooser.choose(level, cluster, each, 1))),
    }
    if let Some(Nearest { cluster, distance }) = nearest.filter(|_| made.len() < sections) {
        let which = if known { "Closest" } else { "Random members" };
        let title = format!("{which} of the nearest cluster {cluster} (at distance {})", short(distance));
        made.push(section(&title, cluster, chooser.choose(level, cluster, each, 1)));
    }
    made.retain(|section| !section.rows.is_empty());
    made
}

fn section(title: &str, cluster: u64, rows: Vec<u64>) -> MontageSection {
    MontageSection { title: title.to_owned(), cluster, rows }
}

/// How many of the `wanted` sections there are, and how many images each of them may have. All are as long, so what does not divide is
/// left out; with fewer images than sections, the last sections go.
fn shares(most: usize, wanted: usize) -> (usize, usize) {
    let sections = wanted.min(most).max(1);
    (sections, most / sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_shared_out_equally() {
        assert_eq!((shares(20, 3), shares(20, 2), shares(20, 1)), ((3, 6), (2, 10), (1, 20)));
        assert_eq!((shares(3, 3), shares(2, 3), shares(1, 3), shares(0, 3)), ((3, 1), (2, 1), (1, 1), (1, 0)));
        for most in 1..100 {
            for wanted in 1..4 {
                let (sections, each) = shares(most, wanted);
                assert!((1..=wanted).contains(&sections) && each > 0 && sections * each <= most, "{most} {wanted}");
            }
        }
    }
}
