//! The four centroids with the lowest scores of a row so far.

/// Number of centroids that each row keeps.
pub(super) const KEPT: usize = 4;

/// A row's best centroids so far, best first. One integer holds the score and the position among the searched centroids, and sorts
/// like the score. So minima and maxima keep the order, without branches that the processor would mispredict.
#[derive(Clone, Copy)]
pub(super) struct Nominees([u64; KEPT]);

impl Nominees {
    /// No centroids, with infinite scores.
    pub(super) const NONE: Nominees =
        Nominees([(f32::INFINITY.to_bits() as u64 | 1 << 31) << 32 | u32::MAX as u64; KEPT]);

    /// Offers the scores of the lanes `low`. `first` is the position of lane 0.
    #[inline(always)]
    pub(super) fn offer(&mut self, scores: &[f32], mut low: u64, first: usize) {
        while low != 0 {
            let lane = low.trailing_zeros() as usize;
            low &= low - 1;
            let bits = scores[lane].to_bits();
            // float32 sorts like integers once negative numbers are inverted and moved below the others.
            let sortable = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
            let mut offered = u64::from(sortable) << 32 | (first + lane) as u64;
            for kept in &mut self.0 {
                (*kept, offered) = (offered.min(*kept), offered.max(*kept));
            }
        }
    }

    /// A score must be below this to be kept.
    #[inline(always)]
    pub(super) fn limit(&self) -> f32 {
        self.score(KEPT - 1)
    }

    /// Score of the centroid at `slot`.
    #[inline(always)]
    pub(super) fn score(&self, slot: usize) -> f32 {
        let sortable = low_half(self.0[slot] >> 32);
        f32::from_bits(if sortable >> 31 == 0 { !sortable } else { sortable ^ 1 << 31 })
    }

    /// The position of each; `u32::MAX` if there is none.
    pub(super) fn positions(&self) -> [u32; KEPT] {
        self.0.map(low_half)
    }
}

/// The lower 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "taking the lower half is intended")]
#[inline(always)]
fn low_half(key: u64) -> u32 {
    key as u32
}
