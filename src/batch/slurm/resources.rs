//! What a job asks Slurm for: keys of the `slurm` block that become options of sbatch.

use serde_json::{Map, Value};

use crate::base::error::Finding;
use crate::formats::yaml;

/// A key and the sbatch option that it becomes.
struct Key {
    name: &'static str,
    option: &'static str,
    takes: Takes,
}

/// What a value may be. Slurm judges the rest; what it would take for something else is refused here.
#[derive(Clone, Copy)]
enum Takes {
    Text,
    Count,
    Time,
    Memory,
}

const fn key(name: &'static str, option: &'static str, takes: Takes) -> Key {
    Key { name, option, takes }
}

const KEYS: &[Key] = &[
    key("partition", "--partition", Takes::Text),
    key("account", "--account", Takes::Text),
    key("qos", "--qos", Takes::Text),
    key("reservation", "--reservation", Takes::Text),
    key("time", "--time", Takes::Time),
    key("memory", "--mem", Takes::Memory),
    key("cpus", "--cpus-per-task", Takes::Count),
    key("gpus", "--gpus", Takes::Text),
    key("gres", "--gres", Takes::Text),
    key("constraint", "--constraint", Takes::Text),
    key("nodelist", "--nodelist", Takes::Text),
    key("exclude", "--exclude", Takes::Text),
    key("mail_user", "--mail-user", Takes::Text),
    key("mail_type", "--mail-type", Takes::Text),
];

/// Key of a list of sbatch options that have no key of their own.
const FURTHER: &str = "sbatch";

/// Options of sbatch that are left to the scripts: with another value they would not do what they say.
const OURS: [&str; 8] =
    ["--array", "--output", "--error", "--dependency", "--signal", "--requeue", "--no-requeue", "--wrap"];

/// The options, each `--name=value` or `--name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resources(pub(super) Vec<String>);

/// All keys, as they are written.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name).chain([FURTHER])
}

impl Resources {
    /// Reads those of `map`'s keys that are known here; null means absent.
    pub(super) fn read(map: &Map<String, Value>) -> Result<Resources, Finding> {
        let mut options = Vec::new();
        for key in KEYS {
            if let Some(value) = map.get(key.name).filter(|value| !value.is_null()) {
                let text = key.takes.text(value).map_err(|expected| {
                    Finding::new(format!("the value of `slurm: {}` is not valid", key.name))
                        .expected(expected)
                        .found(value.to_string())
                })?;
                options.push(format!("{}={text}", key.option));
            }
        }
        options.extend(further(map.get(FURTHER))?);
        Ok(Resources(options))
    }

    /// For a job of several processes: what is asked for a process, as `cpus` is anyway, is for each of them.
    pub(super) fn of_each(&self, processes: u64) -> Vec<String> {
        let of_each = |option: &String| match option.strip_prefix("--gpus=") {
            Some(gpus) => format!("--gpus-per-task={gpus}"),
            None => option.clone(),
        };
        std::iter::once(format!("--ntasks={processes}")).chain(self.0.iter().map(of_each)).collect()
    }
}

fn further(value: Option<&Value>) -> Result<Vec<String>, Finding> {
    let refused = |found: &Value| {
        Finding::new(format!("the value of `slurm: {FURTHER}` is not valid"))
            .expected("a list of long options of sbatch, each with its value: [--licenses=disk:1, --exclusive]")
            .found(found.to_string())
    };
    let list = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(refused(other)),
    };
    let mut options = Vec::new();
    for item in list {
        let option = item.as_str().filter(|option| option.starts_with("--") && is_one_line(option));
        let option = option.ok_or_else(|| refused(item))?;
        let name = option.split('=').next().unwrap_or(option);
        // sbatch takes any beginning that only one option has
        if OURS.iter().any(|ours| ours.starts_with(name)) {
            let hint = "leave it out; the keys shards, max_running, signal and requeue decide it";
            return Err(Finding::new(format!("`{name}` is set by the scripts themselves")).found(option).hint(hint));
        }
        options.push(option.to_owned());
    }
    Ok(options)
}

impl Takes {
    /// The value as sbatch takes it; otherwise what is expected.
    fn text(self, value: &Value) -> Result<String, &'static str> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_u64() => number.to_string(),
            _ => return Err(self.expected()),
        };
        // `1_000` is a number for YAML, but not for Slurm
        let number = yaml::typed(value).as_u64().filter(|_| !matches!(self, Takes::Text) && text.contains('_'));
        let text = number.map_or(text, |number| number.to_string());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let fine = match self {
            Takes::Text => !text.is_empty() && is_one_line(&text),
            Takes::Count => digits(&text),
            Takes::Time => is_time(&text),
            Takes::Memory => digits(text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(&text)),
        };
        if fine { Ok(text) } else { Err(self.expected()) }
    }

    fn expected(self) -> &'static str {
        match self {
            Takes::Text => "one line of text",
            Takes::Count => "a whole number",
            Takes::Time => {
                "minutes, or a quoted \"hours:minutes:seconds\", \"days-hours\", \"days-hours:minutes:seconds\""
            }
            Takes::Memory => "megabytes, or a number with K, M, G or T, such as 32G",
        }
    }
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Slurm's ways to write a time.
fn is_time(text: &str) -> bool {
    if text.eq_ignore_ascii_case("unlimited") {
        return true;
    }
    let (days, clock) = text.split_once('-').map_or((None, text), |(days, clock)| (Some(days), clock));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    days.is_none_or(digits) && clock.split(':').count() <= 3 && clock.split(':').all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<Vec<String>, String> {
        let map = value.as_object().cloned().unwrap_or_default();
        Resources::read(&map).map(|resources| resources.0).map_err(|finding| finding.to_string())
    }

    #[test]
    fn keys_become_options() {
        let block = serde_json::json!({
            "time": "1-12:00:00", "memory": "32G", "cpus": 8, "gres": "gpu:1", "account": null, "sbatch": ["--exclusive"],
        });
        let want = ["--time=1-12:00:00", "--mem=32G", "--cpus-per-task=8", "--gres=gpu:1", "--exclusive"];
        assert_eq!(read(block), Ok(want.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_slurm_would_take_for_something_else_is_refused() {
        for block in [
            serde_json::json!({"time": "4h"}),
            serde_json::json!({"time": 1.5}),
            serde_json::json!({"time": "1:2:3:4"}),
            serde_json::json!({"memory": "lots"}),
            serde_json::json!({"cpus": "-1"}),
            serde_json::json!({"partition": "a\n#SBATCH --uid=0"}),
            serde_json::json!({"account": ["a"]}),
            serde_json::json!({"sbatch": "--exclusive"}),
            serde_json::json!({"sbatch": ["exclusive"]}),
            serde_json::json!({"sbatch": ["--array=1-5"]}),
            serde_json::json!({"sbatch": ["--arr=1-5"]}),
            serde_json::json!({"sbatch": ["--no-req"]}),
        ] {
            assert!(read(block.clone()).is_err(), "{block}");
        }
    }
}
