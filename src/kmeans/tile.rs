//! Tiles of points, and the cursor that cuts them.

use std::ops::Range;

use super::bounds::Bounded;
use crate::backend::{GroupSums, TileObservation, Top2, UNLABELLED};
use crate::engine::points::Points;

/// One tile and its results. A pass fills in what it needs.
#[derive(Default)]
pub(super) struct Tile {
    /// Points that the tile covers: those that are read, and points between them that need not be.
    pub(super) covers: Range<u64>,
    /// Points that are read, ascending.
    pub(super) positions: Vec<u64>,
    /// Rows of the tile (ascending) with a NaN or an infinity; empty if the pass does not check for them.
    pub(super) nonfinite: Vec<u32>,
    /// How many of these could not be normalised, because they are zeros.
    pub(super) zeros: u64,
    /// Labels before the pass.
    pub(super) before: Vec<u32>,
    /// Labels for the next operation of the lane.
    pub(super) labels: Vec<u32>,
    /// Labels before the pass of the points that left a cluster.
    pub(super) left_labels: Vec<u32>,
    /// The nearest two centroids.
    pub(super) nearest: Vec<Top2>,
    /// Labels and bounds after a search; no label for points that are not finite.
    pub(super) found: Vec<Bounded>,
    /// Clusters before and after, of each point that changed its cluster.
    pub(super) moved: Vec<[u32; 2]>,
    /// Sum of the squared distances of the latter to their new centroids, and the largest.
    pub(super) joined_squares: [f64; 2],
    /// Distances to one centroid per point.
    pub(super) observation: TileObservation,
    /// Sums of the points that joined a cluster.
    pub(super) joined: GroupSums,
    /// Sums of the points that left a cluster.
    pub(super) left: GroupSums,
    /// Sum of the squared distances of these to the centroid they left, and the largest.
    pub(super) left_squares: [f64; 2],
}

impl Tile {
    /// Clears what a reducer would otherwise add again: a tile without points to read is reduced without being computed.
    fn clear(&mut self) {
        self.positions.clear();
        self.nonfinite.clear();
        self.zeros = 0;
        self.before.clear();
        self.nearest.clear();
        self.found.clear();
        self.moved.clear();
        self.joined_squares = [0.0; 2];
        for group in [&mut self.joined, &mut self.left] {
            group.clear();
        }
        self.left_squares = [0.0; 2];
    }

    /// Gives every finite point a label, which includes it in a search.
    pub(super) fn label_finite(&mut self) {
        self.labels.clear();
        self.labels.resize(self.positions.len(), 0);
        self.nonfinite.iter().for_each(|&row| self.labels[row as usize] = UNLABELLED);
    }
}

/// Position of a pass.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    left: Range<u64>,
    /// Points per chunk of the device's store. A tile must lie within one chunk.
    chunk: u64,
}

impl Cursor {
    /// Before point `first` of `points`.
    pub(super) fn new(points: &dyn Points, first: u64) -> Self {
        let chunk = points.kept().map_or(u64::MAX, |kept| kept.points.chunk_rows());
        Cursor { left: first..points.len(), chunk }
    }

    /// Cuts the next tile: points until `rows` of them are `wanted`, or the chunk or the points end. False at the end.
    pub(super) fn cut(&mut self, rows: usize, tile: &mut Tile, mut wanted: impl FnMut(u64) -> bool) -> bool {
        let start = self.left.start;
        tile.clear();
        if self.left.is_empty() {
            return false;
        }
        while tile.positions.len() < rows
            && let Some(position) = self.left.next()
        {
            if wanted(position) {
                tile.positions.push(position);
            }
            if (position + 1).is_multiple_of(self.chunk) {
                break;
            }
        }
        tile.covers = start..self.left.start;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_without_points_to_read_keeps_no_earlier_results() {
        let mut cursor = Cursor { left: 0..5, chunk: u64::MAX };
        let mut tile = Tile::default();
        let wanted = |position| position < 2;
        assert!(cursor.cut(2, &mut tile, wanted));
        assert_eq!((tile.covers.clone(), tile.positions.as_slice()), (0..2, [0, 1].as_slice()));
        tile.joined = GroupSums { clusters: vec![3], sums: vec![1.5], rests: vec![0.0] };
        tile.left = tile.joined.clone();
        tile.left_squares = [2.0; 2];
        tile.nearest = vec![Top2::NONE; 2];
        assert!(cursor.cut(2, &mut tile, wanted));
        assert_eq!((tile.covers.clone(), tile.positions.len(), tile.nearest.len()), (2..5, 0, 0));
        assert!(tile.joined.clusters.is_empty() && tile.left.clusters.is_empty());
        assert_eq!(tile.left_squares, [0.0; 2]);
        assert!(!cursor.cut(2, &mut tile, wanted));
    }

    #[test]
    fn a_tile_ends_with_the_chunk() {
        let mut cursor = Cursor { left: 1..8, chunk: 3 };
        let mut tile = Tile::default();
        let mut covers = Vec::new();
        while cursor.cut(2, &mut tile, |position| position != 4) {
            covers.push((tile.covers.clone(), tile.positions.clone()));
        }
        assert_eq!(covers, [(1..3, vec![1, 2]), (3..6, vec![3, 5]), (6..8, vec![6, 7])]);
    }
}
