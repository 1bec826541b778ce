import Foundation
import TestSupport
import XCTest

@testable import DebianArchive

/// A dictionary's size stands in a few bytes of a header: what a package may make a decoder ask for has a bound.
final class DecoderMemoryTests: XCTestCase {
    private func compressed(_ program: String, _ options: [String], _ bytes: [UInt8]) throws -> [UInt8] {
        try requireProgram(program)
        let folder = try TemporaryDirectory()
        let path = try folder.file("data", bytes: bytes)
        let result = try TestSupport.run(
            "sh", ["-c", "\(program) \(options.joined(separator: " ")) <\"$1\" >\"$1.z\"", "sh", path])
        XCTAssertEqual(result.status, 0, result.errors)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".z")))
    }

    /// CRC-32 as xz has it (RFC 1952).
    private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { register, byte in
            (0..<8).reduce(register ^ UInt32(byte)) { value, _ in
                value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1
            }
        }
    }

    /// An xz stream whose first block says that it has a dictionary of 3 << 29 bytes.
    private func greedyXz(_ bytes: [UInt8]) throws -> [UInt8] {
        var stream = try compressed("xz", ["-c", "-0", "--threads=1"], bytes)
        let size = (Int(stream[12]) + 1) * 4
        let header = 12..<12 + size
        let filter = try XCTUnwrap(header.first { stream[$0] == 0x21 && stream[$0 + 1] == 1 })
        stream[filter + 2] = 37
        let sum = checksum(stream[header.lowerBound..<header.upperBound - 4])
        for index in 0..<4 {
            stream[header.upperBound - 4 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index))
        }
        return stream
    }

    private func greedyLzma(_ bytes: [UInt8]) throws -> [UInt8] {
        var stream = try compressed("xz", ["-c", "-0", "--format=lzma"], bytes)
        stream.replaceSubrange(1..<5, with: [0, 0, 0, 0x60])
        return stream
    }

    /// A frame of raw blocks with a window of a power of two (RFC 8878 section 3.1.1).
    private func zstd(_ bytes: [UInt8], windowLog: UInt8) -> [UInt8] {
        var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(1000)
            rest = rest.dropFirst(1000)
            let header = block.count << 3 | (rest.isEmpty ? 1 : 0)
            frame += [UInt8(header & 0xff), UInt8(header >> 8 & 0xff), UInt8(header >> 16)] + block
        } while !rest.isEmpty
        return frame
    }

    private func read(_ name: String, _ data: [UInt8], memory: Int64? = nil) throws -> PackageImage {
        let folder = try TemporaryDirectory()
        let path = try folder.file("x.deb", bytes: TinyDeb.of(data: data, dataName: name))
        var limits = DebReadLimits()
        if let memory { limits.decoderMemory = memory }
        return try DebReader.read(path, limits: limits)
    }

    func testGreedyDictionariesAreRefusedAndCanBeAllowed() throws {
        let tar = TinyDeb.dataTar().finished
        let half = tar.count / 2
        let cases: [(name: String, data: [UInt8])] = [
            ("data.tar.xz", try greedyXz(tar)), ("data.tar.lzma", try greedyLzma(tar)),
            ("data.tar.zst", zstd(tar, windowLog: 31)),
            // Not in the first frame or stream, and behind one that says nothing.
            ("data.tar.zst", zstd(Array(tar[..<half]), windowLog: 20) + zstd(Array(tar[half...]), windowLog: 30)),
            (
                "data.tar.zst",
                zstd(Array(tar[..<half]), windowLog: 20) + [0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
                    + zstd(Array(tar[half...]), windowLog: 28)
            ),
            (
                "data.tar.xz",
                try compressed("xz", ["-c", "-0"], Array(tar[..<half])) + greedyXz(Array(tar[half...]))
            ),
        ]
        for (number, (name, data)) in cases.enumerated() {
            XCTAssertThrowsError(try read(name, data), "\(number)") { error in
                XCTAssertEqual((error as? DebReadError)?.code, .memory, "\(number): \(error)")
                XCTAssertTrue("\(error)".contains("must be <=135266304"), "\(error)")
            }
            do {
                let image = try read(name, data, memory: 4 << 30)
                XCTAssertEqual(image.entries.count, 4, "\(number)")
            } catch {
                // libarchive does not let every version of libzstd go beyond 128 MiB.
                XCTAssertEqual((error as? DebReadError)?.code, .memory, "\(number): \(error)")
                XCTAssertEqual(name, "data.tar.zst")
            }
        }
    }

    func testWhatTheProgramsWriteIsRead() throws {
        let tar = TinyDeb.dataTar().finished
        XCTAssertEqual(try read("data.tar.xz", compressed("xz", ["-c", "-9e"], tar)).entries.count, 4)
        XCTAssertEqual(
            try read("data.tar.lzma", compressed("xz", ["-c", "-9e", "--format=lzma"], tar)).entries.count, 4)
        for options in [["-19"], ["--ultra", "-22"], ["--long=27", "-1"], ["-1", "--no-check"], ["--fast=5"]] {
            let data = try compressed("zstd", ["-q", "-c"] + options, tar)
            XCTAssertEqual(try read("data.tar.zst", data).entries.count, 4, "\(options)")
        }
        var large = TinyTar()
        for index in 0..<40 {
            large.add("./f\(index)", contents: (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* index >> 3) })
        }
        for options in [["-3"], ["-1", "-T0"], ["--long=24", "-6"], ["-B100KB", "-T2"]] {
            let data = try compressed("zstd", ["-q", "-c"] + options, large.finished)
            XCTAssertEqual(try read("data.tar.zst", data).entries.count, 40, "\(options)")
        }
        let parallel = try compressed("xz", ["-c", "-T2", "--block-size=100000"], large.finished)
        XCTAssertEqual(try read("data.tar.xz", parallel).entries.count, 40)
    }

    func testBrokenStreamsAreErrors() throws {
        let tar = TinyDeb.dataTar().finished
        for (name, data) in [
            ("data.tar.xz", try compressed("xz", ["-c"], tar)),
            ("data.tar.zst", try compressed("zstd", ["-q", "-c"], tar)),
            ("data.tar.lzma", try compressed("xz", ["-c", "--format=lzma"], tar)),
        ] {
            for length in [8, data.count / 2, data.count - 1] {
                XCTAssertThrowsError(try read(name, Array(data[..<length])), "\(name) of \(length) bytes")
            }
            XCTAssertThrowsError(try read(name, data + Array("garbage!".utf8)), name)
        }
    }
}
