//! `clustrata collect` on runs of the real program.

#[path = "../common/mod.rs"]
mod common;

mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits");
const SAMPLES: [u32; 2] = [20, 60];
const SEEDS: [u32; 3] = [0, 1, 2];

/// A run of the digits with a sampled silhouette, which depends on the seed.
fn judge(out: &Path, sample: u32, seed: u32) {
    let digits = Path::new(DIGITS);
    let (silhouette, seed) = (format!("sample:{sample}"), seed.to_string());
    let more =
        ["--metrics", "fast", "--device", "cpu", "--levels", "1,3", "--silhouette", &silhouette, "--seed", &seed];
    common::judged(digits, &digits.join("embeddings.npy"), out, &more);
}

/// Two sample sizes times three seeds, in folders that tell.
fn runs() -> (tempfile::TempDir, PathBuf) {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    for sample in SAMPLES {
        for seed in SEEDS {
            judge(&runs.join(format!("sample={sample},seed={seed}")), sample, seed);
        }
    }
    (folder, runs)
}

fn collect(folders: &[&Path], out: &Path, more: &[&str]) -> Output {
    // without --quiet: the tests read its output
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clustrata"));
    command.arg("collect").args(folders).arg("--out").arg(out).args(more);
    command.output().expect("the program starts")
}

fn collected(folders: &[&Path], out: &Path, more: &[&str]) -> String {
    let output = collect(folders, out, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Exit code and standard error.
fn refused(folders: &[&Path], out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = collect(folders, out, more);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Rows of a CSV file by column.
fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut file = csv::Reader::from_path(path).expect("a table");
    file.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn every_value_of_the_table_is_that_of_the_record() {
    let (folder, runs) = runs();
    let out = folder.path().join("collected");
    collected(&[&runs], &out, &[]);
    let rows = csv(&out.join("runs.csv"));
    assert_eq!(rows.len(), SAMPLES.len() * SEEDS.len() * 2);
    let mut compared = 0;
    for row in &rows {
        let record = common::record(Path::new(&row["folder"]));
        assert_eq!(row["config.seed"], record["settings"]["seed"].to_string());
        assert_eq!(Some(row["config.silhouette"].as_str()), record["settings"]["silhouette"].as_str());
        assert_eq!(row["run"], format!("sample={},seed={}", &row["config.silhouette"][7..], row["config.seed"]));
        let levels = record["levels"].as_array().expect("levels");
        let level = levels
            .iter()
            .find(|level| Some(level["level"].to_string().as_str()) == row.get("level").map(String::as_str))
            .expect("the level");
        for (name, value) in level["figures"].as_object().expect("figures") {
            let expected = if value.is_null() { String::new() } else { value.to_string() };
            assert_eq!(row[name], expected, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} metrics were compared");
    // and no row would do for another
    let silhouettes: BTreeSet<&String> = rows.iter().map(|row| &row["silhouette"]).collect();
    assert_eq!(silhouettes.len(), rows.len());
    // settings that are the same everywhere are left out, unless asked for
    assert!(!rows[0].contains_key("config.clustering"));
    collected(&[&runs], &out, &["--force", "--all-settings"]);
    assert!(csv(&out.join("runs.csv"))[0]["config.clustering"].ends_with("digits"));
}

#[test]
fn groups_have_mean_deviation_and_count() {
    let (folder, runs) = runs();
    let out = folder.path().join("collected");
    let text = collected(&[&runs], &out, &["--group-by", "silhouette"]);
    assert!(text.contains("sample:20") && text.contains('±'), "{text}");
    let rows = csv(&out.join("runs.csv"));
    let groups = csv(&out.join("groups.csv"));
    assert_eq!(groups.len(), SAMPLES.len() * 2);
    let mut spread = 0;
    for group in &groups {
        let of = |row: &&BTreeMap<String, String>| {
            row["config.silhouette"] == group["config.silhouette"] && row["level"] == group["level"]
        };
        for name in ["silhouette", "inertia", "points"] {
            let values: Vec<f64> = rows.iter().filter(of).map(|row| row[name].parse().expect("a number")).collect();
            let mean = values.iter().sum::<f64>() / 3.0;
            let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
            let cell = |what: &str| group[&format!("{name}_{what}")].parse::<f64>().expect("a number");
            assert_eq!((cell("count"), group["runs"].as_str()), (3.0, "3"));
            assert!((cell("mean") - mean).abs() <= 1e-12 * mean.abs(), "{name}");
            assert!((cell("std") - deviation).abs() <= 1e-9 * mean.abs(), "{name}");
            spread += usize::from(deviation > 1e-6 * mean.abs());
        }
    }
    assert_eq!(spread, groups.len(), "seeds change the silhouette and nothing else");
    // natural order, and plots are over the grouping setting
    assert!(groups[0]["config.silhouette"] == "sample:20" && groups[3]["config.silhouette"] == "sample:60");
    let plot = fs::read_to_string(out.join("plots/silhouette.svg")).expect("a plot");
    // the subtitle may be wrapped
    let text: Vec<&str> = plot.split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text.trim()).collect();
    let text = text.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    assert!(text.contains("sample:60") && text.contains("Higher is better") && text.contains("level 3"), "{text}");
    assert!(plot.contains("Means over up to 3 runs"));
}

/// Copies of one run that differ in two settings.
fn told_as_many(runs: &Path, count: u64) {
    judge(&runs.join("0"), 20, 0);
    let record = common::record(&runs.join("0"));
    for i in 1..count {
        let mut other = record.clone();
        other["settings"]["seed"] = i.into();
        other["settings"]["best"] = (100 + i).into();
        let folder = runs.join(i.to_string());
        fs::create_dir(&folder).expect("new");
        fs::write(folder.join("record.json"), other.to_string()).expect("writes");
    }
}

#[test]
fn more_groups_than_colours_have_tables_and_no_plots() {
    let folder = common::scratch();
    let (runs, out) = (folder.path().join("runs"), folder.path().join("out"));
    for (count, plots) in [(21, true), (22, false)] {
        let runs = runs.join(count.to_string());
        told_as_many(&runs, count);
        let output = collect(&[&runs], &out, &["--group-by", "best", "--plot-over", "seed", "--force"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("22 groups") != plots, "{said}");
        assert_eq!(csv(&out.join("groups.csv")).len() as u64, 2 * count);
        assert_eq!(!common::files_below(&out.join("plots")).is_empty(), plots);
    }
}

#[test]
fn plots_are_over_the_only_setting_that_differs() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    SEEDS.iter().for_each(|&seed| judge(&runs.join(format!("s{seed}")), 20, seed));
    let out = folder.path().join("collected");
    let text = collected(&[&runs], &out, &[]);
    assert!(text.contains("plots over seed"), "{text}");
    let figures: Vec<String> = csv(&out.join("runs.csv"))[0].keys().cloned().collect();
    let figures = figures.iter().filter(|c| !["run", "folder", "level", "config.seed"].contains(&c.as_str())).count();
    let plots = common::files_below(&out.join("plots"));
    assert_eq!(plots.len(), figures, "{plots:?}");
    // where several differ, none is guessed
    judge(&runs.join("more"), 60, 0);
    let text = collected(&[&runs], &out, &["--force"]);
    assert!(text.contains("--plot-over: silhouette, seed"), "{text}");
    assert!(common::files_below(&out.join("plots")).is_empty(), "the plots of before are gone");
}

#[test]
fn metrics_that_only_some_runs_have_are_empty_cells() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("a"), 20, 0);
    let digits = Path::new(DIGITS);
    let more = ["--metrics", "davies_bouldin", "--device", "cpu", "--levels", "2"];
    common::judged(digits, &digits.join("embeddings.npy"), &runs.join("b"), &more);
    let out = folder.path().join("collected");
    let printed: Value = serde_json::from_str(&collected(&[&runs], &out, &["--json"])).expect("JSON");
    let rows = csv(&out.join("runs.csv"));
    assert_eq!(rows.iter().map(|row| row["level"].as_str()).collect::<Vec<_>>(), ["1", "3", "2"]);
    assert!(rows[0]["davies_bouldin"].is_empty() && !rows[2]["davies_bouldin"].is_empty());
    assert!(!rows[0]["size_gini"].is_empty() && rows[2]["size_gini"].is_empty());
    // the same on standard output
    assert_eq!(printed["runs"][2]["davies_bouldin"].to_string(), rows[2]["davies_bouldin"]);
    assert!(printed["runs"][0]["davies_bouldin"].is_null() && printed.get("groups").is_none());
}

#[test]
fn damaged_records_are_named_and_skipped_only_on_request() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("whole"), 20, 0);
    let record = fs::read_to_string(runs.join("whole/record.json")).expect("a record");
    let place = |name: &str, text: &str| {
        fs::create_dir_all(runs.join(name)).expect("makes a folder");
        fs::write(runs.join(name).join("record.json"), text).expect("writes");
    };
    place("cut", &record[..record.len() / 2]);
    place("newer", &record.replacen("\"format\":1", "\"format\":99", 1));
    let out = folder.path().join("collected");
    let (code, error) = refused(&[&runs], &out, &[]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("cut") && error.contains("damaged") && error.contains("format 99"), "{error}");
    assert!(!out.exists(), "nothing is left half-written");
    let output = collect(&[&runs], &out, &["--skip-damaged"]);
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.matches("skipped").count() == 2, "{warnings}");
    assert_eq!(csv(&out.join("runs.csv")).len(), 2);
}

#[test]
fn unfinished_runs_are_named_and_foreign_folders_are_not() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("deep/er/done"), 20, 0);
    for unfinished in ["begun/parts/rows-000000000000-000000000010", "submitted/slurm", "deep/er/done/parts/rows-0-1"] {
        fs::create_dir_all(runs.join(unfinished)).expect("makes a folder");
    }
    fs::write(runs.join("submitted/slurm/job.json"), "{}").expect("writes");
    // a clustering that a job makes is no run
    fs::create_dir_all(runs.join("clustering/slurm")).expect("makes a folder");
    for name in ["job.json", "kmeans.sh"] {
        fs::write(runs.join("clustering/slurm").join(name), "{}").expect("writes");
    }
    fs::create_dir_all(runs.join("source/slurm")).expect("makes a folder");
    fs::create_dir_all(runs.join("source/parts/screws")).expect("makes a folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&runs, runs.join("deep/loop")).expect("links");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", runs.join("dangling")).expect("links");
    let out = folder.path().join("collected");
    let output = collect(&[&runs, &runs.join("deep")], &out, &[]);
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{warnings}");
    assert!(warnings.contains("2 unfinished runs") && warnings.contains("begun") && warnings.contains("submitted"));
    assert!(!warnings.contains("source") && !warnings.contains("clustering"), "{warnings}");
    let rows = csv(&out.join("runs.csv"));
    assert_eq!(rows.iter().map(|row| row["run"].as_str()).collect::<Vec<_>>(), ["done", "done"], "once, by two levels");
}

#[test]
fn wrong_command_lines_are_refused_before_anything_is_written() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("a"), 20, 0);
    let out = folder.path().join("collected");
    for (more, part) in
        [(["--group-by", "sede"], "did you mean `seed`"), (["--plot-over", "silhouete"], "did you mean `silhouette`")]
    {
        let (code, error) = refused(&[&runs], &out, &more);
        assert!(code == Some(2) && error.contains(part), "{error}");
    }
    if !cfg!(feature = "parquet") {
        let (code, error) = refused(&[&runs], &out, &["--parquet"]);
        assert!(code == Some(2) && error.contains("default features"), "{error}");
    }
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("makes a folder");
    let (code, error) = refused(&[&empty], &out, &[]);
    assert!(code == Some(3) && error.contains("no finished run"), "{error}");
    let (code, error) = refused(&[&folder.path().join("nowhere")], &out, &[]);
    assert!(code == Some(3) && error.contains("nowhere"), "{error}");
    assert!(!out.exists());
}

#[test]
fn earlier_collections_and_runs_are_not_overwritten() {
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("a"), 20, 0);
    judge(&runs.join("b"), 20, 1);
    let out = folder.path().join("collected");
    collected(&[&runs], &out, &[]);
    fs::write(out.join("plots/mine.svg"), "").expect("writes");
    let (code, error) = refused(&[&runs], &out, &[]);
    assert!(code == Some(2) && error.contains("--force"), "{error}");
    collected(&[&runs], &out, &["--force", "--group-by", "seed"]);
    assert!(out.join("groups.csv").is_file());
    collected(&[&runs], &out, &["--force"]);
    assert!(!out.join("groups.csv").exists(), "what is not written again goes");
    assert!(out.join("plots/mine.svg").is_file(), "what belongs to somebody else stays");
    // a run's own folder keeps its files
    let before = common::files_below(&runs.join("a"));
    collected(&[&runs], &runs.join("a"), &["--force"]);
    let after = common::files_below(&runs.join("a"));
    assert!(before.iter().all(|file| after.contains(file)) && after.len() > before.len());
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_has_the_same_rows() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let folder = common::scratch();
    let runs = folder.path().join("runs");
    judge(&runs.join("a"), 20, 0);
    let out = folder.path().join("collected");
    collected(&[&runs], &out, &["--parquet"]);
    let rows = csv(&out.join("runs.csv"));
    let file = fs::File::open(out.join("runs.parquet")).expect("there");
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let read: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(read.len(), rows.len());
    for (row, expected) in read.iter().zip(&rows) {
        for (name, cell) in row.get_column_iter() {
            let text = match cell {
                parquet::record::Field::Str(text) => text.clone(),
                parquet::record::Field::Long(whole) => whole.to_string(),
                parquet::record::Field::Double(real) => serde_json::json!(real).to_string(),
                _ => String::new(),
            };
            assert_eq!(text, expected[name], "{name}");
        }
    }
}
