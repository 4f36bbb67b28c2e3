//! `clustrata check`: every operation of the chosen device on random data, held against float64 on the host.

use std::fmt::Write;

use crate::backend::select::{self, Choice};
use crate::cli::CheckArgs;
use crate::error::{Error, Finding, Result};
use crate::probe::{self, CASES};
use crate::summary::table;

pub(super) fn run(args: &CheckArgs) -> Result<String> {
    let selected = select::open(&Choice::parse(&args.device), args.threads)?;
    let info = selected.backend.describe();
    let mut rows = vec![
        ["operation", "rows", "columns", "clusters", "points", "centroids", "offset", "error", "allowed", ""]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut failed = 0;
    for (i, case) in CASES.iter().enumerate() {
        if crate::interrupt::requested() {
            return Err(Error::interrupted());
        }
        for result in probe::run(selected.backend.as_ref(), case, args.seed.wrapping_add(i as u64))? {
            let verdict = if result.passed() { "ok" } else { "WRONG" };
            failed += usize::from(!result.passed());
            rows.push(vec![
                result.operation.to_owned(),
                case.rows.to_string(),
                case.dim.to_string(),
                case.clusters.to_string(),
                case.dtype.descr().to_owned(),
                if case.double_centroids { "<f8" } else { "<f4" }.to_owned(),
                case.offset.to_string(),
                format!("{:.1e}", result.error),
                format!("{:.0e}", result.allowed),
                verdict.to_owned(),
            ]);
        }
    }
    let mut text = format!("{} [{}, {}] {}: {}\n\n", info.name, info.backend, info.api, info.driver, selected.reason);
    text.push_str(&table(&rows));
    let checks = rows.len() - 1;
    if failed > 0 {
        let finding = Finding::new(format!("{failed} of {checks} checks failed on this device\n\n{text}"))
            .hint("update the driver, or use --device cpu; please report this table");
        return Err(Error::failed(finding));
    }
    let _ = write!(text, "\n\nall {checks} checks passed: this device computes what float64 computes");
    Ok(text)
}
