//! Names of runs: the parameters that vary, in characters that every file system takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::Value;

use super::folder_name::LONGEST;
use super::product::Combination;
use super::spec::Place;
use super::values::PATHS;
use crate::base::error::Finding;

/// Hexadecimal digits of the hash where a name is cut or not alone. Ten thousand names that all read alike would meet in
/// them once in millions of grids.
const HASH: usize = 12;
/// Name of a run that nothing tells from others, because there are none.
const ALONE: &str = "run";
/// Components of a path that a name shows, at most.
const DEEPEST: usize = 4;
/// For every combination the parameters that are not the same in all of them, in their order; `Null` where it leaves one
/// out.
pub(super) fn varied(combinations: &[Combination]) -> Vec<Combination> {
    let maps: Vec<BTreeMap<&str, &Value>> =
        combinations.iter().map(|c| c.iter().map(|(key, value)| (key.as_str(), value)).collect()).collect();
    let mut seen = BTreeSet::new();
    let in_order = combinations.iter().flatten().map(|(key, _)| key.as_str()).filter(|key| seen.insert(*key));
    let value = |map: &BTreeMap<&str, &Value>, key: &str| map.get(key).map_or(Value::Null, |&value| value.clone());
    let differs = |key: &&str| maps.windows(2).any(|pair| value(&pair[0], key) != value(&pair[1], key));
    let keys: Vec<&str> = in_order.filter(differs).collect();
    maps.iter().map(|map| keys.iter().map(|&key| (key.to_owned(), value(map, key))).collect()).collect()
}

/// A name per combination, unique where the combinations are, also where case does not count.
pub(super) fn of_runs(combinations: &[Combination], varied: &[Combination]) -> Vec<String> {
    let tails = tails(varied);
    let plain: Vec<String> = varied.iter().map(|parameters| plain(parameters, &tails)).collect();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for name in &plain {
        *times.entry(shortened(name).to_ascii_lowercase()).or_default() += 1;
    }
    let name = |(name, combination): (&String, &Combination)| {
        let short = shortened(name);
        if short.len() == name.len() && times.get(&short.to_ascii_lowercase()) == Some(&1) {
            return name.clone();
        }
        let hash = blake3::hash(canonical(combination).as_bytes()).to_hex();
        let room = short.len().min(LONGEST - HASH - 1);
        format!("{}-{}", &short[..room], &hash[..HASH])
    };
    plain.iter().zip(combinations).map(name).collect()
}

/// The finding where two combinations are the same run.
pub(super) fn refuse_repeated(combinations: &[Combination], place: &Place) -> Result<(), Finding> {
    let mut seen = BTreeSet::new();
    let Some(repeated) = combinations.iter().find(|combination| !seen.insert(canonical(combination))) else {
        return Ok(());
    };
    let finding = place.key("parameters").finding("the sweep holds the same run twice");
    let finding = finding.found(canonical(repeated));
    Err(finding.hint("a value stands in a list twice, or two blocks of a LIST are the same"))
}

/// The run as text that is the same for the same run: what is null is left out, the order does not count.
fn canonical(combination: &Combination) -> String {
    let set = combination.iter().filter(|(_, value)| !value.is_null());
    let set: BTreeMap<&str, &Value> = set.map(|(key, value)| (key.as_str(), value)).collect();
    let parameters: Vec<String> = set.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    parameters.join(", ")
}

/// `seed=1,silhouette=off`, however long.
fn plain(parameters: &Combination, tails: &BTreeMap<String, usize>) -> String {
    if parameters.is_empty() {
        return ALONE.to_owned();
    }
    let one = |(key, value): &(String, Value)| format!("{key}={}", shown(value, tails.get(key).copied()));
    safe(&parameters.iter().map(one).collect::<Vec<_>>().join(","))
}

/// At most as long as a name may be. All its characters are ASCII.
fn shortened(name: &str) -> &str {
    &name[..name.len().min(LONGEST)]
}

/// A value for people; `tail` counts the components of a path that are shown.
fn shown(value: &Value, tail: Option<usize>) -> String {
    match (value, tail) {
        (Value::Null, _) => "default".to_owned(),
        (Value::Array(values), _) => values.iter().map(|value| shown(value, tail)).collect::<Vec<_>>().join("+"),
        (Value::String(path), Some(tail)) => last_components(path, tail),
        (Value::String(text), None) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// For every path parameter, how many of its last components tell its values apart; one where none of a few does.
fn tails(varied: &[Combination]) -> BTreeMap<String, usize> {
    let mut values: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (key, value) in varied.iter().flatten().filter(|(key, _)| PATHS.contains(&key.as_str())) {
        values.entry(key).or_default().push(value);
    }
    let tail = |values: &Vec<&Value>| {
        let texts = |tail| values.iter().map(|value| shown(value, Some(tail))).collect::<BTreeSet<_>>().len();
        let all = texts(usize::MAX);
        (1..=DEEPEST).find(|&tail| texts(tail) == all).unwrap_or(1)
    };
    values.iter().map(|(key, values)| ((*key).to_owned(), tail(values))).collect()
}

/// The last so many names of a path, with `-` between them.
fn last_components(path: &str, count: usize) -> String {
    let names = Path::new(path).components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let names: Vec<_> = names.collect();
    names[names.len().saturating_sub(count)..].join("-")
}

/// Every character that some file system refuses as `-`; no dot at the end.
fn safe(name: &str) -> String {
    let known = |c: char| if c.is_ascii_alphanumeric() || "-_.,+=".contains(c) { c } else { '-' };
    let name: String = name.chars().map(known).collect();
    let kept = name.trim_end_matches('.').len();
    name[..kept].to_owned() + &"-".repeat(name.len() - kept)
}
