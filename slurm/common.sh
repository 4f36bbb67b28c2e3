# Slurm warns a job before it ends: USR1 ahead of the time limit, TERM on preemption. Only the batch shell gets the
# signal. The shell can't exec the program, because it has to requeue the job afterwards. So it forwards the signal; the
# program then writes a checkpoint and exits with 75.
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

# Runs the program; returns its exit code.
program() { supervised "${binary[@]}" "$@"; }

# Runs a command and forwards signals to it; returns its exit code.
supervised() {
    local before code
    [ -z "$clustrata_signal" ] || return 75
    "$@" &
    clustrata_child=$!
    # a signal that arrived between the two lines above
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

# Says what went wrong, in the log and for `clustrata status`.
say_why() {
    echo "$1" >&2
    [ -z "${clustrata_state:-}" ] || printf 'why %s\n' "${1//$'\n'/ }" >>"$clustrata_state"
}

# Ends the job when a line of its environment fails: without what the line loads, a GPU job would go on as a CPU job. Of a
# file that a line reads (`source`), only the exit code counts.
environment_failed() {
    local code=$1 line
    line=$(sed -n "${2}p" "$0")
    say_why "a line of the environment failed with exit code $code: $line"
    echo "if it may fail, write: $line || true" >&2
    exit 1
}
clustrata_on_error='clustrata_code=$?; [ "${#BASH_SOURCE[@]}" -gt 1 ] || environment_failed "$clustrata_code" "$LINENO"'

# After exit code 75: requeues the job, at most $1 times, to resume from the checkpoint. An array task is named
# ARRAYJOB_TASK; the bare number would requeue all tasks. Only a running job is requeued: Slurm would revive a cancelled
# one. (A job submitted by hand from inside a restarted job inherits SLURM_RESTART_COUNT, which can't be detected here.)
go_on_later() {
    local job=${SLURM_JOB_ID:-} restarts=${SLURM_RESTART_COUNT:-0} state
    [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    state=$(squeue -h -j "$job" -o %T)
    if ((restarts >= $1)); then
        say_why "stopped after a checkpoint; job $job is not queued again: it was $restarts times, of at most $1"
    elif [ "$state" != RUNNING ]; then
        say_why "stopped after a checkpoint; job $job is not queued again: squeue calls it ${state:-nothing}, not RUNNING"
    elif scontrol show job "$job" | grep -q Requeue=0; then
        say_why "stopped after a checkpoint; job $job is not queued again: it was submitted with --no-requeue"
    else
        echo "stopped after a checkpoint; job $job is queued again" >&2
        scontrol requeue "$job"
    fi
    exit 75
}
