#!/usr/bin/env bash
# A real Slurm of several nodes on this one machine, for tests: cluster.sh up DIR PORT OWNER [NODES] | down DIR
#
# The controller listens on PORT and the nodes n1, n2, ... on those after it. No munge is needed (auth/none). Jobs find
# TMPDIR and SLURM_TMPDIR of their own on each node, as a site's prolog would set them. Everything lies in DIR, which must
# not be there yet. When the process OWNER is gone the cluster goes down by itself.
set -euo pipefail
command=${1:?up or down}
dir=$(realpath -m "${2:?a folder}")
export SLURM_CONF=$dir/etc/slurm.conf
# the daemons may lie where only root looks
PATH=$PATH:/usr/sbin

# Zombies don't count: in a container nobody may collect them.
alive() { [ -r "/proc/$1/stat" ] && [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" != Z ]; }

any_alive() {
    local pid
    for pid in "$@"; do
        if alive "$pid"; then return 0; fi
    done
    return 1
}

configure() {
    local port=$1 nodes=$2 host
    host=$(hostname -s)
    cat >"$SLURM_CONF" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
AuthType=auth/none
# the shortest that is taken; a job that is queued again waits so long
AuthInfo=cred_expire=5
CredType=cred/none
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$dir/controller
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
MailProg=$dir/etc/mail.sh
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
TaskProlog=$dir/etc/task-prolog.sh
Epilog=$dir/etc/epilog.sh
ReturnToService=2
InactiveLimit=0
KillWait=5
MinJobAge=3600
MaxArraySize=${MAX_ARRAY_SIZE:-1001}
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=${CPUS:-2} RealMemory=4096 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    cat >"$dir/etc/task-prolog.sh" <<END
#!/bin/sh
scratch="$dir/scratch/\$SLURMD_NODENAME"
mkdir -p "\$scratch"
echo "export TMPDIR=\$scratch"
echo "export SLURM_TMPDIR=\$scratch"
END
    printf '#!/bin/sh\nexit 0\n' >"$dir/etc/epilog.sh"
    printf '#!/bin/sh\necho "$*" >>"%s/log/mails"\n' "$dir" >"$dir/etc/mail.sh"
    chmod 755 "$dir"/etc/*.sh
}

case $command in
up)
    port=${3:?a port} owner=${4:?a process} nodes=${5:-3}
    mkdir "$dir"
    mkdir "$dir"/{etc,run,log,controller,spool,scratch}
    configure "$port" "$nodes"
    slurmctld -c
    for ((node = 1; node <= nodes; node++)); do
        mkdir "$dir/spool/n$node"
        slurmd -N "n$node"
    done
    # a session of its own: what ends the test's whole group must not end this as well
    setsid "$0" watch "$dir" "$owner" </dev/null >/dev/null 2>&1 &
    for ((try = 0; try < 300; try++)); do
        if [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" = "$nodes" ]; then exit 0; fi
        sleep 0.1
    done
    echo "Slurm did not come up in 30 s" >&2
    tail -n 20 "$dir"/log/*.log >&2
    exit 1
    ;;
watch)
    owner=${3:?a process}
    while [ -d "$dir/run" ] && alive "$owner"; do sleep 1; done
    [ ! -d "$dir/run" ] || exec "$0" down "$dir"
    ;;
down)
    [ -d "$dir/run" ] || exit 0
    scancel --quiet --full --user "$(id -un)" 2>/dev/null || true
    for ((try = 0; try < 100; try++)); do
        if [ -z "$(squeue -h -t R,CG,PD 2>/dev/null)" ]; then break; fi
        sleep 0.1
    done
    pids=()
    for file in "$dir"/run/*.pid; do
        if [ -s "$file" ]; then pids+=("$(cat "$file")"); fi
    done
    if [ "${#pids[@]}" -gt 0 ]; then
        kill "${pids[@]}" 2>/dev/null || true
        for ((try = 0; try < 100; try++)); do
            any_alive "${pids[@]}" || break
            sleep 0.1
        done
        kill -9 "${pids[@]}" 2>/dev/null || true
    fi
    rm -rf "$dir/run"
    ;;
*)
    echo "up, down or watch, not $command" >&2
    exit 2
    ;;
esac
