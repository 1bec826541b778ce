import Archive
import DebianArchive
import DebianFormat
import Files
import Platform

extension Repository {
    func component(_ name: String?, of suite: RepositorySettings.Suite) throws(RepositoryError) -> String {
        let components = settings.components(of: suite)
        guard let name else { return components[0] }
        guard components.contains(name) else {
            throw RepositoryError(
                .input, "component", "suite '\(suite.name)' has no component '\(DisplayText.inline(name))'",
                help: "components: " + components.joined(separator: ", "))
        }
        return name
    }

    /// Reads package files, each of which dpkg would accept, and finds their places.
    func candidates(
        _ files: [String], suite: RepositorySettings.Suite, component: String, limits: DebReadLimits
    ) throws(RepositoryError) -> [Candidate] {
        var candidates: [Candidate] = []
        var known: [String: IndexEntry] = [:]
        for file in files {
            let candidate = try candidate(file, suite: suite, component: component, limits: limits)
            if let other = known.updateValue(candidate.entry, forKey: candidate.entry.path) {
                if other.sha256 != candidate.entry.sha256 { throw IndexRewrite.taken(candidate.entry, by: other) }
                continue
            }
            candidates.append(candidate)
        }
        return candidates
    }

    private func candidate(
        _ file: String, suite: RepositorySettings.Suite, component: String, limits: DebReadLimits
    ) throws(RepositoryError) -> Candidate {
        let image = try RepositoryError.wrapping { try DebReader.read(file, limits: limits) }
        let sums = try RepositoryError.wrapping { try SummingSink.sums(of: file) }
        func fault(_ what: String) -> RepositoryError {
            RepositoryError(.input, "package-file", "'\(file)': \(what)")
        }
        let control = image.control
        let name: PackageName
        let source: PackageName
        let version: DebianVersion
        let architecture: Architecture
        do throws(FormatError) {
            name = try PackageName(control["Package"] ?? "")
            // A version in parentheses belongs to the source.
            let words = (control["Source"] ?? name.description).split(separator: " ")
            source = try PackageName(words.first.map(String.init) ?? "")
            version = try DebianVersion(control["Version"] ?? "")
            architecture = try Architecture(control["Architecture"] ?? "")
        } catch {
            throw fault(error.description)
        }
        guard architecture == .all || settings.architectures(of: suite).contains(architecture) else {
            throw RepositoryError(
                .input, "architecture", "'\(file)' is for \(architecture), which suite '\(suite.name)' has not",
                help: "add it to 'architectures'; there are "
                    + settings.architectures(of: suite).map(\.description).joined(separator: ", "))
        }
        let variant = control["Architecture-Variant"] ?? architecture.description
        let path =
            PoolPath.folder(component: component, source: source.description)
            + "/\(name)_\(version.withoutEpoch)_\(variant).deb"
        guard PoolPath.isSafe(path), !variant.utf8.contains(UInt8(ascii: "/")) else {
            throw fault("'\(DisplayText.inline(path))' would not be a path of the pool")
        }
        var paragraph = control
        for (field, value) in [
            ("Filename", path), ("Size", String(sums.size)), ("SHA256", sums.sha256),
            (IndexEntry.publishedField, MailDate.text(now)),
        ] {
            // What a package says of itself must not stand in for what is known here.
            paragraph[field] = nil
            paragraph[field] = value
        }
        for field in ["MD5sum", "SHA1", "SHA512", "Status", IndexEntry.phaseField] { paragraph[field] = nil }
        return Candidate(
            file: file, entry: try IndexEntry(bytes: Array(paragraph.description.utf8), of: "'\(file)'"),
            contents: ContentsIndex.Files(image))
    }

    /// Refuses names that another suite has with other contents: they share the pool.
    func refuseTakenNames(
        _ candidates: [Candidate], besides suite: RepositorySettings.Suite
    ) async throws(RepositoryError) {
        let wanted = Dictionary(candidates.map { ($0.entry.path, $0.entry) }, uniquingKeysWith: { first, _ in first })
        for other in settings.suites where other.name != suite.name {
            let state = try await state(of: other)
            for (component, architecture) in Self.indexes(of: state) {
                guard let reader = try reader(Self.packagesPath(component, architecture), in: state) else { continue }
                while let entry = try reader.next() {
                    guard let mine = wanted[entry.path], mine.sha256 != entry.sha256 else { continue }
                    throw IndexRewrite.taken(mine, by: entry)
                }
            }
        }
    }
}

extension ContentsIndex.Files {
    /// The files of a package, without its folders.
    init(_ image: PackageImage) {
        self.init(
            section: image.control["Section"], package: image.control["Package"] ?? "",
            paths: image.entries.lazy.filter { $0.kind != .directory }.map(\.path))
    }
}
