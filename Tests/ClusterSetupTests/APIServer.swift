import Foundation
import TestSupport
import XCTest

/// What tests want of an API server.
protocol APIServer {
    /// The file by which kubectl reaches it.
    var kubeconfig: String { get }
    func put(_ namespace: String, _ resource: String, _ name: String, _ json: String) throws
    func object(_ namespace: String, _ resource: String, _ name: String) throws -> [String: Any]?
    /// What was put there, as NAMESPACE/RESOURCE/NAME.json.
    func objects() throws -> [String]
    /// Allows the user nothing from now on.
    func forbid() throws
    /// Makes every request hang, or go on.
    func silence(_ isSilent: Bool) throws
}

/// An API server of the test, whose objects are files.
final class ObjectServer: APIServer {
    private let folder: String
    private let server: BackgroundProgram
    let kubeconfig: String

    init(in folder: TemporaryDirectory) async throws {
        try requireProgram("python3")
        self.folder = try folder.directory("objects")
        // What stands on PATH may be a script that starts it and would survive it.
        let python = try TestSupport.run("python3", ["-c", "import sys; print(sys.executable)"]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let program = try BackgroundProgram(python, ["-u", Cluster.fixtures + "/apiserver.py", self.folder])
        server = program
        try await poll("the port of the API server") { program.output.hasSuffix("\n") }
        let port = program.output.trimmingCharacters(in: .whitespacesAndNewlines)
        kubeconfig = try folder.file("kubeconfig", Cluster.configuration(server: "http://127.0.0.1:\(port)"))
    }

    deinit { server.end() }

    func put(_ namespace: String, _ resource: String, _ name: String, _ json: String) throws {
        let place = folder + "/\(namespace)/\(resource)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try json.write(toFile: place + "/\(name).json", atomically: true, encoding: .utf8)
    }

    func object(_ namespace: String, _ resource: String, _ name: String) throws -> [String: Any]? {
        let path = folder + "/\(namespace)/\(resource)/\(name).json"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any]
    }

    func objects() -> [String] {
        (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".json") }.sorted()
    }

    func forbid() throws { try Data().write(to: URL(fileURLWithPath: folder + "/forbidden")) }

    func silence(_ isSilent: Bool) throws {
        if isSilent {
            try Data().write(to: URL(fileURLWithPath: folder + "/silent"))
        } else {
            try FileManager.default.removeItem(atPath: folder + "/silent")
        }
    }
}
