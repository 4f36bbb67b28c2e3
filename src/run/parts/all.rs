//! All parts of a run: checks that they fit together, and merges them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::earlier::foreign;
use super::means;
use super::state::{self, Header};
use super::survey::folders;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::signals;
use crate::base::text::counted;
use crate::engine::checkpoint_store::Stage;
use crate::engine::partials::{Counts, OuterSums, RowSums};
use crate::formats::atomic_file::remove_unfinished;
use crate::formats::folder::{LockedFolder, PARTS};
use crate::formats::part_file::PartFile;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::{Leg, PartOf, joined_legs};

/// File name of the merged first round, beside the parts.
const SUM: &str = "sum.part";

/// Interval between two checks for the result of another process.
const POLL: Duration = Duration::from_millis(200);

/// All parts in a folder, sorted by their rows.
pub struct Parts {
    out: PathBuf,
    parts: Vec<Part>,
}

/// The files of values per row of a part.
#[derive(Debug, Clone)]
pub struct PartBuffers {
    /// Its rows.
    pub rows: Range<u64>,
    /// The part's folder.
    pub folder: PathBuf,
    /// BLAKE3 (hex) of each file that the first round wrote.
    pub checksums: BTreeMap<String, String>,
    /// The same of each file that a repeated search wrote; `None` if there was none.
    pub of_search: Option<BTreeMap<String, String>>,
}

/// One part and its completed stages.
struct Part {
    rows: Range<u64>,
    folder: PathBuf,
    complete: BTreeMap<Stage, Header>,
}

impl Parts {
    /// Finds all parts below `out`. Reads their headers, but not their arrays.
    ///
    /// # Errors
    /// `Input` with all damaged files.
    pub fn find(out: &Path) -> Result<Parts> {
        let mut findings = Findings::new();
        let mut parts = Vec::new();
        for (rows, folder) in folders(out)? {
            let mut complete = BTreeMap::new();
            for stage in Stage::all() {
                let path = folder.join(format!("{}.part", stage.name()));
                if path.is_file() {
                    let header = PartFile::glance(&path).and_then(|file| file.header_as::<Header>());
                    let header = header.and_then(|header| {
                        header.fits(&path, stage, &rows, true)?;
                        Ok(header)
                    });
                    complete.extend(findings.take(header).map(|header| (stage, header)));
                }
            }
            parts.push(Part { rows, folder, complete });
        }
        findings.into_result()?;
        Ok(Parts { out: out.to_owned(), parts })
    }

    /// The settings of one of the processes that wrote the parts.
    ///
    /// # Errors
    /// `Input` if there are no parts.
    pub fn settings(&self) -> Result<&Value> {
        let headers = self.parts.iter().flat_map(|part| part.complete.values());
        headers.map(|header| &header.settings).next().ok_or_else(|| {
            Error::input(
                Finding::new("there are no partial results")
                    .file(self.out.join(PARTS))
                    .expected("folders written by `clustrata metrics ... --shard I/N`")
                    .hint("name the folder that was passed to it as --out"),
            )
        })
    }

    /// Refuses parts of another run.
    ///
    /// # Errors
    /// `Input` with the first one found.
    pub fn agree(&self, plan: &RunFingerprint) -> Result<()> {
        let hash = plan.hash();
        for part in &self.parts {
            if let Some((stage, header)) = part.complete.iter().find(|(_, header)| header.plan_hash != hash) {
                return Err(foreign(&part.file(*stage), &header.plan, plan));
            }
        }
        Ok(())
    }

    /// Ignores the results of another run, so that they are computed again.
    pub fn leave_out_others(&mut self, plan: &RunFingerprint) {
        let hash = plan.hash();
        for part in &mut self.parts {
            part.complete.retain(|_, header| header.plan_hash == hash);
        }
    }

    /// What prevents a stage from being merged over `rows` rows: overlaps and gaps.
    pub fn wanting(&self, stage: Stage, rows: u64) -> Findings {
        let mut findings = self.overlaps(stage);
        findings.extend(self.gaps(stage, rows));
        findings
    }

    /// Overlaps between the parts that completed a stage.
    pub fn overlaps(&self, stage: Stage) -> Findings {
        let mut findings = Findings::new();
        let done: Vec<&Part> = self.parts.iter().filter(|part| part.complete.contains_key(&stage)).collect();
        for pair in done.windows(2).filter(|pair| pair[1].rows.start < pair[0].rows.end) {
            findings.push(
                Finding::new("two parts overlap, so some rows would count twice")
                    .file(&pair[1].folder)
                    .expected(format!("rows from {} on, after {}", pair[0].rows.end, pair[0].folder.display()))
                    .found(format!("rows {}..{}", pair[1].rows.start, pair[1].rows.end))
                    .hint("remove the folder of the part that doesn't belong to this run"),
            );
        }
        findings
    }

    /// Rows for which no part completed a stage.
    pub fn gaps(&self, stage: Stage, rows: u64) -> Findings {
        let mut findings = Findings::new();
        let mut at = 0;
        for part in self.parts.iter().filter(|part| part.complete.contains_key(&stage)) {
            if part.rows.start > at {
                findings.push(self.gap(stage, at..part.rows.start));
            }
            at = at.max(part.rows.end);
        }
        if at < rows {
            findings.push(self.gap(stage, at..rows));
        }
        findings
    }

    fn gap(&self, stage: Stage, rows: Range<u64>) -> Finding {
        let started = self.parts.iter().filter(|part| rows.contains(&part.rows.start)).count();
        let found = if started > 0 { counted(started, "incomplete part") } else { "nothing".to_owned() };
        Finding::new(format!("the {} of rows {}..{} are missing", what(stage), rows.start, rows.end))
            .file(self.out.join(PARTS))
            .expected(format!("complete parts that cover these rows ({}.part)", stage.name()))
            .found(found)
            .hint("run those parts, or resume them with --resume: metrics ... --shard I/N or --rows A..B; `status` lists them")
    }

    /// Merges the results of a pass over the rows. Reads and verifies the arrays one part at a time.
    ///
    /// # Errors
    /// `Input` if rows are missing or overlap, or a file is damaged.
    pub fn rows(&self, stage: Stage, rows: u64) -> Result<RowSums> {
        self.add_up(stage, rows, state::read_rows, |sum, next| sum.combine(&next))
    }

    /// The merged first round, which the second round of every part needs. One process computes it and stores it beside the
    /// parts; the others wait for it. `check` can end the wait.
    ///
    /// # Errors
    /// As [`Parts::rows`]; any error of `check`.
    pub fn first(&self, rows: u64, check: &dyn Fn() -> Result<()>) -> Result<RowSums> {
        let of = self.fingerprints()?;
        let folder = self.out.join(PARTS);
        let path = folder.join(SUM);
        loop {
            if let Some(sum) = read_sum(&path, &of) {
                return Ok(sum);
            }
            let Some(lock) = LockedFolder::try_open(&folder)? else {
                check()?;
                std::thread::sleep(POLL);
                continue;
            };
            if lock.is_held() {
                remove_unfinished(&folder)
                    .map_err(|e| Error::io("can't clear what a killed process left", &folder, &e))?;
            }
            // another process may have stored it before we got the lock
            if let Some(sum) = read_sum(&path, &of) {
                return Ok(sum);
            }
            let sum = self.rows(Stage::Distances, rows)?;
            let like = self.parts.iter().find_map(|part| part.complete.get(&Stage::Distances));
            if let Some(like) = like {
                let header =
                    Header { rows: (0, rows), range: (0, rows), counts: sum.counts, of: of.clone(), ..like.clone() };
                // storing it only saves the others the work
                if let Err(error) = state::write_rows(&path, &header, &sum) {
                    tracing::warn!("can't store the merged first round: {error}");
                }
            }
            return Ok(sum);
        }
    }

    fn fingerprints(&self) -> Result<Vec<String>> {
        let done = self.parts.iter().filter(|part| part.complete.contains_key(&Stage::Distances));
        let of = |part: &Part| PartFile::glance(&part.file(Stage::Distances)).map(|file| file.fingerprint());
        done.map(of).collect::<Result<_, _>>().map_err(Error::input)
    }

    /// Merges the results of comparing points with points.
    ///
    /// # Errors
    /// As [`Parts::rows`].
    pub fn outer(&self, stage: Stage, rows: u64) -> Result<OuterSums> {
        self.add_up(stage, rows, state::read_outer, |sum, next| sum.combine(&next))
    }

    fn add_up<T>(
        &self,
        stage: Stage,
        rows: u64,
        read: fn(&PartFile, &Header) -> Result<T, Finding>,
        add: impl Fn(&mut T, T),
    ) -> Result<T> {
        self.wanting(stage, rows).into_result()?;
        let mut sum: Option<T> = None;
        for part in self.parts.iter().filter(|part| part.complete.contains_key(&stage)) {
            // the arrays are verified as they are read
            let file = PartFile::glance(&part.file(stage)).map_err(Error::input)?;
            let found = read(&file, &part.complete[&stage]).map_err(Error::input)?;
            if signals::requested() {
                return Err(Error::interrupted());
            }
            match &mut sum {
                Some(sum) => add(sum, found),
                None => sum = Some(found),
            }
        }
        sum.ok_or_else(|| Error::input(self.gap(stage, 0..rows)))
    }

    /// Folders of the parts that completed the first round, with their rows and the checksums of their distances.
    pub fn folders(&self) -> Vec<PartBuffers> {
        let of = |part: &Part| {
            let header = part.complete.get(&Stage::Distances)?;
            Some(PartBuffers {
                rows: part.rows.clone(),
                folder: part.folder.clone(),
                checksums: header.buffers.clone(),
                of_search: part.complete.get(&Stage::Search).map(|header| header.buffers.clone()),
            })
        };
        self.parts.iter().filter_map(of).collect()
    }

    /// Removes all parts and the merged first round.
    ///
    /// # Errors
    /// `Failed` if a file can't be removed.
    pub fn remove(self) -> Result<()> {
        let folder = self.out.join(PARTS);
        let failed = |path: &Path, e: &std::io::Error| Error::io("can't remove the parts", path, e);
        for part in &self.parts {
            std::fs::remove_dir_all(&part.folder).map_err(|e| failed(&part.folder, &e))?;
        }
        let sum = folder.join(SUM);
        if sum.exists() {
            std::fs::remove_file(&sum).map_err(|e| failed(&sum, &e))?;
        }
        if let Some(means) = means::file_in(&self.out) {
            std::fs::remove_file(&means).map_err(|e| failed(&means, &e))?;
        }
        let _ = remove_unfinished(&folder);
        // stays if it holds other files
        let _ = std::fs::remove_dir(&folder);
        Ok(())
    }

    /// Which process computed which rows and stages.
    pub fn workers(&self) -> Vec<PartOf> {
        let of = |part: &Part| PartOf {
            rows: (part.rows.start, part.rows.end),
            stages: part.complete.iter().map(|(s, header)| (s.name().to_owned(), header.worker.clone())).collect(),
        };
        self.parts.iter().filter(|part| !part.complete.is_empty()).map(of).collect()
    }

    /// The legs of the processes that computed the parts.
    pub fn legs(&self) -> Vec<Leg> {
        let headers = self.parts.iter().flat_map(|part| part.complete.values());
        joined_legs(headers.flat_map(|header| header.legs.iter().cloned()))
    }

    /// The number of distances that all parts computed in a stage.
    pub fn counts(&self, stage: Stage) -> Counts {
        let of = |part: &Part| part.complete.get(&stage).map_or(Counts::default(), |header| header.counts);
        self.parts.iter().map(of).fold(Counts::default(), Counts::plus)
    }
}

impl Part {
    fn file(&self, stage: Stage) -> PathBuf {
        self.folder.join(format!("{}.part", stage.name()))
    }
}

/// The stored sum, if it was made from exactly these parts.
fn read_sum(path: &Path, of: &[String]) -> Option<RowSums> {
    let file = PartFile::glance(path).ok()?;
    let header: Header = file.header_as().ok()?;
    if header.of != of {
        return None;
    }
    state::read_rows(&file, &header).ok()
}

fn what(stage: Stage) -> &'static str {
    match stage {
        Stage::Distances => "sums",
        Stage::Search => "sums of the second search",
        Stage::Means => "sums around the means",
        Stage::Silhouette(_) => "silhouettes",
        Stage::Cosine => "cosine silhouettes",
    }
}
