import Foundation

/// A folder that is gone when the test is.
public final class TemporaryDirectory: Sendable {
    /// The folder, absolute, without links.
    public let path: String

    /// Makes a folder.
    public init() throws {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        path = parent + "/test-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file with the folders above it and returns its path.
    @discardableResult
    public func file(_ name: String, _ contents: String, mode: Int = 0o644) throws -> String {
        try file(name, bytes: Array(contents.utf8), mode: mode)
    }

    /// Writes a file with the folders above it and returns its path.
    @discardableResult
    public func file(_ name: String, bytes: [UInt8], mode: Int = 0o644) throws -> String {
        let target = path + "/" + name
        let folder = (target as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: target))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: target)
        return target
    }

    /// Makes a folder below this one and returns its path.
    @discardableResult
    public func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return path + "/" + name
    }
}

/// Numbers that are the same in every run (xorshift64*).
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Begins with a seed other than 0.
    public init(seed: UInt64) { state = seed == 0 ? 1 : seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// So many bytes, eight at a time: megabytes byte by byte take seconds without optimization.
    public mutating func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for position in stride(from: 0, to: count, by: 8) {
                withUnsafeBytes(of: next()) { word in
                    UnsafeMutableRawBufferPointer(rebasing: raw[position..<min(position + 8, count)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: word[..<min(8, count - position)]))
                }
            }
            filled = count
        }
    }
}
