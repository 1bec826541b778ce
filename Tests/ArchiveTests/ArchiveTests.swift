import Archive
import Files
import Foundation
import TestSupport
import XCTest

/// Collects output in memory.
private final class Collector: ByteSink {
    var bytes: [UInt8] = []
    func write(_ buffer: UnsafeRawBufferPointer) throws(FileError) { bytes.append(contentsOf: buffer) }
}

/// Archives, in the judgement of tar, xz, zstd, gzip, ar and unzip.
final class ArchiveWriterTests: XCTestCase {
    private let root = Owner(name: "root", id: 0)

    private func entry(_ path: String, _ kind: Entry.Kind, mode: UInt16 = 0o644) -> Entry {
        Entry(path: path, kind: kind, permissions: mode, owner: root, group: root, modificationTime: 1_700_000_000)
    }

    private func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let word = generator.next()
            // Three bytes of text for one of noise.
            bytes.append(contentsOf: [UInt8(truncatingIfNeeded: word), 0x61, 0x62, UInt8(0x60 + word % 8)])
        }
        return bytes
    }

    private func write(_ compression: Compression, threads: Int, data: [UInt8]) throws -> [UInt8] {
        let sink = Collector()
        let writer = try ArchiveWriter(format: .gnutar, compression: compression, threads: threads, sink: sink)
        try writer.begin(entry("./data", .file(size: Int64(data.count))))
        try data.withUnsafeBytes { buffer in
            // Uneven pieces: how the data arrives must not matter.
            var rest = buffer[...]
            var size = 1
            while !rest.isEmpty {
                try writer.append(UnsafeRawBufferPointer(rebasing: rest.prefix(size)))
                rest = rest.dropFirst(size)
                size = size % 300_007 + 77_777
            }
        }
        try writer.end()
        try writer.finish()
        return sink.bytes
    }

    func testStreamsOfUnknownSizeAreWhatTheirProgramsRead() throws {
        let directory = try TemporaryDirectory()
        for (codec, program) in [("gzip:6", "gzip"), ("xz:2", "xz"), ("zstd:3", "zstd")] {
            for data in [[], noise(300_000, seed: 5)] {
                let sink = Collector()
                let writer = try ArchiveWriter(format: .raw, compression: Compression(parsing: codec), sink: sink)
                try writer.beginStream()
                try data.withUnsafeBytes { bytes in
                    for start in stride(from: 0, to: data.count, by: 70_000) {
                        try writer.append(
                            UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + 70_000, data.count)]))
                    }
                }
                try writer.finish()
                let path = try directory.file("stream", bytes: sink.bytes)
                let result = try TestSupport.run(program, ["-dc"], input: sink.bytes)
                XCTAssertEqual(result.status, 0, result.errors)
                XCTAssertTrue(result.standardOutput == data, codec)
                // And back: a stream of nothing has no entry.
                let reader = try ArchiveReader(path: path, formats: [.raw])
                XCTAssertEqual(try reader.next() == nil, data.isEmpty, codec)
            }
        }
    }

    func testBytesDoNotDependOnThreads() throws {
        let data = noise(80 << 20, seed: 3)
        for compression in ["xz:0", "zstd:1"] {
            let parsed = try Compression(parsing: compression)
            let first = try write(parsed, threads: 1, data: data)
            for threads in [2, 3, 8] {
                XCTAssertTrue(
                    try write(parsed, threads: threads, data: data) == first, "\(compression) with \(threads)")
            }
        }
    }

    func testEveryCodecIsReadByItsOwnProgram() throws {
        let directory = try TemporaryDirectory()
        let data = noise(3 << 20, seed: 4)
        let programs = ["xz": "xz", "zst": "zstd", "gz": "gzip"]
        for text in ["none", "gzip:1", "gzip:9", "zstd:3", "zstd:19", "xz:0", "xz:6", "xz:9"] {
            for filter in [BranchFilter.none, .x86, .arm64] {
                let compression = try Compression(parsing: text).with(branchFilter: filter)
                let bytes = try write(compression, threads: 2, data: data)
                let path = try directory.file("x.tar" + compression.fileSuffix, bytes: bytes)
                if let program = programs[String(compression.fileSuffix.dropFirst())] {
                    try requireProgram(program)
                    let check = try TestSupport.run(program, ["-t", path])
                    XCTAssertEqual(check.status, 0, "\(text) \(filter): \(check.errors)")
                }
                let unpacked = try TestSupport.run("tar", ["-xOf", path])
                XCTAssertTrue(unpacked.standardOutput == data, "\(text) \(filter)")
            }
        }
    }

    func testGzipHasNoTime() throws {
        let bytes = try write(Compression(codec: .gzip, level: 6), threads: 1, data: [1, 2, 3])
        XCTAssertEqual(Array(bytes[4..<8]), [0, 0, 0, 0])
    }

    func testNamesModesAndKindsAsTarSeesThem() throws {
        let sink = Collector()
        let writer = try ArchiveWriter(format: .gnutar, sink: sink)
        let long = "./" + String(repeating: "directory/", count: 30) + String(repeating: "x", count: 200)
        let items = [
            entry("./", .directory, mode: 0o755), entry("./Grüße-日本", .file(size: 0), mode: 0o4755),
            entry(long, .file(size: 0)), entry("./sticky/", .directory, mode: 0o1777),
            entry("./link", .symbolicLink(target: String(repeating: "t/", count: 100))),
            entry("./hard", .hardLink(target: "./Grüße-日本")),
        ]
        for item in items {
            try writer.begin(item)
            try writer.end()
        }
        try writer.finish()
        XCTAssertEqual(sink.bytes.count % 512, 0)
        XCTAssertLessThan(sink.bytes.count, 10_240, "no padding to a tape's block")
        let directory = try TemporaryDirectory()
        let path = try directory.file("x.tar", bytes: sink.bytes)
        let listing = try TestSupport.run(
            "tar", ["--numeric-owner", "-tvf", path], environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"])
        XCTAssertEqual(listing.status, 0, listing.errors)
        XCTAssertTrue(listing.output.contains("-rwsr-xr-x 0/0"), listing.output)
        XCTAssertTrue(listing.output.contains("./Grüße-日本\n"), listing.output)
        XCTAssertTrue(listing.output.contains(long), listing.output)
        XCTAssertTrue(listing.output.contains("drwxrwxrwt"), listing.output)
        XCTAssertTrue(listing.output.contains(" -> t/t/"), listing.output)
        XCTAssertTrue(listing.output.contains("./hard link to ./Grüße-日本"), listing.output)
        XCTAssertTrue(try TestSupport.run("file", [path]).output.contains("POSIX tar archive (GNU)"))
    }

    func testHandMadePackageIsOneForDpkg() throws {
        try requireProgram("dpkg-deb")
        func tar(_ files: [(String, String)]) throws -> [UInt8] {
            let sink = Collector()
            let writer = try ArchiveWriter(format: .gnutar, compression: .default, sink: sink)
            for (name, text) in files {
                try writer.begin(entry(name, .file(size: Int64(text.utf8.count))))
                try Array(text.utf8).withUnsafeBytes { try writer.append($0) }
                try writer.end()
            }
            try writer.finish()
            return sink.bytes
        }
        let control = try tar([
            ("./control", "Package: x1\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n")
        ])
        let data = try tar([("./etc/x", "hello\n")])
        let sink = Collector()
        let writer = try ArchiveWriter(format: .arBSD, sink: sink)
        for (name, bytes) in [
            ("debian-binary", Array("2.0\n".utf8)), ("control.tar.xz", control), ("data.tar.xz", data),
        ] {
            try writer.begin(
                Entry(
                    path: name, kind: .file(size: Int64(bytes.count)), permissions: 0o644,
                    owner: Owner(name: "", id: 0),
                    group: Owner(name: "", id: 0), modificationTime: 0))
            try bytes.withUnsafeBytes { try writer.append($0) }
            try writer.end()
        }
        try writer.finish()
        let path = try TemporaryDirectory().file("x.deb", bytes: sink.bytes)
        let directory = try TemporaryDirectory()
        let kept = try directory.file("x.deb", bytes: sink.bytes)
        _ = path
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["--fsys-tarfile", kept]).status, 0)
        XCTAssertEqual(try TestSupport.run("dpkg-deb", ["-f", kept, "Package"]).output, "x1\n")
        XCTAssertEqual(
            try TestSupport.run("ar", ["t", kept]).output, "debian-binary\ncontrol.tar.xz\ndata.tar.xz\n")
    }

    func testSizeThatIsNotKept() throws {
        for count in [9, 11] {
            let writer = try ArchiveWriter(format: .gnutar, sink: Collector())
            try writer.begin(entry("./x", .file(size: 10)))
            XCTAssertThrowsError(
                try {
                    try [UInt8](repeating: 0, count: count).withUnsafeBytes { try writer.append($0) }
                    try writer.end()
                }()
            ) { error in
                XCTAssertEqual((error as? ArchiveError)?.code, .sizeMismatch)
            }
        }
    }

    func testFailureOfTheOutputComesThrough() throws {
        final class Full: ByteSink {
            func write(_ buffer: UnsafeRawBufferPointer) throws(FileError) {
                throw FileError(operation: "write", path: "/full", errno: ENOSPC)
            }
        }
        for compression in ["none", "gzip:1", "zstd:1", "xz:0"] {
            let data = noise(300_000, seed: 5)
            do {
                let writer = try ArchiveWriter(
                    format: .gnutar, compression: try Compression(parsing: compression), threads: 2, sink: Full())
                try writer.begin(entry("./x", .file(size: Int64(data.count))))
                try data.withUnsafeBytes { try writer.append($0) }
                try writer.end()
                try writer.finish()
                XCTFail("\(compression) wrote to a full disk")
            } catch let error as ArchiveError {
                XCTAssertEqual(
                    error.code, .output(FileError(operation: "write", path: "/full", errno: ENOSPC)), compression)
            }
        }
    }

    func testCompressionTexts() throws {
        XCTAssertEqual(try Compression(parsing: "xz").description, "xz:6")
        XCTAssertEqual(try Compression(parsing: "zstd:22").level, 22)
        for text in ["", "xz:", "xz:10", "gzip:0", "zstd:0", "zstd:23", "none:1", "lzma", "XZ", "xz:+6x"] {
            XCTAssertThrowsError(try Compression(parsing: text), text)
        }
    }
}

/// Archives from outside.
final class ArchiveReaderTests: XCTestCase {
    private func made(_ directory: TemporaryDirectory) throws -> [String] {
        try directory.file("in/d/x", String(repeating: "payload ", count: 5000))
        try directory.file("in/y", "y")
        var archives: [String] = []
        for (name, option) in [("a.tar", "-cf"), ("a.tar.gz", "-czf"), ("a.tar.xz", "-cJf"), ("a.tar.bz2", "-cjf")] {
            XCTAssertEqual(
                try TestSupport.run(
                    "tar", [option, directory.path + "/" + name, "-C", directory.path + "/in", "d", "y"]
                ).status, 0)
            archives.append(directory.path + "/" + name)
        }
        XCTAssertEqual(
            try TestSupport.run(
                "python3", ["-m", "zipfile", "-c", "../a.zip", "d", "y"], workingDirectory: directory.path + "/in"
            ).status, 0)
        return archives + [directory.path + "/a.zip"]
    }

    func testMembersOfEveryFormat() throws {
        let directory = try TemporaryDirectory()
        for archive in try made(directory) {
            let target = directory.path + "/out"
            try MemberExtractor.extract(archive: archive, member: "d/x", to: target, permissions: 0o600)
            XCTAssertEqual(
                try String(contentsOfFile: target, encoding: .utf8), String(repeating: "payload ", count: 5000), archive
            )
            XCTAssertThrowsError(
                try MemberExtractor.extract(archive: archive, member: "x", to: target, permissions: 0o600)
            ) { error in
                XCTAssertEqual((error as? ArchiveError)?.code, .memberMissing)
                XCTAssertTrue("\(error)".contains("d/x"), "\(error)")
            }
            XCTAssertThrowsError(
                try MemberExtractor.extract(archive: archive, member: "d", to: target, permissions: 0o600))
        }
    }

    func testTruncatedArchivesAreErrors() throws {
        let directory = try TemporaryDirectory()
        for archive in try made(directory) {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: archive)))
            for part in 0..<50 {
                let path = try directory.file("cut", bytes: Array(bytes.prefix(bytes.count * part / 50)))
                let target = archive + ".out-\(part)"
                do {
                    try MemberExtractor.extract(archive: path, member: "y", to: target, permissions: 0o600)
                    // Only a member that is complete may come out.
                    XCTAssertEqual(try String(contentsOfFile: target, encoding: .utf8), "y")
                } catch {
                    XCTAssertFalse(FileManager.default.fileExists(atPath: target))
                }
            }
        }
    }

    func testWhatIsNoArchive() throws {
        let directory = try TemporaryDirectory()
        for bytes in [[], [0], Array("<html>not found</html>".utf8), [UInt8](repeating: 0, count: 600), [0x1f, 0x8b]] {
            let path = try directory.file("x", bytes: bytes)
            XCTAssertThrowsError(
                try {
                    let reader = try ArchiveReader(path: path)
                    while try reader.next() != nil {}
                    if bytes.count == 600 {
                        throw ArchiveError(operation: "", subject: "", code: .malformed, detail: "")
                    }
                }(), "\(bytes.prefix(9))")
        }
        XCTAssertThrowsError(try ArchiveReader(path: directory.path))
        XCTAssertThrowsError(try ArchiveReader(path: directory.path + "/nothing"))
    }

    func testTarCutBetweenEntriesIsTruncated() throws {
        let directory = try TemporaryDirectory()
        XCTAssertEqual(
            try TestSupport.run(
                "sh", ["-c", "echo x >x && echo y >y && tar -cf whole.tar x y"], workingDirectory: directory.path
            ).status, 0)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.path + "/whole.tar")))
        // A header and a block for each file; tar itself accepts one block of zeros, and so do we.
        for (count, isWhole) in [(1024, false), (2048, false), (2560, true), (3072, true)] {
            let path = try directory.file("cut.tar", bytes: Array(bytes.prefix(count)))
            var found: ArchiveError.Code?
            do {
                let reader = try ArchiveReader(path: path)
                while try reader.next() != nil {}
            } catch {
                found = error.code
            }
            XCTAssertEqual(found, isWhole ? nil : .truncated, "\(count)")
        }
    }

    /// In the C locale, which tests run in on a bare machine, libarchive would refuse each of these names.
    func testNamesBeyondASCIIInEveryFormat() throws {
        let directory = try TemporaryDirectory()
        let name = "d/n\u{e4}me-\u{4e2d}\u{6587}.txt"
        let script = """
            import sys, tarfile, zipfile
            with zipfile.ZipFile('a.zip', 'w') as z: z.writestr(sys.argv[1], 'x')
            for form, number in (('gnu', tarfile.GNU_FORMAT), ('pax', tarfile.PAX_FORMAT)):
                with tarfile.open(form + '.tar', 'w', format=number) as t: t.addfile(tarfile.TarInfo(sys.argv[1]))
            """
        XCTAssertEqual(
            try TestSupport.run("python3", ["-c", script, name], workingDirectory: directory.path).status, 0)
        for archive in ["a.zip", "gnu.tar", "pax.tar"] {
            let reader = try ArchiveReader(path: directory.path + "/" + archive)
            let path = try XCTUnwrap(try reader.next()).path
            XCTAssertEqual(Array(path.utf8), Array(name.utf8), archive)
            XCTAssertNil(try reader.next())
        }
    }

    func testHostilePathsAreNotNormalised() {
        // A slash before a combining mark is one Character with it and still the kernel's slash.
        for path in [
            "../\u{301}x", "a/..\u{2f}\u{300}", "x/../\u{20dd}", "../x", "a/../../x", "/..", "", "./", "a\nb", "a\0b",
            "..",
        ] {
            let entry = Entry(
                path: path, kind: .directory, permissions: 0, owner: Owner(name: "", id: 0),
                group: Owner(name: "", id: 0),
                modificationTime: 0)
            XCTAssertNil(entry.normalisedPath, path)
        }
    }

    func testBombIsStopped() throws {
        let directory = try TemporaryDirectory()
        XCTAssertEqual(
            try TestSupport.run(
                "sh", ["-c", "head -c 200000000 /dev/zero > big && tar -czf bomb.tar.gz big && rm big"],
                workingDirectory: directory.path
            ).status, 0)
        let limits = ArchiveLimits(entries: 10, totalBytes: 1 << 20)
        XCTAssertThrowsError(
            try MemberExtractor.extract(
                archive: directory.path + "/bomb.tar.gz", member: "big", to: directory.path + "/out",
                permissions: 0o600,
                limits: limits)
        ) { XCTAssertEqual(($0 as? ArchiveError)?.code, .limit) }
        XCTAssertFalse(FileManager.default.fileExists(atPath: directory.path + "/out"))
    }

    /// What is passed over counts as well, and so do holes and members that are not looked at.
    func testRatioIsBounded() throws {
        let directory = try TemporaryDirectory()
        XCTAssertEqual(
            try TestSupport.run(
                "sh",
                [
                    "-c",
                    "head -c 20000000 /dev/zero >big; echo x >small; tar -cf a.tar big small; gzip -k a.tar; xz -0k a.tar; "
                        + "zstd -q a.tar; bzip2 -k a.tar; truncate -s 20000000 holes; echo x >>holes; tar -cSf holes.tar holes small",
                ], workingDirectory: directory.path
            ).status, 0)
        var limits = ArchiveLimits()
        limits.unmeasuredBytes = 1 << 20
        for name in ["a.tar.gz", "a.tar.xz", "a.tar.zst", "a.tar.bz2"] {
            let archive = directory.path + "/" + name
            XCTAssertThrowsError(
                try MemberExtractor.extract(
                    archive: archive, member: "small", to: directory.path + "/out", permissions: 0o600, limits: limits),
                name
            ) { XCTAssertEqual(($0 as? ArchiveError)?.code, .limit, "\($0)") }
            // A ratio that no bomb needs is not asked for below the limit.
            try MemberExtractor.extract(
                archive: archive, member: "small", to: directory.path + "/out", permissions: 0o600)
        }
        XCTAssertThrowsError(
            try MemberExtractor.extract(
                archive: directory.path + "/holes.tar", member: "holes", to: directory.path + "/holes.out",
                permissions: 0o600, limits: limits)
        ) { XCTAssertEqual(($0 as? ArchiveError)?.code, .limit, "\($0)") }
    }

    func testMemoryIsBounded() throws {
        try requireProgram("python3")
        let directory = try TemporaryDirectory()
        // A dictionary of 256 MiB for two kilobytes; and a zip whose member is compressed with LZMA.
        let script = """
            import sys, zipfile
            tar = open('a.tar', 'rb').read()
            frame = bytes([0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3])
            for start in range(0, len(tar), 1000):
                block = tar[start:start + 1000]
                frame += (len(block) << 3 | (start + 1000 >= len(tar))).to_bytes(3, 'little') + block
            open('a.tar.zst', 'wb').write(frame)
            zipfile.ZipFile('lzma.zip', 'w', zipfile.ZIP_LZMA).write('x')
            zipfile.ZipFile('deflate.zip', 'w', zipfile.ZIP_DEFLATED).write('x')
            """
        XCTAssertEqual(
            try TestSupport.run(
                "sh", ["-c", "echo x >x; tar -cf a.tar x; python3 -c \"$1\"; xz -k9 a.tar", "sh", script],
                workingDirectory: directory.path
            ).status, 0)
        func extract(_ name: String, memory: Int64? = nil) throws {
            var limits = ArchiveLimits()
            if let memory { limits.decoderMemory = memory }
            try MemberExtractor.extract(
                archive: directory.path + "/" + name, member: "x", to: directory.path + "/out", permissions: 0o600,
                limits: limits)
        }
        XCTAssertThrowsError(try extract("a.tar.zst")) {
            XCTAssertEqual(($0 as? ArchiveError)?.code, .memory, "\($0)")
            XCTAssertTrue("\($0)".contains("268435456"), "\($0)")
        }
        try extract("a.tar.xz")
        XCTAssertThrowsError(try extract("a.tar.xz", memory: 1 << 20)) {
            XCTAssertEqual(($0 as? ArchiveError)?.code, .memory, "\($0)")
        }
        XCTAssertThrowsError(try extract("lzma.zip")) {
            XCTAssertEqual(($0 as? ArchiveError)?.code, .unsupported, "\($0)")
        }
        try extract("deflate.zip")
    }
}
