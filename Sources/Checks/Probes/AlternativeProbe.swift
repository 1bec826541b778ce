import Files
import Platform

/// Groups of update-alternatives(1).
struct AlternativeProbe: Probe {
    static let kind = SubjectKind(
        "alternative", "A group of update-alternatives(1).", mainParameter: "name",
        parameters: [
            .init("name", .text, "Name of the group, such as editor.", isRequired: true),
            .init("path", .text, "One of the choices, for `offered` and `chosen-otherwise`.", form: .path),
            .init("generic", .text, "The generic path that it should have, for `repair`.", form: .path),
            .init("priority", .integer, "The priority that `path` should have, for `repair`."),
        ],
        attributes: [
            .init("exists", .bool, "Whether there is such a group."),
            .init("link", .text, "The generic path, such as /usr/bin/editor."),
            .init("target", .text, "Where /etc/alternatives leads; null if nothing is there."),
            .init("manual", .bool, "Whether somebody has chosen, and not the priorities."),
            .init("choices", .list(.text), "The files to choose from."),
            .init("offered", .bool, "Whether `path` is one of the choices."),
            .init("chosen-otherwise", .bool, "Whether somebody has chosen another file than `path`."),
            .init(
                "intact", .bool,
                "Whether the generic path leads to /etc/alternatives, and that to a choice: the one with the highest "
                    + "priority, unless somebody has chosen."),
            .init("repair", .list(.text), "Commands that make the links and the choice `path`."),
        ])

    private let host: Host

    init(host: Host) { self.host = host }

    func observe(_ request: ProbeRequest) async throws(ProbeError) -> Observation {
        let name = try request.requiredText("name")
        let path = try request.text("path")
        guard !name.utf8.contains(UInt8(ascii: "/")), !name.startsBytewise(".") else {
            throw ProbeError(.invalid, "read parameter name", expected: "the name of a group", found: "'\(name)'")
        }
        let offer = Offer(
            name: name, generic: try request.text("generic"), path: path,
            priority: try request.integer("priority", in: -1_000_000...1_000_000))
        let host = host
        return try await BlockingPool.files.run("look at alternative \(name)", until: request.deadline) {
            () throws(ProbeError) in
            guard let bytes = try FileTree.readIfExists(host.path("/var/lib/dpkg/alternatives/\(name)"), limit: 1 << 20)
            else {
                return Observation(
                    ["exists": .bool(false), "offered": .bool(false), "repair": .texts(try offer.repair(nil, host))],
                    evidence: ["no alternatives for \(name)"])
            }
            guard let group = AlternativeGroup(bytes) else {
                throw ProbeError(
                    .malformed, "read the alternatives of \(name)", expected: "the format of update-alternatives",
                    found: "another one")
            }
            let middle = "/etc/alternatives/\(name)"
            let target = try FileFacts.linkTarget(of: host.path(middle))
            let generic = try FileFacts.linkTarget(of: host.path(group.link))
            let isRightChoice =
                group.isManual
                ? group.choices.contains { $0.path == target }
                : target != nil && group.choices.contains { $0.path == target && $0.priority == group.highestPriority }
            let isIntact = generic == middle && isRightChoice
            let isOffered = group.choices.contains { $0.path == path }
            return Observation(
                [
                    "exists": .bool(true), "link": .text(group.link), "target": .text(orNull: target),
                    "manual": .bool(group.isManual), "choices": .texts(group.choices.map(\.path)),
                    "offered": .bool(isOffered),
                    "chosen-otherwise": .bool(group.isManual && isOffered && target != path),
                    "intact": .bool(isIntact),
                    "repair": .texts(isIntact && (path == nil || isOffered) ? [] : try offer.repair(group, host)),
                ],
                evidence: [
                    "\(group.link): leads to \(generic ?? "nothing"), \(middle) to \(target ?? "nothing"), "
                        + (group.isManual ? "chosen by hand" : "chosen by priority")
                ])
        }
    }
}

/// A choice that a package offers.
private struct Offer: Sendable {
    var name: String
    var generic: String?
    var path: String?
    var priority: Int64?

    /// Commands that offer it where it is not, and make the links. What stands in their place is kept.
    func repair(_ group: AlternativeGroup?, _ host: Host) throws(ProbeError) -> [String] {
        var commands: [[String]] = []
        for place in [group?.link ?? generic, "/etc/alternatives/\(name)"].compactMap({ $0 }) {
            guard let facts = try FileFacts.read(host.path(place), followLinks: false), facts.type != "symlink" else {
                continue
            }
            commands.append(["mv", place, place + ".replaced"])
        }
        let isOffered = group?.choices.contains { $0.path == path } ?? false
        if !isOffered, let generic, let path, let priority {
            commands.append(["update-alternatives", "--install", generic, name, path, String(priority)])
        }
        commands.append(["update-alternatives", "--auto", name])
        return commands.map { words in words.map { ShellWord.quoted($0) ?? "''" }.joined(separator: " ") }
    }
}

/// A file of /var/lib/dpkg/alternatives: status, generic path, pairs of lines for followers up to an empty line; then for
/// each choice its path, its priority, and a line for each follower.
struct AlternativeGroup: Sendable {
    var isManual: Bool
    var link: String
    var choices: [(path: String, priority: Int64)] = []

    var highestPriority: Int64? { choices.map(\.priority).max() }

    init?(_ bytes: [UInt8]) {
        let lines = Bytes.lines(bytes).map { Ascii.text($0) }
        guard lines.count >= 2, ["auto", "manual"].contains(lines[0]) else { return nil }
        isManual = lines[0] == "manual"
        link = lines[1]
        guard let end = lines[2...].firstIndex(of: ""), (end - 2) % 2 == 0 else { return nil }
        let followers = (end - 2) / 2
        var index = end + 1
        while index + 1 < lines.count, !lines[index].isEmpty {
            guard let priority = Int64(lines[index + 1]) else { return nil }
            choices.append((lines[index], priority))
            index += 2 + followers
        }
    }
}
