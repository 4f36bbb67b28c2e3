//! Rows in 16 bits, whose products cost half of float32's: what a search nominates with.
//!
//! A processor multiplies twice as many 16-bit integers as float32 numbers at a time and adds neighbouring products up on
//! the way (`vpmaddwd`). So rows are rounded to integers, each row with a unit of its own, and a product of two rows is an
//! integer times both units. It is less accurate than float32's, but by a bound that holds whatever the rows hold:
//!
//! - A row x of norm r is multiplied by f, so that its norm is [`length`], and rounded: q = f x + e. An element of e is at most
//!   [`STEP`]: half a unit, and what rounding f x to float32 adds (2^15 2^-24). So `||e|| <= STEP sqrt(d)`, and q / f differs
//!   from x by at most rho r, `rho = STEP sqrt(d) / length`: 4e-4 at 768 columns, whatever the columns' scales.
//! - x q' and q q' of two rows: `|x c - (q / f) (q' / f')| <= (2 rho + rho^2) r L` (Cauchy-Schwarz twice).
//! - `||q|| <= 2^15 - 1`. So each element fits 16 bits, and the sum of any of the products of two rows, by Cauchy-Schwarz, 31:
//!   sums of any length in int32 are exact, with no chain to close. That is why rows are scaled by their norm.
//! - Converting the sum to float32, both units and two products are five roundings: gamma_8 r L is more than enough.
//! - Rows of a norm below [`SMALLEST`] become zeros: their products are off by at most `SMALLEST` times the other's norm.
//!   Rows above [`LARGEST`] do as well; [`Reach`](super::reach::Reach) does not hold for them.

use pulp::Simd;

use super::centred::CentredRows;
use super::panels::{Rows, VECTORS, row_stride};
use super::reach::{ProductError, gamma};
use super::tile::narrow;

/// Most that rounding moves an element by, in its row's unit.
const STEP: f64 = 0.503;

/// Norm of a row of integers at most.
const LONGEST: f64 = 32767.0;

/// Norms of rows that are scaled; below and above, units or factors could leave float32's range.
const SMALLEST: f64 = 1e-30;
const LARGEST: f64 = 1e19;

/// More columns than any embeddings have; with more, rounding errors would take too much of [`LONGEST`].
const MOST_COLUMNS: usize = 1 << 20;

/// Adding it moves a float32 number's integer part into its lowest bits, rounded to nearest.
const TO_INTEGER: f32 = 1.5 * (1u32 << 23) as f32;

/// Whether this machine has the instructions, and rows of `dim` columns are served.
pub(super) fn serves(dim: usize) -> bool {
    dim <= MOST_COLUMNS && dispatch(Nothing).is_ok()
}

/// How far a product of two quantised rows may be off.
pub(super) fn product_error(dim: usize) -> ProductError {
    let rho = 1.000_01 * STEP * (dim as f64).sqrt() / length(dim);
    ProductError { relative: (2.0 + rho) * rho + gamma(8.0), absolute: SMALLEST }
}

/// Norm that rows are brought to before they are rounded: with the rounding, and that of the factor, they stay below
/// [`LONGEST`].
fn length(dim: usize) -> f64 {
    LONGEST - 1.0 - STEP * (dim as f64).sqrt()
}

/// Words of a row: two integers each.
pub(super) fn words(dim: usize) -> usize {
    dim.div_ceil(2)
}

/// Rounds a row. A word holds the elements j and j + words; gives the unit.
#[inline(always)]
pub(super) fn quantise(row: &[f32], squared_norm: f64, words: &mut [u32]) -> f32 {
    let norm = squared_norm.sqrt();
    let factor = if (SMALLEST..LARGEST).contains(&norm) { narrow(length(row.len()) / norm) } else { 0.0 };
    let rounded = |value: f32| (value * factor + TO_INTEGER).to_bits() & 0xffff;
    let (low, high) = row.split_at(words.len());
    for ((word, &low), &high) in words.iter_mut().zip(low).zip(high) {
        *word = rounded(low) | rounded(high) << 16;
    }
    if let (Some(word), true) = (words.last_mut(), low.len() > high.len()) {
        *word = rounded(low[low.len() - 1]);
    }
    if factor > 0.0 { narrow(1.0 / f64::from(factor)) } else { 0.0 }
}

/// A tile's centred rows in 16 bits.
#[derive(Default)]
pub(super) struct QuantisedRows {
    words: Vec<u32>,
    /// Unit of each.
    pub(super) units: Vec<f32>,
}

impl QuantisedRows {
    pub(super) fn fill(&mut self, points: &CentredRows) {
        // on an instruction set without them nothing is filled in, and nothing asks
        let _ = dispatch(Filling { points, out: self });
    }

    /// All of them, for the kernel.
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
    // equal lengths, said so that the loop below needs no checks
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
    /// Of two words each: the sum of the products of their lower and of their upper halves, signed.
    fn pair_products(self, a: Self::u32s, b: Self::u32s) -> Self::u32s;

    /// Signed words as float32.
    fn to_floats(self, words: Self::u32s) -> Self::f32s;
}

/// An operation on such an instruction set.
pub(super) trait WithPairs {
    type Output;

    fn run<S: Pairs>(self, simd: S) -> Self::Output;
}

/// Runs an operation with the instruction set that `pulp::Arch` picks; hands it back where that has no such products.
#[cfg(target_arch = "x86_64")]
pub(super) fn dispatch<Op: WithPairs>(op: Op) -> Result<Op::Output, Op> {
    match pulp::Arch::new() {
        pulp::Arch::V4(simd) => Ok(simd.vectorize(
            #[inline(always)]
            || op.run(simd),
        )),
        pulp::Arch::V3(simd) => Ok(simd.vectorize(
            #[inline(always)]
            || op.run(simd),
        )),
        _ => Err(op),
    }
}

/// NEON multiplies no more 16-bit integers at a time than float32 numbers.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn dispatch<Op: WithPairs>(op: Op) -> Result<Op::Output, Op> {
    Err(op)
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

/// Asks whether there is such an instruction set.
struct Nothing;

impl WithPairs for Nothing {
    type Output = ();

    fn run<S: Pairs>(self, _simd: S) {}
}
