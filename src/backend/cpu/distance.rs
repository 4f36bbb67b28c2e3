//! Squared Euclidean distance of two rows by direct differences.
//!
//! Source of the accuracy: x - c is exact or nearly so where the two are close (Sterbenz), however large their common
//! offset; the squares are then added in many short chains (4 registers times the lanes of one), and chains are closed
//! into a float64 after [`BLOCK`] vectors, so that no float32 chain is longer than `BLOCK / 4` additions.

use pulp::Simd;

/// Vectors added before a chain is closed into float64.
const BLOCK: usize = 128;

macro_rules! squared_distance {
    ($(#[$doc:meta])* $name:ident, $t:ty, $as_simd:ident, $lanes:ident, $splat:ident, $sub:ident, $fma:ident, $add:ident,
     $partial:ident, $reduce:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<S: Simd>(simd: S, x: &[$t], c: &[$t]) -> f64 {
            let mut total = 0.0;
            let block = BLOCK * S::$lanes;
            for (x, c) in x.chunks(block).zip(c.chunks(block)) {
                let (xv, x_tail) = S::$as_simd(x);
                let (cv, c_tail) = S::$as_simd(c);
                let (x4, x1) = pulp::as_arrays::<4, _>(xv);
                let (c4, c1) = pulp::as_arrays::<4, _>(cv);
                let mut sum = [simd.$splat(0.0); 4];
                for (x, c) in x4.iter().zip(c4) {
                    for i in 0..4 {
                        let diff = simd.$sub(x[i], c[i]);
                        sum[i] = simd.$fma(diff, diff, sum[i]);
                    }
                }
                for (x, c) in x1.iter().zip(c1) {
                    let diff = simd.$sub(*x, *c);
                    sum[0] = simd.$fma(diff, diff, sum[0]);
                }
                if !x_tail.is_empty() {
                    let diff = simd.$sub(simd.$partial(x_tail), simd.$partial(c_tail));
                    sum[1] = simd.$fma(diff, diff, sum[1]);
                }
                let sum = simd.$add(simd.$add(sum[0], sum[1]), simd.$add(sum[2], sum[3]));
                total += f64::from(simd.$reduce(sum));
            }
            total
        }
    };
}

squared_distance!(
    /// Of two float32 rows of equal length.
    squared_f32, f32, as_simd_f32s, F32_LANES, splat_f32s, sub_f32s, mul_add_e_f32s, add_f32s, partial_load_f32s,
    reduce_sum_f32s
);
squared_distance!(
    /// Of two float64 rows of equal length.
    squared_f64, f64, as_simd_f64s, F64_LANES, splat_f64s, sub_f64s, mul_add_e_f64s, add_f64s, partial_load_f64s,
    reduce_sum_f64s
);
