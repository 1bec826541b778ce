import Foundation
import TestSupport
import XCTest

/// A server on a machine of the test that answers every connection with one word.
final class Listener {
    private let process = Process()
    private let output = Pipe()

    /// Listens; it is ready when this returns.
    init(on machine: Machine, port: Int, answering word: String) throws {
        try requireProgram("perl")
        // The alarm ends it even if the test is killed.
        let program = """
            use IO::Socket::INET;
            $| = 1; alarm 300;
            my $server = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 16, ReuseAddr => 1)
                or die "cannot listen: $@";
            print "ready\\n";
            while (my $client = $server->accept) { print $client "$ARGV[1]\\n"; close $client; }
            """
        process.executableURL = URL(fileURLWithPath: programPath("ip") ?? "/sbin/ip")
        process.arguments = ["netns", "exec", machine.name, "perl", "-e", program, String(port), word]
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        XCTAssertEqual(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self), "ready\n")
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }
}

extension Machine {
    /// The line that a server answers to a connection of a user; empty if there is none.
    func ask(_ address: String, _ port: Int, as uid: UInt32) throws -> String {
        let script = "exec 3<>\"/dev/tcp/$0/$1\" && timeout 20 head -n 1 <&3"
        let result = try runAs(uid, "timeout", ["20", "bash", "-c", script, address, String(port)])
        return result.output.trimmingCharacters(in: .newlines)
    }

    /// Two machines on one wire: this one at 10.150.0.5, and the cluster at 10.150.0.1 with all of 10.63.0.0/16.
    func connect(to cluster: Machine) throws {
        try ip("link", "add", "name", "eth0", "type", "veth", "peer", "name", "eth0", "netns", cluster.name)
        try ip("address", "add", "10.150.0.5/24", "dev", "eth0")
        try ip("link", "set", "eth0", "up")
        try cluster.ip("address", "add", "10.150.0.1/24", "dev", "eth0")
        try cluster.ip("link", "set", "eth0", "up")
        try cluster.ip("route", "add", "local", "10.63.0.0/16", "dev", "lo")
        try ip("route", "add", "default", "via", "10.150.0.1")
    }
}
