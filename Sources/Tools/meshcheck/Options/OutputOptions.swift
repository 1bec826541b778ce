import ArgumentParser
import Reports

/// A report to write: `FORMAT` or `FORMAT=FILE`.
struct ReportRequest: ExpressibleByArgument, Hashable {
    var format: ReportFormat
    /// nil for standard output.
    var file: String?

    init(format: ReportFormat, file: String? = nil) {
        self.format = format
        self.file = file
    }

    init?(argument: String) {
        let name = argument.utf8.prefix { $0 != UInt8(ascii: "=") }
        guard let format = ReportFormat(rawValue: String(decoding: name, as: UTF8.self)) else { return nil }
        self.format = format
        if name.count < argument.utf8.count {
            let file = String(decoding: argument.utf8.dropFirst(name.count + 1), as: UTF8.self)
            guard !file.isEmpty else { return nil }
            self.file = file == "-" ? nil : file
        }
    }
}

/// Which reports go where.
struct OutputOptions: ParsableArguments {
    @Option(
        name: .customLong("format"),
        help: ArgumentHelp(
            "A report and where it goes; repeatable. Formats: "
                + ReportFormat.allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: ", ") + ".",
            discussion: "At most one format can go to standard output. When all of them go to files, the terminal's "
                + "report is still written to standard output, unless --quiet.",
            valueName: "format[=file]"))
    var requests: [ReportRequest] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where the format without a file goes, in place of standard output.", valueName: "file"))
    var output: String?

    @Flag(name: .shortAndLong, help: "Name checks that passed or were skipped as well.")
    var verbose = false

    @Flag(name: .shortAndLong, help: "No progress, and no report on standard output that was not asked for.")
    var quiet = false

    func validate() throws {
        let open = requests.filter { $0.file == nil }
        if open.count > 1 {
            throw ValidationError(
                "the formats \(open.map(\.format.rawValue).joined(separator: " and ")) would both go to standard "
                    + "output: give all but one a file, such as --format \(open[1].format.rawValue)=FILE")
        }
        if output != nil, !requests.isEmpty, open.isEmpty {
            throw ValidationError("--output has no report to take: every --format has its own file")
        }
        var files: Set<String> = []
        for file in requests.compactMap(\.file) + (output.map { [$0] } ?? []) where !files.insert(file).inserted {
            throw ValidationError("two reports would go to the file '\(file)'")
        }
        if requests.contains(where: { $0.format == .events && ($0.file != nil || output != nil) }) {
            throw ValidationError("the format events is written while the run goes on, and to standard output only")
        }
    }

    /// What to write, with files and defaults put in.
    var reports: [ReportRequest] {
        var reports = requests.map { request in
            ReportRequest(format: request.format, file: request.file ?? output)
        }
        if requests.isEmpty {
            reports.append(ReportRequest(format: .terminal, file: output))
        } else if !quiet, output == nil, reports.allSatisfy({ $0.file != nil }) {
            reports.append(ReportRequest(format: .terminal))
        }
        return reports
    }

    /// Whether events are written while the run goes on.
    var writesEvents: Bool { requests.contains { $0.format == .events } }
}
