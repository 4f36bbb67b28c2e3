//! What the top-2 search says of a row, and buffers that keep it for every row.

use std::slice::ChunksMut;

use crate::backend::{Top2, UNLABELLED};
use crate::base::numeric::{to_f32, to_usize};
use crate::base::scale::Scale;
use crate::engine::partials::Sums;

/// The number of no cluster, in [`SearchSinks::second`].
pub const NO_CLUSTER: i32 = -1;

/// The nearest centroid other than a row's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Other {
    /// Its cluster; [`UNLABELLED`] if there is none.
    pub(super) cluster: u32,
    /// The row's squared distance to it; infinite if there is none, NaN if it overflowed.
    pub(super) squared: f64,
    /// Whether it is strictly nearer than the own one: the row is misassigned.
    pub(super) is_nearer: bool,
}

impl Other {
    /// From the result of a search, for a row at squared distance `own` to its own centroid. If that is the nearest, the second
    /// nearest is the nearest other one. Otherwise the row is misassigned: the search is exact and names the own centroid
    /// first among equally near ones, whereas two distances may be rounded to the same value. `several`: another centroid
    /// exists, so an infinite distance to it overflowed.
    pub(super) fn of(label: u32, own: f64, nearest: &Top2, several: bool) -> Other {
        let is_nearer = nearest.clusters[0] != label;
        let at = usize::from(!is_nearer);
        let squared = match nearest.squared[at] {
            other if several && !other.is_finite() => f64::NAN,
            other if is_nearer => other.min(own),
            other => other.max(own),
        };
        Other { cluster: nearest.clusters[at], squared, is_nearer }
    }
}

/// Buffers of one level for what the search finds for this process's n rows, `[n]` each. Where there is no other centroid,
/// or no finite distance, and for rows in no cluster: [`NO_CLUSTER`] and NaN.
pub struct SearchSinks<'a> {
    /// The cluster with the nearest other centroid.
    pub second: &'a mut [i32],
    /// Distance to that centroid, minus the distance to the own one; below 0 exactly for misassigned rows.
    pub margin: &'a mut [f32],
    /// Simplified silhouette.
    pub simplified_silhouette: &'a mut [f32],
}

impl SearchSinks<'_> {
    /// Drops the part of the first `done` rows.
    pub(super) fn skip(&mut self, done: u64) {
        let done = to_usize(done);
        self.second = std::mem::take(&mut self.second).split_at_mut(done).1;
        for values in [&mut self.margin, &mut self.simplified_silhouette] {
            *values = std::mem::take(values).split_at_mut(done).1;
        }
    }

    /// The same buffers for a shorter time.
    pub(super) fn reborrow(&mut self) -> SearchSinks<'_> {
        SearchSinks { second: self.second, margin: self.margin, simplified_silhouette: self.simplified_silhouette }
    }

    /// Writes that nothing was found.
    pub(super) fn clear(&mut self) {
        self.second.fill(NO_CLUSTER);
        self.margin.fill(f32::NAN);
        self.simplified_silhouette.fill(f32::NAN);
    }

    /// Writes what the search found for all rows: their `labels`, squared distances to the own centroid, and nearest
    /// centroids. Nothing was found if `nearest` is empty.
    pub(super) fn fill(&mut self, labels: &[u32], own: &[f64], nearest: &[Top2], several: bool, scale: Scale) {
        if nearest.is_empty() {
            return self.clear();
        }
        let rows = labels.iter().zip(own).zip(nearest).enumerate();
        for (row, ((&label, &own), nearest)) in rows {
            let (second, margin, silhouette) = match label {
                UNLABELLED => (NO_CLUSTER, f32::NAN, f32::NAN),
                label => values(own, Other::of(label, own, nearest, several), scale),
            };
            self.second[row] = second;
            self.margin[row] = margin;
            self.simplified_silhouette[row] = silhouette;
        }
    }
}

/// Second cluster, margin in the unit of the embeddings, and simplified silhouette of a row.
fn values(own: f64, other: Other, scale: Scale) -> (i32, f32, f32) {
    if !own.is_finite() || !other.squared.is_finite() || other.cluster == UNLABELLED {
        return (NO_CLUSTER, f32::NAN, f32::NAN);
    }
    let margin = to_f32(scale.distance(other.squared.sqrt() - own.sqrt()));
    // a margin too small for float32 keeps its sign, which says whether the row is misassigned
    let margin = if other.is_nearer { margin.min(-f32::from_bits(1)) } else { margin };
    let silhouette = Sums::of_search(own, other.squared).simplified_silhouette;
    (i32::try_from(other.cluster).unwrap_or(NO_CLUSTER), margin, to_f32(silhouette))
}

/// The buffers of one level, tile by tile.
pub(super) struct TiledSearch<'a> {
    second: ChunksMut<'a, i32>,
    margin: ChunksMut<'a, f32>,
    simplified_silhouette: ChunksMut<'a, f32>,
}

impl<'a> TiledSearch<'a> {
    pub(super) fn new(sinks: SearchSinks<'a>, tile_rows: usize) -> Self {
        TiledSearch {
            second: sinks.second.chunks_mut(tile_rows),
            margin: sinks.margin.chunks_mut(tile_rows),
            simplified_silhouette: sinks.simplified_silhouette.chunks_mut(tile_rows),
        }
    }

    /// The part of the next tile.
    pub(super) fn next(&mut self) -> Option<SearchSinks<'a>> {
        Some(SearchSinks {
            second: self.second.next()?,
            margin: self.margin.next()?,
            simplified_silhouette: self.simplified_silhouette.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(rows: &[(u32, f64, Top2)], several: bool, scale: Scale) -> Vec<(i32, f32, f32)> {
        let count = rows.len();
        let (mut second, mut margin, mut silhouette) = (vec![9; count], vec![9.0; count], vec![9.0; count]);
        let mut sinks =
            SearchSinks { second: &mut second, margin: &mut margin, simplified_silhouette: &mut silhouette };
        let labels: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let own: Vec<f64> = rows.iter().map(|row| row.1).collect();
        let nearest: Vec<Top2> = rows.iter().map(|row| row.2).collect();
        sinks.fill(&labels, &own, &nearest, several, scale);
        (0..count).map(|row| (second[row], margin[row], silhouette[row])).collect()
    }

    fn top2(clusters: [u32; 2], squared: [f64; 2]) -> Top2 {
        Top2 { clusters, squared }
    }

    #[test]
    fn the_nearest_other_cluster_is_the_second_or_the_first() {
        let rows = [(4, 1.0, top2([4, 7], [1.0, 4.0])), (4, 4.0, top2([7, 4], [1.0, 4.0]))];
        assert_eq!(filled(&rows, true, Scale::ONE), [(7, 1.0, 0.5), (7, -1.0, -0.5)]);
        let scaled = filled(&rows, true, Scale::of_largest(1e151));
        assert_eq!((scaled[0].1, scaled[0].2), (f32::INFINITY, 0.5), "beyond float32, but the ratio is not");
    }

    #[test]
    fn a_margin_is_below_0_exactly_for_misassigned_rows() {
        // equal after rounding; the search says which is nearer
        let rows = [(4, 1.0, top2([4, 7], [1.0, 1.0])), (4, 1.0, top2([7, 4], [1.0, 1.0]))];
        let found = filled(&rows, true, Scale::ONE);
        assert_eq!((found[0], found[1].0, found[1].2), ((7, 0.0, 0.0), 7, 0.0));
        assert!(found[1].1 < 0.0 && found[1].1 > -1e-30, "{found:?}");
    }

    #[test]
    fn rows_without_another_centroid_have_nothing() {
        let alone = top2([4, UNLABELLED], [1.0, f64::INFINITY]);
        let rows = [(4, 1.0, alone), (UNLABELLED, f64::NAN, Top2::NONE), (4, f64::INFINITY, alone)];
        for several in [false, true] {
            for (second, margin, silhouette) in filled(&rows, several, Scale::ONE) {
                assert!(second == NO_CLUSTER && margin.is_nan() && silhouette.is_nan());
            }
        }
    }
}
