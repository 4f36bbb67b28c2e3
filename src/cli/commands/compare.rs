//! `clustrata compare`: two runs side by side.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_u32;
use crate::base::signals;
use crate::base::text::counted;
use crate::cli::args::CompareArgs;
use crate::evaluate::contingency;
use crate::formats::atomic_file;
use crate::formats::folder::OutputFolder;
use crate::formats::hierarchy::Hierarchy;
use crate::metrics;
use crate::metrics::gates::Verdict;
use crate::plan::record::RunRecord;
use crate::plan::recorded;
use crate::report::compare::{self, ClusterSelection, Comparison, Flow, Flows, Gate, PAGE_NAME, Pair, Relation};
use crate::run::gates;

pub(super) fn run(args: &CompareArgs) -> Result<String> {
    let by = metrics::ranked_by(&args.by.trim().replace('-', "_")).map_err(Error::usage)?;
    let shown = ClusterSelection { by, top: args.top };
    let pair = Pair::read(&args.a, &args.b)?;
    pair.check(shown)?;
    let gates = Gate::read(&args.fail_if, &pair)?;
    let page = page_file(args)?;
    let folder = args.out.as_deref().map(|out| OutputFolder::prepare_comparison(out, args.force)).transpose()?;

    // clusters must be comparable if an option needs that; otherwise the metrics are worth showing alone
    let needed = gates.iter().any(Gate::is_between) || args.clustering_a.is_some() || args.clustering_b.is_some();
    let (related, apart) = match relations(args, &pair) {
        Ok(related) => (related, None),
        Err(error) if needed => return Err(error),
        Err(error) => {
            let why = error.findings().kept().first().map_or_else(String::new, one_line);
            (pair.levels.iter().map(|_| (Relation::Unknown, None)).collect(), Some(why))
        }
    };
    let (related, flows): (Vec<Relation>, Vec<Option<Flow>>) = related.into_iter().unzip();
    let comparison = pair.compare([&args.a, &args.b], &related, apart, shown);
    let verdicts: Vec<Verdict> = gates.iter().map(|gate| gate.judge(&comparison)).collect();
    let json = as_json(&comparison, &verdicts);
    let html = args.html.as_ref().map(|_| compare::page(&pair, &comparison, &flows, &signals::go_on)).transpose()?;
    let written = write(args, page, html, folder, &comparison, &json)?;
    if args.json {
        return gates::passed(&verdicts, json.to_string());
    }
    let text = compare::as_text(&comparison);
    let text =
        written.map_or_else(|| text.clone(), |page| format!("{}\n\nwritten: {}", text.trim_end(), page.display()));
    gates::with_lines(&verdicts, text.trim_end())
}

/// Where the page goes, unless that is the folder of --out.
///
/// # Errors
/// `Usage` if something is there already, or the folder is not.
fn page_file(args: &CompareArgs) -> Result<Option<PathBuf>> {
    let file = match (&args.html, &args.out) {
        (Some(Some(file)), _) => file.clone(),
        (Some(None), None) => PathBuf::from(PAGE_NAME),
        (Some(None), Some(_)) | (None, _) => return Ok(None),
    };
    let refused = |what: &str| Finding::new(what).file(&file);
    let is_page =
        file.extension().is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"));
    if !is_page || file.is_dir() {
        // such as a third run
        let finding = refused("--html names no page").expected("a name that ends in .html");
        return Err(Error::usage(finding.hint("give --html last or with a file name: --html compare.html")));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::usage(
            refused("the folder of the page does not exist").hint("create it, or name another file"),
        ));
    }
    if file.exists() && !args.force {
        return Err(Error::usage(
            refused("the page is there already").hint("name another file, or replace it with --force"),
        ));
    }
    Ok(Some(file))
}

/// Writes what was asked for; the path of the page, if there is one.
fn write(
    args: &CompareArgs,
    page: Option<PathBuf>,
    html: Option<String>,
    folder: Option<OutputFolder>,
    comparison: &Comparison,
    json: &Value,
) -> Result<Option<PathBuf>> {
    let mut written = page.clone();
    if let Some(folder) = folder {
        compare::write_json(&folder.staging("compare.json")?, json)?;
        compare::write_csv(&folder.staging("compare.csv")?, comparison)?;
        if let (Some(html), None) = (&html, &page) {
            let path = folder.staging(PAGE_NAME)?;
            std::fs::write(&path, html).map_err(|e| Error::io("can't write the page", &path, &e))?;
            written = args.out.as_deref().map(|out| out.join(PAGE_NAME));
        }
        folder.commit()?;
    }
    if let (Some(html), Some(path)) = (html, page) {
        atomic_file::replace(&path, html.as_bytes()).map_err(|e| Error::io("can't write the page", &path, &e))?;
    }
    Ok(written)
}

fn as_json(comparison: &Comparison, verdicts: &[Verdict]) -> Value {
    let mut value = serde_json::to_value(comparison).unwrap_or_default();
    value["gates"] = json!(verdicts);
    value
}

/// How the clusters of each level are related, and where the points went if the page needs that.
fn relations(args: &CompareArgs, pair: &Pair) -> Result<Vec<(Relation, Option<Flow>)>> {
    let most = args.html.as_ref().map(|_| compare::flows_of_level(pair.levels.len()));
    let moved = args.clustering_a.is_some() || args.clustering_b.is_some();
    if !moved && pair.same_clustering() {
        let same = |&level: &u32| (Relation::Same, most.map(|most| Flow::same(&pair.sizes(level), most)));
        return Ok(pair.levels.iter().map(same).collect());
    }
    let (rows_a, rows_b) = (pair.a.inputs.rows, pair.b.inputs.rows);
    if rows_a != rows_b {
        let finding = Finding::new("the runs have different rows, so their clusters can't be compared").file(&args.b);
        return Err(Error::input(
            finding.expected(format!("{}, as in A", counted(rows_a, "row"))).found(counted(rows_b, "row")),
        ));
    }
    let a = open(&pair.a, args.clustering_a.as_deref(), "--clustering-a")?;
    let b = open(&pair.b, args.clustering_b.as_deref(), "--clustering-b")?;
    let relation = |&number: &u32| match (a.index_of(number), b.index_of(number)) {
        (Some(in_a), Some(in_b)) => {
            let mut labels = vec![0; b.labels.len()];
            b.label_rows(in_b, 0, &mut labels);
            let mut flows = most.map(|most| Flows::new(a.k(in_a), b.k(in_b), most));
            let table = contingency(&a, in_a, &labels, b.k(in_b), &[], |of_a, of_b, points| {
                flows.iter_mut().for_each(|flows| flows.add(to_u32(of_a), of_b, points));
            });
            (Relation::Table(table), flows.map(Flows::finish))
        }
        _ => (Relation::Unknown, None),
    };
    Ok(pair.levels.iter().map(relation).collect())
}

/// Opens the clustering of a run; where it has moved, the error says which option helps.
fn open(record: &RunRecord, moved: Option<&Path>, option: &str) -> Result<Hierarchy> {
    let hint = |error: Error| match error.findings().kept().first() {
        Some(finding) if moved.is_none() => {
            Error::input(finding.clone().hint(format!("give the clustering's current folder with {option}")))
        }
        _ => error,
    };
    recorded::hierarchy(record, moved).map_err(hint)
}

/// A finding as one line.
fn one_line(finding: &Finding) -> String {
    finding.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
