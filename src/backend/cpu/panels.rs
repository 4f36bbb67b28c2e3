//! Products of many rows with many others: the kernel of the top-2 search and of the sums of distances between points.
//!
//! The loops are those of a matrix product (Goto and van de Geijn 2008), but the product is never stored. One side is packed
//! into *panels*: two vectors of rows, column by column, so that a column of a panel takes two loads. The other side stays
//! row-major; the kernel takes `M` of its rows at a time and broadcasts each value to both vectors. The `2 M` sums stay in
//! registers over all columns (24 of AVX-512's and NEON's 32 registers, 12 of AVX2's 16). The caller consumes them from
//! there, so no matrix of products is ever written. Blocks of panels stay in the second-level cache while all rows pass by.

use pulp::{Arch, Simd, WithSimd};

/// Bytes of a block of panels, which shares the second-level cache with the rows that pass by. Measured with 1 MiB of cache:
/// 192, 384 and 768 KiB are within 3 % of each other.
const BLOCK_BYTES: usize = 384 << 10;

/// Vectors side by side in a panel.
pub(super) const VECTORS: usize = 2;

/// Runs `$body` with `$m` set to the number of rows that the registers of `$simd` hold sums for.
macro_rules! with_register_rows {
    ($simd:ident, $m:ident => $body:expr) => {
        // A constant block, so the other branch isn't compiled.
        if const { $simd::REGISTER_COUNT >= 32 } {
            const $m: usize = 12;
            $body
        } else {
            const $m: usize = 6;
            $body
        }
    };
}
pub(super) use with_register_rows;

/// Rows per block for `dim` columns: whole panels, at least one.
pub(super) fn block_rows(dim: usize) -> usize {
    Arch::new().dispatch(BlockRows { dim })
}

struct BlockRows {
    dim: usize,
}

impl WithSimd for BlockRows {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        let width = VECTORS * S::F32_LANES;
        (BLOCK_BYTES / (self.dim * width * size_of::<f32>()).max(1)).max(1) * width
    }
}

/// Elements from one row to the next: an odd number of cache lines. The same column of different rows then falls into
/// different sets of the first-level cache. With a power of two, all rows would share one set.
pub(super) const fn row_stride(dim: usize) -> usize {
    (dim.div_ceil(16) | 1) * 16
}

/// Rows packed for the kernel; the buffers are reused from block to block.
#[derive(Default)]
pub(super) struct Panels<T = f32> {
    dim: usize,
    /// Rows side by side.
    pub(super) width: usize,
    /// `[panel][column][width]`; zero beyond the last row.
    values: Vec<T>,
    /// Squared norms of the rows, infinite beyond the last one.
    pub(super) norms: Vec<f64>,
    /// The rows of one panel, row-major.
    rows: Vec<T>,
}

impl Panels {
    /// Packs `count` rows of `dim` columns; `read` writes one row.
    pub(super) fn pack(&mut self, dim: usize, count: usize, mut read: impl FnMut(usize, &mut [f32])) {
        self.pack_with_norms(
            dim,
            count,
            #[inline(always)]
            |i, row| {
                read(i, row);
                squared_norm(row)
            },
        );
    }
}

impl<T: Copy + Default> Panels<T> {
    /// Packs `count` rows of `dim` elements; `read` writes one row and returns its squared norm.
    pub(super) fn pack_with_norms(&mut self, dim: usize, count: usize, read: impl FnMut(usize, &mut [T]) -> f64) {
        Arch::new().dispatch(Packing { panels: self, dim, count, read });
    }

    /// One panel, `[column][width]`.
    #[inline(always)]
    fn panel(&self, index: usize) -> &[T] {
        let length = self.width * self.dim;
        &self.values[index * length..][..length]
    }
}

struct Packing<'a, T, F> {
    panels: &'a mut Panels<T>,
    dim: usize,
    count: usize,
    read: F,
}

impl<T: Copy + Default, F: FnMut(usize, &mut [T]) -> f64> WithSimd for Packing<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let width = VECTORS * S::F32_LANES;
        let Panels { dim, width: panel_width, values, norms, rows } = self.panels;
        (*dim, *panel_width) = (self.dim, width);
        norms.clear();
        rows.resize(width * *dim, T::default());
        let length = self.count.next_multiple_of(width) * *dim;
        // Never shortened: growing again would write zeros.
        values.resize(values.len().max(length), T::default());
        for (p, panel) in values[..length].chunks_exact_mut((width * *dim).max(1)).enumerate() {
            for (index, row) in (p * width..).zip(rows.chunks_exact_mut(*dim)) {
                if index < self.count {
                    norms.push((self.read)(index, row));
                } else {
                    row.fill(T::default());
                    norms.push(f64::INFINITY);
                }
            }
            transpose(rows, *dim, panel, width);
        }
    }
}

/// Transposes row-major `rows` of `dim` columns into `panel`. Takes one cache line of each row at a time, so that the lines
/// it writes are still in the first-level cache when the next row adds to them.
#[inline(always)]
fn transpose<T: Copy>(rows: &[T], dim: usize, panel: &mut [T], width: usize) {
    const LINE: usize = 16;
    for (block, columns) in panel.chunks_mut(LINE * width).enumerate() {
        for (lane, row) in rows.chunks_exact(dim).enumerate() {
            for (column, &value) in columns.chunks_exact_mut(width).zip(&row[block * LINE..]) {
                column[lane] = value;
            }
        }
    }
}

/// Sum of squares in float64, in eight chains for speed.
#[inline(always)]
pub(super) fn squared_norm(row: &[f32]) -> f64 {
    let (eights, rest) = row.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        for (sum, &v) in sums.iter_mut().zip(eight) {
            *sum += f64::from(v) * f64::from(v);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()
}

/// Row-major rows to multiply with the panels.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, T = f32> {
    /// The rows, `stride` elements apart.
    pub(super) values: &'a [T],
    pub(super) stride: usize,
    pub(super) dim: usize,
    /// Indices of the rows to use, in order.
    pub(super) picked: &'a [u32],
}

impl<'a, T> Rows<'a, T> {
    #[inline(always)]
    pub(super) fn row(&self, index: usize) -> &'a [T] {
        &self.values[self.picked[index] as usize * self.stride..][..self.dim]
    }
}

/// For every row x and every packed row y, sums `x y` over the columns, or `(x - y)^2` if `DIFFERENCES`. Takes `M` rows and
/// one panel at a time. `each` gets the index of the first row (rows past the last one repeat it), the panel and the sums. A
/// group of rows starts at the panel `first_panel` of its first row. No chain of additions is longer than `chain` columns;
/// the sums of the chains are then added up.
#[inline(always)]
pub(super) fn multiply<S: Simd, const M: usize, const DIFFERENCES: bool>(
    simd: S,
    chain: usize,
    rows: Rows<'_>,
    panels: &Panels,
    first_panel: impl Fn(usize) -> usize,
    each: impl FnMut(usize, usize, &[[S::f32s; VECTORS]; M]),
) {
    each_tile(
        rows,
        panels,
        first_panel,
        #[inline(always)]
        |group, panel| tile::<S, M, DIFFERENCES>(simd, chain, group, panel),
        each,
    );
}

/// Passes `M` rows and one panel at a time to `tile`, and its result to `each`, as [`multiply`] does.
#[inline(always)]
pub(super) fn each_tile<T: Copy + Default, A, const M: usize>(
    rows: Rows<'_, T>,
    panels: &Panels<T>,
    first_panel: impl Fn(usize) -> usize,
    tile: impl Fn([&[T]; M], &[T]) -> A,
    mut each: impl FnMut(usize, usize, &A),
) {
    let count = rows.picked.len();
    for first in (0..count).step_by(M) {
        let mut group: [&[T]; M] = [&[]; M];
        for (m, row) in group.iter_mut().enumerate() {
            *row = rows.row((first + m).min(count - 1));
        }
        for panel in first_panel(first)..panels.norms.len() / panels.width.max(1) {
            each(first, panel, &tile(group, panels.panel(panel)));
        }
    }
}

/// `M` rows against one panel.
#[inline(always)]
fn tile<S: Simd, const M: usize, const DIFFERENCES: bool>(
    simd: S,
    chain: usize,
    rows: [&[f32]; M],
    panel: &[f32],
) -> [[S::f32s; VECTORS]; M] {
    let (vectors, _) = S::as_simd_f32s(panel);
    let (columns, _) = pulp::as_arrays::<VECTORS, _>(vectors);
    let mut total = [[simd.splat_f32s(0.0); VECTORS]; M];
    for start in (0..columns.len()).step_by(chain) {
        let columns = &columns[start..(start + chain).min(columns.len())];
        // Slices of equal length remove the bounds checks from the loop below.
        let mut x: [&[f32]; M] = [&[]; M];
        for m in 0..M {
            x[m] = &rows[m][start..][..columns.len()];
        }
        let mut sum = [[simd.splat_f32s(0.0); VECTORS]; M];
        for (j, y) in columns.iter().enumerate() {
            for m in 0..M {
                let x = simd.splat_f32s(x[m][j]);
                for v in 0..VECTORS {
                    let (a, b) = if DIFFERENCES {
                        let diff = simd.sub_f32s(x, y[v]);
                        (diff, diff)
                    } else {
                        (x, y[v])
                    };
                    sum[m][v] = simd.mul_add_e_f32s(a, b, sum[m][v]);
                }
            }
        }
        if start == 0 {
            total = sum;
            continue;
        }
        for m in 0..M {
            for v in 0..VECTORS {
                total[m][v] = simd.add_f32s(total[m][v], sum[m][v]);
            }
        }
    }
    total
}

/// The lanes that are set in a mask, as bits; the first lane is the lowest bit.
#[inline(always)]
pub(super) fn lanes_of<S: Simd>(mask: S::m32s) -> u64 {
    // a mask is a bit per lane (AVX-512), a single flag (scalar), or a word per lane of all ones or all zeros
    if const { size_of::<S::m32s>() == size_of::<u16>() } {
        return u64::from(bytemuck::cast::<_, u16>(mask));
    }
    if const { size_of::<S::m32s>() == size_of::<u8>() } {
        return u64::from(bytemuck::cast::<_, u8>(mask));
    }
    let words = bytemuck::bytes_of(&mask).chunks_exact(size_of::<f32>());
    words.enumerate().fold(0, |bits, (lane, word)| bits | u64::from(word[0] & 1) << lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs an operation with every instruction set of this machine, including the scalar one.
    fn on_every_simd(op: impl WithSimd<Output = ()> + Copy) {
        Simd::vectorize(pulp::Scalar::new(), op);
        #[cfg(target_arch = "x86_64")]
        {
            pulp::x86::V3::try_new().into_iter().for_each(|simd| Simd::vectorize(simd, op));
            pulp::x86::V4::try_new().into_iter().for_each(|simd| Simd::vectorize(simd, op));
        }
        #[cfg(target_arch = "aarch64")]
        pulp::aarch64::Neon::try_new().into_iter().for_each(|simd| Simd::vectorize(simd, op));
    }

    /// Integers, so that sums are exact in any order.
    fn value(seed: usize, index: usize) -> f32 {
        let hashed = (seed * 977 + index).wrapping_mul(2_654_435_761) >> 7;
        f32::from(u8::try_from(hashed % 15).expect("small")) - 7.0
    }

    #[derive(Clone, Copy)]
    struct SumCheck {
        dim: usize,
        rows: usize,
        packed: usize,
    }

    impl SumCheck {
        fn check<S: Simd, const M: usize, const DIFFERENCES: bool>(self, simd: S) {
            let SumCheck { dim, rows, packed } = self;
            let stride = row_stride(dim);
            let values: Vec<f32> = (0..rows * stride).map(|i| value(1, i)).collect();
            let mut picked: Vec<u32> = (0u32..).take(rows).collect();
            picked.reverse();
            let mut panels = Panels::default();
            let read = |i: usize, row: &mut [f32]| {
                row.iter_mut().enumerate().for_each(|(j, v)| *v = value(2, i * dim + j));
                squared_norm(row)
            };
            Packing { panels: &mut panels, dim, count: packed, read }.with_simd(simd);
            let mut seen = 0;
            let all = Rows { values: &values, stride, dim, picked: &picked };
            multiply::<S, M, DIFFERENCES>(
                simd,
                10,
                all,
                &panels,
                |_| 0,
                |first, panel, sums| {
                    for (m, sums) in sums.iter().enumerate().take(rows - first) {
                        let lanes: &[f32] = bytemuck::cast_slice(sums);
                        for (lane, &sum) in lanes.iter().enumerate().take(packed - panel * panels.width) {
                            let (x, i) = (all.row(first + m), panel * panels.width + lane);
                            let terms = x.iter().enumerate().map(|(j, x)| {
                                let y = value(2, i * dim + j);
                                if DIFFERENCES { (x - y) * (x - y) } else { x * y }
                            });
                            assert_eq!(
                                sum,
                                terms.sum::<f32>(),
                                "{rows} rows, {packed} packed, {dim} columns: {first} {m} {i}"
                            );
                            seen += 1;
                        }
                    }
                },
            );
            assert_eq!(seen, rows * packed, "every pair once");
        }
    }

    impl WithSimd for SumCheck {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            with_register_rows!(S, M => {
                self.check::<S, M, false>(simd);
                self.check::<S, M, true>(simd);
            });
        }
    }

    #[test]
    fn every_pair_is_summed_once_on_every_instruction_set() {
        for (rows, packed, dim) in [(1, 1, 1), (13, 33, 9), (12, 32, 10), (25, 70, 37), (6, 16, 64)] {
            on_every_simd(SumCheck { dim, rows, packed });
        }
    }

    #[derive(Clone, Copy)]
    struct Lanes;

    impl WithSimd for Lanes {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let mut values = simd.splat_f32s(0.0);
            for lane in 0..S::F32_LANES {
                bytemuck::cast_slice_mut::<S::f32s, f32>(std::slice::from_mut(&mut values))[lane] = 1.0;
                let expected = (0..=lane).map(|lane| 1 << lane).sum::<u64>();
                assert_eq!(lanes_of::<S>(simd.greater_than_f32s(values, simd.splat_f32s(0.5))), expected);
            }
            assert_eq!(lanes_of::<S>(simd.less_than_f32s(values, values)), 0);
        }
    }

    #[test]
    fn bits_stand_for_lanes_on_every_instruction_set() {
        on_every_simd(Lanes);
    }
}
