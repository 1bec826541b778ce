#!/bin/bash
# The mesh expansion guide's tool for operators, with its old name, functions and variables. Each function calls meshex; see
# 'meshex --help'.
set -euo pipefail

usage() {
    cat <<'END'
usage: setupMeshEx.sh FUNCTION [ARGUMENT]...

  manifests CLOUD                      meshex manifests --apply: the internal load balancers
  generateClusterEnv [CLUSTER]         meshex cluster-env: cluster.env
  generateDnsmasq                      meshex dnsmasq: kubedns
  machineCerts [ACCOUNT [NAMESPACE]]   meshex certs: key.pem, cert-chain.pem, root-cert.pem
  machineSetup HOST [ACCOUNT [NAMESPACE]]
                                       the three above, if their files are missing, then meshex machine-setup
  help

environment:
  ISTIO_NAMESPACE      the control plane's namespace (istio-system)
  SERVICE_ACCOUNT      the machine's service account (default)
  SERVICE_NAMESPACE    its namespace (default)
  ISTIO_SECRET_PREFIX  the prefix of the account in the secret's name (istio.)
  ISTIO_STAGING        the folder of the packages, or the URL of a release (.)
  ISTIO_CP, ISTIO_RUN  commands to use instead of scp and ssh, such as "gcloud compute scp --zone us-east1-b"; they then
                       copy the files and run setupIstioVM.sh
  GCP_OPTS             options for gcloud
  MESHEX               the meshex program (default: next to this script, in .build, or on PATH)

example: setupMeshEx.sh generateClusterEnv && setupMeshEx.sh generateDnsmasq && setupMeshEx.sh machineSetup demo-vm-1
exit status: meshex's
END
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly here

program() {
    local candidate
    for candidate in "${MESHEX:-}" "$here/meshex" "$here/../.build/release/meshex" "$here/../.build/debug/meshex"; do
        if [[ -n $candidate && -x $candidate ]]; then
            printf '%s' "$candidate"
            return
        fi
    done
    command -v meshex || {
        printf 'setupMeshEx.sh: meshex is missing: build it (swift build -c release --product meshex), or name it by MESHEX\n' >&2
        return 2
    }
}

meshex() { "$(program)" "$@"; }

manifests() { meshex manifests --apply --istio-namespace "${ISTIO_NAMESPACE:-istio-system}" --cloud "$@"; }

generateClusterEnv() { meshex cluster-env "$@"; }

generateDnsmasq() { meshex dnsmasq --istio-namespace "${ISTIO_NAMESPACE:-istio-system}" "$@"; }

machineCerts() {
    meshex certs --out . --prefix "${ISTIO_SECRET_PREFIX:-istio.}" \
        "${1:-${SERVICE_ACCOUNT:-default}}" "${2:-${SERVICE_NAMESPACE:-default}}"
}

machineSetup() {
    local host=${1:?machineSetup wants a HOST} staging=${ISTIO_STAGING:-.}
    local -a source=(--packages "$staging") copy run files
    [[ -e cluster.env ]] || meshex cluster-env
    [[ -e kubedns ]] || meshex dnsmasq --istio-namespace "${ISTIO_NAMESPACE:-istio-system}"
    # Certificates last an hour: those of another machine, or from yesterday, are of no use.
    machineCerts "${2:-}" "${3:-}"
    if [[ -n ${ISTIO_CP:-}${ISTIO_RUN:-} ]]; then
        read -r -a copy <<<"${ISTIO_CP:-scp}"
        read -r -a run <<<"${ISTIO_RUN:-ssh}"
        mapfile -t files < <(find "$staging" -maxdepth 1 -type f \( -name 'istio-*.deb' -o -name 'meshcheck*.deb' \))
        "${copy[@]}" cluster.env kubedns key.pem cert-chain.pem root-cert.pem "$here/setupIstioVM.sh" "${files[@]}" "$host:"
        "${run[@]}" "$host" -- sudo sh ./setupIstioVM.sh
        return
    fi
    if [[ $staging == http://* || $staging == https://* || $staging == file://* ]]; then source=(--release "$staging"); fi
    meshex machine-setup --certs . --namespace "${ISTIO_NAMESPACE:-istio-system}" "${source[@]}" "$host"
}

function=${1:-help}
if (($# > 0)); then shift; fi
case $function in
    manifests | generateClusterEnv | generateDnsmasq | machineCerts | machineSetup) "$function" "$@" ;;
    help | -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
