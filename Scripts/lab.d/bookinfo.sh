# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# The guide's example with a database on a machine, and installing the Debian packages that it needs.

readonly database_service=mysqldb.bookinfo.svc.cluster.local
readonly database_address=10.63.240.30
readonly database_port=3306

# lab_add VM PACKAGE...: installs packages. This computer's apt downloads them, because machines cannot reach a mirror; the
# downloads are kept.
lab_add() {
    local name distribution base codename folder temporary
    name=$(checked_machine "${1:-}")
    shift
    (($# > 0)) || fail 2 "add needs a machine and names of packages"
    distribution=$(<"$lab_run/machines/$name/distribution")
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    [[ $codename == "$distribution" ]] ||
        fail 70 "packages come from this computer's apt sources, which are for '$codename', but $name is Debian $distribution"
    base=$(rootfs_path "$distribution")
    folder=$lab_cache/packages-$(printf '%s ' "$base" "$@" | md5sum | cut -c 1-12)
    if [[ ! -d $folder ]]; then
        say "fetching $*; this is kept"
        temporary=$(mktemp --directory "$lab_cache/fetch.XXXXXX")
        if ! fetch_packages "$base" "$temporary" "$@"; then
            # The package lists may name versions that the mirror no longer has.
            apt-get -o DPkg::Lock::Timeout=600 --quiet --quiet update >&2 || true
            fetch_packages "$base" "$temporary" "$@" || {
                rm -rf -- "$temporary"
                fail 70 "apt could not download $*: see above"
            }
        fi
        rm -rf -- "$temporary/partial" "$temporary/lock"
        mv --no-target-directory -- "$temporary" "$folder" 2>/dev/null || rm -rf -- "$temporary"
    fi
    on_machine "$name" 'rm -rf /root/added && mkdir -m 700 /root/added' </dev/null
    tar -C "$folder" -cf - . | on_machine "$name" 'tar -C /root/added --no-same-owner -xf -'
    on_machine "$name" 'DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends /root/added/*.deb && rm -rf /root/added' </dev/null >&2
}

# fetch_packages ROOT FOLDER PACKAGE...: downloads what a system with this root file system lacks.
fetch_packages() {
    local base=$1 folder=$2
    shift 2
    mkdir -p -- "$folder/partial"
    apt-get -o Dir::State::status="$base/var/lib/dpkg/status" -o Dir::Cache::archives="$folder" \
        -o APT::Sandbox::User=root --quiet --quiet --yes --no-install-recommends --download-only install "$@" >&2
}

# lab_bookinfo [VM]: sets up MariaDB with the ratings on a machine in the mesh.
lab_bookinfo() {
    local name options=$lab_run/state/mysql.cnf
    name=$(checked_machine "${1:-vm1}")
    alive mesh-lab || fail 2 "no lab is up: run 'Scripts/lab up'"
    if grep -q "^ratings:" "$lab_run/mesh.yaml"; then fail 2 "the ratings are already on a machine"; fi
    on_machine "$name" test -x /usr/local/bin/pilot-agent </dev/null ||
        fail 2 "$name has no packages yet: run 'Scripts/lab install $name'"
    say "$name: MariaDB"
    lab_add "$name" mariadb-server
    (umask 077 && printf '[client]\nuser=ratings\npassword=%s\n' "$(openssl rand -hex 16)" >"$options")
    copy "$name" "$options" /root/.my.cnf 0600
    {
        printf "CREATE DATABASE IF NOT EXISTS test; USE test;\n"
        printf "CREATE TABLE IF NOT EXISTS ratings (ReviewID INT NOT NULL, Rating INT, PRIMARY KEY (ReviewID));\n"
        printf "REPLACE INTO ratings VALUES (1, 5), (2, 4);\n"
        printf "CREATE OR REPLACE USER ratings@'%%' IDENTIFIED BY '%s';\n" "$(sed -n 's/^password=//p' "$options")"
        printf "GRANT SELECT, UPDATE ON test.ratings TO ratings@'%%';\n"
    } | on_machine "$name" mariadb --no-defaults
    say "$name: its port goes through Envoy"
    on_machine "$name" "echo ISTIO_INBOUND_PORTS=$database_port >>/var/lib/istio/envoy/sidecar.env && systemctl restart istio" \
        </dev/null
    say "$name: registered as $database_service"
    {
        cat -- "$lab_run/mesh.yaml"
        printf '  - hostname: %s\n    address: %s\n    ports: [{name: mysql, port: %s}]\n' \
            "$database_service" "$database_address" "$database_port"
        printf '    endpoints: [{address: %s, port: %s}]\n' "$(machine_address "$name")" "$database_port"
        printf 'ratings: {service: %s, options: %s}\n' "$database_service" "$options"
    } >"$lab_run/mesh.yaml.new"
    mv -- "$lab_run/mesh.yaml.new" "$lab_run/mesh.yaml"
    end dns-cluster
    cluster_dns
    say "next: Scripts/lab check $name --tag bookinfo --var bookinfo.client=mariadb --var bookinfo.change=yes" \
        "--var bookinfo.url=http://productpage.bookinfo.svc.cluster.local:9080/productpage"
}
