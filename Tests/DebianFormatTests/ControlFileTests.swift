import DebianFormat
import Foundation
import TestSupport
import XCTest

/// conffiles, md5sums, triggers, Installed-Size, in dpkg's own judgement.
final class ControlFileTests: XCTestCase {
    func testConffilesAreDpkgDebs() throws {
        let folder = try PackageFolder()
        for text in [
            "", "/etc/probe\n", "/etc/probe", " /etc/probe\n", "/etc/probe \n", "\n", "  \n", "etc/probe\n",
            "remove-on-upgrade /etc/b\n", "/etc/probe\nremove-on-upgrade /etc/b\n", "remove-on-upgrade  /etc/b\n",
            "remove-on-upgrade\t/etc/b\n", "drop /etc/b\n", "remove-on-upgrade b\n", "/etc/probe\n\n",
            "remove-on-upgrade \n", "remove-on-upgrade\n", "/etc/probe\t\n", "/etc/probe\r\n", "\n/etc/probe\n",
            "remove-on-upgrade /etc/é b\n", "/etc/" + String(repeating: "x", count: 10_000) + "\n",
        ] {
            let theirs = try folder.build(["conffiles": text])
            XCTAssertEqual((try? Conffiles(parsing: text)) != nil, theirs.status == 0, "\(text.debugDescription)")
        }
        // dpkg-deb warns of this one.
        XCTAssertThrowsError(try Conffiles(parsing: "/etc/a\n/etc/a\n"))
    }

    func testConffilesKeepTheirLines() throws {
        let text = "/etc/a b\nremove-on-upgrade /etc/c\n"
        let file = try Conffiles(parsing: text)
        XCTAssertEqual(file.entries.map(\.path), ["/etc/a b", "/etc/c"])
        XCTAssertEqual(file.entries.map(\.removeOnUpgrade), [false, true])
        XCTAssertEqual(file.text, text)
        // To Unicode these are the same, to a file system they are two.
        XCTAssertEqual(try Conffiles(parsing: "/etc/\u{e9}\n/etc/e\u{301}\n").entries.count, 2)
        for (text, offset) in [
            ("/a", 2), ("/a\n /b\n", 3), ("/a\n\n", 3), ("/a\n/b \n", 5), ("/a\n/a\n", 3), ("/a\nb\n", 3),
            ("remove-on-upgrade b\n", 18), ("/a\r\n", 2), ("/a\u{0}\n", 2),
        ] {
            XCTAssertEqual(faultOffset { _ = try Conffiles(parsing: text) }, offset, text.debugDescription)
        }
    }

    private static let digest = "401b30e3b8b5d629635a5c613cdb7919"

    func testMD5SumsAreDpkgs() throws {
        try requireRoot()
        let folder = try PackageFolder()
        let digest = Self.digest
        for text in [
            "\(digest)  etc/probe\n", "\(digest.uppercased())  etc/probe\n", "\(digest) *etc/probe\n",
            "\(digest)  etc/probe", "\(digest)  etc/probe\n\n", "\(digest)   \n", "\(digest)\n", "\(digest)  \n",
            "\(digest.dropLast())  etc/probe\n", "z\(digest.dropFirst())  etc/probe\n", "\(digest)\tetc/probe\n",
            "\(digest) etc/probe\n", "\n", "\(digest)  ./etc/probe\n", "\(digest)  etc/probe \n",
        ] {
            guard try folder.build(["md5sums": text]).status == 0 else {
                XCTFail("dpkg-deb does not look into md5sums")
                continue
            }
            let (unpack, verify) = try folder.unpackAndVerify()
            XCTAssertEqual(unpack.status, 0, unpack.errors)
            let isRefused = verify.errors.contains("error")
            let ours = try? MD5Sums(parsing: text)
            if isRefused { XCTAssertNil(ours, "\(text.debugDescription): \(verify.errors)") }
            if ours != nil { XCTAssertFalse(isRefused, "\(text.debugDescription): \(verify.errors)") }
        }
    }

    func testMD5SumIsContentWithOurText() throws {
        try requireProgram("md5sum")
        let directory = try TemporaryDirectory()
        var entries: [MD5Sums.Entry] = []
        for name in ["b", "a c", "dir/é"] {
            try directory.file(name, "x\n")
            entries.append(.init(digest: Self.digest, path: name))
        }
        let sums = MD5Sums(entries: entries)
        XCTAssertEqual(try MD5Sums(parsing: sums.text).entries.map(\.path), ["a c", "b", "dir/é"])
        let result = try TestSupport.run(
            "md5sum", ["--check", "--strict"], workingDirectory: directory.path, input: Array(sums.text.utf8))
        XCTAssertEqual(result.status, 0, result.errors)
    }

    func testOffsetsInMD5Sums() throws {
        let digest = Self.digest
        XCTAssertEqual(try MD5Sums(parsing: "\(digest)  ./usr/a/\n").entries.first?.path, "usr/a")
        for (text, offset) in [
            ("x", 0), ("0x", 1), (digest, 32), (digest + " x\n", 32), (digest + "  \n", 34), (digest + "  x", 35),
            (digest + "  x\n\n", 36), (digest + "  x \n", 35),
        ] {
            XCTAssertEqual(faultOffset { _ = try MD5Sums(parsing: text) }, offset, text.debugDescription)
        }
    }

    func testTriggersAreDpkgs() throws {
        try requireRoot()
        let folder = try PackageFolder()
        for text in [
            "interest /usr/share/x\n", "interest-noawait x\nactivate-noawait y\n", "# c\n\n  interest x  \n",
            "activate-await x\n", "interest-await x", "interest x # d\n", "  # c\n", "interests x\n", "interest\n",
            "interest a b\n", "interest \u{1}\n",
            "interest /é\n", "Interest x\n", "\tactivate\tx\t\n", "\n", "",
        ] {
            XCTAssertEqual(try folder.build(["triggers": text]).status, 0)
            let theirs = try folder.unpackAndVerify().unpack
            XCTAssertEqual(
                (try? Trigger.parse(text)) != nil, theirs.status == 0, "\(text.debugDescription): \(theirs.errors)")
        }
    }

    func testTriggers() throws {
        XCTAssertEqual(try Trigger(" interest-noawait  /usr/share/x ").description, "interest-noawait /usr/share/x")
        let text = "interest a\n # c\nactivate b\n"
        XCTAssertEqual(Trigger.text(of: try Trigger.parse(text)), "interest a\nactivate b\n")
        for (text, offset) in [
            ("", 0), ("interest", 8), ("interest a b", 11), ("interests /x", 0), ("interest /é", 10),
            ("interest a#b", 10),
        ] {
            XCTAssertEqual(faultOffset { _ = try Trigger(text) }, offset, text)
        }
        XCTAssertEqual(faultOffset { _ = try Trigger.parse("interest a\nactive b\n") }, 11)
    }

    func testInstalledSizeIsDpkgGencontrols() throws {
        XCTAssertEqual(InstalledSize.kibibytes(files: [0, 1, 1024, 1025, 5000], others: 3), 3 + 0 + 1 + 1 + 2 + 5)
        XCTAssertEqual(InstalledSize.kibibytes(files: [.max, .max], others: .max), .max)
        XCTAssertEqual(InstalledSize.kibibytes(files: [-5, .min], others: -1), 0)
        try requireProgram("dpkg-gencontrol")
        let directory = try TemporaryDirectory()
        try directory.file("debian/control", "Source: s\nMaintainer: A <a@b.org>\n\nPackage: p\nArchitecture: all\n")
        try directory.file(
            "debian/changelog",
            "s (1) unstable; urgency=low\n\n  * x\n\n -- A <a@b.org>  Mon, 23 Nov 2026 12:00:00 +0000\n")
        let sizes = [0, 1, 1023, 1024, 1025, 4096, 100_000]
        for size in sizes { try directory.file("root/usr/f\(size)", String(repeating: "x", count: size)) }
        try FileManager.default.createSymbolicLink(atPath: directory.path + "/root/usr/link", withDestinationPath: "f1")
        let result = try TestSupport.run(
            "dpkg-gencontrol", ["-Proot", "-O"], workingDirectory: directory.path)
        let theirs = try ControlParagraph(parsing: result.output)["Installed-Size"]
        // The folders are the root itself and usr; the link's target is one KiB.
        let ours = InstalledSize.kibibytes(files: sizes.map(Int64.init) + [2], others: 2)
        XCTAssertEqual(theirs, String(ours), result.errors)
    }
}
