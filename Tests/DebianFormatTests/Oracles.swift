import Foundation
import TestSupport
import XCTest

/// Asks Debian's own programs about many texts in few processes.
enum Oracle {
    /// Runs a Perl script that answers each line of its input with one line.
    ///
    /// Lines are percent-encoded both ways, so that texts may hold anything.
    static func perl(_ modules: [String], _ script: String, _ texts: [String]) throws -> [String] {
        try requireProgram("perl")
        for module in modules
        where try TestSupport.run("perl", ["-M" + module, "-e", "1"]).status != 0 {
            throw XCTSkip("Perl has no \(module)")
        }
        let whole = """
            use strict; use warnings; no warnings; binmode(STDIN); binmode(STDOUT);
            while (my $line = <STDIN>) {
                chomp $line;
                my $text = $line; $text =~ s/%([0-9a-f]{2})/chr(hex($1))/ge;
                my $answer = eval { \(script) };
                $answer = "fault" unless defined $answer;
                $answer =~ s/([^!-\\$&-~ ])/sprintf("%%%02x", ord($1))/ge;
                print "$answer\\n";
            }
            """
        let result = try TestSupport.run(
            "perl", modules.map { "-M" + $0 } + ["-e", whole],
            input: Array(texts.map { encoded($0) + "\n" }.joined().utf8))
        let answers = result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(decoded)
        guard answers.count == texts.count else {
            throw OracleFault("\(answers.count) answers to \(texts.count) texts: \(result.errors)")
        }
        return answers
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "%")
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Runs a program once for each list of arguments and tells which ended with status 0.
    static func accepts(_ program: String, _ arguments: [[String]]) throws -> [Bool] {
        try requireProgram(program)
        let script = """
            open(STDERR, ">", "/dev/null");
            system { $arguments[0] } @arguments; $? == 0 ? "y" : "n"
            """
        let lines = arguments.map { ([program] + $0).joined(separator: "\u{1}") }
        return try perl([], "my @arguments = split /\\x01/, $text, -1; " + script, lines).map { $0 == "y" }
    }
}

struct OracleFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A folder that dpkg-deb(1) makes a package of.
final class PackageFolder {
    private let directory: TemporaryDirectory
    var folder: String { directory.path + "/package" }
    var package: String { directory.path + "/package.deb" }

    static let control = """
        Package: probe
        Version: 1
        Architecture: all
        Maintainer: A B <a@example.org>
        Description: probe

        """

    init() throws {
        try requireProgram("dpkg-deb")
        directory = try TemporaryDirectory()
        try directory.file("package/etc/probe", "x\n")
    }

    /// Builds with the given members of the control archive.
    func build(_ members: [String: String] = [:]) throws -> RunResult {
        try? FileManager.default.removeItem(atPath: folder + "/DEBIAN")
        for (name, text) in members.merging(["control": Self.control], uniquingKeysWith: { first, _ in first }) {
            try directory.file("package/DEBIAN/" + name, text)
        }
        return try TestSupport.run(
            "dpkg-deb", ["--root-owner-group", "-Znone", "--build", folder, package], environment: ["LC_ALL": "C"])
    }

    /// The value of a field, as dpkg-deb(1) reads it from the package.
    func field(_ name: String) throws -> String {
        let result = try TestSupport.run("dpkg-deb", ["--field", package, name])
        return result.output
    }

    /// Unpacks the package below a root of its own and checks its files.
    func unpackAndVerify() throws -> (unpack: RunResult, verify: RunResult) {
        try requireRoot()
        let root = try TemporaryDirectory()
        for folder in ["info", "updates", "triggers"] { try root.directory("var/lib/dpkg/" + folder) }
        try root.file("var/lib/dpkg/status", "")
        try root.file("var/lib/dpkg/available", "")
        let options = ["--root=" + root.path, "--log=/dev/null", "--force-unsafe-io", "--no-triggers"]
        return (
            try TestSupport.run("dpkg", options + ["--unpack", package], environment: ["LC_ALL": "C"]),
            try TestSupport.run("dpkg", options + ["--verify", "probe"], environment: ["LC_ALL": "C"])
        )
    }
}

extension SeededGenerator {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// The offset of the error that a parser throws.
func faultOffset(_ parse: () throws -> Void) -> Int? {
    do { try parse() } catch { return (error as? FormatErrorOffset)?.offset }
    return nil
}

protocol FormatErrorOffset { var offset: Int { get } }
