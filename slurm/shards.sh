#!/bin/bash
# One array task, for one or more shards of a run; written by `clustrata submit`.
# To rerun by hand: sbatch shards.sh. Complete shards are kept.
@SBATCH@

: "${SLURM_ARRAY_TASK_ID:?submit this script with sbatch}"

@HEAD@
shards=@SHARDS@
tasks=@TASKS@
# task 1 of 4 does the shards 1, 5, 9, ...
failed=0
for ((shard = SLURM_ARRAY_TASK_ID; shard <= shards; shard += tasks)); do
    program metrics --config "$settings" --shard "$shard/$shards" --resume@SCRATCH@
    code=$?
    ((code != 75)) || go_on_later "$most_requeues"
    ((code == 0)) || failed=$code
done
exit "$failed"
