import DebianArchive
import DebianFormat
import Files
import Glibc
import Processes

/// An executable product of a Swift package: compiled for release with the static standard library and stripped.
///
/// `swift build` takes a second or more even with nothing to do; when neither a source file nor the product has changed
/// since it last ran, it is not asked.
struct SwiftProduct {
    let name: String
    let packageDirectory: String?
    let architecture: Architecture
    let swiftSDK: String?
    /// What the workspace adds to ``flags``.
    let options: [String]
    let cache: BuildCache
    let announce: @Sendable (String) -> Void

    /// The arguments of every product's build. `Scripts/build` reads them, so that its builds share one folder with these.
    static let flags = [
        "--configuration", "release", "--static-swift-stdlib", "-Xlinker", "-s", "-Xlinker", "--no-export-dynamic",
    ]

    /// The path of the executable.
    func build() async throws(PayloadError) -> String {
        if architecture != .host, swiftSDK == nil {
            throw .productArchitecture(product: name, wanted: architecture, host: .host)
        }
        guard let packageDirectory else {
            throw .missing(path: "Package.swift", nearest: nil)
        }
        do {
            let fingerprint = try sourceFingerprint(packageDirectory)
            let recordPath = cache.directory + "/products/" + recordName(packageDirectory)
            if let path = try recordedProduct(recordPath, fingerprint: fingerprint) { return path }
            var arguments = ["build", "--package-path", packageDirectory, "--product", name] + Self.flags + options
            if let swiftSDK { arguments += ["--swift-sdk", swiftSDK] }
            announce("compiling \(name) for \(architecture)")
            let purpose = "compile the product '\(name)'"
            let build = try await Program.run("swift", arguments, purpose: purpose)
            guard build.status == 0 else {
                // SwiftPM writes the compiler's messages to standard output.
                throw PayloadError.productBuild(
                    product: name, status: build.status, output: String((build.output + build.errors).suffix(4000)))
            }
            let query = try await Program.run("swift", arguments + ["--show-bin-path"], purpose: purpose)
            guard query.status == 0 else {
                throw PayloadError.productBuild(product: name, status: query.status, output: query.errors)
            }
            let directory = query.output.split(separator: "\n").last.map(String.init) ?? ""
            let path = directory + "/" + name
            guard let status = try FileStatus.ofIfExists(path, followLinks: true) else {
                throw PayloadError.missing(path: path, nearest: NearestPath.existing(for: path))
            }
            do throws(FileError) {
                try record(recordPath, fingerprint: fingerprint, path: path, status: status)
            } catch {
                cache.report(error)
            }
            return path
        } catch let error as PayloadError {
            throw error
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .productBuild(product: name, status: -1, output: "\(error)")
        }
    }

    private func recordName(_ packageDirectory: String) -> String {
        let place = FileDigests.of(Array(packageDirectory.utf8)).sha256.prefix(16)
        return "\(name)-\(architecture)-\(place)"
    }

    /// A checksum over name, size, time and inode of everything that the compiler could read from the package.
    private func sourceFingerprint(_ packageDirectory: String) throws -> String {
        var lines: [String] = [(Self.flags + options).joined(separator: "\u{0}"), swiftSDK ?? ""]
        var folders = ["Sources"]
        for manifest in ["Package.swift", "Package.resolved"] {
            if let status = try FileStatus.ofIfExists(packageDirectory + "/" + manifest, followLinks: true) {
                lines.append(Self.line(manifest, status))
            }
        }
        while let folder = folders.popLast() {
            for child in try FileTree.children(of: packageDirectory + "/" + folder) {
                let path = folder + "/" + child
                let status = try FileStatus.of(packageDirectory + "/" + path, followLinks: false)
                if status.kind == .directory { folders.append(path) }
                if status.kind == .file { lines.append(Self.line(path, status)) }
            }
        }
        return FileDigests.of(Array(lines.joined(separator: "\n").utf8)).sha256
    }

    private static func line(_ path: String, _ status: FileStatus) -> String {
        "\(status.size) \(status.modificationSeconds).\(status.modificationNanoseconds) \(status.inode) \(path)"
    }

    private func recordedProduct(_ recordPath: String, fingerprint: String) throws -> String? {
        guard try FileStatus.ofIfExists(recordPath, followLinks: false) != nil else { return nil }
        let text = String(decoding: try FileTree.readWhole(recordPath, limit: 1 << 16), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 3, lines[0] == fingerprint,
            let status = try FileStatus.ofIfExists(lines[1], followLinks: true),
            Self.line("", status) == lines[2]
        else { return nil }
        return lines[1]
    }

    private func record(
        _ recordPath: String, fingerprint: String, path: String, status: FileStatus
    ) throws(FileError) {
        try FileTree.createDirectories(cache.directory + "/products")
        let file = try AtomicFile(target: recordPath)
        try file.write(text: "\(fingerprint)\n\(path)\n\(Self.line("", status))\n")
        try file.commit(.none)
    }
}

/// Runs another program with its arguments as an array.
enum Program {
    struct Outcome {
        /// The exit status, or 128 and the signal's number as shells count it.
        var status: Int32
        var output: String
        /// The last part of what it wrote to standard error, without the final newline.
        var errors: String
    }

    /// Enough for any compilation.
    private static let limits = RunLimits(time: .seconds(86400), outputBytes: 16 << 20)

    static func run(
        _ name: String, _ arguments: [String], purpose: String
    ) async throws(PayloadError) -> Outcome {
        guard let path = ExecutablePath.find(name) else { throw .programMissing(name, purpose: purpose) }
        let result: ProcessOutput
        do throws(ProcessError) {
            result = try await ChildProcess.run(
                SpawnOptions(executable: path, arguments: arguments), limits: limits, group: .inherit)
        } catch {
            throw .program(name, purpose: purpose, error)
        }
        if result.reason == .timeLimit {
            throw .program(name, purpose: purpose, ProcessError(step: .watch, subject: name, errno: ETIMEDOUT))
        }
        var errors = String(decoding: result.standardError, as: UTF8.self)[...]
        while errors.last?.isNewline == true { errors = errors.dropLast() }
        return Outcome(
            status: result.status.shellStatus, output: String(decoding: result.standardOutput, as: UTF8.self),
            errors: String(errors.suffix(8000)))
    }
}
