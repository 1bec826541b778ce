import Foundation
import TestSupport
import XCTest

/// Package.swift as SwiftPM reads it, with what the sources import.
struct PackageDescription: Decodable {
    struct Target: Decodable {
        enum Kind: String, Decodable {
            case regular, executable, test, system
        }

        let name: String
        let type: Kind
        private let path: String?
        private let declared: [Dependency]

        private enum CodingKeys: String, CodingKey {
            case name, type, path
            case declared = "dependencies"
        }

        /// The names of modules and products that it depends on; a product of this package's dependencies is called as
        /// its module is.
        var dependencies: Set<String> { Set(declared.map(\.name)) }

        /// Its folder below the root of the package.
        var folder: String { path ?? "Tests/\(name)" }

        /// The folder of `Sources` that it is in; nil for tests.
        var floor: String? {
            let parts = folder.split(separator: "/")
            return parts.count == 3 && parts[0] == "Sources" ? String(parts[1]) : nil
        }
    }

    /// `{"byName": ["Files", null]}` or `{"product": ["Crypto", "swift-crypto", null, null]}`.
    private struct Dependency: Decodable {
        let name: String

        init(from decoder: any Decoder) throws {
            let fields = try decoder.singleValueContainer().decode([String: [JSONValue?]].self)
            guard case .text(let name)? = fields.values.first?.first ?? nil else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a dependency without a name"))
            }
            self.name = name
        }
    }

    private enum JSONValue: Decodable {
        case text(String), other

        init(from decoder: any Decoder) throws {
            self = (try? decoder.singleValueContainer().decode(String.self)).map(Self.text) ?? .other
        }
    }

    let targets: [Target]

    static let current = Result {
        let scratch = try TemporaryDirectory()
        // A scratch folder of its own: whoever builds holds the lock of the usual one.
        let dump = try TestSupport.run(
            "swift", ["package", "--package-path", repositoryRoot, "--scratch-path", scratch.path, "dump-package"])
        guard dump.status == 0 else { throw XCTSkip("swift cannot read Package.swift: \(dump.errors)") }
        return try JSONDecoder().decode(Self.self, from: Data(dump.standardOutput))
    }
}

/// A Swift file.
struct SourceFile {
    /// Its path below the root of the package.
    let path: String
    let lines: [Substring]

    init(_ path: String) throws {
        self.path = path
        lines = try String(contentsOfFile: repositoryRoot + "/" + path, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The Swift files of a folder and of those in it.
    static func all(in folder: String) throws -> [SourceFile] {
        try FolderTree.files(in: folder).filter { $0.hasSuffix(".swift") }.map(SourceFile.init)
    }

    /// Whether protoc has written it.
    var isGenerated: Bool { path.hasSuffix(".pb.swift") || path.hasSuffix(".grpc.swift") }

    /// The modules that it imports. Imports come first: further down, 'import' may be Python in a text.
    var imports: Set<String> {
        let pattern =
            #/^(?:@\S+ )*(?:(?:public|package|internal|private|fileprivate) )?import (?:(?:struct|class|enum|func|protocol|let|var|typealias) )?(\w+)/#
        var names: Set<String> = []
        for line in lines {
            let line = line.drop { $0 == " " }
            if let match = line.prefixMatch(of: pattern) {
                names.insert(String(match.1))
            } else if !line.isEmpty, !["//", "#", "@"].contains(where: line.hasPrefix) {
                break
            }
        }
        return names
    }

    /// The types that other files see by a name without an outer type.
    var topLevelTypes: [String] {
        let pattern =
            #/^(?:@\S+ )*(?:(?:public|package|internal|final|indirect|nonisolated) )*(?:struct|class|enum|actor|protocol|typealias) (\w+)/#
        return lines.compactMap { $0.prefixMatch(of: pattern).map { String($0.1) } }
    }
}

/// What is in a folder of the repository.
enum FolderTree {
    /// The files in a folder and in those below it, as paths below the root.
    static func files(in folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: repositoryRoot + "/" + folder).sorted()
            .map { folder + "/" + $0 }.filter { !isFolder($0) }
    }

    static func isFolder(_ path: String) -> Bool {
        var answer: ObjCBool = false
        return FileManager.default.fileExists(atPath: repositoryRoot + "/" + path, isDirectory: &answer)
            && answer.boolValue
    }
}
