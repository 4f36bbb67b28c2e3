# for `clustrata status`: a line when the job starts, and one with its exit code
clustrata_state=@STATE@
printf 'begun %s %s %s\n' "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" "${SLURMD_NODENAME:--}" "$(date -u +%FT%TZ)" \
    >"$clustrata_state"
trap 'printf "ended %s %s\n" "$?" "$(date -u +%FT%TZ)" >>"$clustrata_state"' EXIT

@COMMON@

# --- environment
@ENVIRONMENT@
# --- the rest checks exit codes itself
set +e +u

run=@RUN@
settings=$run/slurm/@SETTINGS@
binary=@BINARY@
most_requeues=@MOST_REQUEUES@
