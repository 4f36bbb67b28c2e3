//! The objective over the iterations of every k-means, for clusterings made by this program.

use crate::base::error::{Error, Result};
use crate::base::numeric::to_u32;
use crate::formats::folder::OutputFolder;
use crate::plan::record::{KmeansRecord, KmeansStep, RunRecord};
use crate::report::plot::{Chart, MOST_SERIES, Panel, Positions, Spot};

/// Writes `plots/kmeans.svg`.
pub(super) fn write_file(record: &RunRecord, folder: &OutputFolder) -> Result<()> {
    let Some(svg) = drawing(record) else { return Ok(()) };
    let path = folder.staging("plots/kmeans.svg")?;
    std::fs::write(&path, svg).map_err(|e| Error::io("can't write the plot", &path, &e))
}

/// The chart as SVG; `None` if the objectives are not known.
pub(super) fn drawing(record: &RunRecord) -> Option<String> {
    let made = record.kmeans.as_ref().filter(|made| made.steps.iter().any(|step| !step.objectives.is_empty()));
    made.map(|made| chart(made).to_svg())
}

/// A panel per level, a line per step.
fn chart(made: &KmeansRecord) -> Chart {
    let longest = made.steps.iter().map(|step| step.objectives.len()).max().unwrap_or(0);
    let most = to_u32(longest);
    let mut levels: Vec<u32> = made.steps.iter().map(|step| step.level).collect();
    levels.dedup();
    let steps = made.steps.iter().map(|step| step.step).max().unwrap_or(0);
    // only the first steps, if there are more than can be told apart
    let steps = (0..=steps).take(MOST_SERIES);
    Chart {
        title: "k-means objective by iteration".to_owned(),
        subtitle: "Mean squared distance of the step's points to their nearest centroids. Lower is better.".to_owned(),
        x_label: "iteration".to_owned(),
        y_label: "mean squared distance".to_owned(),
        positions: Positions::Numbers((1..=most).map(f64::from).collect()),
        series: steps.map(|step| format!("step {step}")).collect(),
        panels: levels.iter().map(|&level| panel(made, level)).collect(),
        caption: "Steps after the first are fitted to a sample of the points, so their values can't be compared with those of \
                  the first."
            .to_owned(),
    }
}

fn panel(made: &KmeansRecord, level: u32) -> Panel {
    let steps = made.steps.iter().filter(|step| step.level == level);
    let spots = |step: &KmeansStep| {
        let series = step.step as usize;
        let finite = step.objectives.iter().copied().enumerate().filter(|(_, value)| value.is_finite());
        let spot = move |(position, mean)| Spot { position, series, mean, deviation: None, values: vec![mean] };
        finite.map(spot).collect::<Vec<_>>()
    };
    let shown = steps.filter(|step| usize::try_from(step.step).is_ok_and(|step| step < MOST_SERIES));
    Panel { title: format!("level {level}"), spots: shown.flat_map(spots).collect() }
}
