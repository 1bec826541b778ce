import Foundation
import TestSupport
import XCTest

/// A web server of the test's own that misbehaves as the path says, and counts what it was asked for.
final class DownloadServer {
    let url: String
    private let program: BackgroundProgram
    private let folder: TemporaryDirectory

    private static let program = """
        import http.server, sys, time, email.utils
        v1, v2, counts = b"A" * 20000, b"B" * 20000, {}
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def answer(self, status, body, headers={}, cut=None):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if cut is None else body[:cut])
                if cut is not None: self.close_connection = True
            def ranged(self, body, headers, cut=None):
                asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
                if asked and (condition is None or condition == headers.get("ETag") or headers.get("X-Careless")):
                    offset = int(asked.split("=")[1].split("-")[0])
                    headers = dict(headers, **{"Content-Range": "bytes %d-%d/%d" % (offset, len(body) - 1, len(body))})
                    return self.answer(206, body[offset:], headers, cut)
                self.answer(200, body, headers, cut)
            def do_GET(self):
                path = self.path.split("?")[0]
                counts[path] = count = counts.get(path, 0) + 1
                if path == "/whole": self.ranged(v2, {})
                # Breaks off first; the second answer is the same file.
                elif path == "/same": self.ranged(v1, {"ETag": '"1"'}, 5000 if count == 1 else None)
                # Breaks off first and has another file from then on.
                elif path == "/other":
                    if count == 1: self.ranged(v1, {"ETag": '"1"'}, 5000)
                    else: self.ranged(v2, {"ETag": '"2"'})
                # The same, by a server that gives the range whatever it was asked.
                elif path == "/careless":
                    if count == 1: self.ranged(v1, {"ETag": '"1"'}, 5000)
                    else: self.ranged(v2, {"ETag": '"2"', "X-Careless": "yes"})
                # The careless one breaks off as well, and then has the first file again.
                elif path == "/flapping":
                    if count == 1: self.ranged(v1, {"ETag": '"1"'}, 5000)
                    elif count == 2: self.ranged(v2, {"ETag": '"2"', "X-Careless": "yes"}, 3000)
                    else: self.ranged(v1, {"ETag": '"1"'})
                # A beginning that nothing vouches for.
                elif path == "/weak":
                    if count == 1: self.ranged(v1, {"ETag": 'W/"1"'}, 5000)
                    else: self.ranged(v2, {"ETag": 'W/"1"', "X-Careless": "yes"})
                elif path == "/dated":
                    date = {"Last-Modified": "Sat, 01 Jan 2022 00:00:00 GMT", "X-Careless": "yes"}
                    self.ranged(v1, date, 5000 if count == 1 else None)
                elif path == "/busy":
                    if count < 3: self.answer(503, b"no", {"Retry-After": "1"})
                    else: self.ranged(v2, {})
                elif path == "/later": self.answer(429, b"no", {"Retry-After": "86400"})
                elif path == "/date":
                    self.answer(503, b"no", {"Retry-After": email.utils.formatdate(time.time() + 7200, usegmt=True)})
                elif path == "/gone": self.answer(404, b"no")
                elif path == "/redirected": self.answer(302, b"", {"Location": "/same"})
                elif path in ("/stall", "/drip", "/endless"):
                    self.send_response(200)
                    self.end_headers()
                    for index in range(1000000):
                        self.wfile.write(b"x" if path == "/drip" else b"x" * 1000)
                        self.wfile.flush()
                        if path == "/stall": time.sleep(1000)
                        if path == "/drip": time.sleep(0.3)
                elif path == "/slow":
                    self.send_response(200)
                    self.send_header("Content-Length", "20000")
                    self.end_headers()
                    for index in range(20):
                        self.wfile.write(v2[:1000])
                        self.wfile.flush()
                        time.sleep(0.1)
                else: self.answer(200, repr((self.path, self.headers.get("Authorization"))).encode())
        http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
        """

    static let first = Data(repeating: UInt8(ascii: "A"), count: 20000)
    static let second = Data(repeating: UInt8(ascii: "B"), count: 20000)

    init() throws {
        try requireProgram("python3")
        try requireProgram("curl")
        folder = try TemporaryDirectory()
        let port = try SSHServer.freePort()
        let script = try folder.file("server.py", Self.program)
        program = try BackgroundProgram(try XCTUnwrap(programPath("python3")), [script, String(port)])
        url = "http://127.0.0.1:\(port)"
        XCTAssertTrue(waitUntil(within: 20) { SSHServer.canConnect(port) })
    }

    /// How often a path was asked for.
    func requests(_ path: String) -> Int {
        program.errors.split(separator: "\n").count { $0.contains("GET \(path) HTTP") }
    }
}
