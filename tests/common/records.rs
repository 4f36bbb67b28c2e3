//! Comparison of records.

use serde_json::Value;

/// The largest relative difference between the numbers of two values; `None` if anything else differs. NaN is null in a
/// record.
pub fn difference(a: &Value, b: &Value) -> Option<f64> {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| difference(a, b)).try_fold(0.0, |most, next| Some(f64::max(most, next?)))
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            let pairs = a.iter().map(|(key, value)| difference(value, b.get(key)?));
            pairs.into_iter().try_fold(0.0, |most, next| Some(f64::max(most, next?)))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            let scale = a.abs().max(b.abs());
            Some(if scale == 0.0 { 0.0 } else { (a - b).abs() / scale })
        }
        _ => (a == b).then_some(0.0),
    }
}

/// The results of all levels without exact silhouettes, which sum float32 distances in another order.
pub fn without_silhouettes(record: &Value) -> Value {
    fn strip(value: &mut Value) {
        if let Value::Object(map) = value {
            map.retain(|key, _| !key.contains("silhouette") || key.starts_with("simplified"));
            map.values_mut().for_each(strip);
        } else if let Value::Array(values) = value {
            values.iter_mut().for_each(strip);
        }
    }
    let mut levels = record["levels"].clone();
    strip(&mut levels);
    levels
}
