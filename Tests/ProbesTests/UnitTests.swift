import Foundation
import MeshProbes
import Probes
import TestSupport
import XCTest

@testable import Probes

final class UnitTests: XCTestCase {
    /// As `systemctl show` of systemd 252 prints units.
    private let recorded = """
        Type=exec
        Restart=always
        NRestarts=2
        MainPID=4711
        Result=success
        ExecMainStatus=0
        ExecMainStartTimestampMonotonic=81230000
        ExecStartPre={ path=/usr/local/bin/istio-start.sh ; argv[]=/usr/local/bin/istio-start.sh init ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
        ExecStartPre={ path=/bin/optional ; argv[]=/bin/optional ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
        ExecStart={ path=/usr/local/bin/istio-start.sh ; argv[]=/usr/local/bin/istio-start.sh ; ignore_errors=no ; start_time=[Mon 2026-11-23 05:00:00 UTC] ; stop_time=[n/a] ; pid=4711 ; code=(null) ; status=0/0 }
        EnvironmentFiles=/etc/a b (ignore_errors=no)
        EnvironmentFiles=/etc/optional (ignore_errors=yes)
        Environment=A=1 MY_TOKEN=hidden
        Id=istio.service
        LoadState=loaded
        ActiveState=active
        SubState=running
        UnitFileState=enabled
        NeedDaemonReload=no
        ActiveEnterTimestampMonotonic=81234567

        Id=none.service
        LoadState=not-found
        ActiveState=inactive
        NRestarts=0
        MainPID=0

        """

    func testRecordedUnits() throws {
        let units = UnitProperties.parse(Array(recorded.utf8))
        XCTAssertEqual(units.count, 2)
        XCTAssertTrue(units[0].exists)
        XCTAssertFalse(units[1].exists)
        XCTAssertEqual(units[0]["ActiveState"], "active")
        XCTAssertEqual(units[0].number("NRestarts"), 2)
        XCTAssertEqual(units[0].requiredFiles, ["/usr/local/bin/istio-start.sh", "/etc/a b"])
        XCTAssertEqual(UnitProbe.activeSince(units[0]), 81_234_567_000)
        XCTAssertNil(UnitProbe.activeSince(units[1]))
    }

    func testSettingsThatTakeTheNetworkAway() {
        let cases: [([String: String], [String])] = [
            ([:], []), (["PrivateNetwork": "no", "RestrictAddressFamilies": "~"], []),
            (["PrivateNetwork": "yes"], ["PrivateNetwork=yes"]),
            (["RestrictAddressFamilies": "AF_INET AF_UNIX"], []),
            (["RestrictAddressFamilies": "AF_UNIX"], ["RestrictAddressFamilies=AF_UNIX"]),
            (["RestrictAddressFamilies": "none"], ["RestrictAddressFamilies=none"]),
            (["RestrictAddressFamilies": "~AF_PACKET"], []),
            (["RestrictAddressFamilies": "~AF_INET AF_INET6"], ["RestrictAddressFamilies=~AF_INET AF_INET6"]),
            (["SystemCallFilter": "~"], []), (["SystemCallFilter": "accept connect read socket write"], []),
            (["SystemCallFilter": "accept read socket"], ["SystemCallFilter= forbids connect(2)"]),
            (["SystemCallFilter": "~connect mount"], ["SystemCallFilter= forbids connect(2)"]),
            (["NetworkNamespacePath": "/run/netns/blue"], ["NetworkNamespacePath=/run/netns/blue"]),
        ]
        for (values, found) in cases { XCTAssertEqual(UnitProperties(values: values).foreignNetwork, found) }
    }

    /// What administrators have set is shown with its place; commands put it aside and do not delete it.
    func testDropInsOfAdministrators() throws {
        let dropIn = "/etc/systemd/system/a.service.d/a b.conf"
        let files = [
            dropIn: "[Service]\n# why\nPrivateNetwork=yes\n\nEnvironment=MODE=fast\n",
            "/usr/lib/systemd/system/a.service.d/x.conf": "[Service]\nNice=5\n",
            "/usr/lib/systemd/system/a.service": "[Service]\n", "/etc/systemd/system/a.service": "[Service]\n",
            "/etc/systemd/system/own.service": "[Service]\n",
        ]
        func overrides(_ fragment: String, _ dropIns: [String]) throws -> UnitOverrides {
            try UnitOverrides(fragment: fragment, dropIns: dropIns) { files[$0].map { Array($0.utf8) } }
        }
        let found = try overrides("/usr/lib/systemd/system/a.service", Array(files.keys.filter { $0.contains(".d/") }))
        XCTAssertEqual(found.lines.count, 2)
        XCTAssertEqual(found.lines.first, "PrivateNetwork=yes (\(dropIn):3)")
        let again = ["systemctl daemon-reload", "systemctl reset-failed 'a.service'; systemctl restart 'a.service'"]
        XCTAssertEqual(found.undo(of: "a.service"), ["mv '\(dropIn)' '\(dropIn).off'"] + again)
        let replaced = try overrides("/etc/systemd/system/a.service", [])
        XCTAssertEqual(
            replaced.undo(of: "a.service"),
            ["mv '/etc/systemd/system/a.service' '/etc/systemd/system/a.service.off'"] + again)
        XCTAssertEqual(replaced.lines.count, 1)
        // A unit that no package has is the administrator's own.
        XCTAssertEqual(try overrides("/etc/systemd/system/own.service", []).undo(of: "own.service"), [])
    }

    func testNames() {
        XCTAssertEqual(UnitName.completed("istio"), "istio.service")
        XCTAssertEqual(UnitName.completed("a.socket"), "a.socket")
        for name in [
            "istio.service", "a@b.service", "dev-disk\\x2d.device", "-.mount", "-.slice", "a@b@c.service", "a.b.socket",
        ] {
            XCTAssertTrue(UnitName.isValid(name), name)
        }
        for name in [
            "", "-all", "*", "a b", "a;b", "é.service", "a/b.service", "getty@.service", "@foo.service", "@.service",
            ".service", ".mount", String(repeating: "a", count: 250) + ".socket",
        ] {
            XCTAssertFalse(UnitName.isValid(name), name)
        }
    }

    /// Without systemd nothing can be said of units.
    func testMachineWithoutSystemd() async throws {
        if FileManager.default.fileExists(atPath: "/run/systemd/system") { throw XCTSkip("systemd runs here") }
        let error = try await failure("unit", ["name": .text("istio")], ["active"])
        XCTAssertEqual(error?.reason, .unavailable)
        let log = try await failure("log", ["unit": .text("istio")], ["lines"])
        XCTAssertEqual(log?.reason, .unavailable)
    }

    /// systemd's own tool is the oracle where systemd runs.
    func testUnitsOfThisMachine() async throws {
        guard FileManager.default.fileExists(atPath: "/run/systemd/system") else {
            throw XCTSkip("systemd does not run here")
        }
        let seen = try await observe("unit", ["name": .text("systemd-journald")], ["active", "sub", "missing-files"])
        XCTAssertEqual(seen.text("active"), "active")
        XCTAssertEqual(seen.texts("missing-files"), [])
        let none = try await observe("unit", ["name": .text("no-such-unit")], ["active"])
        XCTAssertEqual(none["exists"], .bool(false))
    }

    /// A systemctl that hangs, ignoring what it is told, is killed with what it started.
    func testHungProgram() async throws {
        let folder = try TemporaryDirectory()
        let mark = folder.path + "/pid"
        try folder.file(
            "bin/systemctl", "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $! >\(mark)\nwait\nwait\n", mode: 0o755)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        setenv("PATH", "\(folder.path)/bin:\(path)", 1)
        defer { setenv("PATH", path, 1) }
        do {
            _ = try await Tool.run("systemctl", ["show"], until: .now + .milliseconds(700))
            XCTFail("expected an error")
        } catch {
            XCTAssertEqual(error.reason, .timedOut)
        }
        let pid = try XCTUnwrap(
            Int32(try String(contentsOfFile: mark, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
        try await poll("the end of the program's child") { kill(pid, 0) != 0 }
    }

    func testEveryKindIsDeclared() {
        let names = ProbeCatalogue.mesh.kinds.map(\.name)
        XCTAssertEqual(Set(names).count, names.count)
        for name in [
            "process", "unit", "port", "dns", "resolver", "http", "tcp", "tls", "certificate", "log", "packet-filter",
            "file", "package", "user", "environment-file", "kubedns", "clock", "command", "addresses", "libc", "envoy",
        ] {
            XCTAssertTrue(names.contains(name), name)
        }
        XCTAssertTrue(ProbeCatalogue.standard.has("file"))
        XCTAssertFalse(ProbeCatalogue.standard.has("envoy"), "the mesh's probes are added from outside")
        for kind in ProbeCatalogue.mesh.kinds {
            XCTAssertTrue(kind.parameters.contains { $0.name == kind.mainParameter }, kind.name)
            XCTAssertEqual(Set(kind.attributes.map(\.name)).count, kind.attributes.count, kind.name)
            XCTAssertFalse(kind.attributes.isEmpty)
        }
    }

    /// A call that never ends holds up nobody: others get other threads, and its own check ends at its deadline.
    func testThreadsThatHang() async throws {
        let pool = BlockingPool(threads: 2, limit: 16)
        let ends = (0..<6).map { _ in DispatchSemaphore(value: 0) }
        await withTaskGroup(of: ProbeError.Reason?.self) { group in
            for end in ends {
                group.addTask {
                    do throws(ProbeError) {
                        try await pool.run("hang", until: .now + .milliseconds(300)) { () throws(ProbeError) in
                            end.wait()
                        }
                        return nil
                    } catch { return error.reason }
                }
            }
            for await reason in group { XCTAssertEqual(reason, .timedOut) }
        }
        let answer = try await pool.run("answer", until: .now + .seconds(30)) { () throws(ProbeError) in 42 }
        XCTAssertEqual(answer, 42)
        for end in ends { end.signal() }
        pool.close()
    }
}
