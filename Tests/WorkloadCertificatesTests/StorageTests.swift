import Certificates
import Files
import Foundation
import TestSupport
import X509
import XCTest

@testable import WorkloadCertificates

final class StorageTests: XCTestCase {
    /// A folder with a pair in place and another one to replace it.
    private struct Setting {
        let folder: TemporaryDirectory
        let files: CertificateFiles
        let root: OpenSSLAuthority
        let old: OpenSSLAuthority.Pair
        let new: OpenSSLAuthority.Pair
        let writer: CertificateFileWriter

        init() throws {
            folder = try TemporaryDirectory()
            root = try OpenSSLAuthority("root", in: folder)
            old = try root.issueWorkload("old")
            new = try root.issueWorkload("new", notAfter: Date(timeIntervalSinceNow: 7200))
            try folder.directory("certs")
            files = CertificateFiles(directory: folder.path + "/certs")
            writer = CertificateFileWriter(files)
            try put(old, key: "key.pem", chain: "cert-chain.pem")
            try folder.file("certs/root-cert.pem", bytes: try contents(root.pair.certificate))
        }

        func put(_ pair: OpenSSLAuthority.Pair, key: String? = nil, chain: String? = nil) throws {
            if let key { try folder.file("certs/" + key, bytes: try contents(pair.key), mode: 0o600) }
            if let chain { try folder.file("certs/" + chain, bytes: try contents(pair.certificate)) }
        }

        func holds(_ pair: OpenSSLAuthority.Pair) throws -> Bool {
            try contents(files.key) == contents(pair.key) && contents(files.chain) == contents(pair.certificate)
        }

        var names: [String] {
            get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path + "/certs").sorted() }
        }

        static let usual = ["cert-chain.pem", "key.pem", "root-cert.pem"]
    }

    /// Whether openssl(1) sees one public key in both files.
    private func opensslMatches(_ files: CertificateFiles) throws -> Bool {
        try openssl(["pkey", "-in", files.key, "-pubout"]).output
            == openssl(["x509", "-in", files.chain, "-noout", "-pubkey"]).output
    }

    private func mode(_ path: String) throws -> UInt16 { try FileStatus.of(path, followLinks: false).permissions }

    private func replace(_ setting: Setting, by pair: OpenSSLAuthority.Pair) throws {
        let staged = try setting.writer.stage(chainPEM: try contents(pair.certificate), keyPEM: try contents(pair.key))
        try staged.commit()
        try staged.sync()
    }

    func testAPairIsReplacedAndNothingElseIsLeft() throws {
        let setting = try Setting()
        try replace(setting, by: setting.new)
        XCTAssertTrue(try setting.holds(setting.new))
        XCTAssertTrue(try opensslMatches(setting.files))
        XCTAssertEqual(try setting.names, Setting.usual)
    }

    func testModesAreKeptAndTheKeyIsMended() throws {
        let setting = try Setting()
        chmod(setting.files.key, 0o644)
        chmod(setting.files.chain, 0o640)
        try replace(setting, by: setting.new)
        XCTAssertEqual(try mode(setting.files.key), 0o600)
        XCTAssertEqual(try mode(setting.files.chain), 0o640)
        chmod(setting.files.key, 0o400)
        try replace(setting, by: setting.old)
        XCTAssertEqual(try mode(setting.files.key), 0o400)
        for path in [setting.files.key, setting.files.chain] { try FileManager.default.removeItem(atPath: path) }
        try replace(setting, by: setting.new)
        XCTAssertEqual(try mode(setting.files.key), 0o600)
        XCTAssertEqual(try mode(setting.files.chain), 0o644)
    }

    func testOwnersAreKept() throws {
        try requireRoot()
        let setting = try Setting()
        for path in [setting.files.key, setting.files.chain] { chown(path, 1234, 2345) }
        try replace(setting, by: setting.new)
        for path in [setting.files.key, setting.files.chain] {
            let status = try FileStatus.of(path, followLinks: false)
            XCTAssertEqual([status.owner, status.group], [1234, 2345], path)
        }
    }

    func testALinkIsReplacedAndNotFollowed() throws {
        let setting = try Setting()
        let precious = try setting.folder.file("precious", "keep me")
        try FileManager.default.removeItem(atPath: setting.files.key)
        symlink(precious, setting.files.key)
        try replace(setting, by: setting.new)
        XCTAssertEqual(try contents(precious), Array("keep me".utf8))
        XCTAssertTrue(try setting.holds(setting.new))
    }

    func testWithoutACommitNothingHasHappened() throws {
        let setting = try Setting()
        var staged: StagedPair? = try setting.writer.stage(
            chainPEM: try contents(setting.new.certificate), keyPEM: try contents(setting.new.key))
        XCTAssertEqual(try setting.names.count, 5)
        XCTAssertNotNil(staged)
        staged = nil
        XCTAssertTrue(try setting.holds(setting.old))
        XCTAssertEqual(try setting.names, Setting.usual)
    }

    /// An immutable file, a folder, another file system: whatever keeps the chain where it is keeps the key as well.
    func testAChainThatCannotBeReplacedKeepsTheOldKey() throws {
        let setting = try Setting()
        var staged: StagedPair? = try setting.writer.stage(
            chainPEM: try contents(setting.new.certificate), keyPEM: try contents(setting.new.key))
        try FileManager.default.removeItem(atPath: setting.files.chain)
        try setting.folder.directory("certs/cert-chain.pem")
        XCTAssertThrowsError(try staged?.commit()) {
            XCTAssertEqual(($0 as? FileError)?.errno, EISDIR)
            XCTAssertEqual(($0 as? FileError)?.path, setting.files.chain)
        }
        staged = nil
        XCTAssertEqual(try contents(setting.files.key), try contents(setting.old.key))
        XCTAssertEqual(try setting.names, Setting.usual)
    }

    func testTwoWritersDoNotMix() throws {
        let setting = try Setting()
        let staged = try setting.writer.stage(
            chainPEM: try contents(setting.new.certificate), keyPEM: try contents(setting.new.key))
        XCTAssertThrowsError(try setting.writer.recover()) {
            XCTAssertEqual(($0 as? FileError)?.errno, EWOULDBLOCK)
        }
        try staged.commit()
        XCTAssertTrue(try setting.holds(setting.new))
    }

    func testEveryCrashEndsInAPairThatMatches() throws {
        typealias Recovery = CertificateFileWriter.Recovery
        let states: [(name: String, make: (Setting) throws -> Void, recovery: Recovery, holdsNew: Bool)] = [
            ("nothing begun", { _ in }, .nothing, false),
            ("chain staged", { try $0.put($0.new, chain: ".cert-chain.pem.next") }, .discarded, false),
            (
                "both staged",
                { try $0.put($0.new, key: ".key.pem.next", chain: ".cert-chain.pem.next") }, .completed, true
            ),
            ("key renamed", { try $0.put($0.new, key: "key.pem", chain: ".cert-chain.pem.next") }, .completed, true),
            (
                "chain renamed alone", { try $0.put($0.new, key: ".key.pem.next", chain: "cert-chain.pem") },
                .completed,
                true
            ),
            (
                "chain cut off",
                { setting in
                    let chain = try contents(setting.new.certificate)
                    try setting.folder.file("certs/.cert-chain.pem.next", bytes: Array(chain.prefix(100)))
                    try setting.put(setting.new, key: ".key.pem.next")
                }, .discarded, false
            ),
            (
                "newer files were copied meanwhile",
                { setting in
                    try setting.put(setting.new, key: "key.pem", chain: "cert-chain.pem")
                    try setting.put(setting.old, key: ".key.pem.next", chain: ".cert-chain.pem.next")
                }, .discarded, true
            ),
        ]
        for state in states {
            let setting = try Setting()
            try state.make(setting)
            // What a kill while writing leaves.
            try setting.folder.file("certs/..key.pem.next.1a2b3c.tmp", "half", mode: 0o600)
            try setting.folder.file("certs/.root-cert.pem.backup", "not ours")
            XCTAssertEqual(try setting.writer.recover(), state.recovery, state.name)
            XCTAssertTrue(try setting.holds(state.holdsNew ? setting.new : setting.old), state.name)
            XCTAssertTrue(try opensslMatches(setting.files), state.name)
            XCTAssertEqual(try setting.names, [".root-cert.pem.backup"] + Setting.usual, state.name)
            XCTAssertEqual(try setting.writer.recover(), .nothing, state.name)
        }
    }

    func testAFullDiskLeavesTheOldPair() throws {
        try requireRoot()
        let setting = try Setting()
        let disk = try setting.folder.directory("disk")
        guard try TestSupport.run("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]).status == 0 else {
            throw XCTSkip("a tmpfs cannot be mounted here")
        }
        defer { _ = try? TestSupport.run("umount", [disk]) }
        let files = CertificateFiles(directory: disk)
        try Data(try contents(setting.old.key)).write(to: URL(fileURLWithPath: files.key))
        try Data(try contents(setting.old.certificate)).write(to: URL(fileURLWithPath: files.chain))
        // One page is left: the chain fits, the key does not.
        try Data(repeating: 1, count: 4096).write(to: URL(fileURLWithPath: disk + "/filler"))
        for filler in [4096, 8192] {
            let path = disk + "/filler-\(filler)"
            _ = try? Data(repeating: 1, count: filler).write(to: URL(fileURLWithPath: path))
            XCTAssertThrowsError(
                try CertificateFileWriter(files).stage(
                    chainPEM: try contents(setting.new.certificate), keyPEM: try contents(setting.new.key))
            ) { XCTAssertEqual(($0 as? FileError)?.errno, ENOSPC) }
        }
        XCTAssertEqual(try contents(files.key), try contents(setting.old.key))
        XCTAssertEqual(try contents(files.chain), try contents(setting.old.certificate))
        XCTAssertFalse(try FileManager.default.contentsOfDirectory(atPath: disk).contains { $0.hasSuffix(".next") })
    }

    func testAFolderThatCannotBeWrittenIsNamed() throws {
        try requireRoot()
        let setting = try Setting()
        let disk = try setting.folder.directory("disk")
        guard try TestSupport.run("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", disk]).status == 0 else {
            throw XCTSkip("a tmpfs cannot be mounted here")
        }
        defer { _ = try? TestSupport.run("umount", [disk]) }
        XCTAssertThrowsError(
            try CertificateFileWriter(CertificateFiles(directory: disk)).stage(
                chainPEM: try contents(setting.new.certificate), keyPEM: try contents(setting.new.key))
        ) {
            XCTAssertEqual(($0 as? FileError)?.errno, EROFS)
            XCTAssertTrue("\($0)".contains(disk), "\($0)")
        }
    }

    func testRootsFollowOneAnother() throws {
        let setting = try Setting()
        let second = try OpenSSLAuthority("second", in: setting.folder)
        let text = Array("# kept by hand\n".utf8) + (try contents(setting.root.pair.certificate))
        try setting.folder.file("certs/root-cert.pem", bytes: text)
        let file = RootFile(path: setting.files.root)
        let old = try file.certificates()[0]
        let new = try CertificatePEM.roots(ofPEM: try contents(second.pair.certificate))[0]
        let until = Date(timeIntervalSince1970: 2_000_000_000)
        XCTAssertTrue(try file.add([new], following: [(old, until)]))
        XCTAssertFalse(try file.add([new], following: [(old, until)]))
        XCTAssertEqual(try contents(setting.files.root), text + (try contents(second.pair.certificate)))
        XCTAssertEqual(try file.certificates(), [old, new])
        let fingerprint = try openssl(
            ["x509", "-in", setting.root.pair.certificate, "-noout", "-fingerprint", "-sha256"]
        ).output.split(separator: "=")[1].filter { $0.isHexDigit }.lowercased()
        XCTAssertEqual(
            String(decoding: try contents(setting.folder.path + "/certs/.root-cert.pem.retiring"), as: UTF8.self),
            "\(fingerprint) 2000000000\n")
        XCTAssertEqual(try file.retired(at: until), [])
        XCTAssertEqual(try file.retired(at: until.addingTimeInterval(1)), [old])
        try file.remove([old])
        XCTAssertEqual(try contents(setting.files.root), try contents(second.pair.certificate))
        XCTAssertEqual(try setting.names, Setting.usual)
        // The last one stays whatever anybody says.
        try file.remove([new])
        XCTAssertEqual(try file.certificates(), [new])
    }

    func testADamagedMemoryOfRootsIsNotGuessedAt() throws {
        let setting = try Setting()
        try setting.folder.file("certs/.root-cert.pem.retiring", "what\n")
        XCTAssertThrowsError(try RootFile(path: setting.files.root).retired(at: Date())) {
            XCTAssertEqual(
                $0 as? RootFile.Failure,
                .record(path: setting.folder.path + "/certs/.root-cert.pem.retiring", line: 1))
        }
    }
}
