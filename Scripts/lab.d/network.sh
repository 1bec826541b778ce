# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# Namespaces and links: a switch, the control plane, the operator's host, and one per machine. None has a route out.

in_namespace() { ip netns exec "$@"; }

add_namespace() {
    ip netns add "$1"
    ip -n "$1" link set lo up
    in_namespace "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
}

# plug NAMESPACE: connects its eth0 to the switch. The MAC address is fixed, so that others recognise a machine that returns.
plug() {
    local port=p-${1##*-} mac
    mac=$(printf '%s' "$1" | md5sum | sed -E 's/^(..)(..)(..).*/02:00:00:\1:\2:\3/')
    ip -n "$switch_ns" link add "$port" type veth peer name eth0 address "$mac" netns "$1"
    ip -n "$switch_ns" link set "$port" master br0 up
    ip -n "$1" link set eth0 up
}

network_up() {
    local last network
    add_namespace "$switch_ns"
    ip -n "$switch_ns" link add br0 type bridge forward_delay 0
    ip -n "$switch_ns" link set br0 up
    add_namespace "$plane_ns"
    add_namespace "$operator_ns"
    plug "$plane_ns"
    plug "$operator_ns"
    ip -n "$plane_ns" address add "$vm_network.1/24" dev eth0
    for last in 6 7 8 9; do ip -n "$plane_ns" address add "$vm_network.$last/32" dev eth0; done
    # Every pod and service address belongs to the control plane.
    for network in "$pod_cidr" "$service_cidr"; do
        ip -n "$plane_ns" route add local "$network" dev lo
        ip -n "$operator_ns" route add "$network" via "$vm_network.1" 2>/dev/null || true
    done
    ip -n "$operator_ns" address add "$vm_network.2/24" dev eth0
    for network in "$pod_cidr" "$service_cidr"; do
        ip -n "$operator_ns" route replace "$network" via "$vm_network.1"
    done
}

network_down() {
    local name
    while read -r name _; do
        if [[ $name == lab-$lab_mark-* ]]; then ip netns delete "$name"; fi
    done < <(ip netns list 2>/dev/null)
}
