# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# Machines: systemd-nspawn boots each with its own root file system, in its own network namespace.

machine_address() { printf '%s.%s' "$vm_network" "$(($(sed 's/^vm//' <<<"$1") == 1 ? 5 : 10 + $(sed 's/^vm//' <<<"$1")))"; }

machine_backend() { cat -- "$lab_run/machines/$1/backend"; }

# The name for nspawn and cgroups, unique on the computer.
machine_id() { printf 'lab-%s-%s' "$lab_mark" "$1"; }

# Every machine's systemd uses a dozen inotify instances, which all count for root of this computer.
raise_watch_limit() {
    local limit=/proc/sys/fs/inotify/max_user_instances needed=$((128 + 16 * $1))
    if (($(<"$limit") >= needed)); then return; fi
    { echo "$((needed < 1024 ? 1024 : needed))" >"$limit"; } 2>/dev/null ||
        say "cannot raise $limit from $(<"$limit"): services of machines may fail with 'Too many open files'"
}

# machine_boot NAME DISTRIBUTION BACK-END
machine_boot() {
    local name=$1 distribution=$2 backend=$3 folder=$lab_run/machines/$1
    address=$(machine_address "$name")
    mkdir -p -- "$folder/upper/etc" "$folder/upper/root/.ssh" "$folder/work" "$folder/root"
    chmod 700 -- "$folder" "$folder/upper/root" "$folder/upper/root/.ssh"
    chmod 755 -- "$folder/upper" "$folder/upper/etc"
    printf '%s\n' "$distribution" >"$folder/distribution"
    printf '%s\n' "$backend" >"$folder/backend"
    # Debian's installer writes 127.0.1.1: a working mesh must not take it for the machine's address.
    printf '127.0.0.1 localhost\n127.0.1.1 demo-%s\n' "$name" >"$folder/upper/etc/hosts"
    printf 'demo-%s\n' "$name" >"$folder/upper/etc/hostname"
    install -m 600 -- "$lab_run/key.pub" "$folder/upper/root/.ssh/authorized_keys"
    # Lets ssh(1) on the operator's host reach the machine by its name.
    cat >>"$lab_run/ssh_config" <<END
Host $name
    HostName $(machine_address "$name")
    User root
    IdentityFile $lab_run/key
    IdentitiesOnly yes
    StrictHostKeyChecking accept-new
    UserKnownHostsFile $lab_run/known_hosts
    ControlPath $folder/ssh
    LogLevel ERROR
END
    if [[ $backend != nspawn ]]; then
        qemu_boot "$name"
        return
    fi
    add_namespace "$(machine_id "$name")"
    plug "$(machine_id "$name")"
    machine_start "$name"
}

machine_start() {
    local name=$1 folder=$lab_run/machines/$1 id address
    id=$(machine_id "$name")
    address=$(machine_address "$name")
    detach "$folder/console" "$root/Scripts/lab.d/nspawn" "$id" "$(rootfs_path "$(cat -- "$folder/distribution")")" "$folder" \
        "ip=$address::$vm_network.1:255.255.255.0::eth0:none"
    remember "machine-$name" $!
}

# on_machine NAME COMMAND...: runs over one ssh connection per machine, which stays open.
on_machine() {
    local name=$1
    shift
    in_namespace "$operator_ns" ssh -F "$lab_run/ssh_config" -o BatchMode=yes -o ConnectTimeout=5 -o ControlMaster=auto \
        -o ControlPersist=300 -o ServerAliveInterval=10 "$name" "$@"
}

answers() { on_machine "$1" true 2>/dev/null </dev/null; }

machine_wait() {
    local state limit=90
    # An emulated kernel is slow, even more so under other load.
    if [[ $(machine_backend "$1") == tcg ]]; then limit=600; fi
    wait_until "$limit" "answers $1" || fail 3 "$1 does not answer over ssh: see $lab_run/machines/$1/console"
    state=$(on_machine "$1" systemctl is-system-running --wait </dev/null || true)
    if [[ $state != running ]]; then
        on_machine "$1" systemctl --failed --no-legend </dev/null >&2 || true
        fail 3 "$1 is '$state', not 'running'"
    fi
}

machine_stop() {
    local id group
    id=$(machine_id "$1")
    ssh -F "$lab_run/ssh_config" -O exit "$1" 2>/dev/null || true
    end "machine-$1" 20
    # The machine's cgroup, in either hierarchy.
    for group in /sys/fs/cgroup/"$id" /sys/fs/cgroup/unified/"$id"; do
        if [[ -d $group ]]; then find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
    done
    ip netns delete "$id" 2>/dev/null || true
    rm -rf -- "$lab_run/machines/$1"
}

lab_reboot() {
    local name
    name=$(checked_machine "${1:-vm1}")
    on_machine "$name" touch /run/lab-before-reboot </dev/null
    on_machine "$name" systemctl reboot </dev/null || true
    ssh -F "$lab_run/ssh_config" -O exit "$name" 2>/dev/null || true
    wait_until 600 "rebooted $name" || fail 3 "$name does not come back after a reboot"
    machine_wait "$name"
}

# /run is new after a boot.
rebooted() { on_machine "$1" test ! -e /run/lab-before-reboot 2>/dev/null </dev/null; }

lab_ssh() {
    local name
    name=$(checked_machine "${1:-vm1}")
    if (($# > 0)); then shift; fi
    on_machine "$name" "$@"
}

# Replaces this script, so that ending it ends the command.
lab_operator() { exec ip netns exec "$operator_ns" "$@"; }
