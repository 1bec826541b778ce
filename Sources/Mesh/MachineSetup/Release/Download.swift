import Files
import Processes

/// Downloads by curl(1): arguments as an array, the server's status checked, bounded in time and size.
struct Download: Sendable {
    /// Seconds for one file.
    let timeLimit: Int
    private let program: String

    /// - Throws: when there is no curl here.
    init(timeLimit: Int) throws(SetupProblems) {
        guard let program = ExecutablePath.find("curl") else {
            throw SetupProblems([
                SetupProblem(
                    .fault, "download a release", found: "curl is not installed here", remedy: "apt-get install curl")
            ])
        }
        self.program = program
        self.timeLimit = timeLimit
    }

    /// Gets a file; what is there of it already is gone on with where the server can.
    func file(_ url: String, to path: String, limit: Int) async throws(SetupProblems) {
        let isBegun = try size(path) > 0
        let (code, status, said) = try await curl(url, path, limit, resumes: isBegun)
        if code == 0 { return }
        // 33 and status 416: the server has no ranges, or the file is not the one that was begun.
        if isBegun, code == 33 || status == "416" {
            remove(path)
            return try await file(url, to: path, limit: limit)
        }
        let operation = "download \(url)"
        switch code {
        case 22:
            remove(path)
            throw SetupProblems([
                SetupProblem(
                    .unreachable, operation, found: "the server answers with status \(status)",
                    remedy: "look whether the release is published there")
            ])
        case 28:
            throw SetupProblems([
                SetupProblem(
                    .timedOut, operation, found: "not through within \(timeLimit) seconds",
                    remedy: "run it again: it goes on where it stopped")
            ])
        case 63:
            remove(path)
            throw SetupProblems([
                SetupProblem(.unreachable, operation, found: "more than \(limit) bytes", remedy: "look what is there")
            ])
        case 18:
            throw SetupProblems([
                SetupProblem(
                    .unreachable, operation, found: "the transfer ended after \(try size(path)) bytes",
                    remedy: "run it again: it goes on where it stopped")
            ])
        case 23:
            throw SetupProblems([
                SetupProblem(
                    .fault, operation, found: "\(path) cannot be written", remedy: "look for space there: df -h \(path)"
                )
            ])
        default:
            throw SetupProblems([
                SetupProblem(
                    .unreachable, operation, found: said.isEmpty ? "curl ends with status \(code)" : said,
                    remedy: "look whether the address is right and can be reached")
            ])
        }
    }

    /// Gets a small file.
    func bytes(_ url: String, in folder: String, limit: Int) async throws(SetupProblems) -> [UInt8] {
        let path = folder + "/.small.\(FileTree.processIdentifier).tmp"
        remove(path)
        defer { remove(path) }
        try await file(url, to: path, limit: limit)
        do throws(FileError) {
            // curl makes no file of an empty answer.
            if try FileStatus.ofIfExists(path, followLinks: false) == nil { return [] }
            return try FileTree.readWhole(path, limit: limit)
        } catch {
            throw Self.fault(path, error)
        }
    }

    private func curl(
        _ url: String, _ path: String, _ limit: Int, resumes: Bool
    ) async throws(SetupProblems) -> (code: Int32, status: String, said: String) {
        var options = SpawnOptions(executable: program)
        options.arguments = [
            "--disable", "--silent", "--show-error", "--fail", "--location", "--max-redirs", "10", "--proto",
            "=http,https,file", "--globoff", "--connect-timeout", "20", "--max-time", String(timeLimit),
            "--max-filesize", String(limit), "--write-out", "%{http_code}", "--output", path,
        ]
        if resumes { options.arguments += ["--continue-at", "-"] }
        options.arguments += ["--", url]
        do throws(ProcessError) {
            let output = try await ChildProcess.run(
                options, limits: RunLimits(time: .seconds(timeLimit + 10), outputBytes: 1 << 14))
            let said = String(decoding: output.standardError, as: UTF8.self).utf8.split(separator: 0x0a).last
                .map { String(decoding: $0, as: UTF8.self) }
            return (
                output.reason == .ended ? output.status.shellStatus : 28,
                String(decoding: output.standardOutput, as: UTF8.self), said ?? ""
            )
        } catch {
            throw SetupProblems([
                SetupProblem(.fault, "run \(program)", found: error.description, remedy: "look at its installation")
            ])
        }
    }

    private func size(_ path: String) throws(SetupProblems) -> Int64 {
        do throws(FileError) {
            return try FileStatus.ofIfExists(path, followLinks: false)?.size ?? 0
        } catch {
            throw Self.fault(path, error)
        }
    }

    /// What cannot be removed is found out by the next download, which cannot write it either.
    private func remove(_ path: String) { try? FileTree.remove(path) }

    static func fault(_ path: String, _ error: FileError) -> SetupProblems {
        SetupProblems([
            SetupProblem(.fault, "use \(path)", found: error.description, remedy: "look for space and rights there")
        ])
    }
}
