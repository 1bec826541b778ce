import ELF
import Foundation
import TestSupport

/// Bytes that count what is asked of them.
final class CountedBytes {
    let bytes: [UInt8]
    private(set) var calls = 0
    private(set) var requested = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func read(_ offset: UInt64, _ count: Int) -> [UInt8] {
        calls += 1
        requested += count
        guard offset < UInt64(bytes.count) else { return [] }
        return Array(bytes[Int(offset)...].prefix(count))
    }

    func parse() throws(ELFError) -> ELFFile { try ELFFile(reading: read, size: UInt64(bytes.count)) }
}

extension ELFFile {
    /// Reads a file of the file system at random places.
    init(path: String) throws {
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        let size = try handle.seekToEnd()
        try self.init(
            reading: { offset, count in
                try handle.seek(toOffset: offset)
                return [UInt8](try handle.read(upToCount: count) ?? Data())
            }, size: size)
    }

    init(bytes: [UInt8]) throws(ELFError) { self = try CountedBytes(bytes).parse() }
}

func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// `run` of the test support, which inside a test case is the name of XCTest's own method.
func execute(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> RunResult {
    try run(program, arguments, environment: environment)
}
