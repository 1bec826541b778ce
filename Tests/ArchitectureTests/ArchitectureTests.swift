import Foundation
import TestSupport
import XCTest

/// The layers that docs/architecture.md shows. SwiftPM itself refuses modules that depend on each other in a circle.
final class ArchitectureTests: XCTestCase {
    /// The folders of Sources, lowest first.
    private static let floors = ["Base", "Debian", "Checks", "Remote", "Mesh", "Tools"]
    /// Modules of the toolchain.
    private static let given: Set = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Swift", "Synchronization", "XCTest",
    ]

    private func assertNone(_ found: [String], _ what: String, line: UInt = #line) {
        XCTAssertEqual(found.sorted(), [], what, line: line)
    }

    func testModulesDependOnTheirOwnFloorAndThoseBelow() throws {
        let targets = try PackageDescription.current.get().targets
        let floors = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0.floor) })
        var upward: [String] = []
        for target in targets where target.type != .test {
            guard let floor = target.floor else {
                XCTAssertTrue(target.folder.hasPrefix("Tests/"), "\(target.folder) is not Sources/FLOOR/MODULE")
                continue
            }
            let height = try XCTUnwrap(Self.floors.firstIndex(of: floor), "\(floor) is not a known floor")
            for name in target.dependencies {
                guard let other = floors[name] ?? nil, let below = Self.floors.firstIndex(of: other) else { continue }
                if below > height { upward.append("\(target.name) -> \(name)") }
            }
        }
        assertNone(upward, "dependencies that point upward")
    }

    /// Tests declare programs too: those that they run.
    func testDependenciesAreImportedAndImportsAreDeclared() throws {
        let targets = try PackageDescription.current.get().targets
        let programs = Set(targets.filter { $0.type == .executable }.map(\.name))
        var unused: [String] = []
        var undeclared: [String] = []
        for target in targets where target.type != .system {
            let files = try SourceFile.all(in: target.folder)
            let imports = files.reduce(into: Set()) { $0.formUnion($1.imports) }
            func runs(_ name: String) -> Bool {
                programs.contains(name) && files.contains { $0.lines.contains { $0.contains("\"\(name)\"") } }
            }
            unused += target.dependencies.subtracting(imports).filter { !runs($0) }.map { "\(target.name): \($0)" }
            undeclared += imports.subtracting(target.dependencies).subtracting(Self.given).map {
                "\(target.name): \($0)"
            }
        }
        assertNone(unused, "declared and never imported")
        assertNone(undeclared, "imported and not declared")
    }

    /// A nested type is named with its outer one, and a private one in its file alone.
    func testNoTypeNameStandsTwice() throws {
        var places: [String: Set<String>] = [:]
        for file in try SourceFile.all(in: "Sources") where !file.isGenerated {
            for name in file.topLevelTypes { places[name, default: []].insert(file.path) }
        }
        let twice = places.filter { $0.value.count > 1 }
        assertNone(twice.map(\.key), "types of the same name: \(twice)")
    }

    func testNoFolderHoldsASingleFile() throws {
        var counts: [String: Int] = [:]
        for path in try FolderTree.files(in: "Sources") {
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            counts[folder, default: 0] += 1
            // What is further down belongs to the folders above as well.
            let parts = folder.split(separator: "/")
            for count in 1..<max(parts.count, 1) {
                counts[parts.prefix(count).joined(separator: "/"), default: 0] += 1
            }
        }
        // SwiftPM wants C headers there.
        let alone = counts.filter { $0.value == 1 && !$0.key.hasSuffix("/include") }.map(\.key)
        assertNone(alone, "folders with a single file")
    }

    func testSourcesDoNotImportFoundation() throws {
        let files = try SourceFile.all(in: "Sources").filter { !$0.isGenerated }
        let wrong: Set = ["Foundation", "FoundationInternationalization", "FoundationNetworking", "FoundationXML"]
        assertNone(
            files.filter { !$0.imports.isDisjoint(with: wrong) }.map(\.path), "files that import Foundation")
    }
}
