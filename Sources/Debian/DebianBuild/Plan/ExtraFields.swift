import DebianFormat
import Platform

/// Fields of the control paragraph that `fields:` cannot set, or whose values dpkg checks.
package enum ExtraFields {
    /// Fields that follow from keys of the specification.
    private static let keys: [String: String] = [
        "package": "package", "source": "source", "version": "version", "architecture": "architectures",
        "architecture-variant": "architecture-variant",
        "maintainer": "maintainer", "section": "section", "priority": "priority", "homepage": "homepage",
        "multi-arch": "multi-arch", "essential": "essential", "description": "summary' and 'description",
        "depends": "depends", "pre-depends": "pre-depends", "recommends": "recommends", "suggests": "suggests",
        "enhances": "enhances", "breaks": "breaks", "conflicts": "conflicts", "replaces": "replaces",
        "provides": "provides", "built-using": "built-using",
    ]

    /// Fields of dpkg's own database and of repositories: dpkg refuses them in a package, or takes them for its own.
    private static let foreign: Set<String> = [
        "status", "config-version", "conffiles", "triggers-pending", "triggers-awaited", "filename", "msdos-filename",
        "size", "md5sum", "sha1", "sha256", "sha512", "revision", "package-revision", "package_revision",
        "recommended", "optional", "class",
    ]

    /// Fields that say yes or no.
    private static let switches: Set<String> = ["protected", "important", "build-essential"]

    /// What is wrong with a field, and what to do.
    package static func fault(_ name: String, _ value: String) -> (code: String, message: String, help: String?)? {
        let lower = name.lowercased()
        if let key = keys[lower] {
            return ("field-taken", "field '\(name)' has a key of its own", "use '\(key)' instead of 'fields'")
        }
        if lower == "installed-size" {
            return ("field-taken", "field '\(name)' is computed", "leave it out")
        }
        if foreign.contains(lower) {
            return (
                "field-foreign", "field '\(name)' is not one of a package",
                "it belongs to dpkg's database or to a repository: leave it out"
            )
        }
        if switches.contains(lower), value != "yes", value != "no" {
            return ("field-value", "field '\(name)' is '\(value)'", "write 'yes' or 'no'")
        }
        if lower == "static-built-using" {
            do throws(FormatError) {
                _ = try RelationField(parsing: value, field: .staticBuiltUsing)
            } catch {
                return ("relation", "\(name): \(error)", "see Policy 7.8, e.g. 'rustc (= 1.63.0)'")
            }
        }
        return nil
    }
}
