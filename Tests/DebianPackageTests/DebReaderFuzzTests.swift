import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// Damaged packages: a typed error or a value, never a crash, a hang or unbounded memory.
final class DebReaderFuzzTests: XCTestCase {
    private var limits: DebReadLimits {
        var limits = DebReadLimits()
        limits.entries = 5_000
        limits.dataBytes = 64 << 20
        limits.controlBytes = 4 << 20
        return limits
    }

    /// Sound packages to start from, small and of every compression.
    private func seeds(_ folder: TemporaryDirectory) throws -> [[UInt8]] {
        var seeds = [TinyDeb.of()]
        for compression in [["-Znone"], ["-Zgzip"], ["-Zxz", "-z0"], ["-Zzstd", "-z1"]] {
            let path = try PackageTree.proxy().build(in: folder.path, compression: compression)
            seeds.append([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        }
        return seeds
    }

    /// Reads a package and whatever is made of one; returns whether it was taken.
    private func exercise(_ bytes: [UInt8], _ folder: TemporaryDirectory, _ label: @autoclosure () -> String) throws
        -> Bool
    {
        let path = try folder.file("fuzz.deb", bytes: bytes)
        // Typed throws: the compiler knows that nothing else comes out of the reader.
        do throws(DebReadError) {
            let image = try DebReader.read(path, limits: limits)
            let findings = LintRegistry.everything.findings(in: image)
            _ = LintReport(subject: path, findings: findings).text()
            let report = PackageReport(image)
            XCTAssertFalse(report.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }, label())
            _ = report.json.compact
            XCTAssertTrue(PackageDiff.compare(image, image).isEmpty, label())
            return true
        } catch {
            XCTAssertFalse(error.expected.isEmpty, label())
            return false
        }
    }

    func testTruncationsAt200Places() throws {
        let folder = try TemporaryDirectory()
        for seed in try seeds(folder) {
            for step in 0..<40 {
                let length = seed.count * step / 40
                let taken = try exercise(Array(seed.prefix(length)), folder, "the first \(length) bytes")
                XCTAssertFalse(taken, "the first \(length) of \(seed.count) bytes were taken for a package")
            }
        }
    }

    func testMutations() throws {
        let folder = try TemporaryDirectory()
        let seeds = try seeds(folder)
        let seconds = ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap(Double.init)
        let end = seconds.map { Date().addingTimeInterval($0) }
        var generator = SeededGenerator(seed: seconds == nil ? 20_261_123 : UInt64.random(in: 1...UInt64.max))
        let before = Self.residentKibibytes()
        var taken = 0
        var rounds = 0
        while end.map({ Date() < $0 }) ?? (rounds < 3000) {
            rounds += 1
            var bytes: [UInt8]
            if rounds % 3 == 0 {
                bytes = Self.structured(&generator)
            } else {
                bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
            }
            Self.mutate(&bytes, &generator)
            if try exercise(bytes, folder, "round \(rounds)") { taken += 1 }
        }
        XCTAssertGreaterThan(taken, rounds / 50, "hardly any mutation was read: the mutator is too coarse")
        XCTAssertLessThan(taken, rounds, "no mutation was refused")
        XCTAssertLessThan(Self.residentKibibytes() - before, 256 << 10, "memory grew by more than 256 MiB")
    }

    // MARK: - mutators

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0...4, using: &generator) where bytes.count > 16 {
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            let length = min(Int.random(in: 1...64, using: &generator), bytes.count - index)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.removeSubrange(index..<index + length)
            case 3: bytes.insert(contentsOf: bytes[index..<index + length], at: index)
            case 4:
                for place in index..<index + length {
                    bytes[place] = [0, 0xff, 0x37, 0x80].randomElement(using: &generator) ?? 0
                }
            default:
                let other = Int.random(in: 0..<bytes.count - length + 1, using: &generator)
                let copy = Array(bytes[other..<other + length])
                bytes.replaceSubrange(index..<index + length, with: copy)
            }
        }
    }

    /// Tars whose fields are wrong and whose checksums are right, so that the reader looks further.
    private static func structured(_ generator: inout SeededGenerator) -> [UInt8] {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
        func text(_ limit: Int) -> String {
            String(
                decoding: (0..<Int.random(in: 0...limit, using: &generator)).map { _ in
                    UInt8.random(in: 1...255, using: &generator)
                },
                as: UTF8.self)
        }
        let scripts = [
            "#!/bin/sh\ncase $1 in a) x;; esac", "#!/bin/sh\n" + text(200), "$(((((`'\"", "<<EOF\n<<-\n", text(40),
        ]
        var control = TinyTar()
        control.add("./", type: "5")
        control.add(
            "./control",
            contents: Array(
                (pick([TinyDeb.control, "A: " + text(30) + "\n", "Package: a\nDepends: " + text(20) + "\n"])).utf8))
        for name in ["postinst", "prerm", "conffiles", "md5sums", "triggers"] where Bool.random(using: &generator) {
            control.add(name, contents: Array(pick(scripts).utf8), mode: pick(["0000755", "0000644", "7777777"]))
        }
        var data = TinyTar()
        for _ in 0..<Int.random(in: 0...8, using: &generator) {
            let contents = pick([
                [], Array(text(100).utf8), TinyELF().bytes, Array(TinyELF().bytes.prefix(100)), Array(scripts[0].utf8),
            ])
            data.add(
                pick([
                    "./usr/bin/x", "./lib/systemd/system/istio.service", "./a", "./", "", "/", "./" + text(60),
                    "./x.json", "./x.env",
                ]),
                type: pick(["0", "0", "0", "5", "2", "1", "L", "K", "7", "3", "6"]), contents: contents,
                mode: pick(["0000755", "0000644", "0006777", "zzzzzzz"]),
                link: pick(["", "x", "../../..", "/etc/passwd", text(20)]),
                size: pick([nil, nil, nil, nil, "00000000000", "77777777777", "\u{7f}\u{1}"]),
                owner: pick([("root", "0000000"), ("", "0001750"), (text(20), "7777777")]),
                magic: pick(["ustar  \0", "ustar\u{0}00", ""]), time: pick(["00000000000", "77777777777", "x"]))
        }
        return TinyDeb.of(control: control.finished, data: data.finished)
    }

    /// The greatest resident size so far (getrusage(2)).
    private static func residentKibibytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }
}
