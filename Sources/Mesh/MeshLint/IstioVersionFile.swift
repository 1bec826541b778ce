import DebianArchive
import DebianBuild
import DebianFormat
import Files
import Platform

/// What the guide's set-up scripts read to find the packages: `istio.VERSION`, and the packages under plain names.
public struct IstioVersionFile: ReleaseFileWriter {
    /// The name of the shell file with the addresses.
    public static let fileName = "istio.VERSION"

    private let url: String

    /// Creates a writer.
    ///
    /// - Parameter url: where the output folder will be published; nil unless it can stand between double quotes in a
    ///   shell file as it is.
    public init?(url: String) {
        guard url.startsBytewise("https://") || url.startsBytewise("http://") || url.startsBytewise("file://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"\"'`$\\<>{}|^;&()".utf8.contains($0) })
        else { return nil }
        self.url = url.endsBytewise("/") ? String(url.dropLast()) : url
    }

    /// Writes `istio.VERSION` beside the packages, and `NAME.deb` as a hard link to each package, because the scripts
    /// fetch `URL/istio-proxy.deb`. Architectures after the first get a folder of their own.
    public func write(_ outcomes: [BuildOutcome], to directory: String) throws(FileError) {
        var architectures: [Architecture] = []
        for outcome in outcomes where outcome.plan.architecture != .all {
            if !architectures.contains(outcome.plan.architecture) { architectures.append(outcome.plan.architecture) }
        }
        if architectures.isEmpty { architectures = [.all] }
        for (index, architecture) in architectures.enumerated() {
            let suffix = index == 0 ? "" : "/\(architecture)"
            let folder = directory + suffix
            try FileTree.createDirectories(folder)
            for outcome in outcomes where [architecture, .all].contains(outcome.plan.architecture) {
                try FileTree.replaceWithHardLink(folder + "/\(outcome.plan.package).deb", to: outcome.path)
            }
            let version = outcomes.first { $0.plan.architecture == architecture }?.plan.version.description ?? ""
            let file = try AtomicFile(target: folder + "/" + Self.fileName)
            try file.write(text: Self.text(url: url + suffix, version: version))
            try file.commit(.contents)
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
