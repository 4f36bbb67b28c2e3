//! One part of a run: `clustrata metrics --shard I/N`.

use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;

use super::centroids::Keep;
use super::frontend::Frontend;
use super::session::{
    Prepared, checkpoint_interval, evaluation, finished_record, open_buffers, part_info, prepare, stage,
};
use crate::backend::Tiling;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::engine::checkpoint_store::Stage;
use crate::engine::share::Share;
use crate::formats::folder::{RECORD, refuse_to_write_into_clustering};
use crate::plan::Plan;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::settings::Options;
use crate::run::buffers::Buffers;
use crate::run::legs::Legs;
use crate::run::parts::{Earlier, PartFolder, Parts};

/// Does the part's first round, and its second if the first round of all parts is complete. Returns the text to print.
///
/// # Errors
/// As for a whole run; `Usage` where the output folder holds a finished run.
pub fn run(options: Options, share: &Share, resume: bool, json: bool, frontend: &dyn Frontend) -> Result<String> {
    signals::install_checkpoints();
    let legs = Legs::start();
    let plan = Plan::check(options.resolve()?.for_parts())?;
    let rows = share.rows(plan.embeddings.rows())?;
    let agreement = plan.fingerprint()?;
    let out = plan.settings.out.clone();
    refuse_to_write_into_clustering(&out)?;
    if out.join(RECORD).exists() && !plan.settings.force {
        if resume && finished_record(&out, &plan.hash(&agreement)?).is_some() {
            return Ok(message(&rows, "complete and merged already", json));
        }
        return Err(Error::usage(
            Finding::new("the output folder holds a finished run")
                .file(&out)
                .found(RECORD)
                .hint("name another folder with --out, or start over there with --force"),
        ));
    }
    let earlier = match (resume, plan.settings.force) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Discard,
        // the same command, repeated after the first round, does the second
        (false, false) => Earlier::BuildOn,
    };
    let info = part_info(&plan, legs, &rows);
    let work = PartFolder::open(&out, rows.clone(), agreement.clone(), info, earlier)?;
    let work = work.storing(checkpoint_interval(&plan), true);
    let prepared = prepare(plan, work, &agreement, (Keep::Always, false), frontend)?;
    let Prepared { mut plan, mut work, tiling, .. } = prepared;
    if !work.has(Stage::Distances) {
        let local = local_folder(&plan, &agreement, &rows)?;
        let mut buffers = open_buffers(&plan, &work, local.as_deref().unwrap_or(work.path()))?;
        let job = plan.job(NonZero::new(tiling.tile_rows));
        evaluation(&plan, &job, tiling, rows.clone(), frontend, &work).first(&mut buffers.sinks())?;
        buffers.finish()?;
        if let Some(local) = local {
            // it has been copied; a leftover on the machine's own disk does no harm
            let _ = std::fs::remove_dir_all(local);
        }
    }
    let done = second_round(&mut plan, tiling, &agreement, &mut work, frontend)?;
    Ok(message(&rows, &done, json))
}

/// The text to print for a part.
fn message(rows: &Range<u64>, done: &str, json: bool) -> String {
    match json {
        true => serde_json::json!({ "rows": [rows.start, rows.end], "done": done }).to_string(),
        false => format!("rows {}..{}: {done}", rows.start, rows.end),
    }
}

/// The folder on the machine's own disk where distances are written first, if there is one: many small writes to a shared
/// disk are slow, and memory-mapped files are not safe on every shared file system.
fn local_folder(plan: &Plan, agreement: &RunFingerprint, rows: &Range<u64>) -> Result<Option<PathBuf>> {
    let Some(scratch) = plan.settings.scratch_folder().filter(|_| plan.keeps_rows()) else { return Ok(None) };
    // this machine may be computing other runs of the same inputs
    let out = std::path::absolute(&plan.settings.out).unwrap_or_else(|_| plan.settings.out.clone());
    let run = blake3::hash(format!("{} {}", agreement.hash(), out.display()).as_bytes()).to_hex();
    let folder = scratch.join(format!("clustrata-rows-{}-{}-{}", &run[..16], rows.start, rows.end));
    std::fs::create_dir_all(&folder).map_err(|e| Error::io("can't create a folder for the distances", &folder, &e))?;
    Ok(Some(folder))
}

/// Does the second round, if there is one and the first is complete for all rows. Returns the part's progress.
fn second_round(
    plan: &mut Plan,
    tiling: Tiling,
    agreement: &RunFingerprint,
    work: &mut PartFolder,
    frontend: &dyn Frontend,
) -> Result<String> {
    if !plan.takes_two_rounds() {
        return Ok("complete; `clustrata merge` adds the parts up".to_owned());
    }
    let all = plan.embeddings.rows();
    let mut parts = Parts::find(&plan.settings.out)?;
    if plan.settings.force {
        // parts of an earlier run that have not been redone yet
        parts.leave_out_others(agreement);
    }
    parts.agree(agreement)?;
    parts.overlaps(Stage::Distances).into_result()?;
    if let Some(first) = parts.gaps(Stage::Distances, all).kept().first() {
        return Ok(format!(
            "first round complete; for the second, run the same command again when the first is complete for all rows \
             ({})",
            first.what()
        ));
    }
    let first = parts.first(all, &signals::go_on)?;
    let told = plan.warnings.len();
    stage(plan, work, true)?;
    plan.warnings[told..].iter().for_each(|warning| tracing::warn!("{warning}"));
    let (plan, work) = (&*plan, &*work);
    let job = plan.job(NonZero::new(tiling.tile_rows));
    let evaluation = evaluation(plan, &job, tiling, work.rows().clone(), frontend, work);
    let known = evaluation.first_round(first)?;
    let stages = evaluation.second_stages(&known);
    let again = stages.contains(&Stage::Search);
    let mut buffers = if again { Buffers::of_search(plan, work.path(), work.rows())? } else { None };
    work.sync_first(buffers.as_ref().map_or(Vec::new(), Buffers::paths));
    work.second_round(stages);
    evaluation.second(&known, &mut buffers.as_mut().map(Buffers::sinks).unwrap_or_default())?;
    Ok("both rounds complete; `clustrata merge` adds the parts up".to_owned())
}
