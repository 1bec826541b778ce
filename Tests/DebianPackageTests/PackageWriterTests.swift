import Archive
import DebianFormat
import Files
import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// What the writer writes, in the judgement of dpkg-deb and of md5sum, sha1sum and sha256sum.
final class PackageWriterTests: XCTestCase {
    private let root = Owner(name: "root", id: 0)

    private func planned(_ path: String, _ kind: Entry.Kind, _ source: ContentSource) -> PlannedEntry {
        PlannedEntry(
            entry: Entry(
                path: path, kind: kind, permissions: kind == .directory ? 0o755 : 0o644, owner: root, group: root,
                modificationTime: 1_700_000_000), source: source, isConffile: false)
    }

    private func plan(_ entries: [PlannedEntry], _ compression: String) throws -> BuildPlan {
        var control = ControlParagraph()
        control["Package"] = "tiny"
        control["Version"] = "1.0"
        control["Architecture"] = "all"
        control["Maintainer"] = "Nobody <nobody@example.com>"
        control["Description"] = "a test"
        return BuildPlan(
            package: try PackageName("tiny"), version: try DebianVersion("1.0"), architecture: .all,
            control: control, controlFiles: [],
            entries: [planned("./", .directory, .nothing), planned("./d/", .directory, .nothing)] + entries,
            compression: try Compression(parsing: compression), sourceDateEpoch: 1_700_000_000)
    }

    private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<(count + 7) / 8).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }.dropLast(
            (8 - count % 8) % 8)
    }

    /// Sizes on both sides of every limit of the blocks that checksums are computed in, and more empty files than one
    /// block takes.
    private func payload(in folder: TemporaryDirectory) throws -> [PlannedEntry] {
        var sizes = [1, 511, 512, 513, 65_535, 65_536, 65_537, 196_608, 262_143, 262_144, 262_145, 2_000_003]
        var generator = SeededGenerator(seed: 5)
        sizes += (0..<300).map { _ in Int(generator.next() % 9000) }
        sizes += [Int](repeating: 0, count: 4200)
        return try sizes.enumerated().map { index, size in
            let name = "f" + String(repeating: "0", count: 5 - "\(index)".count) + "\(index)"
            let bytes = noise(size, seed: UInt64(index + 1))
            if index % 50 == 49 { return planned("./d/" + name, .file(size: Int64(size)), .bytes(bytes)) }
            let path = try folder.file("in/" + name, bytes: bytes)
            let status = try FileStatus.of(path, followLinks: true)
            return planned("./d/" + name, .file(size: status.size), .file(path: path, status: status))
        }
    }

    func testChecksumsAreThoseOfThePrograms() throws {
        try requireProgram("dpkg-deb")
        let folder = try TemporaryDirectory()
        let entries = try payload(in: folder)
        for compression in ["none", "gzip:1", "zstd:3", "xz:0"] {
            let plan = try plan(entries, compression)
            var contents: [Data] = []
            for threads in [1, 2, 5] {
                let output = try folder.directory("out-\(compression.prefix(2))-\(threads)")
                let built = try PackageWriter(outputDirectory: output, threads: threads).write(plan)
                XCTAssertEqual(try FileTree.children(of: output), ["tiny_1.0_all.deb"])
                for (program, sum) in [
                    ("md5sum", built.checksums.md5), ("sha1sum", built.checksums.sha1),
                    ("sha256sum", built.checksums.sha256),
                ] {
                    XCTAssertEqual(
                        try TestSupport.run(program, [built.path]).output, "\(sum ?? "")  \(built.path)\n", compression)
                }
                contents.append(try Data(contentsOf: URL(fileURLWithPath: built.path)))
                XCTAssertEqual(Int64(contents[0].count), built.size)
            }
            XCTAssertEqual(contents[0], contents[1], compression)
            XCTAssertEqual(contents[0], contents[2], compression)

            let package = folder.path + "/out-\(compression.prefix(2))-1/tiny_1.0_all.deb"
            let unpacked = folder.path + "/x-\(compression.prefix(2))"
            let result = try TestSupport.run("dpkg-deb", ["--raw-extract", package, unpacked])
            XCTAssertEqual(result.status, 0, result.errors)
            let sums = unpacked + "/DEBIAN/md5sums"
            let lines = try String(contentsOfFile: sums, encoding: .utf8).utf8.count { $0 == UInt8(ascii: "\n") }
            XCTAssertEqual(lines, entries.count, compression)
            let check = try TestSupport.run(
                "md5sum", ["--check", "--quiet", "--strict", "DEBIAN/md5sums"], workingDirectory: unpacked)
            XCTAssertEqual(check.status, 0, check.output + check.errors)
        }
    }

    /// Without compression the payload lies where it stays before the front is written; it must not show.
    func testUncompressedPackageHasTheSameMembers() throws {
        try requireProgram("ar")
        let folder = try TemporaryDirectory()
        let entries = try payload(in: folder)
        let plain = try PackageWriter(outputDirectory: try folder.directory("plain")).write(try plan(entries, "none"))
        let packed = try PackageWriter(outputDirectory: try folder.directory("gz")).write(try plan(entries, "gzip:1"))
        XCTAssertEqual(
            try TestSupport.run("ar", ["t", plain.path]).output, "debian-binary\ncontrol.tar\ndata.tar\n")
        for member in ["control.tar", "data.tar"] {
            let script = "ar p \"$1\" \(member) | sha256sum; ar p \"$2\" \(member).gz | gunzip | sha256sum"
            let sums = try TestSupport.run("sh", ["-c", script, "sh", plain.path, packed.path]).output
                .split(separator: "\n")
            XCTAssertEqual(sums.count, 2)
            XCTAssertEqual(sums.first, sums.last, member)
        }
    }

    /// A failure between other files, while checksums of those before it may still be under way.
    func testFailureLeavesWhatWasThere() throws {
        let folder = try TemporaryDirectory()
        let entries = try payload(in: folder)
        let output = try folder.directory("out")
        try folder.file("out/tiny_1.0_all.deb", "the old one")
        for compression in ["none", "zstd:3", "xz:0"] {
            for index in [0, 7, 11, 120, 311, 2000] {
                guard case .file(let path, let status) = entries[index].source else { return XCTFail("no file") }
                var changed = status
                changed.modificationSeconds -= 1
                var entries = entries
                entries[index].source = .file(path: path, status: changed)
                XCTAssertThrowsError(
                    try PackageWriter(outputDirectory: output, threads: 2).write(try plan(entries, compression))
                ) { error in
                    guard case BuildError.changedWhileRead(path) = error else { return XCTFail("\(error)") }
                }
                // One that is gone is a fault of the file system.
                entries[index].source = .file(path: path + ".gone", status: status)
                XCTAssertThrowsError(
                    try PackageWriter(outputDirectory: output, threads: 2).write(try plan(entries, compression))
                ) { error in
                    guard case BuildError.file(_, let failure) = error else { return XCTFail("\(error)") }
                    XCTAssertEqual(failure.errno, ENOENT)
                }
                XCTAssertEqual(try FileTree.children(of: output), ["tiny_1.0_all.deb"])
            }
        }
        XCTAssertEqual(try String(contentsOfFile: output + "/tiny_1.0_all.deb", encoding: .utf8), "the old one")
    }
}
