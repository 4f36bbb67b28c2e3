#!/bin/bash
# A run in one job; written by `clustrata submit`.
# To rerun by hand: sbatch metrics.sh. It resumes from the last checkpoint.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# inherited if this job was submitted from inside another one
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
program metrics --config "$settings" --resume@SCRATCH@
code=$?
((code != 75)) || go_on_later "$most_requeues"
exit "$code"
