#!/bin/sh
# Makes this Debian host a part of an Istio mesh: the host's side of the mesh-expansion guide.
#
# Runs by itself, as root, in the folder that the operator's files were copied to. It can be run any number of times:
# what is as it should be is left alone. 'meshex machine-setup' copies this very file and runs it.
set -u
umask 022

usage() {
    cat <<'END'
usage: setupIstioVM.sh [initNetwork | istioInstall | istioRestart | help]

  initNetwork   kubedns for dnsmasq, cluster.env, and the host's resolver
  istioInstall  certificates and packages, then starts the services
  istioRestart  restarts the services
  help          this text
  (nothing)     initNetwork, then istioInstall

Reads from the folder ISTIO_STAGING (default: the present one):
  kubedns, cluster.env                          from generateDnsmasq and generateClusterEnv
  root-cert.pem, cert-chain.pem, key.pem        from machineCerts
  *.deb                                         the packages; else istio.list or istio.sources (an apt source, with
                                                istio.asc or istio.gpg as its key); else istio.VERSION

environment:
  ISTIO_STAGING      the folder with the files
  ISTIO_NAMESPACE    where the control plane runs (default istio-system)
  PILOT_DEBIAN_URL, AUTH_DEBIAN_URL, PROXY_DEBIAN_URL
                     where istio-agent.deb, istio-auth-node-agent.deb and istio-proxy.deb are, with SHA256SUMS beside
                     them (default: from istio.VERSION)
  ISTIO_CURL_LIMIT   seconds for one download (default 600)

Every line of its output begins with 'changed:', 'unchanged:', 'warning:', 'note:' or 'failed:'.
exit status: 0 done, 1 a step failed, 2 wrong usage or files, 3 a download failed
END
}

staging=${ISTIO_STAGING:-.}
certificates=/etc/certs
data=/var/lib/istio/envoy
stamps=/var/lib/meshex
user=istio-proxy

changed() { echo "changed: $*"; }
unchanged() { echo "unchanged: $*"; }
note() { echo "note: $*"; }
warning() { echo "warning: $*"; }

# fail STATUS TRIED FOUND REMEDY
fail() {
    echo "failed: cannot $2: $3; $4"
    exit "$1"
}

checksum() { sha256sum <"$1" | cut -d ' ' -f 1; }

# What has to be restarted is kept in files: the next run does it when this one is cut off.
mark() {
    folder "$stamps" 700
    : >"$stamps/restart-$1" || fail 1 "write $stamps/restart-$1" "$(df -h "$stamps" | tail -n 1)" "look for space"
}
is_marked() { [ -f "$stamps/restart-$1" ]; }
unmark() { rm -f -- "$stamps/restart-$1"; }

has_systemd() { [ -d /run/systemd/system ]; }

# The owner of the certificates: the user comes with the packages.
owner() {
    if id -u "$user" >/dev/null 2>&1; then echo "$user:$user"; else echo root:root; fi
}

# same FILE TARGET MODE OWNER: whether the target is what it should be already.
same() {
    [ -f "$2" ] && [ ! -L "$2" ] && cmp -s -- "$1" "$2" && [ "$(stat -c '%a %U:%G' -- "$2")" = "$3 $4" ]
}

# prepare FILE TARGET MODE OWNER: the file under a temporary name beside its target, checked and synced.
prepare() {
    temporary=$2.meshex-new
    rm -f -- "$temporary"
    if ! (umask 077 && cat -- "$1" >"$temporary") || [ "$(checksum "$temporary")" != "$(checksum "$1")" ] ||
        ! chown "$4" "$temporary" || ! chmod "$3" "$temporary" || ! sync -- "$temporary"; then
        rm -f -- "$temporary"
        place=$(dirname -- "$2")
        fail 1 "write $2" "$(df -h -- "$place" | tail -n 1)" "look for space and rights in $place"
    fi
}

# finish TARGET: gives the prepared file its name.
finish() {
    if ! mv -fT -- "$1.meshex-new" "$1" || ! sync -- "$(dirname -- "$1")"; then
        rm -f -- "$1.meshex-new"
        fail 1 "write $1" "it cannot take the name" "look what is at $1"
    fi
}

# install_file FILE TARGET MODE OWNER [SERVICE]: the service has to be restarted when the file changes.
install_file() {
    if same "$1" "$2" "$3" "$4"; then
        unchanged "$2"
        return
    fi
    prepare "$1" "$2" "$3" "$4"
    [ -z "${5:-}" ] || mark "$5"
    finish "$2"
    changed "$2"
}

folder() {
    if [ ! -d "$1" ]; then
        if ! mkdir -p -- "$1" || ! chmod "$2" "$1"; then
            fail 1 "make the folder $1" "mkdir failed" "look at $(dirname -- "$1")"
        fi
        changed "$1"
    fi
}

require_root() {
    [ "$(id -u)" = 0 ] || fail 2 "set this host up" "the user is $(id -un)" "run it as root: sudo $0"
    command -v dpkg >/dev/null 2>&1 || fail 2 "set this host up" "there is no dpkg" "use a Debian host"
}

require_files() {
    for file; do
        [ -f "$staging/$file" ] ||
            fail 2 "read $staging/$file" "there is no such file" "copy it there, or name its folder in ISTIO_STAGING"
    done
}

# The host's resolver asks dnsmasq. No second dhclient is started: it would take the place of the first one's answer
# hours later.
resolver() {
    if [ -d /run/systemd/resolve ] && grep -q '^nameserver 127\.0\.0\.53' /etc/resolv.conf 2>/dev/null; then
        folder /etc/systemd/resolved.conf.d 755
        # Behind the stub of systemd-resolved: dnsmasq asks the servers of the links, and resolved asks dnsmasq.
        printf 'listen-address=127.0.0.1\nbind-interfaces\nresolv-file=/run/systemd/resolve/resolv.conf\n' >"$work/link"
        printf '[Resolve]\nDNS=127.0.0.1\nDomains=~.\nResolveUnicastSingleLabel=yes\n' >"$work/resolved"
        install_file "$work/link" /etc/dnsmasq.d/istio-resolved 644 root:root dnsmasq
        install_file "$work/resolved" /etc/systemd/resolved.conf.d/istio.conf 644 root:root resolved
        if is_marked resolved; then
            systemctl restart systemd-resolved ||
                fail 1 "restart systemd-resolved" "systemctl failed" "journalctl -u systemd-resolved"
            unmark resolved
        fi
        return
    fi
    dhclient=/etc/dhcp/dhclient.conf
    if [ -f "$dhclient" ] && ! grep -q '^prepend domain-name-servers 127\.0\.0\.1;' "$dhclient"; then
        { cat -- "$dhclient" && echo 'prepend domain-name-servers 127.0.0.1;'; } >"$work/dhclient"
        install_file "$work/dhclient" "$dhclient" 644 root:root
    fi
    if grep -q '^nameserver 127\.0\.0\.1' /etc/resolv.conf 2>/dev/null; then
        unchanged /etc/resolv.conf
    elif [ -f /etc/resolv.conf ] && [ ! -L /etc/resolv.conf ]; then
        { echo 'nameserver 127.0.0.1' && cat /etc/resolv.conf; } >"$work/resolv"
        # What a container mounts there can be written, but not replaced.
        if mv -fT -- /etc/resolv.conf /etc/resolv.conf.meshex-old 2>/dev/null; then
            mv -fT -- /etc/resolv.conf.meshex-old /etc/resolv.conf
            install_file "$work/resolv" /etc/resolv.conf 644 root:root
        else
            warning "/etc/resolv.conf does not name 127.0.0.1 and cannot be replaced: names of the mesh are not found"
        fi
    else
        warning "/etc/resolv.conf does not name 127.0.0.1, and something else writes it: let it name dnsmasq"
    fi
}

restart_dnsmasq() {
    if ! has_systemd; then
        note "systemd does not run here: dnsmasq is not restarted"
    elif is_marked dnsmasq || ! systemctl --quiet is-active dnsmasq; then
        systemctl restart dnsmasq || fail 1 "restart dnsmasq" "systemctl failed" "journalctl -u dnsmasq"
        changed "dnsmasq.service (restarted)"
        unmark dnsmasq
    else
        unchanged dnsmasq.service
    fi
}

initNetwork() {
    require_files kubedns cluster.env
    if [ ! -x /usr/sbin/dnsmasq ]; then
        apt_get update
        apt_get install --no-install-recommends dnsmasq
        changed "package dnsmasq"
    fi
    folder /etc/dnsmasq.d 755
    install_file "$staging/kubedns" /etc/dnsmasq.d/kubedns 644 root:root dnsmasq
    # Root's, because root's start script reads what is in it.
    folder "$data" 755
    install_file "$staging/cluster.env" "$data/cluster.env" 644 root:root services
    resolver
    restart_dnsmasq
    if has_systemd; then
        name=istio-pilot.${ISTIO_NAMESPACE:-istio-system}
        expected=$(sed -n "s,^address=/$name/,,p" "$staging/kubedns" | head -n 1)
        found=$(getent ahosts "$name" | head -n 1 | cut -d ' ' -f 1)
        [ "$found" = "$expected" ] ||
            warning "$name has the address '$found' here, expected '$expected': look at /etc/resolv.conf and dnsmasq"
    fi
}

# Output of dpkg and apt is not this script's: it gets a beginning of its own.
told() { sed 's/^/note: /'; }

apt_get() {
    # Said twice, --quiet would leave out why dependencies cannot be met.
    if ! DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$@" \
        >"$work/apt" 2>&1 </dev/null; then
        told <"$work/apt"
        fail 1 "apt-get $1" "$(grep '^E: ' "$work/apt" | head -n 1)" "fix what is named, then run it again"
    fi
}

installCertificates() {
    require_files root-cert.pem cert-chain.pem key.pem
    mine=$(cat -- "$staging/root-cert.pem" "$staging/cert-chain.pem" "$staging/key.pem" | sha256sum | cut -d ' ' -f 1)
    last=$(cat "$stamps/certificates" 2>/dev/null)
    # The node agent has renewed what was copied before: an older certificate must not take its place.
    if [ "$mine" = "$last" ] && [ -f "$certificates/root-cert.pem" ] && [ -f "$certificates/cert-chain.pem" ] &&
        [ -f "$certificates/key.pem" ]; then
        unchanged "$certificates (copied before; the node agent renews them)"
        return
    fi
    folder "$certificates" 750
    if has_systemd && systemctl --quiet is-active istio-auth-node-agent; then
        systemctl stop istio-auth-node-agent ||
            fail 1 "stop the node agent" "systemctl failed" "journalctl -u istio-auth-node-agent"
    fi
    to=$(owner)
    prepare "$staging/root-cert.pem" "$certificates/root-cert.pem" 644 "$to"
    prepare "$staging/cert-chain.pem" "$certificates/cert-chain.pem" 644 "$to"
    prepare "$staging/key.pem" "$certificates/key.pem" 600 "$to"
    mark services
    for file in root-cert.pem key.pem cert-chain.pem; do
        finish "$certificates/$file"
        changed "$certificates/$file"
    done
    echo "$mine" >"$work/stamp"
    prepare "$work/stamp" "$stamps/certificates" 600 root:root
    finish "$stamps/certificates"
}

# The value of a setting in istio.VERSION, which is read and not executed.
version_setting() {
    eval "value=\${$1:-}"
    if [ -z "$value" ] && [ -f "$staging/istio.VERSION" ]; then
        value=$(sed -n "s/^\(export \)\{0,1\}$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\2/p" "$staging/istio.VERSION" | tail -n 1)
    fi
}

# download URL FILE
download() {
    curl --fail --silent --show-error --location --proto '=http,https,file' --connect-timeout 20 --retry 2 \
        --max-time "${ISTIO_CURL_LIMIT:-600}" --max-filesize 1073741824 --output "$2" -- "$1" 2>"$work/curl" ||
        fail 3 "download $1" "$(tail -n 1 "$work/curl")" "look whether the address is right and can be reached"
}

downloadPackages() {
    command -v curl >/dev/null 2>&1 || fail 2 "download the packages" "there is no curl" "apt-get install curl"
    for pair in PILOT_DEBIAN_URL:istio-agent PROXY_DEBIAN_URL:istio-proxy AUTH_DEBIAN_URL:istio-auth-node-agent; do
        version_setting "${pair%%:*}"
        package=${pair#*:}
        [ -n "$value" ] ||
            fail 2 "download $package" "no *.deb, no apt source and no ${pair%%:*} are given" "put them into $staging"
        download "$value/SHA256SUMS" "$work/sums"
        download "$value/$package.deb" "$work/$package.deb"
        sum=$(checksum "$work/$package.deb")
        # The list names packages with their versions; the plain name is a link to one of them.
        grep -q "^$sum [ *]$package\(_[^/]*\)\{0,1\}\.deb\$" "$work/sums" ||
            fail 3 "use $value/$package.deb" "its SHA-256 $sum is not in SHA256SUMS" "ask who publishes it"
        packages="$packages $work/$package.deb"
    done
}

# Looks at every package before the first one is installed.
checkPackage() {
    [ "$(head -c 8 -- "$1")" = '!<arch>' ] ||
        fail 2 "use $1" "it is not a Debian package" "build it, or download it again"
    if ! package=$(dpkg-deb -f "$1" Package) || ! version=$(dpkg-deb -f "$1" Version) ||
        ! architecture=$(dpkg-deb -f "$1" Architecture); then
        fail 2 "use $1" "dpkg-deb cannot read it" "build it, or download it again"
    fi
    own=$(dpkg --print-architecture)
    [ "$architecture" = all ] || [ "$architecture" = "$own" ] ||
        fail 2 "use $1" "it is for $architecture, this host is $own" "bring the package for this host"
}

# Whether a package is there in this version, with these files.
isInstalled() {
    [ "$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$package" 2>/dev/null)" = "ii  $version" ] || return 1
    # Built again without another version: the files tell. A package need not list them.
    dpkg-deb -I "$1" md5sums >"$work/files" 2>/dev/null || return 0
    cmp -s -- "$work/files" "/var/lib/dpkg/info/$package.md5sums"
}

installPackageFiles() {
    missing=
    kept=
    for file in $packages; do
        checkPackage "$file"
        if [ -f "$work/is-$package" ]; then
            other=$(cat -- "$work/is-$package")
            # A release names each package twice: with its version, and by a link without.
            cmp -s -- "$file" "$other" ||
                fail 2 "use $file" "$other is another $package" "leave one of them in $staging"
            continue
        fi
        printf '%s' "$file" >"$work/is-$package"
        kept="$kept $file"
    done
    for file in $kept; do
        checkPackage "$file"
        if isInstalled "$file"; then
            unchanged "package $package $version"
        else
            # apt takes a path only with a slash.
            case $file in /*) ;; *) file=./$file ;; esac
            missing="$missing $file"
        fi
    done
    [ -n "$missing" ] || return 0
    mark services
    # Names are listed by this script and have no blanks.
    # shellcheck disable=SC2086
    apt_get install --no-install-recommends --allow-downgrades --reinstall $missing
    for file in $missing; do
        checkPackage "$file"
        isInstalled "$file" || fail 1 "install $package" "dpkg has not $version of it afterwards" "dpkg --audit"
        changed "package $package $version"
    done
}

installPackagesOfSource() {
    for suffix in asc gpg; do
        if [ -f "$staging/istio.$suffix" ]; then
            folder /etc/apt/keyrings 755
            install_file "$staging/istio.$suffix" "/etc/apt/keyrings/istio.$suffix" 644 root:root
        fi
    done
    install_file "$1" "/etc/apt/sources.list.d/${1##*/}" 644 root:root
    names="istio-agent istio-proxy istio-auth-node-agent"
    apt_get update
    # shellcheck disable=SC2086
    before=$(dpkg-query -W $names meshcheck 2>/dev/null)
    if [ -n "$(apt-cache madison meshcheck 2>/dev/null)" ]; then names="$names meshcheck"; fi
    # shellcheck disable=SC2086
    apt_get install --no-install-recommends $names
    # shellcheck disable=SC2086
    if [ "$before" = "$(dpkg-query -W $names meshcheck 2>/dev/null)" ]; then
        unchanged "packages $names"
    else
        changed "packages $names"
        mark services
    fi
}

installPackages() {
    packages=
    for file in "$staging"/*.deb; do
        [ -f "$file" ] || continue
        case ${file##*/} in
            *[!A-Za-z0-9.+~_-]*) fail 2 "use $file" "its name has other characters than a package's" "rename it" ;;
        esac
        # A copy whose path has no blanks.
        ln -s -- "$(realpath -- "$file")" "$work/${file##*/}"
        packages="$packages $work/${file##*/}"
    done
    if [ -n "$packages" ]; then
        installPackageFiles
    elif [ -f "$staging/istio.list" ]; then
        installPackagesOfSource "$staging/istio.list"
    elif [ -f "$staging/istio.sources" ]; then
        installPackagesOfSource "$staging/istio.sources"
    else
        downloadPackages
        installPackageFiles
    fi
}

giveCertificates() {
    to=$(owner)
    for file in "$certificates" "$certificates/root-cert.pem" "$certificates/cert-chain.pem" "$certificates/key.pem"; do
        [ "$(stat -c %U:%G -- "$file")" = "$to" ] && continue
        chown -h "$to" "$file" || fail 1 "give $file to $to" "chown failed" "ls -l $file"
        changed "$file (owner $to)"
    done
}

startServices() {
    for unit in istio-auth-node-agent istio; do
        if ! has_systemd; then
            note "systemd does not run here: $unit is not started"
            continue
        fi
        if ! systemctl --quiet is-enabled "$unit" 2>/dev/null; then
            systemctl --quiet enable "$unit" || fail 1 "enable $unit" "systemctl failed" "systemctl status $unit"
            changed "$unit.service (enabled)"
        fi
        if is_marked services || ! systemctl --quiet is-active "$unit"; then
            systemctl restart "$unit" || fail 1 "start $unit" "systemctl failed" "journalctl -u $unit"
            changed "$unit.service (started)"
        else
            unchanged "$unit.service"
        fi
    done
    unmark services
}

istioInstall() {
    installCertificates
    installPackages
    giveCertificates
    startServices
}

istioRestart() {
    mark services
    startServices
}

case ${1:-} in
    help | -h | --help)
        usage
        exit 0
        ;;
    '' | initNetwork | istioInstall | istioRestart) ;;
    *)
        usage >&2
        exit 2
        ;;
esac
require_root
work=$(mktemp -d) || fail 1 "make a temporary folder" "mktemp failed" "look at the space of /tmp"
trap 'rm -rf -- "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
case ${1:-} in
    '')
        initNetwork
        istioInstall
        ;;
    *) "$1" ;;
esac
