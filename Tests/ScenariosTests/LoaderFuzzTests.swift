import Documents
import Foundation
import MeshChecks
import Probes
import Scenarios
import TestSupport
import XCTest

/// Scenarios that random changes made out of those that are shipped: the loader neither crashes nor hangs, and what it
/// says always has a place inside the text.
final class LoaderFuzzTests: XCTestCase {
    private static let tokens = [
        "\t", "\n", "\r", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "!x ", "!!str ", "|\n", ">\n", "\"", "'", "${",
        "}", "$$", ":-", "<<: ", "? ", "---\n", "#", "\u{85}", "\u{2028}", "\u{feff}", "\0", "~", "null", "\\", "(",
        "+",
        "${a:-${b}", "\u{1b}", "\u{202e}", "needs: [a]\n", "for-each: [a]\n", "capture: {x: y}\n", "expect: {}\n",
        "99999999999999999999", "-1", "1e999", "0x", "[*]", "..", "matches: '(a+)+'", "in-cidr: ::/129", "now+1d",
    ].map { Array($0.utf8) }

    private func seeds() throws -> [[UInt8]] {
        let root = ShippedScenarioTests.folder
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".yaml") }.sorted()
        XCTAssertGreaterThan(paths.count, 10)
        return try paths.filter { !$0.hasSuffix("diagnoses.yaml") }.map {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: root + "/" + $0)))
        }
    }

    /// The head of a scenario and one of its checks with some others: small files are read by the thousand.
    private static func excerpt(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n")
        guard let first = lines.firstIndex(where: { $0.hasPrefix("  - id: ") }) else { return bytes }
        var checks: [[String]] = []
        for line in lines[first...] {
            // What other checks are needed is mostly not among these.
            if line.hasPrefix("    needs:") || line.hasPrefix("    after:") {
                if Int.random(in: 0..<4, using: &generator) > 0 { continue }
            }
            if line.hasPrefix("  - id: ") { checks.append([]) }
            checks[checks.count - 1].append(line)
        }
        let start = Int.random(in: 0..<checks.count, using: &generator)
        let some = checks[start..<min(checks.count, start + Int.random(in: 1...3, using: &generator))]
        return Array((Array(lines[..<first]) + some.flatMap { $0 }).joined(separator: "\n").utf8)
    }

    private static func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<7, using: &generator) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1 where place < bytes.count:
                bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &generator)))
            case 2:
                let start = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, start + Int.random(in: 0...60, using: &generator))
                bytes.insert(contentsOf: Array(bytes[start..<end]), at: place)
            case 3: if Bool.random(using: &generator) { bytes.removeSubrange(place...) }
            case 4 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            default: bytes.insert(contentsOf: tokens.randomElement(using: &generator) ?? [], at: place)
            }
        }
        return Array(bytes.prefix(1 << 15))
    }

    func testMutations() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FUZZ_SECONDS"].flatMap(Double.init) ?? 7
        let seed = environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 0x5ce4a
        let seeds = try seeds()
        let end = ContinuousClock.now + .seconds(seconds)
        let (runs, accepted) = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for worker in 0..<2 {
                group.addTask { try await Self.mutate(seeds, seed + UInt64(worker), until: end) }
            }
            var sum = (0, 0)
            for try await (runs, accepted) in group { sum = (sum.0 + runs, sum.1 + accepted) }
            return sum
        }
        print("\(runs) runs with seed \(seed), \(accepted) files accepted")
        XCTAssertGreaterThan(runs, 100)
        XCTAssertGreaterThan(accepted, 0)
    }

    /// How many files were read, and how many of them were accepted.
    private static func mutate(
        _ seeds: [[UInt8]], _ seed: UInt64, until end: ContinuousClock.Instant
    ) async throws -> (Int, Int) {
        var generator = SeededGenerator(seed: seed)
        // The text that is read at present stays there when the loader crashes.
        let folder = try TemporaryDirectory()
        var runs = 0
        var accepted = 0
        repeat {
            let whole = seeds.randomElement(using: &generator) ?? []
            let bytes = mutated(runs % 50 == 0 ? whole : excerpt(whole, &generator), &generator)
            if try await check(bytes, try folder.file("scenario.yaml", bytes: bytes)) { accepted += 1 }
            runs += 1
        } while ContinuousClock.now < end
        return (runs, accepted)
    }

    /// Whether the file was accepted.
    private static func check(_ bytes: [UInt8], _ path: String) async throws -> Bool {
        let began = ContinuousClock.now
        let text = SourceText(path: path, bytes: bytes)
        let lines = text.position(ofByte: bytes.count).line
        var found: Diagnostics
        let isAccepted: Bool
        do {
            found = try await ScenarioSuite.load(paths: [path], host: Host(root: "/nowhere"), kinds: .mesh).warnings
            isAccepted = true
        } catch {
            found = error.diagnostics
            isAccepted = false
            XCTAssertTrue(found.hasErrors, "refused without a reason: \(bytes)")
        }
        // A limit against work without end, far beyond what any machine needs.
        XCTAssertLessThan(ContinuousClock.now - began, .seconds(60), "\(bytes)")
        for item in found.all {
            guard let range = item.range else {
                XCTFail("\(item.code) has no place, \(item.message): \(bytes)")
                continue
            }
            let width = text.line(range.line).unicodeScalars.count
            XCTAssertTrue(
                (1...lines).contains(range.line) && (1...(width + 1)).contains(range.column),
                "\(item.code) at \(range.line):\(range.column) of \(lines) lines, \(width) columns: \(bytes)")
            XCTAssertTrue(
                (range.endLine, range.endColumn) >= (range.line, range.column),
                "\(item.code) ends before it begins: \(bytes)")
        }
        let shown = DiagnosticRenderer.text(found)
        let isClean = shown.unicodeScalars.allSatisfy {
            $0 == "\n" || ($0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0 != "\u{202e}")
        }
        XCTAssertTrue(isClean, "control characters reach the terminal: \(bytes)")
        return isAccepted
    }
}
