import DebianManifest
import Documents
import Platform

/// Items of `contents`.
extension SpecShapes {
    static let content: Shape<ContentSpec> = {
        let to = required("to", text, "Absolute path in the package; a folder if it ends in '/'.")
        let ownership = group(as: ContentSpec.Ownership.init) {
            optional("mode", .octalMode, "Permission bits in octal, setuid, setgid and sticky included.")
            optional("owner", text, "Owner by name (default root).")
            optional("group", text, "Group by name (default: as the owner).")
            foreignCode
        }
        let selection = group(as: ContentSpec.Selection.init) {
            optional(
                "include", .list(of: text), default: [],
                "Patterns of what is taken, as in gitignore(5); everything by default.")
            optional(
                "exclude", .list(of: text), default: [],
                "Patterns of what is left out, as in gitignore(5).")
            optional("rules", .list(of: rule), default: [], "Modes and owners by pattern; the last match wins.")
        }
        func file(
            _ key: String, _ name: String, _ doc: String,
            _ kind: @escaping @Sendable (Located<String>, Located<String>) -> ContentSpec.Kind
        ) -> (String, Shape<ContentSpec>) {
            let shape: Shape<ContentSpec> = .object(
                name, doc,
                as: { ContentSpec(kind: kind($0, $1), ownership: $2, capabilities: $3, strips: $4, range: $5) }
            ) {
                required(key, text, doc)
                to
                ownership
                optional(
                    "capabilities", capabilities,
                    "Capabilities that installation gives the file with setcap(8).",
                    example: "cap_net_bind_service=ep")
                strip(as: "package")
                place()
            }
            return (key, shape)
        }
        let tree = "A folder with its structure."
        let directory = "A directory, by its path in the package."
        let symlink = "A symbolic link, by its path in the package."
        let archive = "The entries of an archive of the package folder."
        return .keyed(
            by: [
                file("file", "File", "A file of the package folder, or a pattern of several such as 'bin/*'.") {
                    .file($0, to: $1)
                },
                file("conffile", "Conffile", "A file that the administrator may edit, or a pattern of several.") {
                    .conffile($0, to: $1)
                },
                file("payload", "PayloadItem", "A payload of the workspace, by name.") { .payload($0, to: $1) },
                (
                    "tree",
                    .object("Tree", tree, as: treeItem) {
                        required("tree", text, tree)
                        to
                        ownership
                        selection
                        absoluteLinks
                        strip(as: "package")
                        place()
                    }
                ),
                (
                    "directory",
                    .object(
                        "Directory", directory, as: { ContentSpec(kind: .directory($0), ownership: $1, range: $2) }
                    ) {
                        required("directory", text, directory)
                        ownership
                        place()
                    }
                ),
                (
                    "symlink",
                    .object(
                        "Symlink", symlink,
                        as: { ContentSpec(kind: .symlink($0, target: $1), ownership: .init(), range: $2) }
                    ) {
                        required("symlink", text, symlink)
                        required("target", text, "What the link points to.")
                        place()
                    }
                ),
                (
                    "archive",
                    .object(
                        "ArchiveItem", archive,
                        as: {
                            ContentSpec(
                                kind: .archive($0, to: $1, $3, stripComponents: $4), ownership: $2, strips: $5,
                                range: $6)
                        }
                    ) {
                        required("archive", text, archive)
                        to
                        ownership
                        selection
                        optional(
                            "strip-components", .integer(0...64), default: 0,
                            "Leading components that entry paths lose.")
                        strip(as: "package")
                        place()
                    }
                ),
            ] + SystemPlace.allCases.map(placed))
    }()

    private static func placed(_ kind: SystemPlace) -> (String, Shape<ContentSpec>) {
        let name = kind.rawValue.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        let shape: Shape<ContentSpec> = .object(
            "Placed\(name)", kind.explanation,
            as: { ContentSpec(kind: .placed($0, kind), ownership: .init(), range: $1) }
        ) {
            required(kind.rawValue, text, kind.explanation)
            place()
        }
        return (kind.rawValue, shape)
    }

    private static let absoluteLinks: Field<AbsoluteLinks> = optional(
        "absolute-links", .enumeration(AbsoluteLinks.self), default: .refuse,
        "Whether links in it may be absolute (default refuse).")

    @Sendable private static func treeItem(
        _ root: Located<String>, _ to: Located<String>, _ ownership: ContentSpec.Ownership,
        _ selection: ContentSpec.Selection, _ links: AbsoluteLinks, _ strips: Bool?, _ range: SourceRange?
    ) -> ContentSpec {
        ContentSpec(
            kind: .tree(root, to: to, selection), ownership: ownership, keepsAbsoluteLinks: links == .keep,
            strips: strips, range: range)
    }

    private static let rule: Shape<ContentRule> = .object(
        "Rule", "A mode or owner for what matches a pattern.", as: ContentRule.init
    ) {
        required("match", text, "A pattern; without '/' it is compared with the last component.")
        optional("mode", .octalMode, "Permission bits in octal.")
        optional("owner", text, "Owner by name.")
        optional("group", text, "Group by name.")
        optional("conffile", .boolean, default: false, "Whether matching files are conffiles.")
        foreignCode
        strip(as: "item")
    }

    private static func strip(as other: String) -> Field<Bool?> {
        optional("strip", .boolean, "Whether programs and libraries lose their symbols (default: as the \(other)).")
    }

    private static let foreignCode = optional(
        "foreign-machine-code", .enumeration(ForeignMachineCode.self),
        "Whether machine code for another architecture is allowed (default refuse).")
}
