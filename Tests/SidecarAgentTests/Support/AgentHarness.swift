import Foundation
import Platform
import Processes
import TestSupport
import XCTest

/// A real agent with a real Envoy and a control plane, on ports and in folders of its own.
final class AgentHarness {
    let folder: TemporaryDirectory
    let adminPort: Int
    let listenerPort: Int
    let baseID: Int
    private(set) var agent: ChildProcess?
    private var helpers: [ChildProcess] = []
    private var discovery: ChildProcess?
    private var discoveryPort = 0

    var configPath: String { folder.path + "/proxy" }
    var certificates: String { folder.path + "/certs" }
    var logPath: String { folder.path + "/istio.log" }
    var node: String { "sidecar~10.1.2.3~vm.default~default.svc.cluster.local" }

    init() throws {
        folder = try TemporaryDirectory()
        let ports = try Envoy.freePorts(2)
        adminPort = ports[0]
        listenerPort = ports[1]
        // Envoy multiplies it by ten and keeps the result in 32 bits.
        baseID = Int.random(in: 1000..<100_000_000)
    }

    /// Ends everything that was started, by its process.
    func stop() async {
        for child in [agent].compactMap({ $0 }) + helpers { _ = try? await child.stop(grace: .seconds(5)) }
        for process in envoys() { kill(process.pid, SIGKILL) }
    }

    /// Starts a program in Python whose first line of output is a sign that it runs.
    func startScript(_ script: String, _ arguments: [String], input: SpawnOptions.Stream = .null) async throws
        -> (child: ChildProcess, firstLine: String, output: String)
    {
        try requireProgram("python3")
        let output = folder.path + "/script-\(helpers.count)"
        let descriptor = open(output, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        var options = SpawnOptions(
            executable: try XCTUnwrap(programPath("python3")), arguments: ["-c", script] + arguments)
        options.standardInput = input
        options.standardOutput = .descriptor(descriptor)
        options.parentDeathSignal = .kill
        let child = try await ChildProcess.spawn(options)
        helpers.append(child)
        try await poll("the first line of a script") {
            try String(contentsOfFile: output, encoding: .utf8).contains("\n")
        }
        let text = try String(contentsOfFile: output, encoding: .utf8)
        return (child, String(text.prefix { $0 != "\n" }), output)
    }

    /// Starts the control plane, the second time on the port that it had.
    func startDiscovery() async throws {
        let started = try await startScript(
            Scripts.discoveryServer, [String(listenerPort), String(discoveryPort)])
        discoveryPort = try XCTUnwrap(Int(started.firstLine))
        discovery = started.child
    }

    func stopDiscovery() async throws {
        _ = try await discovery?.stop(grace: .seconds(5))
    }

    /// The arguments of `proxy`, with a short batch.
    func arguments(_ more: [String] = []) throws -> [String] {
        [
            "proxy", "--ip", "10.1.2.3", "--id", "vm.default", "--configPath", configPath, "--binaryPath",
            try Envoy.path(), "--discoveryAddress", "127.0.0.1:\(discoveryPort == 0 ? 1 : discoveryPort)",
            "--proxyAdminPort=\(adminPort)", "--certPath", certificates, "--certBatchDuration", "200ms",
            "--accessLog", "", "--envoyArgument", "--base-id", "--envoyArgument", String(baseID), "--envoyArgument",
            "--concurrency", "--envoyArgument", "1",
        ] + more
    }

    func startAgent(_ more: [String] = []) async throws {
        let descriptor = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        var options = SpawnOptions(executable: productPath("pilot-agent"), arguments: try arguments(more))
        options.standardOutput = .descriptor(descriptor)
        options.standardError = .descriptor(descriptor)
        options.group = .new
        agent = try await ChildProcess.spawn(options)
    }

    /// The log of the agent and Envoy.
    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The messages of the agent.
    var messages: [String] {
        log.split(separator: "\n").compactMap { GlogLine($0)?.message }
    }

    struct Process {
        var pid: Int32
        var arguments: [String]
        var epoch: Int
        var parent: Int32
    }

    /// The Envoys of this test that run, found in /proc.
    func envoys() -> [Process] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name -> Process? in
            guard let pid = Int32(name), let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
                return nil
            }
            let arguments = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard arguments.count > 4, arguments[1] == "-c", arguments[2].hasPrefix(configPath + "/envoy-rev") else {
                return nil
            }
            let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
            let parent = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last
            return Process(
                pid: pid, arguments: arguments, epoch: Int(arguments[4]) ?? -1,
                parent: parent.flatMap { Int32($0) } ?? 0)
        }.sorted { $0.epoch < $1.epoch }
    }

    /// The names in the folder of the configuration.
    func configurations() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: configPath)) ?? []).sorted()
    }

    /// Waits until an epoch is live and the only one.
    func waitForEpoch(_ epoch: Int) async throws {
        do {
            try await poll("epoch \(epoch) alone") {
                envoys().map(\.epoch) == [epoch] && messages.contains("Epoch \(epoch) is live")
                    && configurations() == ["envoy-rev\(epoch).json"]
            }
        } catch {
            XCTFail("\(envoys().map(\.epoch)) \(configurations())\n\(log.suffix(6000))")
            throw error
        }
    }

    /// A new key and certificate from openssl, put in place by renames as the certificate agent does.
    func renewCertificates(serial: Int) throws {
        try FileManager.default.createDirectory(atPath: certificates, withIntermediateDirectories: true)
        let names = ["key.pem", "cert-chain.pem"].map { certificates + "/." + $0 }
        let result = try TestSupport.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", names[0],
                "-out", names[1], "-days", "1", "-subj", "/CN=vm", "-set_serial", String(serial), "-addext",
                "subjectAltName=URI:spiffe://cluster.local/ns/default/sa/vm",
            ])
        XCTAssertEqual(result.status, 0, result.errors)
        let root = certificates + "/root-cert.pem"
        if !FileManager.default.fileExists(atPath: root) {
            try FileManager.default.copyItem(atPath: names[1], toPath: root)
        }
        for name in names { rename(name, name.replacingOccurrences(of: "/.", with: "/")) }
    }

    /// Runs another command of the agent.
    func command(_ arguments: [String]) throws -> RunResult {
        try TestSupport.run(productPath("pilot-agent"), arguments)
    }
}
