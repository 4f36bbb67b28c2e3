//! Finds the fastest shape of a kernel among those with the same result, on work that has to be done anyway.

use super::options::KernelShape;
use crate::base::matrix::Dtype;

/// How often a candidate is timed.
const TIMES: u32 = 3;

/// A candidate that takes more than this multiple of the best time is timed no further.
const SLOW: f64 = 2.0;

/// How many measurements of a candidate may be spoiled before it is given up.
const SPOILED: u32 = 4;

/// Most time that slower candidates may cost: this share of the estimated run, and never more than these seconds.
const SHARE: f64 = 0.03;
const LONGEST: f64 = 1.0;

/// Searches that take about the same time per operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShapeClass {
    /// Octets of a row.
    pub(crate) octets: u32,
    /// Centroids searched, rounded up to a power of two.
    pub(crate) clusters: u64,
    /// Element type of the points.
    pub(crate) dtype: Dtype,
}

/// One shape and what is known of it.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    shape: KernelShape,
    /// Whether it was used before: the first use may include its compilation.
    used: bool,
    times: u32,
    spoiled: u32,
    /// Least seconds per operation; infinite until it is timed.
    least: f64,
}

/// The candidates of one shape class. It has no clock: the caller asks which shape to use and tells how long that took.
#[derive(Debug, Clone)]
pub(crate) struct Tuner {
    /// The default first.
    candidates: Vec<Candidate>,
    /// Whether the cost is limited.
    limited: bool,
    /// Operations of the longest pass, and of all searches so far.
    planned: f64,
    done: f64,
    /// Operations of the smallest search that was timed.
    fewest: f64,
    /// Seconds beyond what the best candidate would have taken.
    spent: f64,
}

impl Tuner {
    /// Tries `shapes` in turn, the default first. Within the limits on the cost only if `limited`.
    pub(crate) fn new(shapes: impl IntoIterator<Item = KernelShape>, limited: bool) -> Tuner {
        let candidate = |shape| Candidate { shape, used: false, times: 0, spoiled: 0, least: f64::INFINITY };
        let candidates = shapes.into_iter().map(candidate).collect();
        Tuner { candidates, limited, planned: 0.0, done: 0.0, fewest: f64::INFINITY, spent: 0.0 }
    }

    /// A choice that was made before, with its operations per second.
    pub(crate) fn known(shape: KernelShape, rate: f64) -> Tuner {
        let mut tuner = Tuner::new([shape], true);
        tuner.candidates.iter_mut().for_each(|known| (known.times, known.least) = (TIMES, rate.recip()));
        tuner
    }

    /// The shape for a search of so many operations in a pass of `planned` operations, and whether to time it. It is not timed
    /// unless the caller is `steady`.
    pub(crate) fn next(&mut self, operations: f64, planned: f64, steady: bool) -> (KernelShape, bool) {
        self.done += operations;
        self.planned = self.planned.max(planned);
        match self.trial(operations).filter(|_| steady) {
            Some(shape) => (shape, true),
            None => (self.best(), false),
        }
    }

    /// The candidate to time next: each in turn, as long as that is cheap enough.
    fn trial(&self, operations: f64) -> Option<KernelShape> {
        let open = self.candidates.iter().filter(|c| self.is_open(c) && self.affords(c, operations));
        // the first of those with the fewest measurements
        open.min_by_key(|candidate| candidate.times).map(|candidate| candidate.shape)
    }

    fn is_open(&self, candidate: &Candidate) -> bool {
        let slow = candidate.times > 0 && candidate.least > SLOW * self.least();
        candidate.times < TIMES && candidate.spoiled < SPOILED && !slow
    }

    /// Whether timing a candidate stays within the limits. An unknown one is expected to be about twice as slow as the best.
    fn affords(&self, candidate: &Candidate, operations: f64) -> bool {
        let least = self.least();
        if !self.limited || least.is_infinite() {
            return true;
        }
        let slower = if candidate.least.is_infinite() { least } else { candidate.least - least };
        let limit = LONGEST.min(SHARE * self.planned.max(self.done) * least);
        slower <= 0.0 || self.spent + slower * operations <= limit
    }

    /// Takes the seconds of a search that [`Tuner::next`] asked to time; `None` if something else took time, too.
    pub(crate) fn tell(&mut self, shape: KernelShape, operations: f64, seconds: Option<f64>) {
        let least = self.least();
        let Some(candidate) = self.candidates.iter_mut().find(|candidate| candidate.shape == shape) else { return };
        let seconds = seconds.filter(|seconds| *seconds > 0.0 && operations > 0.0);
        let each = seconds.map_or(f64::INFINITY, |seconds| seconds / operations);
        if each.is_finite() && least.is_finite() {
            self.spent += (each - least).max(0.0) * operations;
        }
        if !std::mem::replace(&mut candidate.used, true) {
            return;
        }
        match each.is_finite() {
            true => {
                (candidate.times, candidate.least) = (candidate.times + 1, candidate.least.min(each));
                self.fewest = self.fewest.min(operations);
            }
            false => candidate.spoiled += 1,
        }
    }

    fn least(&self) -> f64 {
        self.candidates.iter().map(|candidate| candidate.least).fold(f64::INFINITY, f64::min)
    }

    /// The fastest so far; the default if none was timed.
    pub(crate) fn best(&self) -> KernelShape {
        let best = self.candidates.iter().min_by(|a, b| a.least.total_cmp(&b.least));
        best.map_or(KernelShape::Auto, |candidate| candidate.shape)
    }

    /// Whether every candidate is timed or too slow.
    pub(crate) fn is_settled(&self) -> bool {
        !self.candidates.iter().any(|candidate| self.is_open(candidate))
    }

    /// Operations of the smallest search that was timed; infinite if none was.
    pub(crate) fn fewest(&self) -> f64 {
        self.fewest
    }

    /// Operations per second of the candidates that were timed.
    pub(crate) fn rates(&self) -> impl Iterator<Item = (KernelShape, f64)> {
        let timed = self.candidates.iter().filter(|candidate| candidate.least.is_finite());
        timed.map(|candidate| (candidate.shape, candidate.least.recip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [KernelShape; 3] =
        [KernelShape::RegisterTile, KernelShape::WorkgroupTile, KernelShape::PerInvocation];

    /// Searches `tiles` tiles of one operation each, where each shape takes the seconds of its place in [`SHAPES`]. Returns the
    /// timed shapes, and the seconds beyond those of the best.
    fn run(tuner: &mut Tuner, tiles: usize, seconds: [f64; 3]) -> (Vec<KernelShape>, f64) {
        let (mut timed, mut extra) = (Vec::new(), 0.0);
        let best = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        for _ in 0..tiles {
            let (shape, time) = tuner.next(1.0, tiles as f64, true);
            let took = seconds[SHAPES.iter().position(|known| *known == shape).expect("a candidate")];
            extra += took - best;
            if time {
                timed.push(shape);
                tuner.tell(shape, 1.0, Some(took));
            }
        }
        (timed, extra)
    }

    #[test]
    fn the_fastest_wins_and_slow_ones_are_dropped_after_one_measurement() {
        let [first, second, third] = SHAPES;
        let mut tuner = Tuner::new(SHAPES, true);
        let (timed, _) = run(&mut tuner, 10_000, [1e-3, 0.6e-3, 9e-3]);
        let count = |shape| timed.iter().filter(|timed| **timed == shape).count();
        // each is used once before it is timed
        assert_eq!((count(first), count(second), count(third)), (4, 4, 2));
        assert_eq!(timed[..4], [first, first, second, second], "in turn");
        assert!(tuner.is_settled());
        assert_eq!(tuner.best(), second);
        let rates: Vec<_> = tuner.rates().collect();
        assert_eq!(tuner.fewest(), 1.0);
        assert!(rates.len() == 3 && (rates[1].1 * 0.6e-3 - 1.0).abs() < 1e-12, "{rates:?}");
    }

    #[test]
    fn the_first_use_is_not_timed() {
        let mut tuner = Tuner::new(SHAPES, false);
        for shape in SHAPES {
            // compiling takes the shape that is fastest afterwards longest
            let compiled = if shape == KernelShape::WorkgroupTile { 5.0 } else { 0.1 };
            let after = if shape == KernelShape::WorkgroupTile { 0.1 } else { 0.15 };
            assert_eq!(tuner.next(1.0, 1.0, true), (shape, true));
            tuner.tell(shape, 1.0, Some(compiled));
            assert_eq!(tuner.next(1.0, 1.0, true), (shape, true));
            tuner.tell(shape, 1.0, Some(after));
        }
        assert_eq!(tuner.best(), KernelShape::WorkgroupTile);
    }

    #[test]
    fn a_short_run_tries_nothing_and_a_long_one_stays_within_its_share() {
        let mut short = Tuner::new(SHAPES, true);
        let (timed, extra) = run(&mut short, 20, [1e-3, 0.5e-3, 9e-3]);
        assert!(timed.iter().all(|shape| *shape == SHAPES[0]), "{timed:?}");
        assert_eq!(short.best(), SHAPES[0]);
        assert!((extra / (20.0 * 0.5e-3) - 1.0).abs() < 1e-9, "{extra}");
        // the default is the best, so that everything else is lost time
        for tiles in [50, 200, 2000] {
            let mut tuner = Tuner::new(SHAPES, true);
            let (_, extra) = run(&mut tuner, tiles, [1e-3, 1.5e-3, 1.9e-3]);
            let run = tiles as f64 * 1e-3;
            assert!(extra <= 0.03 * run + 1e-9, "{tiles} tiles: {extra} of {run} s");
            assert_eq!(tuner.best(), SHAPES[0]);
        }
        // tiles of half a second: a second in all, before a candidate turns out to be slower than expected
        let mut tuner = Tuner::new(SHAPES, true);
        let (timed, extra) = run(&mut tuner, 100_000, [0.5, 0.7, 0.9]);
        assert!(extra <= LONGEST, "{extra} s for {timed:?}");
        let mut asked = Tuner::new(SHAPES, false);
        assert_eq!(run(&mut asked, 20, [1e-3, 0.5e-3, 0.9e-3]).0.len(), 12, "a negative control: without limits");
    }

    #[test]
    fn what_is_spoiled_or_impossible_is_no_measurement() {
        let mut tuner = Tuner::new(SHAPES, false);
        let mut asked = 0;
        while !tuner.is_settled() {
            let (shape, timed) = tuner.next(1.0, 1.0, true);
            assert!(timed);
            asked += 1;
            let spoiled = shape == SHAPES[1];
            tuner.tell(shape, 1.0, Some(if spoiled { [0.0, -1.0, f64::NAN][asked % 3] } else { 1.0 }));
        }
        assert_eq!(tuner.rates().count(), 2);
        assert_eq!(asked, 4 + 4 + 1 + SPOILED as usize);
        assert_eq!(tuner.next(1.0, 1.0, true), (SHAPES[0], false));
    }

    #[test]
    fn a_caller_that_is_not_steady_is_not_timed() {
        let mut tuner = Tuner::new(SHAPES, false);
        assert_eq!(tuner.next(1.0, 1.0, false), (SHAPES[0], false));
        assert_eq!(tuner.next(1.0, 1.0, true), (SHAPES[0], true));
    }

    #[test]
    fn a_known_choice_is_settled() {
        let mut tuner = Tuner::known(SHAPES[2], 4e12);
        assert!(tuner.is_settled());
        assert_eq!(tuner.next(1.0, 1.0, true), (SHAPES[2], false));
        assert!(tuner.rates().all(|(_, rate)| (rate / 4e12 - 1.0).abs() < 1e-12));
    }
}
