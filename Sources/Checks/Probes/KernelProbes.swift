import Files
import Glibc
import Platform

/// Settings of the kernel.
struct SysctlProbe: Probe {
    static let kind = SubjectKind(
        "sysctl", "A setting of the running kernel (sysctl(8)).", mainParameter: "name",
        parameters: [
            .init(
                "name", .text,
                "Name, such as net.ipv4.ip_forward; a dot in a part is written as a slash, as sysctl(8) has it.",
                isRequired: true, form: .sysctl)
        ],
        attributes: [
            .init("exists", .bool, "Whether the kernel has it."),
            .init("value", .text, "The value, without the newline at its end."),
            .init("number", .integer, "The value as a number; null if it is not one."),
            .init("values", .list(.text), "The words of the value, for settings with several."),
            .init(
                "span", .integer,
                "How many numbers there are from the first to the last, for settings with two; else null."),
            .init(
                "free-ports", .integer,
                "For net.ipv4.ip_local_port_range: how many of its ports are not in net.ipv4.ip_local_reserved_ports; else null."
            ),
            .init(
                "at-boot", .text,
                "The value that the files of sysctl.d(5) give it at boot; null if none of them names it. Patterns are not looked at."
            ),
            .init("at-boot-number", .integer, "The same as a number; null if it is not one."),
            .init(
                "at-boot-free-ports", .integer,
                "The same as `free-ports`, if a file gives either setting a value; else null."),
            .init("at-boot-line", .text, "The line that says so, with its file."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let file = host.path("/proc/sys/" + (try Self.path(of: name)))
        let bytes = try await host.pool(for: request).run("read \(name)", until: request.deadline) {
            () throws(ProbeError) -> [UInt8]? in
            guard let facts = try FileFacts.read(file, followLinks: true), facts.type == "file" else { return nil }
            // Some can only be written, by root too.
            guard facts.permissions & 0o444 != 0 else {
                throw ProbeError(
                    .denied, "read \(name)", expected: "a setting that can be read",
                    found: "one that can only be written (mode \(facts.mode))")
            }
            return try SystemFile.read(file)
        }
        guard let bytes else {
            return Observation(["exists": .bool(false)], evidence: ["the kernel has no setting \(name)"])
        }
        let value = Ascii.trimmedAtEnd(bytes[...])
        let bounds = Ascii.words(value).map { Int64(Ascii.text($0)) }
        var span: Int64?
        if bounds.count == 2, let first = bounds[0], let last = bounds[1], first <= last,
            case let (difference, false) = last.subtractingReportingOverflow(first)
        {
            span = difference &+ 1
        }
        var free: Int?
        if name == LocalPorts.rangeSetting, request.wants("free-ports") {
            let host = host
            free = try await BlockingPool.files.run("read reserved ports", until: request.deadline) {
                () throws(ProbeError) in try LocalPorts.read { host.path($0) }.free
            }
        }
        var line: BootSettings.Line?
        var freeAtBoot: Int?
        if request.wants("at-boot", "at-boot-number", "at-boot-free-ports", "at-boot-line") {
            let host = host
            let settings = try await host.systemFact("boot-settings", "read sysctl.d", since: nil) {
                () throws(ProbeError) in BootSettings.read { host.path($0) }
            }
            line = settings.lines[try Self.path(of: name)]
            if name == LocalPorts.rangeSetting {
                var ports = try await BlockingPool.files.run("read the range of ports", until: request.deadline) {
                    () throws(ProbeError) in try LocalPorts.read { host.path($0) }
                }
                let reserved = settings.lines["net/ipv4/ip_local_reserved_ports"]
                line = line ?? reserved
                ports.range = settings.lines["net/ipv4/ip_local_port_range"]?.value ?? ports.range
                ports.reserved = reserved?.value ?? ports.reserved
                if line != nil { freeAtBoot = ports.free }
            }
        }
        return Observation(
            [
                "exists": .bool(true), "value": .text(Ascii.text(value)),
                "number": .integer(Int64(Ascii.text(value))),
                "values": .texts(Ascii.words(value).map { Ascii.text($0) }), "span": .integer(span),
                "free-ports": .integer(free), "at-boot": .text(orNull: line?.value),
                "at-boot-number": .integer(line.flatMap { Int64($0.value) }),
                "at-boot-free-ports": .integer(freeAtBoot),
                "at-boot-line": .text(orNull: line?.shown),
            ], evidence: ["\(name) = \(Ascii.text(value).shortened())"] + (line.map { ["at boot: \($0.shown)"] } ?? []))
    }

    /// The path below /proc/sys. Where a dot comes first, dots part the name and a slash stands for a dot; else the other
    /// way around.
    static func path(of name: String) throws(ProbeError) -> String {
        let separators: [UInt8] = [UInt8(ascii: "."), UInt8(ascii: "/")]
        let isDotted = name.utf8.first { separators.contains($0) } == separators[0]
        let bytes = name.utf8.map { byte in
            guard isDotted, let index = separators.firstIndex(of: byte) else { return byte }
            return separators[1 - index]
        }
        let parts = bytes.split(separator: separators[1], omittingEmptySubsequences: false)
        guard !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0.first != separators[0] }) else {
            throw ProbeError(
                .invalid, "read the name of a setting", expected: "a name such as net.ipv4.ip_forward",
                found: "'\(name.shortened())'")
        }
        return Ascii.text(bytes)
    }
}

/// The settings of the kernel that files give at boot (sysctl.d(5)).
struct BootSettings: Sendable {
    struct Line: Sendable, Hashable {
        var file: String
        var number: Int
        var name: String
        var value: String
        var shown: String { "\(file):\(number): \(name) = \(value)" }
    }

    /// The line that comes last, by the path of the setting below /proc/sys.
    private(set) var lines: [String: Line] = [:]

    /// Reads them.
    static func read(path: (String) -> String) -> BootSettings {
        var files: [String: String] = [:]
        for folder in ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"] {
            let names: [String]
            do throws(FileError) { names = try FileTree.children(of: path(folder)) } catch { continue }
            for name in names where name.endsBytewise(".conf") && files[name] == nil {
                files[name] = folder + "/" + name
            }
        }
        var settings = BootSettings()
        for (_, file) in files.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let bytes: [UInt8]
            do throws(FileError) { bytes = try FileTree.readWhole(path(file), limit: 1 << 20) } catch { continue }
            for (index, line) in Bytes.lines(bytes).enumerated() {
                let text = Ascii.trimmed(line.drop { $0 == UInt8(ascii: "-") })
                guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";"),
                    let equals = text.firstIndex(of: UInt8(ascii: "="))
                else { continue }
                let name = Ascii.text(Ascii.trimmed(text[..<equals]))
                // A name with a pattern in it, or none at all, sets nothing that is asked for.
                let place: String
                do throws(ProbeError) { place = try SysctlProbe.path(of: name) } catch { continue }
                let value = Ascii.text(Ascii.trimmed(text[(equals + 1)...]))
                settings.lines[place] = Line(file: file, number: index + 1, name: name, value: value)
            }
        }
        return settings
    }
}

/// The ports that connections of this host come from (ip-sysctl in the kernel's documentation).
package struct LocalPorts: Sendable, Hashable {
    static let rangeSetting = "net.ipv4.ip_local_port_range"
    /// The first and last of them as the kernel prints them.
    package var range: String
    /// The reserved ports, as the kernel prints them: `8080,9148-9150`.
    package var reserved: String

    /// How many ports are left.
    package var free: Int {
        let bounds = Ascii.words(Array(range.utf8)[...]).compactMap { Bytes.decimal($0) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else { return 0 }
        var free = Int(bounds[1] - bounds[0] + 1)
        for part in reserved.utf8.split(separator: UInt8(ascii: ",")) {
            let ends = part.split(separator: UInt8(ascii: "-")).compactMap { Bytes.decimal(Ascii.trimmed($0)) }
            guard let first = ends.first, let last = ends.last else { continue }
            free -= Int(max(0, min(last, bounds[1]) - max(first, bounds[0]) + 1))
        }
        return max(0, free)
    }

    /// Reads them.
    ///
    /// - Parameter place: maps a path of the host to one of this process.
    package static func read(_ place: (String) -> String = { $0 }) throws(ProbeError) -> LocalPorts {
        func text(_ name: String) throws(ProbeError) -> String {
            Ascii.text(Ascii.trimmed((try SystemFile.read(place("/proc/sys/net/ipv4/" + name)) ?? [])[...]))
        }
        return LocalPorts(
            range: try text("ip_local_port_range"), reserved: try text("ip_local_reserved_ports"))
    }
}

extension ParameterForm {
    /// The name of a setting of the kernel.
    static let sysctl = ParameterForm { request throws(ProbeError) in
        _ = try SysctlProbe.path(of: try request.requiredText(name))
    }
}

/// Modules of the kernel.
struct KernelModuleProbe: Probe {
    static let kind = SubjectKind(
        "kernel-module", "A module of the running kernel.", mainParameter: "name",
        parameters: [.init("name", .text, "Name; - and _ are the same.", isRequired: true)],
        attributes: [
            .init("exists", .bool, "Whether the kernel has it, loaded or built in."),
            .init("loaded", .bool, "Whether it is loaded (lsmod(8))."),
            .init("built-in", .bool, "Whether it is part of the kernel itself; null where modules.builtin is missing."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let host = host
        let wanted = Self.normal(name.utf8)
        let (loaded, builtIn) = try await BlockingPool.files.run("look for module \(name)", until: request.deadline) {
            () throws(ProbeError) in
            // A kernel without modules has no table of them.
            let table = try SystemFile.read(host.path("/proc/modules"), limit: 4 << 20) ?? []
            let loaded = Bytes.lines(table).contains { Self.normal($0.prefix { $0 != Ascii.space }) == wanted }
            let release = Ascii.trimmedAtEnd((try SystemFile.read(host.path("/proc/sys/kernel/osrelease")) ?? [])[...])
            let folder = host.path("/lib/modules/\(Ascii.text(release))")
            let list = try SystemFile.read(folder + "/modules.builtin", limit: 16 << 20)
            let builtIn = list.map { list in
                Bytes.lines(list).contains { line in
                    // kernel/net/ipv4/tcp_cubic.ko
                    let file = line.split(separator: UInt8(ascii: "/")).last ?? []
                    return Self.normal(file.prefix { $0 != UInt8(ascii: ".") }) == wanted
                }
            }
            return (loaded, builtIn)
        }
        return Observation(
            [
                "exists": .bool(loaded || builtIn ?? false), "loaded": .bool(loaded),
                "built-in": builtIn.map { .bool($0) } ?? .null,
            ],
            evidence: [
                loaded ? "\(name) is loaded" : builtIn == true ? "\(name) is built in" : "\(name) is not loaded"
            ])
    }

    private static func normal(_ name: some Collection<UInt8>) -> [UInt8] {
        name.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }
}
