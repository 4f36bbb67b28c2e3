//! Assigns shards to array tasks, and writes sets of tasks in Slurm's notation.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::base::numeric::to_usize;
use crate::engine::share::Shard;

/// How the rows of a run are divided among the tasks of an array. Shards and tasks are numbered from 1, as in `--shard 1/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Rows of the embeddings.
    pub rows: u64,
    /// Number of shards.
    pub shards: u64,
    /// Number of array tasks. Each runs one or several shards.
    pub tasks: u64,
}

impl Layout {
    /// Divides `rows` into `shards` shards of at least one row. The highest array index is below `max_array_size`, as Slurm
    /// requires.
    pub fn new(rows: u64, shards: u64, max_array_size: u64) -> Layout {
        let shards = shards.min(rows).max(1);
        Layout { rows, shards, tasks: shards.min(max_array_size.saturating_sub(1)).max(1) }
    }

    /// The rows of a shard.
    pub fn rows_of(&self, shard: u64) -> Range<u64> {
        Shard { index: shard, of: self.shards }.rows(self.rows)
    }

    /// The task that runs a shard.
    pub fn task_of(&self, shard: u64) -> u64 {
        (shard - 1) % self.tasks + 1
    }

    /// The shards that a task runs.
    pub fn shards_of(&self, task: u64) -> impl Iterator<Item = u64> + use<> {
        let step = to_usize(self.tasks);
        (task..=self.shards).step_by(step)
    }
}

/// `1-3,7%4`: tasks (ascending), and how many of them may run at the same time.
pub(super) fn array_of(tasks: &[u64], max_running: Option<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &task in tasks {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == task => *last = task,
            _ => runs.push((task, task)),
        }
    }
    let text = |&(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    };
    let list = runs.iter().map(text).collect::<Vec<_>>().join(",");
    max_running.map_or(list.clone(), |most| format!("{list}%{most}"))
}

/// Parses the tasks from a text such as `1-3,8-12:2%4`. Skips malformed parts.
pub(super) fn tasks_in(array: &str) -> Vec<u64> {
    let list = array.trim_matches(['[', ']']).split('%').next().unwrap_or_default();
    let one = |part: &str| -> Option<Vec<u64>> {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last, step) = (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
        (step > 0).then(|| (first..=last).step_by(step).collect())
    };
    list.split(',').filter_map(one).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_one_task_and_arrays_fit() {
        for (rows, shards, most) in [(100, 8, 1001), (100, 8, 4), (5, 8, 1001), (10_000, 1000, 8), (10, 3, 0)] {
            let layout = Layout::new(rows, shards, most);
            assert!(layout.tasks < most.max(2), "{layout:?}");
            let mut done: Vec<u64> = (1..=layout.tasks).flat_map(|task| layout.shards_of(task)).collect();
            done.sort_unstable();
            assert_eq!(done, (1..=layout.shards).collect::<Vec<_>>());
            for task in 1..=layout.tasks {
                assert!(layout.shards_of(task).all(|shard| layout.task_of(shard) == task));
            }
            let rows_done: u64 = (1..=layout.shards).map(|shard| layout.rows_of(shard)).map(|r| r.end - r.start).sum();
            assert_eq!(rows_done, rows);
        }
    }

    #[test]
    fn arrays_read_back_as_written() {
        assert_eq!(array_of(&[1, 2, 3, 7, 9, 10], Some(4)), "1-3,7,9-10%4");
        assert_eq!(array_of(&[5], None), "5");
        for tasks in [vec![1], vec![1, 2, 3], vec![2, 4, 5, 9]] {
            assert_eq!(tasks_in(&array_of(&tasks, Some(2))), tasks);
        }
        assert_eq!(tasks_in("1-7:3"), [1, 4, 7]);
        assert_eq!(tasks_in("[3-4]"), [3, 4]);
        assert_eq!(tasks_in("1-7:0,x,"), Vec::<u64>::new());
    }
}
