#!/bin/bash
# Redirects the TCP traffic of this machine to Envoy, or stops doing so: see istio-iptables.sh(8).
#
# The whole rule set goes to the kernel in one iptables-restore(8) transaction, so that no connection slips past between
# two rules and a refused rule changes nothing.
set -euo pipefail

# A shell opened with su(1) has no sbin on its PATH.
PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=settings.sh
. /usr/lib/istio-proxy/settings.sh

# Seconds to wait for whoever else is changing rules.
readonly LOCK_SECONDS=10

usage() {
    cat <<'END'
usage: istio-iptables.sh [-p PORT] [-u UID[,UID]...] [-i CIDR[,CIDR]...] [--dry-run] [clean]
       istio-iptables.sh -h

Redirects outbound TCP, and inbound TCP to the ports of ISTIO_INBOUND_PORTS, to Envoy.

  -p PORT     redirect to this port (ENVOY_PORT, default 15001)
  -u UID,...  leave the traffic of these users alone (ENVOY_UID, default: the user istio-proxy and root)
  -i CIDR,... redirect outbound traffic to these ranges only (ISTIO_SERVICE_CIDR, default: all)
  clean       remove the rules, in any position
  --dry-run   print the input of iptables-restore and change nothing
  -h          print this help

Settings are read from /var/lib/istio/envoy/cluster.env and /var/lib/istio/envoy/sidecar.env; the second wins, and
options win over both. IPv6 is not redirected.
END
}

# items NAME LIST: the items of a comma separated list, in ITEMS; an empty list has none, and a comma at the end none more.
items() {
    local item rest
    ITEMS=()
    [[ $2 == *[![:blank:]]* ]] || return 0
    rest=${2%"${2##*[![:blank:]]}"}
    rest=${rest%,},
    while [[ -n $rest ]]; do
        item=${rest%%,*} rest=${rest#*,}
        # Blanks around an item, never those within it: '80 81' is not 8081.
        item=${item#"${item%%[![:blank:]]*}"}
        item=${item%"${item##*[![:blank:]]}"}
        [[ -n $item ]] || refuse "$1: empty item in '$2'"
        ITEMS+=("$item")
    done
}

# ports NAME LIST: as items, each a port, the name of one (services(5)), or a range FIRST:LAST of which an end may be left
# out; in ITEMS as numbers.
ports() {
    local item first last
    local -a found=()
    items "$1" "$2"
    for item in "${ITEMS[@]}"; do
        if [[ $item == *:* ]]; then
            first=${item%%:*} last=${item#*:}
            if [[ -z $first$last ]] || ! is_number "${first:-0}" 0 65535 ||
                ! is_number "${last:-65535}" "${first:-0}" 65535; then
                refuse "$1: '$item' is not a range of ports (such as 8000:9000)"
            fi
            item=${first:-0}:${last:-65535}
            if [[ ${item%:*} == "${item#*:}" ]]; then item=${item%:*}; fi
        elif [[ $item =~ ^[A-Za-z][A-Za-z0-9_.+-]*$ ]]; then
            first=$(getent services "$item/tcp") ||
                refuse "$1: '$item' is not a port: no service of this name is in /etc/services"
            read -r _ item <<<"$first"
            item=${item%%/*}
        fi
        [[ $item == *:* ]] || is_number "$item" 1 65535 ||
            refuse "$1: '$item' is not a port (must be >=1 and <=65535)"
        found+=("$item")
    done
    ITEMS=("${found[@]}")
}

# cidrs NAME LIST: as items, each of them an IPv4 range: ADDRESS, ADDRESS/LENGTH or ADDRESS/MASK, where zeros at the end of
# the address may be left out; in ITEMS with all four numbers and the length.
cidrs() {
    local cidr address length bits
    local -a found=()
    items "$1" "$2"
    for cidr in "${ITEMS[@]}"; do
        [[ $cidr != *:* ]] || refuse "$1: '$cidr' is an IPv6 range, and IPv6 is not redirected"
        address=${cidr%%/*} length=32
        while [[ $address =~ ^[0-9]+(\.[0-9]+){0,2}$ ]]; do address+=.0; done
        is_ipv4 "$address" || refuse "$1: '$cidr' is not an IPv4 range (such as 10.63.240.0/20; leave it empty for all)"
        if [[ $cidr == */* ]]; then
            length=${cidr#*/}
            if is_ipv4 "$length"; then
                bits=$(mask_bits "$length")
                # Ones, then zeros: the bits that are not set, and one, are a power of two.
                (((bits ^ 0xffffffff) & ((bits ^ 0xffffffff) + 1))) &&
                    refuse "$1: '$cidr' has a mask with ones behind zeros"
                for ((length = 0; bits & 0xffffffff; bits <<= 1)); do length=$((length + 1)); done
            fi
            is_number "$length" 0 32 || refuse "$1: '$cidr' has a bad prefix length (must be >=0 and <=32)"
        fi
        found+=("$address/$length")
    done
    ITEMS=("${found[@]}")
}

# mask_bits MASK: an address in dotted decimal as a number.
mask_bits() {
    local -a octets
    IFS=. read -r -a octets <<<"$1"
    printf '%s' $((octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]))
}

mode=redirect
dry_run=false
declare -A option=()
while (($# > 0)); do
    case $1 in
    clean) mode=clean ;;
    --dry-run) dry_run=true ;;
    -h | --help)
        usage
        exit 0
        ;;
    -[pui])
        if (($# < 2)) || [[ $2 == -* ]]; then refuse "option $1 needs an argument; see $0 -h"; fi
        option[$1]=$2
        shift
        ;;
    -[pui]*) option[${1:0:2}]=${1:2} ;;
    *) refuse "unknown argument '$1'; see $0 -h" ;;
    esac
    shift
done

# What is to be, checked before anything is touched. Cleaning needs none of it: a bad setting must not keep the rules.
envoy_port=''
uids=() ranges=() inbound=() excluded=()
if [[ $mode == redirect ]]; then
    settings_load "${ISTIO_CLUSTER_CONFIG:-/var/lib/istio/envoy/cluster.env}"
    settings_load "${ISTIO_SIDECAR_CONFIG:-/var/lib/istio/envoy/sidecar.env}"

    envoy_port=${option[-p]-$(setting ENVOY_PORT 15001)}
    is_number "$envoy_port" 1 65535 || refuse "ENVOY_PORT: '$envoy_port' is not a port (must be >=1 and <=65535)"

    uid_list=${option[-u]-$(setting ENVOY_UID)}
    if [[ -n $uid_list ]]; then
        items ENVOY_UID "$uid_list"
    else
        user=$(setting ENVOY_USER istio-proxy)
        uid=$(id -u -- "$user" 2>/dev/null) ||
            refuse "ENVOY_USER: there is no user '$user' on this machine"
        # Root is left alone as well: what has to work without the mesh runs as root.
        ITEMS=("$uid" 0)
    fi
    uids=("${ITEMS[@]}")
    for uid in "${uids[@]}"; do
        is_number "$uid" 0 4294967294 ||
            refuse "ENVOY_UID: '$uid' is not a uid (must be >=0 and <=4294967294; for a name set ENVOY_USER)"
    done

    cidrs ISTIO_SERVICE_CIDR "${option[-i]-$(setting ISTIO_SERVICE_CIDR)}"
    ranges=("${ITEMS[@]}")

    inbound_list=$(setting ISTIO_INBOUND_PORTS)
    if [[ $inbound_list =~ ^[[:blank:]]*\*[[:blank:]]*$ ]]; then
        inbound=('*')
    else
        ports ISTIO_INBOUND_PORTS "$inbound_list"
        inbound=("${ITEMS[@]}")
    fi

    ports ISTIO_LOCAL_EXCLUDE_PORTS "$(setting ISTIO_LOCAL_EXCLUDE_PORTS)"
    excluded=("${ITEMS[@]}")
    former=$(setting ISTIO_INBOUND_EXCLUDE_PORTS)
    if [[ -n $former ]]; then
        say "warning: ISTIO_INBOUND_EXCLUDE_PORTS is the former name of ISTIO_LOCAL_EXCLUDE_PORTS; its ports are used"
        ports ISTIO_INBOUND_EXCLUDE_PORTS "$former"
        excluded+=("${ITEMS[@]}")
    fi
    if ((${#excluded[@]} > 0)) && [[ ${inbound[0]-} != '*' ]]; then
        say "warning: ISTIO_LOCAL_EXCLUDE_PORTS has an effect with ISTIO_INBOUND_PORTS='*' only"
    fi
    for port in "${inbound[@]}"; do
        [[ $port != 22 ]] || say "warning: ISTIO_INBOUND_PORTS: port 22 (ssh) is never redirected"
    done
fi

((EUID == 0)) || refuse "must be run by root: only root may read and change the rules"

# One run at a time, from reading the rules to changing them. Nobody but root may open the lock and keep it.
umask 077
exec {lock}<>/run/istio-iptables.lock
flock -w "$LOCK_SECONDS" "$lock" || {
    say "another istio-iptables.sh still runs after $LOCK_SECONDS seconds; nothing was changed"
    exit 1
}

before=$(iptables-save -t nat) || {
    say "cannot read the nat table; nothing was changed"
    exit 1
}

# What an earlier run left: our jumps are those in PREROUTING and OUTPUT. A jump from any other chain is somebody
# else's rule and stays, and with it the chain that it names.
jumps=()
declare -A present=() referenced=()
while IFS= read -r line; do
    if [[ $line =~ ^:(ISTIO_(REDIRECT|INBOUND|OUTPUT))\  ]]; then
        present[${BASH_REMATCH[1]}]=1
    elif [[ $line =~ ^-A\ ([^ ]+)\ (.*\ )?-[jg]\ (ISTIO_(REDIRECT|INBOUND|OUTPUT))$ ]]; then
        case ${BASH_REMATCH[1]} in
        PREROUTING | OUTPUT) jumps+=("-D ${line#-A }") ;;
        ISTIO_REDIRECT | ISTIO_INBOUND | ISTIO_OUTPUT) ;;
        *) referenced[${BASH_REMATCH[3]}]=${BASH_REMATCH[1]} ;;
        esac
    fi
done <<<"$before"

input=('*nat')

# remove CHAIN...: empties chains that are there and removes them; all are emptied first as they refer to each other.
remove() {
    local chain
    for chain in "$@"; do
        if [[ -v present[$chain] ]]; then input+=("-F $chain"); fi
    done
    for chain in "$@"; do
        [[ -v present[$chain] ]] || continue
        if [[ -v referenced[$chain] ]]; then
            say "warning: $chain is emptied and not removed, since chain ${referenced[$chain]} has a rule that names it"
        else
            input+=("-X $chain")
        fi
    done
}

if [[ $mode == clean ]]; then
    input+=("${jumps[@]}")
    remove ISTIO_OUTPUT ISTIO_INBOUND ISTIO_REDIRECT
else
    # A chain that is declared is created, or emptied if it is there.
    input+=(':ISTIO_REDIRECT - [0:0]')
    if ((${#inbound[@]} > 0)); then input+=(':ISTIO_INBOUND - [0:0]'); fi
    input+=(':ISTIO_OUTPUT - [0:0]' "${jumps[@]}")
    if ((${#inbound[@]} == 0)); then remove ISTIO_INBOUND; fi

    input+=("-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports $envoy_port")

    if ((${#inbound[@]} > 0)); then
        # The way in for the administrator, whatever is redirected.
        input+=('-A ISTIO_INBOUND -p tcp -m tcp --dport 22 -j RETURN')
        if [[ ${inbound[0]} == '*' ]]; then
            for port in "${excluded[@]}"; do
                input+=("-A ISTIO_INBOUND -p tcp -m tcp --dport $port -j RETURN")
            done
            input+=('-A ISTIO_INBOUND -p tcp -j ISTIO_REDIRECT')
        else
            for port in "${inbound[@]}"; do
                input+=("-A ISTIO_INBOUND -p tcp -m tcp --dport $port -j ISTIO_REDIRECT")
            done
        fi
        input+=('-A PREROUTING -p tcp -j ISTIO_INBOUND')
    fi

    # A service of this machine called by its own address goes through Envoy, for Envoy's own connections too: that is
    # why this comes before the users that are left alone.
    input+=('-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ISTIO_REDIRECT')
    for uid in "${uids[@]}"; do
        input+=("-A ISTIO_OUTPUT -m owner --uid-owner $uid -j RETURN")
    done
    input+=('-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN')
    if ((${#ranges[@]} > 0)); then
        for range in "${ranges[@]}"; do
            input+=("-A ISTIO_OUTPUT -d $range -j ISTIO_REDIRECT")
        done
        input+=('-A ISTIO_OUTPUT -j RETURN')
    else
        input+=('-A ISTIO_OUTPUT -j ISTIO_REDIRECT')
    fi
    input+=('-A OUTPUT -p tcp -j ISTIO_OUTPUT')
fi
input+=('COMMIT')

if $dry_run; then
    printf '%s\n' "${input[@]}"
    exit 0
fi

# With nothing to remove, not even an empty table is made.
if [[ $mode == clean ]] && ((${#input[@]} == 2)); then exit 0; fi

if ! printf '%s\n' "${input[@]}" | iptables-restore --noflush --wait="$LOCK_SECONDS"; then
    say "iptables-restore refused the rules; nothing was changed"
    exit 1
fi

if [[ $mode == redirect && -r /proc/net/if_inet6 ]]; then
    # Fourth field: the scope, 00 for a global address.
    devices=$(awk '$4 == "00" { print $6 }' /proc/net/if_inet6 | sort -u | tr '\n' ' ')
    if [[ -n $devices ]]; then
        say "note: IPv6 is not redirected, and there are global IPv6 addresses on: ${devices% }"
    fi
fi
