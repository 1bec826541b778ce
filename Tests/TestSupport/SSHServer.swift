import Foundation
import XCTest

/// A real sshd on loopback with keys of its own, and the client's configuration that fits to it.
public final class SSHServer {
    /// The port.
    public let port: Int
    /// A configuration for `ssh -F` that knows the server's key and has the client's.
    public let clientConfiguration: String
    /// The file with known host keys.
    public let knownHosts: String
    /// Where a program on the server finds its XDG_CACHE_HOME.
    public let cache: String
    /// The folder with everything.
    public let folder: TemporaryDirectory
    private var process: BackgroundProgram?
    private let configuration: String
    private let launcher: [String]

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - acceptsKey: whether the client's key opens it; else it would ask for a password.
    ///   - options: further lines of sshd_config(5).
    ///   - launcher: a program with arguments that takes sshd's command behind them and becomes it, such as one that
    ///     gives it another root.
    public init(acceptsKey: Bool = true, options: [String] = [], launcher: [String] = []) throws {
        self.launcher = launcher
        try requireProgram("sshd")
        try requireProgram("ssh-keygen")
        folder = try TemporaryDirectory()
        port = try Self.freePort()
        // Where Debian's sshd wants to be alone.
        if getuid() == 0 {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        for name in ["host", "client"] {
            let made = try run(
                "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder.path + "/" + name])
            XCTAssertEqual(made.status, 0, made.errors)
        }
        cache = try folder.directory("cache")
        let key = try String(contentsOfFile: folder.path + "/client.pub", encoding: .utf8)
        try folder.file("authorized_keys", acceptsKey ? key : "", mode: 0o600)
        configuration = try folder.file(
            "sshd_config",
            ([
                "Port \(port)", "ListenAddress 127.0.0.1", "HostKey \(folder.path)/host", "PidFile none", "UsePAM no",
                "StrictModes no", "AuthorizedKeysFile \(folder.path)/authorized_keys", "PermitRootLogin yes",
                "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "MaxStartups 500",
                "SetEnv XDG_CACHE_HOME=\(cache)",
            ] + options).joined(separator: "\n") + "\n")
        let host = try String(contentsOfFile: folder.path + "/host.pub", encoding: .utf8)
        knownHosts = try folder.file("known_hosts", "[127.0.0.1]:\(port) \(host)")
        clientConfiguration = try folder.file(
            "ssh_config",
            """
            Host *
              UserKnownHostsFile \(folder.path)/known_hosts
              GlobalKnownHostsFile /dev/null
              IdentityFile \(folder.path)/client
              IdentitiesOnly yes
              StrictHostKeyChecking yes

            """, mode: 0o600)
        try start()
    }

    /// Starts it, or starts it again.
    public func start() throws {
        guard let path = programPath("sshd") else { throw XCTSkip("sshd is not installed") }
        let command = launcher + [path, "-D", "-e", "-f", configuration]
        guard let program = programPath(command[0]) else { throw XCTSkip("\(command[0]) is not installed") }
        let server = try BackgroundProgram(program, Array(command.dropFirst()))
        process = server
        let isUp = waitUntil { Self.canConnect(self.port) }
        if !isUp {
            stop()
            throw XCTSkip("sshd does not start here: \(server.errors)")
        }
    }

    /// The process that listens.
    public func identifier() throws -> pid_t {
        guard let process else { throw XCTSkip("sshd does not run") }
        return process.identifier
    }

    /// Ends the server; connections that are open go on.
    public func stop() {
        process?.end()
        process = nil
    }

    /// Makes a new host key, as if another machine had taken the address.
    public func changeHostKey() throws {
        stop()
        try FileManager.default.removeItem(atPath: folder.path + "/host")
        try FileManager.default.removeItem(atPath: folder.path + "/host.pub")
        _ = try run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder.path + "/host"])
        try start()
    }

    /// What `--target` wants.
    public var target: String { "ssh://127.0.0.1:\(port)" }

    deinit { stop() }

    /// A port of loopback that was free a moment ago.
    public static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard status == 0 else { throw XCTSkip("no port of loopback can be had") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether somebody listens on a port of loopback.
    public static func canConnect(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
