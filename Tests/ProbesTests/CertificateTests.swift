import Foundation
import TestSupport
import XCTest

@testable import Probes

/// Certificates in files; openssl(1) is the oracle.
final class CertificateTests: XCTestCase {
    /// openssl(1) is the oracle.
    func testCertificates() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
        let other = try OpenSSLAuthority("other", in: folder)
        let pair = try middle.issueWorkload("vm", key: .rsa(bits: 2048))
        let chain = try folder.file(
            "chain.pem", bytes: try contents(pair.certificate) + contents(middle.pair.certificate))
        let all: Set = [
            "identity", "key-matches", "chain-trusted", "names", "remaining", "serial", "fingerprint", "key-bits",
        ]
        func look(_ path: String, key: String? = nil, root trusted: String? = nil) async throws -> Observation {
            try await observe(
                "certificate",
                [
                    "path": .text(path), "key": .text(key ?? pair.key),
                    "root": .text(trusted ?? root.pair.certificate),
                ], all)
        }
        let good = try await look(chain)
        XCTAssertEqual(good.text("identity"), "spiffe://cluster.local/ns/default/sa/vm")
        XCTAssertEqual(good.text("namespace"), "default")
        XCTAssertEqual(good.text("service-account"), "vm")
        XCTAssertEqual(good["key-matches"], .bool(true))
        XCTAssertEqual(good["chain-trusted"], .bool(true))
        XCTAssertEqual(good["is-ca"], .bool(false))
        XCTAssertEqual(good["valid-now"], .bool(true))
        XCTAssertEqual(good["count"], .integer(2))
        XCTAssertEqual(good.text("key-type"), "RSA")
        XCTAssertEqual(good["key-bits"], .integer(2048))
        func oracle(_ option: String) throws -> String {
            let line = try openssl(["x509", "-in", chain, "-noout", option, "-sha256"]).output
            return line.split(separator: "=")[1].trimmingCharacters(in: .whitespacesAndNewlines)
        }
        XCTAssertEqual(
            good.text("fingerprint"), try oracle("-fingerprint").replacingOccurrences(of: ":", with: "").lowercased())
        XCTAssertEqual(good.text("serial"), try oracle("-serial").lowercased())
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "MMM d HH:mm:ss yyyy zzz"
        XCTAssertEqual(good.seconds("not-after"), format.date(from: try oracle("-enddate"))?.timeIntervalSince1970)
        XCTAssertEqual(good.seconds("not-before"), format.date(from: try oracle("-startdate"))?.timeIntervalSince1970)
        let otherKey = try await look(chain, key: other.pair.key)
        XCTAssertEqual(otherKey["key-matches"], .bool(false))
        let otherRoot = try await look(chain, root: other.pair.certificate)
        XCTAssertEqual(otherRoot["chain-trusted"], .bool(false))
        // Without the certificate in the middle.
        let incomplete = try await look(pair.certificate)
        XCTAssertEqual(incomplete["chain-trusted"], .bool(false))
        let authority = try await look(root.pair.certificate)
        XCTAssertEqual(authority["is-ca"], .bool(true))
        XCTAssertEqual(authority["identity"], .null)
        let none = try await observe("certificate", ["path": .text(folder.path + "/none.pem")], ["identity"])
        XCTAssertEqual(none["exists"], .bool(false))
        for (name, text) in [("empty", ""), ("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n"), ("text", "hello")] {
            let path = try folder.file(name + ".pem", text)
            let error = try await failure("certificate", ["path": .text(path)], ["identity"])
            XCTAssertEqual(error?.reason, .malformed, name)
        }
    }

    func testExpiredCertificate() async throws {
        let folder = try TemporaryDirectory()
        let root = try OpenSSLAuthority("root", in: folder)
        let pair = try root.issueWorkload(
            "vm", uris: ["spiffe://cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/c/sa/d"],
            notBefore: Date(timeIntervalSinceNow: -7200), notAfter: Date(timeIntervalSinceNow: -3600))
        let seen = try await observe(
            "certificate", ["path": .text(pair.certificate), "root": .text(root.pair.certificate)],
            ["chain-trusted", "remaining", "identities"])
        XCTAssertEqual(seen["valid-now"], .bool(false))
        // Nobody trusts a chain that has expired.
        XCTAssertEqual(seen["chain-trusted"], .bool(false))
        XCTAssertEqual(seen["identity"], .null)
        XCTAssertEqual(seen.texts("identities").count, 2)
        guard case .duration(let remaining)? = seen["remaining"] else { return XCTFail("\(seen)") }
        XCTAssertEqual(remaining.seconds, -3600, accuracy: 120)
    }

    func testWeakKeys() async throws {
        let folder = try TemporaryDirectory()
        try openssl([
            "req", "-x509", "-nodes", "-newkey", "rsa:1024", "-subj", "/O=weak", "-keyout", folder.path + "/key.pem",
            "-out",
            folder.path + "/cert.pem",
        ])
        // The library below does not read such a certificate, and the first agents made no other.
        let seen = try await observe(
            "certificate", ["path": .text(folder.path + "/cert.pem"), "key": .text(folder.path + "/key.pem")],
            ["key-bits", "key-matches"])
        XCTAssertEqual(seen["key-bits"], .integer(1024))
        XCTAssertEqual(seen["key-matches"], .bool(true))
    }

    // MARK: - which of them it is

    /// Certificates of a machine: root, authority in the middle, leaf.
    private struct Files {
        let folder: TemporaryDirectory
        let root: OpenSSLAuthority
        let middle: OpenSSLAuthority
        let pair: OpenSSLAuthority.Pair

        init(key: OpenSSLAuthority.Key = .p256) throws {
            folder = try TemporaryDirectory()
            root = try OpenSSLAuthority("root", in: folder)
            middle = try OpenSSLAuthority("middle", in: folder, issuer: root)
            pair = try middle.issueWorkload("vm", key: key)
        }

        func look(
            _ parts: [String], key: String? = nil, trusted: String? = nil, _ attributes: Set<String>
        ) async throws -> Observation {
            let chain = try folder.file("chain.pem", bytes: try parts.flatMap { try contents($0) })
            return try await observe(
                "certificate",
                [
                    "path": .text(chain), "key": .text(key ?? pair.key),
                    "root": .text(trusted ?? root.pair.certificate),
                ], attributes)
        }
    }

    /// The key says which certificate is the machine's, wherever it stands.
    func testTheLeafIsFoundByItsKey() async throws {
        let all: Set = ["leaf-number", "identity", "is-ca", "chain-trusted", "key-matches", "missing-issuer", "count"]
        for key in [OpenSSLAuthority.Key.p256, .rsa(bits: 2048)] {
            let files = try Files(key: key)
            let (leaf, middle, root) = (
                files.pair.certificate, files.middle.pair.certificate, files.root.pair.certificate
            )
            for (parts, place) in [([leaf, middle], 1), ([middle, leaf], 2), ([middle, root, leaf], 3), ([leaf], 1)] {
                let seen = try await files.look(parts, all)
                XCTAssertEqual(seen["leaf-number"], .integer(Int64(place)))
                XCTAssertEqual(seen["count"], .integer(Int64(parts.count)))
                XCTAssertEqual(seen.text("identity"), "spiffe://cluster.local/ns/default/sa/vm")
                XCTAssertEqual(seen["is-ca"], .bool(false))
                XCTAssertEqual(seen["key-matches"], .bool(true))
                XCTAssertEqual(seen["chain-trusted"], .bool(parts.count > 1))
                XCTAssertEqual(seen["missing-issuer"], parts.count > 1 ? .null : .text("O=middle"))
            }
            // Nothing is the key's: the first is meant, as TLS libraries take it.
            let other = try await files.look([leaf, middle], key: files.root.pair.key, all)
            XCTAssertEqual(other["leaf-number"], .integer(1))
            XCTAssertEqual(other["key-matches"], .bool(false))
            // The authority's own pair is another thing than a chain in the wrong order.
            let authority = try await files.look([middle, root], key: files.middle.pair.key, all)
            XCTAssertEqual(authority["leaf-number"], .integer(1))
            XCTAssertEqual(authority["is-ca"], .bool(true))
        }
    }

    /// What people and editors add around certificates changes nothing; openssl reads these files as well.
    func testHarmlessForms() async throws {
        let files = try Files()
        let pem = try contents(files.pair.certificate) + contents(files.middle.pair.certificate)
        let text = String(decoding: pem, as: UTF8.self)
        let other = try OpenSSLAuthority("other", in: files.folder)
        let forms = [
            "comments": "subject=O=workload\nissuer=O=middle\n" + text,
            "windows": text.replacingOccurrences(of: "\n", with: "\r\n"),
            "blank lines": text + "\n   \n\n", "no end of line": String(text.dropLast()),
            "another at the end": text + String(decoding: try contents(other.pair.certificate), as: UTF8.self),
        ]
        for (name, form) in forms {
            let path = try files.folder.file("form.pem", form)
            let roots = try files.folder.file(
                "roots.pem", bytes: try contents(other.pair.certificate) + contents(files.root.pair.certificate))
            let seen = try await files.look([path], trusted: roots, ["chain-trusted", "key-matches", "leaf-number"])
            XCTAssertEqual(seen["chain-trusted"], .bool(true), name)
            XCTAssertEqual(seen["key-matches"], .bool(true), name)
            XCTAssertEqual(seen["leaf-number"], .integer(1), name)
            let verified = try TestSupport.run("openssl", ["verify", "-CAfile", roots, "-untrusted", path, path])
            XCTAssertEqual(verified.status, 0, name + verified.errors)
        }
    }

    func testKeysThatCannotBeUsed() async throws {
        let files = try Files()
        let folder = files.folder.path
        try openssl(["pkey", "-in", files.pair.key, "-aes256", "-passout", "pass:mesh", "-out", folder + "/encrypted"])
        try openssl(["pkey", "-in", files.pair.key, "-outform", "DER", "-out", folder + "/binary"])
        try openssl(["pkey", "-in", files.pair.key, "-traditional", "-out", folder + "/traditional"])
        try files.folder.file("empty", "")
        try files.folder.file("cut", bytes: Array(try contents(files.pair.key).prefix(80)))
        try files.folder.file("encoded", Data(try contents(files.pair.key)).base64EncodedString())
        try openssl(["genrsa", "-out", folder + "/another", "2048"])
        let parts = [files.pair.certificate, files.middle.pair.certificate]
        for (name, fault) in [
            ("encrypted", "encrypted"), ("binary", "unreadable"), ("empty", "unreadable"), ("cut", "unreadable"),
            ("encoded", "unreadable"), ("another", "of-another"), ("traditional", nil),
        ] {
            let seen = try await files.look(
                parts, key: folder + "/" + name, ["key-matches", "key-fault", "leaf-number"])
            XCTAssertEqual(seen["key-matches"], .bool(fault == nil), name)
            XCTAssertEqual(seen.text("key-fault"), fault, name)
            XCTAssertEqual(seen["leaf-number"], .integer(1), name)
        }
    }

    func testPurposes() async throws {
        let files = try Files()
        for (usage, client, server) in [
            ("clientAuth,serverAuth", true, true), ("serverAuth", false, true), ("clientAuth", true, false),
            ("codeSigning", false, false), ("anyExtendedKeyUsage", true, true), ("", true, true),
        ] {
            let extensions = usage.isEmpty ? [] : ["extendedKeyUsage=\(usage)"]
            let pair = try files.middle.issue("purpose-\(usage.count)", extensions: extensions)
            let seen = try await files.look(
                [pair.certificate, files.middle.pair.certificate], key: pair.key, ["client-usage", "server-usage"])
            XCTAssertEqual(seen["client-usage"], .bool(client), usage)
            XCTAssertEqual(seen["server-usage"], .bool(server), usage)
            // openssl does not count 'any', which RFC 5280 (section 4.2.1.12) allows.
            if usage == "anyExtendedKeyUsage" { continue }
            let purposes = try openssl(["x509", "-in", pair.certificate, "-noout", "-purpose"]).output
            XCTAssertEqual(purposes.contains("SSL client : Yes"), client, usage)
            XCTAssertEqual(purposes.contains("SSL server : Yes"), server, usage)
        }
    }

    /// A certificate of the first agents in a chain of today.
    func testChainsOfSmallKeys() async throws {
        let files = try Files(key: .rsa(bits: 1024))
        let all: Set = ["key-bits", "key-type", "key-matches", "chain-trusted", "leaf-number", "identity"]
        let (leaf, middle) = (files.pair.certificate, files.middle.pair.certificate)
        for (parts, place) in [([leaf, middle], 1), ([middle, leaf], 2)] {
            let seen = try await files.look(parts, all)
            XCTAssertEqual(seen["key-bits"], .integer(1024))
            XCTAssertEqual(seen.text("key-type"), "RSA")
            XCTAssertEqual(seen["key-matches"], .bool(true))
            XCTAssertEqual(seen["chain-trusted"], .bool(true))
            XCTAssertEqual(seen["leaf-number"], .integer(Int64(place)))
            XCTAssertEqual(seen.text("identity"), "spiffe://cluster.local/ns/default/sa/vm")
        }
        let alone = try await files.look([leaf], all)
        XCTAssertEqual(alone["chain-trusted"], .bool(false))
        let other = try OpenSSLAuthority("other", in: files.folder)
        let foreign = try await files.look([leaf, middle], trusted: other.pair.certificate, all)
        XCTAssertEqual(foreign["chain-trusted"], .bool(false))
        // Of the same names, and signed by somebody else.
        let elsewhere = try TemporaryDirectory()
        let impostor = try OpenSSLAuthority("middle", in: elsewhere)
        let forged = try await files.look(
            [leaf, impostor.pair.certificate], trusted: impostor.pair.certificate, all)
        XCTAssertEqual(forged["chain-trusted"], .bool(false))
    }
}
