#!/bin/bash
# Makes the clustering of a spec, then submits the runs that judge it; written by `clustrata submit`.
# Again by hand: sbatch kmeans.sh. It goes on from the last checkpoint.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# those of another job, where this one was submitted from inside it: Slurm hands them on
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
processes=@PROCESSES@
if ((processes == 1)); then
    program kmeans "$settings" --resume
else
    # srun hands USR1 on to all processes, but takes TERM as an order to kill them at once
    trap 'hand_on USR1' TERM
    # Whoever loses another process ends by itself; srun would kill those that take long to write their checkpoint. It
    # ends with the highest code of all: 75 where one was told to stop and the others lost it. The processors of a task
    # it does not take from the job.
    supervised srun --ntasks="$processes" --kill-on-bad-exit=0 --wait=0 \
        ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
        bash -c 'exec "$0" kmeans "$1" --resume --shard "$((SLURM_PROCID + 1))/$SLURM_NTASKS"' "$binary" "$settings"
fi
code=$?
((code != 75)) || go_on_later "$most_requeues"
((code == 0)) || exit "$code"

# Takes seconds; a signal that comes meanwhile waits for it.
"$binary" @THEN@
