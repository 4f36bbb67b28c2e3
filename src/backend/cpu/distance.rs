//! Squared Euclidean distances of a row to one or several others by direct differences.
//!
//! Accuracy: x - c is exact or nearly exact where the two are close (Sterbenz), however large their common offset. The squares
//! are added up in many short chains (`A` registers times the lanes of one). After [`BLOCK`] vectors the chains are added to a
//! float64, so no float32 chain is longer than `BLOCK / A` additions.

use pulp::Simd;

/// Vectors per float32 chain, before it is added to a float64.
const BLOCK: usize = 64;

macro_rules! squared_distances {
    ($(#[$doc:meta])* $name:ident, $t:ty, $as_simd:ident, $lanes:ident, $splat:ident, $sub:ident, $fma:ident,
     $add:ident, $partial:ident, $reduce:ident) => {
        $(#[$doc])*
        #[inline(always)]
        pub(super) fn $name<S: Simd, const N: usize, const A: usize>(simd: S, x: &[$t], c: [&[$t]; N]) -> [f64; N] {
            let mut total = [0.0; N];
            let block = BLOCK * S::$lanes;
            for start in (0..x.len()).step_by(block) {
                let end = (start + block).min(x.len());
                let (xv, x_tail) = S::$as_simd(&x[start..end]);
                let (x_groups, x_rest) = pulp::as_arrays::<A, _>(xv);
                // Loops rather than `array::map`, which the compiler doesn't inline here.
                let (mut c_groups, mut c_rest, mut c_tail) = ([&[][..]; N], [&[][..]; N], [&[][..]; N]);
                for n in 0..N {
                    let (cv, tail) = S::$as_simd(&c[n][start..end]);
                    let (groups, rest) = pulp::as_arrays::<A, _>(cv);
                    // Slices of equal length remove the bounds checks from the loops below.
                    (c_groups[n], c_rest[n], c_tail[n]) = (&groups[..x_groups.len()], &rest[..x_rest.len()], tail);
                }
                let mut sum = [[simd.$splat(0.0); A]; N];
                for (i, x) in x_groups.iter().enumerate() {
                    for n in 0..N {
                        for a in 0..A {
                            let diff = simd.$sub(x[a], c_groups[n][i][a]);
                            sum[n][a] = simd.$fma(diff, diff, sum[n][a]);
                        }
                    }
                }
                for n in 0..N {
                    let mut whole = sum[n][0];
                    for (x, c) in x_rest.iter().zip(c_rest[n]) {
                        let diff = simd.$sub(*x, *c);
                        whole = simd.$fma(diff, diff, whole);
                    }
                    if !x_tail.is_empty() {
                        let diff = simd.$sub(simd.$partial(x_tail), simd.$partial(c_tail[n]));
                        whole = simd.$fma(diff, diff, whole);
                    }
                    for part in &sum[n][1..] {
                        whole = simd.$add(whole, *part);
                    }
                    total[n] += f64::from(simd.$reduce(whole));
                }
            }
            total
        }
    };
}

squared_distances!(
    /// Squared distances of a float32 row to `N` others of equal length, with `A` chains for each.
    squared_f32, f32, as_simd_f32s, F32_LANES, splat_f32s, sub_f32s, mul_add_e_f32s, add_f32s, partial_load_f32s,
    reduce_sum_f32s
);
squared_distances!(
    /// Squared distances of a float64 row to `N` others of equal length, with `A` chains for each.
    squared_f64, f64, as_simd_f64s, F64_LANES, splat_f64s, sub_f64s, mul_add_e_f64s, add_f64s, partial_load_f64s,
    reduce_sum_f64s
);
