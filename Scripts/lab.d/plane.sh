# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# The control plane: mesh-lab as Pilot, Mixer, CA and pods; dnsmasq as the cluster's DNS and as the provider's resolver.

mesh_lab() { in_namespace "$plane_ns" "$root/.build/release/mesh-lab" "$@"; }

# start_dns NAME ADDRESS [OPTION]...
start_dns() {
    local name=$1 address=$2
    shift 2
    detach "$lab_run/dns-$name.out" ip netns exec "$plane_ns" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces \
        --listen-address="$address" --except-interface=lo --log-queries --log-facility="$lab_run/dns-$name.log" \
        --user=root --pid-file= "$@"
    remember "dns-$name" $!
}

# plane_up LIFETIME ISTIO
plane_up() {
    local name endpoints=
    mkdir -p -- "$lab_run/state"
    chmod 700 -- "$lab_run/state"
    # Registers every machine for the machines' service.
    for name in $(machines); do endpoints+="${endpoints:+, }{address: $(machine_address "$name"), port: 7000}"; done
    sed "s/^certificate-lifetime: .*/certificate-lifetime: $1/; s/{address: $vm_network.5, port: 7000}/$endpoints/" \
        "$root/Scripts/lab.d/mesh.yaml" >"$lab_run/mesh.yaml"
    detach "$lab_run/mesh-lab.log" ip netns exec "$plane_ns" "$root/.build/release/mesh-lab" run \
        --config "$lab_run/mesh.yaml" --state "$lab_run/state" --istio "$2"
    remember mesh-lab $!
    cluster_dns
    # The provider's resolver knows no names: the lab never asks the outside world.
    start_dns provider "$vm_network.1" --address=/#/
    wait_until 20 plane_answers || fail 3 "the control plane does not answer: see $lab_run/mesh-lab.log"
}

# Serves the names of the services in mesh.yaml.
cluster_dns() {
    mesh_lab dns --config "$lab_run/mesh.yaml" --state "$lab_run/state" --out "$lab_run/cluster-dns.conf" >&2 ||
        fail 70 "mesh-lab gives no DNS configuration"
    start_dns cluster "$dns_address" --conf-file="$lab_run/cluster-dns.conf"
}

plane_answers() {
    in_namespace "$operator_ns" curl --silent --fail --max-time 2 --output /dev/null \
        "http://$pilot_address:8080/v1/registration"
}

plane_down() {
    end dns-cluster
    end dns-provider
    end mesh-lab
}

lab_up() {
    local count=1 distribution=bookworm backend=auto lifetime=1h istio=0.2 number began=$EPOCHREALTIME
    while (($# > 0)); do
        case $1 in
            --vms) count=${2:?--vms wants a number} ;;
            --distro) distribution=${2:?--distro wants a name} ;;
            --certificate-lifetime) lifetime=${2:?--certificate-lifetime wants a duration} ;;
            --istio) istio=${2:?--istio wants a version} ;;
            --backend) backend=${2:?--backend wants a name} ;;
            *) fail 2 "unknown option '$1'; see 'Scripts/lab help'" ;;
        esac
        shift 2
    done
    [[ $count =~ ^[1-9][0-9]?$ ]] || fail 2 "--vms is '$count' (must be >=1 and <=99)"
    case $backend in
        auto) backend=nspawn ;;
        nspawn | kvm | tcg) ;;
        *) fail 2 "unknown back end '$backend' (must be auto, nspawn, kvm or tcg)" ;;
    esac
    [[ $lifetime =~ ^[1-9][0-9]*[smh]$ ]] || fail 2 "--certificate-lifetime is '$lifetime' (must be a duration such as 60s)"
    [[ $istio == 0.2 || $istio == 0.8 || $istio == 1.0 ]] || fail 2 "--istio is '$istio' (must be 0.2, 0.8 or 1.0)"
    [[ $distribution == bookworm || $distribution == trixie ]] || fail 2 "--distro is '$distribution' (must be bookworm or trixie)"
    require_lab
    [[ -x $root/.build/release/mesh-lab ]] || fail 2 "mesh-lab is not built: Scripts/build mesh-lab"
    lab_down
    mkdir -p -- "$lab_run/machines"
    chmod 700 -- "$lab_run"
    make_rootfs "$distribution"
    if [[ $backend != nspawn ]]; then make_qemu "$distribution"; fi
    if [[ $backend == kvm ]] && ! kvm_boots "$distribution"; then
        say "no guest boots with KVM here; using emulation"
        backend=tcg
    fi
    ssh-keygen -q -t ed25519 -N '' -C lab -f "$lab_run/key"
    network_up
    raise_watch_limit "$count"
    for ((number = 1; number <= count; number++)); do machine_boot "vm$number" "$distribution" "$backend"; done
    plane_up "$lifetime" "$istio"
    for ((number = 1; number <= count; number++)); do machine_wait "vm$number"; done
    say "up after $((${EPOCHREALTIME/[.,]/} / 1000 - ${began/[.,]/} / 1000)) ms: $count machine(s) of Debian $distribution ($backend)"
}

# Also removes what a killed run left behind.
lab_down() {
    local name
    require_lab
    for name in $(machines); do machine_stop "$name"; done
    plane_down
    network_down
    rm -rf -- "$lab_run"
}

lab_status() {
    local name
    for name in mesh-lab dns-cluster dns-provider; do
        if alive "$name"; then printf '%s\truns\n' "$name"; else printf '%s\tdoes not run\n' "$name"; fi
    done
    for name in $(machines); do
        if alive "machine-$name"; then
            printf '%s\t%s\truns\n' "$name" "$(machine_address "$name")"
        else
            printf '%s\t%s\tis off\n' "$name" "$(machine_address "$name")"
        fi
    done
}

lab_logs() {
    local name=${1:-}
    if [[ -n $name ]]; then
        on_machine "$(checked_machine "$name")" journalctl --no-pager --boot
        return
    fi
    tail --lines=+1 -- "$lab_run"/*.log
}
