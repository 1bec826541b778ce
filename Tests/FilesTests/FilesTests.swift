import Files
import Foundation
import TestSupport
import XCTest

/// Files as the system sees them.
final class FilesTests: XCTestCase {
    private func write(_ file: AtomicFile, _ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    }

    func testAtomicFileAppearsOnCommitWithItsMode() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.file("x", "old")
        let before = umask(0o077)
        defer { umask(before) }
        let file = try AtomicFile(target: path, permissions: 0o640)
        try write(file, "new")
        XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8), "old")
        try file.commit()
        XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8), "new")
        XCTAssertEqual(try FileStatus.of(path, followLinks: false).permissions, 0o640)
        XCTAssertEqual(try FileTree.children(of: directory.path), ["x"])
    }

    func testDroppedAtomicFileLeavesNothing() throws {
        let directory = try TemporaryDirectory()
        try {
            let file = try AtomicFile(target: directory.path + "/x")
            try write(file, "new")
        }()
        XCTAssertEqual(try FileTree.children(of: directory.path), [])
    }

    func testAtomicFileIsFilledFromTheMiddle() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/x"
        let file = try AtomicFile(target: path)
        try file.seek(to: 5)
        try write(file, "behind")
        try Array("front".utf8).withUnsafeBytes { try file.write($0, at: 0) }
        try write(file, " it")
        XCTAssertEqual(String(decoding: try file.bytes(at: 3, count: 5), as: UTF8.self), "ntbeh")
        XCTAssertEqual(try file.bytes(at: 14, count: 5), [])
        try file.commit()
        XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8), "frontbehind it")
        XCTAssertThrowsError(try file.seek(to: 0))
        XCTAssertThrowsError(try file.bytes(at: 0, count: 1))
    }

    func testLinesAcrossBlocks() throws {
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 3)
        for end in ["\n", "", "\n\n"] {
            let lines = (0..<3000).map { _ in String(repeating: "x", count: Int(generator.next() % 400)) }
            let path = try directory.file("lines", lines.joined(separator: "\n") + end)
            var found: [String] = []
            try LineScanner.scan(path) { found.append(String(decoding: $0, as: UTF8.self)) }
            var expected = lines + (end == "\n\n" ? [""] : [])
            if end.isEmpty, expected.last == "" { expected.removeLast() }
            XCTAssertEqual(found, expected)
        }
        let long = try directory.file("long", String(repeating: "y", count: 300_000) + "\nz")
        var sizes: [Int] = []
        try LineScanner.scan(long) { sizes.append($0.count) }
        XCTAssertEqual(sizes.reduce(0, +), 300_001)
        XCTAssertEqual(sizes.last, 1)
        XCTAssertThrowsError(try LineScanner.scan(directory.path + "/none") { _ in })
    }

    func testAtomicFileReplacesALinkAndNotItsTarget() throws {
        let directory = try TemporaryDirectory()
        let target = try directory.file("target", "kept")
        try FileManager.default.createSymbolicLink(atPath: directory.path + "/x", withDestinationPath: target)
        let file = try AtomicFile(target: directory.path + "/x")
        try write(file, "new")
        try file.commit()
        XCTAssertEqual(try String(contentsOfFile: target, encoding: .utf8), "kept")
        XCTAssertEqual(try FileStatus.of(directory.path + "/x", followLinks: false).kind, .file)
    }

    func testOnlyRegularFilesAreRead() throws {
        let directory = try TemporaryDirectory()
        XCTAssertThrowsError(try InputFile(path: directory.path)) { XCTAssertEqual(($0 as? FileError)?.errno, EISDIR) }
        XCTAssertEqual(mkfifo(directory.path + "/pipe", 0o600), 0)
        XCTAssertThrowsError(try InputFile(path: directory.path + "/pipe")) {
            XCTAssertEqual(($0 as? FileError)?.errno, EINVAL)
        }
        XCTAssertThrowsError(try InputFile(path: "/dev/null"))
        let path = try directory.file("x", String(repeating: "x", count: 100))
        XCTAssertThrowsError(try FileTree.readWhole(path, limit: 99)) {
            XCTAssertEqual(($0 as? FileError)?.errno, EFBIG)
        }
        XCTAssertEqual(try FileTree.readWhole(path, limit: 100).count, 100)
    }

    func testScratchFileHasNoName() throws {
        let directory = try TemporaryDirectory()
        let file = try ScratchFile(in: directory.path)
        try Array("abc".utf8).withUnsafeBytes { try file.write($0) }
        XCTAssertEqual(try FileTree.children(of: directory.path), [])
        XCTAssertEqual(file.size, 3)
        try file.rewind()
        var bytes = [UInt8](repeating: 0, count: 10)
        XCTAssertEqual(try bytes.withUnsafeMutableBytes { try file.read(into: $0) }, 3)
    }

    func testFirstDifference() throws {
        let directory = try TemporaryDirectory()
        let a = try directory.file("a", bytes: [UInt8](repeating: 1, count: 200_000))
        var bytes = [UInt8](repeating: 1, count: 200_000)
        XCTAssertNil(try FileTree.firstDifference(a, try directory.file("b", bytes: bytes)))
        bytes[150_001] = 2
        XCTAssertEqual(try FileTree.firstDifference(a, try directory.file("b", bytes: bytes)), 150_001)
        XCTAssertEqual(
            try FileTree.firstDifference(a, try directory.file("b", bytes: Array(bytes.prefix(65_536)))), 65_536)
    }

    func testHardLinkReplacesInOneStep() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("a", "x")
        try directory.file("b", "old")
        for _ in 0..<2 { try FileTree.replaceWithHardLink(directory.path + "/b", to: file) }
        XCTAssertEqual(
            try FileStatus.of(file, followLinks: false).inode,
            try FileStatus.of(directory.path + "/b", followLinks: false).inode)
        XCTAssertEqual(try FileTree.children(of: directory.path), ["a", "b"])
    }

    func testLexicalPaths() {
        XCTAssertEqual(LexicalPath.normalised("/a//b/./c/../d/"), "/a/b/d")
        XCTAssertEqual(LexicalPath.normalised("/"), "/")
        XCTAssertNil(LexicalPath.normalised("/.."))
        XCTAssertNil(LexicalPath.normalised("a"))
        XCTAssertEqual(LexicalPath.shortened("/a/b/c", in: "/a"), "b/c")
        XCTAssertEqual(LexicalPath.shortened("/ab/c", in: "/a"), "/ab/c")
        XCTAssertEqual(LexicalPath.components("/a//b/").map(String.init), ["a", "b"])
        XCTAssertTrue(LexicalPath.isInside("/a/b", folder: "/a") && LexicalPath.isInside("/a", folder: "/a/"))
        XCTAssertFalse(LexicalPath.isInside("/ab", folder: "/a"))
        XCTAssertTrue(LexicalPath.isInside("/ab", folder: "/"))
    }

    /// realpath(1) knows slashes by their byte, as the kernel does.
    func testCombiningMarksDoNotHideSlashes() throws {
        for path in ["/a/b/../\u{301}c", "/\u{301}a/./b", "/a/\u{301}/../..", "/a\u{301}/b\u{20dd}/.."] {
            let said = try TestSupport.run("realpath", ["-m", "-s", path]).output
            let expected = said.utf8.last == 10 ? Array(said.utf8.dropLast()) : Array(said.utf8)
            XCTAssertEqual(LexicalPath.normalised(path).map { Array($0.utf8) }, expected, path)
        }
        XCTAssertNil(LexicalPath.normalised("/../\u{301}x"))
        XCTAssertEqual(LexicalPath.split("/a/\u{301}b").folder, "/a")
    }

    func testErrorsNameOperationPathAndReason() {
        XCTAssertThrowsError(try FileStatus.of("/nothing/here", followLinks: true)) { error in
            XCTAssertEqual("\(error)", "cannot stat '/nothing/here': No such file or directory")
        }
    }
}
