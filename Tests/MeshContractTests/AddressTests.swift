import Foundation
import MeshContract
import Platform
import TestSupport
import XCTest

final class AddressTests: XCTestCase {
    /// Python's ipaddress module is the oracle for what is an address and how it is written.
    func testAddressesAsPythonReadsThem() throws {
        try requireProgram("python3")
        var generator = SeededGenerator(seed: 7)
        var texts = [
            "10.63.240.0", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "",
            "::", "::1", "1::", "2001:db8::1", "2001:db8:0:0:1:0:0:1", "fe80::1", "::ffff:10.0.0.1", "::10.0.0.1",
            ":::",
            "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:1.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1.2.3.4::", ":1", "1:", "::ffff:0:0", "0:0:0:0:0:0:0:0", "1:0:0:2::",
            "1::2:3:4:5:6:7", "::2:3:4:5:6:7:8", "+1.2.3.4", "1.2.3.-4", "1:2:3:4:5:6:7::",
        ]
        let alphabet = Array("0123456789abcdef:.::..")
        for _ in 0..<400 {
            let length = Int.random(in: 1...24, using: &generator)
            texts.append(String((0..<length).map { _ in alphabet.randomElement(using: &generator) ?? ":" }))
        }
        let program = """
            import sys, ipaddress, json
            out = []
            for text in json.load(sys.stdin):
                try:
                    a = ipaddress.ip_address(text)
                    s = str(a)
                    if a.version == 6 and a.ipv4_mapped: s = '::ffff:' + str(a.ipv4_mapped)
                    out.append(s)
                except ValueError:
                    out.append(None)
            json.dump(out, sys.stdout)
            """
        let input = try JSONEncoder().encode(texts)
        let result = try TestSupport.run("python3", ["-c", program], input: [UInt8](input))
        XCTAssertEqual(result.status, 0, result.errors)
        let expected = try JSONDecoder().decode([String?].self, from: Data(result.standardOutput))
        for (text, expected) in zip(texts, expected) {
            let address = IPAddress(text)
            XCTAssertEqual(address?.description, expected, text)
            if let address { XCTAssertEqual(IPAddress(bytes: address.bytes), address) }
        }
    }

    func testMembership() throws {
        let range = try XCTUnwrap(CIDR("10.63.240.0/20"))
        for text in ["10.63.240.0", "10.63.247.248", "10.63.255.255", "::ffff:10.63.243.30"] {
            XCTAssertTrue(range.contains(try XCTUnwrap(IPAddress(text))), text)
        }
        for text in ["10.63.239.255", "10.64.0.0", "10.60.1.4", "::1"] {
            XCTAssertFalse(range.contains(try XCTUnwrap(IPAddress(text))), text)
        }
        XCTAssertEqual(CIDR("10.63.243.30/20"), range)
        XCTAssertEqual(CIDR("192.0.2.7")?.description, "192.0.2.7/32")
        let all = try XCTUnwrap(CIDR("0.0.0.0/0"))
        XCTAssertTrue(all.contains(.v4(.max)))
        XCTAssertFalse(all.contains(.v6(1, 1)))
        let wide = try XCTUnwrap(CIDR("2001:db8::/33"))
        XCTAssertTrue(wide.contains(try XCTUnwrap(IPAddress("2001:db8:7fff::1"))))
        XCTAssertFalse(wide.contains(try XCTUnwrap(IPAddress("2001:db8:8000::1"))))
        let narrow = try XCTUnwrap(CIDR("2001:db8::/127"))
        XCTAssertTrue(narrow.contains(try XCTUnwrap(IPAddress("2001:db8::1"))))
        XCTAssertFalse(narrow.contains(try XCTUnwrap(IPAddress("2001:db8::2"))))
        for text in ["10.0.0.0/33", "10.0.0.0/", "/8", "10.0.0.0/08", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            XCTAssertNil(CIDR(text), text)
        }
    }

    func testKinds() throws {
        XCTAssertTrue(try XCTUnwrap(IPAddress("127.0.1.1")).isLoopback)
        XCTAssertTrue(try XCTUnwrap(IPAddress("::ffff:127.0.0.1")).isLoopback)
        XCTAssertTrue(try XCTUnwrap(IPAddress("::1")).isLoopback)
        XCTAssertTrue(try XCTUnwrap(IPAddress("169.254.1.1")).isLinkLocal)
        XCTAssertTrue(try XCTUnwrap(IPAddress("febf::1")).isLinkLocal)
        XCTAssertFalse(try XCTUnwrap(IPAddress("fec0::1")).isLinkLocal)
        XCTAssertTrue(try XCTUnwrap(IPAddress("::")).isUnspecified)
    }
}
