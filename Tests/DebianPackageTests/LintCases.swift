import Archive

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

extension LintTests {
    private static func plain(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageTree) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.plain, spoil: spoil, line: line)
    }

    private static func proxy(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageTree) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.proxy, spoil: spoil, line: line)
    }

    private static func agent(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageTree) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.nodeAgent, spoil: spoil, line: line)
    }

    private static func image(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageImage) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.plain, spoil: { _ in }, spoilImage: spoil, line: line)
    }

    private static func library(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageTree) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.library, spoil: spoil, line: line)
    }

    private static func asking(_ code: String, line: UInt = #line, _ spoil: @escaping (inout PackageTree) -> Void)
        -> Case
    {
        Case(code: code, base: PackageTree.asking, spoil: spoil, line: line)
    }

    static var cases: [Case] {
        controlCases + entryCases + scriptCases + unitCases + elfCases + libraryCases + debconfCases + formatCases
            + meshCases
    }

    private static var libraryCases: [Case] {
        let folder = "/usr/lib/x86_64-linux-gnu"
        return [
            library("DB0514") { $0.controlFiles["triggers"] = nil },
            library("DB0514") { $0.controlFiles["triggers"] = ("interest-noawait ldconfig\n", 0o644) },
            library("DB0510") { $0.controlFiles["shlibs"] = nil },
            library("DB0510") { $0.controlFiles["shlibs"] = ("libsound 2 libsound1\n", 0o644) },
            library("DB0510") { $0.nodes["/usr/lib/libmore.so.3"] = .file(PackageTree.library("libmore.so.3"), 0o644) },
            library("DB0511") { $0.controlFiles["shlibs"]?.text += "libsound 1 libsound1\n" },
            library("DB0511") { $0.controlFiles["shlibs"]?.text += "libsound\n" },
            plain("DB0511") { $0.controlFiles["shlibs"] = ("libsound 1 sound\n", 0o644) },
            library("DB0512") { $0.nodes[folder + "/libsound.so.1"] = nil },
            library("DB0512") { $0.nodes[folder + "/libsound.so.1"] = .link("libsound.so.1.1") },
            library("DB0513") { $0.controlFiles["symbols"]?.text += " f@Base 1.1\n" },
            plain("DB0513") { $0.controlFiles["symbols"] = ("libsound.so.1 sound\n f@Base 1\n", 0o644) },
        ]
    }

    private static var debconfCases: [Case] {
        [
            asking("DB0132") { $0.controlFiles["templates"]?.text += "Type: boolean\n" },
            asking("DB0132") { $0.controlFiles["templates"] = ("", 0o644) },
            asking("DB0133") {
                $0.controlFiles["config"] = nil
                $0.replaceScript("postinst", "/usr/share/debconf/confmodule", "/dev/null")
            },
            asking("DB0134") { $0.controlFiles["templates"] = nil },
            asking("DB0135") { $0["Depends"] = nil },
            asking("DB0136") { $0.controlFiles["postrm"] = nil },
            asking("DB0137") { $0.replaceScript("postinst", "/usr/share/debconf/confmodule", "/dev/null") },
        ]
    }

    private static let unit = "/lib/systemd/system/sound.service"
    private static let meshUnit = "/lib/systemd/system/istio.service"
    private static let agentUnit = "/lib/systemd/system/istio-auth-node-agent.service"
    private static let start = "/usr/local/bin/istio-start.sh"

    private static var controlCases: [Case] {
        [
            plain("DB0101") { $0["Package"] = "a" },
            plain("DB0101") { $0["Package"] = "Sound" },
            plain("DB0102") { $0["Version"] = nil },
            plain("DB0102") { $0["Version"] = "1.0:" },
            plain("DB0103") { $0["Architecture"] = "any" },
            plain("DB0103") { $0["Architecture"] = nil },
            plain("DB0104") { $0["Maintainer"] = "nobody" },
            plain("DB0104") { $0["Maintainer"] = nil },
            plain("DB0105") { $0["Description"] = nil },
            plain("DB0106") { $0["Built-Using"] = "bazel" },
            plain("DB0106") { $0["Depends"] = "libc6 (>> )" },
            plain("DB0107") { $0["Section"] = "contrib/devel" },
            plain("DB0107") { $0["Section"] = nil },
            plain("DB0107") { $0["Section"] = "networks" },
            plain("DB0108") { $0["Priority"] = "extra" },
            plain("DB0108") { $0["Priority"] = nil },
            plain("DB0108") { $0["Priority"] = "high" },
            plain("DB0109") { $0.installedSize = .some(nil) },
            plain("DB0109") { $0.installedSize = "999999" },
            plain("DB0109") { $0.installedSize = "much" },
            plain("DB0110") { $0.md5sums = "" },
            plain("DB0111") { $0.md5sums = String(repeating: "0", count: 32) + "  usr/bin/sound\n" },
            plain("DB0111") { $0.md5sums = "short  usr/bin/sound\n" },
            plain("DB0111") { $0.md5sums = String(repeating: "0", count: 32) + "  usr/bin/none\n" },
            plain("DB0112") { $0.nodes["/usr/share/doc/sound/copyright"] = nil },
            plain("DB0113") { $0.nodes["/usr/share/doc/sound/changelog.Debian.gz"] = nil },
            plain("DB0114") { $0["Version"] = "1.30.0rc.1" },
            plain("DB0115") { $0.controlFiles["conffiles"] = (" /etc/sound/sound.conf\n", 0o644) },
            plain("DB0115") { $0.controlFiles["conffiles"] = ("/etc/sound/sound.conf", 0o644) },
            plain("DB0115") { $0.controlFiles["conffiles"] = ("/etc/sound/sound.conf\n\n", 0o644) },
            plain("DB0115") {
                $0.controlFiles["conffiles"] = ("/etc/sound/sound.conf\n/etc/sound/sound.conf\n", 0o644)
            },
            plain("DB0116") { $0.controlFiles["conffiles"]?.text += "/etc/sound/none\n" },
            plain("DB0116") { $0.controlFiles["conffiles"]?.text += "/usr/bin/sound-link\n" },
            plain("DB0116") { $0.controlFiles["conffiles"]?.text += "remove-on-upgrade /usr/bin/sound\n" },
            plain("DB0117") { $0.controlFiles["conffiles"] = nil },
            plain("DB0131") { $0["Depends"] = "libc6 (>= 2.34)" },
            plain("DB0118") { $0.replaceScript("postinst", "case", "iptables-restore x\ncase") },
            plain("DB0118") {
                $0.replaceScript("postinst", "case", "useradd --system x\ncase"); $0["Depends"] = "libc6, iproute2"
            },
            plain("DB0119") { $0["Depends"] = "iproute2" },
            plain("DB0120") { $0["Homepage"] = "<example.org>" },
            plain("DB0121") { $0["Description"] = "service that ends.\n Text." },
            plain("DB0121") { $0["Description"] = "sound is a service\n Text." },
            plain("DB0121") { $0["Description"] = String(repeating: "word ", count: 20) + "\n Text." },
            plain("DB0122") { $0["Description"] = "service alone" },
            plain("DB0123") { $0["Recommends"] = "sound" },
            plain("DB0124") { $0["Recommends"] = "curl, curl" },
            plain("DB0125") { $0.controlFiles["triggers"] = ("await /usr/share/x\n", 0o644) },
            plain("DB0126") { $0.controlFiles["notes"] = ("text\n", 0o644) },
            plain("DB0127") { $0["Multi-Arch"] = "perhaps" },
            plain("DB0127") {
                $0["Multi-Arch"] = "same"; $0["Architecture"] = "all"
            },
            plain("DB0128") { $0["Essential"] = "yes" },
            plain("DB0129") { $0.controlFiles["conffiles"]?.mode = 0o755 },
            plain("DB0130") { $0.file("/usr/share/doc/sound/changelog", "text\n") },
            plain("DB0138") { $0.file("/usr/share/man/man1/sound.1", ".TH SOUND 1\n") },
            plain("DB0138") { $0.file("/usr/share/man/de/man1/sound.1", ".TH SOUND 1\n") },
        ]
    }

    private static var entryCases: [Case] {
        [
            plain("DB0201") { $0.file("/usr/share/sound", "x", mode: 0o666) },
            plain("DB0201") { $0.nodes["/var/lib/sound"] = .directory(0o777) },
            plain("DB0202") { $0.nodes["/usr/bin/sound"] = .file(TinyELF().bytes, 0o4755) },
            plain("DB0203") { $0.file("/etc/sound/sound.conf", "key=value\n", mode: 0o755) },
            proxy("DB0203") { $0.file("/var/lib/istio/envoy/sidecar.env", "# ISTIO_INBOUND_PORTS=\n", mode: 0o755) },
            proxy("DB0203") { $0.file("/var/lib/istio/envoy/envoy.json", "{}\n", mode: 0o755) },
            plain("DB0204") { $0.file("/usr/bin/sound-helper", "#!/bin/sh\n", mode: 0o644) },
            plain("DB0205") { $0.file("/usr/local/share/x", "x") },
            plain("DB0206") { $0.nodes["/usr/bin/sound-link"] = .link("/usr/bin/sound") },
            plain("DB0206") { $0.nodes["/usr/bin/sound-link"] = .link("../../etc/sound/sound.conf") },
            plain("DB0207") { $0.nodes["/usr/bin/sound-link"] = .link("none") },
            image("DB0208") { $0.entries.append($0.entries[$0.entries.count - 1]) },
            image("DB0209") { $0.entries[1].owner = Owner(name: "", id: 1000) },
            image("DB0209") { $0.entries[1].group = Owner(name: "", id: 1000) },
            image("DB0210") { $0.entries[1].owner = Owner(name: "sound", id: 999) },
            image("DB0211") { $0.entries[1].modificationTime = 9_999_999_999 },
            plain("DB0213") { $0.file("/run/sound/x", "x") },
            plain("DB0213") { $0.file("/tmp/x", "x") },
            image("DB0214") { $0.entries[1].kind = .other("character device") },
            image("DB0215") { image in
                for index in image.entries.indices where image.entries[index].path == "/etc" {
                    image.entries[index].permissions = 0o700
                }
            },
            plain("DB0216") { $0.file("/usr/share/sound\u{1}x", "x") },
            image("DB0217") { $0.entries.removeAll { $0.path == "/etc/sound" } },
            image("DB0218") { image in
                for index in image.entries.indices where image.entries[index].path == "/etc/sound" {
                    image.entries[index].kind = .symbolicLink(target: "other")
                }
            },
            plain("DB0219") { $0.file("/usr/bin/sound-helper", "echo\n", mode: 0o755) },
            plain("DB0219") { $0.file("/usr/bin/sound-helper", "#!sh\necho\n", mode: 0o755) },
            plain("DB0220") { $0.nodes["/usr/bin/sound-link"] = .link("../../../../x") },
            image("DB0221") { $0.entries[1].kind = .hardLink(target: "./usr/bin/none") },
        ]
    }

    private static var scriptCases: [Case] {
        [
            plain("DB0301") { $0.controlFiles["postinst"]?.mode = 0o644 },
            // dpkg-deb itself takes the write permissions of others away.
            image("DB0301") { image in
                for index in image.controlFiles.indices where image.controlFiles[index].name == "prerm" {
                    image.controlFiles[index].permissions = 0o777
                }
            },
            plain("DB0302") { $0.replaceScript("postinst", "#!/bin/sh\n", "") },
            plain("DB0302") { $0.script("preinst", "") },
            plain("DB0303") { $0.replaceScript("postinst", "set -e\n", "") },
            plain("DB0304") { $0.script("preinst", PackageTree.scriptHead + "mkdir -p /var/lib/sound\n") },
            proxy("DB0304") { $0.script("postinst", PackageTree.scriptHead + "systemctl daemon-reload\n") },
            plain("DB0305") { $0.replaceScript("postinst", "systemctl --system daemon-reload", ":") },
            plain("DB0306") { $0.replaceScript("postinst", "deb-systemd-helper", ":") },
            plain("DB0307") { $0.controlFiles["prerm"] = nil },
            plain("DB0307") { $0.replaceScript("prerm", "invoke stop", "invoke start") },
            plain("DB0308") { $0.replaceScript("postinst", "deb-systemd-invoke start", "systemctl start") },
            plain("DB0309") { $0.replaceScript("postinst", "case", "chown sound.sound /var/lib/sound\ncase") },
            plain("DB0310") { $0.replaceScript("postinst", "case", "chmod 755 /usr/bin/sound\ncase") },
            plain("DB0311") { $0.replaceScript("postinst", "case", "chown -R sound:sound /var/lib/x\ncase") },
            plain("DB0312") { $0.replaceScript("postrm", "rm -rf", "deluser sound\nrm -rf") },
            plain("DB0313") { $0.replaceScript("postrm", "rm -rf", ": ") },
            plain("DB0314") { $0.replaceScript("postinst", "case", "ln -sf /var/lib/istio /etc/istio\ncase") },
            plain("DB0314") { $0.replaceScript("postinst", "case", "ln -s /var/lib/istio /etc/istio\ncase") },
            plain("DB0315") { $0.replaceScript("postrm", "rm -rf", "userdel sound\nrm -rf") },
            plain("DB0316") { $0.replaceScript("postinst", "case", "#DEBHELPER#\ncase") },
            plain("DB0317") { $0.replaceScript("postinst", "#!/bin/sh\n", "#!/bin/sh\r\n") },
            plain("DB0318") { $0.replaceScript("postinst", "case", "curl -O https://example.org\ncase") },
            plain("DB0319") { $0.replaceScript("postrm", "systemctl --system daemon-reload", ":") },
        ]
    }

    private static var unitCases: [Case] {
        [
            plain("DB0401") { $0.replace(in: unit, "[Service]\n", "[Service]\nStartLimitIntervalSec=0\n") },
            proxy("DB0402") { $0.replace(in: meshUnit, "Wants=network-online.target\n", "") },
            proxy("DB0402") { $0.replace(in: meshUnit, "After=network-online.target ", "After=") },
            plain("DB0403") { $0.replace(in: unit, "ExecStart=/usr/bin/sound", "ExecStart=/bin/su sound -c") },
            proxy("DB0403") {
                $0.replace(
                    in: start, "exec /usr/local/bin/pilot-agent proxy",
                    "exec su -s /bin/sh -c 'pilot-agent' istio-proxy")
            },
            proxy("DB0404") { $0.replace(in: meshUnit, "LimitNOFILE=1048576\n", "") },
            proxy("DB0404") { $0.replace(in: meshUnit, "LimitNOFILE=1048576\n", "LimitNOFILE=1024\n") },
            agent("DB0405") { $0.replace(in: agentUnit, "User=istio-proxy\n", "") },
            agent("DB0405") { $0.replace(in: agentUnit, "User=istio-proxy\n", "User=root\n") },
            agent("DB0406") { $0.replace(in: agentUnit, "ProtectSystem=strict\n", "") },
            agent("DB0406") { $0.replace(in: agentUnit, "NoNewPrivileges=yes\n", "") },
            agent("DB0406") { $0.replace(in: agentUnit, "ReadWritePaths=/etc/certs\n", "") },
            agent("DB0406") { $0.replace(in: agentUnit, "PrivateTmp=yes\n", "") },
            plain("DB0407") { $0.nodes["/usr/bin/sound"] = .file(TinyELF().bytes, 0o644) },
            proxy("DB0407") { $0.nodes[start] = nil },
            plain("DB0408") { $0.replace(in: unit, "ExecStart=", "ExecStop=") },
            proxy("DB0409") { $0.replace(in: meshUnit, " dnsmasq.service", "") },
            plain("DB0411") { $0.replace(in: unit, "[Service]\n", "[Service]\nStandardOutput=truncate:/var/log/x\n") },
            plain("DB0412") { $0.replace(in: unit, "[Service]\n", "[Service]\nnonsense\n") },
            plain("DB0413") { $0.replace(in: unit, "ExecStart=/usr/bin/sound", "ExecStart=sound") },
            plain("DB0414") { $0.nodes["/usr/lib/sysusers.d/sound.conf"] = nil },
        ]
    }

    private static func elf(_ change: (inout TinyELF) -> Void) -> PackageTree.Node {
        var elf = TinyELF()
        change(&elf)
        return .file(elf.bytes, 0o755)
    }

    private static var elfCases: [Case] {
        [
            plain("DB0501") { $0.nodes["/usr/bin/sound"] = elf { $0.machine = 183 } },
            plain("DB0501") { $0["Architecture"] = "all" },
            plain("DB0509") { $0.nodes["/usr/lib/sound/arm64.node"] = elf { $0.machine = 183 } },
            plain("DB0502") { $0.nodes["/usr/bin/sound"] = elf { $0.interpreter = "/lib/ld-musl-x86_64.so.1" } },
            plain("DB0502") {
                $0.nodes["/usr/bin/sound"] = elf {
                    $0.interpreter = nil
                    $0.type = 2
                }
            },
            plain("DB0503") { $0.nodes["/usr/bin/sound"] = elf { $0.hasExecutableStack = true } },
            plain("DB0504") {
                $0.nodes["/usr/bin/sound"] = elf {
                    $0.interpreter = nil
                    $0.isDynamic = false
                    $0.type = 2
                    $0.entryPoint = 64
                }
            },
            plain("DB0505") { $0.nodes["/usr/bin/sound"] = elf { $0.isStripped = false } },
            plain("DB0506") { $0.nodes["/usr/bin/sound"] = .file(Array(TinyELF().bytes.prefix(70)), 0o755) },
            plain("DB0507") { $0.nodes["/usr/bin/sound"] = elf { $0.runPath = "/home/me/lib" } },
            plain("DB0508") { $0.nodes["/usr/lib/sound/program"] = .file(TinyELF().bytes, 0o644) },
        ]
    }

    private static var formatCases: [Case] {
        [
            Case(code: "DB0611", base: PackageTree.plain, spoil: { _ in }, compression: ["-Zzstd", "-z1"]),
            image("DB0612") { $0.members[2].compression = "bzip2" },
            Case(code: "DB0613", base: PackageTree.plain, spoil: { _ in }, fileName: "other.deb"),
            image("DB0614") { $0.members.append(.init(name: "_signature", size: 1, compression: "none")) },
            image("DB0615") { $0.skippedTexts = 1 },
        ]
    }

    private static var meshCases: [Case] {
        [
            proxy("DB0701") { $0.file("/var/lib/istio/envoy/cluster.env", "ISTIO_SERVICE_CIDR=10.0.0.0/8\n") },
            proxy("DB0701") { $0.file("/etc/dnsmasq.d/kubedns", "server=/x/1.2.3.4\n") },
            proxy("DB0701") { $0.file("/etc/certs/key.pem", "key\n") },
            proxy("DB0702") { $0["Depends"] = "istio-agent" },
            proxy("DB0702") { $0["Depends"] = "istio-agent (= 1.0)" },
            proxy("DB0702") { $0["Depends"] = "iptables" },
            proxy("DB0703") { $0["Recommends"] = "dnsmasq, bind9-host" },
            proxy("DB0704") { $0["Conflicts"] = nil },
            proxy("DB0704") {
                $0["Conflicts"] = nil; $0["Breaks"] = "istio-sidecar"; $0["Replaces"] = nil
            },
            proxy("DB0705") { $0.replace(in: start, "read_settings", ".") },
            proxy("DB0706") { $0.replace(in: start, ">>/var/log/istio/istio.log", "> /var/log/istio/istio.log") },
            proxy("DB0706") {
                $0.replace(
                    in: start, "exec /usr/local/bin/pilot-agent proxy >>",
                    "exec sh -c 'pilot-agent > $LOG/istio.log'; : >>")
            },
            proxy("DB0707") { $0.nodes["/etc/logrotate.d/istio-proxy"] = nil },
            proxy("DB0708") { $0.replace(in: "/var/lib/istio/envoy/envoy.json", "127.0.0.1", "0.0.0.0") },
            proxy("DB0709") { $0.nodes["/usr/local/bin/envoy"] = nil },
            proxy("DB0709") { $0.nodes["/usr/local/bin/istio-iptables.sh"] = .file(Array("#!/bin/sh\n".utf8), 0o700) },
            proxy("DB0709") { $0.controlFiles["conffiles"] = ("/etc/logrotate.d/istio-proxy\n", 0o644) },
            proxy("DB0710") { $0.replace(in: meshUnit, "RestartSec=10\n", "") },
            proxy("DB0710") { $0.replace(in: meshUnit, "StartLimitIntervalSec=0\n", "") },
            agent("DB0710") { $0.replace(in: agentUnit, " --logtostderr", "") },
            agent("DB0710") { $0.replace(in: agentUnit, "WantedBy=multi-user.target\n", "") },
            agent("DB0711") { $0.nodes["/usr/lib/tmpfiles.d/istio-auth-node-agent.conf"] = nil },
            agent("DB0711") { $0.replace(in: "/usr/lib/tmpfiles.d/istio-auth-node-agent.conf", "0750", "0755") },
            agent("DB0711") {
                $0.replace(in: "/usr/lib/tmpfiles.d/istio-auth-node-agent.conf", "0750 :istio-proxy", "0750 :root")
            },
            proxy("DB0711") { $0.nodes["/etc/certs"] = .directory(0o755) },
            proxy("DB0712") { $0.replaceScript("postrm", "rm -rf ", "rm -rf /etc/certs ") },
            proxy("DB0713") { $0.replace(in: start, "$(hostname)", "$(hostname --ip-address)") },
            proxy("DB0714") { $0.replace(in: start, "POD_NAME", "iptables -t nat -A OUTPUT -j X\nPOD_NAME") },
            proxy("DB0715") { $0.file("/var/lib/istio/envoy/sidecar.env", "# ISTIO_INBOUND_EXCLUDE_PORTS=\n") },
            proxy("DB0717") {
                $0.file("/usr/lib/tmpfiles.d/istio-proxy.conf", "d /var/lib/istio :0755 :istio-proxy :istio-proxy -\n")
            },
            proxy("DB0717") { $0.nodes["/var/lib/istio/envoy"] = .directory(0o775) },
            proxy("DB0717") { $0.replaceScript("postinst", "case", "chown istio-proxy /var/lib/istio/envoy\ncase") },
            proxy("DB0717") {
                $0.replaceScript("postinst", "case", "chown -R istio-proxy:istio-proxy /var/lib/istio\ncase")
            },
            proxy("DB0718") { $0.replace(in: start, "cluster.env", "other.env") },
            proxy("DB0719") { $0.replace(in: "/usr/local/bin/istio-iptables.sh", "IPv6", "It") },
            proxy("DB0721") {
                $0["Package"] = "istio-agent"; $0["Depends"] = "libc6"
            },
        ]
    }
}
