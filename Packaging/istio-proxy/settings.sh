# shellcheck shell=bash
# Settings of the sidecar: read by istio-start.sh and istio-iptables.sh, never executed.
#
# A settings file has lines NAME=VALUE as sh(1) would take them, with `export` before the name, quotes around the whole
# value and comments where sh allows them. Nothing is substituted: scripts that run as root read these files, and a
# file that only sets values must not be able to do anything else.

# Values by name; a file that is read later wins.
declare -gA SETTINGS=()
# The names that a file marked with `export`: the agent gets them in its environment.
declare -gA EXPORTED=()

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# The status for input that is wrong, as opposed to work that failed (1).
readonly WRONG_INPUT=2

refuse() {
    say "$*"
    exit "$WRONG_INPUT"
}

# settings_load FILE: takes the settings of FILE; a file that is not there has none.
settings_load() {
    local LC_ALL=C file=$1 path directory=${1%/*}
    if [[ ! -e $file && ! -L $file ]]; then
        # Hidden is not the same as absent.
        while [[ $directory == */* && ! -d $directory ]]; do directory=${directory%/*}; done
        [[ ! -d $directory || -x $directory ]] ||
            refuse "$file: user $(id -un) cannot look into $directory; run: chmod 0755 $directory"
        return 0
    fi
    path=$(realpath -e -- "$file" 2>/dev/null) || refuse "$file: link to a file that does not exist"
    [[ -f $path ]] || refuse "$file: is not a regular file"
    settings_trust "$file" "$path"
    [[ -r $path ]] || refuse "$file: user $(id -un) cannot read it; run: chmod 0644 $file"
    settings_parse "$file" "$path"
}

# settings_trust FILE PATH: refuses what somebody else than root could have written or exchanged.
settings_trust() {
    local file=$1 path=$2 listing uid mode name parent=${2%/*} directory=${2%/*}
    local -a paths=("$path")
    while [[ -n $directory ]]; do
        paths+=("$directory")
        directory=${directory%/*}
    done
    listing=$(stat -c '%u %a %n' -- "${paths[@]}" /) || refuse "$file: cannot tell whose it is"
    while IFS=' ' read -r uid mode name; do
        if ((uid != 0)); then
            refuse "$file: '$name' belongs to uid $uid (must be 0): look through it, then run: chown root:root $name"
        fi
        ((8#$mode & 8#0022)) || continue
        # Above the file's own directory a sticky one, such as /tmp, is as good: what is root's in it stays root's.
        if [[ $name != "$path" && $name != "$parent" ]] && ((8#$mode & 8#1000)); then continue; fi
        refuse "$file: '$name' has mode $mode, writable by others than root: look through it, then run:" \
            "chmod go-w $name"
    done <<<"$listing"
}

# settings_parse FILE PATH: reads PATH and calls it FILE in messages; all bad lines are named before it gives up.
settings_parse() {
    local file=$1 path=$2 line name rest value number=0 faults=0
    local end='([[:blank:]]+#.*|[[:blank:]]*)$'
    local blank='^[[:blank:]]*(#.*)?$'
    local assignment='^[[:blank:]]*(export[[:blank:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$'
    local single="^'([^']*)'$end"
    local double="^\"([^\"\\\\]*)\"$end"
    local plain="^([^[:blank:]\"'\\\\;&|<>()]*)$end"
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        [[ $line =~ $blank ]] && continue
        if [[ ${line//$'\t'/} == *[[:cntrl:]]* ]]; then
            say "$file:$number: control character in $(printf '%q' "$line") (does the file have DOS line ends?)"
            faults=$((faults + 1))
            continue
        fi
        if ! [[ $line =~ $assignment ]]; then
            say "$file:$number: expected NAME=VALUE, found '$line'"
            faults=$((faults + 1))
            continue
        fi
        name=${BASH_REMATCH[2]} rest=${BASH_REMATCH[3]}
        if [[ $rest =~ $single || $rest =~ $double || $rest =~ $plain ]]; then
            value=${BASH_REMATCH[1]}
        else
            value=$rest
            if [[ $rest != *[\$\`]* ]]; then
                say "$file:$number: value of $name must be one word or quoted as a whole, found '$rest'"
                faults=$((faults + 1))
                continue
            fi
        fi
        if [[ $value == *[\$\`]* ]]; then
            say "$file:$number: '\$' and '\`' are not substituted: write what $name is to be, found '$rest'"
            faults=$((faults + 1))
            continue
        fi
        if ! [[ $name =~ ^[A-Z_][A-Z0-9_]*$ ]]; then
            say "$file:$number: warning: '$name' is ignored, names of settings are in upper case"
            continue
        fi
        SETTINGS[$name]=$value
        # shellcheck disable=SC2034 # istio-start.sh reads it
        if [[ $line =~ ^[[:blank:]]*export[[:blank:]] ]]; then EXPORTED[$name]=1; fi
    done <"$path"
    ((faults == 0)) || refuse "$file: not used because of $faults bad line(s)"
}

# setting NAME [DEFAULT]: prints the value of a setting: the files before the environment, DEFAULT for an empty one.
setting() {
    local value=${!1-}
    if [[ -v SETTINGS[$1] ]]; then value=${SETTINGS[$1]}; fi
    printf '%s' "${value:-${2-}}"
}

# is_number TEXT LOWEST HIGHEST: whether TEXT is a decimal number in the bounds. A leading zero is none, since
# iptables(8) would read it as octal.
is_number() {
    [[ $1 =~ ^(0|[1-9][0-9]{0,9})$ ]] && (($1 >= $2 && $1 <= $3))
}

# is_ipv4 TEXT: whether TEXT is an address in dotted decimal.
is_ipv4() {
    local octet
    local -a octets
    [[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]] || return 1
    IFS=. read -r -a octets <<<"$1"
    for octet in "${octets[@]}"; do
        is_number "$octet" 0 255 || return 1
    done
}
