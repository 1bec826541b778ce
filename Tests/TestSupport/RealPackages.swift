import Foundation
import XCTest

/// The packages of this repository, built with the real Envoy and the programs that were compiled last.
public enum RealPackages {
    /// All of them.
    public static let names = ["istio-agent", "istio-auth-node-agent", "istio-proxy", "debbuild", "meshcheck"]
    private static let programs = ["pilot-agent", "node_agent", "debbuild", "meshcheck"]

    /// A program compiled for release and stripped, as it is shipped; nil when there is none.
    public static func release(_ name: String) -> String? {
        let path = repositoryRoot + "/.build/release/" + name
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }

    /// Skips the test when Scripts/setup has not brought Envoy.
    public static func requireEnvoy() throws {
        let folder = repositoryRoot + "/.build/payloads"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard files.contains(where: { $0.hasSuffix(".whl") }) else {
            throw XCTSkip("Envoy is not in .build/payloads; Scripts/setup puts it there")
        }
    }

    /// Builds into a folder and gives the paths by package.
    public static func build(into directory: String, arguments: [String]) throws -> [String: String] {
        try requireEnvoy()
        var payloads: [String] = []
        for program in programs {
            guard let path = release(program) else {
                throw XCTSkip("\(program) is not compiled for release; Scripts/test does that")
            }
            payloads += ["--payload", "\(program)=\(path)"]
        }
        // Without optimization, digests of Envoy take longer than all the rest.
        let result = try run(
            try XCTUnwrap(release("debbuild")),
            ["all", "--workspace", repositoryRoot + "/Packaging", "--output", directory, "--quiet"] + payloads
                + arguments,
            environment: ["SOURCE_DATE_EPOCH": "1700000000"])
        guard result.status == 0 else { throw Failure(text: result.errors) }
        var paths: [String: String] = [:]
        for path in result.output.split(separator: "\n") {
            let name = path.split(separator: "/").last?.split(separator: "_").first.map(String.init) ?? ""
            paths[name] = String(path)
        }
        return paths
    }

    /// What debbuild said.
    public struct Failure: Error {
        /// The words.
        public var text: String

        /// Keeps them.
        public init(text: String) { self.text = text }
    }
}
