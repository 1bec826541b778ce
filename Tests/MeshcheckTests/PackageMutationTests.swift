import Foundation
import TestSupport
import XCTest

/// A package that brings its own checks, installed by a real dpkg: whatever is changed of it is named, and what an
/// administrator may do is not.
final class PackageMutationTests: XCTestCase {
    private static let look = "meshcheck run --tag installed-packages --format json"

    /// A package with something of everything.
    private static let specification = """
        package: mutant
        summary: package with something of everything
        description: |
          Is changed by tests.
        architectures: [all]
        ship-checks: true
        contents:
          - {file: program, to: /usr/bin/mutant, mode: "0755"}
          - {file: program, to: /usr/lib/mutant/as-root, mode: "4755"}
          - {file: program, to: /usr/lib/mutant/as-group, mode: "2755", group: mutant-readers}
          - {file: program, to: /usr/lib/mutant/low-port, mode: "0755", capabilities: cap_net_bind_service=ep}
          - {file: data, to: /usr/share/mutant/data}
          - {file: data, to: "/usr/share/mutant/with blank and $dollar"}
          - {file: big, to: /usr/share/mutant/big}
          - {conffile: settings, to: /etc/mutant/settings}
          - {conffile: settings, to: /etc/mutant/secret, mode: "0640"}
          - {directory: /var/lib/mutant, mode: "0750"}
          - {directory: /var/spool/mutant, mode: "1777"}
          - {symlink: /usr/share/mutant/latest, target: data}
          - {symlink: /usr/bin/mutant-alias, target: ../lib/mutant/as-root}
        units: [{file: mutant.service, ports: [47123]}]
        sysusers: mutant.sysusers
        tmpfiles: mutant.tmpfiles
        alternatives: [{name: mutation, link: /usr/bin/mutation, path: /usr/bin/mutant, priority: 50}]
        changelog: changelog
        copyright: copyright

        """

    static let targets: MutationTargets = {
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
        targets.users = ["mutant"]
        targets.groups = ["mutant-readers"]
        targets.alternatives = [(name: "mutation", link: "/usr/bin/mutation", other: "/bin/true")]
        return targets
    }()

    /// Builds a version and gives its path.
    private func build(_ version: String, in folder: TemporaryDirectory, data: String = "data\n") throws -> String {
        let place = "mutant-\(version)"
        try folder.file(
            "\(place)/workspace.yaml",
            "version: \(version)\noutput: out\ndefaults: {maintainer: Test Team <team@example.org>, section: misc}\n")
        try folder.file("\(place)/mutant/package.yaml", Self.specification)
        try folder.file("\(place)/mutant/program", "#!/bin/sh\nexec sleep infinity\n", mode: 0o755)
        try folder.file("\(place)/mutant/data", data)
        var generator = SeededGenerator(seed: 7)
        try folder.file("\(place)/mutant/big", bytes: generator.bytes(3 << 20))
        try folder.file("\(place)/mutant/settings", "a = 1\n")
        try folder.file(
            "\(place)/mutant/mutant.service",
            """
            [Unit]
            Description=Changed by tests
            [Service]
            User=mutant
            ExecStart=/usr/bin/python3 -m http.server 47123 --bind 127.0.0.1 --directory /usr/share/mutant
            [Install]
            WantedBy=multi-user.target

            """)
        try folder.file(
            "\(place)/mutant/mutant.sysusers", "g mutant-readers -\nu mutant - \"Mutant\" /var/lib/mutant\n")
        try folder.file(
            "\(place)/mutant/mutant.tmpfiles",
            "d /var/cache/mutant 0750 mutant mutant -\nd /var/log/mutant :0755 :mutant :mutant -\n")
        try folder.file(
            "\(place)/mutant/changelog",
            """
            mutant (\(version)) unstable; urgency=medium

              * First.

             -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000

            """)
        try folder.file("\(place)/mutant/copyright", "Format: x\n")
        let built = try TestSupport.run(
            productPath("debbuild"), ["all", "--workspace", "\(folder.path)/\(place)", "--quiet"],
            environment: ["XDG_CACHE_HOME": folder.path + "/cache"])
        XCTAssertEqual(built.status, 0, built.errors)
        return built.output.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// A root with the package installed, and with another choice for its alternative.
    private func machine(_ folder: TemporaryDirectory) throws -> SpareRoot {
        for program in ["setcap", "systemd-sysusers", "systemd-tmpfiles", "perl", "usermod"] {
            try requireProgram(program)
        }
        let root = try SpareRoot()
        try root.copy(productPath("meshcheck"), to: "/usr/bin/meshcheck")
        try root.copy(repositoryRoot + "/Scenarios", to: "/usr/share/meshcheck/Scenarios")
        // The group has to be there before dpkg unpacks what belongs to it.
        try root.shell("groupadd --system mutant-readers").check()
        try root.copy(try build("1.0", in: folder), to: "/tmp/mutant_1.0.deb")
        try root.shell("dpkg --install /tmp/mutant_1.0.deb").check()
        try root.shell("update-alternatives --install /usr/bin/mutation mutation /bin/true 1").check()
        return root
    }

    private func assertQuiet(
        _ root: SpareRoot, _ what: String, file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let result = try root.shell(Self.look)
        let report = try MutationReport.of(result)
        XCTAssertEqual(report.story, "", what, file: file, line: line)
        XCTAssertEqual(result.status, 0, what, file: file, line: line)
    }

    func testWhatAnAdministratorMayDoIsNoAlarm() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        try assertQuiet(root, "after the installation")
        try root.shell("echo b = 2 >>/etc/mutant/settings").check()
        try assertQuiet(root, "with an edited configuration file")
        try root.shell(
            "dpkg-divert --local --add --rename --divert /usr/bin/mutant.real /usr/bin/mutant && "
                + "printf '#!/bin/sh\\n' >/usr/bin/mutant && chmod 755 /usr/bin/mutant"
        ).check()
        try assertQuiet(root, "with a file that was diverted")
        try root.shell(
            "dpkg-statoverride --update --add root mutant 0750 /usr/lib/mutant/as-root && "
                + "dpkg-statoverride --update --add mutant mutant 0700 /var/lib/mutant && "
                + "dpkg-statoverride --update --add root root 0700 /var/log/mutant"
        ).check()
        try assertQuiet(root, "with other modes by dpkg-statoverride")
        try root.copy(try build("1.1", in: folder, data: "other data\n"), to: "/tmp/mutant_1.1.deb")
        try root.shell("dpkg --force-confold --install /tmp/mutant_1.1.deb").check()
        try assertQuiet(root, "after an upgrade")
        try root.shell("update-alternatives --install /usr/bin/mutation mutation /bin/true 90").check()
        try assertQuiet(root, "with a choice that other package's priority makes")
        try root.shell(
            "echo 'path-exclude=/usr/share/doc/*' >/etc/dpkg/dpkg.cfg.d/no-documents && rm -r /usr/share/doc/mutant"
        ).check()
        try assertQuiet(root, "with files that dpkg was told to leave out")
        try root.shell("dpkg --remove mutant").check()
        XCTAssertEqual(try root.shell("ls /usr/share/meshcheck/packages.d").output, "")
    }

    /// The version that was installed before says so, and nothing else.
    func testAnotherVersionIsNamed() throws {
        let folder = try TemporaryDirectory()
        let root = try machine(folder)
        _ = try build("1.1", in: folder)
        try root.copy(folder.path + "/mutant-1.1/out/mutant_1.1_all.meshcheck.yaml", to: "/tmp/other.yaml")
        let report = try MutationReport.of(try root.shell("meshcheck run /tmp/other.yaml --format json"))
        XCTAssertEqual(report.diagnoses.map(\.code), ["MX0120"], report.story)
    }

    /// Packages that others built: drawn up on a machine, they are looked at by the same checks.
    func testAnyPackageCanBeDrawnUp() throws {
        let root = try SpareRoot()
        try root.copy(productPath("meshcheck"), to: "/usr/bin/meshcheck")
        try root.copy(repositoryRoot + "/Scenarios", to: "/usr/share/meshcheck/Scenarios")
        try root.shell(
            "mkdir -p /usr/share/meshcheck/packages.d && cd /usr/share/meshcheck/packages.d && "
                + "for name in coreutils passwd tar; do meshcheck init --package $name --output $name.yaml || exit; done"
        ).check()
        try assertQuiet(root, "as it was drawn up")
        try root.shell("chmod u-s /usr/bin/passwd && rm /bin/tar && echo >>/bin/true").check()
        let report = try MutationReport.of(try root.shell(Self.look))
        for path in ["/usr/bin/passwd", "/bin/tar", "/bin/true"] {
            XCTAssertTrue(report.names(path), "\(path): \(report.story)")
        }
    }
}
