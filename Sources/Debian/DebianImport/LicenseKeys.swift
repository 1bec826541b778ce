import DebianFormat
import Documents
import Files
import Platform

extension ForeignSpecification {
    /// The keys of which a copyright file is made; nil where none can be made, which has been reported.
    ///
    /// - Parameters:
    ///   - text: what the other specification calls the licence.
    ///   - holders: who has the copyright.
    ///   - file: the file with the licence, if the other specification names one.
    ///   - package: the package's folder.
    mutating func licenseKeys(
        _ text: String, holders: [String], file: String?, at node: YAMLNode, in package: String
    ) -> [SpecEntry]? {
        guard let (written, expression) = licenseExpression(text, at: node) else { return nil }
        let wanted = expression.licenses.filter(\.needsText)
        var files: [(license: SPDXLicense, path: String)] = []
        for license in wanted {
            guard
                let path = licenseFile(of: license, given: file, isOnly: wanted.count == 1, at: node)
            else {
                warn(
                    node, "the text of the licence '\(license)' is not found",
                    help: "add 'license: \(written)', 'copyright-holders' and 'license-file' to package.yaml, and the "
                        + "copyright file is made of them")
                return nil
            }
            files.append((license, source(path, at: node, in: package)))
        }
        var keys = [
            SpecEntry("license", .text(written)),
            SpecEntry("copyright-holders", .list(holders.map { .text($0) })),
        ]
        if files.count == 1 {
            keys.append(SpecEntry("license-file", .text(files[0].path)))
        } else if !files.isEmpty {
            keys.append(
                SpecEntry("license-file", .mapping(files.map { SpecEntry($0.license.description, .text($0.path)) })))
        }
        return keys
    }

    /// The expression that a text is, or most likely means.
    private mutating func licenseExpression(
        _ text: String, at node: YAMLNode
    ) -> (written: String, SPDXExpression)? {
        do throws(FormatError) { return (text, try SPDXExpression(parsing: text)) } catch {
            do throws(FormatError) {
                guard let guess = SPDXExpression.suggestion(for: text) else { throw error }
                let expression = try SPDXExpression(parsing: guess)
                warn(
                    node, "'\(DisplayText.inline(text))' is not an SPDX expression, and becomes '\(guess)'",
                    help: "check that this is the licence")
                return (guess, expression)
            } catch {
                warn(
                    node, "\(error)", help: "write the licence into a file, and name that as 'copyright'")
                return nil
            }
        }
    }

    /// The file of a licence: the one that is named, or one that is called as people call it.
    private mutating func licenseFile(
        of license: SPDXLicense, given: String?, isOnly: Bool, at node: YAMLNode
    ) -> String? {
        let short = license.identifier.split(separator: "-").first.map { $0.uppercased() } ?? ""
        var names = ["LICENSE-\(license.identifier)", "LICENSE-\(short)", "LICENSES/\(license.identifier).txt"]
        if isOnly {
            names = [given].compactMap { $0 } + names
            names += ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"]
        }
        return names.first { status($0, at: node)?.kind == .file }
    }
}
