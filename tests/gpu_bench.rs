//! `script/gpu-bench` as a dry run: what it packs, what it measures, and that it notices a wrong value.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use common::{devices, python, scratch, shared};
use serde_json::Value;

/// A pack of this build without downloads, in `folder`. `None` if there is no Python with NumPy.
fn pack(folder: &Path) -> Option<PathBuf> {
    python()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pack = folder.join("pack");
    let mut command = Command::new(root.join("script/gpu-bench"));
    command.arg("pack").arg(&pack).arg("--no-download").arg("--binary").arg(env!("CARGO_BIN_EXE_clustrata"));
    if let Some(data) = shared() {
        command.arg("--data").arg(data);
    }
    let ended = command.output().expect("the script starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Some(pack)
}

/// A dry run from the pack itself. `driver` replaces the machine's Vulkan drivers.
fn run(pack: &Path, out: &Path, options: &[&str], driver: Option<&str>) -> Output {
    let mut command = Command::new(pack.join("script/gpu-bench"));
    command.args(["run", "--small", "--out"]).arg(out).args(options);
    if let Some(driver) = driver {
        command.env("VK_DRIVER_FILES", driver).env_remove("VK_ICD_FILENAMES");
    }
    command.output().expect("the script starts")
}

/// The one result in the folder and its page.
fn results(out: &Path) -> (Value, String) {
    let files: Vec<PathBuf> =
        fs::read_dir(out).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let with = |ending: &str| files.iter().find(|file| file.extension().is_some_and(|found| found == ending));
    assert_eq!(files.len(), 2, "{files:?}");
    let json = fs::read_to_string(with("json").expect("a JSON file")).expect("text");
    let page = fs::read_to_string(with("md").expect("a page")).expect("text");
    (serde_json::from_str(&json).expect("valid JSON"), page)
}

/// Seconds, or the reason why there are none; fails on anything else.
fn entry(seen: &Value) -> Result<f64, &str> {
    match (seen["seconds"].as_f64(), seen["not_measured"].as_str()) {
        (Some(seconds), None) if seconds > 0.0 => Ok(seconds),
        (None, Some(reason)) if !reason.is_empty() => Err(reason),
        _ => panic!("neither a number nor a reason: {seen}"),
    }
}

fn rows(result: &Value) -> &Vec<Value> {
    result["rows"].as_array().expect("rows")
}

/// The cells of each line of the main table.
fn table(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().skip_while(|line| !line.starts_with("| work |")).skip(2);
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

const SOFTWARE: &str = "software rasterizer: not a GPU's time";

/// Every row holds numbers or reasons, and the page has the same rows with the same cells filled.
fn check_rows(result: &Value, page: &str) {
    let lines = table(page);
    assert_eq!(rows(result).len(), 7);
    assert_eq!(lines.len(), 7, "{page}");
    for (row, line) in rows(result).iter().zip(&lines) {
        assert_eq!(line.len(), 9, "{line:?}");
        assert_eq!(line[0], row["work"]);
        for (column, side) in [(1, "gpu"), (2, "cpu")] {
            match entry(&row[side]) {
                Ok(_) => assert!(line[column].contains("(process "), "{line:?}"),
                Err(reason) => assert!(line[column].contains(reason), "{line:?}"),
            }
        }
        let peers = row["peers"].as_object().expect("peers");
        assert!(!peers.is_empty());
        for seen in peers.values() {
            if let Err(reason) = entry(seen) {
                assert!(line[3].contains(reason), "{line:?}");
            }
        }
        for (column, name) in [(5, "device"), (6, "driver"), (7, "date"), (8, "commit")] {
            assert_eq!(line[column], row[name].as_str().expect("text"));
        }
    }
}

/// All stored values were compared and agree. Sets that were left out say why.
fn check_stored(result: &Value, side: &str) {
    let sets = result["stored"].as_object().expect("sets");
    assert_eq!(sets.len(), if shared().is_some() { 5 } else { 1 }, "{sets:?}");
    for (name, seen) in sets {
        let seen = &seen[side];
        if name == "rings" && seen["not_measured"].is_string() {
            assert_eq!(seen["not_measured"], "29,700 points take a software rasterizer too long");
            continue;
        }
        assert_eq!(seen["off"], 0, "{name}: {seen}");
        assert!(seen["compared"].as_u64() > Some(1000), "{name}: {seen}");
    }
}

#[test]
fn a_dry_run_fills_the_table_and_notices_a_wrong_value() {
    let folder = scratch();
    let Some(pack) = pack(folder.path()) else { return };
    let out = folder.path().join("out");
    let ended = run(&pack, &out, &["--minutes", "20"], None);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let (result, page) = results(&out);
    assert_eq!((&result["complete"], result["failures"].as_array().map(Vec::len)), (&Value::Bool(true), Some(0)));
    check_rows(&result, &page);
    check_stored(&result, "cpu");
    assert!(rows(&result).iter().all(|row| entry(&row["cpu"]).is_ok()), "{page}");
    if devices().contains(&"gpu") {
        check_stored(&result, "gpu");
        let tune = result["tune"]["table"].as_str().expect("a table");
        assert!(tune.contains("TFLOP/s") && tune.contains("chosen") && page.contains(tune.trim_end()), "{tune}");
        let software = result["device"]["kind"] == "software";
        for row in rows(&result) {
            assert!(entry(&row[if software { "software" } else { "gpu" }]).is_ok(), "{row}");
            assert_eq!(entry(&row["gpu"]).is_err_and(|reason| reason == SOFTWARE), software, "{row}");
        }
        assert_eq!(page.contains(&format!("({SOFTWARE})")), software);
    }
    wrong_values_fail(&pack, folder.path());
}

/// Without a GPU, and with one stored value changed by a ten-thousandth.
fn wrong_values_fail(pack: &Path, folder: &Path) {
    let none = Some("/nonexistent/driver.json");
    let out = folder.join("without");
    let ended = run(pack, &out, &["--only", "stored"], none);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let (result, _) = results(&out);
    check_stored(&result, "cpu");
    let reason = result["check"]["gpu"]["not_measured"].as_str().expect("a reason");
    assert!(reason.starts_with("no usable GPU"), "{reason}");

    let golden = pack.join("tests/data/golden/digits.json");
    let mut values: Value = serde_json::from_str(&fs::read_to_string(&golden).expect("text")).expect("valid JSON");
    let inertia = values.pointer_mut("/levels/0/figures/inertia").expect("there");
    *inertia = (inertia.as_f64().expect("a number") * 1.0001).into();
    fs::write(&golden, values.to_string()).expect("writable");
    let out = folder.join("wrong");
    let ended = run(pack, &out, &["--only", "stored"], none);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("golden digits") && said.contains("level 1, inertia"), "{said}");
    let (result, page) = results(&out);
    assert_eq!(result["stored"]["golden digits"]["cpu"]["off"], 1);
    assert!(page.contains("**1 of 3,045 values differ**: level 1, inertia"), "{page}");
}

#[test]
fn a_run_that_is_out_of_time_says_so_and_ends() {
    let folder = scratch();
    let Some(pack) = pack(folder.path()) else { return };
    // a driver that hangs: the program never ends by itself
    fs::write(pack.join("clustrata"), "#!/bin/sh\nsleep 100 & wait\n").expect("writable");
    let out = folder.path().join("out");
    let started = Instant::now();
    let ended = run(&pack, &out, &["--minutes", "0.05"], None);
    let seconds = started.elapsed().as_secs_f64();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    // 3 s of its own, and the start of Python on a machine with other work
    assert!(seconds < 40.0, "{seconds} s");
    let (result, page) = results(&out);
    check_rows(&result, &page);
    for row in rows(&result) {
        assert!(entry(&row["cpu"]).is_err_and(|reason| reason.starts_with("out of time")), "{row}");
    }
    assert!(page.contains("not measured: out of time (limit 3 s)"), "{page}");
}

#[test]
fn a_folder_that_is_not_a_pack_is_refused() {
    let folder = scratch();
    if python().is_none() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("script/gpu-bench");
    let ended = Command::new(&script).arg("run").arg(folder.path()).output().expect("the script starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("is not a pack") && said.contains("script/gpu-bench pack DIR"), "{said}");

    fs::write(folder.path().join("mine.txt"), "").expect("writable");
    let ended = Command::new(&script).arg("pack").arg(folder.path()).output().expect("the script starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("neither empty nor an earlier pack"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}
