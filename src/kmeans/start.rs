//! The first centroids of a k-means: which way to choose them, and choosing them.
//!
//! | way | centroids that the points are compared with | passes over the points |
//! |---|---|---|
//! | k-means++ | 2k | about 2k / 1024 + 8 |
//! | k-means&#124;&#124; (Bahmani et al., VLDB 2012) | 10k, in 5 rounds of 2k | 7 |
//! | sampled: k-means++ on 64 k points | 2k, but only those points | 1, of those points |
//! | random | none | none |
//!
//! Candidates are always reduced to k by merging their cells (see `merge`), also those of k-means||: its authors draw again by
//! weight.

use ndarray::{Array2, Axis};
use rand::RngCore as _;
use rand::seq::index;

use super::distinct::{DistinctRows, first_of_each, padded};
use super::initial::{fetch, uniform};
use super::plus_plus::Seeding;
use super::random::{path_stream, start_stream};
use super::shares::Shares;
use super::state::State;
use super::{Fit, Init, merge, spherical};
use crate::base::error::Result;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::points::{Held, Picked, Points, is_in_range};
use crate::engine::resident_points::ResidentPoints;

/// Points per cluster of the sample that `sampled` runs k-means++ on.
pub(super) const SAMPLED_POINTS: u64 = 64;

/// A sample of at most this many bytes is held in memory; a larger one is read in each pass.
const HELD_BYTES: u64 = 2 << 30;

/// Searches of all points to which the bounds reduce a fit of many iterations.
const SEARCHES: u32 = 10;

/// `auto` keeps k-means++ if it costs at most this share of the fit.
const SHARE: f64 = 0.1;

/// `auto` keeps k-means++ up to this many operations (a multiply-add counts as two): eight minutes on two cores with AVX-512,
/// seconds on a large GPU.
const AFFORDABLE: f64 = 1e14;

/// `auto` takes a sample only if it is at most this share of the points.
const SAMPLE_SHARE: u64 = 4;

/// Number of the random stream of a sample. Streams of batches are numbered by centroids chosen before.
const SAMPLE_STREAM: u64 = u64::MAX;

/// How first centroids are chosen, and why `auto` decided so.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Never `auto`.
    pub init: Init,
    /// The estimate that `auto` decided by; `None` if the user chose.
    pub why: Option<String>,
}

/// Decides how the first centroids of `clusters` clusters of `points` points of `dim` columns are chosen. Depends on nothing
/// else, so that the same seed gives the same centroids on every device and with any number of processes.
pub fn choose(asked: Init, points: u64, clusters: usize, dim: usize, iterations: u32) -> Start {
    if asked != Init::Auto {
        return Start { init: asked, why: None };
    }
    let search = 2.0 * as_real(points) * as_real(clusters as u64) * as_real(dim as u64);
    let (plus_plus, fit) = (2.0 * search, f64::from(iterations.min(SEARCHES)) * search);
    let sample = SAMPLED_POINTS.saturating_mul(clusters as u64);
    let costly = plus_plus > SHARE * fit && plus_plus > AFFORDABLE;
    let init = if costly && sample <= points / SAMPLE_SHARE { Init::Sampled } else { Init::KmeansPlusPlus };
    let share = if fit > 0.0 { format!("{:.0} % of", 100.0 * plus_plus / fit) } else { "more than".to_owned() };
    let why = format!(
        "k-means++ would take {plus_plus:.1e} operations, {share} the fit; sampled needs {sample} of {points} points"
    );
    Start { init, why: Some(why) }
}

/// Positions (ascending) of the `count` of `points` points that level 1 is fitted to. Depends on nothing but the seed of the run.
pub fn sampled_positions(seed: u64, points: u64, count: u64) -> Vec<u64> {
    // levels are numbered from 1, so no other part of the hierarchy has this path
    sample(&mut path_stream(&[seed, 0]), points, count)
}

/// `count` of `points` positions, drawn without replacement, ascending.
fn sample(random: &mut impl rand::Rng, points: u64, count: u64) -> Vec<u64> {
    let drawn = index::sample(random, to_usize(points), to_usize(count));
    let mut drawn: Vec<u64> = drawn.into_iter().map(|position| position as u64).collect();
    drawn.sort_unstable();
    drawn
}

/// Chooses the first centroids of the current start, and begins its iterations. Calls `save` between two passes.
pub(super) fn seed(
    fit: &Fit<'_>,
    shares: &Shares,
    state: &mut State,
    save: &mut dyn FnMut(&State) -> Result<()>,
) -> Result<()> {
    let Fit { clusters, seed, .. } = *fit;
    let init = choose(fit.init, shares.points, clusters, fit.points.dim(), fit.iterations).init;
    if init == Init::Random && state.chosen.is_empty() {
        let chosen = uniform(&mut start_stream(seed, state.init, 0), shares.points, clusters);
        let rows = fetch(fit, shares, &chosen)?;
        let first = first_of_each(rows.view());
        state.centroids = rows.select(Axis(0), &first);
        state.chosen = first.into_iter().map(|place| chosen[place]).collect();
    }
    if init == Init::Random && state.chosen.len() == clusters {
        let centroids = std::mem::take(&mut state.centroids);
        begin(fit, state, centroids);
        return Ok(());
    }
    if init == Init::Sampled
        && state.chosen.is_empty()
        && let Some(centroids) = of_sample(fit, shares, state)?
    {
        // on a sphere, k-means++ on the sample has already divided them by their norms
        state.start_iterating(centroids);
        return Ok(());
    }
    // k-means++ draws twice as many as wanted, which are merged; after another start it only replaces repeated rows
    let wanted = match init {
        Init::Random | Init::KmeansParallel => clusters,
        _ => to_usize(shares.points.min(2 * clusters as u64)),
    };
    let compared = if init == Init::KmeansParallel { Seeding::ROUNDS_DRAW * clusters as u64 } else { wanted as u64 };
    let progress = fit.watch.start_stage("k-means++", fit.points.len() * compared, 0);
    let progress = progress.as_ref();
    let mut seeding = Seeding { fit, shares, wanted, progress, known: DistinctRows::default() };
    while init == Init::KmeansParallel && seeding.round(state)? {
        save(state)?;
    }
    while seeding.step(state)? {
        save(state)?;
    }
    let found = state.chosen.len();
    state.distinct = (found < clusters).then_some(found as u64);
    let centroids = match found > clusters {
        true => merge::merged(fit, state, progress)?,
        false => padded(&state.centroids, clusters),
    };
    begin(fit, state, centroids);
    Ok(())
}

/// Begins the iterations with initial centroids. The state's are the points from which these were made.
fn begin(fit: &Fit<'_>, state: &mut State, centroids: Array2<f64>) {
    let seeds = std::mem::take(&mut state.centroids);
    state.start_iterating(if fit.spherical { spherical::start(centroids, &seeds) } else { centroids });
}

/// The centroids that k-means++ chooses on a sample. `None` if the sample would be all points, if it has fewer distinct points
/// than clusters, or if it holds points that are not finite: k-means++ on all points deals with these.
fn of_sample(fit: &Fit<'_>, shares: &Shares, state: &State) -> Result<Option<Array2<f64>>> {
    let count = SAMPLED_POINTS.saturating_mul(fit.clusters as u64);
    if count >= shares.points {
        return Ok(None);
    }
    let mut random = start_stream(fit.seed, state.init, SAMPLE_STREAM);
    let drawn = sample(&mut random, shares.points, count);
    let own = drawn.iter().filter(|position| shares.own.contains(position));
    let positions: Vec<u64> = own.map(|position| position - shares.own.start).collect();
    let picked = Picked { of: fit.points, positions: &positions };
    let mut nonfinite = [as_real(count_nonfinite(&picked)?)];
    fit.communicator.all_reduce(&mut nonfinite)?;
    if nonfinite[0] > 0.0 {
        return Ok(None);
    }
    let is_held = picked.len().saturating_mul(picked.row_bytes() as u64) <= HELD_BYTES;
    let held = if is_held { Some(Held::read(&picked)?) } else { None };
    let points = held.as_ref().map_or(&picked as &dyn Points, |held| held);
    let points = &ResidentPoints::new(points, fit.backend, 1);
    let of_sample =
        Fit { points, init: Init::KmeansPlusPlus, inits: 1, seed: random.next_u64(), checkpoint: None, ..*fit };
    let shares = Shares::exchange(fit.communicator, points.len())?;
    let mut started = State::new(state.centre.clone(), to_usize(points.len()), fit.clusters)?;
    // a sample is drawn again after an interruption
    seed(&of_sample, &shares, &mut started, &mut |_| Ok(()))?;
    Ok(Some(started.centroids).filter(|_| started.distinct.is_none()))
}

/// Number of points that are not finite.
fn count_nonfinite(points: &dyn Points) -> Result<u64> {
    const BLOCK: u64 = 4096;
    let mut bytes = Vec::new();
    let mut count = 0;
    let mut first = 0;
    while first < points.len() {
        let rows = BLOCK.min(points.len() - first);
        bytes.resize(to_usize(rows) * points.row_bytes(), 0);
        points.read(first, &mut bytes)?;
        let rows_of = bytes.chunks_exact(points.row_bytes().max(1));
        count += rows_of.filter(|row| !is_in_range(points.dtype(), row)).count() as u64;
        first += rows;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_keeps_plus_plus_unless_it_costs_too_much() {
        let init = |points, clusters, dim, iterations| choose(Init::Auto, points, clusters, dim, iterations).init;
        assert_eq!(init(1_000_000, 1000, 768, 50), Init::KmeansPlusPlus, "3e12 operations");
        assert_eq!(init(100_000_000, 100_000, 768, 50), Init::Sampled, "3e16 operations");
        assert_eq!(init(20_000_000, 100_000, 768, 50), Init::KmeansPlusPlus, "the sample would be a third");
        let why = choose(Init::Auto, 100_000_000, 100_000, 768, 50).why.expect("a reason");
        assert!(why.contains("3.1e16 operations, 20 % of"), "{why}");
        let asked = choose(Init::KmeansPlusPlus, 100_000_000, 100_000, 768, 50);
        assert_eq!(asked, Start { init: Init::KmeansPlusPlus, why: None });
    }

    #[test]
    fn a_sample_is_ascending_and_without_repeats() {
        let drawn = |seed| sample(&mut start_stream(seed, 0, 0), 1000, 300);
        assert!(drawn(1).len() == 300 && drawn(1).windows(2).all(|pair| pair[0] < pair[1]));
        assert_ne!(drawn(1), drawn(2));
        assert_eq!(sample(&mut start_stream(1, 0, 0), 5, 5), [0, 1, 2, 3, 4]);
    }
}
