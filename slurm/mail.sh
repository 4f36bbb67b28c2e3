#!/bin/bash
# Waits for all jobs of a sweep, so that Slurm sends one mail; written by `clustrata submit`.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"

# --- environment
@ENVIRONMENT@
# ---
set +e +u

account=$(@BINARY@ status @SWEEP@ --report)
echo "$account"
# the subject of the mail has the name of the job
totals=${account##*$'\n'}
scontrol update "JobId=$SLURM_JOB_ID" "JobName=${totals##*/}"
exit 0
