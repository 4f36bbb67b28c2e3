//! Values of every point of the digits, compared with those of scikit-learn and SciPy.

use std::path::{Path, PathBuf};

use crate::common::{EVERY_FIGURE, devices, judged, python, scratch, shared};
use crate::fixtures::{Row, read, real};

const POINTS: usize = 1797;
const COLUMNS: [&str; 4] = ["second", "margin", "simplified_silhouette", "silhouette"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The float32 values of a `.npy` of 3 levels, 4 columns and all points.
fn values(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("there");
    let values = &bytes[bytes.len() - 3 * COLUMNS.len() * POINTS * 4..];
    values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The first difference, or the number of values compared.
fn compare(rows: &[Row], want: &[f32]) -> Result<usize, String> {
    for (at, want) in want.iter().enumerate() {
        let (level, column, row) = (at / POINTS / COLUMNS.len(), COLUMNS[at / POINTS % COLUMNS.len()], at % POINTS);
        let tolerance = if column == "margin" { 1e-4 } else { 1e-5 };
        let got = real(&rows[row], &format!("level{}_{column}", level + 1));
        if got.is_none_or(|got| (got - f64::from(*want)).abs() > tolerance) {
            return Err(format!("{column} of row {row} on level {}: {got:?} instead of {want}", level + 1));
        }
    }
    Ok(want.len())
}

#[test]
fn every_point_of_the_digits_has_what_scikit_learn_says() {
    let want = values(&data("golden/points.npy"));
    for device in devices() {
        let out = scratch();
        let options = [&["--device", device, "--parquet"], &EVERY_FIGURE[..]].concat();
        let out = out.path().join("metrics");
        judged(&data("digits"), &data("digits/embeddings.npy"), &out, &options);
        let rows = read(&out.join("points.parquet"));
        assert_eq!(compare(&rows, &want), Ok(3 * 4 * POINTS), "{device}");
        for column in 0..COLUMNS.len() {
            let mut wrong = want.clone();
            wrong[(4 + column) * POINTS + 1000] += 2e-4;
            assert!(compare(&rows, &wrong).is_err_and(|why| why.contains(COLUMNS[column])), "{column}");
        }
    }
}

#[test]
fn the_golden_points_are_what_scikit_learn_gives() {
    let Some(mut python) = python() else { return };
    let out = scratch();
    let made = out.path().join("points.npy");
    let ended = python.arg("-B").arg(data("golden/points.py")).arg(&made).output().expect("starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let (made, kept) = (values(&made), values(&data("golden/points.npy")));
    assert!(made.iter().zip(&kept).all(|(made, kept)| (made - kept).abs() <= 1e-6 * kept.abs().max(1.0)));
    assert!(made.len() == kept.len() && kept.iter().any(|value| value.abs() > 1.0));
}

/// Opens the exports of a set as a user would, and compares them with the oracle's values of every point.
const OPEN: &str = "
import sys, numpy as np, pandas as pd
data, out = sys.argv[1:]
points = pd.read_parquet(f'{out}/points.parquet')
oracle = np.load(f'{data}/oracle_points.npz')
def column(name): return points[name].to_numpy(float)
def differs(level, second, margin, simplified, silhouette):
    own, other = oracle[f'a{level}'], oracle[f'b{level}']
    return max(np.abs(second - oracle[f'b_idx{level}']).max(), np.abs(margin - (other - own)).max() / own.max(),
        np.abs(simplified - oracle[f's{level}']).max(), np.abs(silhouette - oracle[f'sil{level}']).max())
for level in (1, 2, 3):
    assert (column(f'level{level}') == oracle[f'lab{level}']).all()
    names = [f'level{level}_{name}' for name in ('second', 'margin', 'simplified_silhouette', 'silhouette')]
    values = [column(name) for name in names]
    assert differs(level, *values) < 2e-6, differs(level, *values)
    for wrong in range(4):
        others = list(values)
        others[wrong] = np.roll(others[wrong], 1)
        assert differs(level, *others) > 1e-2
    clusters = pd.read_csv(f'{out}/level{level}/clusters.csv').set_index('cluster')
    means = points.groupby(f'level{level}')[names[2:]].mean()
    for name in ('simplified_silhouette', 'silhouette'):
        mean = means[f'level{level}_{name}']
        np.testing.assert_allclose(mean, clusters[name][mean.index], rtol=0, atol=1e-6)
    if level < 3:
        above = points.groupby(f'level{level}')[f'level{level + 1}'].first()
        assert (clusters.parent[above.index] == above).all()
    else:
        assert clusters.parent.isna().all()
";

#[test]
fn pandas_reads_what_the_oracle_says_of_every_point() {
    let Some(data) = shared() else { return };
    for set in ["digits", "photos"] {
        let Some(mut python) = python() else { return };
        let out = scratch();
        let out = out.path().join("metrics");
        let options = [&["--device", "cpu", "--parquet"], &EVERY_FIGURE[..]].concat();
        judged(&data.join(set).join("hier"), &data.join(set).join("embeddings.npy"), &out, &options);
        let ended = python.args(["-c", OPEN]).arg(data.join(set)).arg(&out).output().expect("starts");
        assert!(ended.status.success(), "{set}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
