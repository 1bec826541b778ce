import Platform
import Scenarios
import TestSupport
import XCTest

@testable import Reports

/// The JSON report: what is written can be read, by us as the same run, and by others by the schema.
final class JSONTests: XCTestCase {
    static let validate = """
        import json, sys, jsonschema
        schema = json.load(open(sys.argv[1]))
        jsonschema.Draft202012Validator.check_schema(schema)
        for line in [sys.stdin.read()]:
            jsonschema.Draft202012Validator(schema).validate(json.loads(line))
        """

    func testARunComesBackAsItWas() throws {
        for run in [Fixture.broken, Fixture.healthy, Fixture.hostileRun] {
            let text = JSONRenderer().render(run)
            XCTAssertEqual(try ReportReader.run(text.utf8), run)
            guard case .finished(let again) = try EventLine(EventLine.finished(run).text.utf8) else {
                return XCTFail("not finished")
            }
            XCTAssertEqual(again, run)
        }
    }

    func testTheSchemaHolds() throws {
        let folder = try TemporaryDirectory()
        let schema = try folder.file("schema.json", ReportSchema.json.pretty)
        for run in [Fixture.broken, Fixture.healthy, Fixture.hostileRun] {
            _ = try Python.run(Self.validate, on: JSONRenderer().render(run), arguments: [schema])
        }
        _ = try Python.run(Self.validate, on: JSONRenderer().render(Fixture.fleet), arguments: [schema])
        for (from, to) in [
            ("\"outcome\": \"failed\"", "\"outcome\": \"fialed\""), ("\"version\": 1", "\"version\": 2"),
            ("\"startedAt\": \"2026", "\"startedAt\": \"26"), ("\"severity\": \"error\"", "\"severity\": 3"),
        ] {
            let text = JSONRenderer().render(Fixture.broken).replacing(from, with: to)
            let result = try TestSupport.run("python3", ["-c", Self.validate, schema], input: Array(text.utf8))
            XCTAssertNotEqual(result.status, 0, to)
        }
    }

    func testTheSchemaInTheDocumentsIsThisOne() throws {
        let file = try String(contentsOfFile: repositoryRoot + "/docs/report.schema.json", encoding: .utf8)
        XCTAssertEqual(file, ReportSchema.json.pretty + "\n", "write it again: meshcheck schema report")
    }

    func testWhatIsNoReportIsRefusedWithItsPlace() throws {
        let text = JSONRenderer().render(Fixture.broken)
        let cases: [(String, String)] = [
            ("", ""), ("[", ""), ("<html>", ""), ("{}", "version"), ("[1]", ""),
            (text.replacing("\"version\": 1", with: "\"version\": 9"), "version"),
            (text.replacing("\"severity\": \"warning\"", with: "\"severity\": \"bad\""), "checks[7].severity"),
            (text.replacing("\"attempts\": 3", with: "\"attempts\": \"3\""), "checks[1].attempts"),
            (text.replacing("2026-11-23T", with: "2026-13-23T"), "startedAt"),
            (text.replacing("\"reason\": \"needs\"", with: "\"reason\": \"x\""), "checks[2].skip.reason"),
            (String(text.dropLast(20)), ""),
            (String(repeating: "[", count: 100_000), ""),
        ]
        for (document, path) in cases {
            XCTAssertThrowsError(try ReportReader.run(document.utf8)) { error in
                XCTAssertEqual((error as? ReportDecodingError)?.path, path, "\(error)")
            }
        }
    }

    func testMembersThatAreNotKnownArePassedOver() throws {
        let text = JSONRenderer().render(Fixture.broken).replacing(
            "\"version\": 1,", with: "\"version\": 1, \"new\": [],")
        XCTAssertEqual(try ReportReader.run(text.utf8), Fixture.broken)
    }

    func testMutatedReportsNeverCrashTheReader() throws {
        var generator = SeededGenerator(seed: 42)
        let bytes = Array(JSONRenderer().render(Fixture.broken).utf8)
        for _ in 0..<500 {
            var copy = bytes
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                copy[Int.random(in: 0..<copy.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            _ = try? ReportReader.run(copy)
            _ = try? EventLine(copy)
        }
    }

    func testTimesAreReadAsPythonReadsThem() throws {
        let moments: [Int64] = [
            0, 1, 951_782_400_000_000_000, 951_868_799_999_999_999, 1_709_164_800_000_000_000, Fixture.moment,
            4_102_444_800_000_000_000, -1, -86_400_000_000_001,
        ]
        for moment in moments { XCTAssertEqual(RFC3339.nanoseconds(RFC3339.preciseText(moment)), moment) }
        let output = try Python.run(
            "import sys,datetime\nfor l in sys.stdin:\n  t=datetime.datetime.fromisoformat(l.strip()[:19]+'+00:00')\n"
                + "  print((t-datetime.datetime(1970,1,1,tzinfo=datetime.timezone.utc))//datetime.timedelta(seconds=1))",
            on: moments.map { RFC3339.preciseText($0) + "\n" }.joined())
        let expected = moments.map {
            "\(($0 - (($0 % 1_000_000_000) + 1_000_000_000) % 1_000_000_000) / 1_000_000_000)"
        }
        XCTAssertEqual(output.split(separator: "\n").map(String.init), expected)
    }
}
