import Documents
import Foundation
import TestSupport
import XCTest

/// Files that random changes made out of good ones: nothing crashes or hangs, and a refusal always has its reason.
final class MutationFuzzTests: XCTestCase {
    private static let seeds = [
        "name: x\nversion: 1.30\nenabled: true\ncount: 3\nmode: '0644'\nlevel: low\ntags: [a, b]\n"
            + "labels: {a: b}\nsteps:\n  - run: ls -l\n    mode: 0600\n  - wait: 5\nremark: ~\nlimit: 7\nport: ':80'\n",
        "name: ${a}-${b:-${c}}\nvariables:\n  a: x${b}\n  b: \"${env:HOME}\"\n  c: $$\n",
        "include: [a.yaml, b.yaml]\nname: &n x\ntags: [*n, *n]\nlabels: !replace {k: |\n  v}\n",
        "%YAML 1.1\n--- # comment\nname: >-\n  folded\n\n  text\n? complex\n: \"\\u00e9\\x41\\n\"\n...\n",
        "\u{feff}name: '名前 🙂'\r\nversion: \"a\\\n  b\"\r\nremark: |2-\n    x\n\ttab\n",
    ]

    private static let tokens = [
        "\t", "\n", "\r", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "!x ", "!!str ", "|\n", ">\n", "\"", "'", "${",
        "}", "$$", ":-", "<<: ", "? ", "---\n", "...\n", "%TAG ! x\n", "#", "\u{85}", "\u{2028}", "\u{feff}", "\0",
        "~", "null", "\\", "include: plan.yaml\n", "${a:-${b}", "\u{1b}", "\u{202e}",
    ].map { Array($0.utf8) }

    private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1 where place < bytes.count:
                let end = min(bytes.count, place + Int.random(in: 1...20, using: &generator))
                bytes.removeSubrange(place..<end)
            case 2:
                let start = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, start + Int.random(in: 0...60, using: &generator))
                bytes.insert(contentsOf: Array(bytes[start..<end]), at: place)
            case 3: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: Self.tokens.randomElement(using: &generator) ?? [], at: place)
            }
        }
        return Array(bytes.prefix(1 << 14))
    }

    func testMutations() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FUZZ_SECONDS"].flatMap(Double.init) ?? 2
        let seed = environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 0x5eed
        var generator = SeededGenerator(seed: seed)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        var runs = 0
        var accepted = 0
        repeat {
            let bytes = mutated(Array((Self.seeds.randomElement(using: &generator) ?? "").utf8), &generator)
            let other = mutated(Array((Self.seeds.randomElement(using: &generator) ?? "").utf8), &generator)
            if check(bytes, other) { accepted += 1 }
            runs += 1
        } while clock.now < end
        print("\(runs) runs with seed \(seed), \(accepted) files accepted")
    }

    /// Whether the file was accepted.
    private func check(_ bytes: [UInt8], _ other: [UInt8]) -> Bool {
        struct Missing: Error {}
        let resolver = IncludeResolver(readFile: { path in
            switch path {
            case "plan.yaml": return bytes
            case "a.yaml", "b.yaml": return other
            default: throw Missing()
            }
        })
        var diagnostics = Diagnostics()
        var value: Plan?
        if let node = resolver.load("plan.yaml", diagnostics: &diagnostics) {
            var scope = VariableScope(environment: ["HOME": "/root"])
            scope.define(node[key: "variables"], diagnostics: &diagnostics)
            let expanded = VariableExpansion.expand(
                node.removing(keys: ["variables"]), scope: scope, diagnostics: &diagnostics)
            value = expanded.flatMap { PlanShapes.plan.decode($0, &diagnostics) }
        }
        XCTAssertTrue(value != nil || diagnostics.hasErrors, "refused without a reason: \(bytes)")
        let text = DiagnosticRenderer.text(diagnostics)
        let isClean = text.unicodeScalars.allSatisfy {
            $0 == "\n" || ($0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) && $0 != "\u{202e}")
        }
        XCTAssertTrue(isClean, "control characters reach the terminal: \(bytes)")
        let json = Data(DiagnosticRenderer.json(diagnostics).utf8)
        XCTAssertNoThrow(try JSONSerialization.jsonObject(with: json), "\(bytes)")
        for item in diagnostics.all {
            guard let range = item.range else { continue }
            XCTAssertTrue(range.line >= 1 && range.column >= 1, "\(range.place): \(bytes)")
        }
        return value != nil && !diagnostics.hasErrors
    }
}
