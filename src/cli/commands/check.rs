//! `clustrata check`: runs every operation of the chosen device on random data, and compares the results with float64 on the
//! host.

use crate::backend::select::{self, Choice, Request, Selected};
use crate::backend::self_test::{self, CASES, Case, Outcome};
use crate::base::error::{Error, Finding, Result};
use crate::cli::args::CheckArgs;
use crate::plan::tuning;
use crate::report::summary::table;

pub(super) fn run(args: &CheckArgs) -> Result<String> {
    let tuning = tuning::tuning(args.no_tuning);
    let request = Request { threads: args.threads, tuning, ..Request::default() };
    let selected = select::open(&Choice::parse(&args.device), &request)?;
    let mut outcomes = Vec::new();
    for (i, case) in CASES.iter().enumerate() {
        if crate::base::signals::requested() {
            return Err(Error::interrupted());
        }
        let found = self_test::run(selected.backend.as_ref(), case, args.seed.wrapping_add(i as u64))?;
        outcomes.extend(found.into_iter().map(|outcome| (case, outcome)));
    }
    let report = if args.json { for_programs(&selected, &outcomes) } else { for_people(&selected, &outcomes) };
    into_result(&outcomes, report)
}

/// The report, if all checks passed.
///
/// # Errors
/// `Failed` if a check failed; the error then carries the report.
fn into_result(outcomes: &[(&Case, Outcome)], report: String) -> Result<String> {
    let failed = outcomes.iter().filter(|(_, outcome)| !outcome.passed()).count();
    if failed > 0 {
        let finding = Finding::new(format!("{failed} of {} checks failed on this device", outcomes.len()))
            .hint("update the driver, or use --device cpu; please report this table");
        return Err(Error::failed(finding).with_report(&report));
    }
    Ok(report)
}

fn for_people(selected: &Selected, outcomes: &[(&Case, Outcome)]) -> String {
    let header = ["operation", "rows", "columns", "clusters", "points", "centroids", "offset", "error", "allowed", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(|(case, outcome)| {
        vec![
            outcome.operation.to_owned(),
            case.rows.to_string(),
            case.dim.to_string(),
            case.clusters.to_string(),
            case.dtype.descr().to_owned(),
            centroids(case).to_owned(),
            case.offset.to_string(),
            format!("{:.1e}", outcome.error),
            format!("{:.0e}", outcome.allowed),
            if outcome.passed() { "ok" } else { "WRONG" }.to_owned(),
        ]
    }));
    let info = selected.backend.describe();
    let device = format!("{} {}: {}", info.text(), info.driver, selected.reason);
    let all = match outcomes.iter().all(|(_, outcome)| outcome.passed()) {
        true => format!("\n\nall {} checks passed: this device agrees with float64", outcomes.len()),
        false => String::new(),
    };
    format!("{device}\n\n{}{all}", table(&rows))
}

fn for_programs(selected: &Selected, outcomes: &[(&Case, Outcome)]) -> String {
    let check = |(case, outcome): &(&Case, Outcome)| {
        serde_json::json!({
            "operation": outcome.operation,
            "rows": case.rows,
            "columns": case.dim,
            "clusters": case.clusters,
            "points": case.dtype.descr(),
            "centroids": centroids(case),
            "offset": case.offset,
            "error": outcome.error,
            "allowed": outcome.allowed,
            "passed": outcome.passed(),
        })
    };
    let checks: Vec<_> = outcomes.iter().map(check).collect();
    let device = selected.backend.describe();
    format!("{:#}", serde_json::json!({ "device": device, "reason": selected.reason, "checks": checks }))
}

fn centroids(case: &Case) -> &'static str {
    if case.double_centroids { "<f8" } else { "<f4" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_printed_whether_the_checks_passed_or_not() {
        let outcome = |error| (&CASES[0], Outcome { operation: "own distances", error, allowed: 1e-6 });
        assert_eq!(into_result(&[outcome(0.0)], "{}".to_owned()).ok().as_deref(), Some("{}"));
        let error = into_result(&[outcome(0.0), outcome(1.0)], "{}".to_owned()).expect_err("one fails");
        assert_eq!(error.report(), Some("{}"));
        assert!(error.to_string().contains("1 of 2 checks") && !error.to_string().contains("{}"), "{error}");
    }
}
