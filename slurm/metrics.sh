#!/bin/bash
# A run in one job; written by `clustrata submit`.
# Again by hand: sbatch metrics.sh. It goes on from the last checkpoint.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# those of another job, where this one was submitted from inside it: Slurm hands them on
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
program metrics --config "$settings" --resume@SCRATCH@
code=$?
((code != 75)) || go_on_later "$most_requeues"
exit "$code"
