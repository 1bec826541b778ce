# shellcheck shell=bash
# Several faults at once: meshcheck must name each independent cause, and nothing that follows from one.

# --- independent faults

combined names-and-key MX0406+MX0608 'dnsmasq was stopped, and everybody can read the key' dnsmasq-stopped key-open
combined service-and-route MX0205+MX0813 'the node agent was stopped, and a route throws packets to pods away' \
    node-agent-stopped route-blackhole
combined disk-and-service MX0206+MX0216 "the node agent's folder is read-only, and the sidecar was masked" \
    certificates-read-only unit-masked
combined log-and-process MX0218+MX0720 "the sidecar's log is on a full file system, and the node agent was stopped by a signal" \
    log-full node-agent-frozen
combined pilot-and-rules MX0501+MX0801 "Pilot's ports are closed, and the rules were flushed" pilot-refuse rules-flushed
combined routes-two MX0813 'a route throws packets to pods away, another forbids those to Mixer' route-blackhole route-prohibit
combined masked-and-expired MX0206+MX0611 'the node agent was masked long ago, and so its certificate has expired' \
    certificate-expired node-agent-masked
combined refused-and-expired MX0601+MX0611 'the CA is away, and the certificate has expired' ca-refuse certificate-expired
combined refused-and-killed MX0601+MX0722 'the CA is away, and something kills Envoy' ca-refuse envoy-killed
combined envoy-and-rules MX0720+MX0801 'Envoy was stopped by a signal, and the rules were flushed' rules-flushed envoy-stopped
combined three-families MX0608+MX0801+MX0234 'everybody can read the key, the rules were flushed, dnsmasq is disabled' \
    key-open rules-flushed dnsmasq-disabled
combined three-others MX0408+MX0640+MX0207 'resolv.conf was rewritten, the chain is reversed, the sidecar is disabled' \
    resolv-conf-rewritten unit-disabled chain-reversed
combined settings-and-boot MX0302+MX0207 'the settings belong to istio-proxy, and the node agent is disabled' \
    settings-writable node-agent-disabled

# --- faults of which one follows from the other, or hides it

combined names-and-renewal MX0406 'dnsmasq was stopped, and the node agent had to renew' dnsmasq-stopped renewal-asked
combined names-and-authority MX0406+MX0901 'the CA was away when it was asked, and dnsmasq is stopped now' \
    ca-refuse-heard dnsmasq-stopped
combined disk-and-authority MX0216+MX0601 'certificates cannot be written, and the CA is away' certificates-read-only ca-refuse
combined killed-and-port MX0724 "another program has the port of Envoy's administration, and Envoy is killed" admin-port-taken envoy-killed
combined unheard-and-denied MX0931 'the CA denies, and what the node agent says goes nowhere' output-nowhere ca-deny
combined pilot-and-restart MX0501 "Pilot's ports are closed, and the sidecar was restarted" pilot-refuse sidecar-restarted
combined names-and-restart MX0406 'dnsmasq was stopped, and the sidecar was restarted' dnsmasq-stopped sidecar-restarted
combined route-and-restart MX0813 'a policy rule takes istio-proxy the way to Pilot, and the sidecar was restarted' \
    route-of-user sidecar-restarted
combined files-and-network MX0243+MX0716 'Envoy may open few files, and the node agent has a network of its own' descriptors-few dropin-private-network
fault range-and-hosts MX0417+MX0412 'the range of services is wrong, and /etc/hosts has an old address of the CA' \
    'keep $settings /etc/hosts; echo ISTIO_SERVICE_CIDR=10.63.0.0/24 >>$settings; echo "10.150.0.99 istio-ca" >>/etc/hosts; systemctl restart istio' \
    'back $settings /etc/hosts; systemctl restart istio'
by_hand files-and-network range-and-hosts
