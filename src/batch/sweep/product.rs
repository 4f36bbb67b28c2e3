//! The product: parameters, lists of values, and lists of blocks, expanded into combinations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::spec::Place;
use super::values::{self, Command};
use crate::base::error::{Finding, Findings};

/// One choice from every list.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Combination {
    /// Parameters with one value each, in their order.
    pub(super) parameters: Parameters,
    /// What tells it from others, in order: the block of each LIST, and the parameters that it leaves open.
    pub(super) shown: Parameters,
}

/// Names and values.
pub(super) type Parameters = Vec<(String, Value)>;

impl Combination {
    /// This choice and another one.
    pub(super) fn with(&self, other: &Combination) -> Combination {
        Combination {
            parameters: [&self.parameters[..], &other.parameters].concat(),
            shown: [&self.shown[..], &other.shown].concat(),
        }
    }
}

/// Prefix of the keys that hold blocks of parameters.
const LIST: &str = "LIST";
/// Key of a block that names it.
const NAME: &str = "name";
/// What a name calls the block of a LIST key that is nothing but `LIST`.
const UNNAMED: &str = "block";

/// Parameters that are multiplied.
#[derive(Debug)]
pub(super) struct Block {
    /// Its `name`, if it is an entry of a LIST and has one.
    name: Option<String>,
    /// Lists of blocks first, then lists of values, both in file order. The last one varies fastest.
    factors: Vec<Factor>,
    /// Every parameter in it, at any depth, and where it is first given.
    keys: BTreeMap<String, Place>,
}

/// One dimension of a product.
#[derive(Debug)]
enum Factor {
    /// A parameter and its values; a single one if it does not vary.
    Values(String, Vec<Value>),
    /// A LIST key and its blocks.
    Blocks(String, Vec<Block>),
}

impl Block {
    /// Checks keys and values. Adds errors to the findings.
    pub(super) fn read(map: &Map<String, Value>, command: Command, place: &Place, findings: &mut Findings) -> Block {
        let mut block = Block { name: None, factors: Vec::new(), keys: BTreeMap::new() };
        let (lists, parameters): (Vec<_>, Vec<_>) = map.iter().partition(|(key, _)| key.starts_with(LIST));
        for (key, value) in lists {
            let at = place.key(key);
            let blocks = read_blocks(value, command, &at, findings);
            let mut keys: BTreeMap<String, Place> = BTreeMap::new();
            for (key, at) in blocks.iter().flat_map(|block| &block.keys) {
                keys.entry(key.clone()).or_insert_with(|| at.clone());
            }
            keys.into_iter().for_each(|(key, at)| block.note(key, at, findings));
            block.factors.push(Factor::Blocks(key.clone(), blocks));
        }
        for (key, value) in parameters {
            let at = place.key(key);
            let key = key.replace('_', "-");
            let values = read_values(&key, value, command, &at, findings);
            block.note(key.clone(), at, findings);
            block.factors.push(Factor::Values(key, values));
        }
        block
    }

    /// Notes where a parameter is given. Giving it twice is an error: it would have two values at once.
    fn note(&mut self, key: String, place: Place, findings: &mut Findings) {
        match self.keys.get(&key) {
            None => drop(self.keys.insert(key, place)),
            Some(before) => findings.push_usage(
                place
                    .finding(format!("the parameter `{key}` is given twice"))
                    .found(format!("{} and {}", before.keys(), place.keys()))
                    .hint("remove one of them: parameters of a LIST are combined with those beside it"),
            ),
        }
    }

    /// Where a parameter is given, at any depth.
    pub(super) fn place_of(&self, key: &str) -> Option<&Place> {
        self.keys.get(key)
    }

    /// The number of combinations; saturates.
    pub(super) fn count(&self) -> u64 {
        self.factors.iter().fold(1, |product, factor| product.saturating_mul(factor.count()))
    }

    /// Adds a finding if there are more than `most` runs: every combination on each of the `clusterings`.
    pub(super) fn refuse_more_than(&self, most: u64, clusterings: u64, place: &Place, findings: &mut Findings) {
        let count = self.count().saturating_mul(clusterings);
        if count <= most {
            return;
        }
        let factors = self.factors.iter().map(|factor| (factor.key(), factor.count()));
        let factors = std::iter::once(("clusterings", clusterings)).chain(factors).filter(|(_, count)| *count > 1);
        let factors: Vec<String> = factors.map(|(key, count)| format!("{key} ({count})")).collect();
        let number = if count == u64::MAX { "far more".to_owned() } else { count.to_string() };
        findings.push_usage(
            place
                .key("parameters")
                .finding("the sweep has more runs than its limit")
                .expected(format!("at most {most} runs"))
                .found(format!("{number}: {}", factors.join(" x ")))
                .hint("shorten a list, or raise the limit with `grid: {max_runs: N}`"),
        );
    }

    /// The parameters as a job spec has them, with checked values.
    pub(super) fn to_map(&self) -> Map<String, Value> {
        let value = |factor: &Factor| match factor {
            Factor::Values(_, values) => match values.as_slice() {
                // in a spec, a list is several values
                [single] if !single.is_array() => single.clone(),
                values => Value::from(values),
            },
            Factor::Blocks(_, blocks) => blocks.iter().map(|block| Value::Object(block.to_map())).collect(),
        };
        let name = self.name.iter().map(|name| (NAME.to_owned(), name.as_str().into()));
        name.chain(self.factors.iter().map(|factor| (factor.key().to_owned(), value(factor)))).collect()
    }

    /// All combinations, in order.
    pub(super) fn expand(&self) -> Vec<Combination> {
        self.factors.iter().fold(vec![Combination::default()], |heads, factor| {
            let tails = factor.expand();
            let joined = |head: &Combination| tails.iter().map(|tail| head.with(tail)).collect::<Vec<_>>();
            heads.iter().flat_map(joined).collect()
        })
    }

    /// All combinations of the block of a LIST. Its label stands for every parameter with a single value.
    fn expand_labelled(&self, list: &str, index: usize) -> Vec<Combination> {
        let label = self.name.clone().unwrap_or_else(|| index.to_string());
        let settled = |key: &str| {
            let values =
                |factor: &Factor| matches!(factor, Factor::Values(name, values) if name == key && values.len() == 1);
            self.factors.iter().any(values)
        };
        let labelled = |mut combination: Combination| {
            combination.shown.retain(|(key, _)| !settled(key));
            combination.shown.insert(0, (list.to_owned(), label.clone().into()));
            combination
        };
        self.expand().into_iter().map(labelled).collect()
    }
}

impl Factor {
    fn key(&self) -> &str {
        match self {
            Factor::Values(key, _) | Factor::Blocks(key, _) => key,
        }
    }

    fn count(&self) -> u64 {
        match self {
            Factor::Values(_, values) => values.len() as u64,
            Factor::Blocks(_, blocks) => blocks.iter().fold(0, |sum, block| sum.saturating_add(block.count())),
        }
    }

    fn expand(&self) -> Vec<Combination> {
        match self {
            Factor::Values(key, values) => {
                let one = |value: &Value| {
                    let parameters = vec![(key.clone(), value.clone())];
                    Combination { shown: parameters.clone(), parameters }
                };
                values.iter().map(one).collect()
            }
            Factor::Blocks(key, blocks) => {
                let list = list_name(key);
                blocks.iter().enumerate().flat_map(|(i, block)| block.expand_labelled(&list, i)).collect()
            }
        }
    }
}

/// `data` of `LIST_data`.
fn list_name(key: &str) -> String {
    let name = key.strip_prefix(LIST).unwrap_or(key).trim_start_matches(['_', '-']);
    if name.is_empty() { UNNAMED.to_owned() } else { name.to_owned() }
}

/// The blocks under a LIST key.
fn read_blocks(value: &Value, command: Command, place: &Place, findings: &mut Findings) -> Vec<Block> {
    let wrong = |place: &Place, found: &Value| {
        let finding = place.finding("a LIST key holds a list of blocks of parameters");
        finding.expected("`- {key: value, ...}` for each block").found(values::kind(found))
    };
    let Value::Array(entries) = value else {
        findings.push_usage(wrong(place, value));
        return Vec::new();
    };
    if entries.is_empty() {
        findings.push_usage(empty_list(place));
    }
    let mut blocks = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        match entry {
            Value::Object(map) => {
                let mut map = map.clone();
                let name = map.shift_remove(NAME).and_then(|name| block_name(&name, &place.entry(i), findings));
                blocks.push(Block { name, ..Block::read(&map, command, &place.entry(i), findings) });
            }
            other => findings.push_usage(wrong(&place.entry(i), other)),
        }
    }
    refuse_repeated_names(&blocks, place, findings);
    blocks
}

/// The name of a block, as it is written.
fn block_name(name: &Value, place: &Place, findings: &mut Findings) -> Option<String> {
    match name {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        other => {
            let finding = place.key(NAME).finding("`name` of a block must be a word").found(values::kind(other));
            findings
                .push_usage(finding.hint("it tells the runs of the block apart; leave it out for the block's index"));
            None
        }
    }
}

fn refuse_repeated_names(blocks: &[Block], place: &Place, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for name in blocks.iter().filter_map(|block| block.name.as_deref()).filter(|name| !seen.insert(*name)) {
        findings.push_usage(place.finding("two blocks of a LIST have the same name").found(format!("`{name}`")));
    }
}

/// The values of a parameter: the entries of a list, or a single value.
fn read_values(key: &str, value: &Value, command: Command, place: &Place, findings: &mut Findings) -> Vec<Value> {
    if let Err(wrong) = command.check_key(key) {
        findings.push_usage(place.of(wrong));
        return Vec::new();
    }
    let written: Vec<(Place, &Value)> = match value {
        Value::Array(entries) => entries.iter().enumerate().map(|(i, entry)| (place.entry(i), entry)).collect(),
        single => vec![(place.clone(), single)],
    };
    if written.is_empty() {
        findings.push_usage(empty_list(place));
    }
    let mut read = Vec::new();
    for (place, value) in written {
        match command.check(key, value) {
            Ok(value) => read.push(value),
            Err(wrong) => findings.push_usage(place.of(wrong)),
        }
    }
    read
}

fn empty_list(place: &Place) -> Finding {
    place
        .finding("the list is empty, so the sweep would have no runs")
        .hint("leave the key out, or list at least one entry")
}
