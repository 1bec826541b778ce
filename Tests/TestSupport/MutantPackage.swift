import Foundation
import XCTest

/// A package with something of everything, to be changed by tests.
public enum MutantPackage {
    private static let specification = """
        package: mutant
        summary: package with something of everything
        description: |
          Is changed by tests.
        architectures: [all]
        ship-checks: true
        depends: [libcap2-bin]
        contents:
          - {file: program, to: /usr/bin/mutant, mode: "0755"}
          - {file: program, to: /usr/lib/mutant/as-root, mode: "4755"}
          - {file: program, to: /usr/lib/mutant/as-group, mode: "2755", group: readers}
          - {file: program, to: /usr/lib/mutant/low-port, mode: "0755", capabilities: cap_net_bind_service=ep}
          - {file: data, to: /usr/share/mutant/data}
          - {file: data, to: "/usr/share/mutant/with blank and $dollar"}
          - {file: big, to: /usr/share/mutant/big}
          - {conffile: settings, to: /etc/mutant/settings}
          - {conffile: settings, to: /etc/mutant/secret, mode: "0640"}
          - {directory: /var/lib/mutant, mode: "0750", owner: keeper, group: keeper}
          - {directory: /var/spool/mutant, mode: "1777"}
          - {symlink: /usr/share/mutant/latest, target: data}
          - {symlink: /usr/bin/mutant-alias, target: ../lib/mutant/as-root}
        users: [{name: keeper, groups: [readers], home: /var/lib/mutant}]
        groups: [{name: readers}]
        units:
          - {file: mutant.service, ports: [47123]}
          - {file: mutant-tick.timer}
          - {file: mutant-tick.service, enable: false, start: false}
        sysusers: mutant.sysusers
        tmpfiles: mutant.tmpfiles
        alternatives: [{name: mutation, link: /usr/bin/mutation, path: /usr/bin/mutant, priority: 50}]
        changelog: changelog
        copyright: copyright

        """

    /// What there is to change.
    ///
    /// - Parameter isBooted: whether systemd runs, so that units can be changed too.
    public static func targets(isBooted: Bool) -> MutationTargets {
        var targets = MutationTargets()
        targets.files = [
            "/usr/bin/mutant", "/usr/share/mutant/data", "/usr/share/mutant/with blank and $dollar",
            "/usr/share/mutant/big", "/usr/lib/mutant/low-port", "/usr/lib/sysusers.d/mutant.conf",
            "/lib/systemd/system/mutant.service", "/usr/share/doc/mutant/copyright",
            "/usr/share/meshcheck/packages.d/mutant.yaml",
        ]
        targets.conffiles = ["/etc/mutant/settings", "/etc/mutant/secret"]
        targets.links = ["/usr/share/mutant/latest", "/usr/bin/mutant-alias"]
        targets.directories = [
            "/var/lib/mutant", "/var/spool/mutant", "/usr/share/mutant", "/etc/mutant", "/usr/lib/mutant",
        ]
        targets.setID = ["/usr/lib/mutant/as-root", "/usr/lib/mutant/as-group"]
        targets.capable = ["/usr/lib/mutant/low-port"]
        targets.made = ["/var/cache/mutant", "/var/log/mutant"]
        targets.users = [(name: "keeper", group: "readers"), (name: "walker", group: "readers")]
        targets.groups = ["readers"]
        targets.alternatives = [
            (name: "mutation", link: "/usr/bin/mutation", own: "/usr/bin/mutant", other: "/bin/true")
        ]
        if isBooted {
            targets.units = ["mutant.service", "mutant-tick.timer"]
            targets.listeners = [(unit: "mutant.service", program: "nc")]
        }
        return targets
    }

    /// Builds a version with debbuild, whose path is given, and gives the path of the package.
    public static func build(
        _ version: String, by debbuild: String, in folder: TemporaryDirectory, data: String = "data\n"
    ) throws -> String {
        let place = "mutant-\(version)"
        try folder.file(
            "\(place)/workspace.yaml",
            "version: \(version)\noutput: out\ndefaults: {maintainer: Test Team <team@example.org>, section: misc}\n")
        try folder.file("\(place)/mutant/package.yaml", specification)
        try folder.file("\(place)/mutant/program", "#!/bin/sh\nexec sleep infinity\n", mode: 0o755)
        try folder.file("\(place)/mutant/data", data)
        var generator = SeededGenerator(seed: 7)
        try folder.file("\(place)/mutant/big", bytes: generator.bytes(3 << 20))
        try folder.file("\(place)/mutant/settings", "a = 1\n")
        // The listener is a child, which the unit outlives.
        try folder.file(
            "\(place)/mutant/mutant.service",
            """
            [Unit]
            Description=Changed by tests
            [Service]
            User=walker
            ExecStart=/bin/sh -c 'nc -lk 127.0.0.1 47123 & exec sleep infinity'
            [Install]
            WantedBy=multi-user.target

            """)
        try folder.file(
            "\(place)/mutant/mutant-tick.timer",
            """
            [Unit]
            Description=Changed by tests as well
            [Timer]
            OnBootSec=1h
            [Install]
            WantedBy=timers.target

            """)
        try folder.file(
            "\(place)/mutant/mutant-tick.service",
            "[Unit]\nDescription=Started by a timer\n[Service]\nType=oneshot\nExecStart=/bin/true\n")
        try folder.file(
            "\(place)/mutant/mutant.sysusers", "u walker - \"Walker\"\nm walker readers\n")
        try folder.file(
            "\(place)/mutant/mutant.tmpfiles",
            "d /var/cache/mutant 0750 walker walker -\nd /var/log/mutant :0755 :walker :walker -\n")
        try folder.file(
            "\(place)/mutant/changelog",
            """
            mutant (\(version)) unstable; urgency=medium

              * First.

             -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000

            """)
        try folder.file("\(place)/mutant/copyright", "Format: x\n")
        let built = try run(
            debbuild, ["all", "--workspace", "\(folder.path)/\(place)", "--quiet"],
            environment: ["XDG_CACHE_HOME": folder.path + "/cache"])
        XCTAssertEqual(built.status, 0, built.errors)
        return built.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// What an administrator may do, one after the other, with the words for messages. The second version of the package
    /// lies in the folder of the command.
    public static let liberties: [(words: String, command: String)] = [
        ("with an edited configuration file", "echo b = 2 >>/etc/mutant/settings"),
        (
            "with a file that was diverted",
            "dpkg-divert --local --add --rename --divert /usr/bin/mutant.real /usr/bin/mutant && "
                + "printf '#!/bin/sh\\n' >/usr/bin/mutant && chmod 755 /usr/bin/mutant"
        ),
        (
            "with other modes by dpkg-statoverride",
            "dpkg-statoverride --update --add root walker 0750 /usr/lib/mutant/as-root && "
                + "dpkg-statoverride --update --add walker walker 0700 /var/lib/mutant && "
                + "dpkg-statoverride --update --add root root 0700 /var/log/mutant"
        ),
        ("after an upgrade", "dpkg --force-confold --install mutant_1.1_all.deb"),
        (
            "with a choice that another package's priority makes",
            "update-alternatives --install /usr/bin/mutation mutation /bin/true 90"
        ),
        (
            "with files that dpkg was told to leave out",
            "echo 'path-exclude=/usr/share/doc/*' >/etc/dpkg/dpkg.cfg.d/no-documents && rm -r /usr/share/doc/mutant"
        ),
    ]

    /// The commands that make a folder with packages a source of apt's, the only one: so a package can be reinstalled.
    public static func source(_ folder: String) -> String {
        """
        set -e; cd \(folder)
        for file in *.deb; do
            dpkg-deb --field "$file"
            printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" \
                "$(sha256sum <"$file" | cut -c 1-64)"
        done >Packages
        rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*
        echo 'deb [trusted=yes] file:\(folder) ./' >/etc/apt/sources.list.d/mutants.list
        printf 'APT::Get::Assume-Yes "true";\nAPT::Sandbox::User "root";\n' >/etc/apt/apt.conf.d/90yes
        apt-get update --quiet --quiet
        """
    }

    /// Whether a machine is as its packages were built.
    public static func assertQuiet(
        _ shell: MachineShell, _ what: String, file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let result = try shell(look)
        let report = try MutationReport.of(result)
        XCTAssertEqual(report.story, "", what, file: file, line: line)
        XCTAssertEqual(result.status, 0, what, file: file, line: line)
    }

    /// The command that looks.
    public static let look = "meshcheck run --tag installed-packages --format json"
    /// The seeds of the test: one by default, three with `SLOW_TESTS`, `FUZZ_SEED` alone where it is set.
    public static var seeds: [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["FUZZ_SEED"].flatMap(UInt64.init) { return [seed] }
        return environment["SLOW_TESTS"] == "1" ? [1, 2, 3] : [1]
    }
}
