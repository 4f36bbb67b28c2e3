#!/bin/bash
# Merges the shards of a run; written by `clustrata submit`.
# To rerun by hand, once all shards are done: sbatch merge.sh
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# inherited if this job was submitted from inside another one
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
program merge "$run"@REMOVE_PARTS@
code=$?
((code != 75)) || go_on_later "$most_requeues"
exit "$code"
