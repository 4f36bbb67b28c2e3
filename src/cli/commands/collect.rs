//! `clustrata collect`: many runs in one table.

use std::fs;

use serde_json::{Map, Value};

use crate::base::error::{Error, Finding, Result};
use crate::base::text::counted;
use crate::cli::args::CollectArgs;
use crate::formats::folder::OutputFolder;
use crate::metrics::METRICS;
use crate::report::collect::{Run, Table, charts, find, settings, tables};
use crate::report::summary;

/// Most rows of a table to print; the files contain all of them.
const PRINTED: usize = 40;
/// Most folders to list in a warning.
const LISTED: usize = 10;

pub(super) fn run(args: &CollectArgs) -> Result<String> {
    refuse_missing_parquet(args)?;
    let found = find::below(&args.folders, args.skip_damaged)?;
    warn_of(&found);
    let runs = &found.runs;
    let named = |name: &String| settings::named(runs, name).map_err(Error::usage);
    let group_by = args.group_by.iter().map(named).collect::<Result<Vec<String>>>()?;
    let plot_over = match args.plot_over.as_ref().map(named).transpose()? {
        None => group_by.first().cloned().or_else(|| settings::only_parameter(runs)),
        over => over,
    };
    let keys = if args.all_settings { settings::all(runs) } else { settings::differing(runs) };
    let table = tables::of_runs(runs, &keys);
    let groups = (!group_by.is_empty()).then(|| tables::of_groups(runs, &group_by));
    let charts = plot_over.as_ref().map_or(Ok(Vec::new()), |over| charts::of_metrics(runs, over, &group_by));
    let charts = charts.unwrap_or_else(|why| {
        tracing::warn!("{}", one_line(&why));
        Vec::new()
    });

    let folder = OutputFolder::prepare_collection(&args.out, args.force, METRICS.iter().map(|metric| metric.name()))?;
    folder.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    table.write_csv(&folder.staging("runs.csv")?)?;
    write_parquet(args, &table, &folder)?;
    if let Some(groups) = &groups {
        groups.write_csv(&folder.staging("groups.csv")?)?;
    }
    for (name, chart) in &charts {
        let path = folder.staging(format!("plots/{name}.svg"))?;
        fs::write(&path, chart.to_svg()).map_err(|e| Error::io("can't write the plot", &path, &e))?;
    }
    let out = folder.path().to_owned();
    folder.commit()?;
    if args.json {
        return Ok(as_json(&table, groups.as_ref()).to_string());
    }
    let mut written = vec!["runs.csv"];
    written.extend(args.parquet.then_some("runs.parquet"));
    written.extend(groups.as_ref().map(|_| "groups.csv"));
    let shown = match &groups {
        Some(groups) => of_groups(groups),
        None => of_runs(&table),
    };
    let plots = plots_line(runs, plot_over.as_deref(), charts.len());
    Ok(format!("{shown}\nwritten to {}: {}{plots}", out.display(), written.join(", ")))
}

fn refuse_missing_parquet(args: &CollectArgs) -> Result<()> {
    if args.parquet && !cfg!(feature = "parquet") {
        let finding = Finding::new("this program was built without Parquet");
        return Err(Error::usage(finding.hint("build it with its default features, or leave out --parquet")));
    }
    Ok(())
}

#[cfg(feature = "parquet")]
fn write_parquet(args: &CollectArgs, table: &Table, folder: &OutputFolder) -> Result<()> {
    if args.parquet { crate::report::collect::parquet::write(table, &folder.staging("runs.parquet")?) } else { Ok(()) }
}

#[cfg(not(feature = "parquet"))]
fn write_parquet(_args: &CollectArgs, _table: &Table, _folder: &OutputFolder) -> Result<()> {
    Ok(())
}

fn warn_of(found: &find::Found) {
    found.skipped.iter().for_each(|skipped| tracing::warn!("skipped: {}", one_line(skipped)));
    let listed: Vec<String> = found.incomplete.iter().take(LISTED).map(|f| f.display().to_string()).collect();
    let more = if found.incomplete.len() > LISTED { ", ..." } else { "" };
    if !found.incomplete.is_empty() {
        let runs = counted(found.incomplete.len(), "unfinished run");
        tracing::warn!("skipped {runs}: {}{more}", listed.join(", "));
    }
}

fn one_line(finding: &impl ToString) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    finding.to_string().lines().map(words).collect::<Vec<_>>().join("; ")
}

fn as_json(table: &Table, groups: Option<&Table>) -> Value {
    let mut tables = Map::new();
    tables.insert("runs".to_owned(), table.to_json());
    tables.extend(groups.map(|groups| ("groups".to_owned(), groups.to_json())));
    Value::Object(tables)
}

/// The main metrics of every run and level.
fn of_runs(table: &Table) -> String {
    let shown = ["run", "level"].into_iter().chain(summary::levels::SHOWN);
    let columns: Vec<usize> = shown.filter_map(|name| table.columns.iter().position(|c| c == name)).collect();
    let cell = |value: &Value| value.as_str().map_or_else(|| summary::figure(Some(value)), str::to_owned);
    let rows = table.rows.iter().map(|row| columns.iter().map(|&c| cell(&row[c])).collect());
    let header = columns.iter().map(|&c| table.columns[c].clone()).collect();
    printed(header, rows)
}

/// The main metrics of every group and level: mean and standard deviation.
fn of_groups(table: &Table) -> String {
    let at = |name: &str| table.columns.iter().position(|column| column == name);
    let keys = table.columns.iter().take_while(|column| *column != "level").count();
    let metrics: Vec<(&str, usize, usize)> = summary::levels::SHOWN
        .iter()
        .filter_map(|name| Some((*name, at(&format!("{name}_mean"))?, at(&format!("{name}_std"))?)))
        .collect();
    let spread = |row: &[Value], mean: usize, deviation: usize| match &row[deviation] {
        Value::Null => short(&row[mean]),
        deviation => format!("{} ± {}", short(&row[mean]), short(deviation)),
    };
    let rows = table.rows.iter().map(|row| {
        let head = row[..keys + 2].iter().map(short);
        head.chain(metrics.iter().map(|&(_, mean, deviation)| spread(row, mean, deviation))).collect()
    });
    let settings = table.columns[..keys].iter().map(|column| column.replacen(tables::SETTING, "", 1));
    let header =
        settings.chain(["level", "runs"].map(str::to_owned)).chain(metrics.iter().map(|metric| metric.0.to_owned()));
    printed(header.collect(), rows)
}

/// A short cell: whole numbers without a decimal point, and only the end of long texts.
fn short(value: &Value) -> String {
    const LONGEST: usize = 40;
    match (value, value.as_f64()) {
        (_, Some(real)) if real.fract() == 0.0 && real.abs() < 1e15 => format!("{real:.0}"),
        (Value::String(text), _) if text.chars().count() > LONGEST => {
            let cut = text.chars().count() - LONGEST + 1;
            format!("…{}", text.chars().skip(cut).collect::<String>())
        }
        (Value::String(text), _) => text.clone(),
        _ => summary::figure(Some(value)),
    }
}

fn printed(header: Vec<String>, rows: impl ExactSizeIterator<Item = Vec<String>>) -> String {
    let more = rows.len().saturating_sub(PRINTED);
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows.take(PRINTED)).collect();
    let table = summary::table(&lines);
    if more > 0 { format!("{table}\n... and {}", counted(more, "more row")) } else { table }
}

/// The number of plots, or a hint if there are none.
fn plots_line(runs: &[Run], over: Option<&str>, plots: usize) -> String {
    match over {
        // a warning has said why
        Some(_) if plots == 0 => String::new(),
        Some(over) => format!(", {} over {over} in plots", counted(plots, "plot")),
        None => match settings::differing(runs).as_slice() {
            [] => String::new(),
            keys => format!("\nno plots: choose a setting with --plot-over: {}", keys.join(", ")),
        },
    }
}
