import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import GeneratedCAProtocol
import TestSupport
import XCTest

/// The authority as each generation had it, asked by another library's gRPC with requests that openssl made.
final class GenerationTests: XCTestCase {
    private static let istio = ["0.2", "0.8", "1.0"]

    private func openssl(_ arguments: String...) throws -> String { try TestSupport.run("openssl", arguments).check() }

    /// A request in PEM and its key's file.
    private func request(
        _ mesh: RunningMesh, key: [String], uri: String = "spiffe://cluster.local/ns/default/sa/vm"
    ) throws -> (pem: String, key: String) {
        let base = mesh.folder.path + "/" + UUID().uuidString
        _ = try TestSupport.run(
            "openssl",
            ["req", "-new", "-nodes"] + key + [
                "-keyout", base + ".key", "-out", base + ".csr", "-subj", "/O=acme", "-addext",
                "subjectAltName=URI:\(uri)",
            ]
        ).check()
        return (try String(contentsOfFile: base + ".csr", encoding: .utf8), base + ".key")
    }

    private func sign(
        _ mesh: RunningMesh, _ folder: String, chain: String = "cert-chain.pem", key: String? = nil, pem: String,
        minutes: Int32 = 0
    ) async throws -> Istio_V1_Auth_CsrResponse {
        let port = try XCTUnwrap(Int(mesh.address("ca").components(separatedBy: ":")[1]))
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port),
            transportSecurity: .mTLS(
                certificateChain: [.file(path: folder + "/" + chain, format: .pem)],
                privateKey: .file(path: key ?? folder + "/key.pem", format: .pem)
            ) { tls in
                tls.serverCertificateVerification = .noHostnameVerification
                tls.trustRoots = .certificates([.file(path: folder + "/root-cert.pem", format: .pem)])
            })
        return try await withGRPCClient(transport: transport) { client in
            var request = Istio_V1_Auth_CsrRequest()
            request.csrPem = Data(pem.utf8)
            request.requestedTtlMinutes = minutes
            return try await Istio_V1_Auth_IstioCAService.Client(wrapping: client).handleCSR(request)
        }
    }

    private func failure(_ body: () async throws -> Istio_V1_Auth_CsrResponse) async -> String {
        do {
            return "\(try await body())"
        } catch {
            return "\(error)"
        }
    }

    /// Seconds between the dates of a certificate.
    private func lifetime(_ certificate: String) throws -> TimeInterval {
        let dates = try openssl("x509", "-in", certificate, "-noout", "-dates", "-dateopt", "iso_8601")
            .split(separator: "\n").map { $0.split(separator: "=")[1].replacingOccurrences(of: " ", with: "T") }
        let format = ISO8601DateFormatter()
        return try XCTUnwrap(format.date(from: dates[1])).timeIntervalSince(try XCTUnwrap(format.date(from: dates[0])))
    }

    private func write(_ mesh: RunningMesh, _ bytes: Data) throws -> String {
        let path = mesh.folder.path + "/" + UUID().uuidString + ".pem"
        try bytes.write(to: URL(fileURLWithPath: path))
        return path
    }

    func testLifetimes() async throws {
        for istio in Self.istio {
            let mesh = try await RunningMesh(RunningMesh.yaml, ["--istio", istio])
            let folder = try mesh.issue()
            let pem = try request(mesh, key: ["-newkey", "rsa:2048"]).pem
            for minutes in [Int32(0), 60] {
                let answer = try await sign(mesh, folder, pem: pem, minutes: minutes)
                let certificate = try write(mesh, answer.signedCert)
                // 0.2 decides itself: ten minutes here. The later ones have no lifetime of their own.
                let expected: TimeInterval = istio == "0.2" ? 601 : TimeInterval(minutes) * 60
                XCTAssertEqual(try lifetime(certificate), expected, accuracy: 1, "\(istio), \(minutes) minutes")
                XCTAssertEqual(answer.certChain.isEmpty, true, istio)
                let certificates = String(decoding: answer.signedCert, as: UTF8.self).components(separatedBy: "BEGIN ")
                XCTAssertEqual(certificates.count - 1, istio == "0.2" ? 2 : 1, istio)
            }
            let long = await failure { try await sign(mesh, folder, pem: pem, minutes: 91 * 24 * 60) }
            if istio == "0.2" {
                XCTAssertTrue(long.contains("isApproved: true") || long.contains("is_approved: true"), long)
            } else {
                XCTAssertTrue(
                    long.contains("requested TTL 2184h0m0s is greater than the max allowed TTL 2160h0m0s"), long)
            }
        }
    }

    func testKeysOf1024BitsAreSignedAndAuthenticate() async throws {
        for istio in Self.istio {
            let mesh = try await RunningMesh(RunningMesh.yaml, ["--istio", istio])
            let folder = try mesh.issue()
            let small = try request(mesh, key: ["-newkey", "rsa:1024"])
            let answer = try await sign(mesh, folder, pem: small.pem, minutes: 60)
            let certificate = try write(mesh, answer.signedCert)
            XCTAssertEqual(
                try openssl("x509", "-in", certificate, "-noout", "-pubkey"),
                try openssl("pkey", "-in", small.key, "-pubout"))
            let verified = try TestSupport.run(
                "openssl",
                [
                    "verify", "-auth_level", "0", "-CAfile", folder + "/root-cert.pem", "-untrusted", certificate,
                    certificate,
                ])
            XCTAssertEqual(verified.status, 0, verified.output + verified.errors)
            let text = try openssl("x509", "-in", certificate, "-noout", "-text")
            XCTAssertTrue(text.contains("URI:spiffe://cluster.local/ns/default/sa/vm"), text)
            // The agent's next request comes with it.
            try FileManager.default.copyItem(atPath: certificate, toPath: folder + "/small.pem")
            let next = try await sign(mesh, folder, chain: "small.pem", key: small.key, pem: small.pem, minutes: 60)
            XCTAssertTrue(next.isApproved)
        }
    }

    func testWhatIsRefused() async throws {
        for istio in Self.istio {
            let mesh = try await RunningMesh(RunningMesh.yaml, ["--istio", istio])
            let folder = try mesh.issue()
            let curve = try request(mesh, key: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]).pem
            let kind = await failure { try await sign(mesh, folder, pem: curve, minutes: 60) }
            XCTAssertTrue(
                kind.contains(
                    "CSR signing error (x509: requested SignatureAlgorithm does not match private key type)"), kind)
            let none = await failure { try await sign(mesh, folder, pem: "no request", minutes: 60) }
            XCTAssertTrue(none.contains("CSR parsing error ("), none)
            let other = try request(
                mesh, key: ["-newkey", "rsa:2048"], uri: "spiffe://cluster.local/ns/default/sa/other"
            ).pem
            let name = await failure { try await sign(mesh, folder, pem: other, minutes: 60) }
            // The later ones sign anything.
            XCTAssertEqual(name.contains("certificate signing request is not authorized"), istio == "0.2", name)
        }
    }

    /// What the agent of 0.8 sends to an authority of 0.2.
    func testACredentialIsNoMessageFor0_2() async throws {
        for istio in Self.istio {
            let mesh = try await RunningMesh(RunningMesh.yaml, ["--istio", istio])
            let folder = try mesh.issue()
            let port = try XCTUnwrap(Int(mesh.address("ca").components(separatedBy: ":")[1]))
            let pem = try request(mesh, key: ["-newkey", "rsa:2048"]).pem
            let transport = try HTTP2ClientTransport.Posix(
                target: .ipv4(address: "127.0.0.1", port: port),
                transportSecurity: .mTLS(
                    certificateChain: [.file(path: folder + "/cert-chain.pem", format: .pem)],
                    privateKey: .file(path: folder + "/key.pem", format: .pem)
                ) { tls in
                    tls.serverCertificateVerification = .noHostnameVerification
                    tls.trustRoots = .certificates([.file(path: folder + "/root-cert.pem", format: .pem)])
                })
            let credential = try Data(contentsOf: URL(fileURLWithPath: folder + "/cert-chain.pem"))
            let answer = await failure {
                try await withGRPCClient(transport: transport) { client in
                    var request = Istio_V1_Auth_CsrRequest()
                    request.csrPem = Data(pem.utf8)
                    request.nodeAgentCredential = credential
                    request.credentialType = "onprem"
                    request.requestedTtlMinutes = 60
                    return try await Istio_V1_Auth_IstioCAService.Client(wrapping: client).handleCSR(request)
                }
            }
            XCTAssertEqual(answer.contains("grpc: error unmarshalling request"), istio == "0.2", answer)
        }
    }

    /// Whoever shows no certificate is refused by the authority and not by TLS.
    func testWithoutACertificateTheAuthorityRefuses() async throws {
        let mesh = try await RunningMesh()
        let folder = try mesh.issue()
        let port = try XCTUnwrap(Int(mesh.address("ca").components(separatedBy: ":")[1]))
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port),
            transportSecurity: .tls { tls in
                tls.serverCertificateVerification = .noHostnameVerification
                tls.trustRoots = .certificates([.file(path: folder + "/root-cert.pem", format: .pem)])
            })
        let answer = await failure {
            try await withGRPCClient(transport: transport) { client in
                try await Istio_V1_Auth_IstioCAService.Client(wrapping: client).handleCSR(.init())
            }
        }
        XCTAssertTrue(answer.contains("request authenticate failure"), answer)
    }

    func testNodeAgentRenewsWithEachGeneration() async throws {
        try requireRoot()
        for (istio, wait) in [("0.2", "4m5"), ("0.8", "29m5"), ("1.0", "29m5")] {
            let mesh = try await RunningMesh(RunningMesh.yaml, ["--istio", istio])
            let folder = try mesh.issue(["--lifetime", "1h"])
            let agent = try AuthorityTests.agent(
                folder, port: try mesh.address("ca").components(separatedBy: ":")[1], in: mesh)
            try await poll("\(istio): approval") {
                agent.errors.contains("CSR is approved successfully. Will renew cert in \(wait)")
            }
            XCTAssertFalse(agent.errors.contains("CSR signing failed"), agent.errors)
        }
    }
}
