# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# Faults: what can go wrong on machines of a mesh, each with the code that meshcheck must report for it.

# Functions that the commands of faults can call on the machine.
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
# Answers every connection to an address and port with the same bytes.
in_place() {
    printf '%b' "$3" >/root/answer
    cat >/root/answer.pl <<'PROGRAM'
use IO::Socket::INET;
open my $file, '<:raw', '/root/answer'; local $/; my $answer = <$file>;
my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '0.0.0.0', LocalPort => 9911, ReuseAddr => 1) or die;
while (my $client = $listener->accept) {
    next if fork;
    print $client $answer if $answer =~ /^SSH/;
    sysread $client, my $request, 65536;
    print $client $answer unless $answer =~ /^SSH/;
    shutdown $client, 1;
    exit;
}
PROGRAM
    systemd-run --quiet --unit=fault-answer sh -c 'trap "" CHLD; exec perl /root/answer.pl'
    lead_there "$1" "$2"
}
# lead_there ADDRESS PORT: redirects what this machine sends there to its own port 9911, outside the machine: `switch` reads
# the line.
lead_there() {
    until ss -ltn | grep -q :9911; do sleep 0.1; done
    printf 'plane: lead %s %s\n' "$1" "$2"
}
# tls_in_place SUBJECT DAYS: redirects the CA's address to a TLS server with a self-signed certificate; with negative DAYS, an
# expired one.
tls_in_place() {
    if (($2 < 0)); then
        openssl req -x509 -newkey rsa:2048 -nodes -subj "$1" -addext "subjectAltName=DNS:istio-ca" -keyout /root/tls.key \
            -out /root/tls.pem -not_before 20250101000000Z -not_after 20250201000000Z 2>/dev/null ||
            (mkdir -p /root/tls && : >/root/tls/index && openssl req -new -newkey rsa:2048 -nodes -subj "$1" \
                -addext "subjectAltName=DNS:istio-ca" -keyout /root/tls.key -out /root/tls.csr 2>/dev/null &&
                printf '[ca]\ndefault_ca=a\n[a]\ndatabase=/root/tls/index\nnew_certs_dir=/root/tls\nrand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n' >/root/tls/cnf &&
                openssl ca -batch -selfsign -config /root/tls/cnf -keyfile /root/tls.key -in /root/tls.csr -out /root/tls.pem \
                    -startdate 20250101000000Z -enddate 20250201000000Z -notext 2>/dev/null)
    else
        openssl req -x509 -newkey rsa:2048 -nodes -subj "$1" -days "$2" -keyout /root/tls.key -out /root/tls.pem 2>/dev/null
    fi
    # The server ends when its input ends.
    systemd-run --quiet --unit=fault-answer sh -c \
        'sleep infinity | openssl s_server -accept 9911 -cert /root/tls.pem -key /root/tls.key -alpn h2 -quiet'
    lead_there 10.150.0.9 8060
}
not_in_place() {
    printf 'plane: release\n'
    systemctl stop fault-answer
    systemctl reset-failed
}
# small FOLDER OPTIONS: moves the folder, with its contents, to a small file system in memory.
small() {
    local status copy=/root/small
    status=$(stat -c mode=%a,uid=%u,gid=%g "$1")
    rm -rf "$copy" && cp -a "$1" "$copy"
    mount -t tmpfs -o "$2,$status" small "$1"
    # As much as there is room for.
    cp -a "$copy/." "$1/" 2>/dev/null || true
}
# Uses up the blocks, or the inodes, of a folder's file system.
fill() { dd if=/dev/zero of="$1/fill" bs=1k status=none 2>/dev/null || true; }
litter() { for number in $(seq 100); do : >"$1/litter$number" || break; done 2>/dev/null; }
# serve ADDRESS: starts a service on port 7000, which the mesh has registered for the first machine.
serve() { systemd-run --quiet --unit=fault-service nc -l -k "$1" 7000; }
settings=/var/lib/istio/envoy/sidecar.env
cluster=/var/lib/istio/envoy/cluster.env
kubedns=/etc/dnsmasq.d/kubedns
own=$(ip -4 -o address show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
END
)

fault_names=()
declare -A fault_place=() fault_code=() fault_words=() fault_on=() fault_off=() fault_remedy=() fault_reboot=() fault_files=() fault_parts=()
# Functions that get NAME STATE VM: called before the commands of a fault in the cluster.
declare -A fault_switch=()

# fault NAME CODE[+CODE] WORDS ON OFF: ON and OFF are commands on the machine; OFF undoes ON. The code `-` marks something
# unusual that is not a fault: the machine must stay green.
fault() {
    fault_names+=("$1")
    fault_place[$1]=machine fault_code[$1]=$2 fault_words[$1]=$3 fault_on[$1]=$4 fault_off[$1]=$5
}

# rebooted_fault NAME CODE WORDS ON OFF: the same, with a reboot after ON.
rebooted_fault() {
    fault "$@"
    fault_reboot[$1]=yes
}

# certificate_fault NAME CODE WORDS: odd_certificate makes the files that are copied to the machine.
certificate_fault() {
    fault "$1" "$2" "$3" '' ''
    fault_place[$1]=certificate
}

# plane_fault NAME CODE [ON OFF]: a fault of mesh-lab, which has its description. ON and OFF then run on the machine.
plane_fault() {
    fault "$1" "$2" '' "${3:-}" "${4:-}"
    fault_place[$1]=cluster
}

# steps_fault NAME CODE WORDS ON OFF: a fault of the CA in several steps `FAULT on|off [WORDS]`, separated by commas. After a
# step with WORDS, the node agent is told to renew, and must log these words.
steps_fault() {
    fault "$@"
    fault_place[$1]=steps
}

# combined NAME CODE WORDS FAULT...: several faults at once, made in this order.
combined() {
    local name=$1 part
    fault "$1" "$2" "$3" '' ''
    shift 3
    fault_parts[$name]=$*
    for part; do
        [[ -n ${fault_code[$part]:-} ]] || fail 70 "fault '$name' has an unknown part '$part'"
        case ${fault_place[$part]} in cluster | steps) fault_place[$name]=cluster ;; esac
        if [[ $(remedy_of "$part") == hand ]]; then by_hand "$name"; fi
    done
}

# by_hand: faults whose remedy needs an operator: a file or value that only the operator has, a package from a mirror that no
# machine of the lab can reach, or a step in the cluster. The remedies of all other faults are run as printed.
by_hand() { for name; do fault_remedy[$name]=hand; done; }
as_printed() { for name; do fault_remedy[$name]=printed; done; }

remedy_of() {
    local otherwise=printed
    if [[ ${fault_place[$1]} != machine ]]; then otherwise=hand; fi
    printf '%s' "${fault_remedy[$1]:-$otherwise}"
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
fault unit-crashes MX0242 'the service ends as soon as it is started' \
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
fault kubedns-garbled MX0403 'kubedns has a line that dnsmasq cannot read' \
    'keep $kubedns; echo "address=istio-pilot" >>$kubedns' 'back $kubedns'
fault dnsmasq-stopped MX0406 'dnsmasq was stopped' 'systemctl stop dnsmasq' 'systemctl start dnsmasq'
fault dns-port-taken MX0405 'another program has taken port 53' \
    'systemctl stop dnsmasq; systemd-run --quiet --unit=fault-53 nc -l -k 53; systemctl start dnsmasq || true' \
    'systemctl stop fault-53; systemctl reset-failed; systemctl start dnsmasq'
fault resolv-conf-rewritten MX0408 'a DHCP client has rewritten resolv.conf' \
    'keep /etc/resolv.conf; echo "nameserver 10.150.0.1" >/etc/resolv.conf' 'back /etc/resolv.conf'
fault dnsmasq-not-read MX0411 'kubedns was set right and dnsmasq was not restarted' \
    'keep $kubedns; sed -i s,10.150.0.6$,10.150.0.66, $kubedns; systemctl restart dnsmasq; back $kubedns; touch $kubedns' \
    'systemctl restart dnsmasq'
fault pilot-moved MX0432 'kubedns has an address that Pilot had once' \
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
certificate_fault certificate-early MX0648 'the certificate is not valid yet'
certificate_fault certificate-nameless MX0614 'the certificate has no SAN'
certificate_fault certificate-of-another MX0615 'the certificate is of another namespace'
certificate_fault certificate-of-authority MX0616 "the CA's own pair was installed"
certificate_fault key-small MX0646 'the key has 1024 bits, as those of the first agents'

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
    'iptables -t nat -A OUTPUT -p tcp -j ISTIO_OUTPUT' 'systemctl restart istio'
fault rules-silent MX0812 'iptables never ends' 'hang /usr/sbin/xtables-nft-multi' 'back /usr/sbin/xtables-nft-multi'

# --- 09 the node agent's log

fault journal-silent MX0924 'journalctl never ends' 'hang /usr/bin/journalctl' 'back /usr/bin/journalctl'

# --- 10 traffic

fault inbound-nobody MX1007 'nothing listens on a port that the mesh is to reach' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio' \
    'back $settings; systemctl restart istio'

# --- what stops packets on the machine

fault route-prohibit MX0813 'a route forbids packets to Mixer' \
    'ip route add prohibit 10.150.0.8' 'ip route del prohibit 10.150.0.8'
fault route-blackhole MX0813 'a route throws packets to pods away' \
    'ip route add blackhole 10.60.2.0/24' 'ip route del blackhole 10.60.2.0/24'
fault route-unreachable MX0813 'a route says that nobody is at the CA' \
    'ip route add unreachable 10.150.0.9' 'ip route del unreachable 10.150.0.9'
fault route-of-user MX0813 'a policy rule sends the packets of istio-proxy to an empty table' \
    'ip route add unreachable default table 77; ip rule add pref 90 uidrange $(id -u istio-proxy)-$(id -u istio-proxy) to 10.150.0.6 lookup 77' \
    'ip rule del pref 90; ip rule del pref 89 || true; ip route flush table 77'
fault rule-prohibits MX0813 'a policy rule forbids packets to the CA' \
    'ip rule add pref 95 to 10.150.0.9 prohibit' 'ip rule del pref 95; ip rule del pref 94 || true'
fault route-dead-gateway MX0815 'the route to the pods names a router that is not there' \
    'ip route add 10.60.2.0/24 via 10.150.0.99' 'ip route del 10.60.2.0/24 via 10.150.0.99'
fault neighbour-fixed MX0815 'Mixer has a fixed entry of another machine on the link' \
    'ip neigh replace 10.150.0.8 lladdr 02:00:00:00:00:77 dev eth0 nud permanent' 'ip neigh del 10.150.0.8 dev eth0'
fault address-taken MX0816 "the CA's address was given to this machine" \
    'ip address add 10.150.0.9/32 dev lo' 'ip address del 10.150.0.9/32 dev lo'
fault filter-of-user MX0814 'a rule drops what istio-proxy sends to Mixer, and nothing else' \
    'iptables -A OUTPUT -d 10.150.0.8 -m owner --uid-owner istio-proxy -j DROP' \
    'iptables -D OUTPUT -d 10.150.0.8 -m owner --uid-owner istio-proxy -j DROP'
fault filter-mangle MX0814 'a rule of the mangle table drops what goes to Pilot' \
    'iptables -t mangle -A OUTPUT -p tcp -d 10.150.0.6 -j DROP' 'iptables -t mangle -D OUTPUT -p tcp -d 10.150.0.6 -j DROP'
fault filter-raw MX0814 'a rule of the raw table drops what comes from the CA' \
    'iptables -t raw -A PREROUTING -s 10.150.0.9 -j DROP' 'iptables -t raw -D PREROUTING -s 10.150.0.9 -j DROP'
fault filter-policy MX0814 'a firewall lets nothing out but ssh and DNS' \
    'iptables -A OUTPUT -o lo -j ACCEPT; iptables -A OUTPUT -p tcp --sport 22 -j ACCEPT; iptables -A OUTPUT -p udp --dport 53 -j ACCEPT
    iptables -A OUTPUT -p tcp --dport 53 -j ACCEPT; iptables -A OUTPUT -d 10.150.0.8 -j REJECT; iptables -P OUTPUT ACCEPT' \
    'iptables -F OUTPUT'
fault filter-chain MX0814 'a chain of a firewall rejects what ordinary users send to Pilot' \
    'iptables -N corporate; iptables -A corporate -m owner --uid-owner nobody -d 10.150.0.6 -j REJECT --reject-with icmp-admin-prohibited
    iptables -A OUTPUT -p tcp -j corporate' \
    'iptables -D OUTPUT -p tcp -j corporate; iptables -F corporate; iptables -X corporate'
fault filter-allows-mesh - 'a firewall drops what istio-proxy and root do not need' \
    'iptables -A OUTPUT -d 10.99.0.0/16 -j DROP; iptables -A OUTPUT -p tcp --dport 25 -j REJECT; ip route add prohibit 10.99.0.0/16' \
    'iptables -D OUTPUT -d 10.99.0.0/16 -j DROP; iptables -D OUTPUT -p tcp --dport 25 -j REJECT; ip route del prohibit 10.99.0.0/16'

# --- 04 DNS, layer by layer

fault nsswitch-files MX0416 'the C library looks into files alone' \
    'keep /etc/nsswitch.conf; sed -i "s/^hosts:.*/hosts: files/" /etc/nsswitch.conf' 'back /etc/nsswitch.conf'
fault nsswitch-returns MX0416 'the C library ends its search before DNS' \
    'keep /etc/nsswitch.conf; sed -i "s/^hosts:.*/hosts: files [NOTFOUND=return] dns/" /etc/nsswitch.conf' 'back /etc/nsswitch.conf'
fault hosts-has-pilot MX0417 'somebody has written an old address of Pilot into /etc/hosts' \
    'keep /etc/hosts; echo "10.150.0.66 istio-pilot.istio-system" >>/etc/hosts; systemctl restart dnsmasq' \
    'back /etc/hosts; systemctl restart dnsmasq'
fault search-wildcard MX0418 'the domain of the search list answers every name, and ndots is high' \
    'keep /etc/resolv.conf; printf "search corp.example\noptions ndots:5\n" >>/etc/resolv.conf
    echo "address=/corp.example/10.9.9.9" >/etc/dnsmasq.d/corp; systemctl restart dnsmasq' \
    'back /etc/resolv.conf; rm /etc/dnsmasq.d/corp; systemctl restart dnsmasq'
fault dnsmasq-port MX0419 'dnsmasq was given another port' \
    'echo port=5353 >/etc/dnsmasq.d/port; systemctl restart dnsmasq' 'rm /etc/dnsmasq.d/port; systemctl restart dnsmasq'
fault dnsmasq-interface MX0419 'dnsmasq answers on the network alone' \
    'printf "interface=eth0\nexcept-interface=lo\nbind-interfaces\n" >/etc/dnsmasq.d/interface; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/interface; systemctl restart dnsmasq'
fault dnsmasq-hangs MX0420 'dnsmasq is stopped by a signal' 'pkill -STOP -x dnsmasq' 'pkill -CONT -x dnsmasq'
fault dnsmasq-conf-dir MX0421 'dnsmasq reads another folder' \
    'keep /etc/default/dnsmasq; mkdir -p /etc/dnsmasq.other; echo server=10.150.0.1 >/etc/dnsmasq.other/upstream
    echo CONFIG_DIR=/etc/dnsmasq.other >>/etc/default/dnsmasq; systemctl restart dnsmasq' \
    'back /etc/default/dnsmasq; rm -r /etc/dnsmasq.other; sed -i /conf-file=/d /etc/dnsmasq.conf; systemctl restart dnsmasq'
fault dnsmasq-overridden MX0422 'another file of dnsmasq sends the namespace elsewhere' \
    'echo "server=/istio-system.svc.cluster.local/10.150.0.1" >/etc/dnsmasq.d/zz-other; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/zz-other; systemctl restart dnsmasq'
fault dnsmasq-alias MX0422 "dnsmasq rewrites the cluster's addresses" \
    'echo "alias=10.63.240.0,10.64.240.0,255.255.240.0" >/etc/dnsmasq.d/zz-alias; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/zz-alias; systemctl restart dnsmasq'
fault dnsmasq-rebind MX0423 'dnsmasq refuses private addresses' \
    'keep $kubedns; echo stop-dns-rebind >/etc/dnsmasq.d/rebind; systemctl restart dnsmasq' \
    'back $kubedns; rm /etc/dnsmasq.d/rebind; systemctl restart dnsmasq'
fault resolv-unreadable MX0425 'resolv.conf and nsswitch.conf are for root alone' \
    'chmod 0600 /etc/nsswitch.conf; sed -i "s/^hosts:.*/hosts: dns files/" /etc/nsswitch.conf; keep /etc/resolv.conf
    ip address add 127.0.0.53/8 dev lo 2>/dev/null || true; chmod 0600 /etc/resolv.conf; printf "nameserver $own\n" >/etc/resolv.conf
    printf "listen-address=$own\nexcept-interface=lo\nbind-interfaces\n" >/etc/dnsmasq.d/own; systemctl restart dnsmasq' \
    'back /etc/resolv.conf; chmod 0644 /etc/nsswitch.conf; sed -i "s/^hosts:.*/hosts: files dns/" /etc/nsswitch.conf
    rm /etc/dnsmasq.d/own; systemctl restart dnsmasq'
fault dns-filter-user MX0424 'a rule rejects the questions of ordinary users to DNS' \
    'iptables -I OUTPUT -p udp --dport 53 -m owner --uid-owner nobody -j REJECT' \
    'iptables -D OUTPUT -p udp --dport 53 -m owner --uid-owner nobody -j REJECT'
fault dns-filter-forwarder MX0424 "a rule drops what dnsmasq sends to the cluster's DNS" \
    'iptables -I OUTPUT -p udp -d 10.150.0.7 -m owner --uid-owner dnsmasq -j DROP' \
    'iptables -D OUTPUT -p udp -d 10.150.0.7 -m owner --uid-owner dnsmasq -j DROP'
fault dns-route MX0424 "a route forbids packets to the cluster's DNS" \
    'ip route add prohibit 10.150.0.7' 'ip route del prohibit 10.150.0.7'

# Unusual, and it works.
fault dnsmasq-two-servers - "kubedns names two servers of the cluster's DNS" \
    'keep $kubedns; echo server=/svc.cluster.local/10.150.0.7#53 >>$kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault dnsmasq-other-unit MX0426 'dnsmasq is run by another unit' \
    'systemctl stop dnsmasq; systemd-run --quiet --unit=resolver dnsmasq --keep-in-foreground -7 /etc/dnsmasq.d' \
    'systemctl stop resolver; systemctl start dnsmasq'
fault nameserver-own - "resolv.conf has the machine's own address" \
    'keep /etc/resolv.conf; echo "nameserver $own" >/etc/resolv.conf' 'back /etc/resolv.conf'

# --- who answers instead of Pilot and the CA: every Debian has perl

fault pilot-portal MX0512 'a portal redirects the request for Pilot to its login' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"' 'not_in_place'
fault pilot-proxy-login MX0512 'a proxy wants a password' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 407 Proxy Authentication Required\r\nVia: 1.1 squid\r\nContent-Length: 0\r\n\r\n"' 'not_in_place'
fault pilot-page MX0511 'a web server answers with a page' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><html><body>Welcome</body></html>"' 'not_in_place'
fault pilot-gzip MX0511 'something compresses answers that nobody wants compressed' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00zzz"' 'not_in_place'
fault pilot-error MX0511 'a load balancer answers with an error of its own' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nno healthy upstream"' 'not_in_place'
fault pilot-ssh MX0511 "an ssh server has Pilot's port" \
    'in_place 10.150.0.6 8080 "SSH-2.0-OpenSSH_9.2\r\n"' 'not_in_place'
fault pilot-truncated MX0513 "Pilot's answer is cut off" \
    'in_place 10.150.0.6 8080 "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n[{"' 'not_in_place'
fault pilot-closes MX0513 'the load balancer has no Pilot behind it' 'in_place 10.150.0.6 8080 ""' 'not_in_place'
fault pilot-mtu MX0515 'large packets of Pilot are lost' \
    'iptables -t raw -A PREROUTING -s 10.150.0.6 -m length --length 600: -j DROP' \
    'iptables -t raw -D PREROUTING -s 10.150.0.6 -m length --length 600: -j DROP; ip route del 10.150.0.6/32 2>/dev/null || true'
fault ca-plain MX0602 'a web server answers in place of the CA' \
    'in_place 10.150.0.9 8060 "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"' 'not_in_place'
fault ca-intercepted MX0627 'a proxy opens the TLS of the CA' 'tls_in_place "/CN=proxy.example" 3650' 'not_in_place'
fault ca-certificate-expired MX0625 "the CA's own certificate has expired" 'tls_in_place "/CN=istio-ca" -2' 'not_in_place'

# --- requests, stage by stage

fault endpoint-of-user MX0814 'a rule rejects what istio-proxy sends to pods' \
    'iptables -A OUTPUT -d 10.60.2.0/24 -m owner --uid-owner istio-proxy -j REJECT' \
    'iptables -D OUTPUT -d 10.60.2.0/24 -m owner --uid-owner istio-proxy -j REJECT'
fault envoy-port-filtered MX0814 'a rule keeps users from the port of Envoy' \
    'iptables -A OUTPUT -p tcp --dport 15001 -m owner --uid-owner nobody -j DROP' \
    'iptables -D OUTPUT -p tcp --dport 15001 -m owner --uid-owner nobody -j DROP'
fault endpoint-mtu MX0515 'large packets of pods are lost' \
    'iptables -t raw -A PREROUTING -s 10.60.2.0/24 -m length --length 600: -j DROP' \
    'iptables -t raw -D PREROUTING -s 10.60.2.0/24 -m length --length 600: -j DROP; ip route del 10.60.2.7/32 2>/dev/null || true'
fault inbound-reserved MX1017 'the inbound ports have that of ssh' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=22 >>$settings; systemctl restart istio' 'back $settings; systemctl restart istio'
fault inbound-filtered MX1018 'a firewall lets the port of a service in, and not that of Envoy' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -A INPUT -p tcp --dport 7000 -j ACCEPT; iptables -A INPUT -p tcp --dport 15001 -i eth0 -j DROP' \
    'iptables -F INPUT; systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-elsewhere MX1019 "a service listens on the machine's own address alone" \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve $own' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-loopback - 'a service listens on 127.0.0.1, where Envoy comes to it' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 127.0.0.1' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'
fault renewal-earlier - 'the node agent renews earlier than usual' \
    'drop_in istio-auth-node-agent.service "ExecStart=
ExecStart=/usr/local/istio/bin/node_agent --logtostderr --grace-percent 60"' 'no_drop_in istio-auth-node-agent.service'

by_hand \
    unit-names-nothing unit-crashes descriptors-few certificates-missing envoy-twice \
    tool-missing cluster-env-missing settings-unreadable settings-misspelt settings-not-in-effect systemd-silent \
    kubedns-missing kubedns-empty kubedns-garbled pilot-moved service-range-wrong dns-port-taken \
    dnsmasq-other-unit pilot-portal pilot-proxy-login pilot-page pilot-gzip pilot-error pilot-ssh pilot-truncated pilot-closes \
    ca-plain ca-intercepted ca-certificate-expired inbound-reserved inbound-elsewhere \
    rules-silent journal-silent inbound-nobody

# Families with many faults have their own files; combinations come last, because they refer to the others.
# shellcheck source=Scripts/lab.d/faults/services.sh
source "$root/Scripts/lab.d/faults/services.sh"
# shellcheck source=Scripts/lab.d/faults/certificates.sh
source "$root/Scripts/lab.d/faults/certificates.sh"
# shellcheck source=Scripts/lab.d/faults/network.sh
source "$root/Scripts/lab.d/faults/network.sh"
# shellcheck source=Scripts/lab.d/faults/boot.sh
source "$root/Scripts/lab.d/faults/boot.sh"
# shellcheck source=Scripts/lab.d/faults/combinations.sh
source "$root/Scripts/lab.d/faults/combinations.sh"
readonly fault_prelude

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

# in_plane VM: carries out the lines `plane: …` that a machine's commands print: changes between the machine and the control
# plane, which nothing on the machine shows.
in_plane() {
    local line address port vm
    vm=$(machine_address "$1")
    while IFS= read -r line; do
        case $line in
            'plane: lead '*)
                read -r _ _ address port <<<"$line"
                in_namespace "$plane_ns" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 \
                    net.ipv4.conf.eth0.send_redirects=0
                in_namespace "$plane_ns" iptables -t nat -A PREROUTING -s "$vm" -d "$address" -p tcp --dport "$port" \
                    -j DNAT --to-destination "$vm:9911"
                in_namespace "$plane_ns" iptables -t nat -A POSTROUTING -s "$vm" -d "$vm" -p tcp --dport 9911 -j MASQUERADE
                ;;
            'plane: release')
                in_namespace "$plane_ns" iptables-save -t nat | sed -n "/^-A .*-s $vm\/32 .*9911/s/^-A/-D/p" |
                    while read -r line; do
                        # The words of a rule, as iptables-save prints them.
                        in_namespace "$plane_ns" iptables -t nat $line
                    done
                ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
}

# switch FAULT on|off VM
switch() {
    local part command=${fault_on[$1]} status=0
    local -a parts
    read -r -a parts <<<"${fault_parts[$1]:-}"
    if [[ $2 == off ]]; then
        command=${fault_off[$1]}
        mapfile -t parts < <(printf '%s\n' "${parts[@]}" | tac)
    fi
    # A part may already be right again; undo the others all the same.
    for part in "${parts[@]}"; do
        if [[ -n $part ]]; then switch "$part" "$2" "$3" || status=1; fi
    done
    case ${fault_place[$1]} in
        certificate) switch_certificates "$3" "$1" "$2" || status=1 ;;
        cluster)
            if [[ -z ${fault_parts[$1]:-} ]]; then "${fault_switch[$1]:-switch_cluster}" "$1" "$2" "$3" || status=1; fi
            ;;
        steps)
            take_steps "$3" "$command" || status=1
            command=
            ;;
    esac
    if [[ -n $command ]]; then
        on_machine "$3" "$fault_prelude"$'\n'"$command" </dev/null | in_plane "$3" || status=1
    fi
    if [[ $2 == on && -n ${fault_reboot[$1]:-} ]]; then lab_reboot "$3" || status=1; fi
    return "$status"
}

lab_fault() {
    local fault=${1:-list} state=${2:-} name words place
    if [[ $fault == list ]]; then
        while IFS=$'\t' read -r name _ words; do
            [[ -z ${fault_code[$name]:-} ]] || fault_words[$name]=$words
        done < <("$root/.build/release/mesh-lab" fault list --state "$lab_run/state")
        for fault in "${fault_names[@]}"; do
            place=${fault_place[$fault]}
            # The CA is the same for all machines.
            if [[ $place == steps ]]; then place=cluster; fi
            printf '%s\t%s\t%s\t%s\t%s\n' "$fault" "$place" "${fault_code[$fault]}" "$(remedy_of "$fault")" \
                "${fault_words[$fault]}"
        done
        return
    fi
    alive mesh-lab || fail 2 "no lab is up: run 'Scripts/lab up'"
    [[ -n ${fault_code[$fault]:-} ]] || fail 2 "unknown fault '$fault'; 'Scripts/lab fault list' names them"
    [[ $state == on || $state == off ]] || fail 2 "a fault is switched 'on' or 'off', not '$state'"
    name=$(checked_machine "${3:-vm1}")
    switch "$fault" "$state" "$name"
}
