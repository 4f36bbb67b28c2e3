#!/bin/bash
# Makes the clustering of a spec, then submits the runs that evaluate it; written by `clustrata submit`.
# To rerun by hand: sbatch kmeans.sh. It resumes from the last checkpoint.
@SBATCH@

: "${SLURM_JOB_ID:?submit this script with sbatch}"
# inherited if this job was submitted from inside another one
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

@HEAD@
processes=@PROCESSES@
if ((processes == 1)); then
    program kmeans "$settings" --resume@SCRATCH@
else
    # srun forwards USR1 to all processes, but on TERM it kills them at once
    trap 'hand_on USR1' TERM
    # --kill-on-bad-exit=0: a process that loses another one exits by itself; srun would kill those still writing their
    # checkpoint. srun returns the highest exit code: 75 if one process was stopped and the others lost it. It does not
    # inherit --cpus-per-task from the job.
    supervised srun --ntasks="$processes" --kill-on-bad-exit=0 --wait=0 \
        ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
        bash -c 'exec "$@" --shard "$((SLURM_PROCID + 1))/$SLURM_NTASKS"' bash \
        "${binary[@]}" kmeans "$settings" --resume@SCRATCH@
fi
code=$?
((code != 75)) || go_on_later "$most_requeues"
((code == 0)) || exit "$code"

# Takes seconds; a signal in between waits until it ends.
"${binary[@]}" @THEN@
