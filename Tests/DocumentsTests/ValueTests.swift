import Documents
import XCTest

/// What is accepted, and as which value.
final class ValueTests: XCTestCase {
    private func plan(
        _ text: String, more: [String: String] = [:], environment: [String: String] = [:], line: UInt = #line
    ) throws -> Plan {
        var diagnostics = Diagnostics()
        let files = more.merging(["plan.yaml": text]) { $1 }
        let plan = PlanShapes.load(files, environment: environment, diagnostics: &diagnostics)
        XCTAssertTrue(diagnostics.isEmpty, DiagnosticRenderer.text(diagnostics), line: line)
        return try XCTUnwrap(plan, line: line)
    }

    func testTextKeepsItsSpelling() throws {
        for text in ["1.30", "0755", "yes", "1e3", "2026-11-23", "0x10", "-.inf"] {
            XCTAssertEqual(try plan("name: x\nversion: \(text)\n").version, text)
        }
        XCTAssertEqual(try plan("name: x\nversion: 'null'\n").version, "null")
        XCTAssertEqual(try plan("name: x\nversion: !!str null\n").version, "null")
        XCTAssertEqual(try plan("name: x\nversion: ''\n").version, "")
        XCTAssertEqual(try plan("name: x\nversion: >\n  a\n  b\n").version, "a b\n")
    }

    func testDefaultsStay() throws {
        let value = try plan("name: x\n")
        XCTAssertTrue(value.isEnabled)
        XCTAssertEqual(value.mode, 0o644)
        XCTAssertEqual(value.level, .low)
        XCTAssertNil(value.remark)
    }

    func testModesAreOctalHoweverWritten() throws {
        for text in ["0755", "755", "\"0755\"", "0o755", "00755"] {
            XCTAssertEqual(try plan("name: x\nmode: \(text)\n").mode, 0o755, text)
        }
        XCTAssertEqual(try plan("name: x\nmode: 4755\n").mode, 0o4755)
        XCTAssertEqual(try plan("name: x\nmode: 000\n").mode, 0)
        XCTAssertEqual(try plan("name: x\nmode: 7777\n").mode, 0o7777)
    }

    func testOneValueForAList() throws {
        XCTAssertEqual(try plan("name: x\ntags: a\n").tags, ["a"])
        XCTAssertEqual(try plan("name: x\ntags: []\n").tags, [])
        XCTAssertEqual(try plan("name: x\nsteps: {run: ls}\n").steps.map(\.command), ["ls"])
    }

    func testEntriesKeepTheirOrderAndPlace() throws {
        let labels = try plan("name: x\nlabels:\n  z: 1\n  a: 2\n").labels
        XCTAssertEqual(labels.map(\.name.value), ["z", "a"])
        XCTAssertEqual(labels.map(\.value), ["1", "2"])
        XCTAssertEqual(labels.map(\.name.range?.place), ["plan.yaml:3:3", "plan.yaml:4:3"])
    }

    func testNothingWhereNothingIsAllowed() throws {
        for text in ["~", "null", ""] { XCTAssertNil(try plan("name: x\nremark: \(text)\n").remark) }
        XCTAssertEqual(try plan("name: x\nremark: '~'\n").remark, "~")
    }

    func testOneOfSeveral() throws {
        XCTAssertEqual(try plan("name: x\nlimit: 7\n").limit?.value, .number(7))
        let word = try plan("name: x\nlimit: high\n").limit
        XCTAssertEqual(word?.value, .word("high"))
        XCTAssertEqual(word?.range?.place, "plan.yaml:2:8")
    }

    func testNumbersAtTheirBounds() throws {
        XCTAssertEqual(try plan("name: x\ncount: 1\n").count, 1)
        XCTAssertEqual(try plan("name: x\ncount: 9\n").count, 9)
    }

    func testAliasesStandForTheirAnchors() throws {
        let value = try plan("name: &n x\nversion: \"y\"\ntags: [*n, *n]\n")
        XCTAssertEqual(value.tags, ["x", "x"])
    }

    // MARK: - variables

    func testVariables() throws {
        let variables = "variables: {a: 1, b: '${a}2', empty: '', dollar: $$}\n"
        for (text, expected) in [
            ("${a}", "1"), ("x${b}y", "x12y"), ("$${a}", "${a}"), ("$a $ 5$", "$a $ 5$"), ("$$$$", "$$"),
            ("${zz:-d}", "d"), ("${a:-d}", "1"), ("${empty:-d}", "d"), ("x${empty}y", "xy"), ("${zz:-}", ""),
            ("${zz:-${a}}", "1"), ("${zz:-<${yy:-${b}}>}", "<12>"), ("${zz:-a:-b}", "a:-b"), ("${dollar}{a}", "${a}"),
            ("${env:HOME}", "/root"), ("${env:EMPTY:-d}", "d"), ("${env:NO:-${env:HOME}}", "/root"), ("}{", "}{"),
        ] {
            let value = try plan(
                "name: x\nversion: '\(text)'\n" + variables, environment: ["HOME": "/root", "EMPTY": ""])
            XCTAssertEqual(value.version, expected, text)
        }
    }

    func testExpandedNothingIsText() throws {
        XCTAssertEqual(try plan("name: x\nversion: ${v}\nvariables: {v: 'null'}\n").version, "null")
        XCTAssertEqual(try plan("name: x\nversion: ${v}\nvariables: {v: ''}\n").version, "")
    }

    func testKeysAreNotExpanded() throws {
        XCTAssertEqual(try plan("name: x\nlabels: {'${a}': b}\n").labels.map(\.name.value), ["${a}"])
    }

    func testExpandedValuesKeepTheirPlace() throws {
        let range = try plan("name: x\nlimit: ${l}\nvariables: {l: 7}\n").limit?.range
        XCTAssertEqual(range?.place, "plan.yaml:2:8")
        XCTAssertEqual(range?.endColumn, 12)
        XCTAssertEqual(range?.expansion, "7")
    }

    // MARK: - templates

    private func template(_ text: String, _ variables: [String: String] = [:]) -> (Int?, [String]) {
        var diagnostics = Diagnostics()
        var scope = VariableScope(environment: ["N": "4"])
        for (name, value) in variables { scope.define(name, value, range: nil) }
        let shape = Shape<Template<Int>>.template(of: .integer(1...9))
        let source = SourceText(path: "f", bytes: Array(text.utf8))
        let value = YAMLLoader.load(source, diagnostics: &diagnostics).flatMap { shape.decode($0, &diagnostics) }
            .flatMap { $0.value(in: scope, &diagnostics) }
        return (value, diagnostics.all.map { "\($0.range?.place ?? "-") \($0.code)" })
    }

    func testTemplatesAreReadOnceTheirVariablesHaveValues() {
        XCTAssertEqual(template("${a.b}", ["a.b": "7"]).0, 7)
        XCTAssertEqual(template("${env:N}").0, 4)
        XCTAssertEqual(template("${none:-5}").0, 5)
        XCTAssertEqual(template("6").0, 6)
        XCTAssertEqual(template("${a}", ["a": "many"]).1, ["f:1:1 type"])
        XCTAssertEqual(template("${a}").1, ["f:1:1 undefined-variable"])
        XCTAssertEqual(template("x${a b}").1, ["f:1:2 variable-syntax"])
        XCTAssertEqual(template("many").1, ["f:1:1 type"])
        XCTAssertEqual(template("[1]").1, ["f:1:1 type"])
    }

    func testTemplatesHaveASchema() {
        let schema = Shape<Template<Int>>.template(of: .integer(1...9)).jsonSchema(id: "urn:t", title: "t").compact
        XCTAssertTrue(
            schema.hasSuffix(
                #""anyOf":[{"type":"integer","minimum":1,"maximum":9},{"type":"string","pattern":"\\$\\{"}]}"#),
            schema)
    }

    // MARK: - includes and merging

    func testIncludesLieBelowTheFile() throws {
        let value = try plan(
            "name: x\ninclude: [a.yaml, sub/b.yaml]\ntags: [top]\nlabels: {both: top}\n",
            more: [
                "a.yaml": "version: a\ncount: 2\ntags: [a]\nlabels: {both: a, a: a}\n",
                "sub/b.yaml": "version: b\ninclude: c.yaml\ntags: [b]\n", "sub/c.yaml": "version: c\ntags: [c]\n",
            ])
        XCTAssertEqual(value.version, "b")
        XCTAssertEqual(value.count, 2)
        XCTAssertEqual(value.tags, ["a", "c", "b", "top"])
        XCTAssertEqual(value.labels.map { "\($0.name.value)=\($0.value)" }, ["both=top", "a=a"])
    }

    func testReplaceTag() throws {
        let value = try plan(
            "name: x\ninclude: a.yaml\ntags: !replace [top]\nlabels: !replace {b: c}\n",
            more: ["a.yaml": "tags: [a]\nlabels: {a: a}\n"])
        XCTAssertEqual(value.tags, ["top"])
        XCTAssertEqual(value.labels.map(\.name.value), ["b"])
    }

    func testListsReplaceWhereAsked() throws {
        var diagnostics = Diagnostics()
        func node(_ text: String) throws -> YAMLNode {
            try XCTUnwrap(
                YAMLLoader.load(SourceText(path: "f", bytes: Array(text.utf8)), diagnostics: &diagnostics))
        }
        let merged = NodeMerge.overlay(try node("{a: [1], b: {c: [2]}}"), try node("{b: {c: [3]}}"), lists: .replace)
        guard case .sequence(let items)? = merged[key: "b"]?[key: "c"]?.content else { return XCTFail("no list") }
        XCTAssertEqual(items.map(\.scalarText), ["3"])
        XCTAssertNotNil(merged[key: "a"])
    }

    func testOneFileMayBeIncludedTwice() throws {
        let value = try plan(
            "name: x\ninclude: [a.yaml, b.yaml]\n",
            more: ["a.yaml": "include: c.yaml\n", "b.yaml": "include: c.yaml\n", "c.yaml": "count: 4\n"])
        XCTAssertEqual(value.count, 4)
    }
}
