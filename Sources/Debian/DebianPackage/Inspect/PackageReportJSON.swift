import Archive
import DebianFormat
import ELF
import Documents

extension PackageReport {
    /// For programs; checksums are always there, the texts of scripts when the options ask for them.
    public var json: JSONValue {
        let conffiles = LintSubject.conffilePaths(image)
        return .object([
            ("file", image.fileName.map(JSONValue.string) ?? .null),
            ("members", .array(image.members.map(Self.json))),
            ("control", .object(image.control.fields.map { ($0.name, .string($0.value)) })),
            (
                "installedSize",
                .object([
                    ("stated", Self.stated(image.control["Installed-Size"])),
                    ("computed", .int(Int(image.computedInstalledSize))),
                ])
            ),
            ("controlFiles", .array(image.controlFiles.map(controlFile))),
            ("entries", .array(image.entries.map { Self.json($0, isConffile: conffiles.contains($0.path)) })),
        ])
    }

    private static func stated(_ text: String?) -> JSONValue {
        text.flatMap { Int($0) }.map(JSONValue.int) ?? .null
    }

    private static func json(_ member: PackageImage.Member) -> JSONValue {
        .object([
            ("name", .string(member.name)), ("size", .int(Int(member.size))),
            ("compression", .string(member.compression)),
            ("unpackedSize", member.unpackedSize.map { .int(Int($0)) } ?? .null),
            ("modificationTime", .int(Int(member.modificationTime))),
        ])
    }

    private func controlFile(_ file: ControlFile) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(file.name)), ("mode", .string(ModeText.octal(file.permissions))),
            ("size", .int(file.bytes.count)),
        ]
        if options.showsScripts { members.append(("text", .string(file.text))) }
        return .object(members)
    }

    private static func json(_ entry: ImageEntry, isConffile: Bool) -> JSONValue {
        var members: [(String, JSONValue)] = [("path", .string(entry.path)), ("type", .string(entry.typeName))]
        if let size = entry.size { members.append(("size", .int(Int(size)))) }
        if let target = entry.linkTarget { members.append(("target", .string(target))) }
        members += [
            ("mode", .string(ModeText.octal(entry.permissions))), ("owner", .string(entry.owner.name)),
            ("ownerId", .int(Int(entry.owner.id))), ("group", .string(entry.group.name)),
            ("groupId", .int(Int(entry.group.id))), ("modificationTime", .int(Int(entry.modificationTime))),
            ("conffile", .bool(isConffile)),
        ]
        if let md5 = entry.md5 { members.append(("md5", .string(md5))) }
        if let sha256 = entry.sha256 { members.append(("sha256", .string(sha256))) }
        if let elf = entry.elf { members.append(("elf", json(elf))) }
        if let problem = entry.malformedELF { members.append(("malformedELF", .string(problem))) }
        return .object(members)
    }

    private static func json(_ elf: ELFFile) -> JSONValue {
        .object([
            ("machine", .string("\(elf.machine)")), ("type", .string("\(elf.type)")),
            ("interpreter", elf.interpreter.map(JSONValue.string) ?? .null),
            ("needed", .array(elf.needed.map(JSONValue.string))),
            (
                "versionNeeds",
                .array(
                    elf.versionNeeds.map { need in
                        .object([
                            ("library", .string(need.library)),
                            ("versions", .array(need.versions.map(JSONValue.string))),
                        ])
                    })
            ),
            ("soname", elf.soname.map(JSONValue.string) ?? .null),
            ("buildId", elf.buildID.map(JSONValue.string) ?? .null),
            ("runPath", elf.runPath.map(JSONValue.string) ?? .null), ("static", .bool(elf.isStatic)),
            ("stripped", .bool(elf.isStripped)),
            ("executableStack", .bool(elf.hasExecutableStack)),
        ])
    }
}
