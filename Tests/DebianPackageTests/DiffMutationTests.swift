import Foundation
import TestSupport
import XCTest

@testable import DebianArchive

/// Two package files that differ in something that dpkg notices are never equal.
final class DiffMutationTests: XCTestCase {
    private func original(compressed: Bool) throws -> [UInt8] {
        var control = TinyDeb.controlTar()
        control.add("./conffiles", contents: Array("/etc/tiny\n".utf8))
        control.add("./postinst", contents: Array("#!/bin/sh\nexit 0\n".utf8), mode: "0000755")
        var data = TinyDeb.dataTar()
        data.add("./etc/", type: "5", mode: "0000755")
        data.add("./etc/tiny", contents: Array("key=value\n".utf8), mode: "0000640", owner: ("daemon", "0000001"))
        data.add("./usr/share/link", type: "2", mode: "0000777", link: "tiny")
        data.add("./usr/share/hard", type: "1", link: "./usr/share/tiny")
        data.add("./usr/share/empty", time: "14524770400")
        guard compressed else { return TinyDeb.of(control: control.finished, data: data.finished) }
        func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
            let folder = try TemporaryDirectory()
            let path = try folder.file("x", bytes: bytes)
            try TestSupport.run("gzip", ["-n", path]).check()
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + ".gz")))
        }
        return TinyDeb.of(
            control: try gzip(control.finished), data: try gzip(data.finished), controlName: "control.tar.gz",
            dataName: "data.tar.gz")
    }

    /// What dpkg-deb says of a package, and what it unpacks, or that it refuses it. Neither the case of a field's name nor the
    /// kind of a blank before its value means anything to dpkg.
    private func view(_ path: String, _ folder: TemporaryDirectory) throws -> String {
        let script = """
            rm -rf u; dpkg-deb --contents "$1"; echo "$?"; dpkg-deb --field "$1" | tr A-Z a-z | tr -s '[:space:]' ' '
            dpkg-deb --raw-extract "$1" u; echo "$?"
            cd u && find . ! -type d -printf '%p|%y|%m|%U:%G|%s|%l|%n|%T@\\n' | sort
            find . -mindepth 1 -type d -printf '%p|%y|%m|%U:%G\\n' | sort; find . -type f ! -path ./DEBIAN/control -exec sha256sum {} + | sort
            """
        return try TestSupport.run(
            "sh", ["-c", script, "sh", path],
            environment: ["LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            workingDirectory: folder.path
        ).output
    }

    /// FUZZ_SECONDS says how long bytes are changed; otherwise some hundred are.
    func testWhatDpkgNoticesIsADifference() throws {
        try requireProgram("dpkg-deb")
        try requireRoot()
        let folder = try TemporaryDirectory()
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FUZZ_SECONDS"].flatMap(Double.init)
        let end = seconds.map { Date().addingTimeInterval($0) }
        let seed = environment["FUZZ_SEED"].flatMap(UInt64.init)
        var generator = SeededGenerator(seed: seed ?? (seconds == nil ? 20_261_130 : UInt64.random(in: 1...UInt64.max)))
        var options = PackageDiff.Options()
        options.comparesTimes = true
        let sources = try [false, true].map { compressed in
            let bytes = try original(compressed: compressed)
            let path = try folder.file("a.deb", bytes: bytes)
            return (bytes: bytes, image: try DebReader.read(path), view: try view(path, folder))
        }
        XCTAssertTrue(sources[0].view.contains("./etc/tiny|f|640|1:1|10||1|"), sources[0].view)
        var (rounds, refused, different, equal) = (0, 0, 0, 0)
        while end.map({ Date() < $0 }) ?? (rounds < 600) {
            rounds += 1
            let source = sources[rounds % 8 == 0 ? 1 : 0]
            var bytes = source.bytes
            var changes: [String] = []
            for _ in 0..<Int.random(in: 1...2, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                let value = UInt8.random(in: 1...255, using: &generator)
                changes.append("byte \(index) ^ \(value)")
                bytes[index] ^= value
                // Within the header of a tar, whose checksum is then put right, so that the reader looks further.
                if rounds % 2 == 0, rounds % 8 != 0 { Self.seal(&bytes, around: index) }
            }
            if bytes == source.bytes { continue }
            let path = try folder.file("b.deb", bytes: bytes)
            do throws(DebReadError) {
                let image = try DebReader.read(path)
                guard PackageDiff.compare(source.image, image, options: options).isEmpty else {
                    different += 1
                    continue
                }
            } catch {
                refused += 1
                continue
            }
            equal += 1
            let view = try view(path, folder)
            XCTAssertEqual(view, source.view, "round \(rounds): \(changes.joined(separator: ", "))")
        }
        print(
            "\(rounds) mutations: \(refused) refused, \(different) different, \(equal) that dpkg does not notice either"
        )
        XCTAssertGreaterThan(different, rounds / 50)
        XCTAssertGreaterThan(refused, rounds / 50)
    }

    /// Puts the checksum of the tar header right that a byte lies in.
    private static func seal(_ bytes: inout [UInt8], around index: Int) {
        let magic = Array("ustar".utf8)
        for start in max(0, index - 511)...index where start + 512 <= bytes.count {
            guard bytes[start + 257..<start + 262].elementsEqual(magic) else { continue }
            var header = Array(bytes[start..<start + 512])
            TinyTar.seal(&header)
            bytes.replaceSubrange(start..<start + 512, with: header)
        }
    }
}
