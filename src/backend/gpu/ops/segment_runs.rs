//! Cuts segments of inner points into runs, whose distances the device adds up in float32, and runs into strips.

use std::ops::Range;

use crate::backend::gpu::engine::units::narrow;
use crate::base::error::Result;

/// Limits of runs and strips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most points of a run, of a strip, and most runs of a strip. None is 0.
    pub(crate) run: usize,
    pub(crate) strip: usize,
    pub(crate) runs: usize,
}

/// Runs and strips of some inner points, which are consecutive.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// First point and number of points of each run, in order.
    pub(crate) runs: Vec<[u32; 2]>,
    /// Segment of each run.
    pub(crate) segments: Vec<usize>,
    /// First run and number of runs of each strip, in order.
    pub(crate) strips: Vec<[u32; 2]>,
}

impl Runs {
    /// Cuts `inner` into segments that end at `ends`, and those into as few runs and strips as the limits allow. That depends on
    /// nothing else, so the same points always have the same sums.
    pub(crate) fn cut(inner: &Range<usize>, ends: &[usize], limits: Limits) -> Result<Runs> {
        let mut cut = Runs::default();
        let (mut begin, mut first_run, mut points) = (inner.start, 0, 0);
        for (segment, &end) in ends.iter().enumerate() {
            while begin < end {
                if points == limits.strip || cut.runs.len() - first_run == limits.runs {
                    cut.close(first_run)?;
                    (first_run, points) = (cut.runs.len(), 0);
                }
                let count = (end - begin).min(limits.run).min(limits.strip - points);
                cut.runs.push([narrow(begin)?, narrow(count)?]);
                cut.segments.push(segment);
                points += count;
                begin += count;
            }
        }
        cut.close(first_run)?;
        Ok(cut)
    }

    fn close(&mut self, first_run: usize) -> Result<()> {
        let runs = self.runs.len() - first_run;
        if runs > 0 {
            self.strips.push([narrow(first_run)?, narrow(runs)?]);
        }
        Ok(())
    }

    /// Range of the runs in these strips.
    pub(crate) fn of_strips(&self, strips: &Range<usize>) -> Range<usize> {
        let end = |strip: &[u32; 2]| (strip[0] + strip[1]) as usize;
        let before = strips.start.checked_sub(1).map_or(0, |last| end(&self.strips[last]));
        before..strips.end.checked_sub(1).map_or(0, |last| end(&self.strips[last]))
    }

    /// Range of the points in these runs, of which there is at least one.
    pub(crate) fn points(&self, runs: &Range<usize>) -> Range<usize> {
        let [first, last] = [self.runs[runs.start], self.runs[runs.end - 1]];
        first[0] as usize..(last[0] + last[1]) as usize
    }

    /// Whether the run is the first one of its segment.
    pub(crate) fn begins_segment(&self, run: usize) -> bool {
        run == 0 || self.segments[run - 1] != self.segments[run]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails unless runs and strips cover all points in order and keep to the limits.
    fn check(inner: Range<usize>, ends: &[usize], limits: Limits) -> Runs {
        let cut = Runs::cut(&inner, ends, limits).expect("few points");
        let (mut at, mut run) = (inner.start, 0);
        for (number, strip) in cut.strips.iter().enumerate() {
            let runs = cut.of_strips(&(number..number + 1));
            assert_eq!((runs.start, runs.len()), (run, strip[1] as usize));
            assert!(!runs.is_empty() && runs.len() <= limits.runs, "{limits:?}");
            let points = cut.points(&runs);
            assert!(points.start == at && points.len() <= limits.strip, "{limits:?}: {points:?}");
            for [first, count] in &cut.runs[runs.clone()] {
                assert_eq!(*first as usize, at);
                at += *count as usize;
                assert!(*count > 0 && *count as usize <= limits.run, "{limits:?}");
                let start = cut.segments[run].checked_sub(1).map_or(inner.start, |before| ends[before]);
                assert!(start <= *first as usize && at <= ends[cut.segments[run]], "a run is in one segment");
                assert_eq!(cut.begins_segment(run), *first as usize == start);
                run += 1;
            }
        }
        assert_eq!((at, run), (inner.end, cut.runs.len()));
        cut
    }

    #[test]
    fn runs_and_strips_cover_all_points_within_the_limits() {
        let ends = [7, 7, 8, 300, 301, 1000];
        for (run, strip, runs) in [(256, 512, 100), (256, 512, 2), (256, 256, 1), (3, 5, 2), (1, 1, 1), (256, 128, 9)] {
            check(7..1000, &ends, Limits { run, strip, runs });
            check(5..1000, &ends, Limits { run, strip, runs });
        }
        let none = check(4..4, &[4, 4], Limits { run: 256, strip: 512, runs: 9 });
        assert!(none.strips.is_empty() && none.of_strips(&(0..0)).is_empty());
    }

    #[test]
    fn short_segments_share_a_strip() {
        let ends: Vec<usize> = (1..=10).map(|segment| segment * 100).collect();
        let cut = check(0..1000, &ends, Limits { run: 256, strip: 512, runs: 1000 });
        assert_eq!(cut.strips, [[0, 6], [6, 5]]);
        let alone = check(0..1000, &ends, Limits { run: 256, strip: 256, runs: 1 });
        assert_eq!(alone.strips.len(), 10);
    }
}
