//! `clustrata assign`: assigns rows to the centroids of a finished clustering, all or a part of them.

use std::path::Path;

use crate::base::error::Result;
use crate::base::text::counted;
use crate::cli::args::AssignArgs;
use crate::cli::console::Console;
use crate::formats::npy::shell_word;
use crate::plan::record::AssignRecord;
use crate::plan::settings::{AssignOptions, Checkpoint};
use crate::report::summary::table;
use crate::run::assign::{self, Assigned};
use crate::run::session;

pub(super) fn run(args: AssignArgs, console: &Console) -> Result<String> {
    let file = args.config.as_deref().map(AssignOptions::read).transpose()?.unwrap_or_default();
    let options = args.options.over(file);
    let checkpoints = options.checkpoint != Some(Checkpoint::Off);
    let out = options.out.clone().unwrap_or_else(|| "assigned".into());
    let assigned = assign::run(options, &args.part.share(), args.part.resume, console);
    let assigned = assigned.map_err(|error| if checkpoints { session::interrupted_as_paused(error) } else { error })?;
    Ok(match assigned {
        Assigned::All(record) => summary(&record, &out, args.json),
        Assigned::Part(rows) if args.json => serde_json::json!({ "rows": [rows.start, rows.end] }).to_string(),
        Assigned::Part(rows) => {
            let out = shell_word(&out);
            format!("rows {}..{}: complete; `clustrata merge {out}` joins the parts", rows.start, rows.end)
        }
    })
}

/// The text to print for a finished assignment.
pub(super) fn summary(record: &AssignRecord, out: &Path, json: bool) -> String {
    if json {
        return format!("{:#}", serde_json::to_value(record).unwrap_or_default());
    }
    let header = ["level", "clusters", "empty", "largest", "mean distance"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(record.levels.iter().map(|level| {
        vec![
            level.level.to_string(),
            level.clusters.to_string(),
            level.empty_clusters.to_string(),
            level.sizes.iter().max().unwrap_or(&0).to_string(),
            level.mean_distance.map_or("-".to_owned(), |mean| format!("{mean:.6}")),
        ]
    }));
    let skipped = match record.skipped_rows {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let written = out.display();
    format!("{}\n\n{}{skipped}\nwritten: {written}", table(&rows), counted(record.rows, "row"))
}
