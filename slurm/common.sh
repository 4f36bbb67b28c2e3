# A batch system tells a job in time that it has to end: USR1 before the time limit, TERM when it gives way to another
# job. Slurm tells the batch shell alone. The shell can't become the program (exec), since it has to have the job queued
# again once the program has ended; so it hands the signal on, and the program writes a checkpoint and ends with 75.
clustrata_child=
clustrata_signal=
clustrata_signals=0
hand_on() {
    clustrata_signal=$1
    clustrata_signals=$((clustrata_signals + 1))
    [ -z "$clustrata_child" ] || kill -s "$1" "$clustrata_child" 2>/dev/null
}
trap 'hand_on USR1' USR1
trap 'hand_on TERM' TERM

# Runs the program; gives its exit code.
program() { supervised "$binary" "$@"; }

# Runs a command that signals are handed on to; gives its exit code.
supervised() {
    local before code
    [ -z "$clustrata_signal" ] || return 75
    "$@" &
    clustrata_child=$!
    # one that came between the two lines above
    [ -z "$clustrata_signal" ] || kill -s "$clustrata_signal" "$clustrata_child" 2>/dev/null
    while :; do
        before=$clustrata_signals
        wait "$clustrata_child"
        code=$?
        # a signal ends `wait`, not the child
        [ "$clustrata_signals" = "$before" ] && break
    done
    clustrata_child=
    return "$code"
}

# After exit code 75: has the job queued again, at most $1 times, to go on from the checkpoint. One task of an array is
# queued again by ARRAYJOB_TASK: the bare number would be all of them. And only while the job is running: asked for a
# cancelled one, Slurm would bring it back to life. (A job submitted by hand from inside a job that was started again
# inherits that one's SLURM_RESTART_COUNT, which nothing here can tell from its own.)
go_on_later() {
    local job=${SLURM_JOB_ID:-} restarts=${SLURM_RESTART_COUNT:-0} state
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    state=$(squeue -h -j "$job" -o %T)
    if ((restarts >= $1)); then
        echo "stopped after a checkpoint; job $job is not queued again: it was $restarts times, of at most $1" >&2
    elif [ "$state" != RUNNING ]; then
        echo "stopped after a checkpoint; job $job is not queued again: squeue calls it ${state:-nothing}, not RUNNING" >&2
    else
        echo "stopped after a checkpoint; job $job is queued again" >&2
        scontrol requeue "$job"
    fi
    exit 75
}
