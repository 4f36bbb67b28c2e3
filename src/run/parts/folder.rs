//! The folder of one part: the results of its stages, kept for resuming and merging.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::state::{self, Header};
use super::survey::folder_of;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint_store::{CheckpointStore, Stage};
use crate::engine::partials::{Counts, OuterSums, RowSums, StepCut};
use crate::formats::atomic_file::remove_unfinished;
use crate::formats::folder::LockedFolder;
use crate::formats::part_file::PartFile;
use crate::formats::scratch_copies;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::{Worker, joined_legs};
use crate::run::legs::Legs;

/// Writing checkpoints takes at most 1/20 of the time: slow writes happen less often.
const SHARE: u32 = 20;

/// What to do with the files that an earlier process left in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// Refuse them.
    Refuse,
    /// Build on complete results; refuse checkpoints.
    BuildOn,
    /// Remove them.
    Discard,
    /// Resume from them.
    Resume,
}

/// The information stored beside the results.
#[derive(Debug, Clone)]
pub struct PartInfo {
    /// The settings of this process.
    pub settings: Value,
    /// This process.
    pub worker: Worker,
    /// The legs of the part.
    pub legs: Legs,
}

/// The locked folder of a part, where a process stores its results. If dropped without a result or checkpoint, it removes
/// itself.
pub struct PartFolder {
    pub(super) path: PathBuf,
    pub(super) rows: Range<u64>,
    pub(super) plan: RunFingerprint,
    pub(super) plan_hash: String,
    info: PartInfo,
    /// The stages of the second round.
    second: Mutex<Vec<Stage>>,
    /// How often to store; `None` for never.
    interval: Option<Duration>,
    /// Whether to store complete results even if they were computed quickly.
    always: bool,
    /// Files to sync before results of their rows are stored, each with its final path.
    buffers: Mutex<Vec<(PathBuf, PathBuf)>>,
    timer: Mutex<Timer>,
    started: Mutex<BTreeMap<Stage, StartedStage>>,
    // dropped in this order: the lock's file goes before the folder that holds it
    locked: LockedFolder,
    _emptied: Emptied,
}

struct Timer {
    last: Instant,
    cost: Duration,
}

/// A stage that this process has started.
#[derive(Clone, Copy)]
struct StartedStage {
    at: Instant,
    earlier_seconds: f64,
    resumed: u64,
}

/// Removes a folder and its parent, if they are empty.
pub(in crate::run) struct Emptied(pub(in crate::run) PathBuf);

impl Drop for Emptied {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
        // the lock may have removed the folder already, but not its parent
        if !self.0.exists()
            && let Some(parts) = self.0.parent()
        {
            // other parts may be in it
            let _ = fs::remove_dir(parts);
        }
    }
}

impl PartFolder {
    /// Opens the folder of a part of the run that is written to `out`.
    ///
    /// # Errors
    /// `Usage` if it holds results or checkpoints that `earlier` refuses; `Input` if they belong to another run; `Failed` if
    /// another process is working on this part, or the folder can't be written.
    pub fn open(
        out: &Path,
        rows: Range<u64>,
        plan: RunFingerprint,
        info: PartInfo,
        earlier: Earlier,
    ) -> Result<PartFolder> {
        let root = std::path::absolute(out).map_err(|e| Error::io("the output folder has no usable path", out, &e))?;
        let path = folder_of(&root, &rows);
        let locked = LockedFolder::open(&path)?;
        let plan_hash = plan.hash();
        let mut folder = PartFolder {
            _emptied: Emptied(path.clone()),
            path,
            rows,
            plan,
            plan_hash,
            info,
            second: Mutex::default(),
            interval: None,
            always: false,
            buffers: Mutex::default(),
            timer: Mutex::new(Timer { last: Instant::now(), cost: Duration::ZERO }),
            started: Mutex::default(),
            locked,
        };
        // without a lock, they may belong to another process
        if folder.locked.is_held() {
            remove_unfinished(&folder.path)
                .map_err(|e| Error::io("can't clear what a killed process left", &folder.path, &e))?;
        }
        match earlier {
            Earlier::Discard => folder.clear(),
            Earlier::Refuse if folder.holds_results() => return Err(folder.started_already()),
            Earlier::Refuse => folder.clear(),
            Earlier::BuildOn if Stage::all().any(|stage| folder.checkpoint(stage).is_file()) => {
                return Err(folder.started_already());
            }
            Earlier::BuildOn | Earlier::Resume => folder.check_earlier()?,
        }
        let headers: Vec<Header> = Stage::all().filter_map(|stage| folder.header(stage)).collect();
        folder.info.legs.follow(joined_legs(headers.into_iter().flat_map(|header| header.legs)));
        Ok(folder)
    }

    /// Stores a checkpoint at every `interval`. Stores complete results `always`, or only if they took longer than that.
    #[must_use]
    pub fn storing(mut self, interval: Option<Duration>, always: bool) -> Self {
        (self.interval, self.always) = (interval, always);
        self
    }

    /// The information stored beside the results.
    pub fn info_mut(&mut self) -> &mut PartInfo {
        &mut self.info
    }

    /// The legs of the part so far.
    pub fn legs(&self) -> &Legs {
        &self.info.legs
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rows of the part.
    pub fn rows(&self) -> &Range<u64> {
        &self.rows
    }

    /// Rows of the first round that are done.
    pub fn first_rows_done(&self) -> u64 {
        self.header(Stage::Distances).map_or(0, |header| header.range.1 - header.range.0)
    }

    /// Whether a complete result of a stage is stored.
    pub fn has(&self, stage: Stage) -> bool {
        self.complete(stage).is_file()
    }

    /// The tile size of an earlier process. With tiles of this size, a resumed stage has the same bits.
    pub fn earlier_tile_rows(&self) -> Option<usize> {
        Stage::all().find_map(|stage| self.header(stage)).map(|header| header.worker.device.tile_rows)
    }

    /// Files to sync to disk before results of their rows are stored. Files outside this folder, on the machine's own disk,
    /// are also copied into it.
    pub fn sync_first(&self, buffers: Vec<PathBuf>) {
        let home = |path: PathBuf| {
            let home = path.file_name().map_or_else(|| path.clone(), |name| self.path.join(name));
            (path, home)
        };
        *locked(&self.buffers) = buffers.into_iter().map(home).collect();
    }

    /// Sets the stages of the second round. The file of each stage lists them.
    pub fn second_round(&self, stages: Vec<Stage>) {
        *locked(&self.second) = stages;
    }

    /// Removes the stored results of a stage.
    pub fn forget(&self, stage: Stage) {
        for path in [self.complete(stage), self.checkpoint(stage)] {
            let _ = fs::remove_file(path);
        }
    }

    /// This process, with the time that it spent on a stage.
    pub fn worker(&self, stage: Stage) -> Worker {
        let started = locked(&self.started).get(&stage).copied();
        let (seconds, resumed) =
            started.map_or((0.0, 0), |stage| (stage.earlier_seconds + stage.at.elapsed().as_secs_f64(), stage.resumed));
        Worker { seconds, resumed, ..self.info.worker.clone() }
    }

    /// Removes everything: the run is complete without it.
    pub fn discard(self) {
        self.clear();
    }

    pub(super) fn complete(&self, stage: Stage) -> PathBuf {
        self.path.join(format!("{}.part", stage.name()))
    }

    pub(super) fn checkpoint(&self, stage: Stage) -> PathBuf {
        self.path.join(format!("{}.checkpoint", stage.name()))
    }

    /// The file of a stage: the complete result or the checkpoint.
    fn existing(&self, stage: Stage) -> Option<PathBuf> {
        [self.complete(stage), self.checkpoint(stage)].into_iter().find(|path| path.is_file())
    }

    fn header(&self, stage: Stage) -> Option<Header> {
        PartFile::glance(&self.existing(stage)?).ok()?.header_as().ok()
    }

    fn holds_results(&self) -> bool {
        Stage::all().any(|stage| self.existing(stage).is_some())
    }

    fn clear(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if !name.as_encoded_bytes().starts_with(b".") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Notes that a stage starts, or resumes from the file with this `header`.
    fn begin(&self, stage: Stage, header: Option<&Header>) {
        let resumed = header.map_or(0, |header| header.worker.resumed + u64::from(header.done < 1.0));
        let earlier_seconds = header.map_or(0.0, |header| header.worker.seconds);
        locked(&self.started).insert(stage, StartedStage { at: Instant::now(), earlier_seconds, resumed });
    }

    /// Reads the stored results of a stage. They were checked when the folder was opened.
    fn load<T>(&self, stage: Stage, read: fn(&PartFile, &Header) -> Result<T, Finding>) -> Result<Option<T>> {
        let Some(path) = self.existing(stage) else {
            self.begin(stage, None);
            return Ok(None);
        };
        // the arrays are verified as they are read
        let opened = PartFile::glance(&path).and_then(|file| {
            let header: Header = file.header_as()?;
            header.fits(&path, stage, &self.rows, path == self.complete(stage))?;
            let found = read(&file, &header)?;
            Ok((header, found))
        });
        let (header, found) = opened.map_err(Error::input)?;
        tracing::info!("{}: resuming at {:.1} %", stage.name(), 100.0 * header.done);
        self.begin(stage, Some(&header));
        Ok(Some(found))
    }

    fn header_of(&self, stage: Stage, range: Range<u64>, done: f64, counts: Counts) -> Header {
        let round = match stage {
            Stage::Distances => vec![stage],
            _ => locked(&self.second).clone(),
        };
        Header {
            stage: stage.name().to_owned(),
            rows: (self.rows.start, self.rows.end),
            range: (range.start, range.end),
            done,
            round: round.into_iter().map(|stage| stage.name().to_owned()).collect(),
            plan: self.plan.clone(),
            plan_hash: self.plan_hash.clone(),
            settings: self.info.settings.clone(),
            worker: self.worker(stage),
            legs: self.info.legs.all(),
            counts,
            point_columns: None,
            sweep: None,
            buffers: BTreeMap::new(),
            of: Vec::new(),
        }
    }

    /// Writes a result or a checkpoint, after syncing the buffers it depends on.
    fn store(
        &self,
        stage: Stage,
        complete: bool,
        mut header: Header,
        write: impl FnOnce(&Path, &Header) -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        let quick = !locked(&self.timer).is_over(self.interval) && !self.checkpoint(stage).is_file();
        if complete && !self.always && (quick || self.interval.is_none()) {
            return Ok(());
        }
        if matches!(stage, Stage::Distances | Stage::Search) {
            header.buffers = self.bring_buffers(complete)?;
        }
        write(&if complete { self.complete(stage) } else { self.checkpoint(stage) }, &header)?;
        if complete {
            let _ = fs::remove_file(self.checkpoint(stage));
        }
        *locked(&self.timer) = Timer { last: Instant::now(), cost: started.elapsed() };
        Ok(())
    }

    /// Syncs the buffers to disk and brings them into this folder. Returns their checksums if they are `complete`.
    fn bring_buffers(&self, complete: bool) -> Result<BTreeMap<String, String>> {
        let mut checksums = BTreeMap::new();
        for (buffer, home) in locked(&self.buffers).iter() {
            let failed = |e: &std::io::Error| Error::io("can't write the distances to the disk", buffer, e);
            if buffer == home {
                let file = File::options().read(true).write(true).open(buffer).map_err(|e| failed(&e))?;
                file.sync_data().map_err(|e| failed(&e))?;
            } else {
                // the signal that asks for the checkpoint must not prevent it
                let check = || match signals::asked() {
                    StopRequest::Stop => Err(Error::interrupted()),
                    StopRequest::No | StopRequest::Checkpoint => Ok(()),
                };
                scratch_copies::copy_back(buffer, home, &check)?;
            }
            if complete && let Some(name) = home.file_name().and_then(|name| name.to_str()) {
                let mut hasher = blake3::Hasher::new();
                let hashed = File::open(home).and_then(|file| hasher.update_reader(file).map(|h| h.finalize()));
                checksums.insert(name.to_owned(), hashed.map_err(|e| failed(&e))?.to_hex().to_string());
            }
        }
        Ok(checksums)
    }
}

impl CheckpointStore for PartFolder {
    fn load_rows(&self, stage: Stage) -> Result<Option<RowSums>> {
        self.load(stage, state::read_rows)
    }

    fn load_outer(&self, stage: Stage) -> Result<Option<OuterSums>> {
        self.load(stage, state::read_outer)
    }

    fn store_rows(&self, stage: Stage, found: &RowSums) -> Result<()> {
        let length = |range: &Range<u64>| crate::base::numeric::as_real(range.end - range.start);
        let done = length(&found.rows) / length(&self.rows);
        let mut header = self.header_of(stage, found.rows.clone(), done, found.counts);
        header.point_columns = found.points.first().map(|points| points.dim());
        let complete = found.rows.end == self.rows.end;
        self.store(stage, complete, header, |path, header| state::write_rows(path, header, found))
    }

    fn store_outer(&self, stage: Stage, found: &OuterSums) -> Result<()> {
        let real = crate::base::numeric::as_real;
        let done = if found.is_complete() { 1.0 } else { real(found.steps) / real(found.of_steps.max(1)) };
        let mut header = self.header_of(stage, found.outer.clone(), done, found.counts);
        let sweep: (StepCut, u64, u64) = (found.cut, found.steps, found.of_steps);
        header.sweep = Some(sweep);
        self.store(stage, found.is_complete(), header, |path, header| state::write_outer(path, header, found))
    }

    fn due(&self) -> bool {
        self.interval.is_some() && locked(&self.timer).is_over(self.interval)
    }

    fn pause_requested(&self) -> bool {
        self.interval.is_some() && signals::asked() == StopRequest::Checkpoint
    }
}

impl Timer {
    fn is_over(&self, interval: Option<Duration>) -> bool {
        interval.is_some_and(|interval| self.last.elapsed() >= interval.max(self.cost * SHARE))
    }
}

impl Drop for PartFolder {
    fn drop(&mut self) {
        if self.holds_results() {
            self.locked.keep();
        } else {
            self.clear();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
