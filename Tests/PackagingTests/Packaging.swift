import Foundation
import TestSupport

/// The folders under test.
enum Packaging {
    static let root = repositoryRoot + "/Packaging"
    static let packages = ["istio-proxy", "istio-agent", "istio-auth-node-agent", "debbuild", "meshcheck"]

    static func path(_ package: String, _ file: String) -> String { "\(root)/\(package)/\(file)" }

    static func text(_ package: String, _ file: String) throws -> String {
        try String(contentsOfFile: path(package, file), encoding: .utf8)
    }

    /// The files of all package folders.
    static func files(where isWanted: (String) -> Bool) throws -> [String] {
        try packages.flatMap { package in
            try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(package)").filter(isWanted).sorted()
                .map { path(package, $0) }
        }
    }

    static let maintainerScripts: Set = ["preinst", "postinst", "prerm", "postrm"]
}
