//! Labels as numbers of clusters.

use std::path::Path;

use crate::base::error::Finding;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;

/// Numbers of clusters below this are accepted for any number of rows.
const ALWAYS: u64 = 1 << 16;

/// Number of clusters whose numbers go up to `largest`. Refuses numbers that are no cluster numbers: most clusters would be
/// empty, and each takes memory.
pub(super) fn clusters(largest: Option<u64>, rows: u64, path: &Path) -> Result<usize, Finding> {
    let Some(largest) = largest else { return Ok(0) };
    if largest < u64::from(UNLABELLED) - 1 && largest < rows.max(ALWAYS) {
        return Ok(to_usize(largest) + 1);
    }
    Err(Finding::new("a label is too large for the number of a cluster")
        .file(path)
        .expected(format!(
            "numbers from 0 to {}: label c is cluster c",
            rows.max(ALWAYS).min(u64::from(UNLABELLED) - 1) - 1
        ))
        .found(largest.to_string())
        .hint("number the clusters from 0 and keep -1: m = labels >= 0; labels[m] = numpy.unique(labels[m], return_inverse=True)[1]"))
}

/// The whole number that a text is, also as `3.0` or `3.0e+00`. `007` is a name.
pub(super) fn whole(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        return (number.to_string() == text).then_some(number);
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && !(text.starts_with('0') && text.len() > 1 && !text.starts_with("0."));
    let real = text.parse::<f64>().ok().filter(|_| is_number)?;
    whole_real(real).ok().flatten()
}

/// Whether a text stands for a missing label: empty, NaN or -1.
pub(super) fn is_missing(text: &str) -> bool {
    match text {
        "" | "-1" => true,
        _ if text.starts_with('-') => text.parse() == Ok(-1.0),
        _ => text.eq_ignore_ascii_case("nan"),
    }
}

/// 2^53. From here on, float64 can't represent every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The label that a float stands for; `None` for NaN and -1.
pub(super) fn whole_real(value: f64) -> Result<Option<u64>, String> {
    if value.is_nan() || value == -1.0 {
        return Ok(None);
    }
    if value.fract() != 0.0 || !(0.0..EXACT).contains(&value) {
        return Err(value.to_string());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "integral, not negative and below 2^53"
    )]
    let label = value as u64;
    Ok(Some(label))
}
