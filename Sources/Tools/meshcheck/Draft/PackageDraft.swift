import Files
import HostProbes
import Documents

/// Checks for an installed package: it is whole, and its units run.
struct PackageDraft {
    let reader: MachineReader
    let package: String

    /// Why there is no draft.
    enum Problem: Error {
        case notInstalled(state: String)
        case probe(ProbeError)
        case file(FileError)
    }

    private static let unitFolders = ["/lib/systemd/system/", "/usr/lib/systemd/system/"]

    /// The draft.
    func draft() async throws(Problem) -> ScenarioDraft {
        let seen = try await look()
        guard seen["installed"] == .bool(true) else {
            if case .text(let state)? = seen["state"] { throw .notInstalled(state: state) }
            throw .notInstalled(state: "not-installed")
        }
        let stem = DraftIdentifier.made(of: package)
        var version = ""
        var expectations: [(String, JSONValue)] = [("installed", .bool(true))]
        if case .text(let text)? = seen["version"] {
            version = " \(text)"
            expectations.append(
                ("version", .object([("version", .object([("at-least", .string(text))]))])))
        }
        var checks = [
            ScenarioDraft.Check(
                id: "\(stem).installed", title: "\(package) is installed, in this version or a later one",
                kind: "package", parameters: [(nil, .string(package))], expectations: expectations),
            ScenarioDraft.Check(
                id: "\(stem).files", title: "\(package) is whole: no file was changed, lost or left over",
                kind: "package", parameters: [(nil, .string(package))],
                expectations: [
                    ("missing-files", .object([("empty", .bool(true))])),
                    ("modified-files", .object([("empty", .bool(true))])),
                    ("conffiles-leftover", .object([("empty", .bool(true))])),
                    ("depends-satisfied", .bool(true)),
                ], needs: ["\(stem).installed"]),
        ]
        let architecture: String
        if case .text(let text)? = seen["architecture"] { architecture = text } else { architecture = "" }
        for unit in try units(architecture: architecture) { checks += try await unitChecks(unit) }
        return ScenarioDraft(
            name: stem, title: "\(package) is whole and runs", origin: "the package \(package)\(version)",
            checks: checks)
    }

    private func look() async throws(Problem) -> [String: Value] {
        do throws(ProbeError) {
            return try await reader.look(
                "package", ["name": .text(package)], ["installed", "state", "version", "architecture"])
        } catch { throw .probe(error) }
    }

    private func unitChecks(_ unit: String) async throws(Problem) -> [ScenarioDraft.Check] {
        let draft = UnitDraft(reader: reader, unit: unit)
        do throws(ProbeError) {
            return try await draft.checks() ?? []
        } catch {
            // A container or chroot without systemd: what the package is made for still holds.
            return draft.plainChecks
        }
    }

    /// The services that it brings, without templates.
    private func units(architecture: String) throws(Problem) -> [String] {
        let name = String(decoding: package.utf8.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        let paths: [String]
        do throws(FileError) {
            paths = try reader.paths(ofPackage: name, architecture: architecture)
        } catch { throw .file(error) }
        var units: [String] = []
        for path in paths {
            let (folder, unit) = LexicalPath.split(path)
            guard Self.unitFolders.contains(folder + "/"), unit.utf8.suffix(8).elementsEqual(".service".utf8),
                !unit.utf8.contains(UInt8(ascii: "@")), !units.contains(unit),
                (try? FileStatus.of(reader.host.path(path), followLinks: false))?.kind == .file
            else { continue }
            units.append(unit)
        }
        return units
    }
}
