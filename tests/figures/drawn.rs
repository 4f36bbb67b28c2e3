//! Random hierarchies, and the comparison of a run with the definition.

use serde_json::Value;

use crate::common::{Clustering, Draw, Dtype, judged, scratch, stored, tolerance};
use crate::definition::{Definition, Level};

/// Parameters of a random two-level clustering.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) dim: usize,
    pub(crate) clusters: [usize; 2],
    pub(crate) offset: f64,
    pub(crate) dtype: Dtype,
}

/// Float32 points, as in most embeddings.
pub(crate) fn shape(rows: usize, dim: usize, clusters: [usize; 2], offset: f64) -> Shape {
    Shape { rows, dim, clusters, offset, dtype: Dtype::F4 }
}

/// Points around overlapping centres. One in eight points is in a wrong cluster, and stored centroids are not means. With
/// enough clusters, the first has a single point and the second is empty; the empty one's centroid lies within the third
/// cluster, so that searching it changes the result.
pub(crate) fn draw(shape: &Shape) -> Clustering {
    let mut random = Draw(u64::try_from(shape.rows * 1000 + shape.dim).expect("small"));
    let [k, above] = shape.clusters;
    let around = |random: &mut Draw, centre: &[f64], spread: f64| -> Vec<f64> {
        centre.iter().map(|value| value + spread * random.value()).collect()
    };
    let middle = vec![shape.offset; shape.dim];
    let mut centres: Vec<Vec<f64>> = (0..k).map(|_| around(&mut random, &middle, 1.5)).collect();
    let special = k >= 4 && shape.rows > 2 * k;
    if special {
        centres[1] = around(&mut random, &centres[2], 0.05);
    }
    let mut members = vec![Vec::new(); k];
    let mut points = Vec::new();
    for row in 0..shape.rows as u64 {
        let free = |random: &mut Draw| if special { 2 + random.below(k - 2) } else { random.below(k) };
        let of = free(&mut random);
        let cluster = match row {
            5 if special => 0,
            _ if row % 8 == 3 => free(&mut random),
            _ => of,
        };
        let point = around(&mut random, &centres[of], 1.0);
        points.push(point.into_iter().map(|value| stored(value, shape.dtype)).collect());
        members[cluster].push(row);
    }
    let centroids: Vec<Vec<f64>> = centres.iter().map(|centre| around(&mut random, centre, 0.2)).collect();
    let mut parents = vec![Vec::new(); above];
    (0..k as u64).for_each(|child| parents[random.below(above)].push(child));
    let tops = (0..above).map(|parent| match parents[parent].first() {
        Some(&child) => around(&mut random, &centroids[usize::try_from(child).expect("small")], 0.7),
        None => around(&mut random, &middle, 1.5),
    });
    let tops = tops.collect();
    Clustering { points, dtype: shape.dtype, levels: vec![(members, centroids), (parents, tops)], subset: None }
}

/// Runs the program with all metrics and the exact silhouette.
pub(crate) fn judge(clustering: &Clustering, device: &str, more: &[&str]) -> Value {
    judge_silhouette(clustering, device, "exact", more)
}

/// Runs the program with all metrics and the given silhouette.
pub(crate) fn judge_silhouette(clustering: &Clustering, device: &str, silhouette: &str, more: &[&str]) -> Value {
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let subset = folder.path().join("subset.npy").display().to_string();
    let mut options = vec!["--device", device, "--metrics", "all", "--silhouette", silhouette, "--yes"];
    if clustering.subset.is_some() {
        options.extend(["--subset-indices", &subset]);
    }
    options.extend(more);
    judged(&hier, &embeddings, &folder.path().join("out"), &options)
}

/// Runs the program and compares every metric of every level. Returns the record.
pub(crate) fn hold(clustering: &Clustering, device: &str, more: &[&str]) -> Result<Value, String> {
    let record = judge(clustering, device, more);
    for number in 0..clustering.levels.len() {
        compare(&record["levels"][number], &Definition::of(&Level::of(clustering, number)))
            .map_err(|wrong| format!("{device}, level {}: {wrong}", number + 1))?;
    }
    Ok(record)
}

/// Compares a level of the record with the definition: every metric and every cluster, null if undefined. An undefined
/// metric of the level has a reason.
pub(crate) fn compare(level: &Value, want: &Definition) -> Result<(), String> {
    for (name, want) in &want.figures {
        let got = &level["figures"][name];
        if !close(name, got, *want, 0.0) {
            return Err(format!("{name}: {got} instead of {want:?}"));
        }
        if want.is_none() && level["undefined"][name].as_str().is_none_or(str::is_empty) {
            return Err(format!("{name} is null without a reason: {}", level["undefined"]));
        }
    }
    let typical = |name: &str| {
        let column = &want.clusters.iter().find(|(column, _)| *column == name).expect("a column").1;
        column.iter().flatten().sum::<f64>() / column.len() as f64
    };
    for (name, want) in &want.clusters {
        let got = &level["clusters"][name];
        if got.as_array().map(Vec::len) != Some(want.len()) {
            return Err(format!("{name}: {got} instead of {} values", want.len()));
        }
        // a sum that is 0 up to rounding is compared relative to the others
        let scale = if matches!(tolerance(name), 1e-6) { 1e-6 * typical(name) } else { 0.0 };
        for (cluster, want) in want.iter().enumerate() {
            if !close(name, &got[cluster], *want, scale) {
                return Err(format!("{name}[{cluster}]: {} instead of {want:?}", got[cluster]));
            }
        }
    }
    Ok(())
}

/// Tolerance of a metric. Silhouettes and the explained variance are 1 minus a ratio of means: errors of 1e-6 in both add up
/// to 2e-6, however near the difference is to 0.
pub(crate) fn allowed(name: &str, want: f64, scale: f64) -> f64 {
    let least = match name {
        "simplified_silhouette" | "silhouette" | "explained_variance" => 0.2,
        _ => scale,
    };
    tolerance(name) * want.abs().max(least)
}

/// Whether a metric is within the tolerance; never for NaN.
fn close(name: &str, got: &Value, want: Option<f64>, scale: f64) -> bool {
    match (got.as_f64(), want) {
        (None, None) => got.is_null(),
        (Some(got), Some(want)) => (got - want).abs() <= allowed(name, want, scale),
        _ => false,
    }
}
