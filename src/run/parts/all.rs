//! All parts of a run, held against each other and added up.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::earlier::foreign;
use super::state::{self, Header};
use super::survey::{PARTS, folders};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::signals;
use crate::engine::checkpoint::Stage;
use crate::engine::partials::{Counts, OuterSums, RowSums};
use crate::formats::atomic_file::remove_unfinished;
use crate::formats::folder::LockedFolder;
use crate::formats::part_file::PartFile;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::PartOf;

/// Name of the sum of all parts' first round, beside them.
const SUM: &str = "sum.part";

/// How long to wait for another process before looking again.
const POLL: Duration = Duration::from_millis(200);

/// Every part that a folder holds, by its rows.
pub struct Parts {
    out: PathBuf,
    parts: Vec<Part>,
}

/// The distances that a part has written.
#[derive(Debug, Clone)]
pub struct PartBuffers {
    /// Its rows.
    pub rows: Range<u64>,
    /// Where they lie.
    pub folder: PathBuf,
    /// BLAKE3 (hex) of each file.
    pub checksums: BTreeMap<String, String>,
}

/// One part and what it has completed.
struct Part {
    rows: Range<u64>,
    folder: PathBuf,
    complete: BTreeMap<Stage, Header>,
}

impl Parts {
    /// Looks at all parts below `out`; their arrays are not read yet.
    ///
    /// # Errors
    /// `Input` with all files that are damaged.
    pub fn find(out: &Path) -> Result<Parts> {
        let mut findings = Findings::new();
        let mut parts = Vec::new();
        for (rows, folder) in folders(out)? {
            let mut complete = BTreeMap::new();
            for stage in Stage::ALL {
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

    /// The settings of a process that wrote one of them.
    ///
    /// # Errors
    /// `Input` where there is none.
    pub fn settings(&self) -> Result<&Value> {
        let headers = self.parts.iter().flat_map(|part| part.complete.values());
        headers.map(|header| &header.settings).next().ok_or_else(|| {
            Error::input(
                Finding::new("there are no partial results")
                    .file(self.out.join("parts"))
                    .expected("folders that `clustrata metrics ... --shard I/N` wrote")
                    .hint("name the folder that was given to it as --out"),
            )
        })
    }

    /// Refuses parts of another run.
    ///
    /// # Errors
    /// `Input` with the first of them.
    pub fn agree(&self, plan: &RunFingerprint) -> Result<()> {
        let hash = plan.hash();
        for part in &self.parts {
            if let Some((stage, header)) = part.complete.iter().find(|(_, header)| header.plan_hash != hash) {
                return Err(foreign(&part.file(*stage), &header.plan, plan));
            }
        }
        Ok(())
    }

    /// Leaves parts of another run out: they are to be done again.
    pub fn leave_out_others(&mut self, plan: &RunFingerprint) {
        let hash = plan.hash();
        for part in &mut self.parts {
            part.complete.retain(|_, header| header.plan_hash == hash);
        }
    }

    /// What keeps a stage from being added up over `rows` rows: overlaps and gaps, by name.
    pub fn wanting(&self, stage: Stage, rows: u64) -> Findings {
        let mut findings = self.overlaps(stage);
        findings.extend(self.gaps(stage, rows));
        findings
    }

    /// Parts that have done a stage and have rows in common.
    pub fn overlaps(&self, stage: Stage) -> Findings {
        let mut findings = Findings::new();
        let done: Vec<&Part> = self.parts.iter().filter(|part| part.complete.contains_key(&stage)).collect();
        for pair in done.windows(2).filter(|pair| pair[1].rows.start < pair[0].rows.end) {
            findings.push(
                Finding::new("two parts have rows in common, which would count twice")
                    .file(&pair[1].folder)
                    .expected(format!("rows from {} on, after {}", pair[0].rows.end, pair[0].folder.display()))
                    .found(format!("rows {}..{}", pair[1].rows.start, pair[1].rows.end))
                    .hint("remove the folder of the one that does not belong to this run"),
            );
        }
        findings
    }

    /// Rows that no part has done a stage of.
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
        let begun = self.parts.iter().filter(|part| rows.contains(&part.rows.start)).count();
        let known =
            if begun > 0 { format!("{begun} parts of them that are not complete") } else { "nothing".to_owned() };
        Finding::new(format!("the {} of rows {}..{} are missing", what(stage), rows.start, rows.end))
            .file(self.out.join("parts"))
            .expected(format!("complete parts that cover these rows ({}.part)", stage.name()))
            .found(known)
            .hint("run those parts (again, with --resume): metrics ... --shard I/N or --rows A..B; `status` names them")
    }

    /// Adds up what a pass found. Arrays are read and verified one part at a time.
    ///
    /// # Errors
    /// `Input` where rows are missing or twice, or a file is damaged.
    pub fn rows(&self, stage: Stage, rows: u64) -> Result<RowSums> {
        self.add_up(stage, rows, state::read_rows, |sum, next| sum.combine(&next))
    }

    /// The sum of the first round, which the second round of every part needs. It is made once and kept beside the parts;
    /// processes that want it at the same time wait for the one that makes it, as long as `go_on` lets them.
    ///
    /// # Errors
    /// As [`Parts::rows`]; what `go_on` says.
    pub fn first(&self, rows: u64, go_on: &dyn Fn() -> Result<()>) -> Result<RowSums> {
        let of = self.fingerprints()?;
        let folder = self.out.join(PARTS);
        let path = folder.join(SUM);
        loop {
            if let Some(sum) = read_sum(&path, &of) {
                return Ok(sum);
            }
            let Some(lock) = LockedFolder::try_open(&folder)? else {
                go_on()?;
                std::thread::sleep(POLL);
                continue;
            };
            if lock.is_held() {
                remove_unfinished(&folder)
                    .map_err(|e| Error::io("can't clear what a killed process left", &folder, &e))?;
            }
            // another process may have made it before the lock was ours
            if let Some(sum) = read_sum(&path, &of) {
                return Ok(sum);
            }
            let sum = self.rows(Stage::Distances, rows)?;
            let like = self.parts.iter().find_map(|part| part.complete.get(&Stage::Distances));
            if let Some(like) = like {
                let header =
                    Header { rows: (0, rows), range: (0, rows), counts: sum.counts, of: of.clone(), ..like.clone() };
                // it spares the others the work, and is not needed
                if let Err(error) = state::write_rows(&path, &header, &sum) {
                    tracing::warn!("the sum of the parts could not be kept: {error}");
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

    /// Adds up what comparing points found.
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

    /// Folders of the parts that have done the first round, with their rows and the checksums of their distances.
    pub fn folders(&self) -> Vec<PartBuffers> {
        let of = |part: &Part| {
            let header = part.complete.get(&Stage::Distances)?;
            Some(PartBuffers {
                rows: part.rows.clone(),
                folder: part.folder.clone(),
                checksums: header.buffers.clone(),
            })
        };
        self.parts.iter().filter_map(of).collect()
    }

    /// Removes all of them, and their sum.
    ///
    /// # Errors
    /// `Failed` where the system refuses to.
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
        let _ = remove_unfinished(&folder);
        // others may have put something into it
        let _ = std::fs::remove_dir(&folder);
        Ok(())
    }

    /// Who did what.
    pub fn workers(&self) -> Vec<PartOf> {
        let of = |part: &Part| PartOf {
            rows: (part.rows.start, part.rows.end),
            stages: part.complete.iter().map(|(s, header)| (s.name().to_owned(), header.worker.clone())).collect(),
        };
        self.parts.iter().filter(|part| !part.complete.is_empty()).map(of).collect()
    }

    /// How many distances all parts have computed in a stage.
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

/// A kept sum, where there is one of just these parts.
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
        Stage::Silhouette => "silhouettes",
    }
}
