#!/bin/bash
# Adds the shards of a run up and finishes it; written by `clustrata submit`.
# Again by hand, once all shards are done: sbatch merge.sh
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# those of another job, where this one was submitted from inside it: Slurm hands them on
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
program merge "$run"
code=$?
((code != 75)) || go_on_later "$most_requeues"
exit "$code"
