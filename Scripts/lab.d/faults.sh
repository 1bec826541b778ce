# shellcheck shell=bash
# Faults: what goes wrong with machines of a mesh, one at a time, each with the code that meshcheck has to give for it.

# What commands of faults may call on the machine.
fault_prelude=$(
    cat <<'END'
set -eu
keep() { for file; do mkdir -p "/root/kept${file%/*}" && cp -a "$file" "/root/kept$file"; done; }
back() { for file; do ls -d "/root/kept$file" >/dev/null && rm -rf "$file" && cp -a "/root/kept$file" "$file"; done; }
hang() {
    for file; do
        keep "$file" && rm "$file"
        printf '#!/bin/sh\ntrap "" TERM\nexec sleep 1000\n' >"$file"
        chmod 755 "$file"
    done
}
away() { for file; do mkdir -p "/root/kept${file%/*}" && mv "$file" "/root/kept$file"; done; }
drop_in() {
    mkdir -p "/etc/systemd/system/$1.d"
    printf '[Service]\n%s\n' "$2" >"/etc/systemd/system/$1.d/fault.conf"
    systemctl daemon-reload
    systemctl restart --no-block "$1"
}
no_drop_in() {
    rm -r "/etc/systemd/system/$1.d"
    systemctl daemon-reload
    systemctl restart "$1"
}
settings=/var/lib/istio/envoy/sidecar.env
cluster=/var/lib/istio/envoy/cluster.env
kubedns=/etc/dnsmasq.d/kubedns
END
)
readonly fault_prelude

fault_names=()
declare -A fault_place=() fault_code=() fault_words=() fault_on=() fault_off=() fault_remedy=()

# fault NAME CODE[+CODE] WORDS ON OFF: commands on the machine, of which the second undoes the first.
fault() {
    fault_names+=("$1")
    fault_place[$1]=machine fault_code[$1]=$2 fault_words[$1]=$3 fault_on[$1]=$4 fault_off[$1]=$5
}

# certificate_fault NAME CODE WORDS: odd_certificate makes what is copied to the machine.
certificate_fault() {
    fault "$1" "$2" "$3" '' ''
    fault_place[$1]=certificate
}

# plane_fault NAME CODE [ON OFF]: a fault of mesh-lab, which describes it. ON and OFF of the machine follow it.
plane_fault() {
    fault "$1" "$2" '' "${3:-}" "${4:-}"
    fault_place[$1]=cluster
}

# --- the control plane, which all machines share

plane_fault pilot-refuse MX0501
plane_fault pilot-hang MX0510
plane_fault pilot-empty MX0503
plane_fault pilot-503 MX0504
plane_fault pod-unreachable MX0507
plane_fault dns-silent MX0409
fault_words[dns-silent]="the cluster's DNS does not answer"
plane_fault dns-drop MX0410 'systemctl restart dnsmasq' 'systemctl restart dnsmasq'
plane_fault ca-refuse MX0601
plane_fault ca-deny MX0906 'systemctl kill -s HUP istio-auth-node-agent' 'systemctl restart istio-auth-node-agent'
plane_fault ca-hang MX0923 'systemctl kill -s HUP istio-auth-node-agent' 'systemctl restart istio-auth-node-agent'

# --- 01 packages

fault package-removed MX0101 'the agent was removed by force' \
    'dpkg --remove --force-depends istio-agent >/dev/null 2>&1' \
    'dpkg --install /root/packages/istio-agent_*.deb >/dev/null && systemctl restart istio'
fault package-unpacked MX0102 'dpkg was interrupted before it configured the agent' \
    'dpkg --unpack /root/packages/istio-agent_*.deb >/dev/null' \
    'dpkg --configure --pending >/dev/null && systemctl restart istio'
fault program-deleted MX0104 'a script of the package was deleted' \
    'away /usr/local/bin/istio-iptables.sh' 'back /usr/local/bin/istio-iptables.sh'
fault program-edited MX0105 'a script of the package was edited' \
    'keep /usr/local/bin/istio-start.sh; echo "# edited" >>/usr/local/bin/istio-start.sh' 'back /usr/local/bin/istio-start.sh'
fault program-mode MX0106 'everybody may write to the agent' \
    'chmod 0777 /usr/local/bin/pilot-agent' 'chmod 0755 /usr/local/bin/pilot-agent'
fault tool-missing MX0109 'a program that the scripts call is missing' 'away /usr/bin/setpriv' 'back /usr/bin/setpriv'
fault conffile-beside MX0111 'an upgrade has left its configuration file beside the one in use' \
    'cp $settings $settings.dpkg-dist' 'rm $settings.dpkg-dist'
fault link-hidden MX0113 '/etc/istio is a directory of its own' \
    'rm /etc/istio; cp -a /var/lib/istio /etc/istio' 'rm -r /etc/istio; ln -s /var/lib/istio /etc/istio'

# --- 02 units

fault unit-names-nothing MX0201 'the unit names a program that is not there' \
    'drop_in istio.service "ExecStart=
ExecStart=/usr/local/bin/istio-begin.sh"' 'no_drop_in istio.service'
fault unit-crashes MX0202 'the service ends as soon as it is started' \
    'drop_in istio.service "ExecStart=
ExecStart=/bin/false"' 'no_drop_in istio.service'
fault sidecar-stopped MX0205 "the sidecar's service was stopped" 'systemctl stop istio' 'systemctl start istio'
fault node-agent-stopped MX0205 "the node agent's service was stopped" \
    'systemctl stop istio-auth-node-agent' 'systemctl start istio-auth-node-agent'
fault unit-masked MX0206 "the sidecar's service was masked" \
    'systemctl stop istio; systemctl mask --quiet istio' 'systemctl unmask --quiet istio; systemctl start istio'
fault unit-disabled MX0207 'the services do not start after a reboot' \
    'systemctl disable --quiet istio' 'systemctl enable --quiet istio'
fault unit-not-read MX0208 "the unit's file was changed and systemd has not read it" \
    'keep /lib/systemd/system/istio.service; touch /lib/systemd/system/istio.service' \
    'back /lib/systemd/system/istio.service; systemctl daemon-reload'
fault descriptors-few MX0716 'a drop-in leaves Envoy 1024 open files' \
    'drop_in istio.service LimitNOFILE=1024' 'no_drop_in istio.service'
fault systemd-silent MX0214 'systemctl never ends' 'hang /usr/bin/systemctl' 'back /usr/bin/systemctl'
fault log-missing MX0212 "the sidecar's log was moved away" 'away /var/log/istio/istio.log' 'back /var/log/istio/istio.log'

# --- 03 configuration

fault cluster-env-missing MX0301 'cluster.env was never copied' 'away $cluster' 'back $cluster'
fault settings-writable MX0302 'the settings belong to istio-proxy' 'chown istio-proxy $settings' 'chown root $settings'
fault settings-unreadable MX0303 'a setting asks for a command' \
    'keep $settings; echo "ISTIO_INBOUND_PORTS=\$(id -u)" >>$settings' 'back $settings'
fault settings-misspelt MX0304 'a setting has a slip in its name' \
    'keep $settings; echo ISTIO_INBOUND_PORT=8080 >>$settings' 'back $settings'
fault settings-not-in-effect MX0305 'a setting was changed and the service was not restarted' \
    'keep $settings; echo ISTIO_SVC_IP=10.150.0.99 >>$settings' 'back $settings'

# --- 04 DNS

fault kubedns-missing MX0401 'kubedns was never copied' 'away $kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault kubedns-empty MX0402 'a load balancer had no address when kubedns was made' \
    'keep $kubedns; sed -i s,^address=/istio-pilot/.*,address=/istio-pilot/, $kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault kubedns-garbled MX0403 'kubedns has a line that is none' \
    'keep $kubedns; echo "address=istio-pilot" >>$kubedns' 'back $kubedns'
fault dnsmasq-stopped MX0406 'dnsmasq was stopped' 'systemctl stop dnsmasq' 'systemctl start dnsmasq'
fault dns-port-taken MX0405 'another program has taken port 53' \
    'systemctl stop dnsmasq; systemd-run --quiet --unit=fault-53 nc -l -k 53; systemctl start dnsmasq || true' \
    'systemctl stop fault-53; systemctl reset-failed; systemctl start dnsmasq'
fault resolv-conf-rewritten MX0408 'a DHCP client has rewritten resolv.conf' \
    'keep /etc/resolv.conf; echo "nameserver 10.150.0.1" >/etc/resolv.conf' 'back /etc/resolv.conf'
fault dnsmasq-not-read MX0411 'kubedns was exchanged and dnsmasq was not restarted' \
    'keep $kubedns; sed -i s,^address=/istio-pilot/.*,address=/istio-pilot/10.150.0.66, $kubedns' 'back $kubedns'
fault pilot-moved MX0501 'kubedns has an address that Pilot had once' \
    'keep $kubedns; sed -i s,^address=/istio-pilot\\\(.*\\\)/.*,address=/istio-pilot\\1/10.150.0.66, $kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault service-range-wrong MX0412 'cluster.env has the service range of another cluster' \
    'keep $cluster; echo ISTIO_SERVICE_CIDR=10.99.0.0/16 >$cluster; systemctl restart istio' \
    'back $cluster; systemctl restart istio'

# --- 06 certificates

fault certificates-missing MX0606 'the certificates were never copied' 'away /etc/certs/cert-chain.pem' \
    'back /etc/certs/cert-chain.pem'
fault key-unreadable MX0607 'the key belongs to root' 'chown root:root /etc/certs/key.pem' \
    'chown istio-proxy:istio-proxy /etc/certs/key.pem'
fault key-open MX0608 'everybody can read the key' 'chmod 0644 /etc/certs/key.pem' 'chmod 0600 /etc/certs/key.pem'
certificate_fault key-of-another MX0609 "the key is not the certificate's"
certificate_fault root-of-another MX0610 'the certificate is from another cluster'
certificate_fault certificate-expired MX0611 'the certificate has expired while the machine was off'
certificate_fault certificate-early MX0612 'the certificate is not valid yet'
certificate_fault certificate-nameless MX0614 'the certificate has no SAN'
certificate_fault certificate-of-another MX0615 'the certificate is of another namespace'
certificate_fault certificate-of-authority MX0616 "the CA's own pair was installed"
certificate_fault key-small MX0623 'the key has 1024 bits, which no TLS library takes'

# --- 07 processes

fault envoy-twice MX0706 'somebody has started a second Envoy' \
    'printf "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 15099}}}\n" >/run/second.yaml
    systemd-run --quiet --unit=fault-envoy --uid=istio-proxy /usr/local/bin/envoy -c /run/second.yaml --base-id 7' \
    'systemctl stop fault-envoy; rm /run/second.yaml'
fault program-replaced MX0711 'Envoy was replaced and not restarted' \
    'cp -a /usr/local/bin/envoy /usr/local/bin/envoy.new; mv /usr/local/bin/envoy.new /usr/local/bin/envoy' \
    'systemctl restart istio'

# --- 08 interception

fault rules-flushed MX0801 'a firewall manager has emptied the table' \
    'iptables-save -t nat >/root/rules; iptables -t nat -F; iptables -t nat -X' 'iptables-restore </root/rules'
fault rule-deleted MX0802 'one rule was deleted' \
    'iptables-save -t nat >/root/rules; iptables -t nat -D ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN' 'iptables-restore </root/rules'
fault rules-left MX0205+MX0805 'the sidecar was killed and its rules have stayed' \
    'iptables-save -t nat >/root/rules; systemctl stop istio; iptables-restore </root/rules' 'systemctl restart istio'
fault ssh-captured MX0806 'inbound traffic is redirected, that of ssh as well' \
    'keep $settings; echo "ISTIO_INBOUND_PORTS=*" >>$settings; systemctl restart istio
    iptables -t nat -D ISTIO_INBOUND -p tcp --dport 22 -j RETURN' \
    'back $settings; systemctl restart istio'
fault rules-overtaken MX0808 "another program's rule comes before those of the mesh" \
    'iptables -t nat -I OUTPUT -p tcp -d 10.63.248.0/24 -j ACCEPT' 'iptables -t nat -D OUTPUT -p tcp -d 10.63.248.0/24 -j ACCEPT'
fault rules-twice MX0810 'traffic is led to the chain twice' \
    'iptables -t nat -A OUTPUT -p tcp -j ISTIO_OUTPUT' 'iptables -t nat -D OUTPUT -p tcp -j ISTIO_OUTPUT'
fault rules-silent MX0812 'iptables never ends' 'hang /usr/sbin/xtables-nft-multi' 'back /usr/sbin/xtables-nft-multi'

# --- 09 the node agent's log

fault journal-silent MX0924 'journalctl never ends' 'hang /usr/bin/journalctl' 'back /usr/bin/journalctl'

# --- 10 traffic

fault inbound-nobody MX1007 'nothing listens on a port that the mesh is to reach' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio' \
    'back $settings; systemctl restart istio'

# Whose remedy needs somebody: a file or a value that only the operator has, a package from a mirror that no machine of the
# lab reaches, or a step in the cluster. The remedies of all others are run as they are printed.
for name in \
    tool-missing cluster-env-missing settings-unreadable settings-misspelt settings-not-in-effect systemd-silent \
    kubedns-missing kubedns-empty kubedns-garbled pilot-moved service-range-wrong dns-port-taken \
    rules-silent journal-silent inbound-nobody; do
    fault_remedy[$name]=hand
done

# odd_certificate VM NAME FOLDER: the files that replace those of the machine.
odd_certificate() {
    local name=$2 folder=$3 from=20260101000000Z until=20360101000000Z authority=$lab_run/state/ca
    local identity=subjectAltName=URI:spiffe://cluster.local/ns/default/sa/default
    local -a key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
    rm -rf -- "$folder"
    mkdir -p -m 700 -- "$folder/ca"
    cp -- "$lab_run/machines/$1/before"/*.pem "$folder/"
    case $name in
        key-of-another)
            openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.pem" 2>/dev/null ||
                openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.pem"
            return
            ;;
        root-of-another)
            mesh_lab issue --state "$folder/other" --service-account default --namespace default --out "$folder" >&2
            cp -- "$lab_run/machines/$1/before/root-cert.pem" "$folder/"
            return
            ;;
        certificate-of-authority)
            cat -- "$authority/intermediate.pem" "$authority/root.pem" >"$folder/cert-chain.pem"
            cp -- "$authority/intermediate.key.pem" "$folder/key.pem"
            return
            ;;
        certificate-expired) until=20260201000000Z ;;
        certificate-early) from=20351201000000Z ;;
        certificate-of-another) identity=${identity/ns\/default/ns\/elsewhere} ;;
        certificate-nameless) identity= ;;
        key-small) key=(-newkey rsa:1024) ;;
    esac
    cat >"$folder/ca/ca.cnf" <<END
[ca]
default_ca = authority
[authority]
database = $folder/ca/index
new_certs_dir = $folder/ca
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
[any]
organizationName = optional
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth, serverAuth
$identity
END
    : >"$folder/ca/index"
    openssl req -new -nodes "${key[@]}" -subj /O=Istio -keyout "$folder/key.pem" -out "$folder/ca/request.pem" 2>/dev/null
    openssl ca -batch -config "$folder/ca/ca.cnf" -notext -preserveDN -startdate "$from" -enddate "$until" \
        -cert "$authority/intermediate.pem" -keyfile "$authority/intermediate.key.pem" \
        -in "$folder/ca/request.pem" -out "$folder/ca/leaf.pem" 2>/dev/null
    cat -- "$folder/ca/leaf.pem" "$authority/intermediate.pem" >"$folder/cert-chain.pem"
}

certificates_back() {
    local name=$1 file
    for file in root-cert.pem cert-chain.pem; do
        copy "$name" "$2/$file" "/etc/certs/$file" 0644 istio-proxy:istio-proxy
    done
    copy "$name" "$2/key.pem" /etc/certs/key.pem 0600 istio-proxy:istio-proxy
}

# switch_certificates VM NAME on|off
switch_certificates() {
    local name=$1 folder=$lab_run/machines/$1 file
    if [[ $3 == on ]]; then
        # The node agent would set right, or reject, what is put there: a machine that comes back has none running.
        mkdir -p -m 700 -- "$folder/before"
        for file in root-cert.pem cert-chain.pem key.pem; do
            (umask 077 && on_machine "$name" "cat /etc/certs/$file" </dev/null >"$folder/before/$file")
        done
        odd_certificate "$name" "$2" "$folder/odd"
        certificates_back "$name" "$folder/odd"
    else
        certificates_back "$name" "$folder/before"
        on_machine "$name" systemctl restart istio-auth-node-agent istio </dev/null
    fi
}

# switch_cluster NAME on|off
switch_cluster() {
    case $1 in
        dns-silent) kill -"$([[ $2 == on ]] && echo STOP || echo CONT)" "$(pid_of dns-cluster)" ;;
        dns-drop)
            mesh_lab fault "$1" "$2" --state "$lab_run/state"
            end dns-cluster
            mesh_lab dns --config "$lab_run/mesh.yaml" --state "$lab_run/state" --out "$lab_run/cluster-dns.conf" >&2
            start_dns cluster "$dns_address" --conf-file="$lab_run/cluster-dns.conf"
            ;;
        *) mesh_lab fault "$1" "$2" --state "$lab_run/state" ;;
    esac
}

lab_fault() {
    local fault=${1:-list} state=${2:-} name words remedy
    if [[ $fault == list ]]; then
        while IFS=$'\t' read -r name _ words; do
            [[ -z ${fault_code[$name]:-} ]] || fault_words[$name]=$words
        done < <("$root/.build/release/mesh-lab" fault list --state "$lab_run/state")
        for fault in "${fault_names[@]}"; do
            remedy=${fault_remedy[$fault]:-printed}
            if [[ ${fault_place[$fault]} != machine ]]; then remedy=hand; fi
            printf '%s\t%s\t%s\t%s\t%s\n' "$fault" "${fault_place[$fault]}" "${fault_code[$fault]}" "$remedy" \
                "${fault_words[$fault]}"
        done
        return
    fi
    alive mesh-lab || fail 2 "no lab is up: run 'Scripts/lab up'"
    [[ -n ${fault_code[$fault]:-} ]] || fail 2 "unknown fault '$fault'; 'Scripts/lab fault list' names them"
    [[ $state == on || $state == off ]] || fail 2 "a fault is switched 'on' or 'off', not '$state'"
    name=$(checked_machine "${3:-vm1}")
    case ${fault_place[$fault]} in
        certificate) switch_certificates "$name" "$fault" "$state" ;;
        cluster) switch_cluster "$fault" "$state" ;;
    esac
    local command=${fault_on[$fault]}
    if [[ $state == off ]]; then command=${fault_off[$fault]}; fi
    if [[ -n $command ]]; then on_machine "$name" "$fault_prelude"$'\n'"$command" </dev/null; fi
}
