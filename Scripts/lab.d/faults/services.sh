# shellcheck shell=bash
# Faults of the two services, of the places they write to, of their processes, and of the logs that meshcheck reads.

# --- units and drop-ins

fault node-agent-masked MX0206 "the node agent's service was masked" \
    'systemctl stop istio-auth-node-agent; systemctl mask --quiet istio-auth-node-agent' \
    'systemctl unmask --quiet istio-auth-node-agent; systemctl start istio-auth-node-agent'
fault node-agent-disabled MX0207 'the node agent does not start after a reboot' \
    'systemctl disable --quiet istio-auth-node-agent' 'systemctl enable --quiet istio-auth-node-agent'
fault enabled-until-reboot MX0207 'the sidecar was enabled for this boot alone' \
    'systemctl disable --quiet istio; systemctl enable --quiet --runtime istio' \
    'systemctl disable --quiet --runtime istio; systemctl enable --quiet istio'
fault dnsmasq-disabled MX0234 'dnsmasq does not start after a reboot' \
    'systemctl disable --quiet dnsmasq' 'systemctl enable --quiet dnsmasq'
fault dropin-private-network MX0243 'a drop-in gives the node agent a network of its own' \
    'drop_in istio-auth-node-agent.service PrivateNetwork=yes' 'no_drop_in istio-auth-node-agent.service'
fault dropin-network-of-sidecar MX0243 'a drop-in gives the sidecar a network of its own' \
    'drop_in istio.service PrivateNetwork=yes' 'no_drop_in istio.service'
fault dropin-families MX0243 'a hardening drop-in leaves the node agent local sockets alone' \
    'drop_in istio-auth-node-agent.service "RestrictAddressFamilies=
RestrictAddressFamilies=AF_UNIX"' 'no_drop_in istio-auth-node-agent.service'
fault dropin-system-calls MX0243 'a hardening drop-in forbids the node agent to open connections' \
    'drop_in istio-auth-node-agent.service "SystemCallFilter=~@network-io"' 'no_drop_in istio-auth-node-agent.service'
fault passwd-closed MX0150 'only root can read /etc/passwd' \
    'chmod 600 /etc/passwd; systemctl restart --no-block istio istio-auth-node-agent' \
    'chmod 644 /etc/passwd; systemctl reset-failed; systemctl restart istio istio-auth-node-agent'
fault usr-local-closed MX0150 'only root can pass /usr/local' \
    'chmod 700 /usr/local; systemctl restart --no-block istio istio-auth-node-agent' \
    'chmod 755 /usr/local; systemctl reset-failed; systemctl restart istio istio-auth-node-agent'
fault dnsmasq-fails-after MX0406 'a drop-in ends dnsmasq with a command that fails' \
    'drop_in dnsmasq.service ExecStartPost=/bin/false' 'no_drop_in dnsmasq.service'
fault user-renumbered MX0215 'user and group istio-proxy have got another number' \
    'keep /etc/passwd /etc/group; sed -i "s/^\(istio-proxy:x:\)[0-9]*:[0-9]*:/\1742:742:/" /etc/passwd
    sed -i "s/^\(istio-proxy:x:\)[0-9]*:/\1742:/" /etc/group; systemctl restart --no-block istio istio-auth-node-agent' \
    'back /etc/passwd /etc/group; chown -R istio-proxy:istio-proxy /etc/certs /var/lib/istio/proxy /var/lib/istio/config /var/log/istio; systemctl reset-failed; systemctl restart istio istio-auth-node-agent'
fault restarted-by-timer MX0246 'a timer restarts the sidecar every few seconds' \
    'systemd-run --quiet --unit=fault-timer sh -c "while :; do systemctl restart istio; sleep 6; done"; sleep 45' \
    'systemctl stop fault-timer; systemctl reset-failed; systemctl restart istio; sleep 60'
fault envoy-drained MX0725 'somebody has told Envoy to drain its listeners' \
    'curl -s -o /dev/null -X POST http://127.0.0.1:15000/drain_listeners' 'systemctl restart istio'
fault quota-tiny MX0245 'systemctl set-property leaves Envoy a hundredth of a processor' \
    'systemctl set-property istio.service CPUQuota=1%; systemctl restart --no-block istio' \
    'rm -rf /etc/systemd/system.control/istio.service.d; systemctl daemon-reload; systemctl reset-failed; systemctl restart istio'
fault dropin-tasks MX0244 'a drop-in leaves the sidecar four processes' \
    'drop_in istio.service LimitNPROC=4' 'no_drop_in istio.service'
fault output-json - 'the node agent logs as JSON' \
    'drop_in istio-auth-node-agent.service "ExecStart=
ExecStart=/usr/local/istio/bin/node_agent --logtostderr --log-format json"' 'no_drop_in istio-auth-node-agent.service'
fault dropin-before MX0242 'a drop-in runs a command before the sidecar that fails' \
    'drop_in istio.service ExecStartPre=/bin/false' 'no_drop_in istio.service'
fault dropin-option MX0229 'a drop-in gives the node agent an option that it does not know' \
    'drop_in istio-auth-node-agent.service "ExecStart=
ExecStart=/usr/local/istio/bin/node_agent --logtostderr --renew-early"' 'no_drop_in istio-auth-node-agent.service'
fault dropin-user MX0225 'a drop-in runs the sidecar as a user that does not exist' \
    'drop_in istio.service User=envoy' 'no_drop_in istio.service'
fault dropin-group MX0257 'a drop-in runs the node agent in a group that does not exist' \
    'drop_in istio-auth-node-agent.service Group=certificates' 'no_drop_in istio-auth-node-agent.service'
fault dropin-other-user MX0240 'a drop-in runs the sidecar as nobody' \
    'drop_in istio.service User=nobody' 'no_drop_in istio.service'
fault dropin-nobody MX0240 'a drop-in runs the sidecar as nobody, and its folders were given to nobody' \
    'chown nobody:nogroup /var/lib/istio/proxy /var/log/istio; drop_in istio.service "User=nobody
Group=nogroup"' \
    'chown istio-proxy:istio-proxy /var/lib/istio/proxy /var/log/istio; no_drop_in istio.service'
fault dropin-lifetime MX0248 'a drop-in ends the sidecar every forty seconds' \
    'drop_in istio.service RuntimeMaxSec=40' 'no_drop_in istio.service'
fault dropin-file-size MX0248 'a drop-in limits files, and the log is longer' \
    'head -c 200000 /dev/zero | tr "\\0" "\\n" >>/var/log/istio/istio.log; drop_in istio.service LimitFSIZE=64K' \
    'no_drop_in istio.service'
fault dropin-condition MX0249 'a drop-in has a condition that will not hold after a reboot' \
    'mkdir -p /etc/systemd/system/istio.service.d
    printf "[Unit]\nConditionPathExists=/var/lib/cloud/joined\n" >/etc/systemd/system/istio.service.d/fault.conf; systemctl daemon-reload' \
    'no_drop_in istio.service'
fault conflicting-unit MX0250 'another service excludes the sidecar, and was started' \
    'printf "[Unit]\nConflicts=istio.service\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" >/etc/systemd/system/old-proxy.service
    systemctl daemon-reload; systemctl enable --quiet --now old-proxy' \
    'systemctl disable --quiet --now old-proxy; rm /etc/systemd/system/old-proxy.service; systemctl daemon-reload; systemctl start istio'
fault var-lib-closed MX0151 'only root can pass /var/lib' \
    'chmod 0750 /var/lib; systemctl restart --no-block istio' 'chmod 0755 /var/lib; systemctl reset-failed; systemctl restart istio'
fault number-shared MX0152 'another account has the number of istio-proxy' \
    'keep /etc/passwd /etc/shadow /etc/subuid /etc/subgid; useradd -o -u "$(id -u istio-proxy)" orders' 'back /etc/passwd /etc/shadow /etc/subuid /etc/subgid'
fault port-of-connection MX0726 "a connection of another program has Envoy's port on this side" \
    'systemctl stop istio; own=$(hostname -I | cut -d " " -f 1)
    systemd-run --quiet --unit=fault-feed perl -MSocket -e "
    socket(S, PF_INET, SOCK_STREAM, 6); bind(S, sockaddr_in(15001, inet_aton(q($own)))) or die;
    connect(S, sockaddr_in(22, inet_aton(q($own)))) or die; sleep 3000"
    for try in $(seq 50); do ss -Htn "sport = :15001" | grep -q ESTAB && break; sleep 0.1; done; systemctl start istio; sleep 8' \
    'systemctl stop fault-feed; sleep 1; systemctl restart istio'
fault envoy-of-others MX0727 'another team runs an Envoy with the base id of the mesh' \
    'systemctl stop istio; mkdir -p /opt/edge; rm -f /dev/shm/envoy_shared_memory_0
    printf "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 19901}}}\n" >/opt/edge/envoy.yaml
    systemd-run --quiet --unit=edge-envoy --uid=nobody --property=Restart=always /usr/local/bin/envoy -c /opt/edge/envoy.yaml
    for try in $(seq 50); do curl -s -o /dev/null 127.0.0.1:19901/ && break; sleep 0.2; done; systemctl start istio; sleep 8' \
    'systemctl stop edge-envoy; rm -f /dev/shm/envoy_shared_memory_0; systemctl restart istio'
fault envoy-memory-left MX0728 'shared memory of an Envoy that root had run is left' \
    'systemctl stop istio; rm -f /dev/shm/envoy_shared_memory_0; head -c 2000 /dev/zero >/dev/shm/envoy_shared_memory_0
    chmod 0600 /dev/shm/envoy_shared_memory_0; systemctl start istio; sleep 8' \
    'rm -f /dev/shm/envoy_shared_memory_0; systemctl restart istio'
fault programs-elsewhere - 'ISTIO_BIN_BASE names another folder, which has all programs' \
    'keep $settings; mkdir -p /opt/istio/bin
    cp -a /usr/local/bin/{envoy,pilot-agent,istio-start.sh,istio-iptables.sh,istio-clean-iptables.sh} /opt/istio/bin/ 2>/dev/null
    echo ISTIO_BIN_BASE=/opt/istio/bin >>$settings; systemctl restart istio' \
    'back $settings; rm -rf /opt/istio; systemctl restart istio'
fault range-narrowed MX1023 "sidecar.env has a range without the service's address" \
    'keep $settings; echo ISTIO_SERVICE_CIDR=10.63.247.0/24 >>$settings; systemctl restart istio' \
    'back $settings; systemctl restart istio'
fault dropin-other-files MX0939 'a drop-in has the node agent renew files that nobody reads' \
    'mkdir -p /etc/certs/node; cp -p /etc/certs/*.pem /etc/certs/node/; chown istio-proxy:istio-proxy /etc/certs/node
    drop_in istio-auth-node-agent.service "ExecStart=
ExecStart=/usr/local/istio/bin/node_agent --logtostderr --cert-chain /etc/certs/node/cert-chain.pem --key /etc/certs/node/key.pem --root-cert /etc/certs/node/root-cert.pem"' \
    'no_drop_in istio-auth-node-agent.service; rm -rf /etc/certs/node'
fault dropin-role MX0730 'a drop-in starts the agent itself, as an ingress' \
    'drop_in istio.service "ExecStart=
ExecStart=/usr/local/bin/pilot-agent proxy ingress"' 'no_drop_in istio.service'
fault dropin-settings MX0802 'a drop-in names another file of settings, with another range' \
    'printf "ISTIO_SERVICE_CIDR=10.99.0.0/16\n" >/etc/mesh-site.env; drop_in istio.service Environment=ISTIO_SIDECAR_CONFIG=/etc/mesh-site.env; sleep 4' \
    'rm /etc/mesh-site.env; no_drop_in istio.service'
fault default-target MX0251 'the machine boots into another target' \
    'systemctl set-default basic.target' 'systemctl set-default multi-user.target'
fault certificates-append MX0219 '/etc/certs takes new files and lets nobody replace one' \
    'chattr +a /etc/certs; systemctl restart istio-auth-node-agent' 'chattr -a /etc/certs; rm -f /etc/certs/.meshcheck-*; systemctl restart istio-auth-node-agent'
fault dnsmasq-of-others MX0421+MX0426 'a dnsmasq of a virtual network has port 53' \
    'systemctl stop dnsmasq; systemd-run --quiet --unit=virtdns dnsmasq -k --conf-file=/dev/null --listen-address=127.0.0.1 --bind-interfaces --server=10.150.0.1; sleep 1' \
    'systemctl stop virtdns; systemctl start dnsmasq'
fault dropin-read-only MX0217 'a hardening drop-in makes /etc/certs read-only for the node agent' \
    'drop_in istio-auth-node-agent.service ReadOnlyPaths=/etc/certs' \
    'no_drop_in istio-auth-node-agent.service; rm -rf /etc/systemd/system/istio.service.d; systemctl daemon-reload; systemctl restart istio'
fault dropin-protects-proxy MX0217 "a hardening drop-in forgets the proxy's directory among those that the sidecar writes to" \
    'drop_in istio.service "ReadWritePaths=
ReadWritePaths=/var/log/istio"' \
    'no_drop_in istio.service; rm -rf /etc/systemd/system/istio-auth-node-agent.service.d; systemctl daemon-reload; systemctl restart istio-auth-node-agent'
fault dropin-hides-certificates MX0238 'a hardening drop-in hides /etc/certs from the sidecar' \
    'drop_in istio.service InaccessiblePaths=/etc/certs' 'no_drop_in istio.service'
fault dropin-folder MX0228 'a drop-in names a working directory that does not exist' \
    'drop_in istio-auth-node-agent.service WorkingDirectory=/srv/agent' 'no_drop_in istio-auth-node-agent.service'
fault dropin-library MX0226 'a hardening drop-in hides a library from the sidecar' \
    'drop_in istio.service "InaccessiblePaths=$(ldd /usr/local/bin/envoy | awk "/libm.so/ { print \$3 }")"' 'no_drop_in istio.service'
fault dropin-memory MX0224 'a drop-in leaves the node agent 16 MB of memory' \
    'drop_in istio-auth-node-agent.service LimitAS=16M' 'no_drop_in istio-auth-node-agent.service'
fault dropin-descriptors MX0237 'a drop-in leaves the sidecar 12 open files' \
    'drop_in istio.service LimitNOFILE=12' 'no_drop_in istio.service'
fault node-agent-descriptors MX0237 'a drop-in leaves the node agent 8 open files' \
    'drop_in istio-auth-node-agent.service LimitNOFILE=8' 'no_drop_in istio-auth-node-agent.service'
fault limit-hit MX0241 'the service failed so often that systemd has given up, and works now' \
    'mkdir -p /etc/systemd/system/istio-auth-node-agent.service.d
    printf "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n[Service]\nRestartSec=100ms\n" >/etc/systemd/system/istio-auth-node-agent.service.d/fault.conf
    chmod 0644 /usr/local/istio/bin/node_agent; systemctl daemon-reload; systemctl restart istio-auth-node-agent || true
    until systemctl is-failed --quiet istio-auth-node-agent; do sleep 0.2; done; chmod 0755 /usr/local/istio/bin/node_agent' \
    'rm -r /etc/systemd/system/istio-auth-node-agent.service.d; systemctl daemon-reload
    systemctl reset-failed istio-auth-node-agent; systemctl restart istio-auth-node-agent'
fault not-restarted MX0230 'the node agent was killed, and a drop-in forbids to start it again' \
    'drop_in istio-auth-node-agent.service Restart=no; sleep 2; systemctl kill --signal=KILL istio-auth-node-agent' \
    'no_drop_in istio-auth-node-agent.service'

# --- programs

fault agent-not-executable MX0106 'the agent lost its x bit, and the sidecar was restarted' \
    'chmod a-x /usr/local/bin/pilot-agent; systemctl restart --no-block istio' \
    'chmod 0755 /usr/local/bin/pilot-agent; systemctl restart istio'
fault node-agent-not-executable MX0106 'the node agent lost its x bit, and its service was restarted' \
    'chmod a-x /usr/local/istio/bin/node_agent; systemctl restart --no-block istio-auth-node-agent' \
    'chmod 0755 /usr/local/istio/bin/node_agent; systemctl restart istio-auth-node-agent'
fault programs-noexec MX0236 '/usr/local is mounted noexec' \
    'mount --bind /usr/local /usr/local; mount -o remount,noexec,bind /usr/local; systemctl restart --no-block istio istio-auth-node-agent' \
    'umount /usr/local; systemctl restart istio istio-auth-node-agent'
fault script-of-windows MX0105 "an editor has given the start script the line ends of another system" \
    'keep /usr/local/bin/istio-start.sh; sed -i "s/\$/\r/" /usr/local/bin/istio-start.sh; systemctl restart --no-block istio' \
    'back /usr/local/bin/istio-start.sh; systemctl restart istio'
fault program-damaged MX0105 "the node agent's program is damaged" \
    'keep /usr/local/istio/bin/node_agent; systemctl stop istio-auth-node-agent
    printf "\177ELF\002\001\001" >/usr/local/istio/bin/node_agent; systemctl start --no-block istio-auth-node-agent' \
    'back /usr/local/istio/bin/node_agent; systemctl restart istio-auth-node-agent'

# --- the user

fault user-removed MX0110 'the user istio-proxy was removed' \
    'systemctl stop istio istio-auth-node-agent; keep /etc/passwd /etc/group /etc/shadow /etc/gshadow; userdel istio-proxy
    systemctl start --no-block istio istio-auth-node-agent' \
    'back /etc/passwd /etc/group /etc/shadow /etc/gshadow; systemctl restart istio istio-auth-node-agent'
fault user-recreated MX0215 'the user istio-proxy was removed and created again with another number' \
    'keep /etc/passwd /etc/group /etc/shadow /etc/gshadow; userdel --force istio-proxy 2>/dev/null
    groupadd --system --gid 777 istio-proxy; useradd --system --uid 777 --gid 777 --home-dir /var/lib/istio --shell /usr/sbin/nologin istio-proxy
    systemctl restart --no-block istio istio-auth-node-agent' \
    'back /etc/passwd /etc/group /etc/shadow /etc/gshadow; systemctl stop istio istio-auth-node-agent
    chown -R istio-proxy:istio-proxy /etc/certs /var/lib/istio/proxy /var/lib/istio/config /var/log/istio; systemctl start istio istio-auth-node-agent'

# --- what the services write to

fault certificates-read-only MX0216 '/etc/certs is mounted read-only' \
    'mount --bind /etc/certs /etc/certs; mount -o remount,ro,bind /etc/certs; systemctl restart --no-block istio-auth-node-agent' \
    'umount -l /etc/certs; systemctl restart istio-auth-node-agent istio'
fault certificates-full MX0218+MX0647 '/etc/certs is on a small file system in memory, which is full' \
    'small /etc/certs size=1m; fill /etc/certs; systemctl restart --no-block istio-auth-node-agent' \
    'umount -l /etc/certs; systemctl restart istio-auth-node-agent istio'
fault certificates-inodes MX0218+MX0647 '/etc/certs is on a small file system in memory, whose inodes are used up' \
    'small /etc/certs nr_inodes=24; litter /etc/certs; systemctl restart --no-block istio-auth-node-agent' \
    'umount -l /etc/certs; systemctl restart istio-auth-node-agent istio'
fault log-full MX0218 'the file system of the log is full' \
    'small /var/log/istio size=1m; fill /var/log/istio; systemctl restart --no-block istio' \
    'umount -l /var/log/istio; systemctl restart istio'
fault proxy-inodes MX0218 "the inodes of the file system of the proxy's directory are used up" \
    'small /var/lib/istio/proxy nr_inodes=12; litter /var/lib/istio/proxy; systemctl restart --no-block istio' \
    'umount -l /var/lib/istio/proxy; systemctl restart istio'
fault certificates-immutable MX0219 '/etc/certs was made immutable' \
    'chattr +i /etc/certs; systemctl kill --signal=HUP istio-auth-node-agent' \
    'chattr -i /etc/certs; systemctl restart istio-auth-node-agent'
fault certificates-of-root MX0607 '/etc/certs belongs to root' \
    'chown root:root /etc/certs; systemctl restart --no-block istio-auth-node-agent' \
    'chown istio-proxy:istio-proxy /etc/certs; systemctl restart istio-auth-node-agent istio'
fault proxy-of-root MX0219 "the proxy's directory belongs to root" \
    'chown root:root /var/lib/istio/proxy; systemctl restart --no-block istio' \
    'chown istio-proxy:istio-proxy /var/lib/istio/proxy; systemctl restart istio'
fault proxy-missing MX0220 "the proxy's directory was deleted" \
    'systemctl stop istio; rm -r /var/lib/istio/proxy; systemctl start --no-block istio' \
    'install -d -o istio-proxy -g istio-proxy /var/lib/istio/proxy; systemctl restart istio'

# --- processes

fault envoy-stopped MX0720 'a signal has stopped Envoy' 'pkill -STOP -x envoy' 'pkill -CONT -x envoy'
fault agent-stopped MX0720 'a signal has stopped pilot-agent' 'pkill -STOP -x pilot-agent' 'pkill -CONT -x pilot-agent'
fault node-agent-frozen MX0720 'a signal has stopped the node agent' 'pkill -STOP -x node_agent' 'pkill -CONT -x node_agent'
fault sidecar-frozen MX0233 'the control group of the sidecar is frozen' 'systemctl freeze istio' 'systemctl thaw istio'
fault envoy-killed MX0731 'something kills Envoy every few seconds' \
    'systemd-run --quiet --unit=fault-killer sh -c "while sleep 4; do pkill -KILL -x envoy; done"' \
    'systemctl stop fault-killer; systemctl restart istio'
fault node-agent-killed MX0230 'something kills the node agent every few seconds' \
    'systemd-run --quiet --unit=fault-killer sh -c "while sleep 2; do pkill -KILL -x node_agent; done"' \
    'systemctl stop fault-killer; systemctl restart istio-auth-node-agent'
fault admin-port-taken MX0724 "another program has the port of Envoy's administration" \
    'systemctl stop istio; systemd-run --quiet --unit=fault-port nc -l -k 127.0.0.1 15000; systemctl start --no-block istio' \
    'systemctl stop fault-port; systemctl reset-failed; systemctl restart istio'
fault traffic-port-taken MX0713 'another program has the port that traffic is redirected to' \
    'systemctl stop istio; systemd-run --quiet --unit=fault-port nc -l -k 15001; systemctl start --no-block istio' \
    'systemctl stop fault-port; systemctl reset-failed; systemctl restart istio'
fault updates-rejected MX0723 "something on the way rejects Envoy's requests to Pilot, and no others" \
    'iptables -I OUTPUT -p tcp -d 10.150.0.6 --dport 8080 -m owner --uid-owner istio-proxy -m string --algo bm --string /v3/discovery -j REJECT --reject-with tcp-reset' \
    'iptables -D OUTPUT -p tcp -d 10.150.0.6 --dport 8080 -m owner --uid-owner istio-proxy -m string --algo bm --string /v3/discovery -j REJECT --reject-with tcp-reset'

# --- logs: a log that cannot be read is not a failure

fault journal-vacuumed MX0931 'the journal was emptied' \
    'journalctl --quiet --rotate; journalctl --quiet --vacuum-time=1us 2>/dev/null; sleep 2; journalctl --quiet --vacuum-files=1 2>/dev/null' \
    'systemctl restart istio-auth-node-agent'
fault journal-volatile - 'the journal is in memory' \
    'mkdir -p /etc/systemd/journald.conf.d; printf "[Journal]\nStorage=volatile\n" >/etc/systemd/journald.conf.d/fault.conf; systemctl restart systemd-journald' \
    'rm /etc/systemd/journald.conf.d/fault.conf; systemctl restart systemd-journald istio-auth-node-agent'
fault journal-none MX0931 'journald stores nothing' \
    'mkdir -p /etc/systemd/journald.conf.d; printf "[Journal]\nStorage=none\n" >/etc/systemd/journald.conf.d/fault.conf
    systemctl restart systemd-journald istio-auth-node-agent; journalctl --quiet --rotate || true; rm -rf /var/log/journal/* /run/log/journal/*' \
    'rm /etc/systemd/journald.conf.d/fault.conf; systemctl restart systemd-journald istio-auth-node-agent'
fault journal-limited MX0931 'journald takes one message in an hour from the node agent' \
    'drop_in istio-auth-node-agent.service "LogRateLimitIntervalSec=1h
LogRateLimitBurst=1"' 'no_drop_in istio-auth-node-agent.service'
fault journal-namespace - 'the node agent has a journal of its own' \
    'drop_in istio-auth-node-agent.service LogNamespace=mesh' 'no_drop_in istio-auth-node-agent.service'
fault journal-quiet MX0931 'the unit of the node agent keeps errors alone' \
    'drop_in istio-auth-node-agent.service LogLevelMax=err' 'no_drop_in istio-auth-node-agent.service'
fault output-file - "the node agent's output goes to a file" \
    'drop_in istio-auth-node-agent.service StandardError=append:/var/log/node_agent.log' \
    'no_drop_in istio-auth-node-agent.service; rm /var/log/node_agent.log'
fault output-nowhere MX0931 "the node agent's output goes nowhere" \
    'drop_in istio-auth-node-agent.service StandardError=null; sleep 3' 'no_drop_in istio-auth-node-agent.service'
fault log-rotated - "the sidecar's log was rotated" 'logrotate --force /etc/logrotate.d/istio-proxy' 'systemctl restart istio'
fault log-deleted MX0212 "the sidecar's log was deleted while it is written" 'rm /var/log/istio/istio.log' 'systemctl restart istio'
fault log-emptied MX0211 "the sidecar's log was emptied" \
    'keep /var/log/istio/istio.log; : >/var/log/istio/istio.log' 'back /var/log/istio/istio.log; systemctl restart istio'
fault log-of-root MX0239 "the sidecar's log was given to root" \
    'chown root:adm /var/log/istio/istio.log; chmod 0664 /var/log/istio/istio.log' \
    'chown istio-proxy:istio-proxy /var/log/istio/istio.log; chmod 0640 /var/log/istio/istio.log'

# --- after a restart and a reboot

fault sidecar-restarted - 'the sidecar was restarted' 'systemctl restart istio' true

rebooted_fault sidecar-disabled-rebooted MX0205 'the machine was booted without the sidecar, which is disabled' \
    'systemctl disable --quiet istio' 'systemctl enable --quiet --now istio'
rebooted_fault dnsmasq-disabled-rebooted MX0406 'the machine was booted without dnsmasq, which is disabled' \
    'systemctl disable --quiet dnsmasq' 'systemctl enable --quiet --now dnsmasq'
rebooted_fault certificates-lost-rebooted MX0204+MX0647 'the certificates were in memory, and the machine was booted' \
    'cp -a /etc/certs /root/certs; echo "tmpfs /etc/certs tmpfs uid=$(id -u istio-proxy),gid=$(id -g istio-proxy),mode=0750 0 0" >>/etc/fstab' \
    'sed -i "/ .etc.certs tmpfs /d" /etc/fstab; umount -l /etc/certs; rm -rf /root/certs; systemctl daemon-reload; systemctl restart istio-auth-node-agent istio'
rebooted_fault folders-gone-rebooted - "the sidecar's directories were deleted before a reboot, which makes them again" \
    'systemctl stop istio; rm -rf /var/log/istio /var/lib/istio/proxy' ''
rebooted_fault journal-lost-rebooted - 'the journal was in memory, and the machine was booted' \
    'rm -rf /var/log/journal' 'true'

fault envoy-fails-check MX0736 'somebody has told Envoy to fail its health check' \
    'curl -s -o /dev/null -X POST http://127.0.0.1:15000/healthcheck/fail' 'systemctl restart istio'

# --- who stands in the way of the services

fault authority-port-of-agent MX0940 'a drop-in lets the node agent ask the CA at another port' \
    'drop_in istio-auth-node-agent.service "ExecStart=
ExecStart=/usr/local/istio/bin/node_agent --logtostderr --ca-address istio-ca:8061"' 'no_drop_in istio-auth-node-agent.service'
fault group-removed MX0257 'the group istio-proxy is gone from /etc/group' \
    'keep /etc/group /etc/gshadow; sed -i "/^istio-proxy:/d" /etc/group /etc/gshadow; systemctl restart --no-block istio' \
    'back /etc/group /etc/gshadow; chown -R istio-proxy:istio-proxy /etc/certs /var/lib/istio/proxy /var/lib/istio/config /var/log/istio; systemctl reset-failed; systemctl restart istio'
fault shared-memory-closed MX0734 '/dev/shm is for root alone, and the sidecar was restarted' \
    'chmod 0755 /dev/shm; systemctl restart --no-block istio' 'chmod 1777 /dev/shm; systemctl restart istio'
fault shared-memory-later MX0734 '/dev/shm is for root alone, and Envoy runs still' 'chmod 0755 /dev/shm' 'chmod 1777 /dev/shm'
fault services-unknown MX0307 'the settings name a port by a service, and /etc/services is gone' \
    'keep $settings; if test -e /etc/services; then away /etc/services; fi; echo ISTIO_INBOUND_PORTS=mysql >>$settings; systemctl restart --no-block istio' \
    'back $settings; if test -e /root/kept/etc/services; then back /etc/services; fi; systemctl reset-failed; systemctl restart istio'
fault tool-replaced MX0153 'a wrapper of configuration management takes the place of iptables-restore and refuses' \
    'printf "#!/bin/sh\necho the firewall is managed elsewhere >&2\nexit 1\n" >/usr/local/sbin/iptables-restore; chmod 755 /usr/local/sbin/iptables-restore
    systemctl restart --no-block istio' \
    'rm -f /usr/local/sbin/iptables-restore*; systemctl reset-failed; systemctl restart istio'
fault lock-held MX0258 "a process holds the lock of the sidecar's scripts" \
    'setsid nohup flock /run/istio-iptables.lock sleep 3600 >/dev/null 2>&1 </dev/null & echo $! >/run/fault-lock; sleep 1; systemctl restart --no-block istio' \
    'pkill -f "[s]leep 3600" || true; rm -f /run/fault-lock; systemctl reset-failed; systemctl restart istio'
fault lock-held-later MX0258 "a process holds iptables' lock, and the sidecar runs still" \
    'setsid nohup flock /run/xtables.lock sleep 3600 >/dev/null 2>&1 </dev/null & echo $! >/run/fault-lock; sleep 1' \
    'pkill -f "[s]leep 3600" || true; rm -f /run/fault-lock'
fault agent-by-hand MX0735 'somebody has started the sidecar by hand, and the service cannot start beside it' \
    'systemctl stop istio; istio-start.sh init; systemd-run --quiet --unit=fault-agent --uid=istio-proxy /usr/local/bin/istio-start.sh; sleep 6; systemctl start --no-block istio' \
    'systemctl stop fault-agent || true; systemctl reset-failed; systemctl restart istio'
fault dropin-watchdog MX0248 'a drop-in lets systemd wait for a sign of life that the node agent does not give' \
    'drop_in istio-auth-node-agent.service WatchdogSec=15' 'no_drop_in istio-auth-node-agent.service'
fault dnsmasq-without-user MX0406 'the user dnsmasq is gone' \
    'keep /etc/passwd; sed -i "/^dnsmasq:/d" /etc/passwd; systemctl restart dnsmasq || true' \
    'back /etc/passwd; systemctl reset-failed; systemctl restart dnsmasq'

# Only the operator knows the value of an option, what kills a program, or what to delete.
by_hand dropin-option dropin-user dropin-group dropin-other-user dropin-hides-certificates dropin-folder dropin-library \
    dropin-memory dropin-descriptors node-agent-descriptors certificates-full certificates-inodes log-full proxy-inodes \
    admin-port-taken traffic-port-taken updates-rejected journal-none journal-limited \
    journal-quiet output-nowhere log-emptied certificates-lost-rebooted
by_hand dnsmasq-of-others number-shared range-narrowed port-of-connection envoy-of-others
by_hand services-unknown
