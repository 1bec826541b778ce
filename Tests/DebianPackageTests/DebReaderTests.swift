import Archive
import DebianFormat
import ELF
import Files
import Foundation
import Platform
import TestSupport
import XCTest

@testable import DebianArchive
@testable import DebianBuild
@testable import DebianLint

/// The reader against dpkg-deb, and against what dpkg-deb refuses.
final class DebReaderTests: XCTestCase {
    // MARK: - the same as dpkg-deb

    func testListingIsThatOfDpkgDebForEveryCompression() throws {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.plain()
        tree.nodes["/usr/share/sound/hard"] = .hardLink("/usr/bin/sound-helper")
        tree.file("/usr/share/sound/" + String(repeating: "long-name-", count: 20), "x")
        tree.file("/usr/share/sound/ümläut — ☃", "x")
        tree.file("/usr/share/sound/empty", "")
        tree.nodes["/var/lib/sound"] = .directory(0o1770)
        tree.nodes["/usr/bin/sound-set"] = .file(TinyELF().bytes, 0o6755)
        for compression in [["-Znone"], ["-Zgzip"], ["-Zxz", "-z0"], ["-Zzstd", "-z1"]] {
            let path = try tree.build(in: folder.path, compression: compression)
            try compareWithDpkgDeb(path)
        }
    }

    func testPackagesOfDebian() throws {
        let folder = try TemporaryDirectory()
        try requireProgram("apt-get")
        var read = 0
        for package in ["hello", "dash", "libcap2", "netbase", "bind9-host", "less"] {
            let result = try TestSupport.run(
                "apt-get", ["-q", "-o", "Dir::Cache::archives=\(folder.path)", "download", package],
                environment: ["LC_ALL": "C.UTF-8"], workingDirectory: folder.path)
            if result.status != 0 { continue }
            let name = try XCTUnwrap(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasPrefix(package + "_") })
            try compareWithDpkgDeb(folder.path + "/" + name)
            // Debian's own packages break no rule that says error.
            let errors = try LintRegistry.everything.findings(inFile: folder.path + "/" + name).filter {
                $0.severity == .error
            }
            XCTAssertEqual(errors.map { "\($0.code) \($0.subject): \($0.message)" }, [], name)
            read += 1
        }
        if read == 0 { throw XCTSkip("apt-get cannot download packages here") }
    }

    private func compareWithDpkgDeb(_ path: String, file: StaticString = #filePath, line: UInt = #line) throws {
        let image = try DebReader.read(path)
        let listing = try oracle("dpkg-deb", ["-c", path]).split(separator: "\n").map(String.init)
        XCTAssertEqual(image.entries.map(Self.listed), listing, path, file: file, line: line)
        for field in image.control.fields {
            let value = try oracle("dpkg-deb", ["-f", path, field.name])
            var paragraph = ControlParagraph()
            paragraph[field.name] = field.value
            XCTAssertEqual(
                paragraph.description.dropFirst(field.name.utf8.count + 2), value[...], "\(path) \(field.name)",
                file: file,
                line: line)
        }
        let information = try oracle("dpkg-deb", ["-I", path])
        for member in image.controlFiles {
            let bytes = try oracle("dpkg-deb", ["-I", path, member.name])
            XCTAssertEqual(member.text, bytes, member.name, file: file, line: line)
            XCTAssertTrue(information.contains(member.name), file: file, line: line)
        }
        let unpacked = path + ".unpacked"
        try oracle("dpkg-deb", ["-x", path, unpacked])
        for entry in image.entries {
            guard case .file(let size) = entry.kind else { continue }
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: unpacked + entry.path)))
            XCTAssertEqual(Int64(bytes.count), size, entry.path, file: file, line: line)
            XCTAssertEqual(entry.md5, FileDigests.of(bytes).md5, entry.path, file: file, line: line)
            XCTAssertEqual(entry.sha256, FileDigests.of(bytes).sha256, entry.path, file: file, line: line)
            if let text = entry.text { XCTAssertEqual(text, bytes, entry.path, file: file, line: line) }
        }
    }

    /// A line of `dpkg-deb -c`, which is tar's.
    private static func listed(_ entry: ImageEntry) -> String {
        let value = Entry(
            path: entry.path, kind: entry.kind, permissions: entry.permissions, owner: entry.owner, group: entry.group,
            modificationTime: entry.modificationTime)
        let owner = OwnerText.of(entry.owner) + "/" + OwnerText.of(entry.group)
        let size = String(entry.size ?? 0)
        var path = "." + entry.path
        if entry.isDirectory, !path.hasSuffix("/") { path += "/" }
        switch entry.kind {
        case .symbolicLink(let target): path += " -> " + target
        case .hardLink(let target): path += " link to " + target
        default: break
        }
        let space = String(repeating: " ", count: max(1, 19 - owner.count - size.count))
        return "\(ModeText.of(value)) \(owner)\(space)\(size) \(CivilTime.minuteText(entry.modificationTime)) \(path)"
    }

    // MARK: - what is kept

    func testKeepsTextsAndELFAndMembers() throws {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.plain()
        tree.file("/usr/share/sound/large", String(repeating: "x", count: 300_000))
        tree.nodes["/usr/share/sound/binary"] = .file([0, 1, 2, 3, 4], 0o644)
        let path = try tree.build(in: folder.path)
        let image = try DebReader.read(path)
        func entry(_ path: String) -> ImageEntry? { image.entries.first { $0.path == path } }
        XCTAssertEqual(entry("/etc/sound/sound.conf")?.text, Array("key=value\n".utf8))
        XCTAssertNil(entry("/usr/share/sound/large")?.text)
        XCTAssertNil(entry("/usr/share/sound/binary")?.text)
        XCTAssertEqual(entry("/usr/bin/sound")?.elf?.machine, .x86_64)
        XCTAssertEqual(entry("/usr/bin/sound")?.elf?.needed, ["libc.so.6"])
        XCTAssertEqual(image.members.map(\.name), ["debian-binary", "control.tar.gz", "data.tar.gz"])
        XCTAssertEqual(image.members.map(\.compression), ["none", "gzip", "gzip"])
        XCTAssertEqual(
            image.members[2].unpackedSize.map { $0 % 512 }, 0, "the size after decompression is that of the tar")
        XCTAssertEqual(image.fileName, "sound_1.2.3-1_amd64.deb")
    }

    func testLargeELFIsReadFromScratch() throws {
        let folder = try TemporaryDirectory()
        var tree = PackageTree.plain()
        tree.nodes["/usr/bin/sound"] = .file(TinyELF().bytes + [UInt8](repeating: 7, count: 6 << 20), 0o755)
        let image = try DebReader.read(tree.build(in: folder.path), scratchFolder: folder.path)
        XCTAssertEqual(image.entries.first { $0.path == "/usr/bin/sound" }?.elf?.needed, ["libc.so.6"])
    }

    func testTextsHaveALimitTogether() throws {
        let folder = try TemporaryDirectory()
        var tar = TinyTar()
        for index in 0..<10 { tar.add("./text\(index)", contents: [UInt8](repeating: 65, count: 100)) }
        var limits = DebReadLimits()
        limits.allTextBytes = 550 + 5 * TextBudget.overhead
        let image = try DebReader.read(try folder.file("x.deb", bytes: TinyDeb.of(data: tar.finished)), limits: limits)
        XCTAssertEqual(image.entries.filter { $0.text != nil }.count, 5)
        XCTAssertEqual(image.skippedTexts, 5)
    }

    func testPlanAndPackageAreTheSameImage() throws {
        let folder = try TemporaryDirectory()
        let script = try folder.file("script", "#!/bin/sh\nset -e\n", mode: 0o755)
        let program = try folder.file("program", bytes: TinyELF().bytes, mode: 0o755)
        let root = Owner(name: "root", id: 0)
        func planned(_ path: String, _ kind: Entry.Kind, _ source: ContentSource) -> PlannedEntry {
            PlannedEntry(
                entry: Entry(
                    path: path, kind: kind, permissions: 0o755, owner: root, group: root,
                    modificationTime: 1_700_000_000),
                source: source, isConffile: false)
        }
        func file(_ path: String, _ source: String) throws -> PlannedEntry {
            let status = try FileStatus.of(source, followLinks: true)
            return planned(path, .file(size: status.size), .file(path: source, status: status))
        }
        let version = try DebianVersion("1.0")
        var control = ControlParagraph()
        control["Package"] = "tiny"
        control["Version"] = "1.0"
        control["Architecture"] = "amd64"
        var plan = BuildPlan(
            package: try PackageName("tiny"), version: version, architecture: .amd64, control: control,
            controlFiles: [ControlFile(name: "postinst", permissions: 0o755, bytes: Array("#!/bin/sh\n".utf8))],
            entries: [
                planned("./", .directory, .nothing), planned("./usr/", .directory, .nothing),
                planned("./usr/bin/", .directory, .nothing), try file("./usr/bin/script", script),
                try file("./usr/bin/program", program),
                planned("./usr/bin/link", .symbolicLink(target: "script"), .nothing),
                planned("./usr/bin/made", .file(size: 5), .bytes(Array("made\n".utf8))),
            ], compression: try Compression(parsing: "gzip:1"), sourceDateEpoch: 1_700_000_000)
        let sources = SourceFiles(
            folder: folder.path, workspaceRoot: folder.path, texts: TextBudget(), isShared: false)
        XCTAssertEqual(sources.inspect(&plan.entries), [])
        let before = PackageImage(plan: plan)
        XCTAssertTrue(before.isPlanned)
        XCTAssertEqual(before.entries.first { $0.path == "/usr/bin/program" }?.elf?.machine, .x86_64)
        XCTAssertEqual(before.entries.first { $0.path == "/usr/bin/script" }?.text, Array("#!/bin/sh\nset -e\n".utf8))
        let built = try PackageWriter(outputDirectory: folder.path).write(plan)
        var after = try DebReader.read(built.path)
        after.controlFiles.removeAll { $0.name == "md5sums" }
        var options = PackageDiff.Options()
        options.comparesTimes = true
        XCTAssertEqual(PackageDiff.compare(before, after, options: options).text(), "no differences\n")
    }

    // MARK: - what is refused

    func testRefusesWhatDpkgDebRefuses() throws {
        let folder = try TemporaryDirectory()
        func tar(_ change: (inout TinyTar) -> Void) -> [UInt8] {
            var tar = TinyTar()
            change(&tar)
            return tar.finished
        }
        let control = TinyDeb.controlTar().finished
        let data = TinyDeb.dataTar().finished
        let version = Array("2.0\n".utf8)
        let cases: [(String, DebReadError.Code, [UInt8])] = [
            ("empty", .notArchive, []),
            ("text", .notArchive, Array("not a package".utf8)),
            ("compressed ar", .notArchive, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]),
            ("no member", .memberOrder, TinyAr.of([])),
            (
                "data first", .memberOrder,
                TinyAr.of([("debian-binary", version), ("data.tar", data), ("control.tar", control)])
            ),
            ("no data", .memberOrder, TinyAr.of([("debian-binary", version), ("control.tar", control)])),
            ("no version", .memberOrder, TinyAr.of([("control.tar", control), ("data.tar", data)])),
            (
                "other member", .memberOrder,
                TinyAr.of([("debian-binary", version), ("x", []), ("control.tar", control)])
            ),
            ("format 3", .formatVersion, TinyDeb.of(version: "3.0\n")),
            ("format without newline", .formatVersion, TinyDeb.of(version: "2.0")),
            ("unknown suffix", .memberCompression, TinyDeb.of(dataName: "data.tar.rar")),
            ("wrong suffix", .memberCompression, TinyDeb.of(dataName: "data.tar.xz")),
            ("control in bzip2", .memberCompression, TinyDeb.of(controlName: "control.tar.bz2")),
            (
                "pax", .tarEntryType,
                TinyDeb.of(data: tar { $0.add("x", type: "x", contents: Array("9 path=a\n".utf8)) })
            ),
            (
                "global pax", .tarEntryType,
                TinyDeb.of(data: tar { $0.add("x", type: "g", contents: Array("9 path=a\n".utf8)) })
            ),
            ("sparse", .tarEntryType, TinyDeb.of(data: tar { $0.add("x", type: "S") })),
            ("volume", .tarEntryType, TinyDeb.of(data: tar { $0.add("x", type: "V") })),
            ("unknown type", .tarEntryType, TinyDeb.of(data: tar { $0.add("x", type: "Q") })),
            ("checksum", .tarHeader, TinyDeb.of(data: tar { $0.add("x", checksum: "0000000") })),
            ("size of a link", .tarHeader, TinyDeb.of(data: tar { $0.add("x", type: "2", contents: [1], link: "y") })),
            ("negative size", .tarHeader, TinyDeb.of(data: tar { $0.add("x", size: "-0000000001") })),
            (
                "long long name", .tarHeader,
                TinyDeb.of(data: tar { $0.add("x", type: "L", contents: [UInt8](repeating: 65, count: 20_000)) })
            ),
            ("climbing", .path, TinyDeb.of(data: tar { $0.add("./a/../../b") })),
            ("newline", .path, TinyDeb.of(data: tar { $0.add("./a\nb") })),
            ("climbing hard link", .path, TinyDeb.of(data: tar { $0.add("./a", type: "1", link: "../../etc/shadow") })),
            ("no control", .controlMissing, TinyDeb.of(control: tar { $0.add("./", type: "5") })),
            ("malformed control", .controlMalformed, TinyDeb.of(control: TinyDeb.controlTar("nonsense\n").finished)),
            ("two fields", .controlMalformed, TinyDeb.of(control: TinyDeb.controlTar("A: 1\na: 2\n").finished)),
            (
                "no UTF-8", .controlMalformed,
                TinyDeb.of(control: tar { $0.add("./control", contents: [0x41, 0x3a, 0xff, 0x0a]) })
            ),
            (
                "control as link", .controlMalformed,
                TinyDeb.of(control: tar { $0.add("./control", type: "2", link: "/etc/passwd") })
            ),
            ("folder in control", .path, TinyDeb.of(control: tar { $0.add("./a/b") })),
            ("truncated", .corrupt, Array(TinyDeb.of().dropLast(1500))),
        ]
        for (name, code, bytes) in cases {
            let path = try folder.file("x.deb", bytes: bytes)
            XCTAssertThrowsError(try DebReader.read(path), name) { error in
                guard let error = error as? DebReadError else { return XCTFail("\(name): \(error)") }
                XCTAssertEqual(error.code, code, "\(name): \(error)")
                XCTAssertFalse(error.expected.isEmpty)
                XCTAssertTrue(error.description.contains(path), error.description)
            }
        }
        XCTAssertNoThrow(try DebReader.read(try folder.file("x.deb", bytes: TinyDeb.of())))
        XCTAssertNoThrow(try DebReader.read(try folder.file("x.deb", bytes: TinyDeb.of(version: "2.17\nfurther\n"))))
    }

    func testDamageBehindTheLastEntryIsSeen() throws {
        let folder = try TemporaryDirectory()
        for compression in [["-Zgzip"], ["-Zxz", "-z0"], ["-Zzstd", "-z1"]] {
            let path = try PackageTree.plain().build(in: folder.path, compression: compression)
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            // The checksum and index at the end of the stream, behind everything that tar needs.
            for index in bytes.indices.suffix(9).prefix(4) { bytes[index] ^= 0x55 }
            let damaged = try folder.file("damaged.deb", bytes: bytes)
            XCTAssertNotEqual(try TestSupport.run("dpkg-deb", ["-c", damaged]).status, 0, "\(compression)")
            XCTAssertThrowsError(try DebReader.read(damaged), "\(compression)") { error in
                XCTAssertEqual((error as? DebReadError)?.code, .corrupt, "\(error)")
            }
        }
    }

    func testBounds() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("x.deb", bytes: TinyDeb.of())
        for change in [
            { (limits: inout DebReadLimits) in limits.entries = 3 }, { $0.dataBytes = 1000 }, { $0.controlBytes = 10 },
            { $0.pathBytes = 5 }, { $0.controlFiles = 0 },
        ] {
            var limits = DebReadLimits()
            change(&limits)
            XCTAssertThrowsError(try DebReader.read(path, limits: limits)) { error in
                XCTAssertEqual((error as? DebReadError)?.code, .limit, "\(error)")
            }
        }
    }

    func testCompressionBombIsStopped() throws {
        try requireProgram("zstd")
        let folder = try TemporaryDirectory()
        // A file of a gibibyte of zeros and the end marker: a sparse one costs nothing here.
        let zeros = folder.path + "/zeros"
        try oracle("truncate", ["--size=\((1 << 30) + 1024)", zeros])
        try oracle("zstd", ["-q", "-1", "-T1", zeros, "-o", folder.path + "/data"])
        var tar = TinyTar()
        tar.add("./zeros", size: "0" + String(Int64(1) << 30, radix: 8))
        // Two frames: the header, then what it promises.
        let head = try folder.file("head", bytes: tar.bytes)
        try oracle("zstd", ["-q", "-1", head, "-o", folder.path + "/header"])
        let parts = try ["header", "data"].map {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0)))
        }
        let path = try folder.file("x.deb", bytes: TinyDeb.of(data: parts[0] + parts[1], dataName: "data.tar.zst"))
        XCTAssertThrowsError(try DebReader.read(path)) { error in
            XCTAssertEqual((error as? DebReadError)?.code, .limit, "\(error)")
        }
        var limits = DebReadLimits()
        limits.ratio = .max
        XCTAssertNoThrow(try DebReader.read(path, limits: limits), "the package is sound but for its ratio")
    }

    func testUnreadableFiles() throws {
        let folder = try TemporaryDirectory()
        for path in [folder.path + "/none.deb", folder.path] {
            XCTAssertThrowsError(try DebReader.read(path)) { error in
                XCTAssertEqual((error as? DebReadError)?.code, .unreadable, "\(error)")
            }
        }
    }

    // MARK: - report

    func testReport() throws {
        let folder = try TemporaryDirectory()
        let path = try PackageTree.plain().build(in: folder.path)
        let image = try DebReader.read(path)
        var options = PackageReport.Options()
        options.showsChecksums = true
        options.showsScripts = true
        let text = PackageReport(image, options: options).text
        for part in [
            "sound_1.2.3-1_amd64.deb", "data.tar.gz", "Package: sound", "Installed-Size agrees with the entries",
            "-rwxr-xr-x root/root", "/usr/bin/sound-link -> sound", "/etc/sound/sound.conf  (conffile)",
            "[ELF x86-64, needs libc.so.6]", "maintainer script, /bin/sh", "deb-systemd-helper unmask",
            image.entries.first { $0.path == "/usr/bin/sound" }?.sha256 ?? "no checksum",
        ] { XCTAssertTrue(text.contains(part), "no '\(part)' in\n\(text)") }
        let json = PackageReport(image, options: options).json.pretty
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        XCTAssertEqual((value?["entries"] as? [[String: Any]])?.count, image.entries.count)
        XCTAssertEqual((value?["control"] as? [String: Any])?["Package"] as? String, "sound")
        XCTAssertEqual(
            ((value?["installedSize"] as? [String: Any])?["computed"] as? Int).map(Int64.init),
            image.computedInstalledSize)
    }

    func testTimesAreThoseOfDate() throws {
        for seconds: Int64 in [0, 951_782_400, 1_709_164_800, -1, -86_401, 4_102_444_800, 253_402_300_799] {
            let date = try oracle("date", ["-u", "-d", "@\(seconds)", "+%Y-%m-%d %H:%M"]).dropLast()
            XCTAssertEqual(CivilTime.minuteText(seconds), String(date))
        }
        XCTAssertEqual(CivilTime.minuteText(.max), "@\(Int64.max)")
        XCTAssertEqual(CivilTime.minuteText(.min), "@\(Int64.min)")
    }
}
