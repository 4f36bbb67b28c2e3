//! `clustrata compare`: two runs side by side.

use serde_json::{Value, json};

use crate::base::error::{Error, Finding, Result};
use crate::base::text::counted;
use crate::cli::args::CompareArgs;
use crate::evaluate::contingency;
use crate::formats::folder::OutputFolder;
use crate::metrics;
use crate::metrics::gates::Verdict;
use crate::plan::recorded;
use crate::report::compare::{self, ClusterSelection, Comparison, Gate, Pair, Relation};
use crate::run::gates;

pub(super) fn run(args: &CompareArgs) -> Result<String> {
    let by = metrics::ranked_by(&args.by.trim().replace('-', "_")).map_err(Error::usage)?;
    let shown = ClusterSelection { by, top: args.top };
    let pair = Pair::read(&args.a, &args.b)?;
    pair.check(shown)?;
    let gates = Gate::read(&args.fail_if, &pair)?;
    let folder = args.out.as_deref().map(|out| OutputFolder::prepare_comparison(out, args.force)).transpose()?;

    // clusters must be comparable if an option needs that; otherwise the metrics are worth showing alone
    let needed = gates.iter().any(Gate::is_between) || args.clustering_a.is_some() || args.clustering_b.is_some();
    let (related, apart) = match relations(args, &pair) {
        Ok(related) => (related, None),
        Err(error) if needed => return Err(error),
        Err(error) => {
            let why = error.findings().kept().first().map_or_else(String::new, one_line);
            (pair.levels.iter().map(|_| Relation::Unknown).collect(), Some(why))
        }
    };
    let comparison = pair.compare([&args.a, &args.b], &related, apart, shown);
    let verdicts: Vec<Verdict> = gates.iter().map(|gate| gate.judge(&comparison)).collect();
    let json = as_json(&comparison, &verdicts);
    if let Some(folder) = folder {
        compare::write_json(&folder.staging("compare.json")?, &json)?;
        compare::write_csv(&folder.staging("compare.csv")?, &comparison)?;
        folder.commit()?;
    }
    if args.json {
        return gates::passed(&verdicts, json.to_string());
    }
    gates::with_lines(&verdicts, compare::as_text(&comparison).trim_end())
}

fn as_json(comparison: &Comparison, verdicts: &[Verdict]) -> Value {
    let mut value = serde_json::to_value(comparison).unwrap_or_default();
    value["gates"] = json!(verdicts);
    value
}

/// How the clusters of each level are related.
fn relations(args: &CompareArgs, pair: &Pair) -> Result<Vec<Relation>> {
    let moved = args.clustering_a.is_some() || args.clustering_b.is_some();
    if !moved && pair.same_clustering() {
        return Ok(pair.levels.iter().map(|_| Relation::Same).collect());
    }
    let (rows_a, rows_b) = (pair.a.inputs.rows, pair.b.inputs.rows);
    if rows_a != rows_b {
        let finding = Finding::new("the runs have different rows, so their clusters can't be compared").file(&args.b);
        return Err(Error::input(
            finding.expected(format!("{}, as in A", counted(rows_a, "row"))).found(counted(rows_b, "row")),
        ));
    }
    let open = |record, moved: &Option<_>, option: &str| {
        let hint = |error: Error| match error.findings().kept().first() {
            Some(finding) if moved.is_none() => {
                Error::input(finding.clone().hint(format!("give the clustering's current folder with {option}")))
            }
            _ => error,
        };
        recorded::hierarchy(record, moved.as_deref()).map_err(hint)
    };
    let a = open(&pair.a, &args.clustering_a, "--clustering-a")?;
    let b = open(&pair.b, &args.clustering_b, "--clustering-b")?;
    let relation = |&number: &u32| match (a.index_of(number), b.index_of(number)) {
        (Some(in_a), Some(in_b)) => {
            let mut labels = vec![0; b.labels.len()];
            b.label_rows(in_b, 0, &mut labels);
            Relation::Table(contingency(&a, in_a, &labels, b.k(in_b), &[]))
        }
        _ => Relation::Unknown,
    };
    Ok(pair.levels.iter().map(relation).collect())
}

/// A finding as one line.
fn one_line(finding: &Finding) -> String {
    finding.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
