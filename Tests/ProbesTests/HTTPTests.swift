import Foundation
import HTTP
import Probes
import TestSupport
import XCTest

final class HTTPTests: XCTestCase {
    private static let server = """
        def handle(c):
            while True:
                data = request(c)
                if not data: return
                path = data.split(b' ')[1].decode()
                def answer(body, head=b'', status=b'200 OK'):
                    c.sendall(b'HTTP/1.1 ' + status + b'\\r\\nContent-Length: %d\\r\\n' % len(body) + head + b'\\r\\n' + body)
                if path == '/json': answer(b'{"hosts":[{"ip_address":"10.60.1.4","port":8080}]} ', b'Date: Sun, 06 Nov 1994 08:49:37 GMT\\r\\nX-A: 1\\r\\nX-A: 2\\r\\nSet-Cookie: secret\\r\\n')
                elif path == '/echo': answer(data)
                elif path.startswith('/v1/'): answer(path.encode())
                elif path == '/redirect': answer(b'', b'Location: /json\\r\\n', b'302 Found')
                elif path == '/cycle': answer(b'', b'Location: /cycle\\r\\n', b'302 Found')
                elif path == '/404': answer(b'no', status=b'404 Not Found')
                elif path == '/key': answer(b'x\\n-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\ny')
                elif path == '/silent': time.sleep(1000)
                elif path == '/early': c.close(); return
                elif path == '/half': c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nhalf'); c.close(); return
                elif path == '/garbage': c.sendall(b'\\0\\1\\2 what is this\\r\\n\\r\\n'); c.close(); return
                elif path == '/status': c.sendall(b'HTTP/1.1 twohundred OK\\r\\n\\r\\n'); c.close(); return
                elif path == '/length': c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: -5\\r\\n\\r\\n'); c.close(); return
                elif path == '/headers':
                    c.sendall(b'HTTP/1.1 200 OK\\r\\n')
                    try:
                        while True: c.sendall(b'X: ' + b'y' * 4000 + b'\\r\\n')
                    except OSError: return
                elif path == '/drip':
                    c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 100000\\r\\n\\r\\n')
                    try:
                        while True: c.sendall(b'.'); time.sleep(0.02)
                    except OSError: return
                elif path == '/endless':
                    c.sendall(b'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n')
                    block = b'10000\\r\\n' + b'x' * 65536 + b'\\r\\n'
                    try:
                        while True: c.sendall(block)
                    except OSError: return
                else: answer(b'ok')
        tcp(handle)
        """

    func testAnswers() async throws {
        let (service, port) = try pythonServer(Self.server)
        let host = Host()
        let base = "http://127.0.0.1:\(port)"
        func get(_ path: String, _ more: [String: Value] = [:], _ attributes: Set<String> = ["body"]) async throws
            -> Observation
        { try await observe("http", ["url": .text(base + path)].merging(more) { $1 }, attributes, on: host) }
        let json = try await get("/json", [:], ["json", "clock-skew", "address"])
        XCTAssertEqual(json["status"], .integer(200))
        XCTAssertEqual(
            json["json"],
            .map(["hosts": .list([.map(["ip_address": .text("10.60.1.4"), "port": .integer(8080)])])]))
        XCTAssertEqual(json.seconds("date"), 784_111_777)
        XCTAssertEqual(json.entry("headers", "x-a"), .text("1, 2"))
        XCTAssertEqual(json.entry("headers", "set-cookie"), .text("secret"))
        XCTAssertEqual(json.text("address"), "127.0.0.1")
        guard case .duration(let skew)? = json["clock-skew"] else { return XCTFail("\(json)") }
        XCTAssertEqual(skew.seconds, Date.now.timeIntervalSince1970 - 784_111_777, accuracy: 120)
        // Pilot's keys have a bar in them, which may not stand in a URL.
        let key = try await get("/v1/registration/a|http")
        XCTAssertEqual(key.text("body"), "/v1/registration/a%7Chttp")
        let echo = try await get(
            "/echo",
            ["method": .text("POST"), "body": .text("x=1"), "headers": .map(["Host": .text("productpage:9080")])])
        let text = try XCTUnwrap(echo.text("body"))
        XCTAssertTrue(text.hasPrefix("POST /echo HTTP/1.1\r\n"), text)
        XCTAssertTrue(text.lowercased().contains("host: productpage:9080\r\n"), text)
        XCTAssertTrue(text.contains("User-Agent: meshcheck\r\n"), text)
        // User and password of a URL are sent (RFC 7617), and shown nowhere.
        let named = try await observe(
            "http", ["url": .text("http://al%40ice:pass%3Aword@127.0.0.1:\(port)/echo")], ["body", "status"])
        XCTAssertEqual(named.text("body")?.contains("Basic YWxAaWNlOnBhc3M6d29yZA=="), true, "\(named)")
        XCTAssertFalse(named.evidence.joined().contains("word"), "\(named.evidence)")
        let missing = try await get("/404")
        XCTAssertEqual(missing["status"], .integer(404))
        let redirect = try await get("/redirect")
        XCTAssertEqual(redirect["status"], .integer(302))
        let followed = try await get("/redirect", ["follow": .bool(true)])
        XCTAssertEqual(followed["status"], .integer(200))
        XCTAssertEqual(followed["redirects"], .integer(1))
        let masked = try await get("/key")
        XCTAssertEqual(masked.text("body")?.contains("BEGIN PRIVATE KEY"), true)
        XCTAssertFalse(masked.evidence.joined().contains("AAAA"))
        let resolved = try await observe(
            "http", ["url": .text("http://no-such-host.invalid:\(port)/"), "resolve": .text("127.0.0.1")], ["status"])
        XCTAssertEqual(resolved["status"], .integer(200))
        service.stop()
        let error = try await failure("http", ["url": .text(base)], ["status"])
        XCTAssertEqual(error?.reason, .unreachable, "\(String(describing: error))")
    }

    /// Python's zlib and gzip compress; what they made is damaged in every way.
    func testCompressedBodies() async throws {
        let (service, port) = try pythonServer(
            """
            import zlib, gzip
            text = b'10.60.1.4 ' * 5000
            plain = zlib.compressobj(9, zlib.DEFLATED, -15)
            bodies = {'gzip': (b'gzip', gzip.compress(text)), 'two': (b'x-gzip', gzip.compress(text[:7]) + gzip.compress(text[7:])),
                'zlib': (b'deflate', zlib.compress(text)), 'raw': (b'Deflate', plain.compress(text) + plain.flush()),
                'half': (b'gzip', gzip.compress(text)[:-20]), 'sum': (b'gzip', gzip.compress(text)[:-5] + b'12345'),
                'lie': (b'gzip', text), 'brotli': (b'br', b'x'), 'empty': (b'gzip', b''), 'same': (b'identity', text),
                'bomb': (b'gzip', gzip.compress(b'0' * 50000000))}
            def handle(c):
                while True:
                    data = request(c)
                    if not data: return
                    coding, body = bodies[data.split(b' ')[1][1:].decode()]
                    asked = b'1' if b'gzip, deflate' in data.lower() else b'0'
                    c.sendall(b'HTTP/1.1 200 OK\\r\\nX-Asked: ' + asked + b'\\r\\nContent-Encoding: ' + coding
                        + b'\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
            tcp(handle)
            """)
        func get(_ path: String, _ more: [String: Value] = [:], _ attributes: Set<String> = ["body"]) async throws
            -> Observation
        {
            try await observe(
                "http", ["url": .text("http://127.0.0.1:\(port)/\(path)")].merging(more) { $1 }, attributes)
        }
        let text = String(repeating: "10.60.1.4 ", count: 5000)
        for (path, encoding) in [("gzip", "gzip"), ("two", "gzip"), ("zlib", "deflate"), ("raw", "deflate")] {
            let seen = try await get(path)
            XCTAssertEqual(seen.text("body"), text, path)
            XCTAssertEqual(seen.text("encoding"), encoding)
            XCTAssertEqual(seen["bytes"], .integer(50_000))
            XCTAssertEqual(seen.entry("headers", "x-asked"), .text("0"))
        }
        let asked = try await get("gzip", ["compressed": .bool(true)])
        XCTAssertEqual(asked.entry("headers", "x-asked"), .text("1"))
        let same = try await get("same")
        XCTAssertEqual(same.text("body"), text)
        XCTAssertEqual(same["encoding"], .null)
        let empty = try await get("empty")
        XCTAssertEqual(empty.text("body"), "")
        for path in ["half", "sum", "lie", "brotli"] {
            let url = Value.text("http://127.0.0.1:\(port)/\(path)")
            let error = try await failure("http", ["url": url], ["body"])
            XCTAssertEqual(error?.reason, .malformed, "\(path): \(String(describing: error))")
        }
        let other = try await get("brotli", [:], ["status", "encoding"])
        XCTAssertEqual(other.text("encoding"), "br")
        // A few bytes that stand for many cost what was asked for.
        let bomb = try await get("bomb", ["max-bytes": .integer(60_000)], ["body", "truncated"])
        XCTAssertEqual(bomb["bytes"], .integer(60_000))
        XCTAssertEqual(bomb["truncated"], .bool(true))
        service.stop()
    }

    /// Whatever the bytes are, they end in a result or an error, within the limit.
    func testDamagedCompression() throws {
        try requireProgram("python3")
        var generator = SeededGenerator(seed: 11)
        let samples = try TestSupport.run(
            "python3",
            [
                "-c",
                "import gzip, zlib, random, sys\nrandom.seed(5)\n"
                    + "for level in (0, 1, 6, 9):\n"
                    + "  for size in (0, 1, 300, 70000):\n"
                    + "    data = bytes(random.choice(b'abcdefgh') for _ in range(size))\n"
                    + "    print(data.hex(), gzip.compress(data, level).hex(), zlib.compress(data, level).hex())",
            ]
        ).check()
        func bytes(_ hexadecimal: Substring) -> [UInt8] {
            let digits = Array(hexadecimal.utf8)
            return stride(from: 0, to: digits.count, by: 2).compactMap { place in
                UInt8(String(decoding: digits[place..<(place + 2)], as: UTF8.self), radix: 16)
            }
        }
        for line in samples.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(bytes)
            for (coding, body) in [(ContentCoding.gzip, words[1]), (.deflate, words[2])] {
                let whole = try coding.decoded(body, isCut: false, limit: 1 << 20)
                XCTAssertEqual(whole.bytes, words[0])
                XCTAssertFalse(whole.isTruncated)
                for _ in 0..<20 {
                    var damaged = body
                    damaged[Int(generator.next() % UInt64(damaged.count))] ^= 1 << UInt8(generator.next() % 8)
                    damaged.removeLast(Int(generator.next() % 3))
                    let result = try? coding.decoded(damaged, isCut: false, limit: 100_000)
                    XCTAssertLessThanOrEqual(result?.bytes.count ?? 0, 100_000)
                }
            }
        }
    }

    /// A server on a Unix socket, as curl(1) asks it.
    func testUnixSocket() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/s"
        let (service, _) = try pythonServer(
            """
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); print(1, flush=True)
            while True:
                c, _ = s.accept()
                data = request(c)
                c.sendall(b'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n' + data); c.close()
            """, arguments: [path])
        let seen = try await observe(
            "http", ["url": .text("http://docker/v1/info"), "socket": .text(path)], ["body", "address"])
        let asked = try XCTUnwrap(seen.text("body"))
        XCTAssertTrue(asked.hasPrefix("GET /v1/info HTTP/1.1\r\n") && asked.contains("\r\nHost: docker\r\n"), asked)
        XCTAssertEqual(seen["address"], .null)
        let curl = try TestSupport.run("curl", ["--silent", "--unix-socket", path, "http://docker/v1/info"]).check()
        XCTAssertTrue(curl.hasPrefix("GET /v1/info HTTP/1.1\r\nHost: docker\r\n"), curl)
        service.stop()
        for target in [path, folder.path + "/none"] {
            let error = try await failure("http", ["url": .text("http://x/"), "socket": .text(target)], ["status"])
            XCTAssertTrue([.unreachable, .unavailable].contains(error?.reason), "\(String(describing: error))")
        }
    }

    func testServersThatMisbehave() async throws {
        let (service, port) = try pythonServer(Self.server)
        let host = Host()
        func fails(
            _ path: String, _ reason: ProbeError.Reason, _ more: [String: Value] = [:],
            _ attributes: Set<String> = ["body"],
            within limit: Duration = .seconds(30)
        ) async throws {
            let error = try await failure(
                "http", ["url": .text("http://127.0.0.1:\(port)\(path)")].merging(more) { $1 }, attributes, on: host,
                within: limit)
            XCTAssertEqual(error?.reason, reason, "\(path): \(String(describing: error))")
        }
        try await fails("/silent", .timedOut, within: .milliseconds(300))
        try await fails("/drip", .timedOut, within: .milliseconds(300))
        try await fails("/early", .malformed)
        try await fails("/half", .malformed)
        try await fails("/garbage", .malformed)
        try await fails("/status", .malformed)
        try await fails("/length", .malformed)
        try await fails("/headers", .malformed)
        try await fails("/cycle", .malformed, ["follow": .bool(true)])
        try await fails("/key", .malformed, [:], ["json"])
        // The text of a refusal is not a document: the status says what is the matter.
        let refusal = try await observe(
            "http", ["url": .text("http://127.0.0.1:\(port)/404")], ["status", "json"], on: host)
        XCTAssertEqual(refusal["status"], .integer(404))
        XCTAssertEqual(refusal["json"], .null)
        try await fails("/json", .invalid, ["resolve": .text("localhost")])
        // The others go on as if nothing had happened, and gigabytes cost what was asked for.
        let endless = try await observe(
            "http", ["url": .text("http://127.0.0.1:\(port)/endless"), "max-bytes": .integer(1000)],
            ["body", "truncated"], on: host)
        XCTAssertEqual(endless["bytes"], .integer(1000))
        XCTAssertEqual(endless["truncated"], .bool(true))
        try await fails("/endless", .invalid, ["max-bytes": .integer(1000)], ["body"])
        service.stop()
        for url in ["", "ftp://x/", "http://", "127.0.0.1", "http://a b/", "http://x:0/", "http:///x"] {
            let error = try await failure("http", ["url": .text(url)], ["status"])
            XCTAssertEqual(error?.reason, .invalid, url)
        }
    }

    /// Two hundred that wait at the same time do not wait for one another.
    func testWaitingIsNotWork() async throws {
        let program = """
            gate = threading.Barrier(100)
            def handle(c):
                request(c); gate.wait()
                c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')
            tcp(handle)
            """
        // The server answers nobody until all have asked: with a limit on what runs at once, this would never end.
        let (service, port) = try pythonServer(program)
        let hosts = [Host(), Host()]
        try await withThrowingTaskGroup(of: Value?.self) { group in
            for index in 0..<100 {
                group.addTask {
                    try await observe(
                        "http", ["url": .text("http://127.0.0.1:\(port)/")], ["status"], on: hosts[index % 2],
                        within: .seconds(60))["status"]
                }
            }
            for try await status in group { XCTAssertEqual(status, .integer(200)) }
        }
        service.stop()
    }

    func testClockAgainstAServer() async throws {
        let (service, port) = try pythonServer(
            """
            import email.utils
            def handle(c):
                request(c)
                date = email.utils.formatdate(time.time() - 3600, usegmt=True).encode()
                c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nDate: ' + date + b'\\r\\n\\r\\n')
            tcp(handle)
            """)
        let seen = try await observe(
            "clock", ["against": .text("http://127.0.0.1:\(port)/")], ["skew", "synchronised"])
        guard case .duration(let skew)? = seen["skew"] else { return XCTFail("\(seen)") }
        XCTAssertEqual(skew.seconds, 3600, accuracy: 30)
        XCTAssertNotNil(seen["synchronised"])
        service.stop()
    }

    /// The certificate has to be for the host of the URL; that of the address that was connected to does not count.
    /// curl(1) is the oracle.
    func testNamesOfServers() async throws {
        try requireProgram("curl")
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("ours", in: folder)
        for (names, host, isRight) in [
            ("DNS:right.example,IP:127.0.0.1", "right.example", true),
            ("DNS:right.example,IP:127.0.0.1", "wrong.example", false),
            ("DNS:right.example,IP:127.0.0.1", "127.0.0.1", true), ("DNS:*.example.org", "a.example.org", true),
            ("DNS:*.example.org", "a.b.example.org", false), ("DNS:127.0.0.1", "127.0.0.1", false),
        ] {
            let pair = try authority.issue("server", extensions: ["subjectAltName=\(names)"])
            let service = try Service(
                "openssl",
                [
                    "s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-www",
                    "-naccept",
                    "10",
                ])
            var port = 0
            while port == 0 {
                let line = try service.line()
                if line.hasPrefix("ACCEPT") { port = line.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
            }
            let url = "https://\(host):\(port)/"
            let curl = try TestSupport.run(
                "curl",
                [
                    "-s", "-o", "/dev/null", "--noproxy", "*", "--cacert", authority.pair.certificate, "--resolve",
                    "\(host):\(port):127.0.0.1", url,
                ])
            XCTAssertEqual(curl.status == 0, isRight, "\(names) \(host): curl \(curl.status)")
            let parameters: [String: Value] = [
                "url": .text(url), "root": .text(authority.pair.certificate), "resolve": .text("127.0.0.1"),
            ]
            if isRight {
                let seen = try await observe("http", parameters, ["status"])
                XCTAssertEqual(seen["status"], .integer(200), "\(names) \(host)")
            } else {
                let error = try await failure("http", parameters, ["status"])
                XCTAssertEqual(error?.reason, .unreachable, "\(names) \(host)")
            }
            service.stop()
        }
    }

    /// A server that asks for the client's certificate gets it, and refuses who has none.
    func testClientCertificates() async throws {
        let folder = try TemporaryDirectory()
        let authority = try OpenSSLAuthority("ours", in: folder)
        let pair = try authority.issue("server", extensions: ["subjectAltName=IP:127.0.0.1"])
        let client = try authority.issue("client", extensions: ["extendedKeyUsage=clientAuth"])
        let service = try Service(
            "openssl",
            [
                "s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-www", "-naccept",
                "10", "-Verify", "1", "-verify_return_error", "-CAfile", authority.pair.certificate,
            ])
        var port = 0
        while port == 0 {
            let line = try service.line()
            if line.hasPrefix("ACCEPT") { port = line.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
        }
        var parameters: [String: Value] = [
            "url": .text("https://127.0.0.1:\(port)/"), "root": .text(authority.pair.certificate),
        ]
        let refused = try await failure("http", parameters, ["status"])
        XCTAssertNotNil(refused)
        parameters["certificate-files"] = .list([.text(client.certificate), .text(client.key)])
        let seen = try await observe("http", parameters, ["status"])
        XCTAssertEqual(seen["status"], .integer(200))
        parameters["certificate-files"] = .list([.text(client.certificate)])
        let half = try await failure("http", parameters, ["status"])
        XCTAssertEqual(half?.reason, .invalid)
        service.stop()
    }
}
