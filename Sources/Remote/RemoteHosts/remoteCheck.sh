#!/bin/sh
# What the shell of a host does for 'meshcheck run --target': keeps our files by their checksums, and runs the program.
#
# Arguments: checksum and size of the program, checksum and size of the archive of scenarios, size of an archive of files
# that are not kept, whether to use sudo, and the program's arguments. Standard input has the files that are asked for, those
# that are not kept, and then what the program reads: secrets are neither arguments nor variables, which others could see.
#
# Its own lines begin with MESHCHECK-REMOTE; whatever else a login shell prints is passed over. Files go to
# ~/.cache/meshcheck, or to a folder in /var/tmp that nobody else can write to; they are checked against their checksum
# before every use, and removed when they were not used for a month.
umask 077
say() { echo "MESHCHECK-REMOTE $*"; }
refuse() {
    say "$@"
    exit 76
}
program=$1 programSize=$2 archive=$3 archiveSize=$4 privateSize=$5 sudo=$6
shift 6

d=${XDG_CACHE_HOME:-$HOME/.cache}/meshcheck
if ! { mkdir -p "$d" && [ -O "$d" ] && [ ! -L "$d" ] && chmod 700 "$d" && : >"$d/.probe.$$" &&
    rm -f "$d/.probe.$$"; } 2>/dev/null; then
    d=/var/tmp/meshcheck-$(id -u)
    mkdir -m 700 "$d" 2>/dev/null
    { [ -d "$d" ] && [ -O "$d" ] && [ ! -L "$d" ] && chmod 700 "$d"; } 2>/dev/null || refuse no-folder "$d"
fi

# is FILE CHECKSUM
is() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(sha256sum <"$1" 2>/dev/null)" = "$2  -" ]; }
needsProgram=no
is "$d/$program" "$program" || needsProgram=yes
needsArchive=no
is "$d/$archive.tar" "$archive" || needsArchive=yes
if [ "$sudo" = yes ] && ! sudo -n true >/dev/null 2>&1; then refuse no-sudo; fi
say ready 1 "$(uname -m)" "$needsProgram" "$needsArchive"

# take CHECKSUM SIZE MODE NAME
take() {
    t=$d/.$1.$$
    { head -c "$2" >"$t" && is "$t" "$1" && chmod "$3" "$t" && mv -f "$t" "$d/$4"; } 2>/dev/null || {
        rm -f "$t"
        refuse not-stored "$d"
    }
}
if [ "$needsProgram" = yes ]; then take "$program" "$programSize" 700 "$program"; fi
if [ "$needsArchive" = yes ]; then take "$archive" "$archiveSize" 600 "$archive.tar"; fi
touch "$d/$program" "$d/$archive.tar"
find "$d" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null

work=$d/run.$$
trap 'cd / && rm -rf "$work"' EXIT
trap 'exit 129' HUP INT TERM
{ rm -rf "$work" && mkdir "$work" && tar -x -o -f "$d/$archive.tar" -C "$work" && cd "$work"; } 2>/dev/null ||
    refuse not-stored "$d"
if [ "$privateSize" -gt 0 ]; then
    head -c "$privateSize" | tar -x -o -f - 2>/dev/null || refuse not-stored "$d"
fi
say running
if [ "$sudo" = yes ]; then sudo -n "$d/$program" "$@"; else "$d/$program" "$@"; fi
exit "$?"
