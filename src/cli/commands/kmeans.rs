//! `clustrata kmeans`: clusters embeddings into a hierarchy.

use crate::base::error::Result;
use crate::cli::args::KmeansArgs;
use crate::cli::console::Console;
use crate::formats::npy::shell_word;
use crate::plan::record::KmeansRecord;
use crate::plan::settings::{Checkpoint, KmeansOptions, KmeansSettings};
use crate::report::summary::table;
use crate::report::tracking;
use crate::run::{kmeans, session};

pub(super) fn run(args: KmeansArgs, console: &Console) -> Result<String> {
    let file = args.config.as_deref().map(KmeansOptions::read).transpose()?.unwrap_or_default();
    let settings = args.options.over(file).resolve()?;
    let checkpoints = settings.checkpoint != Checkpoint::Off;
    let made = kmeans::make(settings, args.shard, args.resume, console);
    let record = made.map_err(|error| if checkpoints { session::interrupted_as_paused(error) } else { error })?;
    if let Some((record, settings)) = &record {
        tracking::send_after_kmeans(&settings.tracking, record, &settings.out);
    }
    Ok(match record {
        // only rank 0 prints the summary
        None => String::new(),
        Some((record, _)) if args.json => format!("{:#}", serde_json::to_value(&record).unwrap_or_default()),
        Some((record, settings)) => summary(&record, &settings),
    })
}

fn summary(record: &KmeansRecord, settings: &KmeansSettings) -> String {
    let header =
        ["level", "step", "points", "clusters", "empty", "iterations", "first", "last", "all points", "seconds"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let objective = |value: Option<&f64>| value.map_or("-".to_owned(), |value| format!("{value:.6}"));
    rows.extend(record.steps.iter().map(|step| {
        vec![
            step.level.to_string(),
            step.step.to_string(),
            step.fitted.to_string(),
            step.clusters.to_string(),
            step.empty_clusters.to_string(),
            step.objectives.len().to_string(),
            objective(step.objectives.first()),
            objective(step.objectives.last()),
            objective(Some(&step.mean_squared_distance)),
            format!("{:.1}", step.seconds.iter().sum::<f64>()),
        ]
    }));
    let (out, word) = (settings.out.display(), shell_word(&settings.out));
    format!(
        "{}\n\nfirst, last: mean squared distance of the step's points, before the first and before the last iteration; \
         all points: of all points of the level\n\nwritten: {out}\nevaluate it: clustrata metrics {word}",
        table(&rows)
    )
}
