import DebianArchive
import DebianFormat
import Platform

/// Rules for the file as an archive (deb(5)). The first ones stand for what the reader refuses, as dpkg-deb does.
enum ArchiveFormatRules {
    static let all = [
        notArchive, memberOrder, formatVersion, memberCompression, tarEntryType, path, control, corrupt, limits,
        zstd, obsoleteCompression, fileName, furtherMembers, skippedTexts,
    ]

    static let notArchive = LintRule(
        reading: "DB0601", "file is not an ar archive",
        remedy: "build it with debbuild or dpkg-deb; check a download's checksum",
        reference: "deb(5)", errors: [.notArchive])

    static let memberOrder = LintRule(
        reading: "DB0602", "members missing, repeated or out of order",
        remedy: "write debian-binary, control.tar and data.tar in this order", reference: "deb(5)",
        errors: [.memberOrder])

    static let formatVersion = LintRule(
        reading: "DB0603", "format version is not 2", remedy: "write '2.0' into debian-binary", reference: "deb(5)",
        errors: [.formatVersion])

    static let memberCompression = LintRule(
        reading: "DB0604", "compression of a member unknown or other than its name says",
        remedy: "name the member after its compression: .xz, .zst, .gz or nothing", reference: "deb(5)",
        errors: [.memberCompression])

    static let tarEntryType = LintRule(
        reading: "DB0605", "tar archive has headers that dpkg refuses",
        remedy: "write GNU or ustar format: no pax headers, sparse files or volume names", reference: "deb(5), tar(5)",
        errors: [.tarEntryType, .tarHeader])

    static let path = LintRule(
        reading: "DB0606", "path that dpkg refuses", remedy: "leave '..', empty names and newlines out of paths",
        reference: "dpkg(1)", errors: [.path])

    static let control = LintRule(
        reading: "DB0607", "control file missing or malformed",
        remedy: "ship './control' with one paragraph of 'Field: value' lines", reference: "deb-control(5)",
        errors: [.controlMissing, .controlMalformed])

    static let corrupt = LintRule(
        reading: "DB0608", "archive truncated or corrupt", remedy: "fetch or build it again", reference: "deb(5)",
        errors: [.corrupt])

    static let limits = LintRule(
        reading: "DB0609", "archive is larger than any sound package",
        remedy: "look for a compression bomb; where its size is meant, read it with --max-unpacked or --max-memory",
        reference: "deb(5)", errors: [.limit, .memory])

    static let zstd = LintRule(
        "DB0611", .info, "zstd needs a recent dpkg", remedy: "compress with xz for Debian 11 and its tools",
        reference: "deb(5), dpkg 1.21.18"
    ) { subject in
        subject.image.members.filter { $0.compression == "zstd" }.map {
            .init($0.name, "is compressed with zstd, which dpkg reads since 1.21.18")
        }
    }

    static let obsoleteCompression = LintRule(
        "DB0612", .warning, "obsolete compression", remedy: "compress with xz", reference: "deb(5), dpkg-deb(1)"
    ) { subject in
        subject.image.members.filter { $0.compression == "bzip2" || $0.compression == "lzma" }.map {
            .init($0.name, "is compressed with \($0.compression)")
        }
    }

    static let fileName = LintRule(
        "DB0613", .info, "file is not named after the package", remedy: "rename it",
        reference: "dpkg-name(1)"
    ) { subject in
        // Another rule reports a malformed version.
        guard let found = subject.image.fileName, let text = subject.image.control["Version"],
            let version = try? DebianVersion(text)
        else { return [] }
        let architecture = subject.image.control["Architecture-Variant"] ?? subject.image.control["Architecture"] ?? ""
        let expected = "\(subject.name)_\(version.withoutEpoch)_\(architecture).deb"
        return found == expected ? [] : [.init(found, "the package's own name is '\(expected)'")]
    }

    static let furtherMembers = LintRule(
        "DB0614", .info, "archive has further members", remedy: "leave them out: dpkg ignores them",
        reference: "deb(5)"
    ) { subject in
        subject.image.members.filter {
            $0.name != "debian-binary" && !$0.name.startsBytewise("control.tar") && !$0.name.startsBytewise("data.tar")
        }.map { .init($0.name, "is not a member of format 2.0") }
    }

    static let skippedTexts = LintRule(
        "DB0615", .info, "not every text was looked at", remedy: "raise the limit of texts that are kept",
        reference: "debbuild's own limits"
    ) { subject in
        var found: [LintRule.Observation] = []
        if subject.image.skippedTexts > 0 {
            found.append(
                .init(
                    "data.tar",
                    "\(subject.image.skippedTexts) small files were left out: rules for texts did not see them"))
        }
        if subject.unreadFiles > 0 {
            found.append(
                .init(
                    "data.tar",
                    "\(subject.unreadFiles) scripts, units and settings were left out: those before them are too many"))
        }
        return found
    }
}
