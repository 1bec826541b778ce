import Foundation
import Probes
import TestSupport
import XCTest

@testable import Probes

final class FileTests: XCTestCase {
    private let all: Set = [
        "type", "mode", "owner", "group", "size", "sha256", "md5", "modified", "target", "contents", "lines", "mount",
        "born",
    ]

    /// stat(1), sha256sum(1), md5sum(1) and findmnt(8) are the oracles.
    func testAttributes() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("a b/file", "one\ntwo", mode: 0o640)
        let seen = try await observe("file", ["path": .text(path)], all)
        func oracle(_ program: String, _ arguments: [String]) throws -> String {
            let output = try TestSupport.run(program, arguments).output
            return output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let stat = try oracle("stat", ["-c", "%a %U %G %s %Y", path]).split(separator: " ").map(String.init)
        XCTAssertEqual(seen.text("mode"), "0" + stat[0])
        XCTAssertEqual(seen.text("owner"), stat[1])
        XCTAssertEqual(seen.text("group"), stat[2])
        XCTAssertEqual(seen.integer("size"), Int64(stat[3]))
        XCTAssertEqual(seen.seconds("modified").map { Int64($0) }, Int64(stat[4]))
        XCTAssertEqual(
            seen.text("sha256"), try oracle("sha256sum", [path]).split(separator: " ").first.map(String.init))
        XCTAssertEqual(seen.text("md5"), try oracle("md5sum", [path]).split(separator: " ").first.map(String.init))
        XCTAssertEqual(seen.text("mount"), try oracle("findmnt", ["-n", "-o", "FSTYPE", "-T", path]))
        XCTAssertEqual(seen.text("type"), "file")
        XCTAssertEqual(seen.text("contents"), "one\ntwo")
        XCTAssertEqual(seen.texts("lines"), ["one", "two"])
        XCTAssertEqual(seen["target"], .null)
        let proc = try await observe("file", ["path": .text("/proc/self/status")], ["mount", "type"])
        XCTAssertEqual(proc.text("mount"), "proc")
        let directory = try await observe("file", ["path": .text(folder.path)], ["type"])
        XCTAssertEqual(directory.text("type"), "directory")
        let fifo = folder.path + "/pipe"
        XCTAssertEqual(mkfifo(fifo, 0o600), 0)
        let pipe = try await observe("file", ["path": .text(fifo)], ["type", "readable-by"])
        XCTAssertEqual(pipe.text("type"), "pipe")
        XCTAssertEqual(pipe["readable-by"], .bool(true))
        let error = try await failure("file", ["path": .text(fifo)], ["contents"])
        XCTAssertEqual(error?.reason, .invalid)
        let large = try await failure("file", ["path": .text(path), "max-bytes": .integer(3)], ["contents"])
        XCTAssertEqual(large?.reason, .invalid)
        for path in ["", "relative", "a/../b"] {
            let error = try await failure("file", ["path": .text(path)], ["type"])
            XCTAssertEqual(error?.reason, .invalid, path)
        }
    }

    /// getfacl(1) and getcap(8) are the oracles.
    func testAccessListsAndCapabilities() async throws {
        try requireRoot()
        for program in ["setfacl", "getfacl", "setcap", "getcap"] { try requireProgram(program) }
        let folder = try TemporaryDirectory()
        let path = try folder.file("file", "x", mode: 0o640)
        let directory = try folder.directory("directory")
        func look(_ path: String) async throws -> Observation {
            try await observe("file", ["path": .text(path)], ["acl", "capabilities", "mode"])
        }
        func list(_ path: String) throws -> [String] {
            try TestSupport.run("getfacl", ["--absolute-names", "--omit-header", "--no-effective", path]).check()
                .split(separator: "\n").map(String.init)
        }
        for change in ["", "u:daemon:rw", "u:12345:r,g:daemon:rx", "m::r", "u::rwx,o::x"] {
            for path in [path, directory] {
                if !change.isEmpty { try TestSupport.run("setfacl", ["-m", change, path]).check() }
                let seen = try await look(path)
                XCTAssertEqual(seen.texts("acl"), try list(path), change)
            }
        }
        try TestSupport.run("setfacl", ["-d", "-m", "u:bin:rwx", directory]).check()
        let seen = try await look(directory)
        XCTAssertEqual(seen.texts("acl"), try list(directory))
        XCTAssertTrue(seen.texts("acl").contains("default:user:bin:rwx"), "\(seen)")
        let bare = try await look(path)
        XCTAssertEqual(bare["capabilities"], .null)
        for wanted in ["cap_net_raw=ep", "cap_net_bind_service,cap_net_admin=eip", "cap_sys_admin=p"] {
            try TestSupport.run("setcap", [wanted, path]).check()
            let seen = try await look(path)
            let oracle = try TestSupport.run("getcap", [path]).check()
            XCTAssertEqual("\(path) \(seen.text("capabilities") ?? "")\n", oracle)
        }
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: path)
        let link = try await observe(
            "file", ["path": .text(folder.path + "/link"), "follow": .bool(false)], ["acl", "capabilities"])
        XCTAssertEqual(link["acl"], .null)
        XCTAssertEqual(link["capabilities"], .null)
    }

    func testLinks() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("file", "x")
        for (name, target) in [("good", path), ("bad", "none"), ("loop", "loop")] {
            try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/\(name)", withDestinationPath: target)
        }
        let good = try await observe("file", ["path": .text(folder.path + "/good")], all)
        XCTAssertEqual(good.text("type"), "file")
        XCTAssertEqual(good.text("target"), path)
        let link = try await observe(
            "file", ["path": .text(folder.path + "/good"), "follow": .bool(false)], ["type", "target"])
        XCTAssertEqual(link.text("type"), "symlink")
        let dangling = try await observe("file", ["path": .text(folder.path + "/bad")], ["type", "target"])
        XCTAssertEqual(dangling["exists"], .bool(false))
        XCTAssertEqual(dangling.text("target"), "none")
        XCTAssertTrue(dangling.evidence[0].contains("which does not exist"))
        let none = try await observe("file", ["path": .text(path + "/below")], ["type"])
        XCTAssertEqual(none["exists"], .bool(false))
        let loop = try await failure("file", ["path": .text(folder.path + "/loop")], ["type"])
        XCTAssertEqual(loop?.reason, .unavailable)
    }

    /// Checks compare what is there; reports mask it.
    func testSecrets() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("key.pem", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
        let seen = try await observe("file", ["path": .text(path)], ["contents", "lines"])
        XCTAssertEqual(seen.text("contents")?.contains("RSA PRIVATE KEY"), true)
        XCTAssertEqual(seen.texts("lines").count, 3)
        XCTAssertFalse(seen.evidence.joined().contains("AAAA"))
    }

    /// Another user reads what setpriv(1) lets that user read.
    func testReadableByOthers() async throws {
        try requireRoot()
        try requireProgram("setpriv")
        let folder = try TemporaryDirectory()
        chmod(folder.path, 0o755)
        let cases: [(String, mode_t, mode_t)] = [
            ("open", 0o755, 0o644), ("key", 0o755, 0o600), ("closed", 0o700, 0o644), ("passable", 0o711, 0o604),
            ("listable", 0o744, 0o644),
        ]
        for (name, folderMode, mode) in cases {
            let path = try folder.file("\(name)/file", "x", mode: Int(mode))
            chmod("\(folder.path)/\(name)", folderMode)
            let seen = try await observe(
                "file", ["path": .text(path), "as": .text("nobody")],
                ["readable-by", "closed-at", "parents-traversable"])
            let cat = try TestSupport.run(
                "setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "cat", path])
            XCTAssertEqual(seen["readable-by"], .bool(cat.status == 0), name)
            let stat = try TestSupport.run(
                "setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "stat", path])
            XCTAssertEqual(seen["parents-traversable"], .bool(stat.status == 0), name)
            let closed: Value = cat.status == 0 ? .null : .text(stat.status == 0 ? path : "\(folder.path)/\(name)")
            XCTAssertEqual(seen["closed-at"], closed, name)
            let ours = try await observe("file", ["path": .text(path)], ["readable-by"])
            XCTAssertEqual(ours["readable-by"], .bool(true))
        }
        // What another user may not see is denied, and neither there nor missing.
        let hidden = try await failure(
            "file", ["path": .text(folder.path + "/closed/file")], ["mode"], as: "nobody")
        XCTAssertEqual(hidden?.reason, .denied)
        let unreadable = try await failure(
            "file", ["path": .text(folder.path + "/key/file")], ["sha256"], as: "nobody")
        XCTAssertEqual(unreadable?.reason, .denied)
    }

    func testCommands() async throws {
        let seen = try await observe(
            "command", ["command": .list([.text("sh"), .text("-c"), .text("echo out; echo err >&2; exit 3")])],
            ["exit-status", "stdout", "stderr", "lines"])
        XCTAssertEqual(seen["exit-status"], .integer(3))
        XCTAssertEqual(seen.text("stdout"), "out\n")
        XCTAssertEqual(seen.text("stderr"), "err\n")
        // No shell takes a look at the arguments.
        let plain = try await observe(
            "command", ["command": .list([.text("echo"), .text("$HOME; `id`"), .text("*")])], ["stdout"])
        XCTAssertEqual(plain.text("stdout"), "$HOME; `id` *\n")
        let killed = try await observe(
            "command", ["command": .list([.text("sh"), .text("-c"), .text("kill -9 $$")])], ["signal"])
        XCTAssertEqual(killed.text("signal"), "SIGKILL")
        XCTAssertEqual(killed["exit-status"], .integer(137))
        let endless = try await failure(
            "command", ["command": .list([.text("sleep"), .text("1000")])], ["stdout"], within: .milliseconds(200))
        XCTAssertEqual(endless?.reason, .timedOut)
        let stubborn = try await failure(
            "command",
            ["command": .list([.text("sh"), .text("-c"), .text("trap '' TERM; while :; do sleep 1; done")])],
            ["stdout"], within: .milliseconds(200))
        XCTAssertEqual(stubborn?.reason, .timedOut)
        let loud = try await observe(
            "command",
            [
                "command": .list([.text("head"), .text("-c"), .text("5000000"), .text("/dev/zero")]),
                "max-bytes": .integer(10),
            ],
            ["stdout", "truncated"])
        XCTAssertEqual(loud.text("stdout")?.utf8.count, 10)
        XCTAssertEqual(loud["truncated"], .bool(true))
        // Of what was cut nothing can be said, in either direction; the other output was whole.
        let cut: [String: Value] = [
            "command": .list([.text("sh"), .text("-c"), .text("yes | head -c 3000000; echo BAD; echo err >&2")])
        ]
        for attribute in ["stdout", "lines", "json"] {
            let error = try await failure("command", cut, [attribute])
            XCTAssertEqual(error?.reason, .invalid, attribute)
        }
        let whole = try await observe("command", cut, ["stderr", "exit-status"])
        XCTAssertEqual(whole.text("stderr"), "err\n")
        for name in ["no-such-program", "/no/such/program"] {
            let none = try await observe("command", ["command": .list([.text(name)])], ["exit-status"])
            XCTAssertEqual(none["exists"], .bool(false), name)
        }
        let json = try await observe(
            "command", ["command": .list([.text("printf"), .text("{\"a\":[1,2.5,null]}")])], ["json"])
        XCTAssertEqual(json["json"], .map(["a": .list([.integer(1), .number(2.5), .null])]))
        if getuid() == 0 {
            let nobody = try await observe(
                "command", ["command": .list([.text("id"), .text("-un")])], ["stdout"], as: "nobody")
            XCTAssertEqual(nobody.text("stdout"), "nobody\n")
            let home = try await observe("command", ["command": .list([.text("env")])], ["lines"], as: "games")
            for line in ["HOME=/usr/games", "USER=games", "LOGNAME=games"] {
                XCTAssertTrue(home.texts("lines").contains(line), "\(home)")
            }
        }
        let found = try await observe("program", ["name": .text("sh")], ["path"])
        XCTAssertEqual(found["exists"], .bool(true))
        let missing = try await observe("program", ["name": .text("no-such-program")], ["path"])
        XCTAssertEqual(missing["exists"], .bool(false))
    }

    /// What nobody can run is the host's state, also for root; what only others can run is not for us to judge.
    func testProgramsThatCannotBeRun() async throws {
        let folder = try TemporaryDirectory()
        let plain = try folder.file("plain", "#!/bin/sh\n")
        let script = try folder.file("script", "#!\(plain)\n")
        XCTAssertEqual(chmod(plain, 0o644), 0)
        XCTAssertEqual(chmod(script, 0o755), 0)
        for path in [plain, script, folder.path] {
            let error = try await failure("command", ["command": .list([.text(path)])], ["exit-status"])
            XCTAssertEqual(error?.reason, .denied, "\(path): \(String(describing: error))")
        }
        let program = try await observe("program", ["name": .text(plain)], ["exists"])
        XCTAssertEqual(program["exists"], .bool(false))
        try requireRoot()
        let private_ = try folder.file("private", "#!/bin/sh\n")
        XCTAssertEqual(chmod(private_, 0o700), 0)
        XCTAssertEqual(chmod(folder.path, 0o755), 0)
        let other = try await failure(
            "command", ["command": .list([.text(private_)])], ["exit-status"], as: "nobody")
        XCTAssertEqual(other?.reason, .denied)
    }

    /// What has left the group of a command ends with it when the time is over.
    func testTimeoutEndsSessions() async throws {
        let seconds = "86\(UInt32.random(in: 1000..<9999))"
        let error = try await failure(
            "command",
            ["command": .list([.text("sh"), .text("-c"), .text("setsid sleep \(seconds); true")])], ["stdout"],
            within: .seconds(1))
        XCTAssertEqual(error?.reason, .timedOut)
        // pgrep(1) ends with 1 when it finds none.
        XCTAssertTrue(waitUntil { (try? TestSupport.run("pgrep", ["-fx", "sleep \(seconds)"]).status) == 1 })
    }

    func testSettingsAndNames() async throws {
        let folder = try TemporaryDirectory()
        let path = try folder.file("cluster.env", "ISTIO_SERVICE_CIDR=10.63.240.0/20\nTYPO=1\nMY_TOKEN=x\nbad line\n")
        let seen = try await observe("environment-file", ["path": .text(path)], ["valid", "owner-root"])
        XCTAssertEqual(seen["valid"], .bool(false))
        XCTAssertEqual(seen.entry("values", "ISTIO_SERVICE_CIDR"), .text("10.63.240.0/20"))
        XCTAssertEqual(seen.entry("values", "MY_TOKEN"), .text("x"))
        XCTAssertEqual(seen.texts("unknown"), ["MY_TOKEN", "TYPO"])
        XCTAssertEqual(seen.texts("problems").count, 1)
        if getuid() == 0 {
            XCTAssertEqual(seen["owner-root"], .bool(true), "\(seen.evidence)")
            chmod(path, 0o664)
            let writable = try await observe("environment-file", ["path": .text(path)], ["owner-root"])
            XCTAssertEqual(writable["owner-root"], .bool(false))
            chmod(path, 0o644)
            XCTAssertEqual(chown(folder.path, 65534, 0), 0)
            let parent = try await observe("environment-file", ["path": .text(path)], ["owner-root"])
            XCTAssertEqual(parent["owner-root"], .bool(false))
        }
        let dns = try folder.file("kubedns", "server=/svc.cluster.local/10.150.0.7\naddress=/istio-ca/\n")
        let names = try await observe("kubedns", ["path": .text(dns)], ["valid"])
        XCTAssertEqual(names["valid"], .bool(false))
        XCTAssertEqual(names.texts("empty"), ["istio-ca"])
        XCTAssertEqual(names.text("server"), "10.150.0.7")
        XCTAssertEqual(names["ca"], .null)
    }

    func testTokens() async throws {
        let folder = try TemporaryDirectory()
        func encoded(_ text: String) -> String {
            Data(text.utf8).base64EncodedString().replacingOccurrences(of: "=", with: "")
                .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        }
        let expiry = Int(Date.now.timeIntervalSince1970) + 3600
        let claims =
            "{\"aud\":[\"istio-ca\"],\"exp\":\(expiry),\"iss\":\"k?~>é\",\"sub\":\"system:serviceaccount:a:b\"}"
        let token = "\(encoded("{\"alg\":\"RS256\"}")).\(encoded(claims)).c2ln"
        let path = try folder.file("istio-token", token + "\n")
        let seen = try await observe("token", ["path": .text(path)], ["audience", "remaining"])
        XCTAssertEqual(seen.texts("audience"), ["istio-ca"])
        XCTAssertEqual(seen.text("issuer"), "k?~>é")
        XCTAssertEqual(seen["expires"], .time(Int64(expiry) * 1_000_000_000))
        XCTAssertEqual(seen["valid-now"], .bool(true))
        XCTAssertFalse("\(seen)".contains("c2ln"))
        for text in ["", "a.b", "a.b.c", "\(encoded("{"))." + encoded("[]") + ".x", String(repeating: ".", count: 100)]
        {
            let bad = try folder.file("bad", text)
            let error = try await failure("token", ["path": .text(bad)], ["audience"])
            XCTAssertEqual(error?.reason, .malformed, text)
            XCTAssertFalse("\(String(describing: error))".contains(text) && !text.isEmpty)
        }
    }

    /// ldd(1) is the oracle for the version.
    func testLibrary() async throws {
        let version = try TestSupport.run("getconf", ["GNU_LIBC_VERSION"]).output.split(separator: " ").last ?? ""
        let seen = try await observe(
            "libc", ["files": .list([.text("/bin/ls"), .text("/no/such")])], ["version", "satisfied"])
        XCTAssertEqual(seen.text("version"), version.trimmingCharacters(in: .whitespacesAndNewlines))
        XCTAssertEqual(seen["satisfied"], .bool(false))
        XCTAssertEqual(seen.texts("missing-files"), ["/no/such"])
        XCTAssertEqual(seen.texts("unsatisfied"), [])
        let folder = try TemporaryDirectory()
        let script = try folder.file("script", "#!/bin/sh\n")
        let error = try await failure("libc", ["files": .list([.text(script)])], ["satisfied"])
        XCTAssertEqual(error?.reason, .malformed)
    }

    /// Python's json module is the oracle for what is JSON.
    func testJSON() throws {
        var texts = [
            "{}", "[]", "null", "true", "1", "-0", "1.5e3", "\"a\"", " [1 , 2 ] ", "{\"a\":{\"b\":[null]}}", "", "{",
            "[1,]",
            "{\"a\"}", "01", "1.", ".5", "1e", "+1", "'a'", "[1 2]", "{\"a\":1,}", "nul", "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\x\"",
            "\"\u{1}\"", "\"a", "[", "]", "1 2", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "123456789012345678901234567890",
        ]
        var generator = SeededGenerator(seed: 17)
        let alphabet = Array("{}[]\",:0123456789.eE-+truefalsn\\u \n")
        for _ in 0..<2000 {
            let length = Int.random(in: 0...12, using: &generator)
            texts.append(String((0..<length).map { _ in alphabet.randomElement(using: &generator) ?? " " }))
        }
        let program = """
            import sys, json
            def no(x): raise ValueError(x)
            out = []
            for text in json.load(sys.stdin):
                try: json.loads(text, parse_constant=no); out.append(True)
                except ValueError: out.append(False)
            json.dump(out, sys.stdout)
            """
        let result = try TestSupport.run(
            "python3", ["-c", program], input: [UInt8](try JSONEncoder().encode(texts)))
        let expected = try JSONDecoder().decode([Bool].self, from: Data(result.standardOutput))
        XCTAssertEqual(expected.count, texts.count)
        for (text, isJSON) in zip(texts, expected) {
            let value = try? JSONReader.parse(Array(text.utf8))
            XCTAssertEqual(value != nil, isJSON, text.debugDescription)
        }
        XCTAssertEqual(try JSONReader.parse(Array("\"\\u00e9\\ud83d\\ude00\\n\"".utf8)), .text("é😀\n"))
        XCTAssertThrowsError(try JSONReader.parse(Array(String(repeating: "[", count: 100_000).utf8)))
        XCTAssertThrowsError(try JSONReader.parse([0x22, 0xff, 0x22]))
    }
}
