//! Names of runs: the parameters that vary, in characters that every file system accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::Value;

use super::folder_name::LONGEST;
use super::product::{Combination, Parameters};
use super::spec::Place;
use super::values;
use crate::base::error::Finding;

/// Hexadecimal digits of the hash that is appended to truncated and to ambiguous names. Even if all of 10,000 names need one,
/// two of them collide in one of millions of sweeps.
const HASH: usize = 12;
/// Name of the run of a sweep in which nothing varies.
const ALONE: &str = "run";
/// Most components of a path that a name shows.
const DEEPEST: usize = 4;

/// For every combination, what differs between the combinations, in order; `Null` if it omits one.
pub(super) fn varied(combinations: &[Combination]) -> Vec<Parameters> {
    let maps: Vec<BTreeMap<&str, &Value>> =
        combinations.iter().map(|c| c.shown.iter().map(|(key, value)| (key.as_str(), value)).collect()).collect();
    let mut seen = BTreeSet::new();
    let all = combinations.iter().flat_map(|combination| &combination.shown);
    let in_order = all.map(|(key, _)| key.as_str()).filter(|key| seen.insert(*key));
    let value = |map: &BTreeMap<&str, &Value>, key: &str| map.get(key).map_or(Value::Null, |&value| value.clone());
    let differs = |key: &&str| maps.windows(2).any(|pair| value(&pair[0], key) != value(&pair[1], key));
    let keys: Vec<&str> = in_order.filter(differs).collect();
    maps.iter().map(|map| keys.iter().map(|&key| (key.to_owned(), value(map, key))).collect()).collect()
}

/// A name for every combination. Names of different combinations differ even if case is ignored.
pub(super) fn of_runs(combinations: &[Combination], varied: &[Parameters]) -> Vec<String> {
    let tails = tails(varied);
    let plain: Vec<String> = varied.iter().map(|parameters| plain(parameters, &tails)).collect();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for name in &plain {
        *times.entry(shortened(name).to_ascii_lowercase()).or_default() += 1;
    }
    let name = |((name, parameters), combination): ((&String, &Parameters), &Combination)| {
        let short = shortened(name);
        if short.len() == name.len() && times.get(&short.to_ascii_lowercase()) == Some(&1) {
            return name.clone();
        }
        let hash = blake3::hash(canonical(combination).as_bytes()).to_hex();
        // the hash stands for the paths, so that the other parameters stay visible
        let scalars: Parameters = parameters.iter().filter(|(key, _)| !values::is_path(key)).cloned().collect();
        let visible = if scalars.is_empty() { name.clone() } else { self::plain(&scalars, &tails) };
        let room = visible.len().min(LONGEST - HASH - 1);
        format!("{}-{}", &visible[..room], &hash[..HASH])
    };
    plain.iter().zip(varied).zip(combinations).map(name).collect()
}

/// Refuses two combinations that are the same `what`.
pub(super) fn refuse_repeated(combinations: &[Combination], place: &Place, what: &str) -> Result<(), Finding> {
    let mut seen = BTreeSet::new();
    let Some(repeated) = combinations.iter().find(|combination| !seen.insert(canonical(combination))) else {
        return Ok(());
    };
    let finding = place.finding(format!("the sweep contains the same {what} twice"));
    let finding = finding.found(canonical(repeated));
    Err(finding.hint("a list contains a value twice, or two blocks of a LIST are the same"))
}

/// The run as text that identifies it: parameters are sorted, and nulls are left out.
fn canonical(combination: &Combination) -> String {
    let set = combination.parameters.iter().filter(|(_, value)| !value.is_null());
    let set: BTreeMap<&str, &Value> = set.map(|(key, value)| (key.as_str(), value)).collect();
    let parameters: Vec<String> = set.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    parameters.join(", ")
}

/// `seed=1,silhouette=off`, at full length.
fn plain(parameters: &Parameters, tails: &BTreeMap<String, usize>) -> String {
    if parameters.is_empty() {
        return ALONE.to_owned();
    }
    let one = |(key, value): &(String, Value)| format!("{key}={}", shown(value, tails.get(key).copied()));
    safe(&parameters.iter().map(one).collect::<Vec<_>>().join(","))
}

/// The name, truncated to the longest one allowed. All its characters are ASCII.
fn shortened(name: &str) -> &str {
    &name[..name.len().min(LONGEST)]
}

/// A value as shown in a name; `tail` is the number of components shown of a path.
fn shown(value: &Value, tail: Option<usize>) -> String {
    match (value, tail) {
        (Value::Null, _) => "default".to_owned(),
        (Value::Array(values), _) => values.iter().map(|value| shown(value, tail)).collect::<Vec<_>>().join("+"),
        (Value::String(path), Some(tail)) => last_components(path, tail),
        (Value::String(text), None) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// For every path parameter, the number of trailing components that distinguish its values; 1 if it would exceed [`DEEPEST`].
fn tails(varied: &[Parameters]) -> BTreeMap<String, usize> {
    let mut values: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (key, value) in varied.iter().flatten().filter(|(key, _)| values::is_path(key)) {
        values.entry(key).or_default().push(value);
    }
    let tail = |values: &Vec<&Value>| {
        let texts = |tail| values.iter().map(|value| shown(value, Some(tail))).collect::<BTreeSet<_>>().len();
        let all = texts(usize::MAX);
        (1..=DEEPEST).find(|&tail| texts(tail) == all).unwrap_or(1)
    };
    values.iter().map(|(key, values)| ((*key).to_owned(), tail(values))).collect()
}

/// The last `count` components of a path, joined with `-`.
fn last_components(path: &str, count: usize) -> String {
    let names = Path::new(path).components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    names[names.len().saturating_sub(count)..].join("-")
}

/// Replaces characters that some file system refuses, and dots at the end, by `-`.
fn safe(name: &str) -> String {
    let known = |c: char| if c.is_ascii_alphanumeric() || "-_.,+=".contains(c) { c } else { '-' };
    let name: String = name.chars().map(known).collect();
    let kept = name.trim_end_matches('.').len();
    name[..kept].to_owned() + &"-".repeat(name.len() - kept)
}
