# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# The guide's steps on a machine, and meshcheck as an operator runs it.

# The guide's kubedns for the addresses of the lab.
kubedns() {
    local suffix
    printf 'server=/svc.cluster.local/%s\n' "$dns_address"
    for suffix in '' .istio-system; do
        printf 'address=/istio-mixer%s/%s\naddress=/istio-pilot%s/%s\naddress=/istio-ca%s/%s\n' \
            "$suffix" "$mixer_address" "$suffix" "$pilot_address" "$suffix" "$ca_address"
    done
}

# copy VM FILE TARGET MODE [OWNER]: copies next to the target, then renames.
copy() {
    on_machine "$1" "umask 077 && cat >'$3.new' && chmod $4 '$3.new' && chown ${5:-root:root} '$3.new' && mv '$3.new' '$3'" <"$2"
}

# write_files FOLDER: writes what the operator's steps of the guide make.
write_files() {
    kubedns >"$1/kubedns"
    printf 'ISTIO_SERVICE_CIDR=%s\n' "$service_cidr" >"$1/cluster.env"
    mkdir -p -m 700 -- "$1/certs"
    mesh_lab issue --config "$lab_run/mesh.yaml" --state "$lab_run/state" --service-account default \
        --namespace default --out "$1/certs" >&2
}

lab_files() {
    alive mesh-lab || fail 2 "no lab is up: run 'Scripts/lab up'"
    (($# == 1)) || fail 2 "files needs a folder"
    mkdir -p -- "$1"
    write_files "$1"
}

configure() {
    local name=$1 folder=$lab_run/machines/$1
    write_files "$folder"
    on_machine "$name" 'mkdir -p /etc/dnsmasq.d /var/lib/istio/envoy' </dev/null
    copy "$name" "$folder/kubedns" /etc/dnsmasq.d/kubedns 0644
    copy "$name" "$folder/cluster.env" /var/lib/istio/envoy/cluster.env 0644
    on_machine "$name" systemctl restart dnsmasq </dev/null
}

certify() {
    local name=$1 folder=$lab_run/machines/$1/certs
    # The packages create the user; until then the directory is root's, and postinst hands it over.
    on_machine "$name" 'mkdir -p -m 0750 /etc/certs' </dev/null
    copy "$name" "$folder/root-cert.pem" /etc/certs/root-cert.pem 0644
    copy "$name" "$folder/cert-chain.pem" /etc/certs/cert-chain.pem 0644
    copy "$name" "$folder/key.pem" /etc/certs/key.pem 0600
}

# Makes the packages an apt source, so that 'apt-get install --reinstall' works as with a repository.
package_source=$(
    cat <<'END'
set -eu
rm -rf /srv/packages
mkdir -p /srv/packages
cp -l /root/packages/*.deb /srv/packages/
cd /srv/packages
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum <"$file" | cut -c 1-64)"
done >Packages
echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list.d/packages.list
echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/90yes
apt-get update --quiet --quiet
END
)
readonly package_source

lab_install() {
    local name=vm1 packages=$root/.build/packages file
    local -a files=()
    if (($# > 0)) && [[ $1 != --* ]]; then
        name=$1
        shift
    fi
    while (($# > 0)); do
        case $1 in
            --packages) packages=${2:?--packages wants a folder} ;;
            *) fail 2 "unknown option '$1'; see 'Scripts/lab help'" ;;
        esac
        shift 2
    done
    name=$(checked_machine "$name")
    for file in istio-agent istio-proxy istio-auth-node-agent meshcheck; do
        file=$(find "$packages" -maxdepth 1 -name "${file}_*_$(dpkg --print-architecture).deb" -printf '%T@ %p\n' |
            sort --numeric-sort | tail -n 1 | cut -d ' ' -f 2-)
        [[ -n $file ]] || fail 2 "no packages in $packages: run Scripts/demo, or name a folder with --packages"
        files+=("$file")
    done
    say "$name: configuration"
    configure "$name"
    say "$name: certificates"
    certify "$name"
    say "$name: packages"
    on_machine "$name" 'rm -rf /root/packages && mkdir -p /root/packages' </dev/null
    tar -C "$packages" -cf - "${files[@]##*/}" | on_machine "$name" 'tar -C /root/packages -xf -'
    on_machine "$name" 'DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends /root/packages/*.deb' </dev/null >&2
    on_machine "$name" "$package_source" </dev/null
    on_machine "$name" 'chown -R istio-proxy:istio-proxy /etc/certs' </dev/null
    say "$name: services"
    on_machine "$name" 'systemctl enable --quiet istio-auth-node-agent istio && systemctl restart istio-auth-node-agent istio' \
        </dev/null
}

# lab_check [VM]... [ARGUMENT]...: runs meshcheck from the operator's host, over ssh.
lab_check() {
    local name status=0 report
    local -a names=() targets=()
    while (($# > 0)) && [[ $1 != -* ]]; do
        name=$(checked_machine "$1")
        names+=("$name")
        shift
    done
    if ((${#names[@]} == 0)); then mapfile -t names < <(machines); fi
    ((${#names[@]} > 0)) || fail 2 "no lab is up: run 'Scripts/lab up'"
    [[ -x $root/.build/release/meshcheck ]] ||
        fail 2 "meshcheck is not built: Scripts/build meshcheck"
    for name in "${names[@]}"; do targets+=(--target "ssh://$name"); done
    report=$lab_run/meshcheck
    in_namespace "$operator_ns" "$root/.build/release/meshcheck" run "$root/Scenarios" "${targets[@]}" \
        --ssh-config "$lab_run/ssh_config" --format terminal --format "html=$report.html" --format "json=$report.json" \
        "$@" </dev/null || status=$?
    say "report: $report.html"
    return "$status"
}
