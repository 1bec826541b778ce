#!/bin/sh
# lifecycle.sh FOLDER PACKAGE UNIT...
#
# Takes a package through its life on this machine, from the files FOLDER/PACKAGE_VERSION_all.deb of the versions 1 to 3, and
# prints after every step what the machine looks like: as comparable with another machine's as it gets.
set -u

folder=$1 package=$2
shift 2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
memory=/run/lifecycle/$package
mkdir -p "$memory"

# Waits until no unit is between two states; an automatic restart counts as such.
settle() {
    tries=0
    while systemctl list-units --all --plain --no-legend "$@" | grep -q -E ' (activating|deactivating|reloading) '; do
        tries=$((tries + 1))
        if [ "$tries" -gt 150 ]; then
            echo "never settled"
            return
        fi
        sleep 0.2
    done
}

# run_of UNIT: whether the unit has been started since the last step, which the state alone does not show.
run_of() {
    now=$(systemctl show --property InvocationID --value "$1")
    before=$(cat "$memory/$1" 2>/dev/null || true)
    echo "$now" >"$memory/$1"
    if [ -z "$now" ]; then echo none; elif [ "$now" = "$before" ]; then echo same; else echo new; fi
}

state() {
    step=$1
    shift
    settle "$@"
    for unit in "$@"; do
        # A unit that failed is forgotten or not by the systemd of that day.
        echo "$step: $unit: $(systemctl show "$unit" --property LoadState,ActiveState,UnitFileState,NeedDaemonReload |
            sort | cut -d = -f 2 | tr '\n' ' ')run=$(run_of "$unit")"
    done
    find /etc/systemd -name "$package*" -printf "$step: %p %l\n" | sort
    find /etc/systemd -lname "*/$package*" ! -name "$package*" -printf "$step: %p %l\n" | sort
    # The record of what was enabled, by which the next installation goes.
    find /var/lib/systemd -path '*deb-systemd-*' -name "$package*" -printf "$step: %p\n" | sort
    if [ -e "/etc/$package" ]; then sed "s/^/$step: settings: /" "/etc/$package/settings"; fi
    dpkg-query -W -f "$step: "'${db:Status-Abbrev}${Version}\n' "$package" 2>/dev/null || echo "$step: unknown to dpkg"
}

# step NAME COMMAND...: with the status, and what the machine is like then.
step() {
    name=$1
    shift
    "$@" >"$memory/output" 2>&1
    echo "$name: status $?"
}

put() { dpkg --force-confold --install "$folder/${package}_$1_all.deb"; }

step installed put 1
state installed "$@"
step reinstalled put 1
state reinstalled "$@"
if [ -e "/etc/$package/settings" ]; then echo edited >"/etc/$package/settings"; fi
step upgraded put 2
state upgraded "$@"
step again put 3
state again "$@"
systemctl disable "$@" >/dev/null 2>&1
step disabled put 2
state disabled "$@"
systemctl enable "$@" >/dev/null 2>&1
systemctl mask "$@" >/dev/null 2>&1
step masked put 3
state masked "$@"
systemctl unmask "$@" >/dev/null 2>&1
state unmasked "$@"
# A timer that was masked while it waited has failed, and what has failed was not stopped on purpose.
systemctl reset-failed >/dev/null 2>&1
systemctl stop "$@" >/dev/null 2>&1
step stopped put 2
state stopped "$@"
systemctl start "$@" >/dev/null 2>&1
for unit in "$@"; do run_of "$unit" >/dev/null; done
step removed dpkg --remove "$package"
state removed "$@"
step returned put 2
state returned "$@"
step purged dpkg --purge "$package"
state purged "$@"
step anew put 3
state anew "$@"
step gone dpkg --purge "$package"
state gone "$@"
