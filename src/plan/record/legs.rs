//! Who worked on a result, when, and what that took: one leg per process.

use serde::{Deserialize, Serialize};

/// Where and when a result was computed, and what it took, over all processes that worked on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Start of the first leg, RFC 3339, UTC.
    pub started: String,
    /// End of the last leg.
    pub ended: String,
    /// Wall-clock seconds, summed over the legs.
    pub seconds: f64,
    /// Processor seconds, summed over the legs; `None` if one of them doesn't know its own.
    pub cpu_seconds: Option<f64>,
    /// Most memory that one of the processes held, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// The processes, in the order in which they started.
    pub legs: Vec<Leg>,
}

impl Provenance {
    /// The hosts, each once.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = Vec::new();
        for leg in &self.legs {
            if !hosts.contains(&leg.host.as_str()) {
                hosts.push(&leg.host);
            }
        }
        hosts
    }

    /// The Slurm jobs as squeue names them, each once: `41`, or `40_2` for a task of an array.
    pub fn slurm_jobs(&self) -> Vec<String> {
        let mut jobs: Vec<String> = Vec::new();
        for job in self.legs.iter().filter_map(|leg| leg.slurm.as_ref()) {
            let name = job.array.map_or_else(|| job.job.to_string(), |(array, task)| format!("{array}_{task}"));
            if !jobs.contains(&name) {
                jobs.push(name);
            }
        }
        jobs
    }
}

/// One process that worked on a result: until its end, or until the last result or checkpoint that it stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Host name.
    pub host: String,
    /// Number of the process.
    pub pid: u32,
    /// Its Slurm job; `None` outside Slurm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<SlurmJob>,
    /// Its rows, the first and one past the last; `None` for a merge and for k-means.
    pub rows: Option<(u64, u64)>,
    /// Start, RFC 3339, UTC.
    pub started: String,
    /// End.
    pub ended: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Processor seconds of all its threads; `None` where the system doesn't say.
    pub cpu_seconds: Option<f64>,
    /// Processor cores that it could use.
    pub cores: usize,
    /// Mean share of these cores that it kept busy, from 0 to 1.
    pub cpu_utilisation: Option<f64>,
    /// Most memory that it held, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Description of its device; empty if it opened none.
    pub device: String,
    /// Most memory that its buffers took on a GPU, in bytes; `None` on the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_bytes: Option<u64>,
    /// Mean share of the time that the GPU was busy, with this process or others, from 0 to 1, sampled every ten seconds;
    /// `None` if its driver does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_utilisation: Option<f64>,
    /// What it did with `--scratch`; `None` without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<Staging>,
}

/// Whether and what a process copied to the machine's own disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// Bytes that this process copied.
    pub copied_bytes: u64,
    /// Bytes that it read from copies, its own or those of other processes.
    pub bytes: u64,
    /// Why it read all or some rows from the source; `None` if all that it reads more than once is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A job of Slurm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlurmJob {
    /// `SLURM_JOB_ID`.
    pub job: u64,
    /// `SLURM_ARRAY_JOB_ID` and `SLURM_ARRAY_TASK_ID`; `None` outside an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<(u64, u64)>,
    /// `SLURM_RESTART_COUNT`: how often the job was queued again.
    pub restarts: u64,
}

impl SlurmJob {
    /// The job that a process with these environment variables belongs to.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Option<SlurmJob> {
        let number = |name: &str| variable(name)?.parse().ok();
        Some(SlurmJob {
            job: number("SLURM_JOB_ID")?,
            array: number("SLURM_ARRAY_JOB_ID").zip(number("SLURM_ARRAY_TASK_ID")),
            restarts: number("SLURM_RESTART_COUNT").unwrap_or(0),
        })
    }
}

impl Leg {
    /// Whether both are of the same process.
    fn is(&self, other: &Leg) -> bool {
        (&self.host, self.pid, &self.started, self.rows) == (&other.host, other.pid, &other.started, other.rows)
    }
}

/// All legs once, in the order in which they started. Of the same process, which stored several results, the longest stays.
pub fn joined(legs: impl IntoIterator<Item = Leg>) -> Vec<Leg> {
    let mut all: Vec<Leg> = Vec::new();
    for leg in legs {
        match all.iter_mut().find(|known| known.is(&leg)) {
            Some(known) if known.seconds < leg.seconds => *known = leg,
            Some(_) => {}
            None => all.push(leg),
        }
    }
    // times in this form sort as text
    all.sort_by(|a, b| a.started.cmp(&b.started));
    all
}

impl Provenance {
    /// Sums over legs, in any order.
    pub fn of(legs: impl IntoIterator<Item = Leg>) -> Provenance {
        let legs = joined(legs);
        Provenance {
            started: legs.first().map(|leg| leg.started.clone()).unwrap_or_default(),
            ended: legs.iter().map(|leg| leg.ended.clone()).max().unwrap_or_default(),
            seconds: legs.iter().map(|leg| leg.seconds).sum(),
            cpu_seconds: legs.iter().map(|leg| leg.cpu_seconds).sum(),
            peak_memory_bytes: legs.iter().filter_map(|leg| leg.peak_memory_bytes).max(),
            legs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(pid: u32, started: &str, seconds: f64, cpu_seconds: Option<f64>) -> Leg {
        Leg {
            host: "node".to_owned(),
            pid,
            slurm: None,
            rows: Some((0, 10)),
            started: started.to_owned(),
            ended: format!("{started}+"),
            seconds,
            cpu_seconds,
            cores: 2,
            cpu_utilisation: None,
            peak_memory_bytes: Some(u64::from(pid)),
            device: String::new(),
            gpu_memory_bytes: None,
            gpu_utilisation: None,
            scratch: None,
        }
    }

    #[test]
    fn a_process_counts_once_however_many_results_it_stored() {
        let (early, late) = (leg(1, "a", 1.0, Some(2.0)), leg(1, "a", 3.0, Some(4.0)));
        let other = leg(2, "b", 10.0, Some(0.5));
        let found = Provenance::of([other.clone(), late.clone(), early, late.clone()]);
        assert_eq!(found.legs, [late.clone(), other.clone()]);
        assert_eq!((found.seconds, found.cpu_seconds, found.peak_memory_bytes), (13.0, Some(4.5), Some(2)));
        assert_eq!((found.started.as_str(), found.ended.as_str()), ("a", "b+"));
        // the number of a process can come back on another host, or later
        let elsewhere = Leg { host: "other".to_owned(), ..late.clone() };
        assert_eq!(Provenance::of([late.clone(), elsewhere, leg(1, "c", 3.0, None)]).legs.len(), 3);
        assert_eq!(Provenance::of([late, leg(2, "b", 1.0, None)]).cpu_seconds, None, "a part of it is unknown");
    }

    #[test]
    fn jobs_are_known_by_slurm_s_variables() {
        let job = |variables: &[(&str, &str)]| {
            SlurmJob::of(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(job(&[("SLURM_ARRAY_JOB_ID", "6")]), None);
        assert_eq!(job(&[("SLURM_JOB_ID", "7")]), Some(SlurmJob { job: 7, array: None, restarts: 0 }));
        let array = [
            ("SLURM_JOB_ID", "7"),
            ("SLURM_ARRAY_JOB_ID", "6"),
            ("SLURM_ARRAY_TASK_ID", "2"),
            ("SLURM_RESTART_COUNT", "3"),
        ];
        assert_eq!(job(&array), Some(SlurmJob { job: 7, array: Some((6, 2)), restarts: 3 }));
    }
}
