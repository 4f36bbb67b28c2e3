#!/bin/bash
# One task of the array that does the shards of a run; written by `clustrata submit`.
# Again by hand: sbatch shards.sh. What is complete is left as it is.
@SBATCH@

shards=@SHARDS@
tasks=@TASKS@
task=${SLURM_ARRAY_TASK_ID:?submit this script with sbatch}
name=shards-$task
@HEAD@
# task 1 of 4 does the shards 1, 5, 9, ...
failed=0
for ((shard = task; shard <= shards; shard += tasks)); do
    program metrics --config "$settings" --shard "$shard/$shards" --resume@SCRATCH@
    code=$?
    ((code != 75)) || go_on_later
    ((code == 0)) || failed=$code
done
exit "$failed"
