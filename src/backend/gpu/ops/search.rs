//! Top-2 search for a tile's rows. The device finds candidates by score; direct differences, measured on the device or on the
//! host's request, decide which are nearest. The host scans the centroids for the few rows whose scores don't decide.

use std::ops::Range;
use std::sync::Arc;

use super::after::SearchedRows;
use super::centring::Centring;
use super::nominate::Nominator;
use super::own_distances::OwnDistanceOp;
use super::remeasure::Remeasure;
use super::rescore::{Candidates, Open, ScoreError, direct_error, in_order};
use super::resident::ResidentCentroids;
use super::searched::SearchedLevel;
use crate::backend::gpu::engine::exact::NearestTwo;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::units::narrow;
use crate::backend::gpu::kernels::decide::{Nearest, UNDECIDED};
use crate::backend::gpu::kernels::search::RowCandidates;
use crate::backend::{Top2, UNLABELLED};
use crate::base::error::Result;

/// Candidates of a row.
const CANDIDATES: usize = 4;

/// The operation: it nominates candidates and measures them.
pub(crate) struct SearchOp {
    resident: Arc<ResidentCentroids>,
    nominator: Nominator,
    remeasure: Remeasure,
}

impl SearchOp {
    /// `None` if the job searches nothing.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<Option<SearchOp>> {
        let Some(nominator) = Nominator::new(lane, resident)? else { return Ok(None) };
        let remeasure = Remeasure::new(lane, resident, nominator.listed())?;
        Ok(Some(SearchOp { resident: resident.clone(), nominator, remeasure }))
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
        if labels.iter().all(|&label| label == UNLABELLED) {
            return Ok(());
        }
        if self.remeasure.handles(level) {
            return self.search_remeasured(lane, own, centring, level, searched, labels, out);
        }
        let mut rows: Vec<SearchRow> = labelled(labels).map(|row| SearchRow::new(row, labels[row])).collect();
        let wanted = rows.iter().map(|row| row.row);
        let candidates = self.nominator.nominate(lane, centring, level, searched, wanted, None)?;
        if !candidates.is_empty() {
            let computable = rows.iter_mut().filter(|row| centring.computable(lane, row.row));
            computable.for_each(|row| take_candidates(row, searched, &candidates[row.row]));
        }
        evaluate(lane, own, level, 0..2, &mut rows)?;
        for row in &mut rows {
            close(lane, level, searched, candidates.get(row.row), row)?;
        }
        evaluate(lane, own, level, 2..CANDIDATES, &mut rows)?;
        finish(lane, level, &rows, out)
    }

    /// The same for a level whose candidates the device measures. The host decides the rows that the device left undecided.
    #[expect(clippy::too_many_arguments, reason = "the lane's operations and the tile")]
    fn search_remeasured(
        &mut self,
        lane: &mut LaneState<'_>,
        own: &mut OwnDistanceOp,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
        labels: &[u32],
        out: &mut [Top2],
    ) -> Result<()> {
        let mut after = self.remeasure.after(level, SearchedRows::Tile);
        let wanted = labelled(labels);
        let mut first =
            self.nominator.nominate(lane, centring, level, searched, wanted, Some(&mut after))?.first().copied();
        let computable = |row: usize| first.is_some() && centring.computable(lane, row);
        // pairs of a row and its place in the results
        let (open, alone): (Vec<usize>, Vec<usize>) = labelled(labels).partition(|&row| computable(row));
        let mut open: Vec<(usize, usize)> = open.into_iter().map(|row| (row, row)).collect();
        take_decided(&mut open, self.remeasure.nearest(), out);
        let mut best = None;
        if self.nominator.was_in_half() && !open.is_empty() {
            let again = open.iter().map(|&(row, _)| narrow(row)).collect::<Result<Vec<u32>>>()?;
            let rows = (again.as_slice(), self.nominator.rows_again(again.len())?);
            let mut after = self.remeasure.after(level, rows.1);
            let found = self.nominator.nominate_again(lane, centring, (level, searched), rows, &mut after)?;
            first = found.first().copied();
            if rows.1 != SearchedRows::Tile {
                open.iter_mut().enumerate().for_each(|(place, (_, at))| *at = place);
                best = self.nominator.listed().map(|(best, _)| best);
            }
            take_decided(&mut open, self.remeasure.nearest(), out);
        }
        let mut scanned = Vec::new();
        for row in alone {
            let mut row = SearchRow::new(row, labels[row]);
            close(lane, level, searched, None, &mut row)?;
            scanned.push(row);
        }
        let mut closed = Vec::new();
        if let Some(first) = first.filter(|_| !open.is_empty()) {
            let places: Vec<usize> = open.iter().map(|&(_, place)| place).collect();
            let measured = self.remeasure.measured(lane, best, &places, first.stamp)?;
            for (&(row, _), (candidates, squared)) in open.iter().zip(&measured) {
                let mut row = SearchRow::new(row, labels[row]);
                take_candidates(&mut row, searched, candidates);
                take_squared(lane, level, &mut row, squared)?;
                close(lane, level, searched, Some(candidates), &mut row)?;
                if row.scanned { scanned.push(row) } else { closed.push(row) }
            }
        }
        // the nearest two of scanned rows are not measured yet
        evaluate(lane, own, level, 2..CANDIDATES, &mut scanned)?;
        finish(lane, level, &scanned, out)?;
        finish(lane, level, &closed, out)
    }
}

/// Takes over the rows that the device decided, and keeps the others. `rows` are pairs of a row of the tile and its place in
/// `nearest`.
fn take_decided(rows: &mut Vec<(usize, usize)>, nearest: &[Nearest], out: &mut [Top2]) {
    rows.retain(|&(row, place)| match decided(nearest[place]) {
        Some(nearest) => {
            out[row] = nearest;
            false
        }
        None => true,
    });
}

/// The rows that have a label.
fn labelled(labels: &[u32]) -> impl Iterator<Item = usize> {
    labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED).map(|(row, _)| row)
}

/// What the device decided about a row; `None` if it left the row undecided.
fn decided(row: Nearest) -> Option<Top2> {
    let [first, second] = row.clusters;
    let squared = row.squared.map(f64::from);
    match (first, second) {
        (UNDECIDED, _) => None,
        (_, UNLABELLED) => Some(Top2 { clusters: row.clusters, squared: [squared[0], f64::INFINITY] }),
        _ => Some(Top2 { clusters: row.clusters, squared }),
    }
}

/// Takes over the measured squared distances of a row. The host measures those again that are too small for float32.
fn take_squared(
    lane: &mut LaneState<'_>,
    level: usize,
    row: &mut SearchRow,
    squared: &[f32; CANDIDATES],
) -> Result<()> {
    let floor = lane.exact.floor(level, lane.tile.largest(row.row));
    for (number, &squared) in squared.iter().enumerate().take(row.open) {
        let squared = f64::from(squared);
        row.squared[number] = match squared >= floor {
            true => squared,
            false => lane.exact.squared(&lane.tile, row.row, level, row.clusters[number] as usize)?,
        };
    }
    Ok(())
}

/// Writes the nearest two of rows whose candidates are measured.
fn finish(lane: &mut LaneState<'_>, level: usize, rows: &[SearchRow], out: &mut [Top2]) -> Result<()> {
    let error = direct_error(lane.job.dim);
    for row in rows {
        out[row.row] = nearest_of(lane, level, row, error)?;
    }
    Ok(())
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
    candidates: Option<&RowCandidates>,
    row: &mut SearchRow,
) -> Result<()> {
    let found = row.open;
    let complete = found == CANDIDATES.min(searched.clusters.len()) && found > 0;
    let open = match candidates {
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
            return Ok(());
        }
        Open::First(open) => {
            let some = row.clusters[..open].iter().chain(&searched.extreme);
            lane.exact.nearest(&lane.tile, row.row, level, row.own, some.copied())?
        }
        Open::All => {
            let all = searched.clusters.iter().chain(&searched.extreme);
            lane.exact.nearest(&lane.tile, row.row, level, row.own, all.copied())?
        }
    };
    let [first, second] = nearest.found;
    row.scanned = true;
    row.clusters = [UNLABELLED, UNLABELLED, first.1, second.1];
    Ok(())
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
fn nearest_of(lane: &mut LaneState<'_>, level: usize, row: &SearchRow, error: f64) -> Result<Top2> {
    if row.scanned {
        let [.., first, second] = row.clusters;
        return Ok(Top2 { clusters: [first, second], squared: [row.squared[2], row.squared[3]] });
    }
    let open = row.open;
    let mut found = NearestTwo::none(row.own);
    let mut ascending = row.squared;
    ascending[..open].sort_unstable_by(f64::total_cmp);
    if in_order(&ascending[..open], error) {
        row.clusters[..open].iter().zip(&row.squared).for_each(|(&cluster, &squared)| found.take(squared, cluster));
    } else {
        let open = row.clusters[..open].iter().copied();
        found = lane.exact.nearest(&lane.tile, row.row, level, row.own, open)?;
    }
    let clusters = found.found.map(|(_, cluster)| cluster);
    let squared = clusters.map(|cluster| {
        let place = row.clusters[..open].iter().position(|&candidate| candidate == cluster);
        place.map_or(f64::INFINITY, |place| row.squared[place])
    });
    Ok(Top2 { clusters, squared })
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
