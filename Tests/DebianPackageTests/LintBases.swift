/// Sound packages: lint finds nothing in them, and a test spoils one thing at a time.
extension PackageTree {
    static let scriptHead = "#!/bin/sh\nset -e\n"

    /// A program with a script, a unit, a conffile and a log.
    static func plain() -> PackageTree {
        var tree = PackageTree()
        tree.fields = [
            ("Package", "sound"), ("Version", "1.2.3-1"), ("Architecture", "amd64"),
            ("Maintainer", "A Person <person@example.org>"), ("Section", "net"), ("Priority", "optional"),
            ("Homepage", "https://example.org/sound"), ("Depends", "libc6 (>= 2.34), iproute2, passwd"),
            ("Description", "service for the tests of lint\n Long enough to be read."),
        ]
        tree.nodes["/usr/bin/sound"] = .file(TinyELF().bytes, 0o755)
        tree.file("/usr/bin/sound-helper", "#!/bin/sh\nset -e\nip route show\n", mode: 0o755)
        tree.nodes["/usr/bin/sound-link"] = .link("sound")
        tree.file("/etc/sound/sound.conf", "key=value\n")
        tree.file("/etc/logrotate.d/sound", "/var/log/sound/*.log {\n    weekly\n}\n")
        tree.file("/usr/share/doc/sound/copyright", "Licence: Apache-2.0\n")
        tree.nodes["/usr/share/doc/sound/changelog.Debian.gz"] = .file([0x1f, 0x8b, 8, 0, 0, 0], 0o644)
        tree.file(
            "/lib/systemd/system/sound.service",
            """
            [Unit]
            Description=Sound
            After=network-online.target
            StartLimitIntervalSec=0

            [Service]
            ExecStart=/usr/bin/sound --flag \\
                --other
            User=sound
            Restart=always

            [Install]
            WantedBy=multi-user.target

            """)
        tree.file("/usr/lib/sysusers.d/sound.conf", "u sound - \"Sound\" /var/lib/sound\n")
        tree.file("/usr/lib/tmpfiles.d/sound.conf", "d /var/log/sound 0750 sound sound\n")
        tree.controlFiles["conffiles"] = ("/etc/logrotate.d/sound\n/etc/sound/sound.conf\n", 0o644)
        tree.addServiceScripts(unit: "sound.service", log: "/var/log/sound")
        return tree
    }

    /// istio-proxy as the contract has it.
    static func proxy() -> PackageTree {
        var tree = PackageTree()
        tree.fields = [
            ("Package", "istio-proxy"), ("Version", "1.30.0"), ("Architecture", "amd64"),
            ("Maintainer", "The Istio Authors <istio-dev@googlegroups.com>"), ("Section", "net"),
            ("Priority", "optional"), ("Homepage", "https://istio.io"),
            (
                "Depends",
                "istio-agent (= 1.30.0), libc6 (>= 2.34), iptables, iproute2, hostname, ca-certificates, passwd"
            ),
            ("Recommends", "istio-auth-node-agent, dnsmasq, bind9-host"), ("Conflicts", "istio-sidecar"),
            ("Replaces", "istio-sidecar"), ("Description", "sidecar of a mesh\n Envoy with its scripts."),
        ]
        tree.nodes["/usr/local/bin/envoy"] = .file(TinyELF().bytes, 0o755)
        tree.file(
            "/usr/local/bin/istio-start.sh",
            """
            #!/bin/sh
            set -e
            # Reads cluster.env before sidecar.env, line by line.
            read_settings /var/lib/istio/envoy/cluster.env
            read_settings /var/lib/istio/envoy/sidecar.env
            POD_NAME=$(hostname)
            exec /usr/local/bin/pilot-agent proxy >>/var/log/istio/istio.log 2>&1

            """, mode: 0o755)
        tree.file(
            "/usr/local/bin/istio-iptables.sh",
            """
            #!/bin/sh
            set -e
            # IPv6 is left alone.
            : "${ISTIO_SERVICE_CIDR:=}" "${ISTIO_INBOUND_PORTS:=}"
            iptables-restore --noflush --wait <<EOF
            *nat
            iptables -A looks like a command and is data
            COMMIT
            EOF

            """, mode: 0o755)
        tree.file(
            "/var/lib/istio/envoy/envoy.json",
            """
            {"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}},
             "static_resources": {"listeners": [{"address": "0.0.0.0"}]}}

            """)
        tree.file("/var/lib/istio/envoy/sidecar.env", "# ISTIO_INBOUND_PORTS=\n# ISTIO_SERVICE_CIDR=\n")
        tree.file("/etc/logrotate.d/istio-proxy", "/var/log/istio/*.log {\n    copytruncate\n}\n")
        tree.file("/usr/lib/sysusers.d/istio-proxy.conf", "u istio-proxy - \"Mesh\" /var/lib/istio\n")
        tree.file(
            "/usr/lib/tmpfiles.d/istio-proxy.conf",
            """
            d /var/lib/istio :0755 :root :root -
            d /var/log/istio 0750 istio-proxy istio-proxy
            d /etc/certs 0750 istio-proxy istio-proxy

            """
        )
        tree.file(
            "/lib/systemd/system/istio.service",
            """
            [Unit]
            Description=Sidecar
            Wants=network-online.target
            After=network-online.target nss-lookup.target dnsmasq.service istio-auth-node-agent.service
            StartLimitIntervalSec=0

            [Service]
            User=istio-proxy
            ExecStart=/usr/local/bin/istio-start.sh
            Restart=always
            RestartSec=10
            LimitNOFILE=1048576

            [Install]
            WantedBy=multi-user.target

            """)
        tree.addDocumentation("istio-proxy")
        tree.controlFiles["conffiles"] = (
            "/etc/logrotate.d/istio-proxy\n/var/lib/istio/envoy/sidecar.env\n", 0o644
        )
        tree.addServiceScripts(unit: "istio.service", log: "/var/log/istio")
        return tree
    }

    /// istio-auth-node-agent as the contract has it.
    static func nodeAgent() -> PackageTree {
        var tree = PackageTree()
        tree.fields = [
            ("Package", "istio-auth-node-agent"), ("Version", "1.30.0"), ("Architecture", "amd64"),
            ("Maintainer", "The Istio Authors <istio-dev@googlegroups.com>"), ("Section", "net"),
            ("Priority", "optional"), ("Depends", "libc6, passwd"),
            ("Description", "renews certificates of a mesh\n Speaks to the CA."),
        ]
        tree.nodes["/usr/local/istio/bin/node_agent"] = .file(TinyELF().bytes, 0o755)
        tree.file("/usr/lib/sysusers.d/istio-auth-node-agent.conf", "u istio-proxy - \"Mesh\" /var/lib/istio\n")
        tree.file("/usr/lib/tmpfiles.d/istio-auth-node-agent.conf", "d /etc/certs :0750 :istio-proxy :istio-proxy -\n")
        tree.file(
            "/lib/systemd/system/istio-auth-node-agent.service",
            """
            [Unit]
            Description=Node agent
            Wants=network-online.target
            After=network-online.target
            StartLimitIntervalSec=0

            [Service]
            User=istio-proxy
            ExecStart=/usr/local/istio/bin/node_agent --logtostderr
            Restart=always
            RestartSec=10
            NoNewPrivileges=yes
            ProtectSystem=strict
            ReadWritePaths=/etc/certs
            PrivateTmp=yes

            [Install]
            WantedBy=multi-user.target

            """)
        tree.addDocumentation("istio-auth-node-agent")
        tree.addServiceScripts(unit: "istio-auth-node-agent.service", log: nil)
        return tree
    }

    /// A shared library for everybody.
    static func library() -> PackageTree {
        var tree = PackageTree()
        tree.fields = [
            ("Package", "libsound1"), ("Version", "1.2.3-1"), ("Architecture", "amd64"),
            ("Maintainer", "A Person <person@example.org>"), ("Section", "libs"), ("Priority", "optional"),
            ("Depends", "libc6 (>= 2.34)"), ("Multi-Arch", "same"), ("Description", "library of sounds\n For tests."),
        ]
        let folder = "/usr/lib/x86_64-linux-gnu"
        tree.nodes[folder + "/libsound.so.1.2"] = .file(library("libsound.so.1"), 0o644)
        tree.nodes[folder + "/libsound.so.1"] = .link("libsound.so.1.2")
        // Nobody else needs the first, and the second is a plugin.
        tree.nodes[folder + "/sound/libprivate.so.2"] = .file(library("libprivate.so.2"), 0o644)
        tree.nodes[folder + "/libnss_sound.so.2"] = .file(library("libnss_sound.so.2"), 0o644)
        tree.controlFiles["triggers"] = ("# by hand\nactivate-noawait ldconfig\n", 0o644)
        tree.controlFiles["shlibs"] = ("libsound 1 libsound1 (>= 1.2)\nudeb: libsound 1 libsound1-udeb\n", 0o644)
        tree.controlFiles["symbols"] = ("libsound.so.1 libsound1 #MINVER#\n f@Base 1.0\n", 0o644)
        tree.addDocumentation("libsound1")
        return tree
    }

    static func library(_ soname: String) -> [UInt8] { TinyELF(interpreter: nil, soname: soname).bytes }

    /// A package that asks a question.
    static func asking() -> PackageTree {
        var tree = PackageTree()
        tree.fields = [
            ("Package", "asking"), ("Version", "1.2.3-1"), ("Architecture", "all"),
            ("Maintainer", "A Person <person@example.org>"), ("Section", "misc"), ("Priority", "optional"),
            ("Depends", "debconf (>= 0.5) | debconf-2.0"), ("Description", "package that asks\n For tests."),
        ]
        let module = ". /usr/share/debconf/confmodule\n"
        tree.controlFiles["templates"] = ("Template: asking/sure\nType: boolean\nDescription: Sure?\n", 0o644)
        tree.script("config", scriptHead + module + "db_input high asking/sure || true\ndb_go || true\n")
        tree.script("postinst", scriptHead + module + "if [ \"$1\" = configure ]; then db_get asking/sure; fi\n")
        tree.script("postrm", scriptHead + "if [ \"$1\" = purge ]; then\n    " + module + "    db_purge\nfi\n")
        tree.addDocumentation("asking")
        return tree
    }

    private mutating func addDocumentation(_ package: String) {
        file("/usr/share/doc/\(package)/copyright", "Licence: Apache-2.0\n")
        nodes["/usr/share/doc/\(package)/changelog.gz"] = .file([0x1f, 0x8b, 8, 0, 0, 0], 0o644)
    }

    /// Maintainer scripts that do what Policy wants of a package with a service.
    private mutating func addServiceScripts(unit: String, log: String?) {
        script(
            "postinst",
            Self.scriptHead + """
                case "$1" in
                configure|abort-upgrade|abort-deconfigure|abort-remove)
                    if command -v systemd-sysusers >/dev/null 2>&1; then
                        systemd-sysusers sound.conf
                    fi
                    if command -v deb-systemd-helper >/dev/null; then
                        deb-systemd-helper unmask '\(unit)' >/dev/null || true
                        if deb-systemd-helper --quiet was-enabled '\(unit)'; then
                            deb-systemd-helper enable '\(unit)' >/dev/null || true
                        fi
                    fi
                    if [ -d /run/systemd/system ]; then
                        systemctl --system daemon-reload >/dev/null || true
                        deb-systemd-invoke start '\(unit)' >/dev/null || true
                    fi
                    ;;
                esac

                """)
        script(
            "prerm",
            Self.scriptHead + """
                if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                    deb-systemd-invoke stop '\(unit)' >/dev/null || true
                fi

                """)
        script(
            "postrm",
            Self.scriptHead + """
                if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                    systemctl --system daemon-reload >/dev/null || true
                fi
                if [ "$1" = purge ]; then
                    rm -rf \(log ?? "/var/lib/istio/proxy")
                fi

                """)
    }
}
