import Files
import Documents

/// The files that paths stand for.
enum ScenarioFiles {
    /// The file of diagnoses, which is no scenario.
    static let diagnosesName = "diagnoses.yaml"
    private static let depthLimit = 8
    private static let fileLimit = 1000
    private static let byteLimit = 8 << 20

    /// The scenario files, each once, in the order of the paths and of the names in folders.
    static func collect(_ paths: [String], _ diagnostics: inout Diagnostics) -> [String] {
        var files: [String] = []
        var seen: Set<String> = []
        for path in paths {
            let before = files.count
            add(path, depth: 0, isNamed: true, &files, &seen, &diagnostics)
            if files.count == before, !seen.contains(path), !diagnostics.hasErrors {
                diagnostics.error(
                    "no-scenarios", "there is no scenario in '\(path)'", at: nil,
                    help: "scenarios are files ending in .yaml or .yml")
            }
        }
        return files
    }

    /// The text of a file; nil after a diagnostic.
    static func read(_ path: String, _ diagnostics: inout Diagnostics) -> SourceText? {
        do throws(FileError) {
            return SourceText(path: path, bytes: try FileTree.readWhole(path, limit: byteLimit))
        } catch {
            diagnostics.error("file", error.description, at: nil)
            return nil
        }
    }

    private static func add(
        _ path: String, depth: Int, isNamed: Bool, _ files: inout [String], _ seen: inout Set<String>,
        _ diagnostics: inout Diagnostics
    ) {
        do throws(FileError) {
            let status = try FileStatus.of(path, followLinks: true)
            guard status.kind == .directory else {
                // Two ways to the same file, such as a folder and a file in it, are one scenario.
                if isNamed || isScenario(path), seen.insert("\(status.device):\(status.inode)").inserted {
                    files.append(path)
                }
                return
            }
            guard depth <= depthLimit, files.count <= fileLimit else {
                diagnostics.error(
                    "too-many-scenarios",
                    "'\(path)' is deeper than \(depthLimit) folders or has more than \(fileLimit) files before it",
                    at: nil)
                return
            }
            let folder = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
            for name in try FileTree.children(of: path).sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
            where name.utf8.first != UInt8(ascii: ".") {
                add(folder + name, depth: depth + 1, isNamed: false, &files, &seen, &diagnostics)
            }
        } catch {
            diagnostics.error("file", error.description, at: nil)
        }
    }

    private static func isScenario(_ path: String) -> Bool {
        let name = LexicalPath.split(path).name
        guard name != diagnosesName else { return false }
        return [".yaml", ".yml"].contains { name.utf8.reversed().starts(with: $0.utf8.reversed()) }
    }
}
