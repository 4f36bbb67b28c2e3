//! Resources of a job: keys of the `slurm` block that become sbatch options.

use serde_json::{Map, Value};

use crate::base::error::Finding;
use crate::formats::yaml;

/// A key and the sbatch option that it becomes.
struct Key {
    name: &'static str,
    option: &'static str,
    kind: ValueKind,
}

/// The values that a key accepts. Values that Slurm would misread are refused here; Slurm checks the rest.
#[derive(Clone, Copy)]
enum ValueKind {
    Text,
    Count,
    Time,
    Memory,
}

const fn key(name: &'static str, option: &'static str, kind: ValueKind) -> Key {
    Key { name, option, kind }
}

const KEYS: &[Key] = &[
    key("partition", "--partition", ValueKind::Text),
    key("account", "--account", ValueKind::Text),
    key("qos", "--qos", ValueKind::Text),
    key("reservation", "--reservation", ValueKind::Text),
    key("time", "--time", ValueKind::Time),
    key("memory", "--mem", ValueKind::Memory),
    key("cpus", "--cpus-per-task", ValueKind::Count),
    key("gpus", "--gpus", ValueKind::Text),
    key("gres", "--gres", ValueKind::Text),
    key("constraint", "--constraint", ValueKind::Text),
    key("nodelist", "--nodelist", ValueKind::Text),
    key("exclude", "--exclude", ValueKind::Text),
    key("mail_user", "--mail-user", ValueKind::Text),
    key("mail_type", "--mail-type", ValueKind::Text),
];

/// Key of a list of sbatch options that have no key of their own.
const FURTHER: &str = "sbatch";

/// sbatch options that the scripts set themselves, and that users must not override.
const OURS: [&str; 8] =
    ["--array", "--output", "--error", "--dependency", "--signal", "--requeue", "--no-requeue", "--wrap"];

/// The options, each `--name=value` or `--name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resources(pub(super) Vec<String>);

/// The names of all keys.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name).chain([FURTHER])
}

impl Resources {
    /// Reads the keys of `map` that are resources; null means absent.
    pub(super) fn read(map: &Map<String, Value>) -> Result<Resources, Finding> {
        let mut options = Vec::new();
        for key in KEYS {
            if let Some(value) = map.get(key.name).filter(|value| !value.is_null()) {
                let text = key.kind.text(value).map_err(|expected| {
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

    /// The options of a job that needs next to nothing: those that say where it may run.
    pub(super) fn for_a_moment(&self) -> Vec<String> {
        const PLACE: [&str; 5] = ["--partition=", "--account=", "--qos=", "--reservation=", "--constraint="];
        let is_place = |option: &&String| PLACE.iter().any(|name| option.starts_with(name));
        self.0.iter().filter(is_place).cloned().chain(["--time=10".to_owned()]).collect()
    }

    /// The options of a job of several processes, each of which gets these resources. sbatch counts `cpus` per process
    /// anyway.
    pub(super) fn per_process(&self, processes: u64) -> Vec<String> {
        let per_process = |option: &String| match option.strip_prefix("--gpus=") {
            Some(gpus) => format!("--gpus-per-task={gpus}"),
            None => option.clone(),
        };
        std::iter::once(format!("--ntasks={processes}")).chain(self.0.iter().map(per_process)).collect()
    }
}

fn further(value: Option<&Value>) -> Result<Vec<String>, Finding> {
    let refused = |found: &Value| {
        Finding::new(format!("the value of `slurm: {FURTHER}` is not valid"))
            .expected("a list of long sbatch options with their values: [--licenses=disk:1, --exclusive]")
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
        // sbatch accepts any unambiguous prefix of an option
        if OURS.iter().any(|ours| ours.starts_with(name)) {
            let hint = "leave it out; it follows from the keys shards, max_running, signal and requeue";
            return Err(Finding::new(format!("`{name}` is set by the scripts themselves")).found(option).hint(hint));
        }
        options.push(option.to_owned());
    }
    Ok(options)
}

impl ValueKind {
    /// The value in sbatch's notation, or a description of what is expected.
    fn text(self, value: &Value) -> Result<String, &'static str> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_u64() => number.to_string(),
            _ => return Err(self.expected()),
        };
        // `1_000` is a number for YAML, but not for Slurm
        let number = yaml::typed(value).as_u64().filter(|_| !matches!(self, ValueKind::Text) && text.contains('_'));
        let text = number.map_or(text, |number| number.to_string());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let fine = match self {
            ValueKind::Text => !text.is_empty() && is_one_line(&text),
            ValueKind::Count => digits(&text),
            ValueKind::Time => is_time(&text),
            ValueKind::Memory => digits(text.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(&text)),
        };
        if fine { Ok(text) } else { Err(self.expected()) }
    }

    fn expected(self) -> &'static str {
        match self {
            ValueKind::Text => "one line of text",
            ValueKind::Count => "a whole number",
            ValueKind::Time => {
                "minutes, or a quoted \"hours:minutes:seconds\", \"days-hours\", \"days-hours:minutes:seconds\""
            }
            ValueKind::Memory => "megabytes, or a number with K, M, G or T, such as 32G",
        }
    }
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Whether Slurm reads the text as a time.
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
    fn values_that_slurm_would_misread_are_refused() {
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
