# A batch system tells its job in time that it has to end: USR1 before the time limit, TERM when the job gives way to
# another one. Slurm tells the batch shell alone. The shell can't become the program (exec), since it has to ask for the
# job to be queued again once the program has ended; so it hands the signal on, and the program writes a checkpoint and
# ends with exit code 75.
child=
signal=
signals=0
hand_on() {
    signal=$1
    signals=$((signals + 1))
    [ -z "$child" ] || kill -s "$signal" "$child" 2>/dev/null
}
trap 'hand_on USR1' USR1
trap 'hand_on TERM' TERM

# Runs the program; gives its exit code.
program() {
    local before code
    [ -z "$signal" ] || return 75
    "$binary" "$@" &
    child=$!
    # one that came between the two lines above
    [ -z "$signal" ] || kill -s "$signal" "$child" 2>/dev/null
    while :; do
        before=$signals
        wait "$child"
        code=$?
        # a signal ends `wait`, not the child
        [ "$signals" = "$before" ] && break
    done
    child=
    return "$code"
}

# One task of an array is queued again by ARRAYJOB_TASK: the bare number would be the whole array.
job=${SLURM_JOB_ID:-}
[ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID

# After exit code 75: has the job queued again, to go on from the checkpoint. Only a running job: asked for a cancelled
# one, Slurm would bring it back to life.
go_on_later() {
    if ((${SLURM_RESTART_COUNT:-0} < most_requeues)) && [ "$(squeue -h -j "$job" -o %T)" = RUNNING ]; then
        echo "stopped after a checkpoint: job $job is queued again" >&2
        scontrol requeue "$job"
    fi
    exit 75
}
