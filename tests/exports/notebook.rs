//! docs/notebook.ipynb reads the results of the demo.

use std::path::Path;
use std::process::Output;

use crate::common::{program, python, scratch};
use crate::fixtures::succeeded;

fn run(results: &Path) -> Option<Output> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = python()?;
    python.arg("-B").arg(root.join("tests/exports/run_cells.py")).arg(root.join("docs/notebook.ipynb"));
    Some(python.env("CLUSTRATA_OUT", results).output().expect("Python starts"))
}

#[test]
fn every_cell_of_the_notebook_runs() {
    let folder = scratch();
    succeeded(program().args(["demo", "--parquet", "--device", "cpu", "--out"]).arg(folder.path()));
    let results = folder.path().join("metrics");
    let Some(ran) = run(&results) else { return };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(said.contains("cells ran: 10, with output: 8, stored: 8"), "{said}");
    // the cells check what they read
    let table = results.join("levels.csv");
    let text = std::fs::read_to_string(&table).expect("a table");
    let wrong = text.replacen(",misassigned", ",nothing", 1).replacen(",silhouette", ",misassigned", 1);
    assert_ne!(wrong, text);
    std::fs::write(&table, wrong).expect("writes");
    assert!(run(&results).is_some_and(|ran| !ran.status.success()), "the control");
}
