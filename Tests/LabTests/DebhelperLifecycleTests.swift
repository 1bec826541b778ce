import Foundation
import Synchronization
import TestSupport
import XCTest

/// The same units packaged with debhelper and with debbuild, each on a machine that was booted: both machines look the same
/// after every step of the packages' lives, but for units that the administrator has stopped. Beyond debhelper, debbuild also
/// stops what a new version no longer has, and instances of templates with their package; neither is compared here.
final class DebhelperLifecycleTests: XCTestCase {
    /// What is packaged: unit files by name, as the first version has them and as the others do.
    private struct Contents {
        var first: [String: String]
        var later: [String: String]
        /// debhelper 13.11 leaves units below /usr/lib without scripts.
        let folder = "/lib/systemd/system"
        var isOfUsers = false
        var hasSettings = false

        /// What systemctl is asked about.
        var units: [String] {
            Set(first.keys).union(later.keys).map { $0.replacingOccurrences(of: "@.", with: "@one.") }.sorted()
        }
    }

    private static func service(_ more: String = "", install: String = "WantedBy=multi-user.target") -> String {
        """
        [Unit]
        Description=A test
        [Service]
        ExecStart=/bin/sleep infinity
        \(more)
        \(install.isEmpty ? "" : "[Install]\n\(install)")

        """
    }

    private static func unit(_ section: String, _ lines: String, install: String = "") -> String {
        "[Unit]\nDescription=A test\n[\(section)]\n\(lines)\n"
            + (install.isEmpty ? "" : "[Install]\nWantedBy=\(install)\n")
    }

    private static let every: [String: Contents] = {
        func same(_ units: [String: String]) -> Contents { Contents(first: units, later: units) }
        var all = [
            "service": same(["service.service": service()]),
            "socket": same([
                "socket.socket": unit("Socket", "ListenStream=/run/lc-socket", install: "sockets.target"),
                "socket.service": service(install: ""),
            ]),
            "both": same([
                "both-a.service": service("Sockets=lc-both-z.socket", install: "Also=lc-both-z.socket"),
                "both-z.socket": unit(
                    "Socket", "ListenStream=/run/lc-both\nService=lc-both-a.service", install: "sockets.target"),
            ]),
            "timer": Contents(
                first: ["timer.service": unit("Service", "Type=oneshot\nExecStart=/bin/true")],
                later: [
                    "timer.service": unit("Service", "Type=oneshot\nExecStart=/bin/true"),
                    "timer.timer": unit("Timer", "OnCalendar=yearly", install: "timers.target"),
                ]),
            "path": same([
                "path.path": unit("Path", "PathExists=/run/lc-path-trigger", install: "paths.target"),
                "path.service": service(install: ""),
            ]),
            "dbus": same([
                "dbus.service": service(
                    "Type=simple\nBusName=org.example.lc", install: "Alias=dbus-org.example.lc.service")
            ]),
            "oneshot": same([
                "oneshot.service": unit(
                    "Service", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true", install: "multi-user.target")
            ]),
            "static": same(["static.service": service(install: "")]),
            "several": Contents(
                first: ["several-a.service": service(), "several-b.service": service()],
                later: [
                    "several-a.service": service(), "several-b.service": service(), "several-c.service": service(),
                ]),
            "failing": same([
                "failing.service": unit("Service", "Type=oneshot\nExecStart=/bin/false", install: "multi-user.target")
            ]),
            "conffile": same(["conffile.service": service()]),
            "user": same(["user.service": service(install: "WantedBy=default.target")]),
        ]
        all["conffile"]?.hasSettings = true
        all["user"]?.isOfUsers = true
        // The name says where it is mounted.
        all["mount"] = same([
            "run-lc\\x2dmount.mount": unit(
                "Mount", "What=tmpfs\nWhere=/run/lc-mount\nType=tmpfs", install: "multi-user.target")
        ])
        return all
    }()

    /// A few for CI; LIFECYCLES names others, or "all".
    private var chosen: [(name: String, contents: Contents)] {
        let environment = ProcessInfo.processInfo.environment
        let wanted =
            environment["LIFECYCLES"]
            ?? (environment["CI"] == "true" ? "both,several,timer,mount" : "all")
        return Self.every.filter { wanted == "all" || wanted.split(separator: ",").contains(Substring($0.key)) }
            .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func testMachinesLookTheSameAfterEveryStep() throws {
        try requireProgram("dh_installsystemd")
        let folder = try TemporaryDirectory()
        for (name, contents) in chosen {
            try buildWithDebhelper(name, contents, in: folder)
            try buildWithDebbuild(name, contents, in: folder)
        }
        let lab = try Lab(["--vms", "2"], name: "lives")
        let makers = ["debhelper", "debbuild"]
        for (maker, machine) in zip(makers, ["vm1", "vm2"]) {
            try lab.on("mkdir -p /root/lives", machine: machine).check()
            let packages = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/" + maker)
                .filter { $0.hasSuffix(".deb") }
            XCTAssertEqual(packages.count, 3 * chosen.count)
            try lab.copy(packages.map { folder.path + "/\(maker)/\($0)" }, to: "/root/lives", machine: machine)
            let script = repositoryRoot + "/Tests/LabTests/lifecycle.sh"
            try lab.copy([script], to: "/root", machine: machine)
        }
        for (name, contents) in chosen {
            let lives = try lives(of: name, contents, lab)
            // Beyond debhelper, an upgrade leaves a unit alone that the administrator has stopped.
            let isStopped: (String) -> Bool = { line in
                line.hasPrefix("stopped: ") && contents.units.contains { line.contains(" \(Self.unitName($0)): ") }
            }
            let (theirs, ours) = (lives[0].filter { !isStopped($0) }, lives[1].filter { !isStopped($0) })
            XCTAssertEqual(lives[1].filter(isStopped).filter { $0.contains(" active ") }, [], name)
            XCTAssertGreaterThan(theirs.count, 30, "\(name): \(theirs)")
            let difference = ours.difference(from: theirs)
            XCTAssertEqual(
                difference.removals.map(Self.text) + difference.insertions.map(Self.text), [],
                "\(name): -debhelper +debbuild")
        }
        print("\(chosen.count) lives of packages are the same on both machines")
    }

    private static func text(_ change: CollectionDifference<String>.Change) -> String {
        switch change {
        case .remove(_, let line, _): "-" + line
        case .insert(_, let line, _): "+" + line
        }
    }

    /// What both machines print, at the same time.
    private func lives(of name: String, _ contents: Contents, _ lab: Lab) throws -> [[String]] {
        let units = contents.units.map { "'" + Self.unitName($0) + "'" }.joined(separator: " ")
        let results = Mutex([Result<String, any Error>?](repeating: nil, count: 2))
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            let result = Result {
                try lab.on("sh /root/lifecycle.sh /root/lives lc-\(name) \(units)", machine: "vm\(index + 1)").check()
            }
            results.withLock { $0[index] = result }
        }
        return try results.withLock { $0 }.map { try XCTUnwrap($0).get().components(separatedBy: "\n") }
    }

    private static func unitName(_ name: String) -> String { name.hasPrefix("run-") ? name : "lc-" + name }

    // MARK: - packages

    private static let control = """
        Maintainer: Test Team <team@example.org>
        Section: misc
        Priority: optional
        """

    private func buildWithDebhelper(_ name: String, _ contents: Contents, in folder: TemporaryDirectory) throws {
        let package = "lc-" + name
        for version in 1...3 {
            let source = "debhelper/source-\(name)-\(version)"
            let root = "\(source)/debian/\(package)"
            try folder.file(
                "\(source)/debian/control",
                "Source: \(package)\n\(Self.control)\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: \(package)\n"
                    + "Architecture: all\nDepends: ${misc:Depends}\nDescription: a test\n Of its life.\n")
            try folder.file(
                "\(source)/debian/changelog",
                "\(package) (\(version)) unstable; urgency=medium\n\n  * Again.\n\n"
                    + " -- Test Team <team@example.org>  Sat, 03 Feb 2024 12:00:00 +0000\n")
            for (unit, text) in version == 1 ? contents.first : contents.later {
                let place = contents.isOfUsers ? "/usr/lib/systemd/user" : contents.folder
                try folder.file(root + place + "/" + Self.unitName(unit), text)
            }
            if contents.hasSettings { try folder.file("\(root)/etc/\(package)/settings", "of version \(version)\n") }
            for program in [
                "dh_installsystemd", "dh_installsystemduser", "dh_installdeb", "dh_fixperms", "dh_gencontrol",
                "dh_md5sums",
                "dh_builddeb",
            ] {
                let result = try TestSupport.run(program, [], workingDirectory: folder.path + "/" + source)
                XCTAssertEqual(result.status, 0, "\(program): \(result.errors)")
            }
        }
    }

    private func buildWithDebbuild(_ name: String, _ contents: Contents, in folder: TemporaryDirectory) throws {
        let package = "lc-" + name
        for version in 1...3 {
            let source = "source/\(name)-\(version)"
            let names = (version == 1 ? contents.first : contents.later).sorted { $0.key < $1.key }
            for (unit, text) in names { try folder.file("\(source)/\(package)/\(Self.unitName(unit))", text) }
            let units = names.map { "  - {file: '\(Self.unitName($0.key))'}\n" }.joined()
            try folder.file("\(source)/workspace.yaml", "version: '\(version)'\noutput: ../../debbuild\n")
            try folder.file(
                "\(source)/\(package)/package.yaml",
                """
                package: \(package)
                summary: a test
                description: Of its life.
                architectures: [all]
                maintainer: Test Team <team@example.org>
                section: misc
                priority: optional
                unit-directory: \(contents.folder)
                source-date-epoch: 1700000000
                \(contents.isOfUsers ? "user-units" : "units"):
                \(units)\(contents.hasSettings ? "contents: [{conffile: settings, to: /etc/\(package)/}]" : "")

                """)
            if contents.hasSettings { try folder.file("\(source)/\(package)/settings", "of version \(version)\n") }
            let result = try TestSupport.run(
                try XCTUnwrap(RealPackages.release("debbuild")), ["all", "--no-buildinfo", "--no-lint"],
                environment: ["XDG_CACHE_HOME": folder.path + "/cache"], workingDirectory: folder.path + "/" + source)
            XCTAssertEqual(result.status, 0, result.errors)
        }
    }
}
