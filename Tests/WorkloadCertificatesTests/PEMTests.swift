import Certificates
import MeshContract
import SwiftASN1
import TestSupport
import X509
import XCTest

@testable import WorkloadCertificates

final class PEMTests: XCTestCase {
    private func publicKey(_ key: Certificate.PrivateKey) throws -> String {
        try key.publicKey.serializeAsPEM().pemString + "\n"
    }

    func testKeysOfEveryFormAreTheOnesThatOpenSSLSees() throws {
        let folder = try TemporaryDirectory()
        let rsa = folder.path + "/rsa.pem"
        try openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", rsa])
        let ec = folder.path + "/ec.pem"
        // With the block EC PARAMETERS before the key.
        try openssl(["ecparam", "-name", "prime256v1", "-genkey", "-out", ec])
        let forms: [(path: String, header: String)] = [
            (rsa, "-----BEGIN PRIVATE KEY-----"), (folder.path + "/pkcs1.pem", "-----BEGIN RSA PRIVATE KEY-----"),
            (ec, "-----BEGIN EC PRIVATE KEY-----"), (folder.path + "/pkcs8-ec.pem", "-----BEGIN PRIVATE KEY-----"),
        ]
        try openssl(["rsa", "-traditional", "-in", rsa, "-out", forms[1].path])
        try openssl(["pkcs8", "-topk8", "-nocrypt", "-in", ec, "-out", forms[3].path])
        for (path, header) in forms {
            let bytes = try contents(path)
            XCTAssertTrue(String(decoding: bytes, as: UTF8.self).contains(header), path)
            let expected = try openssl(["pkey", "-in", path, "-pubout"]).output
            XCTAssertEqual(try publicKey(CertificatePEM.privateKey(ofPEM: bytes)), expected, path)
            let text = String(decoding: bytes, as: UTF8.self)
            let windows = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
            XCTAssertEqual(
                try publicKey(CertificatePEM.privateKey(ofPEM: Array("notes\r\n\(windows)more\r\n".utf8))),
                expected, path)
        }
    }

    func testKeysThatCannotServeSayWhy() throws {
        let folder = try TemporaryDirectory()
        let plain = folder.path + "/plain.pem"
        try openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", plain])
        assertKeyProblem(try contents(plain), .weakKey(bits: 1024))
        try openssl(["rsa", "-traditional", "-in", plain, "-out", folder.path + "/traditional.pem"])
        assertKeyProblem(try contents(folder.path + "/traditional.pem"), .weakKey(bits: 1024))
        try openssl(
            [
                "rsa", "-traditional", "-aes128", "-passout", "pass:secret", "-in", plain, "-out",
                folder.path + "/old.pem",
            ])
        assertKeyProblem(try contents(folder.path + "/old.pem"), .encryptedKey(line: 1))
        try openssl(
            ["pkcs8", "-topk8", "-passout", "pass:secret", "-in", plain, "-out", folder.path + "/new.pem"])
        assertKeyProblem(try contents(folder.path + "/new.pem"), .encryptedKey(line: 1))
        assertKeyProblem(
            [], .noBlock(expected: ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"], found: []))
        let cut = try contents(plain).prefix(200)
        assertKeyProblem(Array(cut), .malformedPEM(line: 1, .noEnd("PRIVATE KEY")))
        assertKeyProblem(
            [UInt8](repeating: 10, count: CertificatePEM.fileSizeLimit + 1),
            .tooLarge(bytes: CertificatePEM.fileSizeLimit + 1, limit: CertificatePEM.fileSizeLimit))
    }

    private func assertKeyProblem(
        _ bytes: [UInt8], _ problem: CertificateLoadError.Problem, line: UInt = #line
    ) {
        XCTAssertThrowsError(try CertificatePEM.privateKey(ofPEM: bytes), line: line) {
            XCTAssertEqual(($0 as? CertificateLoadError)?.problem, problem, line: line)
        }
    }

    func testAChainIsReadInOrderWithTextAroundIt() throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
        let leaf = try middle.issueWorkload("leaf")
        let text = try openssl(["x509", "-text", "-in", leaf.certificate]).output
        let chain = Array((text + "\nsubject=whatever\n").utf8) + (try contents(middle.pair.certificate))
        let (first, rest) = try CertificatePEM.chain(ofPEM: chain)
        XCTAssertEqual("\(first.subject)", "O=workload")
        XCTAssertEqual(rest.map { "\($0.subject)" }, ["O=middle"])
        XCTAssertEqual(
            PEMBlock.text(label: "CERTIFICATE", der: try PEMBlock.blocks(of: chain)[1].der),
            try contents(middle.pair.certificate))
    }

    func testACertificateOnAShortKeyIsRefusedByItsName() throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let leaf = try root.issueWorkload("leaf", key: .rsa(bits: 1024))
        XCTAssertThrowsError(try CertificatePEM.chain(ofPEM: try contents(leaf.certificate))) {
            XCTAssertEqual(($0 as? CertificateLoadError)?.problem, .weakKey(bits: nil))
        }
    }

    func testDamagedFilesAreErrorsAndNothingElse() throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let leaf = try root.issueWorkload("leaf")
        let (chain, key) = (try contents(leaf.certificate), try contents(leaf.key))
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<400 {
            var damaged = Bool.random(using: &generator) ? chain : key
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                let index = Int.random(in: 0..<damaged.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: damaged[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: damaged.removeSubrange(index..<min(index + 8, damaged.count))
                default: damaged.insert(contentsOf: "\r\n-----BEGIN".utf8, at: index)
                }
            }
            _ = try? WorkloadCertificates(chainPEM: damaged, keyPEM: damaged, rootPEM: damaged)
        }
    }

    func testAMissingFileIsNamed() throws {
        let folder = try TemporaryDirectory()
        XCTAssertThrowsError(try WorkloadCertificates.load(CertificateFiles(directory: folder.path))) {
            XCTAssertTrue("\($0)".contains("\(folder.path)/cert-chain.pem"), "\($0)")
        }
        XCTAssertEqual(CertificateFiles(directory: "/etc/certs"), .standard)
    }
}
