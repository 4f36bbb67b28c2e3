//! Runs on Slurm: scripts, submission, and what became of it.
