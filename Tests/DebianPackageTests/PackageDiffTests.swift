import Archive
import DebianFormat
import Documents
import Foundation
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// Differences between packages, and the unified diff against diff(1).
final class PackageDiffTests: XCTestCase {
    private func images(_ change: (inout PackageTree) -> Void) throws -> (PackageImage, PackageImage) {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.plain()
        let old = try DebReader.read(tree.build(in: folder.path, fileName: "a.deb"))
        change(&tree)
        return (old, try DebReader.read(tree.build(in: folder.path, fileName: "b.deb")))
    }

    private func difference(_ change: (inout PackageTree) -> Void) throws -> PackageDiff {
        let (old, new) = try images(change)
        return PackageDiff.compare(old, new)
    }

    func testNothingDiffersFromItself() throws {
        let (old, _) = try images { _ in }
        var options = PackageDiff.Options()
        options.comparesTimes = true
        let difference = PackageDiff.compare(old, old, options: options)
        XCTAssertTrue(difference.isEmpty)
        XCTAssertEqual(difference.text(), "no differences\n")
    }

    func testFields() throws {
        let difference = try difference {
            $0["Version"] = "1.2.4-1"
            $0["Homepage"] = nil
            $0["Recommends"] = "dnsmasq"
        }
        XCTAssertEqual(
            difference.fields,
            [
                .init(name: "Version", old: "1.2.3-1", new: "1.2.4-1"),
                .init(name: "Homepage", old: "https://example.org/sound", new: nil),
                .init(name: "Recommends", old: nil, new: "dnsmasq"),
            ])
        XCTAssertTrue(difference.text().contains("  - Version: 1.2.3-1\n  + Version: 1.2.4-1\n"))
        XCTAssertTrue(difference.entries.isEmpty)
    }

    func testEntries() throws {
        let difference = try difference {
            $0.file("/etc/sound/sound.conf", "key=other\n", mode: 0o640)
            $0.nodes["/usr/bin/sound-link"] = .link("sound-helper")
            $0.nodes["/usr/bin/sound-helper"] = .link("sound")
            $0.nodes["/etc/logrotate.d/sound"] = nil
            $0.controlFiles["conffiles"] = ("/etc/sound/sound.conf\n", 0o644)
            $0.file("/usr/share/sound/new", "x")
        }
        func item(_ name: String) -> PackageDiff.Item? { difference.entries.first { $0.name == name } }
        XCTAssertEqual(item("/etc/sound/sound.conf")?.changes.map(\.name), ["mode", "sha256"])
        XCTAssertEqual(
            item("/etc/sound/sound.conf")?.lines?.text, ["@@ -1,1 +1,1 @@", "-key=value", "+key=other"])
        XCTAssertEqual(item("/usr/bin/sound-link")?.changes, [.init(name: "target", old: "sound", new: "sound-helper")])
        XCTAssertEqual(item("/usr/bin/sound-helper")?.changes.first, .init(name: "type", old: "file", new: "symlink"))
        XCTAssertEqual(item("/etc/logrotate.d/sound")?.status, .removed)
        XCTAssertEqual(item("/etc/logrotate.d")?.status, .removed)
        XCTAssertEqual(item("/usr/share/sound/new")?.status, .added)
        XCTAssertNil(item("/usr/bin/sound"))
        let text = difference.text()
        XCTAssertTrue(text.contains("~ /etc/sound/sound.conf  mode 0644 -> 0640"), text)
        XCTAssertTrue(text.contains("- /etc/logrotate.d/sound"), text)
        XCTAssertTrue(text.contains("+ /usr/share/sound/new  type file, mode 0644"), text)
        XCTAssertFalse(text.contains("\u{1b}"))
        XCTAssertTrue(difference.text(color: true).contains("\u{1b}[32m"))
    }

    func testOwnersTimesAndDuplicates() throws {
        let (old, _) = try images { _ in }
        var new = old
        new.entries[1].owner = Owner(name: "istio-proxy", id: 999)
        new.entries[2].modificationTime += 1
        new.entries.append(new.entries[3])
        var options = PackageDiff.Options()
        XCTAssertEqual(PackageDiff.compare(old, new, options: options).entries.map(\.status), [.changed, .added])
        options.comparesTimes = true
        let difference = PackageDiff.compare(old, new, options: options)
        XCTAssertEqual(difference.entries.flatMap(\.changes).filter { $0.name == "modificationTime" }.count, 2)
        XCTAssertTrue(difference.text().contains("owner root (0) -> istio-proxy (999)"))
    }

    func testScriptsAndMembers() throws {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.plain()
        let old = try DebReader.read(tree.build(in: folder.path, compression: ["-Zgzip"]))
        tree.replaceScript("prerm", "stop", "restart")
        tree.controlFiles["preinst"] = ("#!/bin/sh\n", 0o755)
        var new = try DebReader.read(tree.build(in: folder.path, compression: ["-Zxz"]))
        // dpkg-deb writes 0755 itself.
        for index in new.controlFiles.indices where new.controlFiles[index].name == "postrm" {
            new.controlFiles[index].permissions = 0o775
        }
        let difference = PackageDiff.compare(old, new)
        XCTAssertEqual(difference.controlFiles.map(\.name), ["postrm", "preinst", "prerm"])
        guard difference.controlFiles.count == 3 else { return }
        XCTAssertEqual(difference.controlFiles[0].changes, [.init(name: "mode", old: "0755", new: "0775")])
        XCTAssertEqual(difference.controlFiles[1].status, .added)
        XCTAssertEqual(difference.controlFiles[2].lines?.hunks.count, 1)
        let data = difference.members.first { $0.name == "data.tar" }
        XCTAssertTrue(data?.changes.contains(.init(name: "compression", old: "gzip", new: "xz")) ?? false)
        let json = difference.json.pretty
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        XCTAssertEqual(value?["equal"] as? Bool, false)
        XCTAssertEqual((value?["controlFiles"] as? [Any])?.count, 3)
    }

    /// A package of Python's tarfile and ar(5) by hand, in which everything can be changed; `change` is Python.
    private static let writer = """
        import io, sys, tarfile
        path, change = sys.argv[1:]
        nfc, nfd = 'caf\\u00e9', 'cafe\\u0301'
        p = dict(name='./usr/' + nfc, link='./l', target=nfc, maintainer=f'{nfc} <a@example.com>', script='# ' + nfc,
            scriptowner=0, rootmode=0o755, device=(1, 3), extra=b'one', trailer=b'', binary=b'2.0\\n')
        exec(change)
        def tar(entries, trailer=b''):
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode='w', format=tarfile.GNU_FORMAT) as archive:
                for name, kind, data, values in entries:
                    info = tarfile.TarInfo(name); info.type = kind; info.size = len(data); info.mode = 0o644
                    for key, value in values.items(): setattr(info, key, value)
                    archive.addfile(info, io.BytesIO(data))
            return out.getvalue() + trailer
        R, D, L, C = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE
        control = f'Package: a\\nVersion: 1\\nArchitecture: all\\nMaintainer: {p["maintainer"]}\\nDescription: a\\n'.encode()
        members = [('debian-binary', p['binary']), ('control.tar', tar([('./', D, b'', dict(mode=p['rootmode'])),
            ('./control', R, control, {}), ('./postinst', R, ('#!/bin/sh\\n' + p['script'] + '\\n').encode(),
            dict(mode=0o755, uid=p['scriptowner']))])), ('data.tar', tar([('./', D, b'', dict(mode=0o755)),
            ('./usr/', D, b'', dict(mode=0o755)), (p['name'], R, b'x', {}), (p['link'], L, b'', dict(linkname=p['target'])),
            ('./d', C, b'', dict(devmajor=p['device'][0], devminor=p['device'][1]))], p['trailer'])), ('_x', p['extra'])]
        with open(path, 'wb') as out:
            out.write(b'!<arch>\\n')
            for name, data in members:
                out.write(b'%-16s%-12d%-6d%-6d%-8s%-10d`\\n' % (name.encode(), 0, 0, 0, b'100644', len(data)))
                out.write(data + b'\\n' * (len(data) % 2))
        """

    /// What dpkg or a person could notice is a difference, canonically equal Unicode included.
    func testBytesAreCompared() throws {
        let folder = try TemporaryDirectory()
        func package(_ name: String, _ change: String) throws -> PackageImage {
            try TestSupport.run("python3", ["-c", Self.writer, folder.path + "/" + name, change]).check()
            return try DebReader.read(folder.path + "/" + name)
        }
        let plain = try package("plain.deb", "")
        XCTAssertTrue(PackageDiff.compare(plain, try package("again.deb", "")).isEmpty)
        for change in [
            "p['name'] = './usr/' + nfd", "p['target'] = nfd", "p['maintainer'] = f'{nfd} <a@example.com>'",
            "p['script'] = '# ' + nfd", "p['scriptowner'] = 1000", "p['rootmode'] = 0o777", "p['device'] = (8, 0)",
            "p['extra'] = b'two'", "p['trailer'] = b'more'", "p['trailer'] = bytes(1024) + b'more'",
            "p['binary'] = b'2.1\\n'", "p['link'] = './m'",
        ] {
            XCTAssertFalse(PackageDiff.compare(plain, try package("other.deb", change)).isEmpty, change)
        }
    }

    func testControlCharactersAreShown() throws {
        let difference = try difference { $0.file("/etc/sound/sound.conf", "\u{1b}[31mred\tand tab\n") }
        let text = difference.text()
        XCTAssertTrue(text.contains("+\\u{1b}[31mred\tand tab"), text)
        XCTAssertFalse(text.contains("\u{1b}"))
    }

    func testLineDiffIsThatOfDiff() throws {
        try requireProgram("diff")
        try requireProgram("patch")
        let folder = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 7)
        for round in 0..<60 {
            let old = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
                "line \(Int.random(in: 0...9, using: &generator))\n"
            }
            var new = old
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let index = Int.random(in: 0...new.count, using: &generator)
                if Bool.random(using: &generator), index < new.count {
                    new.remove(at: index)
                } else {
                    new.insert("line \(Int.random(in: 0...9, using: &generator))\n", at: index)
                }
            }
            let difference = LineDiff(Array(old.joined().utf8), Array(new.joined().utf8))
            XCTAssertEqual(difference.hunks.isEmpty, old == new)
            if old == new { continue }
            // patch(1) makes the one of the other, so headers and lines are right; diff(1) finds no shorter way.
            let path = try folder.file("old", old.joined())
            let expected = try folder.file("new", new.joined())
            let patch = try folder.file("patch", "--- old\n+++ old\n" + difference.text.joined(separator: "\n") + "\n")
            try oracle("patch", ["--quiet", "--force", "--fuzz=0", path, patch])
            XCTAssertEqual(try String(contentsOfFile: path, encoding: .utf8), new.joined(), "round \(round)")
            try oracle("patch", ["--quiet", "--force", "--reverse", "--fuzz=0", path, patch])
            let reference = try TestSupport.run("diff", ["--minimal", "-u", path, expected]).output.split(
                separator: "\n"
            ).dropFirst(2)
            func changed(_ lines: some Sequence<Substring>) -> Int {
                lines.count { $0.hasPrefix("+") || $0.hasPrefix("-") }
            }
            XCTAssertEqual(changed(difference.text.map { $0[...] }), changed(reference), "round \(round)")
        }
    }

    func testLargeTextsAreReplacedAndNotMatched() {
        let old = Array((0..<5000).map { "old \($0)\n" }.joined().utf8)
        let new = Array((0..<5000).map { "new \($0)\n" }.joined().utf8)
        XCTAssertEqual(LineDiff(old, new).hunks.map(\.header), ["@@ -1,5000 +1,5000 @@"])
        XCTAssertEqual(LineDiff([], Array("a\n".utf8)).text, ["@@ -0,0 +1,1 @@", "+a"])
        XCTAssertEqual(
            LineDiff(Array("a".utf8), Array("a\n".utf8)).text, ["@@ -1,1 +1,1 @@", "-a (no newline at the end)", "+a"])
    }
}
