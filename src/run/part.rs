//! One part of a run: `clustrata metrics --shard I/N`.

use std::num::NonZero;
use std::ops::Range;
use std::path::PathBuf;

use super::frontend::Frontend;
use super::session::{Prepared, about, buffers, evaluation, finished, interval, prepare};
use crate::backend::Tiling;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::engine::checkpoint::Stage;
use crate::engine::share::Share;
use crate::formats::folder::{RECORD, refuse_to_write_into_clustering};
use crate::plan::Plan;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::settings::Options;
use crate::run::parts::{Earlier, PartFolder, Parts};

/// Does the first round of the part, and the second where the first round of all parts is there.
pub fn run(options: Options, share: &Share, resume: bool, json: bool, frontend: &dyn Frontend) -> Result<String> {
    signals::install_checkpoints();
    let plan = Plan::check(options.resolve()?.for_parts())?;
    let rows = share.rows(plan.embeddings.rows())?;
    let agreement = plan.fingerprint()?;
    let out = plan.settings.out.clone();
    refuse_to_write_into_clustering(&out)?;
    if out.join(RECORD).exists() && !plan.settings.force {
        if resume && finished(&out, &plan.hash(&agreement)?).is_some() {
            return Ok(told(&rows, "complete and merged already", json));
        }
        return Err(Error::usage(
            Finding::new("the output folder holds a finished run")
                .file(&out)
                .found(RECORD)
                .hint("name another folder with --out, or begin a new run there with --force"),
        ));
    }
    let earlier = match (resume, plan.settings.force) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Discard,
        // with the same command, a part that has done its first round comes back for the second
        (false, false) => Earlier::BuildOn,
    };
    let work = PartFolder::open(&out, rows.clone(), agreement.clone(), about(&plan), earlier)?;
    let work = work.storing(interval(&plan), true);
    let Prepared { plan, work, tiling, .. } = prepare(plan, work)?;
    if !work.has(Stage::Distances) {
        let local = local_folder(&plan, &agreement, &rows)?;
        let mut buffers = buffers(&plan, &work, local.as_deref().unwrap_or(work.path()))?;
        let job = plan.job(NonZero::new(tiling.tile_rows));
        evaluation(&plan, &job, tiling, rows.clone(), frontend, &work).first(buffers.sinks())?;
        buffers.finish()?;
        if let Some(local) = local {
            // it has been copied; what can't be removed goes with the machine's own disk
            let _ = std::fs::remove_dir_all(local);
        }
    }
    let done = second_round(&plan, tiling, &agreement, &work, frontend)?;
    Ok(told(&rows, &done, json))
}

/// What is printed of a part.
fn told(rows: &Range<u64>, done: &str, json: bool) -> String {
    match json {
        true => serde_json::json!({ "rows": [rows.start, rows.end], "done": done }).to_string(),
        false => format!("rows {}..{}: {done}", rows.start, rows.end),
    }
}

/// Where distances are written first, when the machine's own disk is to be used: many small writes to a shared disk are
/// slow, and a mapped file of one is not safe everywhere.
fn local_folder(plan: &Plan, agreement: &RunFingerprint, rows: &Range<u64>) -> Result<Option<PathBuf>> {
    let Some(scratch) = plan.settings.scratch.as_ref().filter(|_| plan.keeps_rows()) else { return Ok(None) };
    // other runs of the same inputs may be at work on this machine
    let out = std::path::absolute(&plan.settings.out).unwrap_or_else(|_| plan.settings.out.clone());
    let run = blake3::hash(format!("{} {}", agreement.hash(), out.display()).as_bytes()).to_hex();
    let folder = scratch.join(format!("clustrata-rows-{}-{}-{}", &run[..16], rows.start, rows.end));
    std::fs::create_dir_all(&folder).map_err(|e| Error::io("can't create a folder for the distances", &folder, &e))?;
    Ok(Some(folder))
}

/// Does the second round where there is one and the first is over; says how far the part is.
fn second_round(
    plan: &Plan,
    tiling: Tiling,
    agreement: &RunFingerprint,
    work: &PartFolder,
    frontend: &dyn Frontend,
) -> Result<String> {
    if !plan.takes_two_rounds() {
        return Ok("complete; `clustrata merge` adds the parts up".to_owned());
    }
    let all = plan.embeddings.rows();
    let mut parts = Parts::find(&plan.settings.out)?;
    if plan.settings.force {
        // those that are still to be done again
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
    let job = plan.job(NonZero::new(tiling.tile_rows));
    let evaluation = evaluation(plan, &job, tiling, work.rows().clone(), frontend, work);
    let known = evaluation.first_round(first)?;
    work.second_round(evaluation.second_stages(&known));
    evaluation.second(&known)?;
    Ok("both rounds complete; `clustrata merge` adds the parts up".to_owned())
}
