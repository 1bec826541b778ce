# shellcheck shell=bash
# Faults of certificates: odd files instead of the machine's own, and what the CA and the agents do with them.

fault key-linked-home MX0238 'the key is a link into /home, which the service does not see' \
    'mkdir -p /home/vault; chmod 755 /home/vault; mv /etc/certs/key.pem /home/vault/; ln -s /home/vault/key.pem /etc/certs/key.pem; systemctl restart istio-auth-node-agent istio' \
    'test ! -L /etc/certs/key.pem || mv -T /home/vault/key.pem /etc/certs/key.pem; rm -rf /home/vault; systemctl restart istio-auth-node-agent istio'
fault chain-immutable MX0909 'nobody can replace the chain of certificates (chattr +i)' \
    'chattr +i /etc/certs/cert-chain.pem; systemctl restart istio-auth-node-agent' \
    'chattr -i /etc/certs/cert-chain.pem; systemctl restart istio-auth-node-agent'
rebooted_fault certs-in-memory MX0649 'a line of fstab mounts a file system in memory over the certificates' \
    'keep /etc/fstab; echo "tmpfs /etc/certs tmpfs mode=0750,uid=$(id -u istio-proxy),gid=$(id -g istio-proxy) 0 0" >>/etc/fstab' \
    'umount /etc/certs 2>/dev/null || true; back /etc/fstab; systemctl daemon-reload; systemctl restart istio-auth-node-agent istio'

certificate_fault chain-reversed MX0640 "the CA's certificate comes before the machine's"
certificate_fault chain-short MX0641 'the intermediate certificate was not copied'
certificate_fault trust-domain-of-another MX0645 'the certificate is of another trust domain'
certificate_fault usage-of-servers MX0644 'the certificate is for servers alone'
certificate_fault usage-of-code MX0644 'the certificate is for signing programs'
certificate_fault identities-two MX0634 'the certificate names two identities'
certificate_fault key-encrypted MX0642 'the key has a pass phrase'
certificate_fault key-binary MX0643 'the key was copied in DER'
certificate_fault key-encoded MX0643 "the key is still in the secret's base64"
certificate_fault key-empty MX0643 'the key is empty'
certificate_fault key-below MX0617 'the key has 768 bits'
certificate_fault chain-cut MX0623 'the chain was cut off while it was copied'
certificate_fault chain-empty MX0623 'the chain is empty'
certificate_fault root-changed MX0610 'the root is that of another cluster'
certificate_fault root-expired MX0618 'the root has expired'
certificate_fault root-of-machine MX0618 "the machine's own certificate was copied as the root"
certificate_fault root-soon MX0619 'the root ends within days'
certificate_fault certificate-soon MX0613 'the certificate ends in a few minutes'

# Unusual, but it works.
certificate_fault root-two - 'a second root is in the file, for the day when the root is changed'
certificate_fault chain-with-root - 'the chain has the root at its end'
certificate_fault chain-with-another - 'the chain has a certificate at its end that nobody needs'
certificate_fault pem-commented - 'the files have comments, as openssl writes them'
certificate_fault pem-of-windows - 'the files have the line ends of another system'
certificate_fault pem-blank - 'the files have blank lines at their ends'
certificate_fault key-traditional - 'the key is in the older form of PEM'
certificate_fault key-large - 'the node agent was started with a key of 4096 bits'
certificate_fault key-curve-larger - 'the node agent was started with a key of the curve P-384'
for name in key-large key-curve-larger; do fault_on[$name]='systemctl restart istio-auth-node-agent'; done

# The same with the agents restarted: what they log follows from the files.
for name in certificate-expired key-of-another key-encrypted chain-reversed root-changed; do
    certificate_fault "$name-restarted" "${fault_code[$name]}" "${fault_words[$name]}, and the agents were restarted"
    fault_on[$name-restarted]='systemctl restart --no-block istio-auth-node-agent istio'
    fault_files[$name-restarted]=$name
done
fault renewal-asked - "the node agent was told to renew at once" \
    "systemctl kill --signal=HUP istio-auth-node-agent; sleep 2" true
fault certificates-missing-restarted MX0204 'the chain was deleted, and the node agent was restarted' \
    'away /etc/certs/cert-chain.pem; systemctl restart istio-auth-node-agent' \
    'back /etc/certs/cert-chain.pem; systemctl restart istio-auth-node-agent istio'
by_hand certificates-missing-restarted
as_printed chain-reversed chain-reversed-restarted

# --- the CA over time: nothing from before the last success counts

steps_fault ca-refuse-heard MX0601 'the CA is away, and the node agent has noticed' \
    'ca-refuse on refused' 'ca-refuse off approved successfully'
steps_fault ca-refuse-then-deny MX0906 'the CA was away, came back and approved; now it denies' \
    'ca-refuse on refused, ca-refuse off approved successfully, ca-deny on not approved' 'ca-deny off approved successfully'
steps_fault ca-deny-then-refuse MX0601 'the CA denied, approved, and is away now' \
    'ca-deny on not approved, ca-deny off approved successfully, ca-refuse on refused' 'ca-refuse off approved successfully'
steps_fault ca-refuse-over MX0933 'the CA was away; the node agent waits for its next attempt' \
    'ca-refuse on refused, ca-refuse off' 'ca-refuse off approved successfully'
steps_fault ca-refuse-renewed - 'the CA was away, came back and approved' \
    'ca-refuse on refused, ca-refuse off approved successfully' ''
steps_fault ca-deny-renewed - 'the CA denied, and then approved' \
    'ca-deny on not approved, ca-deny off approved successfully' ''
steps_fault ca-new-root-renewed - 'the CA has a new root, with which the node agent has renewed' \
    'ca-new-root on approved successfully' 'ca-new-root off approved successfully'
as_printed ca-refuse-over

# take_steps VM STEPS: steps `FAULT on|off [WORDS]`, separated by commas.
take_steps() {
    local fault state words
    while read -r fault state words; do
        if [[ -z $fault ]]; then continue; fi
        mesh_lab fault "$fault" "$state" --state "$lab_run/state"
        if [[ -n $words ]]; then renew "$1" "$words"; fi
    done < <(tr ',' '\n' <<<"$2")
}

# renew VM WORDS: tells the node agent to renew, and waits until it logs the words.
renew() {
    on_machine "$1" bash -s -- "'$2'" <<'END'
mark=$(journalctl --quiet --unit istio-auth-node-agent --lines=1 --show-cursor --output=cat | sed -n 's/^-- cursor: //p')
systemctl kill --signal=HUP istio-auth-node-agent
for ((tries = 0; tries < 150; tries++)); do
    if journalctl --quiet --unit istio-auth-node-agent --after-cursor="$mark" --output=cat | grep -q -- "$1"; then exit 0; fi
    sleep 0.2
done
echo "the node agent does not say '$1'" >&2
exit 1
END
}

# --- the files

# odd_certificate VM NAME FOLDER: makes the files that replace the machine's.
odd_certificate() {
    rm -rf -- "$3"
    mkdir -p -m 700 -- "$3/ca"
    cp -- "$lab_run/machines/$1/before"/*.pem "$3/"
    edited_files "$2" "$3" || issued_files "$2" "$3"
}

# files_of_another FOLDER: makes the files of a machine of another cluster.
files_of_another() {
    mesh_lab issue --state "$1/other" --service-account default --namespace default --out "$1/another" >&2
}

# edited_files NAME FOLDER: makes files that need no new certificate; fails for other names.
edited_files() {
    local folder=$2 authority=$lab_run/state/ca file first=$2/ca/first rest=$2/ca/rest
    # The machine's own certificate, and those behind it.
    awk '/BEGIN CERT/ { n++ } n == 1' "$folder/cert-chain.pem" >"$first"
    awk '/BEGIN CERT/ { n++ } n > 1' "$folder/cert-chain.pem" >"$rest"
    case $1 in
        key-of-another)
            openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.pem" 2>/dev/null
            ;;
        root-of-another)
            files_of_another "$folder"
            cp -- "$folder/another/key.pem" "$folder/another/cert-chain.pem" "$folder/"
            ;;
        root-changed)
            files_of_another "$folder"
            cp -- "$folder/another/root-cert.pem" "$folder/"
            ;;
        root-two)
            files_of_another "$folder"
            cat -- "$folder/another/root-cert.pem" >>"$folder/root-cert.pem"
            ;;
        root-of-machine) cp -- "$first" "$folder/root-cert.pem" ;;
        certificate-of-authority)
            cat -- "$authority/intermediate.pem" "$authority/root.pem" >"$folder/cert-chain.pem"
            cp -- "$authority/intermediate.key.pem" "$folder/key.pem"
            ;;
        chain-reversed) cat -- "$rest" "$first" >"$folder/cert-chain.pem" ;;
        chain-short) cp -- "$first" "$folder/cert-chain.pem" ;;
        chain-cut) head -c 600 -- "$first" >"$folder/cert-chain.pem" ;;
        chain-empty) : >"$folder/cert-chain.pem" ;;
        chain-with-root) cat -- "$folder/root-cert.pem" >>"$folder/cert-chain.pem" ;;
        chain-with-another)
            files_of_another "$folder"
            cat -- "$folder/another/root-cert.pem" >>"$folder/cert-chain.pem"
            ;;
        pem-commented)
            for file in cert-chain root-cert; do
                openssl crl2pkcs7 -nocrl -certfile "$folder/$file.pem" |
                    openssl pkcs7 -print_certs -text >"$folder/ca/commented"
                cp -- "$folder/ca/commented" "$folder/$file.pem"
            done
            printf 'friendlyName: key of the machine\nKey Attributes: <No Attributes>\n' | cat - "$folder/key.pem" >"$folder/ca/commented"
            cp -- "$folder/ca/commented" "$folder/key.pem"
            ;;
        pem-of-windows) sed -i 's/$/\r/' "$folder/cert-chain.pem" "$folder/root-cert.pem" "$folder/key.pem" ;;
        pem-blank) for file in "$folder"/*.pem; do printf '\n  \n\n' >>"$file"; done ;;
        key-encrypted)
            openssl pkey -in "$folder/key.pem" -aes256 -passout pass:mesh -out "$folder/ca/key"
            cp -- "$folder/ca/key" "$folder/key.pem"
            ;;
        key-binary)
            openssl pkey -in "$folder/key.pem" -outform DER -out "$folder/ca/key"
            cp -- "$folder/ca/key" "$folder/key.pem"
            ;;
        key-encoded)
            base64 --wrap=0 "$folder/key.pem" >"$folder/ca/key"
            cp -- "$folder/ca/key" "$folder/key.pem"
            ;;
        key-traditional)
            openssl pkey -in "$folder/key.pem" -traditional -out "$folder/ca/key"
            cp -- "$folder/ca/key" "$folder/key.pem"
            ;;
        key-empty) : >"$folder/key.pem" ;;
        root-expired) self_signed_root "$folder" 20260101000000Z 20260201000000Z ;;
        root-soon) self_signed_root "$folder" 20260101000000Z "$(date --utc --date='5 days' +%Y%m%d%H%M%SZ)" ;;
        *) return 1 ;;
    esac
}

# ca_configuration FOLDER EXTENSION...: for 'openssl ca'.
ca_configuration() {
    local folder=$1
    shift
    cat >"$folder/ca/ca.cnf" <<END
[ca]
default_ca = authority
[authority]
database = $folder/ca/index
new_certs_dir = $folder/ca
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
organizationName = optional
commonName = optional
[extensions]
$(printf '%s\n' "$@")
END
    : >"$folder/ca/index"
}

# self_signed_root FOLDER FROM UNTIL: makes the mesh's root with other dates.
self_signed_root() {
    local authority=$lab_run/state/ca
    ca_configuration "$1" 'basicConstraints = critical, CA:TRUE, pathlen:1' 'keyUsage = critical, keyCertSign, cRLSign' \
        'subjectKeyIdentifier = hash'
    openssl x509 -x509toreq -in "$authority/root.pem" -signkey "$authority/root.key.pem" -out "$1/ca/request.pem" 2>/dev/null
    openssl ca -batch -config "$1/ca/ca.cnf" -notext -preserveDN -selfsign -startdate "$2" -enddate "$3" \
        -keyfile "$authority/root.key.pem" -in "$1/ca/request.pem" -out "$1/root-cert.pem" 2>/dev/null
}

# issued_files NAME FOLDER: makes an odd certificate of the mesh's CA.
issued_files() {
    local folder=$2 from=20260101000000Z until=20360101000000Z authority=$lab_run/state/ca
    local identity=subjectAltName=URI:spiffe://cluster.local/ns/default/sa/default usage='clientAuth, serverAuth'
    local -a key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
    case $1 in
        certificate-expired) until=20260201000000Z ;;
        certificate-early) from=20351201000000Z ;;
        certificate-soon)
            from=$(date --utc --date='57 minutes ago' +%Y%m%d%H%M%SZ)
            until=$(date --utc --date='5 minutes' +%Y%m%d%H%M%SZ)
            ;;
        certificate-of-another) identity=${identity/ns\/default/ns\/elsewhere} ;;
        certificate-nameless) identity= ;;
        trust-domain-of-another) identity=${identity/cluster.local/other.example} ;;
        identities-two) identity+=,URI:spiffe://cluster.local/ns/default/sa/another ;;
        usage-of-servers) usage=serverAuth ;;
        usage-of-code) usage=codeSigning ;;
        key-small) key=(-newkey rsa:1024) ;;
        key-below) key=(-newkey rsa:768) ;;
        key-large) key=(-newkey rsa:4096) ;;
        key-curve-larger) key=(-newkey ec -pkeyopt ec_paramgen_curve:P-384) ;;
        *) fail 70 "no files for fault '$1'" ;;
    esac
    ca_configuration "$folder" 'basicConstraints = critical, CA:FALSE' 'keyUsage = critical, digitalSignature, keyEncipherment' \
        "extendedKeyUsage = $usage" "$identity"
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
        # A running node agent would fix or reject the files; a machine that comes back has none.
        mkdir -p -m 700 -- "$folder/before"
        for file in root-cert.pem cert-chain.pem key.pem; do
            (umask 077 && on_machine "$name" "cat /etc/certs/$file" </dev/null >"$folder/before/$file")
        done
        odd_certificate "$name" "${fault_files[$2]:-$2}" "$folder/odd"
        certificates_back "$name" "$folder/odd"
    else
        certificates_back "$name" "$folder/before"
        on_machine "$name" systemctl restart istio-auth-node-agent istio </dev/null
    fi
}
