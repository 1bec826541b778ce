import Files
import MeshContract

/// Packages in files.
public enum PackageInput {
    /// The packages that a host gets: those of the contract, and the one that checks them.
    public static let names = MeshNames.packages + ["meshcheck"]
    /// Bytes of a package.
    static let sizeLimit = 1 << 30

    /// Reads packages from files and folders; of a folder, those of the contract and meshcheck are taken.
    ///
    /// - Parameter architecture: only packages of this architecture (and `all`) of folders; nil for any.
    public static func files(_ paths: [String], architecture: String?) throws(SetupProblems) -> [StagedFile] {
        var files: [StagedFile] = []
        var problems: [SetupProblem] = []
        for path in paths {
            do throws(SetupProblems) {
                for file in try packagePaths(path, architecture) { files.append(try package(file)) }
            } catch {
                problems += error.problems
            }
        }
        for name in names {
            let same = files.filter { packageName($0.name) == name }
            if same.count > 1 {
                problems.append(
                    SetupProblem(
                        "choose a file of package \(name)", found: same.map(\.name).joined(separator: ", "),
                        remedy: "name one file of it, or its --architecture"))
            } else if same.isEmpty, MeshNames.packages.contains(name), problems.isEmpty {
                problems.append(
                    SetupProblem(
                        "install \(name)", found: "no file \(name)_VERSION_ARCHITECTURE.deb",
                        remedy: "build it with: debbuild all, and name the folder with --packages"))
            }
        }
        guard problems.isEmpty else { throw SetupProblems(problems) }
        return files
    }

    private static func packagePaths(_ path: String, _ architecture: String?) throws(SetupProblems) -> [String] {
        do throws(FileError) {
            guard try FileStatus.of(path, followLinks: true).kind == .directory else { return [path] }
            return try FileTree.children(of: path).filter { child in
                guard child.utf8.suffix(4).elementsEqual(".deb".utf8), names.contains(packageName(child)) else {
                    return false
                }
                // The links that `debbuild --release-url` puts beside the packages are the same files once more.
                let parts = child.utf8.dropLast(4).split(separator: UInt8(ascii: "_"))
                guard parts.count == 3, let own = parts.last else { return false }
                return architecture.map { own.elementsEqual($0.utf8) || own.elementsEqual("all".utf8) } ?? true
            }.sorted().map { path + "/" + $0 }
        } catch {
            throw SetupProblems([
                SetupProblem("use \(path)", found: error.description, remedy: "name a .deb file or a folder of them")
            ])
        }
    }

    private static func package(_ path: String) throws(SetupProblems) -> StagedFile {
        let (folder, name) = LexicalPath.split(path)
        func problem(_ found: String) -> SetupProblems {
            SetupProblems([
                SetupProblem("use \(path)", found: found, remedy: "build it again, or fetch it with --release")
            ])
        }
        guard StagedFile.isPlain(name), name.utf8.suffix(4).elementsEqual(".deb".utf8) else {
            throw problem("its name is not that of a package, expected NAME.deb of letters, digits and ._+~-")
        }
        let file: StagedFile
        var expected: String?
        let list = folder + "/" + ChecksumFile.fileName
        do throws(FileError) {
            file = StagedFile(name: name, bytes: try FileTree.readWhole(path, limit: sizeLimit))
            if try FileStatus.ofIfExists(list, followLinks: true) != nil {
                expected = ChecksumFile(try FileTree.readWhole(list, limit: ChecksumFile.limit)).sums[name]
            }
        } catch {
            throw problem(error.description)
        }
        if let fault = fault(of: file.bytes) { throw problem(fault) }
        if let expected, expected != file.digest {
            throw problem("its SHA-256 is \(file.digest), expected \(expected) as in \(list)")
        }
        return file
    }

    /// Why the bytes are no package: it begins as ar(5) and deb(5) have it, and has room for its members.
    static func fault(of bytes: [UInt8]) -> String? {
        let magic = Array("!<arch>\ndebian-binary".utf8)
        if bytes.starts(with: magic) {
            return bytes.count >= 200 ? nil : "it has \(bytes.count) bytes, expected a whole package"
        }
        let begin = bytes.prefix(24).map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: ".") }
        return "it begins with '\(String(decoding: begin, as: UTF8.self))' and has \(bytes.count) bytes, expected a "
            + "Debian package"
    }

    /// The package that a file's name stands for.
    static func packageName(_ file: String) -> String {
        let end = file.utf8.firstIndex(of: UInt8(ascii: "_"))
        if let end { return String(decoding: file.utf8[..<end], as: UTF8.self) }
        return String(decoding: file.utf8.dropLast(4), as: UTF8.self)
    }

    /// An apt source and its key.
    public static func aptSource(_ path: String, key: String?) throws(SetupProblems) -> [StagedFile] {
        func read(_ path: String, endings: [String]) throws(SetupProblems) -> StagedFile {
            let ending = endings.first { path.utf8.suffix($0.utf8.count + 1).elementsEqual(".\($0)".utf8) }
            guard let ending else {
                throw SetupProblems([
                    SetupProblem(
                        "use \(path)", found: "its name has another ending",
                        remedy: "call it .\(endings.joined(separator: " or .")), as apt does")
                ])
            }
            do throws(FileError) {
                return StagedFile(name: "istio.\(ending)", bytes: try FileTree.readWhole(path, limit: 1 << 20))
            } catch {
                throw SetupProblems([
                    SetupProblem("use \(path)", found: error.description, remedy: "name a file of sources.list(5)")
                ])
            }
        }
        var files = [try read(path, endings: ["list", "sources"])]
        if let key { files.append(try read(key, endings: ["asc", "gpg"])) }
        return files
    }
}
