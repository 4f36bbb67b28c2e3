//! A judged clustering with pictures, and Pythons of all kinds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{self, Clustering, Draw, Dtype};

/// Rows of the clustering.
const ROWS: u64 = 40;

/// A clustering of two levels on disk with an image per row, and where a run of it writes.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    hier: PathBuf,
    embeddings: PathBuf,
    images: PathBuf,
    pub(crate) out: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = common::scratch();
        let mut draw = Draw(5);
        let mut rows =
            |count: u64| (0..count).map(|_| (0..3).map(|_| draw.value()).collect()).collect::<Vec<Vec<f64>>>();
        let points = rows(ROWS);
        let first = (0..5).map(|cluster| (0..ROWS).filter(|row| row % 4 == cluster).collect()).collect();
        let levels = vec![(first, rows(5)), (vec![vec![0, 1], vec![2, 3, 4]], rows(2))];
        let clustering = Clustering { points, dtype: Dtype::F4, levels, subset: None };
        let (hier, embeddings) = clustering.write(folder.path());
        let mut names = String::new();
        for row in 0..ROWS {
            let shade = u8::try_from(6 * row).expect("small");
            let image = image::RgbImage::from_pixel(16, 12, image::Rgb([shade, 80, 255 - shade]));
            image.save(folder.path().join(format!("{row}.png"))).expect("writes an image");
            names += &format!("{row}.png\n");
        }
        let images = folder.path().join("names.txt");
        fs::write(&images, names).expect("writes");
        let out = folder.path().join("out");
        Place { folder, hier, embeddings, images, out }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `metrics`, not yet started.
    pub(crate) fn metrics(&self, more: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.arg("metrics").arg(&self.hier).arg("--embeddings").arg(&self.embeddings).arg("--out").arg(&self.out);
        command.arg("--images").arg(&self.images).args(["--device", "cpu", "--montage-min-size", "1", "--best", "2"]);
        command.args(more);
        command
    }

    /// `clustrata COMMAND`, not yet started.
    pub(crate) fn program(&self, subcommand: &str) -> Command {
        let mut command = program(self.folder.path());
        command.arg(subcommand);
        command
    }

    /// `clustrata COMMAND OUT`, not yet started.
    pub(crate) fn of_out(&self, subcommand: &str, more: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.arg(subcommand).arg(&self.out).args(more);
        command
    }

    /// Writes a shell script that stands for a Python.
    #[cfg(unix)]
    pub(crate) fn fake_python(&self, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.at("python");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("sets permissions");
        path
    }

    /// Lines of events.jsonl.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.out.join("events.jsonl")).expect("events");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// The program where nothing is known of any W&B account, and no Python is named.
fn program(home: &Path) -> Command {
    let mut command = common::program();
    let known = std::env::vars_os().map(|(name, _)| name);
    for name in known.filter(|name| name.to_string_lossy().starts_with("WANDB_")) {
        command.env_remove(name);
    }
    command.env_remove("CLUSTRATA_PYTHON").env("HOME", home).env("NETRC", home.join("netrc"));
    command
}

/// A Python that has wandb, where `script/test` made one.
pub(crate) fn python_with_wandb() -> Option<PathBuf> {
    python_with("wandb")
}

/// A Python that has this package and Pillow, where `script/test` made one.
pub(crate) fn python_with(package: &str) -> Option<PathBuf> {
    let mut python = common::python()?;
    let path = PathBuf::from(python.get_program());
    let imports = format!("import {package}, PIL");
    let there = python.args(["-c", &imports]).output().is_ok_and(|output| output.status.success());
    if !there {
        println!("skipped: {} has no {package} and Pillow (tests/tracking/requirements.txt)", path.display());
    }
    there.then_some(path)
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn output(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// The run must have ended well and be complete, and must have said so much.
pub(crate) fn complete_with_warning(place: &Place, output: &Output, parts: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("WARN").count(), 1, "{said}");
    for part in parts.iter().chain(&["the results are complete", "clustrata track"]) {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    assert!(common::record(&place.out)["levels"].is_array());
    assert!(place.out.join("levels.csv").is_file());
}
