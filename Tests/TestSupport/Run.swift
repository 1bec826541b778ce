import Foundation
import XCTest

/// What a program did.
public struct RunResult: Sendable {
    /// The exit status; 128 and the signal's number when a signal ended it.
    public var status: Int32
    /// What it wrote to standard output.
    public var standardOutput: [UInt8]
    /// What it wrote to standard error.
    public var standardError: [UInt8]
    /// Standard output as text.
    public var output: String { String(decoding: standardOutput, as: UTF8.self) }
    /// Standard error as text.
    public var errors: String { String(decoding: standardError, as: UTF8.self) }

    /// The output of a command that has to succeed.
    @discardableResult
    public func check(file: StaticString = #filePath, line: UInt = #line) throws -> String {
        XCTAssertEqual(status, 0, output + errors, file: file, line: line)
        return output
    }
}

/// The path of a program on PATH.
public func programPath(_ name: String) -> String? {
    if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    for folder in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"] {
        let candidate = folder + "/" + name
        if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
    }
    return nil
}

/// Runs a program to its end, with its arguments as an array.
///
/// - Parameters:
///   - environment: added to the present one.
///   - input: what it reads from standard input.
public func run(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:],
    workingDirectory: String? = nil, input: [UInt8]? = nil
) throws -> RunResult {
    guard let path = programPath(program) else { throw XCTSkip("\(program) is not installed") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let workingDirectory { process.currentDirectoryURL = URL(fileURLWithPath: workingDirectory) }
    // Files, not pipes: two pipes would have to be drained at the same time.
    let folder = try TemporaryDirectory()
    let outputPath = folder.path + "/out"
    let errorPath = folder.path + "/err"
    let inputPath = folder.path + "/in"
    for (path, contents) in [(outputPath, []), (errorPath, []), (inputPath, input ?? [])] {
        try Data(contents).write(to: URL(fileURLWithPath: path))
    }
    guard let output = FileHandle(forWritingAtPath: outputPath), let errors = FileHandle(forWritingAtPath: errorPath),
        let source = FileHandle(forReadingAtPath: inputPath)
    else { throw CocoaError(.fileReadUnknown) }
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = source
    try process.run()
    process.waitUntilExit()
    try output.close()
    try errors.close()
    let status = process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    return RunResult(
        status: status, standardOutput: [UInt8](try Data(contentsOf: URL(fileURLWithPath: outputPath))),
        standardError: [UInt8](try Data(contentsOf: URL(fileURLWithPath: errorPath))))
}

/// Skips the test when a program is missing.
public func requireProgram(_ name: String) throws {
    if programPath(name) == nil { throw XCTSkip("\(name) is not installed") }
}

/// Skips the test when it does not run as root.
public func requireRoot() throws {
    if getuid() != 0 { throw XCTSkip("needs root") }
}

/// The root of this repository.
public let repositoryRoot: String = {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { folder.deleteLastPathComponent() }
    return folder.path
}()

/// A product of this package, built in the folder that the tests run from.
public func productPath(_ name: String) -> String {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
    let folder = bundle ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    return folder.appendingPathComponent(name).path
}
