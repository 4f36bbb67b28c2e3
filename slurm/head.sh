run=@RUN@
binary=@BINARY@
settings=$run/slurm/metrics.yaml
# exit code 75 has the job queued again so many times
most_requeues=@MOST_REQUEUES@
# what became of this job, for `clustrata status`: two lines, begun and ended
state=$run/slurm/state/$name
printf 'begun %s %s %s\n' "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" "${SLURMD_NODENAME:-}" "$(date -u +%FT%TZ)" >"$state"
trap 'printf "ended %s %s\n" "$?" "$(date -u +%FT%TZ)" >>"$state"' EXIT

@COMMON@
@ENVIRONMENT@
