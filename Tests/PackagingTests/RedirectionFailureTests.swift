import Foundation
import TestSupport
import XCTest

/// What istio-iptables.sh does when it cannot do what it was asked: say so, and change nothing.
final class RedirectionFailureTests: XCTestCase {
    func testRefusedInput() throws {
        let machine = try Machine()
        let cases: [(arguments: [String], message: String)] = [
            (["-p"], "option -p needs an argument"),
            (["-p", "-u", "5"], "option -p needs an argument"),
            (["-i"], "option -i needs an argument"),
            (["clean", "-u"], "option -u needs an argument"),
            (["-x"], "unknown argument '-x'"),
            (["purge"], "unknown argument 'purge'"),
            (["-p", "0"], "ENVOY_PORT: '0' is not a port"),
            (["-p", "65536"], "ENVOY_PORT: '65536' is not a port"),
            (["-p", "015001"], "ENVOY_PORT: '015001' is not a port"),
            (["-p", "15001; reboot"], "is not a port"),
            (["-p", "99999999999999999999"], "is not a port"),
            (["-u", "istio-proxy"], "ENVOY_UID: 'istio-proxy' is not a uid"),
            (["-u", "4294967295"], "is not a uid"),
            (["-u", "1,,2"], "ENVOY_UID: empty item"),
            (["-u", ",1"], "ENVOY_UID: empty item"),
            (["-i", "10.63.240.0/33"], "bad prefix length"),
            (["-i", "10.63.240.0/"], "bad prefix length"),
            (["-i", "10.63.240.0/8/8"], "bad prefix length"),
            (["-i", "10.63.240.0.0/20"], "is not an IPv4 range"),
            (["-i", "10.0.0.0/255.0.255.0"], "has a mask with ones behind zeros"),
            (["-i", "10/8; reboot"], "bad prefix length"),
            (["-i", "a[$(touch /tmp/x)]/8"], "is not an IPv4 range"),
            (["-i", "10.63.256.0/20"], "is not an IPv4 range"),
            (["-i", "10.063.0.0/20"], "is not an IPv4 range"),
            (["-i", "*"], "is not an IPv4 range"),
            (["-i", "fd00::/8"], "IPv6 is not redirected"),
        ]
        for (arguments, message) in cases {
            let result = try machine.run(machine.binaries + "/istio-iptables.sh", arguments)
            XCTAssertEqual(result.status, 2, "\(arguments)")
            XCTAssertTrue(result.errors.contains(message), "\(arguments): \(result.errors)")
            XCTAssertEqual(try machine.chains(), [], "\(arguments)")
        }
        let settings: [(String, String)] = [
            ("ISTIO_INBOUND_PORTS=80,no-such-service", "'no-such-service' is not a port: no service of this name"),
            ("ISTIO_INBOUND_PORTS=9000:8000", "'9000:8000' is not a range of ports"),
            ("ISTIO_INBOUND_PORTS=:", "':' is not a range of ports"),
            ("ISTIO_INBOUND_PORTS='80:a[0]'", "'80:a[0]' is not a range of ports"),
            ("ISTIO_INBOUND_PORTS=80:90:100", "is not a range of ports"),
            ("ISTIO_INBOUND_PORTS=80,,81", "empty item"),
            ("ISTIO_INBOUND_PORTS='80 81'", "ISTIO_INBOUND_PORTS: '80 81' is not a port"),
            ("ISTIO_INBOUND_PORTS=80,*", "'*' is not a port"),
            ("ISTIO_LOCAL_EXCLUDE_PORTS=0", "ISTIO_LOCAL_EXCLUDE_PORTS: '0' is not a port"),
            ("ISTIO_INBOUND_EXCLUDE_PORTS=0", "ISTIO_INBOUND_EXCLUDE_PORTS: '0' is not a port"),
            ("ENVOY_USER=nobody-here", "there is no user 'nobody-here'"),
            ("ENVOY_USER=--help", "there is no user '--help'"),
        ]
        for (line, message) in settings {
            try machine.sidecar(line + "\n")
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 2, line)
            XCTAssertTrue(result.errors.contains(message), "\(line): \(result.errors)")
            XCTAssertEqual(try machine.chains(), [], line)
        }
    }

    func testWarnings() throws {
        let machine = try Machine()
        try machine.sidecar("ISTIO_INBOUND_PORTS=22,80\nISTIO_LOCAL_EXCLUDE_PORTS=81\n")
        let result = try machine.iptables()
        XCTAssertEqual(result.status, 0)
        XCTAssertTrue(result.errors.contains("port 22 (ssh) is never redirected"), result.errors)
        XCTAssertTrue(result.errors.contains("has an effect with ISTIO_INBOUND_PORTS='*' only"), result.errors)
    }

    func testOnlyRoot() throws {
        let machine = try Machine()
        let result = try machine.runAs(4242, machine.binaries + "/istio-iptables.sh", [])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("must be run by root"), result.errors)
    }

    /// A rule of somebody else makes the kernel refuse one of ours: REDIRECT has no meaning after routing.
    func testRuleThatTheKernelRefusesChangesNothing() throws {
        try onEachBackend { machine in
            try machine.restore(":ISTIO_REDIRECT - [0:0]", "-A POSTROUTING -j ISTIO_REDIRECT")
            let before = try machine.rules()
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 1)
            XCTAssertTrue(result.errors.contains("nothing was changed"), result.errors)
            XCTAssertEqual(try machine.rules(), before)
            XCTAssertEqual(try machine.chains(), ["ISTIO_REDIRECT"])
        }
    }

    func testFailedChangeKeepsTheRulesOfTheLastRun() throws {
        try onEachBackend { machine in
            try machine.sidecar("ISTIO_INBOUND_PORTS=80\n")
            try machine.iptables()
            let before = try machine.rules()
            // A restore that fails after half of its input, whatever the reason.
            let real = programPath("iptables-\(machine.backend.rawValue)-restore") ?? ""
            try FileManager.default.removeItem(atPath: machine.folder.path + "/backend/iptables-restore")
            try machine.folder.file(
                "backend/iptables-restore",
                "#!/bin/sh\nsed '/^-A ISTIO_OUTPUT -d/s/-j.*/-j NO_SUCH_CHAIN/' | \(real) \"$@\"\n", mode: 0o755)
            try machine.sidecar("ISTIO_INBOUND_PORTS=80,81\nENVOY_PORT=15009\n")
            let result = try machine.iptables()
            XCTAssertEqual(result.status, 1)
            XCTAssertTrue(result.errors.contains("nothing was changed"), result.errors)
            XCTAssertEqual(try machine.rules(), before)
        }
    }

    /// Only the legacy back end has a lock; it is a file of the test's own.
    func testBusyLock() throws {
        let machine = try Machine(backend: .legacy)
        let script = machine.binaries + "/istio-iptables.sh"
        let hold = "exec 9>>\"$XTABLES_LOCKFILE\"; flock 9; "
        let busy = try machine.run("bash", ["-c", hold + "\"$0\"", script])
        XCTAssertEqual(busy.status, 1)
        XCTAssertTrue(busy.errors.contains("nothing was changed"), busy.errors)
        XCTAssertEqual(try machine.rules(), "")
        // The holder ends while the script waits: the script goes on.
        let freed = try machine.run(
            "bash", ["-c", hold + "\"$0\" 9>&- & script=$!; sleep 2; exec 9>&-; wait \"$script\"", script])
        XCTAssertEqual(freed.status, 0, freed.errors)
        XCTAssertNotEqual(try machine.rules(), "")
    }

    func testRunsAtOnceDoNotDisturbEachOther() throws {
        try onEachBackend { machine in
            let script = machine.binaries + "/istio-iptables.sh"
            let atOnce = "for i in 1 2 3 4; do \"$0\" & jobs+=($!); done; for j in ${jobs[@]}; do wait $j || exit; done"
            let result = try machine.run("bash", ["-c", atOnce, script])
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(try machine.rules().split(separator: "\n").filter { $0.hasPrefix("-A OUTPUT") }.count, 1)
        }
    }

    func testGlobalIPv6IsMentioned() throws {
        let machine = try Machine()
        XCTAssertFalse(try machine.iptables().errors.contains("IPv6"))
        try machine.ip("address", "add", "2001:db8::5/128", "dev", "lo")
        let result = try machine.iptables()
        XCTAssertEqual(result.status, 0)
        XCTAssertTrue(result.errors.contains("IPv6 is not redirected, and there are global IPv6 addresses on: lo"))
        XCTAssertFalse(try machine.iptables("clean").errors.contains("IPv6"))
    }
}
