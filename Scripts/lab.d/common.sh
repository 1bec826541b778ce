# shellcheck shell=bash
# Names, paths and processes that all parts of the lab share.

# Each checkout and each LAB_NAME has its own lab: all names contain a mark made from both.
lab_mark=$(printf '%s' "$root${LAB_NAME:-}" | md5sum | cut -c 1-6)
readonly lab_mark
readonly lab_folder=$root/.build/lab
readonly lab_cache=$lab_folder/cache
readonly lab_run=$lab_folder/run${LAB_NAME:+-$LAB_NAME}
readonly switch_ns=lab-$lab_mark-sw
readonly plane_ns=lab-$lab_mark-cp
readonly operator_ns=lab-$lab_mark-op

# The guide's addresses.
readonly vm_network=10.150.0
readonly pilot_address=10.150.0.6
readonly dns_address=10.150.0.7
readonly mixer_address=10.150.0.8
readonly ca_address=10.150.0.9
readonly service_cidr=10.63.240.0/20
readonly pod_cidr=10.60.0.0/16

say() { printf 'lab: %s\n' "$*" >&2; }

# fail STATUS MESSAGE...
fail() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

require_lab() {
    local program
    [[ ${LAB_NAME:-} =~ ^[a-z0-9]*$ ]] || fail 2 "LAB_NAME is '$LAB_NAME' (must be lower-case letters and digits)"
    ((EUID == 0)) || fail 70 "this needs root: machines have their own users, mounts and network namespaces"
    for program in systemd-nspawn ip dnsmasq ssh unshare mmdebstrap; do
        command -v "$program" >/dev/null || fail 70 "'$program' is missing: run Scripts/setup --lab"
    done
    unshare --mount --propagation private true 2>/dev/null ||
        fail 70 "no mount namespaces here: run outside of a restricted container"
}

# A process is ours if its number and start time are the recorded ones.
started_at() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

# remember NAME PID
remember() {
    mkdir -p -- "$lab_run/pids"
    printf '%s %s\n' "$2" "$(started_at "$2")" >"$lab_run/pids/$1"
}

# alive NAME
alive() {
    local pid start
    [[ -r $lab_run/pids/$1 ]] && read -r pid start <"$lab_run/pids/$1" && [[ -n $start && $(started_at "$pid") == "$start" ]]
}

pid_of() { cut -d ' ' -f 1 <"$lab_run/pids/$1"; }

# end NAME [SECONDS]: asks a process to end, and kills it after this time.
end() {
    local pid limit=${2:-10}
    if alive "$1"; then
        pid=$(pid_of "$1")
        kill -TERM "$pid" 2>/dev/null || true
        # Our processes lead a session, and so a group with everything that they started.
        wait_until "$limit" "not_alive $1" || kill -KILL -- "-$pid" 2>/dev/null || true
    fi
    rm -f -- "$lab_run/pids/$1"
}

# detach LOG COMMAND...: runs in the background, in its own session, without holding the caller's files open.
detach() {
    local log=$1 descriptor
    shift
    (
        for descriptor in /proc/"$BASHPID"/fd/*; do
            descriptor=${descriptor##*/}
            if ((descriptor > 2)); then eval "exec $descriptor>&-"; fi
        done
        exec setsid "$@" >>"$log" 2>&1 </dev/null
    ) &
}

not_alive() { ! alive "$1"; }

# wait_until SECONDS COMMAND: tries every tenth of a second.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    # The command is a function with its arguments.
    until $*; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

machines() {
    local folder
    for folder in "$lab_run"/machines/*/; do
        if [[ -d $folder ]]; then basename -- "$folder"; fi
    done
}

# checked_machine NAME
checked_machine() {
    [[ -d $lab_run/machines/$1 ]] || fail 2 "no machine '$1' (there are: $(machines | tr '\n' ' ')); see 'Scripts/lab up'"
    printf '%s' "$1"
}
