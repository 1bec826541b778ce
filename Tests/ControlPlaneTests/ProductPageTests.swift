import TestSupport
import XCTest

/// The BookInfo page and its stars. That they come from a real database is seen in the lab.
final class ProductPageTests: XCTestCase {
    private func page(_ mesh: RunningMesh) throws -> String {
        try TestSupport.run(
            "curl", ["--silent", "--fail", "--max-time", "20", "http://\(mesh.address("productpage"))/productpage"]
        ).check()
    }

    func testTwoReviewsWithoutADatabase() async throws {
        let text = try page(await RunningMesh())
        XCTAssertEqual(text.components(separatedBy: "glyphicon-star\"").count - 1, 9, text)
        XCTAssertEqual(text.components(separatedBy: "glyphicon-star-empty\"").count - 1, 1, text)
    }

    func testPageIsThereWhenTheDatabaseIsNot() async throws {
        try requireProgram("mariadb")
        let service = "mysql.onprem.svc.cluster.local"
        let mesh = try await RunningMesh(
            RunningMesh.yaml.replacingOccurrences(
                of: "address: 10.150.0.5, port: 3306", with: "address: 127.0.0.1, port: 1")
                + "ratings: {service: \(service), options: /dev/null}\n")
        let text = try page(mesh)
        XCTAssertTrue(text.contains("Ratings service is currently unavailable"), text)
        try await poll("why") { mesh.program.errors.contains("ratings: the database at 127.0.0.1:1 refuses") }
    }

    func testServiceOfTheRatingsIsOneOfTheMesh() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file(
            "mesh.yaml", RunningMesh.yaml + "ratings: {service: mysq.onprem.svc.cluster.local, options: /dev/null}\n")
        let result = try TestSupport.run(productPath("mesh-lab"), ["dns", "--config", path])
        XCTAssertEqual(result.status, 2)
        XCTAssertTrue(result.errors.contains("did you mean 'mysql.onprem.svc.cluster.local'?"), result.errors)
    }
}
