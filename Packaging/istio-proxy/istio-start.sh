#!/bin/bash
# Starts the sidecar of this machine: see istio-start.sh(8).
#
# Run by root it sets the packet filter's rules, gives up root and goes on as istio-proxy; run by istio-proxy, as
# istio.service does, it only does the latter. The agent takes this process's place: no shell, su or sudo stays above
# it, so that whoever supervises the process supervises the agent.
set -euo pipefail

# A shell opened with su(1) has no sbin on its PATH.
PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=settings.sh
. /usr/lib/istio-proxy/settings.sh

# The contract with the unit, the packet filter's rules and the files of the package.
readonly PROXY_USER=istio-proxy
# An agent calls Pilot by this name.
readonly PILOT_NAME=istio-pilot

# service_ip: prints the address under which Pilot knows this machine: the one that packets to Pilot leave from, else
# the first global one. A host's name is no help: on Debian it stands for 127.0.1.1.
service_ip() {
    local pilot address=''
    # A resolver that does not answer must not hold the start for long.
    if pilot=$(timeout 5 getent ahostsv4 "$PILOT_NAME" | awk 'NR == 1 { print $1 }') && [[ -n $pilot ]]; then
        address=$(ip -4 -o route get "$pilot" 2>/dev/null |
            awk '{ for (i = 1; i < NF; i++) if ($i == "src") { print $(i + 1); exit } }') || address=''
    fi
    if [[ -z $address || $address == 127.* ]]; then
        address=$(ip -4 -o address show up scope global |
            awk '$4 !~ /^127\./ { sub("/.*", "", $4); print $4; exit }')
    fi
    printf '%s' "$address"
}

# check_label NAME VALUE: refuses what cannot be part of a node id or a DNS name.
check_label() {
    [[ $2 =~ ^[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,251}[a-zA-Z0-9])?$ ]] ||
        refuse "$1: '$2' is not a name (letters, digits, '-', '_' and '.', a letter or digit at both ends)"
}

cluster_config=${ISTIO_CLUSTER_CONFIG:-/var/lib/istio/envoy/cluster.env}
sidecar_config=${ISTIO_SIDECAR_CONFIG:-/var/lib/istio/envoy/sidecar.env}
settings_load "$cluster_config"
settings_load "$sidecar_config"

bin_base=$(setting ISTIO_BIN_BASE /usr/local/bin)
log_dir=$(setting ISTIO_LOG_DIR /var/log/istio)
configuration=$(setting ISTIO_CFG /var/lib/istio)
for path in "$bin_base" "$log_dir" "$configuration"; do
    [[ $path == /* ]] || refuse "'$path' is not an absolute path (ISTIO_BIN_BASE, ISTIO_LOG_DIR, ISTIO_CFG)"
done

case ${1-} in
init)
    shift
    exec "$bin_base/istio-iptables.sh" "$@"
    ;;
-p) exec "$bin_base/istio-iptables.sh" "$@" ;;
-h | --help)
    printf 'usage: %s              set the rules and start the sidecar\n' "${0##*/}"
    printf '       %s init [ARG]...  only run istio-iptables.sh with the arguments\n' "${0##*/}"
    printf '       %s -p PORT [ARG]...  the same\n' "${0##*/}"
    exit 0
    ;;
'') ;;
*) refuse "unknown argument '$1'; see $0 -h" ;;
esac

proxy_uid=$(id -u "$PROXY_USER" 2>/dev/null) ||
    refuse "there is no user '$PROXY_USER': run: dpkg-reconfigure istio-proxy"

if ((EUID == 0)); then
    "$bin_base/istio-iptables.sh"
    # What is opened and written from here on is opened as istio-proxy: in directories that it can write, root must not
    # follow its links, and a log file must not become root's.
    exec setpriv --reuid="$PROXY_USER" --regid="$PROXY_USER" --init-groups --inh-caps=-all --no-new-privs \
        env HOME="$configuration" USER="$PROXY_USER" LOGNAME="$PROXY_USER" "$(realpath -- "$0")"
fi
((EUID == proxy_uid)) || refuse "must be run by root or $PROXY_USER, not by $(id -un)"

address=$(setting ISTIO_SVC_IP)
if [[ -z $address ]]; then
    address=$(service_ip)
    [[ -n $address ]] || refuse "this machine has no global IPv4 address; set ISTIO_SVC_IP in $sidecar_config"
fi
is_ipv4 "$address" || refuse "ISTIO_SVC_IP: '$address' is not an IPv4 address"
if [[ $address == 127.* ]]; then
    say "warning: ISTIO_SVC_IP: nobody else can reach this machine at $address"
fi

namespace=$(setting ISTIO_NAMESPACE default)
check_label ISTIO_NAMESPACE "$namespace"
service=$(setting ISTIO_SERVICE)
if [[ -n $service ]]; then check_label ISTIO_SERVICE "$service"; fi
node=$(uname -n)
pod=$(setting POD_NAME "${node%%.*}")
check_label POD_NAME "$pod"

# The agent's environment: what the files export, and who this machine is.
environment=()
for name in "${!EXPORTED[@]}"; do
    environment+=("$name=${SETTINGS[$name]}")
done
environment+=("INSTANCE_IP=$address" "POD_NAME=$pod" "POD_NAMESPACE=$namespace")

agent=$bin_base/pilot-agent
if [[ -e $agent || -L $agent ]]; then
    [[ -f $agent && -x $agent ]] || refuse "$agent is not a program that $PROXY_USER can run"
    command=("$agent" proxy)
    # Without a name of its own the machine keeps the agent's default.
    if [[ -n $service ]]; then command+=(--serviceCluster "$service"); fi
else
    say "warning: there is no $agent: starting Envoy alone on $configuration/envoy/envoy.json, without any mesh" \
        "(for debugging only; the agent is in the package istio-agent)"
    command=("$bin_base/envoy" -c "$configuration/envoy/envoy.json" --restart-epoch 0 --drain-time-s 2
        --parent-shutdown-time-s 3 --service-cluster "${service:-rawvm}"
        --service-node "sidecar~$address~$pod.$namespace~$namespace.svc.cluster.local")
fi

# Appended, so that a restart keeps what explains it; without a log file the output stays where it is, which is the
# journal for a unit.
log=$log_dir/istio.log
if { : >>"$log"; } 2>/dev/null; then
    exec >>"$log" 2>&1
else
    say "warning: $PROXY_USER cannot append to $log; run: chown -R $PROXY_USER:$PROXY_USER $log_dir"
fi
exec env -- "${environment[@]}" "${command[@]}" </dev/null
