import Foundation
import TestSupport
import XCTest

/// Real servers on loopback, for a suite that was given no machine: dnsmasq, sshd, openssl's TLS server, Python's HTTP
/// server, and mesh-lab's control plane.
final class StandingServers {
    let ssh: SSHServer
    private let folder: TemporaryDirectory
    private var programs: [BackgroundProgram] = []
    /// The addresses, as arguments of meshcheck.
    private(set) var variables: [String] = []

    init() throws {
        for name in ["dnsmasq", "openssl", "python3"] { try requireProgram(name) }
        folder = try TemporaryDirectory()
        ssh = try SSHServer()
        do {
            try start()
        } catch {
            stop()
            throw error
        }
    }

    /// Ends all of them.
    func stop() {
        for program in programs { program.end() }
        programs = []
        ssh.stop()
    }

    private func start() throws {
        let dns = try start("dnsmasq") { port in
            [
                "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=\(port)",
                "--listen-address=127.0.0.1", "--bind-interfaces", "--address=/istio-pilot/10.150.0.7",
                "--local=/invalid/", "--pid-file=", "--log-facility=-",
            ]
        }
        let site = try folder.directory("site")
        try folder.file("site/state.json", #"{"state": "ready", "next": "next.txt"}"#)
        try folder.file("site/next.txt", "here\n")
        try folder.file("agent.log", "2026-11-23T05:00:00.000000Z\tinfo\tcertificate renewed for 10m\n")
        // What stands on PATH may be a script that starts Python, and would survive its end.
        let python = try TestSupport.run("python3", ["-c", "import sys; print(sys.executable)"]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let http = try start(python) { port in
            ["-m", "http.server", "\(port)", "--bind", "127.0.0.1", "--directory", site]
        }
        let authority = try OpenSSLAuthority("mesh", in: folder)
        let server = try authority.issue(
            "server", subject: "/O=server", extensions: ["subjectAltName=DNS:mesh.test"])
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: server.key)
        let tls = try start("openssl") { port in
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", server.certificate, "-key", server.key, "-www",
                "-quiet",
            ]
        }
        let pilot = try startMesh()
        let values = [
            "dns.server": "127.0.0.1:\(dns)", "http.url": "http://127.0.0.1:\(http)",
            "ssh.address": "127.0.0.1:\(ssh.port)", "ssh.port": "\(ssh.port)", "tls.address": "127.0.0.1:\(tls)",
            "tls.root": authority.pair.certificate, "tls.chain": server.certificate, "tls.key": server.key,
            "pilot.url": "http://\(pilot)", "folder": folder.path,
        ]
        variables = values.sorted { $0.key < $1.key }.flatMap { ["--var", "\($0.key)=\($0.value)"] }
    }

    /// Starts a server that takes TCP connections; gives its port.
    private func start(_ name: String, _ arguments: (Int) -> [String]) throws -> Int {
        guard let path = programPath(name) else { throw XCTSkip("\(name) is not installed") }
        let port = try SSHServer.freePort()
        let program = try BackgroundProgram(path, arguments(port))
        programs.append(program)
        guard waitUntil({ SSHServer.canConnect(port) }) else {
            throw CheckReport.Missing(description: "\(name) does not start: \(program.errors)")
        }
        return port
    }

    /// Starts mesh-lab; gives Pilot's address.
    private func startMesh() throws -> String {
        let config = try folder.file(
            "mesh.yaml",
            """
            pilot: [127.0.0.1:0]
            ca: [127.0.0.1:0]
            mixer: [127.0.0.1:0]
            productpage: [127.0.0.1:0]
            services:
              - hostname: istio-pilot.istio-system.svc.cluster.local
                address: 10.63.247.248
                ports: [{name: http-discovery, port: 8080}]
                endpoints: [{address: 10.60.1.4, port: 8080}]

            """)
        let state = folder.path + "/state"
        let program = try BackgroundProgram(productPath("mesh-lab"), ["run", "--config", config, "--state", state])
        programs.append(program)
        var address: String?
        let isUp = waitUntil {
            guard let data = FileManager.default.contents(atPath: state + "/addresses.json"),
                let roles = try? JSONDecoder().decode([String: [String]].self, from: data)
            else { return false }
            address = roles["pilot"]?.first
            return address != nil
        }
        guard isUp, let address else {
            throw CheckReport.Missing(description: "mesh-lab does not start: \(program.errors)")
        }
        return address
    }
}
