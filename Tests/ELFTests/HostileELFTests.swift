import ELF
import Foundation
import TestSupport
import XCTest

/// Files that are cut off, contradict themselves or are made to harm: each ends in an error or a value, in bounded work.
final class HostileELFTests: XCTestCase {
    private struct ReadFault: Error {}

    /// A small dynamic program, linked without the C library so that it stays small.
    private func smallProgram() throws -> [UInt8] {
        try requireProgram("gcc")
        let folder = try TemporaryDirectory()
        let source = try folder.file(
            "small.c", "#include <stdlib.h>\nint main(int c, char **v) { return c + !getenv(\"HOME\"); }\n")
        let output = folder.path + "/small"
        let result = try execute("gcc", ["-Os", "-s", "-Wl,--build-id,-z,noseparate-code", "-o", output, source])
        if result.status != 0 { throw XCTSkip("gcc cannot link: \(result.errors)") }
        return try contents(output)
    }

    private func error(of bytes: [UInt8], size: UInt64? = nil) -> ELFError? {
        do throws(ELFError) {
            _ = try ELFFile(reading: CountedBytes(bytes).read, size: size ?? UInt64(bytes.count))
            return nil
        } catch { return error }
    }

    func testOtherFilesAreNotELF() {
        XCTAssertEqual(error(of: [])?.description, "not an ELF file: begins with nothing, expected 7f 45 4c 46")
        XCTAssertEqual(
            error(of: Array("#!/bin/sh\n".utf8))?.description,
            "not an ELF file: begins with 23 21 2f 62, expected 7f 45 4c 46")
        XCTAssertEqual(error(of: [0x7f, 0x45])?.code, .notELF)
        XCTAssertTrue(ELFFile.isELF(prefix: [0x7f, 0x45, 0x4c, 0x46, 9]))
        XCTAssertFalse(ELFFile.isELF(prefix: [0x7f, 0x45, 0x4c]))
    }

    func testBadIdentification() {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 3, 1, 1] + [UInt8](repeating: 0, count: 57)
        XCTAssertEqual(error(of: bytes)?.description, "bad class at offset 4: 3, expected 1 (32 bits) or 2 (64 bits)")
        bytes[4] = 2
        bytes[5] = 0
        XCTAssertEqual(
            error(of: bytes)?.description, "bad byte order at offset 5: 0, expected 1 (little endian) or 2 (big endian)"
        )
        XCTAssertEqual(
            error(of: [0x7f, 0x45, 0x4c, 0x46, 2, 1] + [UInt8](repeating: 0, count: 14))?.description,
            "ELF header at offset 0 cut off: the file has 20 bytes, expected 64 bytes there")
    }

    func testEveryShorterFileIsCutOff() throws {
        let bytes = try smallProgram()
        XCTAssertNil(error(of: bytes))
        for length in 4..<bytes.count {
            let found = error(of: Array(bytes[..<length]))
            XCTAssertEqual(found?.code, .truncated, "\(length) bytes: \(found?.description ?? "no error")")
        }
    }

    func testCutOffFileWithoutSectionHeaders() throws {
        var bytes = try smallProgram()
        for place in (40..<48).map({ $0 }) + (58..<64).map({ $0 }) { bytes[place] = 0 }
        XCTAssertNil(error(of: bytes))
        let found = error(of: Array(bytes.prefix(bytes.count / 2)))
        XCTAssertEqual(found?.code, .truncated)
        XCTAssertEqual(found?.subject, "segment")
    }

    func testReadFaultIsKept() throws {
        let bytes = try smallProgram()
        var calls = 0
        XCTAssertThrowsError(
            try ELFFile(
                reading: { offset, count in
                    calls += 1
                    if calls > 1 { throw ReadFault() }
                    return Array(bytes[Int(offset)...].prefix(count))
                }, size: UInt64(bytes.count))
        ) { error in
            XCTAssertEqual((error as? ELFError)?.code, .unreadable)
            XCTAssertTrue((error as? ELFError)?.cause is ReadFault)
        }
    }

    func testFileThatShrinksWhileItIsRead() throws {
        let bytes = try smallProgram()
        XCTAssertEqual(error(of: Array(bytes.prefix(5000)), size: UInt64(bytes.count))?.code, .truncated)
    }

    func testManyProgramHeadersAreRefused() throws {
        var bytes = try smallProgram()
        bytes[56] = 0xff
        bytes[57] = 0xff
        XCTAssertEqual(
            error(of: bytes)?.description,
            "bad number of program headers at offset 56: 65535, expected at most 1170")
    }

    /// A section header count that only the first header has room for, and that no file can hold.
    func testExtendedSectionNumberIsBounded() {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 121)
        bytes[16] = 1
        bytes[40] = 64
        bytes[58] = 64
        for place in 96..<104 { bytes[place] = 0xff }
        XCTAssertEqual(
            error(of: bytes)?.description,
            "bad number of section headers at offset 64: 18446744073709551615, expected at most 1048576")
    }

    /// Sixteen bytes that name the same long string again and again must not become gigabytes.
    func testRepeatedLongNamesAreBounded() {
        let dynamicOffset = 64 + 2 * 56
        let entries = 60_000
        let stringOffset = dynamicOffset + (entries + 2) * 16
        let stringSize = 60_000
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
        func number(_ value: Int, _ width: Int) -> [UInt8] { (0..<width).map { UInt8(value >> ($0 * 8) & 0xff) } }
        bytes += number(3, 2) + number(62, 2) + number(1, 4) + number(0, 8) + number(64, 8) + number(0, 8)
        bytes += number(0, 4) + number(64, 2) + number(56, 2) + number(2, 2) + number(0, 6)
        let total = stringOffset + stringSize
        func segment(_ type: Int, _ offset: Int, _ size: Int) -> [UInt8] {
            number(type, 4) + number(4, 4) + number(offset, 8) + number(offset, 8) + number(offset, 8)
                + number(size, 8) + number(size, 8) + number(8, 8)
        }
        bytes += segment(1, 0, total) + segment(2, dynamicOffset, (entries + 2) * 16)
        for _ in 0..<entries { bytes += number(1, 8) + number(0, 8) }
        bytes += number(5, 8) + number(stringOffset, 8) + number(0, 16)
        bytes += [UInt8](repeating: 0x61, count: stringSize - 1) + [0]
        XCTAssertEqual(bytes.count, total)
        let source = CountedBytes(bytes)
        XCTAssertThrowsError(try source.parse()) { error in
            XCTAssertEqual((error as? ELFError)?.found, "more than 4 MiB of names")
        }
        XCTAssertLessThan(source.requested, 16 << 20)
    }

    // MARK: - random faults

    /// Mutations of a real file, the same in every run; `FUZZ_SECONDS` makes the run longer.
    func testRandomMutations() throws {
        let original = try smallProgram()
        let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap(Double.init)
        let deadline = seconds.map { Date().addingTimeInterval($0) }
        var generator = SeededGenerator(seed: 0x454c46)
        var sound = 0
        var faults: [ELFError.Code: Int] = [:]
        var runs = 0
        while deadline.map({ Date() < $0 }) ?? (runs < 4000) {
            runs += 1
            let source = CountedBytes(mutate(original, &generator))
            do throws(ELFError) {
                let elf = try source.parse()
                XCTAssertLessThanOrEqual(elf.needed.count, 65_536)
                sound += 1
            } catch {
                XCTAssertFalse(error.description.isEmpty)
                faults[error.code, default: 0] += 1
            }
            XCTAssertLessThan(source.requested, 512 << 20, "run \(runs)")
            XCTAssertLessThan(source.calls, 400_000, "run \(runs)")
        }
        print("ELF: \(runs) mutated files, \(sound) read, \(faults)")
        XCTAssertGreaterThan(sound, 0)
        XCTAssertGreaterThan(faults[.truncated] ?? 0, 0)
        XCTAssertGreaterThan(faults[.malformed] ?? 0, 0)
    }

    private func mutate(_ original: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = original
        let special: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        // Half of the changes go where the structure is: the headers, and the first pages with notes and strings.
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            let bound = Bool.random(using: &generator) ? min(1024, bytes.count) : bytes.count
            let place = Int.random(in: 0..<bound, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[place] = special.randomElement(using: &generator) ?? 0
            case 2: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
            case 3:
                // A whole number becomes huge.
                for index in place..<min(place + 8, bytes.count) { bytes[index] = 0xff }
            case 4:
                let source = Int.random(in: 0..<bytes.count, using: &generator)
                let count = min(Int.random(in: 1...64, using: &generator), bytes.count - max(source, place))
                bytes.replaceSubrange(place..<(place + count), with: Array(bytes[source..<(source + count)]))
            default:
                if Int.random(in: 0..<8, using: &generator) == 0, bytes.count > 2048 {
                    bytes.removeLast(Int.random(in: 1...1024, using: &generator))
                } else {
                    bytes[place] = bytes[place] &+ 1
                }
            }
        }
        return bytes
    }
}
