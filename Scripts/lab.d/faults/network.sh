# shellcheck shell=bash
# Faults of the network, of names, of servers and of requests, and as many oddities that must stay green.

# --- packet filters: other tables, other backends, conditions that only the kernel can judge

fault nft-user MX0814 "a table of nftables' own drops what istio-proxy sends to Mixer" \
    'nft add table inet corporate; nft add chain inet corporate out "{ type filter hook output priority 10; policy accept; }"
    nft add rule inet corporate out meta skuid istio-proxy ip daddr 10.150.0.8 counter drop' 'nft delete table inet corporate'
fault nft-answers MX0814 "nftables drops the CA's answers before they are routed" \
    'nft add table ip corporate; nft add chain ip corporate early "{ type filter hook prerouting priority -150; }"
    nft add rule ip corporate early ip saddr 10.150.0.9 tcp sport 8060 drop' 'nft delete table ip corporate'
fault nft-set MX0814 'a set of blocked addresses has that of Pilot' \
    'nft add table inet corporate; nft add set inet corporate blocked "{ type ipv4_addr; flags interval; }"
    nft add element inet corporate blocked "{ 10.150.0.6, 192.0.2.0/24 }"
    nft add chain inet corporate out "{ type filter hook output priority 0; }"
    nft add rule inet corporate out ip daddr @blocked reject' 'nft delete table inet corporate'
fault nft-edge MX0814 "a rule at the interface drops what comes from Mixer" \
    'nft add table netdev edge; nft add chain netdev edge in "{ type filter hook ingress device eth0 priority 0; }"
    nft add rule netdev edge in ip saddr 10.150.0.8 drop' 'nft delete table netdev edge'
fault filter-legacy MX0814 'a rule of iptables-legacy, which iptables does not show, drops what goes to Mixer' \
    'iptables-legacy -A OUTPUT -d 10.150.0.8 -j DROP' 'iptables-legacy -D OUTPUT -d 10.150.0.8 -j DROP'
fault filter-ttl MX0814 'a rule drops packets of Mixer for their time to live' \
    'iptables -A INPUT -s 10.150.0.8 -m ttl --ttl-lt 65 -j DROP' 'iptables -D INPUT -s 10.150.0.8 -m ttl --ttl-lt 65 -j DROP'
fault filter-rate MX0814 'a rule lets one connection an hour to Pilot through' \
    'iptables -A OUTPUT -p tcp --syn -d 10.150.0.6 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
    iptables -A OUTPUT -p tcp --syn -d 10.150.0.6 -j DROP' \
    'iptables -D OUTPUT -p tcp --syn -d 10.150.0.6 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT
    iptables -D OUTPUT -p tcp --syn -d 10.150.0.6 -j DROP'
fault filter-connections MX0814 'a rule refuses all connections to Pilot beside the first' \
    'systemd-run --quiet --unit=fault-first sh -c "while :; do nc -d 10.150.0.6 8080; done"
    for try in $(seq 50); do ss -Htn state established dst 10.150.0.6 | grep -q . && break; sleep 0.1; done
    iptables -A OUTPUT -p tcp --syn -d 10.150.0.6 -m connlimit --connlimit-above 1 -j REJECT --reject-with tcp-reset' \
    'systemctl stop fault-first
    iptables -D OUTPUT -p tcp --syn -d 10.150.0.6 -m connlimit --connlimit-above 1 -j REJECT --reject-with tcp-reset'
fault filter-hourly MX0826 'a rule allows five connections to Pilot in an hour' \
    'iptables -A OUTPUT -p tcp --syn -d 10.150.0.6 -m recent --name pilot --rdest --set
    iptables -A OUTPUT -p tcp --syn -d 10.150.0.6 -m recent --name pilot --rdest --update --seconds 3600 --hitcount 6 -j REJECT --reject-with tcp-reset' \
    'iptables -D OUTPUT -p tcp --syn -d 10.150.0.6 -m recent --name pilot --rdest --update --seconds 3600 --hitcount 6 -j REJECT --reject-with tcp-reset
    iptables -D OUTPUT -p tcp --syn -d 10.150.0.6 -m recent --name pilot --rdest --set'
fault filter-cgroup MX0814 "a rule drops what istio.service sends to pods, whoever its user is" \
    'nft add table inet edge; nft add chain inet edge out "{ type filter hook output priority 0 ; }"
    nft add rule inet edge out socket cgroupv2 level 2 \"system.slice/istio.service\" ip daddr 10.60.0.0/16 drop' 'nft delete table inet edge'
fault filter-cgroup-of-agent MX0814 "a rule drops what the node agent's service sends to the CA" \
    'iptables -A OUTPUT -d 10.150.0.9 -m cgroup --path system.slice/istio-auth-node-agent.service -j DROP; systemctl restart istio-auth-node-agent' \
    'iptables -D OUTPUT -d 10.150.0.9 -m cgroup --path system.slice/istio-auth-node-agent.service -j DROP; systemctl restart istio-auth-node-agent'
fault filter-loopback-source MX0814 'a rule against forged loopback addresses drops what is redirected to Envoy' \
    'iptables -A INPUT -d 127.0.0.0/8 ! -s 127.0.0.0/8 -j DROP' 'iptables -D INPUT -d 127.0.0.0/8 ! -s 127.0.0.0/8 -j DROP'
fault rules-restored-by-timer MX0801 "a timer restores another set of rules, without the mesh's" \
    'printf "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n" >/etc/fw.rules
    printf "[Service]\nType=oneshot\nExecStart=/usr/local/sbin/fw-reconcile\n" >/etc/systemd/system/fw-reconcile.service
    printf "[Timer]\nOnActiveSec=1\nOnUnitActiveSec=3\nAccuracySec=1\n" >/etc/systemd/system/fw-reconcile.timer
    printf "#!/bin/sh\niptables-restore /etc/fw.rules\n" >/usr/local/sbin/fw-reconcile; chmod 755 /usr/local/sbin/fw-reconcile
    systemctl daemon-reload; systemctl start fw-reconcile.timer; sleep 3' \
    'systemctl stop fw-reconcile.timer fw-reconcile.service; rm /etc/systemd/system/fw-reconcile.* /usr/local/sbin/fw-reconcile /etc/fw.rules
    systemctl daemon-reload; systemctl restart istio'
fault filter-group MX0814 "a rule drops what the group of istio-proxy sends to the CA" \
    'iptables -A OUTPUT -d 10.150.0.9 -m owner --gid-owner istio-proxy -j DROP' \
    'iptables -D OUTPUT -d 10.150.0.9 -m owner --gid-owner istio-proxy -j DROP'
fault filter-reset MX0814 'a rule answers connections to Pilot in its place, with a reset' \
    'iptables -A OUTPUT -p tcp -d 10.150.0.6 --dport 8080 -j REJECT --reject-with tcp-reset' \
    'iptables -D OUTPUT -p tcp -d 10.150.0.6 --dport 8080 -j REJECT --reject-with tcp-reset'
fault filter-established MX0814 'a rule drops what belongs to a connection to Mixer' \
    'iptables -A INPUT -p tcp --sport 9091 -m conntrack --ctstate ESTABLISHED -j DROP' \
    'iptables -D INPUT -p tcp --sport 9091 -m conntrack --ctstate ESTABLISHED -j DROP'
fault filter-root-only MX0814+MX0429 'a rule lets root alone open connections to other hosts' \
    'iptables -A OUTPUT -o eth0 -p tcp -m owner ! --uid-owner root -j REJECT' \
    'iptables -D OUTPUT -o eth0 -p tcp -m owner ! --uid-owner root -j REJECT; iptables -F OUTPUT'
fault filter-source MX0814 'a rule gives packets to Mixer the address of another host' \
    'iptables -t nat -A POSTROUTING -d 10.150.0.8 -j SNAT --to-source 10.150.0.250' \
    'iptables -t nat -D POSTROUTING -d 10.150.0.8 -j SNAT --to-source 10.150.0.250'
fault filter-target MX0814 'a rule sends what is for Mixer to a host that is not there' \
    'iptables -t nat -A OUTPUT -p tcp -d 10.150.0.8 --dport 9091 -j DNAT --to-destination 10.150.0.77' \
    'iptables -t nat -D OUTPUT -p tcp -d 10.150.0.8 --dport 9091 -j DNAT --to-destination 10.150.0.77'
fault nat-pilot MX0824 'a rule of the nat table leads connections to Pilot to Mixer' \
    'iptables -t nat -I OUTPUT 1 -p tcp -d 10.150.0.6 --dport 8080 -j DNAT --to-destination 10.150.0.8:9091' \
    'iptables -t nat -D OUTPUT -p tcp -d 10.150.0.6 --dport 8080 -j DNAT --to-destination 10.150.0.8:9091'
fault nat-ca MX0825 'a rule of the nat table leads connections to the CA to Pilot' \
    'iptables -t nat -I OUTPUT 1 -p tcp -d 10.150.0.9 --dport 8060 -j DNAT --to-destination 10.150.0.6:8080' \
    'iptables -t nat -D OUTPUT -p tcp -d 10.150.0.9 --dport 8060 -j DNAT --to-destination 10.150.0.6:8080'
fault nat-accepted MX0814 'a rule accepts connections to services before the rules of the mesh see them' \
    'iptables -t nat -I OUTPUT 1 -p tcp -d 10.63.240.0/20 -j ACCEPT' \
    'iptables -t nat -D OUTPUT -p tcp -d 10.63.240.0/20 -j ACCEPT'
fault nat-returned MX0814 'a rule leaves the connections of a user alone before the rules of the mesh see them' \
    'iptables -t nat -I OUTPUT 1 -m owner --uid-owner nobody -j RETURN' \
    'iptables -t nat -D OUTPUT -m owner --uid-owner nobody -j RETURN'
fault kubedns-swapped MX0430 'the addresses of Pilot and the CA were mixed up in kubedns' \
    'keep $kubedns; sed -i "s,10.150.0.6$,10.150.0.X,; s,10.150.0.9$,10.150.0.6,; s,10.150.0.X$,10.150.0.9," $kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault kubedns-mixer-swapped MX0430 'the addresses of Pilot and Mixer were mixed up in kubedns' \
    'keep $kubedns; sed -i "s,10.150.0.6$,10.150.0.X,; s,10.150.0.8$,10.150.0.6,; s,10.150.0.X$,10.150.0.8," $kubedns; systemctl restart dnsmasq' \
    'back $kubedns; systemctl restart dnsmasq'
fault product-in-hosts MX0417 'a line of /etc/hosts has another address for a service' \
    'keep /etc/hosts; echo "10.9.9.9 productpage.bookinfo.svc.cluster.local" >>/etc/hosts' 'back /etc/hosts'
fault product-blocked MX0422 'a list of blocked names has a service in it' \
    'echo address=/productpage.bookinfo.svc.cluster.local/0.0.0.0 >/etc/dnsmasq.d/blocked; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/blocked; systemctl restart dnsmasq'
fault bridge-of-pods MX0813 "a bridge of a container engine has the pods' addresses" \
    'ip link add fault0 type bridge; ip address add 10.60.0.1/16 dev fault0; ip link set fault0 up' 'ip link del fault0'
fault ports-reserved MX0820 'all ports that connections come from are reserved' \
    'sysctl -qw net.ipv4.ip_local_reserved_ports=32768-60999' 'sysctl -qw net.ipv4.ip_local_reserved_ports='
fault inbound-diverted MX1018 'a rule of the nat table leads an inbound port to another one' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -t nat -I PREROUTING 1 -p tcp --dport 7000 -j REDIRECT --to-ports 7001' \
    'iptables -t nat -D PREROUTING -p tcp --dport 7000 -j REDIRECT --to-ports 7001; systemctl stop fault-service; back $settings; systemctl restart istio'
fault rebind-and-range MX0423+MX0412 'dnsmasq drops private addresses, and the range of services is wrong' \
    'keep $settings; echo stop-dns-rebind >/etc/dnsmasq.d/00-security; systemctl restart dnsmasq; echo ISTIO_SERVICE_CIDR=10.36.240.0/20 >>$settings; systemctl restart istio' \
    'rm /etc/dnsmasq.d/00-security; systemctl restart dnsmasq; back $settings; systemctl restart istio'
by_hand rebind-and-range
fault envoy-port-changed MX0516 "the settings have a port for Envoy that Pilot does not give it" \
    'keep $settings; echo ENVOY_PORT=15009 >>$settings; systemctl restart istio' 'back $settings; systemctl restart istio'
fault filter-untracked MX0814 'a rule keeps connections to services from being tracked, and so from the nat table' \
    'iptables -t raw -A OUTPUT -d 10.63.240.0/20 -j CT --notrack' 'iptables -t raw -D OUTPUT -d 10.63.240.0/20 -j CT --notrack'
fault filter-mark MX0813 'packets to Mixer get a mark, and marked ones another table of routes' \
    'iptables -t mangle -A OUTPUT -d 10.150.0.8 -j MARK --set-mark 7
    ip route add unreachable default table 77; ip rule add pref 90 fwmark 7 lookup 77' \
    'iptables -t mangle -D OUTPUT -d 10.150.0.8 -j MARK --set-mark 7
    ip rule del pref 90; ip rule del pref 89 || true; ip route flush table 77'
fault filter-large-requests MX0822 'a rule drops large packets to the CA' \
    'iptables -A OUTPUT -d 10.150.0.9 -m length --length 400: -j DROP' \
    'iptables -D OUTPUT -d 10.150.0.9 -m length --length 400: -j DROP'
fault filter-content MX0821 "a rule drops packets that ask Pilot for registrations" \
    'iptables -A OUTPUT -p tcp --dport 8080 -m string --algo bm --string /v1/registration -j DROP' \
    'iptables -D OUTPUT -p tcp --dport 8080 -m string --algo bm --string /v1/registration -j DROP'
fault filter-volume MX0821 'a rule drops what Pilot sends beyond the first bytes of a connection' \
    'iptables -A INPUT -p tcp --sport 8080 -m connbytes --connbytes 600: --connbytes-dir reply --connbytes-mode bytes -j DROP' \
    'iptables -D INPUT -p tcp --sport 8080 -m connbytes --connbytes 600: --connbytes-dir reply --connbytes-mode bytes -j DROP'
fault filter-innocent MX0501 "a stateful firewall is in place, and kubedns has an old address of Pilot" \
    'iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -P INPUT DROP
    keep $kubedns; sed -i s,^address=/istio-pilot\\\(.*\\\)/.*,address=/istio-pilot\\1/10.150.0.66, $kubedns; systemctl restart dnsmasq' \
    'iptables -P INPUT ACCEPT; iptables -F INPUT; back $kubedns; systemctl restart dnsmasq'
fault nft-innocent MX0501 "a stateful firewall of nftables is in place, and kubedns has an old address of Pilot" \
    'nft add table inet filter; nft add chain inet filter input "{ type filter hook input priority 0; policy accept; }"
    nft add rule inet filter input iif lo accept
    nft add rule inet filter input ct state vmap "{ established : accept, related : accept, invalid : drop }"
    nft add rule inet filter input tcp dport 22 accept; nft add chain inet filter input "{ policy drop; }"
    keep $kubedns; sed -i s,^address=/istio-pilot\\\(.*\\\)/.*,address=/istio-pilot\\1/10.150.0.66, $kubedns; systemctl restart dnsmasq' \
    'nft delete table inet filter; back $kubedns; systemctl restart dnsmasq'

fault firewall-stateful - 'a firewall lets in ssh and what belongs to known connections' \
    'iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    iptables -A INPUT -m conntrack --ctstate INVALID -j DROP; iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -P INPUT DROP' \
    'iptables -P INPUT ACCEPT; iptables -F INPUT'
fault firewall-nft - 'a firewall of nftables does the same' \
    'nft add table inet filter; nft add chain inet filter input "{ type filter hook input priority 0; policy accept; }"
    nft add rule inet filter input iif lo accept
    nft add rule inet filter input ct state vmap "{ established : accept, related : accept, invalid : drop }"
    nft add rule inet filter input tcp dport 22 accept; nft add chain inet filter input "{ policy drop; }"' \
    'nft delete table inet filter'
fault segment-clamped - 'a rule makes connections ask for smaller packets' \
    'iptables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200' \
    'iptables -t mangle -D POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200'
fault masqueraded - 'packets of this machine get the address of its interface once more' \
    'iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE' 'iptables -t nat -D POSTROUTING -o eth0 -j MASQUERADE'
fault icmp-dropped - 'a firewall lets no ICMP through' \
    'iptables -A INPUT -p icmp -j DROP; iptables -A OUTPUT -p icmp -j DROP' \
    'iptables -D INPUT -p icmp -j DROP; iptables -D OUTPUT -p icmp -j DROP'

# --- routes, addresses and interfaces

fault route-default-lost MX0813 'the default route is gone' 'ip route del default' \
    'ip route show default | grep -q . || ip route add default via 10.150.0.1 dev eth0'
fault route-halves MX0815 'the two halves of everything, as a VPN sets them, lead to a router that is not there' \
    'ip route add 0.0.0.0/1 via 10.150.0.99; ip route add 128.0.0.0/1 via 10.150.0.99' \
    'ip route del 0.0.0.0/1 via 10.150.0.99; ip route del 128.0.0.0/1 via 10.150.0.99'
fault route-source MX0813 'a route gives packets to Mixer an address that nobody answers to' \
    'ip address add 10.9.9.9/32 dev lo; ip route add 10.150.0.8/32 dev eth0 src 10.9.9.9' \
    'ip route del 10.150.0.8/32 dev eth0 src 10.9.9.9 || true; ip address del 10.9.9.9/32 dev lo'
fault rule-from MX0813 "a policy rule about this machine's own address leads the CA's packets nowhere" \
    'ip route add unreachable default table 77; ip rule add pref 90 from $own to 10.150.0.9 lookup 77' \
    'ip rule del pref 90; ip rule del pref 89 || true; ip route flush table 77'
fault rule-port MX0813 "a policy rule forbids packets to Mixer's port" \
    'ip rule add pref 90 ipproto tcp dport 9091 prohibit' 'ip rule del pref 90; ip rule del pref 89 || true'
fault route-detour MX0507 'the route to the pods leads to a host that forwards nothing' \
    'ip route add 10.60.0.0/16 via 10.150.0.2' 'ip route del 10.60.0.0/16 via 10.150.0.2'
fault route-reverse MX0813 "answers of Mixer come in where no route leads out to it, and are checked for that" \
    'ip link add side0 type veth peer name side1; ip link set side0 up; ip link set side1 up
    sysctl -qw net.ipv4.conf.eth0.rp_filter=1; ip route add 10.150.0.8/32 dev side0
    ip route add 10.150.0.8/32 dev eth0 table 78; ip rule add pref 85 uidrange 1-65534 lookup 78' \
    'ip rule del pref 85; ip route flush table 78; ip link del side0; sysctl -qw net.ipv4.conf.eth0.rp_filter=0'
fault loopback-down MX0819 'the loopback interface is down' 'ip link set lo down' 'ip link set lo up'
fault ports-exhausted MX0820 'connections have two local ports between them' \
    'sysctl -qw net.ipv4.ip_local_port_range="61000 61001"' 'sysctl -qw net.ipv4.ip_local_port_range="32768 60999"'
fault ports-held MX0823 'a program holds all connections to Mixer that there can be' \
    'sysctl -qw net.ipv4.ip_local_port_range="61000 62023"
    systemd-run --quiet --unit=fault-holder --property=LimitNOFILE=4096 perl -MIO::Socket::INET -e \
        "push @all, IO::Socket::INET->new(PeerAddr => q(10.150.0.8:9091), Timeout => 2) for 1..1030; sleep 10000"
    until (($(ss -tn state established dport = :9091 | wc -l) > 1020)); do sleep 0.2; done' \
    'systemctl stop fault-holder; sysctl -qw net.ipv4.ip_local_port_range="32768 60999"'
fault address-global-six MX0809 'the machine has a global IPv6 address' \
    'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 address add 2001:db8::5/64 dev eth0 nodad' \
    'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1; sysctl -qw net.ipv6.conf.all.disable_ipv6=1'

fault route-default-spare - 'a spare default route names a router that is not there' \
    'ip route add default via 10.150.0.99 metric 5' 'ip route del default via 10.150.0.99 metric 5'
fault address-link-six - 'the machine has a link-local IPv6 address' \
    'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0' 'sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1'
fault address-second - 'the interface has a second address' \
    'ip address add 10.150.0.$((${own##*.} + 100))/24 dev eth0' 'ip address del 10.150.0.$((${own##*.} + 100))/24 dev eth0'
fault route-smaller - 'the route to the pods asks for small packets' \
    'ip route add 10.60.0.0/16 via 10.150.0.1 mtu 600 advmss 500' 'ip route del 10.60.0.0/16 via 10.150.0.1'
fault link-smaller - 'the interface takes packets of 1280 bytes' 'ip link set eth0 mtu 1280' 'ip link set eth0 mtu 1500'
fault rules-unrelated - 'policy rules and routes are about others' \
    'ip route add prohibit default table 77; ip route add throw 10.99.0.0/16; ip rule add pref 90 from 10.9.9.9 lookup 77
    ip rule add pref 91 fwmark 0x99 lookup 77; ip rule add pref 92 to 10.98.0.0/16 lookup 77' \
    'ip rule del pref 90; ip rule del pref 91; ip rule del pref 92; ip route del throw 10.99.0.0/16; ip route flush table 77'
fault kernel-tuned - 'somebody has tuned the network settings of the kernel' \
    'sysctl -qw net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0 net.ipv4.tcp_ecn=1 net.ipv4.conf.all.rp_filter=2 net.ipv4.ip_local_port_range="20000 65000"' \
    'sysctl -qw net.ipv4.tcp_timestamps=1 net.ipv4.tcp_sack=1 net.ipv4.tcp_ecn=2 net.ipv4.conf.all.rp_filter=0 net.ipv4.ip_local_port_range="32768 60999"'
fault proxy-environment - 'shells and services have the address of a proxy that is not there' \
    'touch /root/.bashrc; keep /root/.bashrc; printf "export %s\n" {http,https,all}_proxy=http://10.150.0.66:3128 >/root/.bashrc.new
    cat /root/.bashrc >>/root/.bashrc.new; mv /root/.bashrc.new /root/.bashrc
    drop_in istio-auth-node-agent.service "Environment=https_proxy=http://10.150.0.66:3128 HTTPS_PROXY=http://10.150.0.66:3128"' \
    'back /root/.bashrc; no_drop_in istio-auth-node-agent.service'

# --- names on the machine

fault hosts-has-ca MX0417 "an alias in /etc/hosts is the CA's name" \
    'keep /etc/hosts; echo "10.150.0.99 ca.example istio-ca # old" >>/etc/hosts; systemctl restart dnsmasq' \
    'back /etc/hosts; systemctl restart dnsmasq'
fault hosts-twice MX0417 '/etc/hosts has a right and a wrong address for Pilot' \
    'keep /etc/hosts; printf "10.150.0.6 istio-pilot\n10.150.0.66 istio-pilot\n" >>/etc/hosts; systemctl restart dnsmasq' \
    'back /etc/hosts; systemctl restart dnsmasq'
fault dnsmasq-more-hosts MX0417 'dnsmasq reads another file of hosts, which has an old address of Pilot' \
    'echo "10.150.0.66 istio-pilot istio-pilot.istio-system" >/etc/hosts.mesh; echo addn-hosts=/etc/hosts.mesh >/etc/dnsmasq.d/more
    systemctl restart dnsmasq' \
    'rm /etc/hosts.mesh* /etc/dnsmasq.d/more; systemctl restart dnsmasq'
fault dnsmasq-hosts-folder MX0417 'dnsmasq reads a folder of hosts files, of which one has an old address of Mixer' \
    'mkdir -p /etc/hosts.d; echo "10.150.0.88 istio-mixer.istio-system" >/etc/hosts.d/mesh; echo hostsdir=/etc/hosts.d >/etc/dnsmasq.d/more
    systemctl restart dnsmasq' \
    'rm -r /etc/hosts.d /etc/dnsmasq.d/more; systemctl restart dnsmasq'
fault dnsmasq-record MX0422 'dnsmasq has a record of its own for Pilot' \
    'echo host-record=istio-pilot.istio-system,10.150.0.66 >/etc/dnsmasq.d/record; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/record; systemctl restart dnsmasq'
fault dnsmasq-bogus MX0422 "dnsmasq takes the cluster's addresses for those of an advertiser" \
    'echo bogus-nxdomain=10.63.240.0/20 >/etc/dnsmasq.d/bogus; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/bogus; systemctl restart dnsmasq'
fault dnsmasq-six-only MX0422 'dnsmasq leaves IPv4 addresses out' \
    'echo filter-A >/etc/dnsmasq.d/six; systemctl restart dnsmasq' 'rm /etc/dnsmasq.d/six; systemctl restart dnsmasq'
fault dnsmasq-ignores MX0422 "dnsmasq ignores answers with the service address of Pilot" \
    'echo ignore-address=10.63.247.248 >/etc/dnsmasq.d/ignore; systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/ignore; systemctl restart dnsmasq'
fault dnsmasq-bad-line MX0406 'dnsmasq does not start for a line that it does not know' \
    'echo no-such-option >/etc/dnsmasq.d/zz; systemctl restart dnsmasq || true' 'rm /etc/dnsmasq.d/zz; systemctl restart dnsmasq'
fault dnsmasq-server-port MX0413 "kubedns names another port of the cluster's DNS" \
    'keep $kubedns; sed -i "s,^server=.*,&#5353," $kubedns; systemctl restart dnsmasq' 'back $kubedns; systemctl restart dnsmasq'
fault dnsmasq-remembers MX0413 "dnsmasq remembers that the cluster knew no names" \
    'printf "neg-ttl=3600\n" >/etc/dnsmasq.d/negative; systemctl restart dnsmasq
    iptables -t nat -A OUTPUT -p udp -d 10.150.0.7 --dport 53 -j DNAT --to-destination 10.150.0.1
    for name in istio-pilot.istio-system istio-ingress.istio-system productpage.bookinfo; do
        host -t A "$name.svc.cluster.local." 127.0.0.1 >/dev/null || true
    done
    iptables -t nat -D OUTPUT -p udp -d 10.150.0.7 --dport 53 -j DNAT --to-destination 10.150.0.1' \
    'rm /etc/dnsmasq.d/negative; systemctl restart dnsmasq'
fault resolv-rotates MX0428 'resolv.conf asks its servers in turn, and one does not know the cluster' \
    'keep /etc/resolv.conf; printf "nameserver 127.0.0.1\nnameserver 10.150.0.1\noptions rotate\n" >/etc/resolv.conf' 'back /etc/resolv.conf'
fault resolv-dead-first MX0427 'the first server in resolv.conf is not there' \
    'keep /etc/resolv.conf; printf "nameserver 10.150.0.99\nnameserver 127.0.0.1\n" >/etc/resolv.conf' 'back /etc/resolv.conf'
fault resolv-stub MX0419 'resolv.conf has the address of systemd-resolved, and dnsmasq listens on 127.0.0.1 alone' \
    'keep /etc/resolv.conf; echo "nameserver 127.0.0.53" >/etc/resolv.conf
    printf "listen-address=127.0.0.1\nbind-interfaces\n" >/etc/dnsmasq.d/bind; systemctl restart dnsmasq' \
    'back /etc/resolv.conf; rm /etc/dnsmasq.d/bind; systemctl restart dnsmasq'
fault resolv-stream MX0424 'resolv.conf asks for TCP, and a rule rejects that' \
    'keep /etc/resolv.conf; echo "options use-vc" >>/etc/resolv.conf
    iptables -I OUTPUT -o lo -p tcp --dport 53 -j REJECT --reject-with tcp-reset' \
    'back /etc/resolv.conf; iptables -D OUTPUT -o lo -p tcp --dport 53 -j REJECT --reject-with tcp-reset'
fault resolv-writer MX0408 'something writes resolv.conf anew every second' \
    'keep /etc/resolv.conf; systemd-run --quiet --unit=fault-writer sh -c "while sleep 1; do echo nameserver 10.150.0.1 >/etc/resolv.conf; done"; sleep 2' \
    'systemctl stop fault-writer; back /etc/resolv.conf'
fault dns-filter-stream MX0429 "a rule rejects questions to the cluster's DNS over TCP" \
    'iptables -A OUTPUT -p tcp -d 10.150.0.7 --dport 53 -j REJECT' 'iptables -D OUTPUT -p tcp -d 10.150.0.7 --dport 53 -j REJECT'
fault dns-nft MX0424 "nftables drops what dnsmasq sends to the cluster's DNS" \
    'nft add table inet corporate; nft add chain inet corporate out "{ type filter hook output priority 0; }"
    nft add rule inet corporate out meta skuid dnsmasq ip daddr 10.150.0.7 udp dport 53 drop' 'nft delete table inet corporate'

fault hosts-right - '/etc/hosts has the right addresses as well' \
    'keep /etc/hosts; printf "10.150.0.6 istio-pilot istio-pilot.istio-system\n10.150.0.9 istio-ca\n" >>/etc/hosts; systemctl restart dnsmasq' \
    'back /etc/hosts; systemctl restart dnsmasq'
fault hosts-six MX0417 '/etc/hosts has an IPv6 address for Pilot, which is all that programs then find' \
    'keep /etc/hosts; echo "fd00::66 istio-pilot.istio-system" >>/etc/hosts; systemctl restart dnsmasq' \
    'back /etc/hosts; systemctl restart dnsmasq'
fault hosts-gone - 'there is no /etc/hosts' 'away /etc/hosts; systemctl restart dnsmasq' 'back /etc/hosts; systemctl restart dnsmasq'
fault dnsmasq-tuned - 'dnsmasq has options that change nothing for the mesh' \
    'printf "%s\n" strict-order cache-size=0 no-negcache domain-needed bogus-priv edns-packet-max=1232 local-ttl=0 no-hosts no-resolv \
        domain=corp.example expand-hosts log-queries query-port=5300 user=root local=/cluster.local/ local=/corp.example/ \
        server=/bookinfo.svc.cluster.local/10.150.0.7 >/etc/dnsmasq.d/tuned
    systemctl restart dnsmasq' \
    'rm /etc/dnsmasq.d/tuned; systemctl restart dnsmasq'
fault resolv-second - 'resolv.conf names another server behind this machine' \
    'keep /etc/resolv.conf; printf "nameserver 127.0.0.1\nnameserver 10.150.0.1\noptions timeout:1 attempts:1\n" >/etc/resolv.conf' \
    'back /etc/resolv.conf'
fault resolv-empty - 'resolv.conf names no server: the C library asks this machine' \
    'keep /etc/resolv.conf; echo "# none" >/etc/resolv.conf' 'back /etc/resolv.conf'
fault resolv-dangling - 'resolv.conf is a link to nothing: the C library asks this machine' \
    'keep /etc/resolv.conf; rm /etc/resolv.conf; ln -s /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf' 'back /etc/resolv.conf'
fault resolv-kubernetes - 'resolv.conf has the search list of a namespace, a high ndots, and asks over TCP' \
    'keep /etc/resolv.conf
    printf "nameserver 127.0.0.1\nsearch default.svc.cluster.local corp.example\noptions ndots:5 use-vc\n" >/etc/resolv.conf' \
    'back /etc/resolv.conf'
fault nsswitch-others - 'nsswitch.conf names sources that are not there, and dns before files' \
    'keep /etc/nsswitch.conf
    sed -i "s/^hosts:.*/hosts: mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns files myhostname/" /etc/nsswitch.conf' \
    'back /etc/nsswitch.conf'
fault nsswitch-gone - 'there is no nsswitch.conf' 'away /etc/nsswitch.conf' 'back /etc/nsswitch.conf'

# --- the cluster's DNS, which all machines share

# bent_dns NAME STATE: replaces the cluster's DNS with dns.pl, in the fault's mode.
declare -A fault_mode=()
bent_dns() {
    end dns-cluster
    if [[ $2 == on ]]; then
        detach "$lab_run/dns-cluster.out" ip netns exec "$plane_ns" perl "$root/Scripts/lab.d/faults/dns.pl" "$dns_address" "${fault_mode[$1]}"
        remember dns-cluster $!
    else
        cluster_dns
    fi
}

# dns_fault NAME CODE MODE WORDS [OFF]
dns_fault() {
    fault "$1" "$2" "$4" 'systemctl restart dnsmasq' 'systemctl restart dnsmasq'
    fault_place[$1]=cluster fault_mode[$1]=$3 fault_switch[$1]=bent_dns
}

dns_fault cluster-dns-fails MX0410 servfail "the cluster's DNS says that it failed"
dns_fault cluster-dns-refuses MX0410 refused "the cluster's DNS refuses questions"
dns_fault cluster-dns-elsewhere MX0412 elsewhere "the cluster's DNS gives addresses of another cluster"
dns_fault cluster-dns-truncates - truncated "the cluster's DNS has its answers fetched over TCP"
dns_fault cluster-dns-alias - alias "the cluster's DNS answers with aliases"
dns_fault cluster-dns-fresh - fresh "answers of the cluster's DNS may not be kept"
dns_fault cluster-dns-slow - slow "the cluster's DNS takes a second"

# --- who answers instead of Pilot and the CA

# Forwards connections to an address and port; connections of the user person are not redirected here.
# shellcheck disable=SC2016
relay='relay() {
    cat >/root/relay.pl <<"PROGRAM"
use IO::Socket::INET; use IO::Select; $SIG{CHLD} = "IGNORE";
my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1", LocalPort => 9911, ReuseAddr => 1) or die;
while (my $client = $listener->accept) {
    next if fork;
    my $server = IO::Socket::INET->new(PeerAddr => $ARGV[0]) or exit;
    my $both = IO::Select->new($client, $server);
    while (my @ready = $both->can_read) {
        for my $from (@ready) {
            my $to = $from == $client ? $server : $client;
            sysread($from, my $bytes, 65536) or exit;
            while (length $bytes) { my $sent = syswrite $to, $bytes or exit; substr $bytes, 0, $sent, ""; }
        }
    }
}
PROGRAM
    chmod 755 /root; chmod 644 /root/relay.pl
    systemd-run --quiet --unit=fault-answer --uid=person perl /root/relay.pl "$1:$2"
    until ss -ltn | grep -q 127.0.0.1:9911; do sleep 0.1; done
    iptables -t nat -A OUTPUT -p tcp -d "$1" --dport "$2" -m owner ! --uid-owner person -j DNAT --to-destination 127.0.0.1:9911
}
no_relay() {
    iptables -t nat -D OUTPUT -p tcp -d "$1" --dport "$2" -m owner ! --uid-owner person -j DNAT --to-destination 127.0.0.1:9911
    systemctl stop fault-answer; systemctl reset-failed; rm /root/relay.pl; chmod 700 /root
}
'
# takes PROGRAM: a perl program that handles a connection, $client.
# shellcheck disable=SC2016
takes='takes() {
    printf "%s\n" "use IO::Socket::INET; \$SIG{CHLD} = q(IGNORE);" \
        "my \$listener = IO::Socket::INET->new(Listen => 64, LocalAddr => q(0.0.0.0), LocalPort => 9911, ReuseAddr => 1) or die;" \
        "while (my \$client = \$listener->accept) { next if fork; \$client->autoflush(1); $1; exit; }" >/root/taker.pl
    systemd-run --quiet --unit=fault-answer perl /root/taker.pl
    lead_there "$2" "$3"
}
'

fault pilot-drips MX0510 "Pilot's answer comes one byte at a time" \
    "$takes"'takes "sysread \$client, my \$request, 65536; for my \$byte (split //, qq(HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n[) . q( ) x 399) { print \$client \$byte; select undef, undef, undef, 0.3; }" 10.150.0.6 8080' \
    'not_in_place'
fault pilot-tls MX0511 'a TLS server has taken the port of Pilot' \
    'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=web.example -days 9 -keyout /root/tls.key -out /root/tls.pem 2>/dev/null
    systemd-run --quiet --unit=fault-answer sh -c "sleep infinity | openssl s_server -accept 9911 -cert /root/tls.pem -key /root/tls.key -quiet"
    lead_there 10.150.0.6 8080' \
    'not_in_place'
fault pilot-http2 MX0511 'a server of HTTP/2 alone has taken the port of Pilot' \
    'in_place 10.150.0.6 8080 "\0\0\0\4\0\0\0\0\0\0\0\b\a\0\0\0\0\0\0\0\0\0\0\0\1"' 'not_in_place'
fault pilot-token MX0512 'an API wants a token' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nWWW-Authenticate: Bearer\r\nContent-Length: 24\r\n\r\n{\"error\":\"no token now\"}"' \
    'not_in_place'
fault pilot-api MX0511 "another program's API answers with JSON of its own" \
    'in_place 10.150.0.6 8080 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}"' \
    'not_in_place'
fault pilot-no-content MX0511 'a health check answers with no content' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 204 No Content\r\n\r\n"' 'not_in_place'
fault pilot-unhealthy MX0511 'an Envoy in front of Pilot has no healthy upstream' \
    'in_place 10.150.0.6 8080 "HTTP/1.1 503 Service Unavailable\r\nServer: envoy\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\nno healthy upstream"' \
    'not_in_place'
fault pilot-resets MX0513 'the load balancer resets connections' \
    "$takes"'takes "use Socket; setsockopt \$client, SOL_SOCKET, SO_LINGER, pack(q(ii), 1, 0); sysread \$client, my \$request, 65536; close \$client" 10.150.0.6 8080' \
    'not_in_place'
fault ca-silent MX0660 "somebody takes the CA's connections and says nothing" \
    "$takes"'takes "sleep 1000" 10.150.0.9 8060' 'not_in_place'
fault ca-closes MX0602 "somebody takes the CA's connections and ends them" \
    "$takes"'takes "close \$client" 10.150.0.9 8060' 'not_in_place'
fault ca-early MX0626 "the CA's own certificate is not valid yet" \
    'mkdir -p /root/tls; : >/root/tls/index; openssl req -new -newkey rsa:2048 -nodes -subj /CN=istio-ca -addext subjectAltName=DNS:istio-ca -keyout /root/tls.key -out /root/tls.csr 2>/dev/null
    printf "[ca]\ndefault_ca=a\n[a]\ndatabase=/root/tls/index\nnew_certs_dir=/root/tls\nrand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n" >/root/tls/cnf
    openssl ca -batch -selfsign -config /root/tls/cnf -keyfile /root/tls.key -in /root/tls.csr -out /root/tls.pem -startdate 20350101000000Z -enddate 20360101000000Z -notext 2>/dev/null
    systemd-run --quiet --unit=fault-answer sh -c "sleep infinity | openssl s_server -accept 9911 -cert /root/tls.pem -key /root/tls.key -alpn h2 -quiet"
    lead_there 10.150.0.9 8060' \
    'not_in_place; rm -r /root/tls'
fault ca-of-another MX0603 'the CA of another cluster answers' \
    'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=istio-ca -addext subjectAltName=DNS:istio-ca -days 90 -keyout /root/tls.key -out /root/tls.pem 2>/dev/null
    systemd-run --quiet --unit=fault-answer sh -c "sleep infinity | openssl s_server -accept 9911 -cert /root/tls.pem -key /root/tls.key -alpn h2 -quiet"
    lead_there 10.150.0.9 8060' \
    'not_in_place'
fault pilot-relayed - 'connections to Pilot go through a relay' "$relay"'relay 10.150.0.6 8080' "$relay"'no_relay 10.150.0.6 8080'
fault ca-relayed - 'connections to the CA go through a relay' "$relay"'relay 10.150.0.9 8060' "$relay"'no_relay 10.150.0.9 8060'

# --- what Pilot has registered

# other_mesh NAME STATE: edits the control plane's configuration, which is reloaded within a second.
other_mesh() {
    local file=$lab_run/mesh.yaml
    if [[ $2 == on ]]; then
        cp -- "$file" "$file.before"
        sed -E "${fault_mode[$1]}" "$file.before" >"$file.new"
    else
        cp -- "$file.before" "$file.new"
    fi
    mv -- "$file.new" "$file"
    sleep 2
}

# mesh_fault NAME CODE WORDS SED
mesh_fault() {
    fault "$1" "$2" "$3" '' ''
    fault_place[$1]=cluster fault_mode[$1]=$4 fault_switch[$1]=other_mesh
}

mesh_fault endpoints-gone MX1001 'the pods of a service are gone' \
    '/hostname: productpage/,/endpoints/ s/endpoints: .*/endpoints: []/'
mesh_fault endpoint-stale MX1013 'Pilot has an address of a service that no pod has any more' \
    '/hostname: productpage/,/endpoints/ s/10\.60\.2\.7/10.60.9.9/'
mesh_fault endpoint-port MX1013 'a service is registered with another port than its pods have' \
    '/hostname: productpage/,/endpoints/ s/(10\.60\.2\.7, port: )9080/\19081/'
mesh_fault endpoint-half MX1021 'one of two pods of a service is gone' \
    '/hostname: productpage/,/endpoints/ s/endpoints: \[(.*)\]/endpoints: [\1, {address: 10.60.9.9, port: 9080}]/'
mesh_fault service-unknown MX1022 'Pilot does not know a service that DNS knows' \
    '/hostname: productpage/,/endpoints/ d'
mesh_fault pilot-port-renamed MX0503 "the name of Pilot's port is that of Istio 0.8" \
    's/http-discovery/http-legacy-discovery/'

# --- interception and inbound ports

fault exemption-lost MX0807 "the rule that leaves Envoy's own requests alone is gone" \
    'iptables-save -t nat >/root/rules; iptables -t nat -D ISTIO_OUTPUT -m owner --uid-owner istio-proxy -j RETURN' 'iptables-restore </root/rules'
fault exemption-of-root-lost MX0802 "the rule that leaves root's requests alone is gone" \
    'iptables-save -t nat >/root/rules; iptables -t nat -D ISTIO_OUTPUT -m owner --uid-owner root -j RETURN' 'iptables-restore </root/rules'
fault rules-of-former MX0814 'rules of a former sidecar lead requests to a port where nobody is' \
    'iptables -t nat -I OUTPUT 1 -p tcp -d 10.63.240.0/20 -m owner --uid-owner nobody -j REDIRECT --to-ports 15009' \
    'iptables -t nat -D OUTPUT -p tcp -d 10.63.240.0/20 -m owner --uid-owner nobody -j REDIRECT --to-ports 15009'
fault redirect-elsewhere MX0802 'traffic is redirected to another port than that of Envoy' \
    'iptables-save -t nat >/root/rules; iptables -t nat -R ISTIO_REDIRECT 1 -p tcp -j REDIRECT --to-ports 15002' 'iptables-restore </root/rules'
fault rules-return-first MX0802 "the mesh's chain returns before it does anything" \
    'iptables-save -t nat >/root/rules; iptables -t nat -I ISTIO_OUTPUT 1 -j RETURN' 'iptables-restore </root/rules'
fault redirect-emptied MX0802 'the chain that leads to Envoy is empty' \
    'iptables-save -t nat >/root/rules; iptables -t nat -F ISTIO_REDIRECT' 'iptables-restore </root/rules'
fault inbound-jump-lost MX0802 'nothing leads to the chain of inbound ports' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -t nat -D PREROUTING -p tcp -j ISTIO_INBOUND' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'
fault start-flushes MX0801 'a drop-in empties the nat table at each start of the sidecar' \
    'drop_in istio.service "ExecStartPost=+/usr/sbin/iptables -t nat -F"; systemctl restart istio' 'no_drop_in istio.service'
fault settings-range-star MX0303 'the service range is a star' \
    'keep $cluster; echo "ISTIO_SERVICE_CIDR=*" >$cluster; systemctl restart istio' 'back $cluster; systemctl restart istio'
fault settings-range-narrow MX0412 'the service range is a part of the range' \
    'keep $cluster; echo ISTIO_SERVICE_CIDR=10.63.247.0/24 >$cluster; systemctl restart istio' 'back $cluster; systemctl restart istio'
fault settings-range-wide MX1006 'the service range has the load balancers as well' \
    'keep $cluster; echo ISTIO_SERVICE_CIDR=10.0.0.0/8 >$cluster; systemctl restart istio' 'back $cluster; systemctl restart istio'
fault settings-redirect-port MX0516 'the settings have another port than Envoy' \
    'keep $settings; echo ENVOY_PORT=15002 >>$settings; systemctl restart istio' 'back $settings; systemctl restart istio'
fault inbound-admin MX1017 "the inbound ports have that of Envoy's admin interface" \
    'keep $settings; echo ISTIO_INBOUND_PORTS=15000 >>$settings; systemctl restart istio' 'back $settings; systemctl restart istio'
fault inbound-unregistered MX1008 'an inbound port belongs to no registered service' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7001 >>$settings; systemctl restart istio
    systemd-run --quiet --unit=fault-service nc -l -k 127.0.0.1 7001' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-datagrams MX1007 'the service on an inbound port takes UDP alone' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio
    systemd-run --quiet --unit=fault-service nc -u -l -k 0.0.0.0 7000' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-raw MX1018 'a rule of the raw table drops what comes to an inbound port' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -t raw -A PREROUTING -p tcp --dport 7000 -j DROP' \
    'iptables -t raw -F PREROUTING; systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-sources MX1018 'a firewall lets one network in, which is not that of the mesh' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -A INPUT -p tcp -s 192.168.0.0/16 --dport 15001 -j ACCEPT; iptables -A INPUT -p tcp -i eth0 --dport 15001 -j DROP' \
    'iptables -F INPUT; systemctl stop fault-service; back $settings; systemctl restart istio'
fault inbound-past MX0808 'a rule in front of those of the mesh takes an inbound port' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -t nat -I PREROUTING 1 -p tcp --dport 7000 -j ACCEPT' \
    'iptables -t nat -D PREROUTING -p tcp --dport 7000 -j ACCEPT; systemctl stop fault-service; back $settings; systemctl restart istio'

fault rules-of-docker - 'docker has its chains behind those of the mesh' \
    'iptables -t nat -N DOCKER; iptables -t nat -A DOCKER -i docker0 -j RETURN; iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE; iptables -P FORWARD DROP' \
    'iptables -P FORWARD ACCEPT; iptables -t nat -D POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
    iptables -t nat -D OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; iptables -t nat -F DOCKER; iptables -t nat -X DOCKER'
fault settings-range-empty - 'all outbound traffic is redirected' \
    'keep $cluster; echo ISTIO_SERVICE_CIDR= >$cluster; systemctl restart istio' 'back $cluster; systemctl restart istio'
fault settings-range-halves - 'the service range is given in two halves' \
    'keep $cluster; echo ISTIO_SERVICE_CIDR=10.63.240.0/21,10.63.248.0/21 >$cluster; systemctl restart istio' \
    'back $cluster; systemctl restart istio'
fault inbound-all - 'all inbound traffic is redirected' \
    'keep $settings; echo "ISTIO_INBOUND_PORTS=*" >>$settings; systemctl restart istio' 'back $settings; systemctl restart istio'
fault inbound-comma - 'the list of inbound ports ends with a comma' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000, >>$settings; systemctl restart istio; serve 0.0.0.0' \
    'systemctl stop fault-service; back $settings; systemctl restart istio'

# --- several at once

fault route-and-hosts MX0813+MX0417 "a route forbids the CA, and /etc/hosts has an old address of Pilot" \
    'ip route add prohibit 10.150.0.9; keep /etc/hosts; echo "10.150.0.66 istio-pilot.istio-system" >>/etc/hosts; systemctl restart dnsmasq' \
    'ip route del prohibit 10.150.0.9 || true; back /etc/hosts; systemctl restart dnsmasq'
fault route-and-filter MX0813+MX0814 'a route forbids the CA, and a rule drops what goes to Mixer' \
    'ip route add prohibit 10.150.0.9; iptables -A OUTPUT -d 10.150.0.8 -j DROP' \
    'ip route del prohibit 10.150.0.9 || true; iptables -D OUTPUT -d 10.150.0.8 -j DROP'
fault resolver-and-rules MX0408+MX0801 'resolv.conf was written anew, and the nat table was emptied' \
    'keep /etc/resolv.conf; echo "nameserver 10.150.0.1" >/etc/resolv.conf; iptables -t nat -F; iptables -t nat -X' \
    'back /etc/resolv.conf; systemctl restart istio'
fault portal-and-filter MX0814+MX0512 "a portal answers for Pilot, and a rule drops what goes to Mixer" \
    'iptables -A OUTPUT -d 10.150.0.8 -j DROP
    in_place 10.150.0.6 8080 "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"' \
    'not_in_place; iptables -D OUTPUT -d 10.150.0.8 -j DROP'
fault three-at-once MX0813+MX0814+MX0802 'a route forbids the CA, a rule drops what goes to Mixer, a rule of the mesh is gone' \
    'iptables-save -t nat >/root/rules; ip route add prohibit 10.150.0.9; iptables -A OUTPUT -d 10.150.0.8 -j DROP
    iptables -t nat -D ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN' \
    'ip route del prohibit 10.150.0.9 || true; iptables -D OUTPUT -d 10.150.0.8 -j DROP || true; iptables-restore </root/rules'

# --- after a restart of the machine

rebooted_fault restart - 'the machine was restarted' '' ''
rebooted_fault restart-rule MX0814 'a unit sets a rule against Mixer whenever the machine starts' \
    'printf "[Unit]\nAfter=network.target\n[Service]\nType=oneshot\nExecStart=/usr/sbin/iptables -A OUTPUT -d 10.150.0.8 -j DROP\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/fault-rule.service
    systemctl enable --quiet fault-rule' \
    'systemctl disable --quiet fault-rule; rm /etc/systemd/system/fault-rule.service; iptables -D OUTPUT -d 10.150.0.8 -j DROP'
rebooted_fault restart-route MX0813 'systemd-networkd sets a route that forbids Mixer' \
    'mkdir -p /etc/systemd/network/70-eth0.network.d; printf "[Route]\nDestination=10.150.0.8/32\nType=prohibit\n" >/root/route.conf
    file=$(networkctl status eth0 | sed -n "s/.*Network File: //p"); mkdir -p "/etc/systemd/network/${file##*/}.d"
    cp /root/route.conf "/etc/systemd/network/${file##*/}.d/route.conf"' \
    'rm -r /etc/systemd/network/*.d; networkctl reload; ip route del prohibit 10.150.0.8 || true'
rebooted_fault restart-dnsmasq MX0406 'dnsmasq was disabled, and the machine restarted' \
    'systemctl disable --quiet dnsmasq' 'systemctl enable --quiet dnsmasq; systemctl start dnsmasq'
rebooted_fault restart-resolver MX0408 'a rule of systemd-tmpfiles writes resolv.conf whenever the machine starts' \
    'keep /etc/resolv.conf; echo "f+ /etc/resolv.conf 0644 - - - nameserver 10.150.0.1" >/etc/tmpfiles.d/resolv.conf' \
    'rm /etc/tmpfiles.d/resolv.conf; back /etc/resolv.conf'

# Faults whose remedy needs an operator, or does not last while the cause remains.
for name in \
    filter-innocent nft-innocent route-detour dnsmasq-bad-line dnsmasq-server-port resolv-writer pilot-drips pilot-tls pilot-http2 \
    pilot-token pilot-api pilot-no-content pilot-unhealthy pilot-resets ca-silent ca-closes ca-early ca-of-another start-flushes \
    settings-range-star settings-range-narrow settings-range-wide settings-redirect-port inbound-admin inbound-unregistered \
    inbound-datagrams portal-and-filter; do
    fault_remedy[$name]=hand
done

by_hand rules-restored-by-timer
by_hand kubedns-swapped kubedns-mixer-swapped envoy-port-changed

# --- below the packet filter, and beside it

fault policy-of-ipsec MX0829 'a policy of IPsec towards Pilot was left without an association, and the sidecar was restarted' \
    'ip xfrm policy add dir out src $own/32 dst 10.150.0.6/32 tmpl src $own dst 10.150.0.6 proto esp mode transport level required; systemctl restart istio' \
    'ip xfrm policy deleteall; systemctl restart istio'
fault queue-starves MX0817 'a shaping script lets 8 bits a second out to Pilot' \
    'tc qdisc add dev eth0 root handle 1: htb default 10; tc class add dev eth0 parent 1: classid 1:10 htb rate 1gbit quantum 1500
    tc class add dev eth0 parent 1: classid 1:20 htb rate 8bit burst 10 cburst 10 quantum 1500
    tc filter add dev eth0 parent 1: protocol ip u32 match ip dport 8080 0xffff flowid 1:20' \
    'tc qdisc del dev eth0 root'
fault nft-arp MX0814 "a rule of nft's family arp drops the questions for the CA's link-layer address" \
    'nft "table arp guard { chain out { type filter hook output priority 0; arp daddr ip 10.150.0.9 drop; }; }"; ip neigh flush to 10.150.0.9' \
    'nft delete table arp guard; ip neigh flush to 10.150.0.9'
fault resolver-over-tcp MX0433 "programs ask DNS over TCP, which the cluster's DNS refuses" \
    "keep /etc/resolv.conf; echo 'options use-vc' >>/etc/resolv.conf; printf 'plane: lead 10.150.0.7 53\n'" \
    "back /etc/resolv.conf; printf 'plane: release\n'"
fault address-preferred MX1024 'another address of the machine is the source of its packets, and its service is registered with the first' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; serve 0.0.0.0; ip address add 10.150.0.105/24 dev eth0
    ip route change 10.150.0.0/24 dev eth0 proto kernel scope link src 10.150.0.105; systemctl restart istio' \
    'ip address del 10.150.0.105/24 dev eth0; ip route replace 10.150.0.0/24 dev eth0 proto kernel scope link src $own; systemctl stop fault-service; back $settings; systemctl restart istio'
fault cluster-dns-datagrams MX0434 "the cluster's DNS takes UDP alone, as behind the guide's load balancer" \
    "printf 'plane: lead 10.150.0.7 53\n'" "printf 'plane: release\n'"
fault inbound-innocent - 'a rule drops what one host sends to this machine, which is not the mesh' \
    'keep $settings; echo ISTIO_INBOUND_PORTS=7000 >>$settings; systemctl restart istio; serve 0.0.0.0
    iptables -I INPUT -s 192.0.2.1 -j DROP; nft "table ip guard { chain in { type filter hook prerouting priority 0; ip saddr { 192.0.2.7, 192.0.2.8 } drop; }; }"' \
    'iptables -D INPUT -s 192.0.2.1 -j DROP; nft delete table ip guard; systemctl stop fault-service; back $settings; systemctl restart istio'
by_hand cluster-dns-datagrams address-preferred resolver-over-tcp
