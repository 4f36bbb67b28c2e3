# for `clustrata status`: a line when the job starts, one with its exit code, and where it is known, one with the reason
clustrata_state=@STATE@
printf 'begun %s %s %s\n' "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" "${SLURMD_NODENAME:--}" "$(date -u +%FT%TZ)" \
    >>"$clustrata_state"
trap 'printf "ended %s %s\n" "$?" "$(date -u +%FT%TZ)" >>"$clustrata_state"' EXIT

@COMMON@

# --- environment: a line that fails ends the job
trap "$clustrata_on_error" ERR
@ENVIRONMENT@
trap - ERR
# --- the rest checks exit codes itself
set +e +u

run=@RUN@
settings=$run/slurm/@SETTINGS@
binary=(@BINARY@)
most_requeues=@MOST_REQUEUES@
