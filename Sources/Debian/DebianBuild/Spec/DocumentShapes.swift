import DebianFormat
import Documents
import Platform

/// What documents of a package are made of: its description, changelog and copyright file.
extension SpecShapes {
    static let descriptionFile: Shape<DescriptionSpec> = .object(
        "DescriptionFile", "A description that is read from a file.", as: { DescriptionSpec.file($0) }
    ) {
        required("file", text, "A file of the package folder.")
    }

    static let gitChangelog: Shape<ChangelogSpec> = .object(
        "GitChangelog", "A changelog with an entry for each tag, made of the commits since the one before.",
        as: { ChangelogSpec.git(GitChangelogSpec(source: $0, match: $1, distribution: $2, urgency: $3, range: $4)) }
    ) {
        required("git", .enumeration(GitChangelogSpec.Source.self), "What an entry is made of.", example: "tags")
        optional(
            "match", text,
            "Which tags are versions (default all); what stands before its first wildcard is not part of the version.",
            example: "release-*")
        optional("distribution", distribution, "The distribution of every entry (default unstable).")
        optional("urgency", .enumeration(Urgency.self), "The urgency of every entry (default medium).")
        place()
    }

    static let licensing: Field<LicenseSpec> = group(as: LicenseSpec.init) {
        optional(
            "license", license,
            "The licences as an SPDX expression; a machine-readable copyright file is made of it unless 'copyright' names "
                + "one.", example: "MIT OR Apache-2.0")
        optional(
            "copyright-holders", .list(of: text), default: [], "Who has the copyright, with the years.",
            example: "[2024-2026 A Team <team@example.org>]")
        optional(
            "license-file", .oneOf([text.map { .one($0) }, licenseFiles]),
            "The text of a licence that is not in /usr/share/common-licenses; for several, a mapping by licence.",
            example: "{MIT: LICENSE-MIT}")
    }

    private static let licenseFiles: Shape<LicenseSpec.Files> = Shape.located(.entries(of: text))
        .map { .several($0.value, $0.range) }

    private static let license = parsed(
        "SPDX expression",
        help: { text in SPDXExpression.suggestion(for: text).map { "did you mean '\($0)'?" } }
    ) { text throws(FormatError) in try SPDXExpression(parsing: text) }
}
