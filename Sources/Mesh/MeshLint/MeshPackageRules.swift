import Archive
import DebianArchive
import DebianFormat
import DebianLint
import MeshContract
import Platform

/// Rules for what the three packages ship and how they relate.
enum MeshPackageRules {
    static let all = [
        administratorsFiles, agentOfSameVersion, recommendations, sidecarConflict, logRotation, contractFiles,
        certificateDirectory, environmentOwner, adminAddress, certificateAuthorities,
    ]

    static let administratorsFiles = LintRule(
        "DB0701", .error, "a file of the administrator is shipped",
        remedy: "leave it out: the administrator copies cluster.env, kubedns and certificates",
        reference: "mesh contract, files of the machine"
    ) { entry, _ in
        MeshPaths.administratorsFiles.contains(entry.path) || entry.path.startsBytewise(certificateFolder)
    } message: { _ in
        "belongs to the administrator"
    }

    private static let certificateFolder = MeshPaths.certificates + "/"

    static let agentOfSameVersion = LintRule(
        "DB0702", .error, "istio-proxy does not depend on the agent of its version",
        remedy: "add 'istio-agent (= VERSION)' to Depends: without the agent a bare Envoy starts",
        reference: "mesh contract, the three packages"
    ) { subject in
        guard subject.name == MeshPackage.proxy.name else { return [] }
        guard let relation = subject.relation(.depends, to: MeshPackage.agent.name) else {
            return [.init("Depends", "does not name \(MeshPackage.agent.name)")]
        }
        let isSame = relation.constraint.map {
            $0.relationship == .equal && $0.version.description == subject.image.control["Version"]
        }
        return isSame == true ? [] : [.init("Depends", "has '\(relation)', which allows an agent of another version")]
    }

    static let recommendations = LintRule(
        "DB0703", .warning, "istio-proxy does not recommend what a mesh machine needs",
        remedy: "add it to Recommends", reference: "mesh contract, the three packages"
    ) { subject in
        guard subject.name == MeshPackage.proxy.name else { return [] }
        return [MeshPackage.nodeAgent.name, "dnsmasq", "bind9-host"].filter { package in
            !subject.relates(.recommends, to: package) && !subject.depends(on: package)
        }.map { .init("Recommends", "does not name '\($0)'", remedy: "add '\($0)' to Recommends") }
    }

    static let sidecarConflict = LintRule(
        "DB0704", .error, "files of istio-sidecar without a conflict with it",
        remedy: "add istio-sidecar to Conflicts, and to Replaces if this package is to take its place",
        reference: "Debian Policy 7.4 and 7.6, mesh contract"
    ) { subject in
        let owned = [
            MeshPaths.envoy, MeshPaths.pilotAgent, MeshPaths.startScript, MeshPaths.unitPath(MeshNames.istioUnit),
            MeshPaths.sidecarEnvironment,
        ]
        let earlier = MeshPackage.earlierSidecar
        guard subject.name != earlier, let shared = owned.first(where: { subject.entries[$0] != nil }) else {
            return []
        }
        if subject.relates(.conflicts, to: earlier) { return [] }
        if subject.relates(.breaks, to: earlier), subject.relates(.replaces, to: earlier) { return [] }
        return [.init("Conflicts", "does not name \(earlier), which owns '\(shared)' too")]
    }

    static let logRotation = LintRule(
        "DB0707", .warning, "log directory without rotation",
        remedy: "ship /etc/logrotate.d/PACKAGE for it, with copytruncate where the service keeps the file open",
        reference: "Debian Policy 10.8"
    ) { subject in
        var directories = ScriptActionRules.variableDirectories(subject)
        for entry in subject.image.entries where entry.isDirectory && entry.path.startsBytewise("/var/log/") {
            directories.insert(entry.path)
        }
        let rotations = subject.image.entries.filter { $0.path.startsBytewise("/etc/logrotate.d/") }.compactMap(\.text)
            .map {
                String(decoding: $0, as: UTF8.self)
            }
        // Bounded: a hostile package may have as many directories as it likes.
        return directories.filter { $0.startsBytewise("/var/log/") }.sorted().prefix(200).filter { directory in
            !rotations.contains { $0.containsBytewise(directory) }
        }.map { .init($0, "is a log directory that no file in /etc/logrotate.d rotates") }
    }

    static let contractFiles = LintRule(
        "DB0709", .error, "a file of the mesh contract is missing or different",
        remedy: "ship it at its path with its mode", reference: "mesh contract, the three packages"
    ) { subject in
        guard let package = subject.contract else { return [] }
        var found: [LintRule.Observation] = []
        for required in package.files {
            guard let entry = subject.entries[required.path] else {
                found.append(.init(required.path, "is not shipped by \(package.name)"))
                continue
            }
            if !entry.isRegularFile { found.append(.init(required.path, "is not a regular file")) }
            if entry.permissions != required.permissions {
                found.append(
                    .init(
                        required.path,
                        "has the mode \(ModeText.octal(entry.permissions)) "
                            + "(must be \(ModeText.octal(required.permissions)))"))
            }
            if required.isConffile, !subject.conffiles.contains(required.path) {
                found.append(.init(required.path, "is edited on every machine and no conffile"))
            }
        }
        return found
    }

    static let certificateDirectory = LintRule(
        "DB0711", .error, "certificates are readable by others, or nothing creates their directory",
        remedy: "make /etc/certs with mode 0750 or 0700 for istio-proxy, by tmpfiles.d or in postinst",
        reference: "mesh contract, certificates"
    ) { subject in
        var found: [LintRule.Observation] = []
        let path = MeshPaths.certificates
        var isMade = false
        if let entry = subject.entries[path] {
            isMade = true
            if !entry.isDirectory || entry.permissions & 0o027 != 0 {
                found.append(.init(path, "has the mode \(ModeText.octal(entry.permissions))"))
            }
        }
        for words in subject.temporaryFileLines where words.count > 2 && words[1] == path {
            isMade = true
            let mode = UInt16(words[2].drop { $0 == "~" || $0 == ":" }, radix: 8)
            if let mode, mode & 0o027 != 0 { found.append(.init(path, "gets the mode \(ModeText.octal(mode))")) }
            if let user = TemporaryFiles.user(words), user != MeshNames.user {
                found.append(.init(path, "goes to user '\(user)'"))
            }
        }
        for script in subject.scripts.values {
            let makers = script.commands(running: ["mkdir", "install"])
            if makers.contains(where: { $0.words.contains(path) || $0.words.contains(path + "/") }) { isMade = true }
        }
        if subject.name == MeshPackage.nodeAgent.name, !isMade, !subject.depends(on: MeshPackage.proxy.name) {
            found.append(.init(path, "is written by the node agent, but nothing creates it"))
        }
        return found
    }

    static let environmentOwner = LintRule(
        "DB0717", .error, "env files that root's scripts read can be changed by others",
        remedy: "keep /var/lib/istio, its folder envoy and the env files with root:root, not writable by others",
        reference: "mesh contract, env files"
    ) { subject in
        // Who owns the folder above can put another in its place.
        let directories = [MeshPaths.home, MeshPaths.environmentFolder]
        var found = subject.image.entries.filter { entry in
            let isEnvironment =
                directories.contains { EntryPaths.parent(of: entry.path) == $0 } && entry.path.endsBytewise(".env")
            guard directories.contains(entry.path) || isEnvironment else { return false }
            return entry.owner.id != 0 || !["", "root"].contains(entry.owner.name) || entry.permissions & 0o022 != 0
        }.map { entry in
            LintRule.Observation(
                entry.path, "belongs to \(OwnerText.of(entry.owner)) with the mode \(ModeText.octal(entry.permissions))"
            )
        }
        for words in subject.temporaryFileLines where words.count > 1 && directories.contains(words[1]) {
            guard let user = TemporaryFiles.user(words), user != "root", user != "0" else { continue }
            found.append(.init(words[1], "goes to user '\(user)' by tmpfiles.d"))
        }
        for (name, script) in subject.scripts {
            for command in script.commands(running: ["chown"]) {
                let arguments = command.arguments.filter { !$0.startsBytewise("-") }
                guard let owner = arguments.first, !owner.startsBytewise("root"), !owner.startsBytewise("0") else {
                    continue
                }
                let isRecursive = command.arguments.contains { $0.startsBytewise("-") && $0.contains("R") }
                let reached = arguments.dropFirst().first { argument in
                    let path = argument.endsBytewise("/") ? String(argument.dropLast()) : argument
                    return directories.contains(path)
                        || (isRecursive && directories.contains { $0.startsBytewise(path + "/") })
                }
                if let reached {
                    found.append(.init(name.rawValue, "line \(command.line) gives '\(reached)' to '\(owner)'"))
                }
            }
        }
        return found
    }

    static let adminAddress = LintRule(
        "DB0708", .error, "Envoy's administration listens on every address",
        remedy: "bind it to 127.0.0.1", reference: "Envoy's administration interface, mesh contract"
    ) { subject in
        subject.image.entries.compactMap { entry in
            guard entry.path.endsBytewise(".json"), let text = entry.text,
                let admin = JSONText.object(of: "admin", in: text)
            else { return nil }
            guard let address = ["0.0.0.0", "[::]", "\"::\""].first(where: { admin.contains($0) }) else { return nil }
            return .init(entry.path, "has the admin address \(address)")
        }
    }

    static let certificateAuthorities = LintRule(
        "DB0721", .info, "a program that speaks TLS without ca-certificates",
        remedy: "add ca-certificates to Depends or Recommends", reference: "Debian Policy 7.2"
    ) { subject in
        let programs = [MeshPackage.proxy.name, MeshPackage.agent.name]
        guard programs.contains(subject.name), !subject.depends(on: "ca-certificates"),
            !subject.relates(.recommends, to: "ca-certificates"), !subject.depends(on: MeshPackage.agent.name)
        else { return [] }
        return [.init("Depends", "does not name ca-certificates")]
    }
}

/// Lines of tmpfiles.d(5).
enum TemporaryFiles {
    /// The user of a line; nil for root by default. A leading colon limits it to what is newly created.
    static func user(_ words: [String]) -> String? {
        guard words.count > 3 else { return nil }
        let user = words[3].drop { $0 == ":" }
        return user == "-" || user.isEmpty ? nil : String(user)
    }
}

/// Just enough of JSON (RFC 8259) to cut one object out of a text.
enum JSONText {
    /// The text of the first object that is the value of a key; nil without one.
    static func object(of key: String, in bytes: [UInt8]) -> String? {
        var index = 0
        var awaitsValue = false
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                let start = index + 1
                index = endOfString(bytes, from: start)
                awaitsValue = String(decoding: bytes[start..<min(index, bytes.count)], as: UTF8.self) == key
                index += 1
            case UInt8(ascii: "{") where awaitsValue:
                return String(decoding: bytes[index..<endOfObject(bytes, from: index)], as: UTF8.self)
            case UInt8(ascii: ":"), UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                index += 1
            default:
                awaitsValue = false
                index += 1
            }
        }
        return nil
    }

    private static func endOfString(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }

    private static func endOfObject(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        var level = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): index = endOfString(bytes, from: index + 1)
            case UInt8(ascii: "{"): level += 1
            case UInt8(ascii: "}"):
                level -= 1
                if level == 0 { return index + 1 }
            default: break
            }
            index += 1
        }
        return bytes.count
    }
}
