# shellcheck shell=bash
# Faults that show at the next boot alone, and those that somebody's job makes again and again.

fault_prelude+='
# job NAME SECONDS COMMANDS: a timer that runs a script every few seconds, from now on.
job() {
    printf "#!/bin/sh\n%s\n" "$3" >"/usr/local/sbin/$1" && chmod 755 "/usr/local/sbin/$1"
    printf "[Service]\nType=oneshot\nExecStart=/usr/local/sbin/%s\n" "$1" >"/etc/systemd/system/$1.service"
    printf "[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=%ss\nAccuracySec=100ms\n[Install]\nWantedBy=timers.target\n" "$2" >"/etc/systemd/system/$1.timer"
    systemctl daemon-reload
    systemctl enable --quiet --now "$1.timer"
}
no_job() {
    systemctl disable --quiet --now "$1.timer" 2>/dev/null || true
    systemctl stop "$1.service" 2>/dev/null || true
    rm -f "/usr/local/sbin/$1" "/etc/systemd/system/$1".*
    systemctl daemon-reload
    systemctl reset-failed
}
# boot_unit NAME SECTION-UNIT COMMAND: a unit that multi-user.target starts at boot, and that was not started now.
boot_unit() {
    printf "[Unit]\n%s\n[Service]\nType=oneshot\nExecStart=%s\n[Install]\nWantedBy=multi-user.target\n" "$2" "$3" >"/etc/systemd/system/$1.service"
    systemctl enable --quiet "$1.service"
}
no_boot_unit() {
    systemctl disable --quiet "$1.service"
    rm -rf "/etc/systemd/system/$1.service" "/etc/systemd/system/$1.service.d"
    systemctl daemon-reload
}
'

# --- files

fault boot-removes-certificates MX0252 'a rule of tmpfiles.d removes the certificates at boot' \
    'echo "R! /etc/certs/*.pem" >/etc/tmpfiles.d/clean.conf' 'rm /etc/tmpfiles.d/clean.conf'
fault boot-empties-certificates MX0252 'a rule of tmpfiles.d, read before that of the package, empties /etc/certs at boot' \
    'echo "D /etc/certs 0750 istio-proxy istio-proxy -" >/etc/tmpfiles.d/aa-certs.conf' 'rm /etc/tmpfiles.d/aa-certs.conf'
fault boot-rule-ignored - 'a rule of tmpfiles.d for /etc/certs is ignored, because the package has one for it' \
    'echo "D /etc/certs 0700 root root -" >/etc/tmpfiles.d/zz-certs.conf' 'rm /etc/tmpfiles.d/zz-certs.conf'
fault boot-rule-of-package MX0252 "the package's rules are replaced by a file of the same name that empties /etc/certs" \
    'echo "D /etc/certs 0750 istio-proxy istio-proxy -" >/etc/tmpfiles.d/istio-auth-node-agent.conf' \
    'rm /etc/tmpfiles.d/istio-auth-node-agent.conf'
fault boot-ages-certificates MX0252 'a rule of tmpfiles.d removes what nobody has read for 12 hours' \
    'echo "e /etc/certs - - - 12h" >/etc/tmpfiles.d/age.conf' 'rm /etc/tmpfiles.d/age.conf'
fault boot-writes-settings MX0252 'a rule of tmpfiles.d writes sidecar.env again at boot' \
    'echo "f+ /var/lib/istio/envoy/sidecar.env 0644 root root - ISTIO_INBOUND_PORTS=9999" >/etc/tmpfiles.d/sidecar.conf' \
    'rm /etc/tmpfiles.d/sidecar.conf'
fault boot-links-resolver MX0252 'a rule of tmpfiles.d makes resolv.conf a link to that of systemd-resolved' \
    'echo "L+ /etc/resolv.conf - - - - /run/systemd/resolve/resolv.conf" >/etc/tmpfiles.d/resolve.conf' 'rm /etc/tmpfiles.d/resolve.conf'
fault boot-key-of-root MX0253 'a rule of tmpfiles.d gives the certificates to root' \
    'echo "z /etc/certs/*.pem 0600 root root -" >/etc/tmpfiles.d/owner.conf' 'rm /etc/tmpfiles.d/owner.conf'
fault boot-closes-folder MX0253 'a hardening rule of tmpfiles.d closes /var/lib' \
    'echo "z /var/lib 0750 root root -" >/etc/tmpfiles.d/hardening.conf' 'rm /etc/tmpfiles.d/hardening.conf'
fault boot-opens-key MX0253 'a rule of tmpfiles.d lets everybody read the key' \
    'echo "Z /etc/certs 0755 istio-proxy istio-proxy -" >/etc/tmpfiles.d/open.conf' 'rm /etc/tmpfiles.d/open.conf'
fault boot-settings-of-proxy MX0253 "a rule of tmpfiles.d gives the sidecar's settings to istio-proxy" \
    'echo "Z /var/lib/istio - istio-proxy istio-proxy -" >/etc/tmpfiles.d/settings.conf' 'rm /etc/tmpfiles.d/settings.conf'
fault boot-rules-innocent - 'rules of tmpfiles.d are about other paths, or change nothing that matters' \
    'printf "R! /tmp/istio-*\nd /var/log/istio 0755 istio-proxy istio-proxy 30d\nz /etc/certs - istio-proxy istio-proxy -\nD! /run/istio 0755 root root\nd /etc/certs 0700 root root\n" >/etc/tmpfiles.d/zz-other.conf' \
    'rm /etc/tmpfiles.d/zz-other.conf'
fault boot-mounts-certificates MX0254 'a line of fstab mounts a file system in memory over /etc/certs at the next boot' \
    'echo "tmpfs /etc/certs tmpfs mode=0750 0 0" >>/etc/fstab' 'sed -i "/ .etc.certs tmpfs /d" /etc/fstab; systemctl daemon-reload'
fault boot-mounts-home MX0254 'a line of fstab mounts a share over /var/lib/istio at the next boot' \
    'echo "10.150.0.3:/exports/istio /var/lib/istio nfs nofail,_netdev 0 0" >>/etc/fstab' \
    'sed -i "/exports.istio/d" /etc/fstab; systemctl daemon-reload'
fault boot-mount-unit MX0254 'a mount unit that is enabled puts another folder over /usr/local at the next boot' \
    'mkdir -p /srv/local; printf "[Mount]\nWhat=/srv/local\nWhere=/usr/local\nType=none\nOptions=bind\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/usr-local.mount
    systemctl enable --quiet usr-local.mount' \
    'systemctl disable --quiet usr-local.mount 2>/dev/null || true; rm -r /etc/systemd/system/usr-local.mount /srv/local; systemctl daemon-reload'
fault boot-mounts-innocent - 'lines of fstab are for other folders, or for nobody but who asks' \
    'mkdir -p /srv/data; printf "tmpfs /srv/data tmpfs defaults 0 0\ntmpfs /etc/certs tmpfs noauto 0 0\n" >>/etc/fstab' \
    'sed -i "/tmpfs/d" /etc/fstab; rmdir /srv/data; systemctl daemon-reload'

# --- the packet filter

fault boot-flushes-after MX0827 'an enabled unit empties the packet filter once the sidecar has started' \
    'boot_unit corporate-firewall "After=istio.service" "/usr/sbin/nft flush ruleset"' 'no_boot_unit corporate-firewall'
fault boot-flushes-unordered MX0827 'an enabled unit restores rules of its own, in no order with the sidecar' \
    'printf "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n" >/etc/corporate.rules
    printf "#!/bin/sh\nRULES=/etc/corporate.rules\niptables-restore <\$RULES\n" >/usr/local/sbin/corporate-rules; chmod 755 /usr/local/sbin/corporate-rules
    boot_unit corporate-rules "Description=rules" /usr/local/sbin/corporate-rules' \
    'no_boot_unit corporate-rules; rm /etc/corporate.rules /usr/local/sbin/corporate-rules'
fault boot-flushes-by-timer MX0827 'a timer empties the nat table five minutes after each boot' \
    'printf "[Service]\nType=oneshot\nExecStart=/bin/sh -c \"iptables -t nat -F && iptables -t nat -X\"\n" >/etc/systemd/system/hardening.service
    printf "[Timer]\nOnBootSec=300d\n[Install]\nWantedBy=timers.target\n" >/etc/systemd/system/hardening.timer
    systemctl daemon-reload; systemctl enable --quiet --now hardening.timer' \
    'systemctl disable --quiet --now hardening.timer; rm -rf /etc/systemd/system/hardening.*; systemctl daemon-reload'
fault boot-flushes-in-script MX0827 'an enabled unit calls a script that calls another one, which hands nft its rules' \
    'printf "#!/bin/bash\nnft -f - <<END\nflush ruleset\ntable inet corporate {\n}\nEND\n" >/usr/local/sbin/corporate-load; chmod 755 /usr/local/sbin/corporate-load
    printf "#!/bin/bash\nsleep 20\nexec corporate-load\n" >/usr/local/sbin/corporate-boot; chmod 755 /usr/local/sbin/corporate-boot
    boot_unit corporate-boot "After=multi-user.target" /usr/local/sbin/corporate-boot' \
    'no_boot_unit corporate-boot; rm /usr/local/sbin/corporate-load /usr/local/sbin/corporate-boot'
fault boot-loads-before - "Debian's own nftables.service is enabled, which is ordered before the network" \
    'systemctl enable --quiet nftables' 'systemctl disable --quiet nftables'
fault boot-loads-filter - 'units that are started at boot load rules of the filter table, or a table of their own' \
    'printf "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n" >/etc/corporate.rules
    printf "#!/bin/sh\niptables -F\niptables-restore </etc/corporate.rules\nnft add table inet corporate\nnft flush table inet corporate\n" >/usr/local/sbin/corporate-rules; chmod 755 /usr/local/sbin/corporate-rules
    boot_unit corporate-rules "Description=rules" /usr/local/sbin/corporate-rules' \
    'no_boot_unit corporate-rules; rm /etc/corporate.rules /usr/local/sbin/corporate-rules'
fault boot-sets-again - 'a unit that empties the packet filter at boot restarts the sidecar after it' \
    'printf "#!/bin/sh\nnft flush ruleset\nsystemctl --no-block try-restart istio\n" >/usr/local/sbin/corporate-rules; chmod 755 /usr/local/sbin/corporate-rules
    boot_unit corporate-rules "After=istio.service" /usr/local/sbin/corporate-rules' \
    'no_boot_unit corporate-rules; rm /usr/local/sbin/corporate-rules'

# --- units and the kernel

fault boot-other-command MX0255 'a drop-in gives the sidecar another command from the next start on' \
    'mkdir -p /etc/systemd/system/istio.service.d; printf "[Service]\nExecStart=\nExecStart=/bin/false\n" >/etc/systemd/system/istio.service.d/next.conf; systemctl daemon-reload' \
    'rm -r /etc/systemd/system/istio.service.d; systemctl daemon-reload'
fault boot-other-resolver MX0255 'a drop-in lets dnsmasq fail from the next start on' \
    'mkdir -p /etc/systemd/system/dnsmasq.service.d; printf "[Service]\nExecStartPre=/bin/false\n" >/etc/systemd/system/dnsmasq.service.d/next.conf; systemctl daemon-reload' \
    'rm -r /etc/systemd/system/dnsmasq.service.d; systemctl daemon-reload; systemctl restart dnsmasq'
fault boot-few-ports MX0256 'a file of sysctl.d leaves connections 50 ports from the next boot on' \
    'echo "net.ipv4.ip_local_port_range = 40000 40049" >/etc/sysctl.d/99-ports.conf' 'rm /etc/sysctl.d/99-ports.conf'
fault boot-no-namespaces MX0256 'a hardening file of sysctl.d forbids mount namespaces, which the services are confined by' \
    'echo "user.max_mnt_namespaces=0" >/etc/sysctl.d/99-hardening.conf' 'rm /etc/sysctl.d/99-hardening.conf'
fault boot-kernel-innocent - 'files of sysctl.d set what the mesh does not mind' \
    'printf "net.ipv4.ip_forward=1\nnet.ipv4.conf.all.rp_filter=2\nnet.ipv4.ip_local_port_range=20000 60999\nfs.file-max=9223372036854775807\n" >/etc/sysctl.d/99-tuned.conf' \
    'rm /etc/sysctl.d/99-tuned.conf'

# --- jobs that kill

fault envoy-guarded MX0731 'a guard against the use of memory kills Envoy every few seconds' \
    'printf "#!/bin/bash\nwhile sleep 4; do\n    for pid in \$(pidof envoy); do kill -KILL \"\$pid\"; done\ndone\n" >/usr/local/sbin/memguard; chmod 755 /usr/local/sbin/memguard
    printf "[Service]\nExecStart=/usr/local/sbin/memguard\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/memguard.service
    systemctl daemon-reload; systemctl enable --quiet --now memguard' \
    'systemctl disable --quiet --now memguard; rm /etc/systemd/system/memguard.service /usr/local/sbin/memguard; systemctl daemon-reload; systemctl reset-failed; systemctl restart istio'
fault envoy-killed-by-timer MX0731 'a timer ends whatever listens on port 15001' \
    'job tidy-ports 5 "ss -ltnpH sport = :15001 | grep -o pid=[0-9]* | cut -d= -f2 | xargs -r kill -9"' \
    'no_job tidy-ports; systemctl restart istio'
fault envoy-ended-politely MX0731 "a timer tells Envoy's administration to quit" \
    'job tidy-proxies 5 "curl -s -o /dev/null -X POST http://127.0.0.1:15000/quitquitquit"' \
    'no_job tidy-proxies; systemctl restart istio'
fault envoy-killed-by-session MX0731 'a program that was started by hand kills Envoy every few seconds' \
    'setsid nohup sh -c "while sleep 4; do pkill -9 -x envoy; done" >/dev/null 2>&1 </dev/null &
    echo $! >/run/fault-killer' \
    'kill $(cat /run/fault-killer) 2>/dev/null || true; rm /run/fault-killer; systemctl restart istio'
fault envoy-killed-as-largest MX0733 'a guard kills the largest program every few seconds, whatever it is' \
    'job guard 5 "ps -eo pid,rss,comm --sort=-rss --no-headers | awk '"'"'\$2 > 20000 && \$3 ~ /^e/ { print \$1; exit }'"'"' | xargs -r kill -9"' \
    'no_job guard; systemctl restart istio'
fault node-agent-killed-by-timer MX0230 'a timer kills the node agent' \
    'job tidy-agents 2 "pkill -KILL -x node_agent || true"' \
    'no_job tidy-agents; systemctl restart istio-auth-node-agent'

# --- jobs that bring back what a remedy has changed

fault settings-restored MX0412 'a timer puts sidecar.env with another range back' \
    'keep $settings; cp $settings /root/sidecar.env; echo ISTIO_SERVICE_CIDR=10.99.0.0/16 >>/root/sidecar.env
    job restore-settings 5 "cmp -s /root/sidecar.env /var/lib/istio/envoy/sidecar.env || cp /root/sidecar.env /var/lib/istio/envoy/sidecar.env"
    sleep 3; systemctl restart istio' \
    'no_job restore-settings; back $settings; systemctl restart istio'
fault key-opened-again MX0608 'a timer lets everybody read the key' \
    'job fix-modes 3 "chmod 0644 /etc/certs/*.pem"; sleep 3' 'no_job fix-modes; chmod 0600 /etc/certs/key.pem'
fault resolver-written-again MX0408 'a timer writes resolv.conf' \
    'keep /etc/resolv.conf; job write-resolver 3 "grep -q 10.150.0.1 /etc/resolv.conf && head -n 1 /etc/resolv.conf | grep -q 10.150.0.1 || echo nameserver 10.150.0.1 >/etc/resolv.conf"; sleep 3' \
    'no_job write-resolver; back /etc/resolv.conf'
fault route-set-again MX0813 'a timer sets a route that forbids packets to Mixer' \
    'job set-routes 3 "ip route replace prohibit 10.150.0.8"; sleep 3' \
    'no_job set-routes; ip route del prohibit 10.150.0.8 2>/dev/null || true'
fault rule-set-again MX0814 'a timer sets a rule that drops what goes to the CA' \
    'job set-rules 3 "iptables -C OUTPUT -d 10.150.0.9 -j DROP 2>/dev/null || iptables -I OUTPUT -d 10.150.0.9 -j DROP"; sleep 3' \
    'no_job set-rules; iptables -D OUTPUT -d 10.150.0.9 -j DROP 2>/dev/null || true'

# --- who else takes requests

fault proxy-takes-people MX0828 'another proxy takes the requests of people, by a table of its own' \
    'nft "table ip webproxy { chain output { type nat hook output priority -150; meta skuid 1000-59999 tcp dport { 80, 443, 9080 } redirect to :3129; }; }"' \
    'nft delete table ip webproxy'
fault proxy-takes-all MX0814 'another proxy takes all requests but its own' \
    'iptables -t nat -I OUTPUT 1 -p tcp -m owner ! --uid-owner 13 -m multiport --dports 80,9080 -j REDIRECT --to-ports 3128' \
    'iptables -t nat -D OUTPUT -p tcp -m owner ! --uid-owner 13 -m multiport --dports 80,9080 -j REDIRECT --to-ports 3128'
fault proxy-takes-group MX0828 'another proxy takes the requests of a group' \
    'iptables -t nat -N PROXY; iptables -t nat -A PROXY -p tcp --dport 9080 -j DNAT --to-destination 10.150.0.3:3128
    iptables -t nat -I OUTPUT 1 -p tcp -m owner --gid-owner 1000 -j PROXY' \
    'iptables -t nat -D OUTPUT -p tcp -m owner --gid-owner 1000 -j PROXY; iptables -t nat -F PROXY; iptables -t nat -X PROXY'
fault proxy-exempts-group MX0808 'a rule leaves the requests of a group alone' \
    'iptables -t nat -I OUTPUT 1 -p tcp -m owner --gid-owner 1000 -j RETURN' \
    'iptables -t nat -D OUTPUT -p tcp -m owner --gid-owner 1000 -j RETURN'
fault proxy-takes-others - 'another proxy takes requests that are not for the mesh' \
    'nft "table ip webproxy { chain output { type nat hook output priority -150; ip daddr != 10.0.0.0/8 tcp dport 80 redirect to :3129; meta skuid 13 tcp dport 9080 redirect to :3129; }; }"' \
    'nft delete table ip webproxy'

# --- what only looks wrong

fault envoy-diverted - 'dpkg-divert has put Envoy elsewhere, and a wrapper starts it' \
    'dpkg-divert --quiet --local --rename --divert /usr/local/bin/envoy.real --add /usr/local/bin/envoy
    printf "#!/bin/sh\nexec /usr/local/bin/envoy.real \"\$@\"\n" >/usr/local/bin/envoy; chmod 755 /usr/local/bin/envoy; systemctl restart istio' \
    'rm /usr/local/bin/envoy; dpkg-divert --quiet --local --rename --remove /usr/local/bin/envoy; systemctl restart istio'

# --- names

fault ca-moved MX0432 'kubedns has an address that the CA had once' \
    'keep $kubedns; sed -i "s,10.150.0.9\$,10.150.0.66," $kubedns; systemctl restart dnsmasq' 'back $kubedns; systemctl restart dnsmasq'
fault dnsmasq-backup MX0422 'dnsmasq reads a copy of kubedns with old addresses as well' \
    'sed "s,10.150.0.\([689]\)\$,10.150.0.7\1," $kubedns >$kubedns.bak; systemctl restart dnsmasq' \
    'rm $kubedns.bak; systemctl restart dnsmasq'

# Only the operator knows the value, or what the guard is for.
by_hand boot-other-command boot-other-resolver boot-few-ports boot-no-namespaces settings-restored ca-moved
