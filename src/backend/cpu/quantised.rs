//! Rows rounded to 16 bits. Their products cost half as much as in float32; a search nominates centroids with them.
//!
//! A processor multiplies twice as many 16-bit integers as float32 numbers at a time, and the same instruction adds
//! neighbouring products (`vpmaddwd`). So rows are rounded to integers, each row with a unit of its own. A product of two
//! rows is an integer times both units. It is less accurate than in float32, but has an error bound for any data:
//!
//! - A row x of norm r is multiplied by f, so that its norm is [`length`], and rounded: q = f x + e. An element of e is at
//!   most [`STEP`]: half a unit, plus the error of rounding f x to float32 (2^15 2^-24). So `||e|| <= STEP sqrt(d)`, and q /
//!   f differs from x by at most rho r, `rho = STEP sqrt(d) / length`. That is 4e-4 at 768 columns, whatever their scales.
//! - A product of rows of norms r and L is then off by at most `(2 rho + rho^2) r L` (Cauchy-Schwarz twice). This is added to
//!   the product as the centroid's [`slack`], so the search ranks lower bounds of scores. L is each centroid's own norm, so
//!   one far centroid does not make all others doubtful.
//! - `||q|| <= 2^15 - 1`. So each element fits 16 bits, and by Cauchy-Schwarz any partial sum of the products of two rows
//!   fits 31 bits. So int32 sums of any length are exact, without chains. This is why rows are scaled by their norm.
//! - Five roundings remain: of the sum to float32, of both units, and of two products. They stay well below gamma_8 r L.
//! - Rows of a norm below [`SMALLEST`] become zeros: their products are off by at most `SMALLEST` times the other row's norm.
//!   Rows of a norm above [`LARGEST`] become zeros, too; [`Reach`](super::reach::Reach) does not hold for them.

use pulp::Simd;

use super::centred::CentredRows;
use super::panels::{Rows, VECTORS, row_stride};
use super::reach::{ProductError, gamma};
use crate::base::numeric::to_f32;

/// Largest rounding error of an element, in its row's unit.
const STEP: f64 = 0.503;

/// Largest norm of a row of integers.
const LONGEST: f64 = 32767.0;

/// Range of the norms of rows that are scaled. Outside it, units or factors could leave float32's range.
const SMALLEST: f64 = 1e-30;
const LARGEST: f64 = 1e19;

/// More columns than any embeddings have. With more, rounding errors would take up too much of [`LONGEST`].
const MOST_COLUMNS: usize = 1 << 20;

/// Adding it moves a float32 number's integer part into its lowest bits, rounded to nearest.
const TO_INTEGER: f32 = 1.5 * (1u32 << 23) as f32;

/// Whether this machine has the instructions and rows of `dim` columns are supported. NEON is left out: it multiplies no more
/// 16-bit integers at a time than float32 numbers.
pub(super) fn serves(dim: usize) -> bool {
    let multiplies = cfg!(target_arch = "x86_64") && !matches!(pulp::Arch::new(), pulp::Arch::Scalar);
    multiplies && (1..=MOST_COLUMNS).contains(&dim)
}

/// How far a product of two quantised rows may fall below the exact one once the [`slack`] is added.
pub(super) fn product_error() -> ProductError {
    ProductError { relative: gamma(8.0), absolute: SMALLEST }
}

/// The amount, in units of the other row, that makes a product with a centroid of this norm no less than the exact one.
/// Slightly increased, to cover the rounding of the unit and of the amount itself.
pub(super) fn slack(dim: usize, squared_norm: f64) -> f32 {
    let rho = STEP * (dim as f64).sqrt() / length(dim);
    to_f32(1.000_01 * (2.0 + rho) * rho * length(dim) * squared_norm.sqrt())
}

/// The norm that rows are scaled to before they are rounded. With the errors of rounding them and their factor, they stay
/// below [`LONGEST`].
fn length(dim: usize) -> f64 {
    LONGEST - 1.0 - STEP * (dim as f64).sqrt()
}

/// Words of a row, of two integers each.
pub(super) fn words(dim: usize) -> usize {
    dim.div_ceil(2)
}

/// Rounds a row and returns its unit. Word j holds the elements j and j + words.
#[inline(always)]
pub(super) fn quantise(row: &[f32], squared_norm: f64, words: &mut [u32]) -> f32 {
    let norm = squared_norm.sqrt();
    let factor = if (SMALLEST..LARGEST).contains(&norm) { to_f32(length(row.len()) / norm) } else { 0.0 };
    let rounded = |value: f32| (value * factor + TO_INTEGER).to_bits() & 0xffff;
    let (low, high) = row.split_at(words.len());
    for ((word, &low), &high) in words.iter_mut().zip(low).zip(high) {
        *word = rounded(low) | rounded(high) << 16;
    }
    if let (Some(word), true) = (words.last_mut(), low.len() > high.len()) {
        *word = rounded(low[low.len() - 1]);
    }
    if factor > 0.0 { to_f32(1.0 / f64::from(factor)) } else { 0.0 }
}

/// A tile's centred rows in 16 bits.
#[derive(Default)]
pub(super) struct QuantisedRows {
    words: Vec<u32>,
    /// Unit of each row.
    pub(super) units: Vec<f32>,
}

impl QuantisedRows {
    pub(super) fn fill(&mut self, points: &CentredRows) {
        dispatch(Filling { points, out: self });
    }

    /// All rows, for the kernel.
    pub(super) fn all<'a>(&'a self, points: &'a CentredRows) -> Rows<'a, u32> {
        let dim = words(points.dim());
        Rows { values: &self.words, stride: row_stride(dim), dim, picked: &points.picked }
    }
}

struct Filling<'a> {
    points: &'a CentredRows,
    out: &'a mut QuantisedRows,
}

impl WithPairs for Filling<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Pairs>(self, _simd: S) {
        let Filling { points, out } = self;
        let (rows, dim) = (points.all(), words(points.dim()));
        let stride = row_stride(dim);
        out.words.resize(out.words.len().max(points.len() * stride), 0);
        out.units.clear();
        for (index, words) in (0..points.len()).zip(out.words.chunks_exact_mut(stride)) {
            out.units.push(quantise(rows.row(index), points.squared_norms[index], &mut words[..dim]));
        }
    }
}

/// Products of `M` rows with a panel, summed over all columns, in int32.
#[inline(always)]
pub(super) fn tile<S: Pairs, const M: usize>(simd: S, rows: [&[u32]; M], panel: &[u32]) -> [[S::u32s; VECTORS]; M] {
    let (vectors, _) = S::as_simd_u32s(panel);
    let (columns, _) = pulp::as_arrays::<VECTORS, _>(vectors);
    // Lets the compiler keep the sums in registers: the loop below runs at least once.
    assert!(!columns.is_empty(), "rows need at least one column");
    // Slices of equal length remove the bounds checks from the loop below.
    let mut x: [&[u32]; M] = [&[]; M];
    for m in 0..M {
        x[m] = &rows[m][..columns.len()];
    }
    let mut sums = [[simd.splat_u32s(0); VECTORS]; M];
    for (j, y) in columns.iter().enumerate() {
        for m in 0..M {
            let x = simd.splat_u32s(x[m][j]);
            for v in 0..VECTORS {
                sums[m][v] = simd.add_u32s(sums[m][v], simd.pair_products(x, y[v]));
            }
        }
    }
    sums
}

/// An instruction set that multiplies pairs of 16-bit integers.
pub(super) trait Pairs: Simd {
    /// For each pair of words: the product of their lower halves plus that of their upper halves, signed.
    fn pair_products(self, a: Self::u32s, b: Self::u32s) -> Self::u32s;

    /// Converts signed words to float32.
    fn to_floats(self, words: Self::u32s) -> Self::f32s;
}

/// An operation that runs on any such instruction set.
pub(super) trait WithPairs {
    type Output;

    fn run<S: Pairs>(self, simd: S) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
pulp::simd_type! {
    /// AVX-512 with VNNI: the compiler fuses the products and their addition into one instruction (`vpdpwssd`).
    struct Vnni {
        avx512f: "avx512f",
        avx512bw: "avx512bw",
        avx512cd: "avx512cd",
        avx512dq: "avx512dq",
        avx512vl: "avx512vl",
        avx512vnni: "avx512vnni",
        bmi1: "bmi1",
        bmi2: "bmi2",
        fma: "fma",
        lzcnt: "lzcnt",
        popcnt: "popcnt",
    }
}

/// Runs an operation with the instruction set that `pulp::Arch` picks.
#[cfg(target_arch = "x86_64")]
pub(super) fn dispatch<Op: WithPairs>(op: Op) -> Op::Output {
    match (pulp::Arch::new(), Vnni::try_new()) {
        (pulp::Arch::V4(simd), Some(vnni)) => vnni.vectorize(
            #[inline(always)]
            || op.run(simd),
        ),
        (pulp::Arch::V4(simd), None) => simd.vectorize(
            #[inline(always)]
            || op.run(simd),
        ),
        (pulp::Arch::V3(simd), _) => simd.vectorize(
            #[inline(always)]
            || op.run(simd),
        ),
        _ => op.run(pulp::Scalar::new()),
    }
}

/// Searches don't call this: [`serves`] returns false on these machines.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn dispatch<Op: WithPairs>(op: Op) -> Op::Output {
    op.run(pulp::Scalar::new())
}

/// Reference implementation of the instructions.
impl Pairs for pulp::Scalar {
    #[inline(always)]
    fn pair_products(self, a: u32, b: u32) -> u32 {
        let halves = |word: u32| [word << 16, word & 0xffff_0000].map(|half| half.cast_signed() >> 16);
        let ([a0, a1], [b0, b1]) = (halves(a), halves(b));
        (a0 * b0).wrapping_add(a1 * b1).cast_unsigned()
    }

    #[inline(always)]
    fn to_floats(self, word: u32) -> f32 {
        word.cast_signed() as f32
    }
}

#[cfg(target_arch = "x86_64")]
impl Pairs for pulp::x86::V4 {
    #[inline(always)]
    fn pair_products(self, a: Self::u32s, b: Self::u32s) -> Self::u32s {
        pulp::cast(self.multiply_wrapping_add_adjacent_i16x32(pulp::cast(a), pulp::cast(b)))
    }

    #[inline(always)]
    fn to_floats(self, words: Self::u32s) -> Self::f32s {
        self.convert_i32x16_to_f32x16(pulp::cast(words))
    }
}

#[cfg(target_arch = "x86_64")]
impl Pairs for pulp::x86::V3 {
    #[inline(always)]
    fn pair_products(self, a: Self::u32s, b: Self::u32s) -> Self::u32s {
        pulp::cast(self.multiply_wrapping_add_adjacent_i16x16(pulp::cast(a), pulp::cast(b)))
    }

    #[inline(always)]
    fn to_floats(self, words: Self::u32s) -> Self::f32s {
        self.convert_i32x8_to_f32x8(pulp::cast(words))
    }
}

#[cfg(test)]
mod tests {
    use super::super::panels::squared_norm;
    use super::*;

    const DIMS: [usize; 10] = [1, 2, 3, 31, 33, 64, 511, 513, 768, 2048];

    /// Runs an operation with every instruction set of this machine, including the scalar one.
    fn on_every_simd(op: impl WithPairs<Output = ()> + Copy) {
        op.run(pulp::Scalar::new());
        #[cfg(target_arch = "x86_64")]
        {
            use pulp::x86::{V3, V4};
            V3::try_new().into_iter().for_each(|simd| simd.vectorize(|| op.run(simd)));
            V4::try_new().into_iter().for_each(|simd| simd.vectorize(|| op.run(simd)));
            V4::try_new().zip(Vnni::try_new()).into_iter().for_each(|(simd, vnni)| vnni.vectorize(|| op.run(simd)));
        }
    }

    fn uniform(seed: usize, index: usize) -> f32 {
        let hashed = (seed * 7919 + index).wrapping_mul(0x9e37_79b9) >> 8;
        f32::from(u16::try_from(hashed & 0xffff).expect("16 bits")) / 32768.0 - 1.0
    }

    /// Rows of `dim` columns that are hard to round.
    fn hostile(dim: usize) -> Vec<Vec<f32>> {
        let row = |f: &dyn Fn(usize) -> f32| (0..dim).map(f).collect::<Vec<f32>>();
        let mut rows = vec![
            row(&|_| 0.0),
            row(&|_| -1.0),
            row(&|_| 0.37),
            row(&|j| if j == 0 { -5.0 } else { 0.0 }),
            // one column that dwarfs all others
            row(&|j| if j == dim / 2 { 1e6 } else { uniform(1, j) }),
            row(&|j| if j % 2 == 0 { 1.0 } else { -1.0 }),
        ];
        for (seed, scale) in [1e-38, 1e-29, 1e-12, 1.0, 3e4, 1e15].into_iter().enumerate() {
            rows.push(row(&|j| scale * uniform(seed, j)));
            // all of one sign, so that the sum is as large as possible
            rows.push(row(&|j| scale * uniform(seed, j).abs()));
        }
        rows
    }

    fn quantised(row: &[f32]) -> (Vec<u32>, f32) {
        let mut pairs = vec![0; words(row.len())];
        let unit = quantise(row, squared_norm(row), &mut pairs);
        (pairs, unit)
    }

    /// The integers of a word.
    fn halves(word: u32) -> [i64; 2] {
        [word << 16, word & 0xffff_0000].map(|half| i64::from(half.cast_signed() >> 16))
    }

    fn product(a: &[u32], b: &[u32]) -> i64 {
        a.iter().zip(b).flat_map(|(&a, &b)| halves(a).into_iter().zip(halves(b))).map(|(a, b)| a * b).sum()
    }

    #[derive(Clone, Copy)]
    struct EveryProduct {
        dim: usize,
    }

    impl EveryProduct {
        fn check<S: Pairs, const M: usize>(simd: S, rows: &[Vec<u32>]) {
            let width = VECTORS * S::F32_LANES;
            let lane = |lane: usize| &rows[lane % rows.len()];
            let panel: Vec<u32> = (0..rows[0].len()).flat_map(|j| (0..width).map(move |l| lane(l)[j])).collect();
            for first in 0..rows.len() {
                let mut group: [&[u32]; M] = [&[]; M];
                for (m, row) in group.iter_mut().enumerate() {
                    *row = &rows[(first + m) % rows.len()];
                }
                for (x, sums) in group.iter().zip(tile::<S, M>(simd, group, &panel)) {
                    let floats: Vec<f32> =
                        sums.iter().flat_map(|&sums| bytemuck::cast_slice(&[simd.to_floats(sums)]).to_vec()).collect();
                    let sums: &[i32] = bytemuck::cast_slice(&sums);
                    for (l, (&sum, &float)) in sums.iter().zip(&floats).enumerate() {
                        assert_eq!(i64::from(sum), product(x, lane(l)), "{} words, lane {l}", x.len());
                        assert_eq!(float, sum as f32);
                    }
                }
            }
        }
    }

    impl WithPairs for EveryProduct {
        type Output = ();

        fn run<S: Pairs>(self, simd: S) {
            let rows: Vec<Vec<u32>> = hostile(self.dim).iter().map(|row| quantised(row).0).collect();
            Self::check::<S, 6>(simd, &rows);
            Self::check::<S, 12>(simd, &rows);
        }
    }

    #[test]
    fn sums_are_exact_on_every_instruction_set() {
        for dim in DIMS {
            on_every_simd(EveryProduct { dim });
        }
    }

    #[test]
    fn rows_fill_sixteen_bits_and_no_more() {
        for dim in DIMS {
            for row in hostile(dim) {
                let (words, _) = quantised(&row);
                let squared = product(&words, &words);
                assert!(squared <= 32767 * 32767, "{dim} columns: {squared}");
                let norm = squared_norm(&row).sqrt();
                assert!(squared > 32000 * 32000 || norm < SMALLEST || norm == 0.0, "{dim} columns: {squared}");
            }
        }
    }

    /// The most by which a quantised product falls below the exact one, beyond its error bound, relative to the norms.
    fn worst(dim: usize, with_slack: bool) -> f64 {
        let rows = hostile(dim);
        let mut worst = f64::NEG_INFINITY;
        for x in &rows {
            for c in &rows {
                let exact: f64 = x.iter().zip(c).map(|(&x, &c)| f64::from(x) * f64::from(c)).sum();
                let [r, l] = [x, c].map(|row| squared_norm(row).sqrt());
                let ((x, unit), (y, other)) = (quantised(x), quantised(c));
                let slack = if with_slack { slack(dim, l * l) } else { 0.0 };
                let found = (product(&x, &y) as f32).mul_add(other, slack);
                let error = product_error();
                let allowed = error.relative * r * l + error.absolute * (r + l) + f64::from(f32::MIN_POSITIVE);
                let missing = exact - f64::from(found) * f64::from(unit) - allowed;
                worst = worst.max(if r * l > 0.0 { missing / (r * l) } else { missing });
            }
        }
        worst
    }

    #[test]
    fn with_the_slack_no_product_is_less_than_the_exact_one() {
        for dim in DIMS {
            assert!(worst(dim, true) <= 0.0, "{dim} columns: {:e}", worst(dim, true));
        }
        assert!(worst(33, false) > 0.0, "without the slack some are");
    }
}
