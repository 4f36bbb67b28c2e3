#!/bin/bash
# A run in one job; written by `clustrata submit`.
# Again by hand: sbatch metrics.sh. It goes on from the last checkpoint.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"

@HEAD@
program metrics --config "$settings" --resume@SCRATCH@
code=$?
((code != 75)) || go_on_later "$most_requeues"
exit "$code"
