import Foundation
import TestSupport
import XCTest

/// What istio-start.sh starts, as whom, and with what.
final class StartScriptTests: XCTestCase {
    private func machine() throws -> Machine {
        let machine = try Machine()
        try machine.installAgent()
        try machine.ip("link", "add", "name", "eth0", "type", "veth", "peer", "name", "eth1")
        for name in ["eth0", "eth1"] { try machine.ip("link", "set", name, "up") }
        try machine.ip("address", "add", "10.150.0.5/24", "dev", "eth0")
        return machine
    }

    private func log(_ machine: Machine) throws -> String {
        try String(contentsOfFile: machine.logs + "/istio.log", encoding: .utf8)
    }

    func testRootSetsTheRulesAndGivesUpRoot() throws {
        let machine = try machine()
        let script = machine.binaries + "/istio-start.sh"
        let result = try machine.run("sh", ["-c", "echo pid $$; exec \"$0\"", script])
        XCTAssertEqual(result.status, 0, result.errors)
        let log = try log(machine)
        // The same process from the beginning: nothing stays above the agent.
        XCTAssertTrue(
            log.hasPrefix(result.output.trimmingCharacters(in: .newlines) + " uid 999 gid 999 groups 999\n"), log)
        XCTAssertTrue(log.contains("\narguments proxy\n"), log)
        XCTAssertTrue(log.contains("\nINSTANCE_IP=10.150.0.5\n"), log)
        XCTAssertTrue(log.contains("\nPOD_NAMESPACE=default\n"), log)
        XCTAssertTrue(log.contains("\nUSER=istio-proxy\n"), log)
        for capability in ["CapPrm", "CapEff", "CapAmb"] {
            XCTAssertTrue(log.contains("\(capability):\t0000000000000000\n"), log)
        }
        XCTAssertTrue(log.contains("NoNewPrivs:\t1\n"), log)
        XCTAssertTrue(log.contains("\nan error\n"), log)
        XCTAssertEqual(try machine.chains(), ["ISTIO_OUTPUT", "ISTIO_REDIRECT"])
        // It appends, also when istio-proxy runs it, and then leaves the rules alone.
        try machine.iptables("clean")
        XCTAssertEqual(try machine.runAs(Machine.proxyUser, script, []).status, 0)
        let both = try self.log(machine)
        XCTAssertTrue(both.hasPrefix(log))
        XCTAssertEqual(both.matches(of: /arguments proxy/).count, 2)
        XCTAssertEqual(try machine.chains(), [])
        var status = stat()
        XCTAssertEqual(stat(machine.logs + "/istio.log", &status), 0)
        XCTAssertEqual(status.st_uid, Machine.proxyUser)
    }

    func testHostName() throws {
        let machine = try machine()
        XCTAssertEqual(try machine.start().status, 0)
        let short =
            try TestSupport.run("uname", ["-n"]).output.split(whereSeparator: { ".\n".contains($0) }).first ?? ""
        XCTAssertTrue(try log(machine).contains("\nPOD_NAME=\(short)\n"))
    }

    func testAddressOfTheRouteTowardsPilot() throws {
        let machine = try machine()
        // First global address of another network, and a route to Pilot through the second.
        try machine.ip("address", "flush", "dev", "eth0")
        try machine.ip("address", "add", "192.0.2.5/24", "dev", "eth0")
        try machine.ip("address", "add", "10.150.0.5/24", "dev", "eth0")
        XCTAssertEqual(try machine.start().status, 0)
        XCTAssertTrue(try log(machine).contains("INSTANCE_IP=192.0.2.5\n"), "no Pilot: the first global address")
        try machine.addHost("10.150.0.6 istio-pilot")
        XCTAssertEqual(try machine.start().status, 0)
        XCTAssertTrue(try log(machine).contains("INSTANCE_IP=10.150.0.5\n"))
        // A Pilot on the machine itself would give a loopback address.
        try FileManager.default.removeItem(atPath: machine.logs + "/istio.log")
        try machine.folder.file("hosts", "127.0.0.1 localhost istio-pilot\n")
        XCTAssertEqual(try machine.start().status, 0)
        XCTAssertTrue(try log(machine).contains("INSTANCE_IP=192.0.2.5\n"))
        try machine.sidecar("ISTIO_SVC_IP=198.51.100.7\n")
        XCTAssertEqual(try machine.start().status, 0)
        XCTAssertTrue(try log(machine).contains("INSTANCE_IP=198.51.100.7\n"))
    }

    func testNoAddress() throws {
        let machine = try Machine()
        try machine.installAgent()
        let result = try machine.start()
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("has no global IPv4 address; set ISTIO_SVC_IP in "), result.errors)
    }

    func testSettingsOfBothFiles() throws {
        let machine = try machine()
        try machine.cluster("ISTIO_NAMESPACE=onprem\nISTIO_SERVICE=mysql\nPOD_NAME=from-cluster\n")
        try machine.sidecar("POD_NAME=db-1\nexport EXTRA='a b; c'\nUNSEEN=1\n")
        XCTAssertEqual(try machine.start().status, 0)
        let log = try log(machine)
        for line in [
            "POD_NAMESPACE=onprem", "POD_NAME=db-1", "arguments proxy --serviceCluster mysql", "EXTRA=a b; c",
        ] {
            XCTAssertTrue(log.contains(line + "\n"), "\(line): \(log)")
        }
    }

    func testRefusedSettings() throws {
        let machine = try machine()
        let cases = [
            ("ISTIO_SVC_IP=istio", "ISTIO_SVC_IP: 'istio' is not an IPv4 address"),
            ("ISTIO_NAMESPACE=a~b", "ISTIO_NAMESPACE: 'a~b' is not a name"),
            ("POD_NAME='a b'", "POD_NAME: 'a b' is not a name"),
            ("ISTIO_SERVICE=--help", "ISTIO_SERVICE: '--help' is not a name"),
            ("ISTIO_LOG_DIR=log", "'log' is not an absolute path"),
        ]
        for (line, message) in cases {
            try machine.sidecar(line + "\n")
            let result = try machine.start()
            XCTAssertEqual(result.status, 2, line)
            XCTAssertTrue(result.errors.contains(message), "\(line): \(result.errors)")
            XCTAssertFalse(FileManager.default.fileExists(atPath: machine.logs + "/istio.log"))
        }
    }

    func testOnlyTheRules() throws {
        let machine = try machine()
        for arguments in [["init", "-p", "15009"], ["-p", "15009"]] {
            let result = try machine.run(machine.binaries + "/istio-start.sh", arguments)
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertTrue(try machine.rules().contains("--to-ports 15009"))
            XCTAssertEqual(try machine.start("init", "clean").status, 0)
            XCTAssertEqual(try machine.chains(), [])
        }
        XCTAssertFalse(FileManager.default.fileExists(atPath: machine.logs + "/istio.log"))
        let result = try machine.start("start")
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("unknown argument 'start'"), result.errors)
    }

    func testFailedRulesStartNothing() throws {
        let machine = try machine()
        try machine.restore(":ISTIO_REDIRECT - [0:0]", "-A POSTROUTING -j ISTIO_REDIRECT")
        XCTAssertEqual(try machine.start().status, 1)
        XCTAssertFalse(FileManager.default.fileExists(atPath: machine.logs + "/istio.log"))
    }

    func testOtherUsersAreRefused() throws {
        let machine = try machine()
        let result = try machine.runAs(4242, machine.binaries + "/istio-start.sh", [])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("must be run by root or istio-proxy"), result.errors)
    }

    /// istio-proxy owns the log directory: root must not be led to another file by a link in it.
    func testLogIsOpenedAsTheProxy() throws {
        let machine = try machine()
        let target = try machine.folder.file("settings/secret", "untouched\n")
        try FileManager.default.createSymbolicLink(atPath: machine.logs + "/istio.log", withDestinationPath: target)
        let result = try machine.start()
        XCTAssertEqual(result.status, 0)
        XCTAssertEqual(try String(contentsOfFile: target, encoding: .utf8), "untouched\n")
        // Without a log file the output stays where it was.
        XCTAssertTrue(result.errors.contains("istio-proxy cannot append to \(machine.logs)/istio.log"), result.errors)
        XCTAssertTrue(result.output.contains("arguments proxy"), result.output)
    }

    func testAgentThatCannotRunIsNoReasonForTheFallback() throws {
        let machine = try machine()
        XCTAssertEqual(chmod(machine.binaries + "/pilot-agent", 0o644), 0)
        let result = try machine.start()
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("is not a program that istio-proxy can run"), result.errors)
    }

    func testFallbackArguments() throws {
        let machine = try machine()
        try FileManager.default.moveItem(
            atPath: machine.binaries + "/pilot-agent", toPath: machine.binaries + "/envoy")
        try machine.sidecar("ISTIO_NAMESPACE=onprem\nPOD_NAME=vm\n")
        let result = try machine.start()
        XCTAssertTrue(result.errors.contains("warning: there is no \(machine.binaries)/pilot-agent"), result.errors)
        XCTAssertTrue(
            try log(machine).contains(
                "arguments -c \(machine.folder.path)/data/envoy/envoy.json --restart-epoch 0 --drain-time-s 2 "
                    + "--parent-shutdown-time-s 3 --service-cluster rawvm "
                    + "--service-node sidecar~10.150.0.5~vm.onprem~onprem.svc.cluster.local\n"))
    }
}
