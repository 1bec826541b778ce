import DebianFormat
import Files

/// What the guide's set-up scripts read to find the packages: `istio.VERSION`, and the packages under plain names.
public enum ReleaseFiles {
    /// The name of the shell file with the addresses.
    public static let versionFileName = "istio.VERSION"

    /// Writes `istio.VERSION` beside the packages, and `NAME.deb` as a hard link to each package, because the scripts
    /// fetch `URL/istio-proxy.deb`. Architectures after the first get a folder of their own.
    ///
    /// - Parameter url: where the output folder will be published, without a final slash.
    /// - Returns: the paths written.
    public static func write(
        url: String, outcomes: [BuildOutcome], directory: String
    ) throws(FileError) -> [String] {
        var paths: [String] = []
        var architectures: [Architecture] = []
        for outcome in outcomes where outcome.plan.architecture != .all {
            if !architectures.contains(outcome.plan.architecture) { architectures.append(outcome.plan.architecture) }
        }
        if architectures.isEmpty { architectures = [.all] }
        for (index, architecture) in architectures.enumerated() {
            let folder = index == 0 ? directory : directory + "/\(architecture)"
            let address = index == 0 ? url : url + "/\(architecture)"
            try FileTree.createDirectories(folder)
            for outcome in outcomes where [architecture, .all].contains(outcome.plan.architecture) {
                let plain = folder + "/\(outcome.plan.package).deb"
                try FileTree.replaceWithHardLink(plain, to: outcome.path)
                paths.append(plain)
            }
            let version = outcomes.first { $0.plan.architecture == architecture }?.plan.version.description ?? ""
            let file = try AtomicFile(target: folder + "/" + versionFileName)
            try file.write(text: text(url: address, version: version))
            try file.commit(.contents)
            paths.append(folder + "/" + versionFileName)
        }
        return paths
    }

    /// Whether an address can stand between double quotes in a shell file as it is.
    public static func isPlainURL(_ url: String) -> Bool {
        guard url.hasPrefix("https://") || url.hasPrefix("http://") || url.hasPrefix("file://") else { return false }
        return url.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7f && !Array("\"'`$\\<>{}|^;&()".utf8).contains(byte)
        }
    }

    private static func text(url: String, version: String) -> String {
        """
        # Where the packages of this release are; read by setupIstioVM.sh and setupMeshEx.sh.
        export ISTIO_VM_VERSION="\(version)"
        export ISTIO_NAMESPACE="istio-system"
        export PILOT_DEBIAN_URL="\(url)"
        export AUTH_DEBIAN_URL="\(url)"
        export PROXY_DEBIAN_URL="\(url)"

        """
    }
}
