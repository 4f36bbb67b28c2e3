//! Top-2 search for a tile's rows. The device finds candidates by score, and the nearest of them are decided by direct
//! difference. The host scans the centroids for the few rows whose scores don't decide.

use std::ops::Range;
use std::sync::Arc;

use super::centring::Centring;
use super::nominate::Nominator;
use super::own_distances::OwnDistanceOp;
use super::rescore::{Candidates, Open, ScoreError, direct_error, in_order};
use super::resident::ResidentCentroids;
use super::searched::SearchedLevel;
use crate::backend::gpu::engine::exact::NearestTwo;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::kernels::search::RowCandidates;
use crate::backend::{Top2, UNLABELLED};
use crate::base::error::Result;

/// Candidates of a row.
const CANDIDATES: usize = 4;

/// The operation.
pub(crate) struct SearchOp {
    resident: Arc<ResidentCentroids>,
    nominator: Nominator,
}

impl SearchOp {
    /// `None` if the job searches nothing.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<Option<SearchOp>> {
        let nominator = Nominator::new(lane, resident)?;
        Ok(nominator.map(|nominator| SearchOp { resident: resident.clone(), nominator }))
    }

    /// `Lane::top2`.
    pub(crate) fn search_tile(
        &mut self,
        lane: &mut LaneState<'_>,
        own: &mut OwnDistanceOp,
        centring: &mut Centring,
        level: usize,
        labels: &[u32],
        out: &mut Vec<Top2>,
    ) -> Result<()> {
        let resident = self.resident.clone();
        let searched = resident.searched.get(level).and_then(Option::as_ref);
        if labels.len() != lane.tile.rows() {
            return Err(defect("the labels don't have the shape of the tile"));
        }
        out.clear();
        out.resize(labels.len(), Top2::NONE);
        let Some(searched) = searched else {
            return Err(defect("top2 was called on a level that the job doesn't search"));
        };
        let labelled = labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED);
        let mut rows: Vec<SearchRow> = labelled.map(|(row, &own)| SearchRow::new(row, own)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let wanted = rows.iter().map(|row| row.row);
        let candidates = self.nominator.nominate(lane, centring, level, searched, wanted)?;
        if !candidates.is_empty() {
            let computable = rows.iter_mut().filter(|row| centring.computable(lane, row.row));
            computable.for_each(|row| take_candidates(row, searched, &candidates[row.row]));
        }
        evaluate(lane, own, level, 0..2, &mut rows)?;
        for row in &mut rows {
            close(lane, level, searched, candidates, row);
        }
        evaluate(lane, own, level, 2..CANDIDATES, &mut rows)?;
        let error = direct_error(lane.job.dim);
        for row in &rows {
            out[row.row] = nearest_of(lane, level, row, error);
        }
        Ok(())
    }
}

/// Takes over the nominated candidates of a row.
fn take_candidates(row: &mut SearchRow, searched: &SearchedLevel, found: &RowCandidates) {
    for (&place, cluster) in found.places.iter().zip(&mut row.clusters) {
        if let Some(&known) = searched.clusters.get(place as usize) {
            *cluster = known;
            row.open += 1;
        }
    }
}

/// Keeps only the candidates that can be among the row's nearest two. If any centroid can be, scans all of them.
fn close(
    lane: &mut LaneState<'_>,
    level: usize,
    searched: &SearchedLevel,
    candidates: &[RowCandidates],
    row: &mut SearchRow,
) {
    let found = row.open;
    let complete = found == CANDIDATES.min(searched.clusters.len()) && found > 0;
    let open = match candidates.get(row.row) {
        Some(best) if complete => {
            let mut lengths = [0.0; CANDIDATES];
            for (length, &place) in lengths.iter_mut().zip(&best.places[..found]) {
                *length = searched.lengths[place as usize];
            }
            let candidates = Candidates {
                scores: &best.scores[..found],
                lengths: &lengths[..found],
                squared: [row.squared[0], row.squared[1]],
                floor: (searched.clusters.len() > CANDIDATES).then_some(best.floor),
                longest: searched.longest,
            };
            candidates.open(&ScoreError::new(&lane.job.centre))
        }
        _ => Open::All,
    };
    let nearest = match open {
        Open::First(open) if searched.extreme.is_empty() => {
            row.open = open;
            row.clusters[open..].fill(UNLABELLED);
            return;
        }
        Open::First(open) => {
            let some = row.clusters[..open].iter().chain(&searched.extreme);
            lane.exact.nearest(&lane.tile, row.row, level, row.own, some.copied())
        }
        Open::All => {
            let all = searched.clusters.iter().chain(&searched.extreme);
            lane.exact.nearest(&lane.tile, row.row, level, row.own, all.copied())
        }
    };
    let [first, second] = nearest.found;
    row.scanned = true;
    row.clusters = [UNLABELLED, UNLABELLED, first.1, second.1];
}

/// Computes the squared distances of all rows to their candidates number `which`.
fn evaluate(
    lane: &mut LaneState<'_>,
    own: &mut OwnDistanceOp,
    level: usize,
    which: Range<usize>,
    rows: &mut [SearchRow],
) -> Result<()> {
    let mut labels = vec![UNLABELLED; lane.tile.rows()];
    for number in which {
        labels.fill(UNLABELLED);
        rows.iter().for_each(|row| labels[row.row] = row.clusters[number]);
        if labels.iter().all(|&label| label == UNLABELLED) {
            continue;
        }
        let squared = own.squared_to(lane, level, &labels)?;
        for row in rows.iter_mut().filter(|row| row.clusters[number] != UNLABELLED) {
            row.squared[number] = squared[row.row];
        }
    }
    Ok(())
}

/// The nearest two among a row's evaluated candidates. If float32 can't tell their order, float64 decides.
fn nearest_of(lane: &mut LaneState<'_>, level: usize, row: &SearchRow, error: f64) -> Top2 {
    if row.scanned {
        let [.., first, second] = row.clusters;
        return Top2 { clusters: [first, second], squared: [row.squared[2], row.squared[3]] };
    }
    let open = row.open;
    let mut found = NearestTwo::none(row.own);
    let mut ascending = row.squared;
    ascending[..open].sort_unstable_by(f64::total_cmp);
    if in_order(&ascending[..open], error) {
        row.clusters[..open].iter().zip(&row.squared).for_each(|(&cluster, &squared)| found.take(squared, cluster));
    } else {
        let open = row.clusters[..open].iter().copied();
        found = lane.exact.nearest(&lane.tile, row.row, level, row.own, open);
    }
    let clusters = found.found.map(|(_, cluster)| cluster);
    let squared = clusters.map(|cluster| {
        let place = row.clusters[..open].iter().position(|&candidate| candidate == cluster);
        place.map_or(f64::INFINITY, |place| row.squared[place])
    });
    Top2 { clusters, squared }
}

/// A row of the tile during its search.
#[derive(Debug, Clone, Copy)]
struct SearchRow {
    row: usize,
    /// The row's own cluster.
    own: u32,
    clusters: [u32; CANDIDATES],
    squared: [f64; CANDIDATES],
    /// How many of the first candidates can be among the nearest two.
    open: usize,
    /// Whether the host found the nearest two; they are then the last two candidates.
    scanned: bool,
}

impl SearchRow {
    fn new(row: usize, own: u32) -> SearchRow {
        let clusters = [UNLABELLED; CANDIDATES];
        SearchRow { row, own, clusters, squared: [f64::INFINITY; CANDIDATES], open: 0, scanned: false }
    }
}
