//! Many runs: sweeps over settings, and runs as Slurm jobs.

pub mod slurm;
pub mod submit;
pub mod sweep;
