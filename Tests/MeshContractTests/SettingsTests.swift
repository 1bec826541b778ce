import Foundation
import MeshContract
import TestSupport
import XCTest

final class SettingsTests: XCTestCase {
    /// The library of the shipped scripts reads each text, and our reader has to come to the same values or refuse too.
    func testFilesAsTheShippedScriptsReadThem() throws {
        try requireProgram("bash")
        try requireRoot()
        let folder = try TemporaryDirectory()
        var texts = [
            "A=1", "A=", "A='x y'", "A=\"x y\"", "export A=1", "export\tA=1", " A=1 ", "A=1 # c", "A=1# c", "A= # c",
            "A=#x", "A='a'b", "A=a'b'", "A=a b", "A=$B", "A='$B'", "A=`x`", "A=x # $(y)", "A=a\\", "A='a\\'",
            "A=\"a\\\"",
            "a=1", "aB=1", "1A=2", "A", "export A", "export A =1", "A =1", "A=a;b", "A=a&b", "A=(a)", "A=<a", "A==b",
            "# A=1",
            "\t# x", "A=1\r", "A=\u{1}", "A=1\nA=2", "A=1\nB=2\n", "A='x' 'y'", "A=''", "A=\"\"", "A='\"'", "A=\"'\"",
            "A=é", "A='é ü'", "export export A=1", "exportA=1", "A=~", "A=*", "A=a#b#c", "A='a' #b", "A='a'#b", "_=1",
            "_X9=z",
            "A=1\n\n\nB='$'", "A=\u{7f}", "=1", "A=a\tb", "A=a\t# b", "export=1", "EXPORT=1",
        ]
        var generator = SeededGenerator(seed: 11)
        let alphabet = Array("AB=ab '\"#$`\\;\t\n1_&exportEXPORT")
        for _ in 0..<300 {
            let length = Int.random(in: 0...16, using: &generator)
            let tail = String((0..<length).map { _ in alphabet.randomElement(using: &generator) ?? " " })
            texts.append(Bool.random(using: &generator) ? "A=" + tail : tail)
        }
        // One shell for all: it prints for each file the status and, NUL-terminated, names, values and export marks.
        let script = """
            for file in "$1"/*.env; do
                (
                    settings_parse "$file" "$file" 2>/dev/null
                    for name in "${!SETTINGS[@]}"; do
                        printf '%s\\0%s\\0%s\\0' "$name" "${SETTINGS[$name]}" "${EXPORTED[$name]-}"
                    done
                )
                printf '=%s\\0' $?
            done
            """
        for (index, text) in texts.enumerated() { try folder.file(String(format: "%04d.env", index), text) }
        let library = repositoryRoot + "/Packaging/istio-proxy/settings.sh"
        let result = try TestSupport.run(
            "bash", ["-c", ". \"$2\"; LC_ALL=C; \(script)", "bash", folder.path, library])
        var fields = result.standardOutput.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }[...]
        for text in texts {
            var values: [String: String] = [:]
            var exported: Set<String> = []
            while let field = fields.first, !field.hasPrefix("=") {
                let three = fields.prefix(3).map { $0 }
                fields = fields.dropFirst(3)
                values[three[0]] = three[1]
                if three[2] == "1" { exported.insert(three[0]) }
            }
            let status = fields.popFirst()
            let file = EnvironmentFile(text)
            XCTAssertEqual(file.isValid, status == "=0", "\(text.debugDescription): \(file.problems)")
            if file.isValid {
                XCTAssertEqual(file.values, values, text.debugDescription)
                XCTAssertEqual(file.exportedNames, exported, text.debugDescription)
            }
        }
    }

    func testProblemsNameTheirLines() {
        let file = EnvironmentFile("A=1\nnonsense\nB=$X\n\nc=1\nD=a\\\nE=1\r\n")
        XCTAssertEqual(file.problems.map(\.line), [2, 3, 5, 6, 7])
        XCTAssertEqual(
            file.problems.map(\.kind),
            [.notAnAssignment, .substitution, .ignoredName, .continuation, .controlCharacter])
        XCTAssertFalse(file.isValid)
        XCTAssertEqual(file.values, ["A": "1"])
        XCTAssertEqual(EnvironmentFile([0x41, 0x3d, 0xff]).problems.map(\.kind), [.notUTF8])
        XCTAssertEqual(EnvironmentFile([0x41, 0x3d, 0]).problems.map(\.kind), [.controlCharacter])
        XCTAssertTrue(EnvironmentFile("a=1").isValid)
        // A combining mark behind `=` or a quote is a byte like others.
        XCTAssertEqual(EnvironmentFile("A=\u{301}x")["A"], "\u{301}x")
        XCTAssertEqual(EnvironmentFile("A='x'\u{301}").problems.map(\.kind), [.notOneWord])
    }

    func testMachineWins() {
        let cluster = EnvironmentFile("ISTIO_SERVICE_CIDR=10.63.240.0/20\nISTIO_NAMESPACE=onprem\nexport X=1\nTYPO=1\n")
        let sidecar = EnvironmentFile(
            "ISTIO_INBOUND_PORTS=27017,3306,8080\nISTIO_SERVICE_CIDR='10.0.0.0/8, 10.1.0.0/16'\n")
        let settings = MeshSettings(cluster: cluster, sidecar: sidecar)
        XCTAssertEqual(settings.serviceRanges.map(\.description), ["10.0.0.0/8", "10.1.0.0/16"])
        XCTAssertEqual(settings.inboundPorts, .list([27017, 3306, 8080].map(PortRange.init)))
        XCTAssertEqual(settings.namespace, "onprem")
        XCTAssertEqual(settings.envoyPort, 15001)
        XCTAssertNil(settings.envoyUIDs)
        XCTAssertEqual(settings.unknownNames, ["TYPO"])
        XCTAssertTrue(settings.isValid)
        // An empty value takes back what the cluster says.
        let empty = MeshSettings(cluster: cluster, sidecar: EnvironmentFile("ISTIO_SERVICE_CIDR=\n"))
        XCTAssertEqual(empty.serviceRanges, [])
        XCTAssertEqual(
            MeshSettings(cluster: nil, sidecar: nil, environment: ["ENVOY_PORT": "15009"]).envoyPort, 15009)
    }

    func testBadValues() {
        let text = """
            ISTIO_SERVICE_CIDR=10.0.0.0/33,fd00::/8,x
            ISTIO_INBOUND_PORTS=80,,0,65536,080
            ENVOY_PORT=http
            ENVOY_UID=istio-proxy
            ISTIO_NAMESPACE=-x
            ISTIO_SVC_IP=fd00::1
            ISTIO_LOG_DIR=log
            """
        let settings = MeshSettings(cluster: EnvironmentFile(text), sidecar: nil)
        XCTAssertFalse(settings.isValid)
        XCTAssertEqual(settings.problems.filter { !$0.isWarning }.count, 12)
        let warned = MeshSettings(
            cluster: EnvironmentFile(
                "ISTIO_INBOUND_PORTS=22\nISTIO_INBOUND_EXCLUDE_PORTS=80\nISTIO_SVC_IP=127.0.1.1\n"),
            sidecar: nil)
        XCTAssertTrue(warned.isValid)
        XCTAssertEqual(warned.problems.count, 4)
    }

    private let guide = """
        server=/svc.cluster.local/10.150.0.7
        address=/istio-mixer/10.150.0.8
        address=/istio-pilot/10.150.0.6
        address=/istio-ca/10.150.0.9
        address=/istio-mixer.istio-system/10.150.0.8
        address=/istio-pilot.istio-system/10.150.0.6
        address=/istio-ca.istio-system/10.150.0.9

        """

    func testNamesOfTheGuide() throws {
        let file = KubeDNSFile(guide)
        XCTAssertTrue(file.isValid, "\(file.problems)")
        XCTAssertEqual(file.server?.description, "10.150.0.7")
        XCTAssertEqual(file.pilot?.description, "10.150.0.6")
        XCTAssertEqual(file.mixer?.description, "10.150.0.8")
        XCTAssertEqual(file.certificateAuthority?.description, "10.150.0.9")
        XCTAssertEqual(file.addresses.count, 6)
        XCTAssertEqual(file.empty, [])
    }

    func testNamesThatAreNotReady() {
        let empty = KubeDNSFile(guide.replacingOccurrences(of: "10.150.0.9", with: ""))
        XCTAssertEqual(empty.empty, ["istio-ca", "istio-ca.istio-system"])
        XCTAssertEqual(empty.problems.map(\.line), [4, 7])
        let host = KubeDNSFile(guide.replacingOccurrences(of: "10.150.0.6", with: "a1.elb.amazonaws.com"))
        XCTAssertEqual(host.problems.filter { $0.line != nil }.map(\.line), [3, 6])
        let short = KubeDNSFile("# nothing\nserver=10.0.0.1\nlisten-address=127.0.0.1\naddress=x\n")
        XCTAssertEqual(short.problems.count, 8)
        XCTAssertNil(short.server)
        XCTAssertEqual(KubeDNSFile("server=/svc.cluster.local/10.0.0.1#5353\n").servers.first?.port, 5353)
        let several = KubeDNSFile("address=/a/b/10.0.0.1\n")
        XCTAssertEqual(several.entries.map(\.domain), ["a", "b"])
    }
}
