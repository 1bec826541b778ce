import Foundation
import TestSupport
import XCTest

/// Pilot's answers, byte for byte those that were recorded of the originals.
final class RecordedPilotTests: XCTestCase {
    /// A request and what the original answered.
    private struct Recorded: Decodable {
        var method: String
        var url: String
        var status: Int
        var contentType: String?
        var location: String?
        var body: String

        private enum CodingKeys: String, CodingKey {
            case method, url, status, location, body
            case contentType = "content-type"
        }
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Recorded/"

    private func recorded(_ release: String) throws -> [Recorded] {
        let data = try XCTUnwrap(FileManager.default.contents(atPath: Self.folder + "answers-\(release).json"))
        return try JSONDecoder().decode([Recorded].self, from: data)
    }

    /// The mesh of a file, on ports that the kernel chooses.
    private func mesh(_ file: String, istio: String, _ edit: (String) -> String = { $0 }) async throws -> RunningMesh {
        let yaml = try String(contentsOfFile: Self.folder + file, encoding: .utf8)
            .replacingOccurrences(of: "pilot: [127.0.0.3:8080]", with: "pilot: [127.0.0.1:0, 127.0.0.2:0]")
            .replacingOccurrences(of: "ca: [127.0.0.2:8060]", with: "ca: [127.0.0.1:0]")
        return try await RunningMesh(
            edit(yaml) + "\nmixer: [127.0.0.1:0]\nproductpage: [127.0.0.1:0]\n", ["--istio", istio])
    }

    /// What mesh-lab answers to a request, in the form of the record.
    private func answer(_ mesh: RunningMesh, _ request: Recorded) throws -> Recorded {
        let folder = try TemporaryDirectory()
        let (headers, body) = (folder.path + "/headers", folder.path + "/body")
        let result = try TestSupport.run(
            "curl",
            [
                "--silent", "--show-error", "--max-time", "20", "--path-as-is", "--globoff", "--dump-header", headers,
                "--output", body,
            ] + (request.method == "HEAD" ? ["--head"] : ["--request", request.method])
                + ["http://\(mesh.address("pilot"))\(request.url)"])
        XCTAssertEqual(result.status, 0, result.errors)
        let lines = try String(contentsOfFile: headers, encoding: .utf8).components(separatedBy: "\r\n")
        func header(_ name: String) -> String? {
            lines.first { $0.lowercased().hasPrefix(name + ":") }.map {
                String($0.dropFirst(name.count + 1)).trimmingCharacters(in: .whitespaces)
            }
        }
        return Recorded(
            method: request.method, url: request.url,
            status: Int(lines[0].components(separatedBy: " ").dropFirst().first ?? "") ?? 0,
            contentType: header("content-type"), location: header("location"),
            body: request.method == "HEAD" ? "" : try String(contentsOfFile: body, encoding: .utf8))
    }

    private func difference(_ found: Recorded, _ expected: Recorded) -> String? {
        if (found.status, found.contentType, found.location, found.body)
            == (expected.status, expected.contentType, expected.location, expected.body)
        {
            return nil
        }
        return "\(expected.method) \(expected.url)\nexpected \(expected)\nfound    \(found)"
    }

    func testPilotOf0_2() async throws {
        let mesh = try await mesh("services.yaml", istio: "0.2")
        let records = try recorded("0.2.12")
        XCTAssertEqual(records.count, 98)
        for record in records {
            if let difference = difference(try answer(mesh, record), record) { XCTFail(difference) }
        }
    }

    /// Of service entries Pilot 0.8 remembers one for each address. Which one is chance, and the records have both: each is
    /// the answer of one order of the two services of 10.150.0.5.
    func testPilotOf0_8() async throws {
        let first = try await mesh("service-entries.yaml", istio: "0.8")
        let second = try await mesh("service-entries.yaml", istio: "0.8") { yaml in
            let parts = yaml.components(separatedBy: "  - hostname: ")
            return parts[0] + (parts[5...] + parts[1...4]).map { "  - hostname: " + $0.trimmingSuffix() }.joined()
        }
        let records = try recorded("0.8.0")
        XCTAssertEqual(records.count, 87)
        var count = 0
        for record in records {
            guard let difference = difference(try answer(first, record), record) else { continue }
            count += 1
            XCTAssertTrue(record.url.contains("~10.150.0.5~"), difference)
            if let difference = self.difference(try answer(second, record), record) { XCTFail(difference) }
        }
        XCTAssertEqual(count, 2)
    }

    func testPilotOf1_0HasTheListAlone() async throws {
        let mesh = try await mesh("services.yaml", istio: "1.0")
        let records = try recorded("0.2.12")
        for record in records where record.method == "GET" && record.url.hasPrefix("/v1/") {
            let isList = ["/v1/registration", "/v1/registration/"].contains(record.url)
            let found = try answer(mesh, record)
            if isList {
                XCTAssertNil(difference(found, record))
            } else if record.status == 200 {
                XCTAssertEqual(found.status, 404, record.url)
                XCTAssertEqual(found.body, "404: Page Not Found", record.url)
            }
        }
    }

    func testAKeyWithoutANamespaceIsAnErrorOf0_8WithKubernetes() async throws {
        let mesh = try await mesh("services.yaml", istio: "0.8")
        let answer = try mesh.pilot("/v1/registration/istio-pilot|http-discovery")
        XCTAssertEqual(answer.status, "503")
        XCTAssertTrue(answer.body.hasPrefix("EDS "), answer.body)
        XCTAssertTrue(
            try mesh.pilot("/v1/registration/istio-pilot.istio-system|http-discovery").body.contains("10.60.1.4"))
    }
}

extension String {
    fileprivate func trimmingSuffix() -> String { trimmingCharacters(in: .newlines) + "\n" }
}
