//! The four centroids of the lowest scores that a row has met.

/// Centroids that each row keeps.
pub(super) const KEPT: usize = 4;

/// The best of a row so far, best first: the score and the position among the searched centroids in one integer that sorts
/// as the score does, so that minima and maxima keep them in order instead of branches that no processor could foretell.
#[derive(Clone, Copy)]
pub(super) struct Nominees([u64; KEPT]);

impl Nominees {
    /// Of infinite score, where no centroid is.
    pub(super) const NONE: Nominees =
        Nominees([(f32::INFINITY.to_bits() as u64 | 1 << 31) << 32 | u32::MAX as u64; KEPT]);

    /// Takes those scores of the lanes `low` that are among the best. `first` is the position of lane 0.
    pub(super) fn offer(&mut self, scores: &[f32], mut low: u64, first: usize) {
        while low != 0 {
            let lane = low.trailing_zeros() as usize;
            low &= low - 1;
            let bits = scores[lane].to_bits();
            // float32 sorts as integers do once negative numbers are turned round and moved below the others
            let sortable = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
            let mut offered = u64::from(sortable) << 32 | (first + lane) as u64;
            for kept in &mut self.0 {
                (*kept, offered) = (offered.min(*kept), offered.max(*kept));
            }
        }
    }

    /// Score of the one at `slot`.
    pub(super) fn score(&self, slot: usize) -> f32 {
        let sortable = low_half(self.0[slot] >> 32);
        f32::from_bits(if sortable >> 31 == 0 { !sortable } else { sortable ^ 1 << 31 })
    }

    /// The position of each; `u32::MAX` where there is none.
    pub(super) fn positions(&self) -> [u32; KEPT] {
        self.0.map(low_half)
    }
}

/// The lower 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn low_half(key: u64) -> u32 {
    key as u32
}
