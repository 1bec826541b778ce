import Documents
import MeshChecks
import Probes
import Scenarios
import TestSupport
import XCTest

/// A scenario with one mistake; `«` stands in front of the character that the mistake is reported at.
struct Mistake {
    let code: String
    let text: String
    let line: UInt

    init(_ code: String, _ text: String, line: UInt = #line) {
        self.code = code
        self.text = text
        self.line = line
    }

    /// One check with an id and a title, and what a test has to say of it; line 5 is the first of that.
    static func check(_ code: String, _ lines: String, line: UInt = #line) -> Mistake {
        Mistake(code, "name: t\nchecks:\n" + one(lines), line: line)
    }

    /// Checks of the ids `a`, `b` and so on; each is a file unless it says something else.
    static func checks(_ code: String, _ bodies: [String], line: UInt = #line) -> Mistake {
        let text = zip(["a", "b", "c", "d"], bodies).map { one("file: /a\nexpect: {exists: true}\n" + $1, id: $0) }
        return Mistake(code, "name: t\nchecks:\n" + text.joined(), line: line)
    }

    /// A check of a file with further keys.
    static func file(_ code: String, _ lines: String, line: UInt = #line) -> Mistake {
        check(code, "file: /a\nexpect: {exists: true}\n" + lines, line: line)
    }

    /// A check with something wrong in what it expects of a file.
    static func expecting(_ code: String, _ expectation: String, line: UInt = #line) -> Mistake {
        check(code, "file: /a\nexpect: " + expectation, line: line)
    }

    private static func one(_ lines: String, id: String = "a") -> String {
        "  - id: \(id)\n    title: T\n"
            + lines.split(separator: "\n").map { "    \($0)\n" }.joined()
    }

    /// The text without the mark, and where the mark stood.
    var parts: (text: String, line: Int, column: Int) {
        let before = text.prefix { $0 != "«" }
        let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
        return (text.replacing("«", with: ""), lines.count, (lines.last?.count ?? 0) + 1)
    }
}

/// What the loader says of scenarios that are wrong: each at its place, all at once, before anything runs.
final class LoaderTests: XCTestCase {
    private static let syntax: [Mistake] = [
        Mistake("type", "«"), Mistake("type", "«# nothing\n"), Mistake("type", "«- a\n"), Mistake("type", "«hello\n"),
        Mistake("type", "---\n##  «"),
        Mistake("tab", "name: t\nchecks:\n«\t- id: a\n"), Mistake("yaml", "name: t\nchecks: [«\n"),
        Mistake("yaml", "name: «'t\nchecks: []\n"), Mistake("yaml", "name: t\n checks«: []\n"),
        Mistake("alias", "name: «*x\nchecks: [a]\n"), Mistake("yaml", "name: t«\0\nchecks: [a]\n"),
        Mistake("key", "name: t\n? «[a, b]\n: c\n"),
        .check("documents", "file: /a\nexpect: {exists: true}").behind("«---\nname: u\n"),
        .check("tag", "file: «!foo /a\nexpect: {exists: true}"),
        .expecting("merge-key", "{exists: true, «<<: {exists: true}}"),
        Mistake("duplicate-key", "name: t\n«name: u\nchecks: [a]\n"), .file("duplicate-key", "«title: again"),
        .expecting("duplicate-key", "{exists: true, «exists: false}"),
    ]

    private static let structure: [Mistake] = [
        Mistake("no-checks", "name: t\nchecks: «[]\n"), Mistake("no-checks", "name: t\nchecks: «{a: b}\n"),
        Mistake("no-checks", "name: t\nchecks:«\n"), Mistake("type", "name: t\nchecks: [«hello]\n"),
        Mistake("missing-key", "«checks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n"),
        Mistake("identifier", "name: «'../x'\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n"),
        Mistake(
            "unknown-key", "name: t\n«titel: x\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n"),
        Mistake("missing-key", "name: t\nchecks:\n  - «title: T\n    file: /a\n    expect: {exists: true}\n"),
        Mistake("missing-key", "name: t\nchecks:\n  - «id: a\n    file: /a\n    expect: {exists: true}\n"),
        Mistake("missing-value", "name: t\nchecks:\n  - {id: a, title: «'', file: /a, expect: {exists: true}}\n"),
        Mistake("identifier", "name: t\nchecks:\n  - {id: «a b, title: T, file: /a, expect: {exists: true}}\n"),
        .file("unknown-key", "«timeoutt: 5s"), .check("unknown-kind", "«fil: /a\nexpect: {exists: true}"),
        Mistake("missing-subject", "name: t\nchecks:\n  - «id: a\n    title: T\n    expect: {exists: true}\n"),
        .check("several-subjects", "file: /a\n«user: root\nexpect: {exists: true}"),
        .file("enumeration", "severity: «fatal"), .file("type", "tags: «{a: b}"), .file("missing-value", "run-as: «''"),
        .checks("duplicate-id", [""]).behind("  - {id: «a, title: T, file: /b, expect: {exists: true}}\n"),
        .file("empty-condition", "when: «{}"), .file("unknown-condition", "when: {«pakage.x: installed}"),
        .file("unknown-condition", "when: {«package.: installed}"), .file("enumeration", "when: {package.x: «there}"),
        .file("parameter", "when: {«file.etc: exists}"), .file("type", "when: «[root]"),
        .check("empty-list", "for-each: «[]\nfile: /a\nexpect: {exists: true}"),
        .check("type", "for-each: «{a: b}\nfile: /a\nexpect: {exists: true}"),
    ]

    private static let expectations: [Mistake] = [
        Mistake("empty-expectation", "name: t\nchecks:\n  - «id: a\n    title: T\n    file: /a\n"),
        .expecting("empty-expectation", "«{}"), .check("empty-expectation", "file: /a\nexpect:«"),
        .expecting("empty-expectation", "{«exists: }"), .expecting("empty-expectation", "{exists: «{}}"),
        .expecting("type", "{mode: {all: «[]}}"), .expecting("type", "{mode: {any: «[]}}"),
        .expecting("empty-expectation", "{mode: {one-of: «[]}}"), .expecting("empty-expectation", "{mode: {not: «{}}}"),
        .expecting("empty-expectation", "{lines: {contains-all: «[]}}"),
        .expecting("empty-expectation", "{lines: {each: «{}}}"),
        .expecting("empty-expectation", "{lines: {only: «[]}}"),
        .expecting("empty-expectation", "{contents: {contains: «''}}"),
        .expecting("empty-expectation", "{contents: {starts-with: «''}}"),
        .expecting("empty-expectation", "{contents: {ends-with: «\"\"}}"),
        .expecting("empty-expectation", "{contents: {matches: «''}}"),
        .check("empty-expectation", "dns: a\nexpect: {addresses: {some: {in-cidr: «[]}}}"),
        .expecting("unknown-attribute", "{«exist: true}"), .expecting("unknown-matcher", "{mode: {«equal: '0644'}}"),
        .expecting("matcher-type", "{exists: {«at-least: 3}}"), .expecting("type", "{exists: «maybe}"),
        .expecting("type", "{size: «big}"), .expecting("type", "{mode: {all: «{equals: a}}}"),
        .expecting("type", "{mode: {present: «si}}"), .expecting("type", "{lines: {count: «many}}"),
        .expecting("between", "{size: {between: «[5, 1]}}"), .expecting("type", "{size: {between: «[5]}}"),
        .expecting("path", "{«mode.x: 1}"), .check("path", "http: http://a/\nexpect: {'json.hosts«[x]': 1}"),
        .expecting("regular-expression", "{contents: {matches: '(«'}}"),
        .expecting("regular-expression", "{contents: {matches: '[z-«a]'}}"),
        .check("cidr", "dns: a\nexpect: {addresses: {some: {in-cidr: «10.0.0.0/33}}}"),
        .check("cidr", "dns: a\nexpect: {addresses: {some: {in-cidr: [10.0.0.0/8, «office]}}}"),
        .check("version", "package: a\nexpect: {version: {version: {at-least: '1:2:«_'}}}"),
        .check("time", "certificate: /a\nexpect: {not-after: {after: «tomorrow}}"),
        .check("duration", "http: http://a/\nexpect: {duration: {below: «5}}"),
    ]

    private static let parameters: [Mistake] = [
        .check("unknown-parameter", "file: {path: /a, «pth: /b}\nexpect: {exists: true}"),
        .check("unknown-parameter", "file: {path: /a, «exists: true}\nexpect: {exists: true}"),
        .check("missing-parameter", "«file: {}\nexpect: {exists: true}"),
        .check("type", "port: «http\nexpect: {listening: true}"),
        .check("parameter", "port: «70000\nexpect: {listening: true}"),
        .check("parameter", "port: {port: «0}\nexpect: {listening: true}"),
        .check("parameter", "tcp: «localhost:99999\nexpect: {connected: true}"),
        .check("parameter", "tcp: «localhost\nexpect: {connected: true}"),
        .check("parameter", "tls: {address: «localhost}\nexpect: {handshake: true}"),
        .check("parameter", "http: «ftp://x/\nexpect: {status: 200}"),
        .check("parameter", "http: «http://x:99999/\nexpect: {status: 200}"),
        .check("parameter", "file: «etc/passwd\nexpect: {exists: true}"),
        .check("parameter", "dns: {name: a, server: «'1.2.3.4:99999'}\nexpect: {exists: true}"),
        .check("enumeration", "dns: {name: a, type: «AX}\nexpect: {exists: true}"),
        .check("parameter", "command: «ls -l\nexpect: {exit-status: 0}"),
        .check("parameter", "command: «[]\nexpect: {exit-status: 0}"),
        .check("parameter", "log: {path: /a, since: «yesterday}\nexpect: {exists: true}"),
        .check("parameter", "log: {path: /a, since: «10}\nexpect: {exists: true}"),
        .check("type", "log: {path: /a, patterns: «[]}\nexpect: {exists: true}"),
        .check("missing-value", "log: {path: /a, patterns: [{name: x, pattern: «''}]}\nexpect: {exists: true}"),
        .check("type", "log: {path: /a, patterns: [{name: x, pattern: «5}]}\nexpect: {exists: true}"),
        .check("missing-key", "log: {path: /a, patterns: [«{name: x}]}\nexpect: {exists: true}"),
        .check("regular-expression", "log: {path: /a, patterns: [{name: x, pattern: '(«'}]}\nexpect: {exists: true}"),
        .check(
            "unknown-pattern", "log: {path: /a, patterns: [{name: x, pattern: y}], after: «z}\nexpect: {exists: true}"),
    ]

    private static let relations: [Mistake] = [
        .check("undefined-variable", "file: /«${nowhere}\nexpect: {exists: true}"),
        .check("undefined-variable", "file: /«${item}\nexpect: {exists: true}"),
        .check("variable-syntax", "file: /«${nowhere\nexpect: {exists: true}"),
        .file("undefined-variable", "when: {«variable.nowhere: set}"),
        Mistake(
            "variable-cycle",
            "name: t\nvariables: {a: «'${b}', b: '${a}'}\nchecks:\n  - {id: a, title: T, file: '/${a}', expect: {exists: true}}\n"
        ),
        Mistake(
            "variable-name",
            "name: t\nvariables: {«'a b': 1}\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n"),
        Mistake("type", "name: t\nvariables: «[a]\nchecks:\n  - {id: a, title: T, file: /a, expect: {exists: true}}\n"),
        .file("unknown-id", "needs: [«zzz]"), .file("type", "needs: «{b: c}"), .file("missing-value", "needs:«"),
        .file("needs-cycle", "needs: [«a]"),
        .checks("needs-cycle", ["needs: [b]", "needs: [c]", "needs: [«a]"]),
        .checks("needs-cycle", ["needs: [b]", "after: [«a]"]),
        .file("duration", "timeout: «5"), .file("duration", "timeout: «-5s"), .file("duration", "timeout: «0s"),
        .file("duration", "timeout: «soon"), .file("duration", "timeout: «999999999h"),
        .file("duration", "eventually: {within: «10, every: 1s}"), .file("missing-key", "eventually: «{every: 1s}"),
        .file("unknown-key", "eventually: {within: 10s, «evry: 1s}"), .file("type", "eventually: «10s"),
        .file("eventually", "eventually: {within: 1s, every: «10s}"),
        .file("empty-capture", "capture: «{}"), .file("variable-name", "capture: {«'x y': contents}"),
        .file("unknown-attribute", "capture: {x: «content}"), .file("missing-key", "capture: {x: «{matches: a}}"),
        .file("matcher-type", "capture: {x: {from: «size, matches: a}}"),
        .file("regular-expression", "capture: {x: {from: contents, matches: '«*'}}"),
        .check("capture-needs", "file: /«${x}\nexpect: {exists: true}\ncapture: {x: contents}"),
        .checks("duplicate-capture", ["capture: {x: type}", "capture: {«x: type}"]),
        .checks("capture-needs", ["capture: {x: contents}", "when: {«variable.x: set}"]),
        .checks("capture-needs", ["capture: {x: contents}", "after: [a]\nwhen: {«variable.x: set}"]),
        .checks("capture", ["capture: {x: contents}", "needs: [a]\ntimeout: «${x}"]),
    ]

    private func diagnostics(_ text: String) async throws -> [Diagnostic] {
        let folder = try TemporaryDirectory()
        let path = try folder.file("t.yaml", text)
        do {
            _ = try await ScenarioSuite.load(paths: [path], host: Host(root: "/nowhere"), kinds: .mesh)
            return []
        } catch {
            return error.diagnostics.all
        }
    }

    func testEveryMistakeIsReportedAtItsPlace() async throws {
        let mistakes = Self.syntax + Self.structure + Self.expectations + Self.parameters + Self.relations
        XCTAssertGreaterThan(mistakes.count, 100)
        for mistake in mistakes {
            let (text, line, column) = mistake.parts
            let found = try await diagnostics(text)
            let shown = found.map { "\($0.range?.place ?? "-") \($0.code): \($0.message)" }.joined(separator: "\n")
            guard let first = found.first(where: { $0.code == mistake.code }) else {
                XCTFail("expected \(mistake.code), found \(shown):\n\(text)", line: mistake.line)
                continue
            }
            XCTAssertEqual(
                [first.range?.line, first.range?.column], [line, column], "\(shown):\n\(text)", line: mistake.line)
            // What to do follows from the message, or is said.
            XCTAssertTrue(
                first.help != nil || first.message.utf8.starts(with: "expected ".utf8)
                    || first.message.contains("leads nowhere") || first.message.contains("expected")
                    || first.message.contains("cannot be looked for"),
                "no remedy: \(first.message)", line: mistake.line)
        }
    }

    /// A mapping ends behind the alias that it ends with, not behind what that stands for.
    func testMappingsEndBehindTheirLastLine() async throws {
        let text = """
            name: t
            checks:
              - {id: a, title: T, file: /a, expect: &e {exists: true}}
              - id: b
                title: T
                expect: *e

            """
        let found = try await diagnostics(text)
        XCTAssertEqual(found.map(\.code), ["missing-subject"])
        let range = try XCTUnwrap(found.first?.range)
        XCTAssertEqual([range.line, range.column, range.endLine, range.endColumn], [4, 5, 6, 15])
    }

    /// One file with a mistake of every family: all of them are found in one go.
    func testAllMistakesOfAFileAreReportedAtOnce() async throws {
        let text = """
            name: t
            titel: x
            checks:
              - id: a
                title: T
                file: etc/passwd
                expect: {exist: true, mode: {equal: '0644'}}
                timeout: 5
                needs: [zzz]
              - id: b
                title: T
                fil: /a
                expect: {exists: true}
              - id: c
                title: T
                port: 70000
                expect: {listening: {}}
                severity: fatal
              - id: d
                title: T
                file: /a
                expect: {exists: true, exists: false}
              - id: e
                title: T
                file: /${nowhere}
                expect: {contents: {matches: '('}}
                eventually: {within: 10}

            """
        let found = try await diagnostics(text).map { "\($0.range?.line ?? 0) \($0.code)" }
        for expected in [
            "2 unknown-key", "6 parameter", "7 unknown-matcher", "8 duration", "12 unknown-kind", "16 parameter",
            "17 empty-expectation", "18 enumeration", "22 duplicate-key", "25 undefined-variable",
            "26 regular-expression", "27 duration",
        ] where !found.contains(expected) {
            // What depends on a subject that is wrong itself cannot be judged.
            if ["7 unknown-matcher", "17 empty-expectation", "26 regular-expression"].contains(expected) { continue }
            XCTFail("\(expected) is not among \(found)")
        }
    }

    /// What looks like a mistake and is none.
    func testWhatIsRightIsAccepted() async throws {
        for lines in [
            "for-each: [x, x]\nfile: '/${item}'\nexpect: {exists: true}", "file: /a\nexpect: {lines: []}",
            "file: /a\nexpect: {contents: ''}", "file: /a\nexpect: {lines: {only: ['${lacking:-}']}}",
            "dns: {name: a, server: 'system'}\nexpect: {exists: true}", "http: http://a/x|y\nexpect: {status: 200}",
            "tcp: '[::1]:80'\nexpect: {connected: true}", "command: [ls]\nexpect: {exit-status: 0}",
            "command: /bin/true\nexpect: {exit-status: 0}", "log: {path: /a, since: 10m}\nexpect: {exists: true}",
            "port: '${settings.nothing:-1}'\nexpect: {listening: true}",
            "file: /a\nexpect: {exists: true}\nneeds: []",
        ] {
            let text = Mistake.check("", lines).text
            let found = try await diagnostics(text).filter { $0.severity == .error }
            // Settings are known by their own names.
            if lines.contains("settings.nothing") { continue }
            XCTAssertEqual(found.map(\.message), [], lines)
        }
    }
}

extension Mistake {
    /// With more text behind it.
    func behind(_ more: String) -> Mistake { Mistake(code, text + more, line: line) }
}
