import Foundation
import MeshProbes
import Probes
import TestSupport
import XCTest

/// Foundation has a type of this name as well.
typealias Host = Probes.Host

/// Looks at a subject as the runner does.
func observe(
    _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>, on host: Host = Host(),
    within limit: Duration = .seconds(30), as user: String? = nil
) async throws -> Observation {
    let type = try XCTUnwrap(ProbeCatalogue.mesh.probe(kind), kind)
    let request = ProbeRequest(
        parameters: parameters, attributes: attributes, deadline: .now + limit, user: user)
    let observation = try await type.init(host: host).observe(request)
    // What is asked for has to be there, or it does not exist.
    let isThere = observation.attributes["exists"] ?? observation.attributes["installed"] ?? .bool(true)
    if isThere == .bool(true) {
        let known = Set(type.kind.attributes.map(\.name))
        XCTAssertEqual(Set(observation.attributes.keys).subtracting(known), [], "undeclared attributes of \(kind)")
    }
    return observation
}

/// The reason that a look fails with.
func failure(
    _ kind: String, _ parameters: [String: Value], _ attributes: Set<String>, on host: Host = Host(),
    within limit: Duration = .seconds(30), as user: String? = nil, file: StaticString = #filePath, line: UInt = #line
) async throws -> ProbeError? {
    do {
        let observation = try await observe(kind, parameters, attributes, on: host, within: limit, as: user)
        XCTFail("expected an error, found \(observation)", file: file, line: line)
        return nil
    } catch let error as ProbeError {
        return error
    }
}

extension Observation {
    /// An attribute.
    subscript(name: String) -> Value? { attributes[name] }

    /// The texts of an attribute.
    func texts(_ name: String) -> [String] {
        guard case .list(let items)? = attributes[name] else { return [] }
        return items.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    /// The text of an attribute.
    func text(_ name: String) -> String? {
        if case .text(let text)? = attributes[name] { text } else { nil }
    }

    /// The number of an attribute.
    func integer(_ name: String) -> Int64? {
        if case .integer(let number)? = attributes[name] { number } else { nil }
    }

    /// The moment of an attribute in seconds since 1970.
    func seconds(_ name: String) -> Double? {
        if case .time(let nanoseconds)? = attributes[name] { Double(nanoseconds) / 1e9 } else { nil }
    }

    /// An entry of an attribute that is a map.
    func entry(_ name: String, _ key: String) -> Value? {
        if case .map(let entries)? = attributes[name] { entries[key] } else { nil }
    }
}

/// A program that runs until the test has done with it, ended by its number in any case.
final class Service {
    let process = Process()
    private let output = Pipe()
    /// Open for as long as the service runs: openssl's server ends with its input.
    private let input = Pipe()
    private var buffer: [UInt8] = []

    /// - Parameter user: the user that it runs as, by number.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        guard let path = programPath(program) else { throw XCTSkip("\(program) is not installed") }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = input
        try process.run()
    }

    var pid: Int32 { process.processIdentifier }

    /// The next line that it prints.
    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { throw ServiceFailure(description: "the service ended") }
            buffer += data
        }
    }

    func stop() {
        guard process.isRunning else { return }
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    deinit { stop() }
}

struct ServiceFailure: Error, CustomStringConvertible {
    var description: String
}

/// A server of a few lines of Python, which prints its port first.
func pythonServer(_ program: String, arguments: [String] = []) throws -> (service: Service, port: Int) {
    let python = try realPython()
    let prelude = """
        import socket, sys, threading, time, struct
        def tcp(handle, host='127.0.0.1'):
            s = socket.socket(); s.bind((host, 0)); s.listen(256)
            print(s.getsockname()[1], flush=True)
            while True:
                c, _ = s.accept()
                threading.Thread(target=handle, args=(c,), daemon=True).start()
        def request(c):
            data = b''
            while b'\\r\\n\\r\\n' not in data:
                more = c.recv(65536)
                if not more: return data
                data += more
            return data

        """
    let service = try Service(python, ["-u", "-c", prelude + program] + arguments)
    return (service, try XCTUnwrap(Int(try service.line())))
}

/// Python itself: what stands on PATH may be a script that starts it, and would survive it.
private func realPython() throws -> String {
    try requireProgram("python3")
    let result = try TestSupport.run("python3", ["-c", "import sys; print(sys.executable)"])
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
}
