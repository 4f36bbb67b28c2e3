//! How far an unfinished clustering has come, from its log.

use std::path::Path;

use super::failure::end_of;
use crate::run::kmeans::LOG;

/// The stages of a step, as the log names them.
const STAGES: [&str; 4] = ["k-means++: ", "k-means: iteration ", "assign: ", "clusters split: "];

/// Level, step and iteration; empty if the folder has no log.
pub(super) fn progress(clustering: &Path) -> String {
    // hours of iterations
    const TAIL: u64 = 1 << 20;
    end_of(&clustering.join(LOG), TAIL).and_then(|log| position(&log)).unwrap_or_default()
}

/// `level 1, step 0: 1000 clusters, 50000 points; k-means: iteration 3 of 10`
fn position(log: &str) -> Option<String> {
    let (mut step, mut stage) = (None, None);
    for message in log.lines().filter_map(message) {
        if message.starts_with("level ") && !message.contains("device counters") && !message.contains(" start: ") {
            (step, stage) = (Some(message), None);
        } else if STAGES.iter().any(|name| message.starts_with(name)) {
            stage = Some(message);
        }
    }
    let said: Vec<&str> = step.into_iter().chain(stage).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// A line without its time and kind.
fn message(line: &str) -> Option<&str> {
    [" INFO ", " DEBUG "].into_iter().find_map(|kind| Some(line.split_once(kind)?.1.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_and_what_it_does_are_shown() {
        let log = "2026-01-01T00:00:00Z  INFO level 1, step 0: 1000 clusters, 50000 points\n\
                   2026-01-01T00:00:01Z  INFO level 1, step 0: sampled start: many clusters\n\
                   2026-01-01T00:00:01Z DEBUG k-means: iteration 9 of 10\n";
        let next = "2026-01-01T00:00:02Z  INFO level 1, step 1: 1000 clusters, 20000 points\n";
        let iterations = "2026-01-01T00:00:03Z DEBUG k-means: iteration 1 of 10\n\
                          2026-01-01T00:00:09Z  INFO k-means: 30,000 of 200,000 (15.0 %), 1 M/s, about 3s left\n\
                          2026-01-01T00:00:09Z DEBUG k-means: iteration 2 of 10\n";
        let step = "level 1, step 0: 1000 clusters, 50000 points; k-means: iteration 9 of 10";
        assert_eq!(position(log).as_deref(), Some(step));
        let step = "level 1, step 1: 1000 clusters, 20000 points";
        assert_eq!(position(&[log, next].concat()).as_deref(), Some(step), "not the iteration of the step before");
        let all = [log, next, iterations].concat();
        assert_eq!(position(&all), Some(format!("{step}; k-means: iteration 2 of 10")));
        assert_eq!(position("no log of this program\n"), None);
    }
}
