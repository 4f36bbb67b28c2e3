//! Checkpoints of a k-means: one part file per process (see [`crate::formats::part_file`]).

use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::bounds::Bounds;
use super::state::{Phase, State};
use super::sums::Sums;
use super::words::Words;
use super::{Checkpoint, Fit, Fitted};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint_store::paused;
use crate::engine::partials::PointSums;
use crate::formats::part_file::{PartFile, Writer};

/// Header of a checkpoint. The other values are arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    /// Fingerprint of the k-means.
    kmeans: String,
    /// Rank that wrote it, and number of processes.
    #[serde(rename = "member")]
    process: (usize, usize),
    init: u32,
    phase: Phase,
    position: u64,
    compared: usize,
    /// Rounds of k-means|| that have drawn.
    #[serde(default)]
    rounds: u32,
    /// Whether the bounds follow the centroids' last move. Earlier programs wrote none of this, and their bounds do not.
    #[serde(default)]
    drifted: bool,
    moving: u64,
    searching: u64,
    /// Number of distinct points if it is below the number of clusters.
    distinct: Option<u64>,
    /// Best finished start: number of empty clusters, and whether it converged.
    best: Option<(u64, bool)>,
}

/// Progress of a k-means: start, phase, iterations, centroids chosen and compared. Processes resume from a step that all of
/// them have stored. Within a step, each process resumes at its own position.
type Step = [u64; 5];

impl Checkpoint {
    /// The previous checkpoint. A process killed while writing the latest one has only this.
    fn previous(&self) -> PathBuf {
        self.path.with_extension("previous.part")
    }

    /// Checkpoint stored when the run stops. It does not replace the last common one: a killed process has no other.
    fn at_stop(&self) -> PathBuf {
        self.path.with_extension("parting.part")
    }

    /// All possible files, the furthest along first.
    fn files(&self) -> [PathBuf; 3] {
        [self.at_stop(), self.path.clone(), self.previous()]
    }

    /// Removes the checkpoint. Call this once the result of the k-means is stored.
    pub fn discard(&self) {
        for path in self.files() {
            // one that can't be removed does no harm: a k-means with other settings refuses it
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Stores the state. All processes do so at the same step.
pub(super) fn store(fit: &Fit<'_>, checkpoint: &Checkpoint, state: &State) -> Result<()> {
    // the first time, there is none
    let _ = std::fs::rename(&checkpoint.path, checkpoint.previous());
    write(fit, checkpoint, &checkpoint.path, state)?;
    // it is older than this one
    let _ = std::fs::remove_file(checkpoint.at_stop());
    Ok(())
}

fn write(fit: &Fit<'_>, checkpoint: &Checkpoint, path: &Path, state: &State) -> Result<()> {
    let flat = |matrix: &Array2<f64>| matrix.iter().copied().collect::<Vec<f64>>();
    let mut writer = Writer::create(path)?;
    writer.array("centre", [&state.centre])?;
    writer.array("change", [&[state.change, state.settled, state.farthest, state.peak][..]])?;
    writer.array("labels", [&state.bounds.labels])?;
    writer.array("upper", [&state.bounds.upper])?;
    writer.array("lower", [&state.bounds.lower])?;
    writer.array("centroids", [flat(&state.centroids)])?;
    writer.array("chosen", [&state.chosen])?;
    let [sums, rests] = state.sums.points().values();
    writer.array("sums", [sums])?;
    writer.array("rests", [rests])?;
    writer.array("counts", [state.sums.counts()])?;
    writer.array("objectives", [&state.objectives])?;
    writer.array("moved", [&state.moved])?;
    writer.array("searched", [&state.searched])?;
    if let Some(best) = &state.best {
        writer.array("best/centroids", [flat(&best.centroids)])?;
        writer.array("best/objectives", [&best.objectives])?;
        writer.array("best/moved", [&best.moved])?;
        writer.array("best/searched", [&best.searched])?;
    }
    writer.finish(&Header {
        kmeans: checkpoint.identity.clone(),
        process: (fit.communicator.rank(), fit.communicator.size()),
        init: state.init,
        phase: state.phase,
        position: state.position,
        compared: state.compared,
        rounds: state.rounds,
        drifted: true,
        moving: state.moving,
        searching: state.searching,
        distinct: state.distinct,
        best: state.best.as_ref().map(|best| (best.empty, best.converged)),
    })
}

/// Loads the furthest step that all processes have stored; `None` without one.
pub(super) fn load(fit: &Fit<'_>) -> Result<Option<State>> {
    let Some(checkpoint) = &fit.checkpoint else { return Ok(None) };
    let mut own = Vec::new();
    for path in checkpoint.files().into_iter().filter(|path| path.is_file()) {
        let (file, header) = open(checkpoint, &path).map_err(Error::input)?;
        // with another number of processes, the shares differ
        if header.process == (fit.communicator.rank(), fit.communicator.size()) {
            own.push((step(&file, &header), file, header));
        }
    }
    let mut words = Words::default();
    own.iter().for_each(|(step, ..)| words.push(step.iter().copied()));
    let all = fit.communicator.gather(words.into_bytes())?;
    let mut decided = Words::default();
    if let Some(step) = furthest(&all) {
        decided.push(step.into_iter());
    }
    let mut bytes = decided.into_bytes();
    fit.communicator.broadcast(&mut bytes)?;
    let mut decided = Words::from_bytes(&bytes);
    let decided = decided.next_list();
    match own.iter().find(|(step, ..)| step[..] == *decided) {
        Some((_, file, header)) => read(fit, checkpoint, file, header).map(Some).map_err(Error::input),
        None => {
            if !own.is_empty() {
                tracing::warn!("the processes have no checkpoint of a common step: this k-means restarts");
            }
            Ok(None)
        }
    }
}

/// The furthest step that every process has.
fn furthest(processes: &[Vec<u8>]) -> Option<Step> {
    let steps = |bytes: &Vec<u8>| {
        let mut words = Words::from_bytes(bytes);
        let mut steps = Vec::new();
        while !words.is_over() {
            steps.extend(<Step>::try_from(words.next_list()));
        }
        steps
    };
    let processes: Vec<Vec<Step>> = processes.iter().map(steps).collect();
    let (first, others) = processes.split_first()?;
    first.iter().filter(|step| others.iter().all(|other| other.contains(step))).max().copied()
}

fn step(file: &PartFile, header: &Header) -> Step {
    let length = |name: &str| file.length(name).unwrap_or(0);
    let iterating = u64::from(header.phase == Phase::Iterating);
    [u64::from(header.init), iterating, length("objectives"), length("chosen"), header.compared as u64]
}

fn open(checkpoint: &Checkpoint, path: &Path) -> Result<(PartFile, Header), Finding> {
    let file = PartFile::glance(path)?;
    let header: Header = file.header_as()?;
    if header.kmeans != checkpoint.identity {
        let finding = Finding::new("a checkpoint belongs to another k-means").file(path);
        let finding = finding.expected(checkpoint.identity.clone()).found(header.kmeans);
        return Err(finding.hint("resume with the settings and inputs it was written with, or remove it to restart"));
    }
    // before the first iteration has ended, there is nothing to follow
    let iterated = header.phase == Phase::Iterating && file.length("objectives").is_some_and(|count| count > 0);
    if iterated && !header.drifted {
        let finding = Finding::new("a checkpoint was written by another version of the program").file(path);
        let files = checkpoint.files().map(|file| file.display().to_string()).join(", ");
        return Err(finding.hint(format!("resume with that version, or remove these to restart: {files}")));
    }
    Ok((file, header))
}

fn read(fit: &Fit<'_>, checkpoint: &Checkpoint, file: &PartFile, header: &Header) -> Result<State, Finding> {
    let dim = fit.points.dim();
    let matrix = |name: &str| -> Result<Array2<f64>, Finding> {
        let values = file.read::<f64>(name)?;
        let rows = values.len().checked_div(dim).unwrap_or(0);
        Array2::from_shape_vec((rows, dim), values).map_err(|_| misshapen(checkpoint, name))
    };
    let best = match header.best {
        Some((empty, converged)) => Some(Fitted {
            centroids: matrix("best/centroids")?,
            objectives: file.read("best/objectives")?,
            moved: file.read("best/moved")?,
            searched: file.read("best/searched")?,
            empty,
            distinct: header.distinct,
            converged,
        }),
        None => None,
    };
    let [change, settled, farthest, peak] = file.read("change")?[..] else {
        return Err(misshapen(checkpoint, "change"));
    };
    let sums = PointSums::of_values(dim, file.read("sums")?, file.read("rests")?);
    let sums = sums.ok_or_else(|| misshapen(checkpoint, "rests"))?;
    let state = State {
        centre: file.read("centre")?,
        change,
        settled,
        farthest,
        peak,
        init: header.init,
        phase: header.phase,
        position: header.position,
        compared: header.compared,
        rounds: header.rounds,
        bounds: Bounds { labels: file.read("labels")?, upper: file.read("upper")?, lower: file.read("lower")? },
        centroids: matrix("centroids")?,
        chosen: file.read("chosen")?,
        sums: Sums::of(sums, file.read("counts")?),
        moving: header.moving,
        searching: header.searching,
        objectives: file.read("objectives")?,
        moved: file.read("moved")?,
        searched: file.read("searched")?,
        distinct: header.distinct,
        best,
    };
    fits(fit, &state).map_err(|name| misshapen(checkpoint, name))?;
    Ok(state)
}

/// Fails with the name of the first array whose length does not fit this k-means.
fn fits(fit: &Fit<'_>, state: &State) -> Result<(), &'static str> {
    let (n, k, dim) = (fit.points.len(), fit.clusters, fit.points.dim());
    let rows = match state.phase {
        Phase::Seeding => state.chosen.len(),
        Phase::Iterating => k,
    };
    let right = [
        ("centre", state.centre.len() == dim),
        ("labels", state.bounds.labels.len() as u64 == n),
        ("upper", state.bounds.upper.len() as u64 == n),
        ("lower", state.bounds.lower.len() as u64 == n),
        ("centroids", state.centroids.nrows() == rows),
        ("sums", state.sums.points().values()[0].len() == k * dim),
        ("counts", state.sums.counts().len() == k),
        ("labels", state.bounds.labels.iter().all(|&label| label == u32::MAX || (label as usize) < rows)),
    ];
    right.iter().find(|(_, right)| !right).map_or(Ok(()), |(name, _)| Err(*name))
}

fn misshapen(checkpoint: &Checkpoint, name: &str) -> Finding {
    Finding::new(format!("the array `{name}` of a checkpoint does not fit this k-means"))
        .file(&checkpoint.path)
        .hint("remove it to restart")
}

/// The error with which a k-means ends after `error`. If a pause was requested or another process was lost, its state is
/// stored first.
pub(super) fn store_on_stop(fit: &Fit<'_>, error: Error, state: &State) -> Error {
    let Some(checkpoint) = &fit.checkpoint else { return error };
    let pausing = error.kind() == Kind::Interrupted && signals::asked() == StopRequest::Checkpoint;
    let lost = matches!(error.kind(), Kind::Paused | Kind::Failed) && fit.communicator.size() > 1;
    if !pausing && !lost {
        return error;
    }
    match write(fit, checkpoint, &checkpoint.at_stop(), state) {
        Ok(()) if lost => error,
        Ok(()) => paused(),
        Err(failed) if lost => {
            tracing::warn!("can't write a checkpoint: {failed}");
            error
        }
        Err(failed) => failed,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn bounds_that_do_not_follow_the_centroids_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("k-means.checkpoint");
        let checkpoint = Checkpoint { path: path.clone(), every: Duration::ZERO, identity: "one".to_owned() };
        let opened = |phase: &str, objectives: &[f64], drifted: Option<bool>| {
            let mut writer = Writer::create(&path).expect("creates");
            writer.array("objectives", [objectives]).expect("writes");
            let mut header = serde_json::json!({
                "kmeans": "one", "member": [0, 1], "init": 0, "phase": phase, "position": 0, "compared": 0, "moving": 0,
                "searching": 0, "distinct": null, "best": null,
            });
            if let Some(drifted) = drifted {
                header["drifted"] = drifted.into();
            }
            writer.finish(&header).expect("writes");
            open(&checkpoint, &path).map(|_| ()).map_err(|finding| finding.to_string())
        };
        let refused = opened("iterating", &[7.0], None).expect_err("an iteration moved the centroids");
        assert!(refused.contains("another version") && refused.contains("k-means.previous.part"), "{refused}");
        assert_eq!(opened("iterating", &[7.0], Some(true)), Ok(()));
        assert_eq!(opened("iterating", &[], None), Ok(()), "no centroid has moved");
        assert_eq!(opened("seeding", &[], None), Ok(()));
    }
}
