#!/bin/sh
# What the shell of a host does for 'meshex machine-setup': keeps files by their checksums, and runs setupIstioVM.sh on
# them, as root.
#
# Arguments: whether to run meshcheck at the end, the function of setupIstioVM.sh (empty for all), the namespace of the
# control plane, and name, checksum and size of each file. The files that it asks for come on standard input.
#
# Its own lines begin with MESHEX-REMOTE; whatever else a login shell prints is passed over. Files are kept in
# /var/cache/meshex, which only root can use; a file that arrived in part is continued by the next run, and the key is
# removed at the end of each.
#
# Once the setup runs it goes on to its end even if the connection is lost: a package manager that is interrupted leaves
# more to repair than one that finishes. The next run waits for it.
#
# Functions are called by each.
# shellcheck disable=SC2317
say() { echo "MESHEX-REMOTE $*"; }
refuse() {
    say refused "$@"
    exit 76
}
if [ "$(id -u)" != 0 ]; then
    sudo -n true >/dev/null 2>&1 || refuse no-sudo "$(id -un)"
    # The text of this script, from the command that runs it.
    # shellcheck disable=SC2154
    exec sudo -n sh -c "$script" meshex "$@"
fi
umask 077
trap '' PIPE HUP
check=$1 function=$2 namespace=$3 d=/var/cache/meshex
shift 3
{ mkdir -p "$d" && chmod 700 "$d" && [ -O "$d" ] && [ ! -L "$d" ]; } 2>/dev/null || refuse no-folder "$d"
exec 9>"$d/lock"
flock -n 9 || {
    say waiting
    flock -w 900 9
} || refuse busy "$d"
find "$d" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null

# each FUNCTION [NAME CHECKSUM SIZE]...
each() {
    f=$1
    shift
    while [ $# -ge 3 ]; do
        $f "$1" "$2" "$3"
        shift 3
    done
}
# is FILE CHECKSUM
is() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(sha256sum <"$1" 2>/dev/null)" = "$2  -" ]; }
# have CHECKSUM SIZE: o becomes the number of bytes that are there already.
have() {
    o=$(stat -c %s "$d/$1.part" 2>/dev/null) || o=0
    [ "$o" -le "$2" ] || {
        rm -f "$d/$1.part"
        o=0
    }
}
need() {
    is "$d/$2" "$2" || {
        have "$2" "$3"
        say need "$1" "$o"
    }
}
say ready "$(dpkg --print-architecture 2>/dev/null || uname -m)"
each need "$@"
say go

take() {
    is "$d/$2" "$2" && return
    have "$2" "$3"
    head -c $(($3 - o)) 2>/dev/null >>"$d/$2.part" || {
        rm -f "$d/$2.part"
        refuse no-space "$1" "$(df -h "$d" | tail -n 1)"
    }
    have "$2" "$3"
    [ "$o" = "$3" ] || refuse short "$1"
    is "$d/$2.part" "$2" || {
        rm -f "$d/$2.part"
        refuse corrupt "$1"
    }
    { sync "$d/$2.part" && mv -f "$d/$2.part" "$d/$2"; } || refuse no-space "$1"
    say took "$1"
}
secret() { case $1 in *.pem) rm -f "$d/$2" "$d/$2.part" ;; esac }
clean() {
    rm -rf "$d/staging"
    each secret "$@"
}
trap 'clean "$@"' EXIT
each take "$@"
s=$d/staging
rm -rf "$s"
mkdir "$s" || refuse no-folder "$s"
put() {
    ln "$d/$2" "$s/$1" || refuse no-folder "$s"
    touch "$d/$2"
}
each put "$@"

say running
: >"$d/log"
# An empty function is not an argument.
# shellcheck disable=SC2086
ISTIO_STAGING=$s ISTIO_NAMESPACE=$namespace sh "$s/setupIstioVM.sh" $function </dev/null >"$d/log" 2>&1 9>&- &
p=$!
tail -n +1 -s 0.2 -f --pid=$p "$d/log" 9>&-
wait $p
r=$?
say ran $r
if [ $r = 0 ] && [ "$check" = yes ]; then
    command -v meshcheck >/dev/null 2>&1 || refuse no-meshcheck
    say checking
    meshcheck run </dev/null 2>&1 9>&-
    say checked $?
fi
exit $r
