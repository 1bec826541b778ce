import XCTest

/// What istio-iptables.sh makes of each setting, as the kernel has it afterwards.
final class RedirectionRulesTests: XCTestCase {
    private static let redirect = "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001"

    private static let defaults = """
        -A OUTPUT -p tcp -j ISTIO_OUTPUT
        -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ISTIO_REDIRECT
        -A ISTIO_OUTPUT -m owner --uid-owner 999 -j RETURN
        -A ISTIO_OUTPUT -m owner --uid-owner 0 -j RETURN
        -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
        -A ISTIO_OUTPUT -j ISTIO_REDIRECT
        -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
        """

    private static let guide = """
        -A PREROUTING -p tcp -j ISTIO_INBOUND
        -A OUTPUT -p tcp -j ISTIO_OUTPUT
        -A ISTIO_INBOUND -p tcp -m tcp --dport 22 -j RETURN
        -A ISTIO_INBOUND -p tcp -m tcp --dport 27017 -j ISTIO_REDIRECT
        -A ISTIO_INBOUND -p tcp -m tcp --dport 3306 -j ISTIO_REDIRECT
        -A ISTIO_INBOUND -p tcp -m tcp --dport 8080 -j ISTIO_REDIRECT
        -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ISTIO_REDIRECT
        -A ISTIO_OUTPUT -m owner --uid-owner 999 -j RETURN
        -A ISTIO_OUTPUT -m owner --uid-owner 0 -j RETURN
        -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
        -A ISTIO_OUTPUT -d 10.63.240.0/20 -j ISTIO_REDIRECT
        -A ISTIO_OUTPUT -j RETURN
        -A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
        """

    private func check(
        _ machine: Machine, _ expected: String, environment: [String: String] = [:], line: UInt = #line
    ) throws {
        try check(machine, [], expected, environment: environment, line: line)
    }

    private func check(
        _ machine: Machine, _ arguments: [String], _ expected: String, environment: [String: String] = [:],
        line: UInt = #line
    ) throws {
        let result = try machine.run(machine.binaries + "/istio-iptables.sh", arguments, environment: environment)
        XCTAssertEqual(result.status, 0, result.errors, line: line)
        XCTAssertEqual(try machine.rules(), expected, line: line)
    }

    func testDefaults() throws {
        try onEachBackend { machine in
            try check(machine, Self.defaults)
            XCTAssertEqual(try machine.chains(), ["ISTIO_OUTPUT", "ISTIO_REDIRECT"])
        }
    }

    func testGuide() throws {
        try onEachBackend { machine in
            try machine.cluster("ISTIO_SERVICE_CIDR=10.63.240.0/20\n")
            try machine.sidecar("ISTIO_INBOUND_PORTS=27017,3306,8080\n")
            try check(machine, Self.guide)
        }
    }

    func testPort() throws {
        let expected = Self.defaults.replacingOccurrences(of: "15001", with: "15009")
        try onEachBackend { machine in
            try check(machine, ["-p", "15009"], expected)
            try check(machine, ["-p15009"], expected)
            try machine.sidecar("ENVOY_PORT=15009\n")
            try check(machine, expected)
            // An option wins over the files, and the files over the environment.
            try check(machine, expected, environment: ["ENVOY_PORT": "15008"])
            try check(machine, ["-p", "15001"], Self.defaults)
        }
    }

    func testUsers() throws {
        let one = Self.defaults.replacingOccurrences(of: "-A ISTIO_OUTPUT -m owner --uid-owner 0 -j RETURN\n", with: "")
            .replacingOccurrences(of: "999", with: "1337")
        let two = one.replacingOccurrences(
            of: "--uid-owner 1337 -j RETURN\n",
            with: "--uid-owner 1337 -j RETURN\n-A ISTIO_OUTPUT -m owner --uid-owner 1338 -j RETURN\n")
        try onEachBackend { machine in
            try check(machine, ["-u", "1337"], one)
            try check(machine, ["-u", "1337, 1338"], two)
            try machine.sidecar("ENVOY_UID=1337\n")
            try check(machine, one)
            try machine.sidecar("ENVOY_USER=bin\n")
            try check(
                machine, Self.defaults.replacingOccurrences(of: "--uid-owner 999", with: "--uid-owner 2"))
        }
    }

    func testRanges() throws {
        let expected = Self.defaults.replacingOccurrences(
            of: "-A ISTIO_OUTPUT -j ISTIO_REDIRECT\n",
            with: """
                -A ISTIO_OUTPUT -d 10.63.240.0/20 -j ISTIO_REDIRECT
                -A ISTIO_OUTPUT -d 192.0.2.7/32 -j ISTIO_REDIRECT
                -A ISTIO_OUTPUT -j RETURN

                """)
        try onEachBackend { machine in
            try check(machine, ["-i", "10.63.240.0/20,192.0.2.7"], expected)
            try machine.cluster("ISTIO_SERVICE_CIDR='10.63.240.0/20 , 192.0.2.7'\n")
            try check(machine, expected)
            try check(machine, ["-i", ""], Self.defaults)
            // The machine can take back what the cluster says.
            try machine.sidecar("ISTIO_SERVICE_CIDR=\n")
            try check(machine, Self.defaults)
        }
    }

    func testAllInboundPorts() throws {
        func expected(_ excluded: [Int]) -> String {
            let head = """
                -A PREROUTING -p tcp -j ISTIO_INBOUND
                -A OUTPUT -p tcp -j ISTIO_OUTPUT
                -A ISTIO_INBOUND -p tcp -m tcp --dport 22 -j RETURN

                """
            let ports = excluded.map { "-A ISTIO_INBOUND -p tcp -m tcp --dport \($0) -j RETURN\n" }.joined()
            let tail = Self.defaults.replacingOccurrences(of: "-A OUTPUT -p tcp -j ISTIO_OUTPUT\n", with: "")
            return head + ports + "-A ISTIO_INBOUND -p tcp -j ISTIO_REDIRECT\n" + tail
        }
        try onEachBackend { machine in
            try machine.sidecar("ISTIO_INBOUND_PORTS=*\n")
            try check(machine, expected([]))
            try machine.sidecar("ISTIO_INBOUND_PORTS='*'\nISTIO_LOCAL_EXCLUDE_PORTS=9100,9101\n")
            try check(machine, expected([9100, 9101]))
            try machine.sidecar("ISTIO_INBOUND_PORTS=*\nISTIO_INBOUND_EXCLUDE_PORTS=9102\n")
            XCTAssertTrue(try machine.iptables().errors.contains("former name of ISTIO_LOCAL_EXCLUDE_PORTS"))
            try check(machine, expected([9102]))
            try machine.sidecar(
                "ISTIO_INBOUND_PORTS=*\nISTIO_LOCAL_EXCLUDE_PORTS=9100\nISTIO_INBOUND_EXCLUDE_PORTS=9102\n")
            try check(machine, expected([9100, 9102]))
        }
    }

    func testMachineWinsOverCluster() throws {
        try onEachBackend { machine in
            try machine.cluster(
                "ISTIO_SERVICE_CIDR=10.63.240.0/20\nISTIO_INBOUND_PORTS=1,2\nENVOY_PORT=15002\n")
            try machine.sidecar("ENVOY_PORT=15001\nexport ISTIO_INBOUND_PORTS=\"27017,3306,8080\" # ours\n")
            try check(machine, Self.guide)
        }
    }

    func testInboundChainGoesWithItsPorts() throws {
        try onEachBackend { machine in
            try machine.sidecar("ISTIO_INBOUND_PORTS=80\n")
            try machine.iptables()
            XCTAssertEqual(try machine.chains(), ["ISTIO_INBOUND", "ISTIO_OUTPUT", "ISTIO_REDIRECT"])
            try machine.sidecar("")
            try check(machine, Self.defaults)
            XCTAssertEqual(try machine.chains(), ["ISTIO_OUTPUT", "ISTIO_REDIRECT"])
        }
    }

    func testRepeatedRunsLeaveOneJumpEach() throws {
        try onEachBackend { machine in
            try machine.sidecar("ISTIO_INBOUND_PORTS=27017,3306,8080\nISTIO_SERVICE_CIDR=10.63.240.0/20\n")
            for _ in 0..<4 { try check(machine, Self.guide) }
            // What a careless hand or another version added goes as well.
            try machine.restore(
                "-A OUTPUT -p tcp -j ISTIO_OUTPUT", "-I OUTPUT -m comment --comment \"by hand\" -j ISTIO_OUTPUT",
                "-A PREROUTING -p tcp -j ISTIO_REDIRECT")
            try check(machine, Self.guide)
        }
    }

    func testForeignRulesStay() throws {
        try onEachBackend { machine in
            try machine.restore(
                ":FOREIGN - [0:0]", "-A FOREIGN -p udp -j RETURN",
                "-A OUTPUT -p tcp -m tcp --dport 9 -m comment --comment \"uses -j ISTIO_OUTPUT\" -j FOREIGN",
                "-A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE")
            let foreign = try machine.rules()
            for _ in 0..<2 { try machine.iptables() }
            let kept = try machine.rules().split(separator: "\n").filter { foreign.contains($0) }
            XCTAssertEqual(kept.joined(separator: "\n"), foreign)
            let result = try machine.iptables("clean")
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertEqual(try machine.rules(), foreign)
            XCTAssertEqual(try machine.chains(), ["FOREIGN"])
        }
    }

    func testCleanInAnyPosition() throws {
        try onEachBackend { machine in
            for arguments in [["clean"], ["-p", "15009", "clean"], ["clean", "-u", "5"], ["-i", "", "clean"]] {
                try machine.iptables()
                let result = try machine.run(machine.binaries + "/istio-iptables.sh", arguments)
                XCTAssertEqual(result.status, 0, result.errors)
                XCTAssertEqual(try machine.rules(), "", "\(arguments)")
                XCTAssertEqual(try machine.chains(), [])
            }
            // With nothing there, and with settings that could not be used.
            try machine.sidecar("$(nonsense)\n")
            XCTAssertEqual(try machine.iptables("clean").status, 0)
        }
    }

    func testCleanKeepsChainThatAForeignRuleNames() throws {
        try onEachBackend { machine in
            try machine.iptables()
            try machine.restore(":FOREIGN - [0:0]", "-A FOREIGN -p tcp -j ISTIO_REDIRECT")
            let result = try machine.iptables("clean")
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertTrue(result.errors.contains("chain FOREIGN has a rule that names it"), result.errors)
            XCTAssertEqual(try machine.rules(), "-A FOREIGN -p tcp -j ISTIO_REDIRECT")
        }
    }

    func testDryRunPrintsAndChangesNothing() throws {
        try onEachBackend { machine in
            let result = try machine.iptables("--dry-run")
            XCTAssertEqual(result.status, 0, result.errors)
            XCTAssertTrue(result.output.hasPrefix("*nat\n") && result.output.hasSuffix("\nCOMMIT\n"))
            XCTAssertTrue(result.output.contains(Self.redirect))
            XCTAssertEqual(try machine.rules(), "")
            // What is printed is what is restored.
            let restored = try machine.run("iptables-restore", ["--noflush"], input: result.output)
            XCTAssertEqual(restored.status, 0, restored.errors)
            XCTAssertEqual(try machine.rules(), Self.defaults)
        }
    }
}
