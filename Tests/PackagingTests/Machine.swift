import Foundation
import TestSupport
import XCTest

/// The two implementations of iptables(8), which differ in how they lock, save and refuse.
enum Backend: String, CaseIterable {
    case nft, legacy
}

/// A network of its own with the scripts of istio-proxy, a user istio-proxy (999) and settings, and without a trace on
/// the machine that runs the test: files are bound over the system's in a mount namespace for each command.
final class Machine {
    static let proxyUser: UInt32 = 999

    let folder: TemporaryDirectory
    let name: String
    let backend: Backend
    private(set) var hosts = "127.0.0.1 localhost\n127.0.1.1 demo-vm-1\n"

    init(backend: Backend = .nft) throws {
        try requireRoot()
        for program in ["ip", "unshare", "iptables-\(backend.rawValue)-restore"] { try requireProgram(program) }
        folder = try TemporaryDirectory()
        self.backend = backend
        name = "test-" + UUID().uuidString.prefix(8).lowercased()
        let made = try TestSupport.run("ip", ["netns", "add", name])
        if made.status != 0 { throw XCTSkip("no network namespaces here: \(made.errors)") }
        try stage()
        try ip("link", "set", "lo", "up")
        let probe = try run("iptables-save", ["-t", "nat"])
        if probe.status != 0 { throw XCTSkip("no \(backend.rawValue) nat table here: \(probe.errors)") }
    }

    deinit { _ = try? TestSupport.run("ip", ["netns", "delete", name]) }

    // MARK: - files

    var binaries: String { folder.path + "/bin" }
    var settings: String { folder.path + "/settings" }
    var logs: String { folder.path + "/log" }

    private func stage() throws {
        // The scripts find their library at its place on an installed system; here it is beside them.
        for script in ["istio-start.sh", "istio-iptables.sh", "settings.sh"] {
            let text = try Packaging.text("istio-proxy", script)
                .replacingOccurrences(of: "/usr/lib/istio-proxy/", with: binaries + "/")
            try folder.file("bin/" + script, text, mode: script == "settings.sh" ? 0o644 : 0o755)
        }
        for program in ["restore", "save"] {
            let target = programPath("iptables-\(backend.rawValue)-\(program)") ?? ""
            try folder.directory("backend")
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/backend/iptables-\(program)", withDestinationPath: target)
        }
        let system = try ["passwd", "group"].map { try String(contentsOfFile: "/etc/" + $0, encoding: .utf8) }
        let others = system.map { text in
            text.split(separator: "\n").filter { !$0.hasPrefix("istio-proxy:") }.joined(separator: "\n")
        }
        let proxy = "istio-proxy:x:\(Self.proxyUser)"
        try folder.file("passwd", "\(proxy):\(Self.proxyUser)::/var/lib/istio:/usr/sbin/nologin\n\(others[0])\n")
        try folder.file("group", "\(proxy):\n\(others[1])\n")
        try folder.file("hosts", hosts)
        try folder.directory("settings")
        try folder.directory("log")
        try own(logs)
    }

    func own(_ path: String, by owner: UInt32 = proxyUser) throws {
        XCTAssertEqual(lchown(path, owner, owner), 0)
    }

    func cluster(_ text: String) throws { try folder.file("settings/cluster.env", text) }
    func sidecar(_ text: String) throws { try folder.file("settings/sidecar.env", text) }

    func addHost(_ line: String) throws {
        hosts += line + "\n"
        try folder.file("hosts", hosts)
    }

    /// A program in place of the agent, which says what it was given.
    func installAgent() throws {
        try folder.file(
            "bin/pilot-agent",
            """
            #!/bin/sh
            echo "pid $$ uid $(id -u) gid $(id -g) groups $(id -G)"
            echo "arguments $*"
            env | grep -E '^(INSTANCE_IP|POD_|ISTIO_|EXTRA|HOME|USER)' | sort
            grep -E '^(CapPrm|CapEff|CapAmb|NoNewPrivs)' /proc/self/status
            echo 'an error' >&2

            """, mode: 0o755)
    }

    // MARK: - commands

    @discardableResult
    func ip(_ arguments: String...) throws -> RunResult {
        let result = try TestSupport.run("ip", ["-n", name] + arguments)
        XCTAssertEqual(result.status, 0, "ip \(arguments): \(result.errors)")
        return result
    }

    /// The arguments with which a program runs on this machine.
    func entering(_ program: String, _ arguments: [String]) -> [String] {
        let bind = ["passwd", "group", "hosts"].map { "mount --bind '\(folder.path)/\($0)' /etc/\($0)" }
        return [
            "netns", "exec", name, "unshare", "--mount", "--propagation", "private", "sh", "-c",
            bind.joined(separator: " && ") + " && exec \"$@\"", "sh", program,
        ] + arguments
    }

    var environment: [String: String] {
        [
            "PATH": "\(folder.path)/backend:" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
            "ISTIO_SIDECAR_CONFIG": settings + "/sidecar.env", "ISTIO_CLUSTER_CONFIG": settings + "/cluster.env",
            "ISTIO_BIN_BASE": binaries, "ISTIO_LOG_DIR": logs, "ISTIO_CFG": folder.path + "/data",
            "XTABLES_LOCKFILE": folder.path + "/xtables.lock",
        ]
    }

    func run(
        _ program: String, _ arguments: [String] = [], environment more: [String: String] = [:], input: String = ""
    ) throws -> RunResult {
        try TestSupport.run(
            "ip", entering(program, arguments), environment: environment.merging(more) { $1 },
            input: Array(input.utf8))
    }

    @discardableResult
    func iptables(_ arguments: String..., environment more: [String: String] = [:]) throws -> RunResult {
        try run(binaries + "/istio-iptables.sh", arguments, environment: more)
    }

    func start(_ arguments: String..., environment more: [String: String] = [:]) throws -> RunResult {
        try run(binaries + "/istio-start.sh", arguments, environment: more)
    }

    /// A program run as another user.
    func runAs(_ uid: UInt32, _ program: String, _ arguments: [String]) throws -> RunResult {
        try run("setpriv", ["--reuid=\(uid)", "--regid=\(uid)", "--clear-groups", program] + arguments)
    }

    /// The rules of the nat table as iptables-save(8) prints them.
    func rules() throws -> String {
        let result = try run("iptables-save", ["-t", "nat"])
        XCTAssertEqual(result.status, 0, result.errors)
        return result.output.split(separator: "\n").filter { $0.hasPrefix("-A ") }.joined(separator: "\n")
    }

    /// The chains that are not the kernel's own.
    func chains() throws -> [String] {
        try run("iptables-save", ["-t", "nat"]).output.split(separator: "\n").compactMap { line in
            line.hasPrefix(":") && line.contains(" - [") ? line.dropFirst().split(separator: " ").first : nil
        }.map(String.init).sorted()
    }

    /// Rules of somebody else.
    func restore(_ lines: String...) throws {
        let result = try run(
            "iptables-restore", ["--noflush"],
            input: (["*nat"] + lines + ["COMMIT", ""]).joined(separator: "\n"))
        XCTAssertEqual(result.status, 0, result.errors)
    }
}

extension XCTestCase {
    /// Runs a test on a machine of either back end that works here; skips if none does.
    func onEachBackend(_ body: (Machine) throws -> Void) throws {
        var reason: XCTSkip?
        var count = 0
        for backend in Backend.allCases {
            do {
                let machine = try Machine(backend: backend)
                count += 1
                try body(machine)
            } catch let skip as XCTSkip {
                reason = skip
            }
        }
        if count == 0, let reason { throw reason }
    }
}
