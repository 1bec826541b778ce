import Platform

/// Something that an upgrade does to a path which dpkg would leave as it is: a line of `debian/PACKAGE.maintscript`
/// (dh_installdeb(1)), which becomes a call of dpkg-maintscript-helper(1) in each maintainer script.
public struct MaintenanceAction: Hashable, Sendable, CustomStringConvertible {
    /// The commands of dpkg-maintscript-helper(1).
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A conffile that the package no longer has is removed, or kept beside its place if it was changed.
        case removeConffile = "rm_conffile"
        /// A conffile gets another name, with the administrator's changes.
        case moveConffile = "mv_conffile"
        /// A symbolic link becomes a directory.
        case symlinkToDirectory = "symlink_to_dir"
        /// A directory becomes a symbolic link.
        case directoryToSymlink = "dir_to_symlink"

        /// What stands behind the command, for messages.
        fileprivate var usage: String {
            switch self {
            case .removeConffile: "'rm_conffile PATH [VERSION [PACKAGE]]'"
            case .moveConffile: "'mv_conffile OLD NEW [VERSION [PACKAGE]]'"
            case .symlinkToDirectory: "'symlink_to_dir PATH OLD-TARGET [VERSION [PACKAGE]]'"
            case .directoryToSymlink: "'dir_to_symlink PATH NEW-TARGET [VERSION [PACKAGE]]'"
            }
        }
    }

    /// What is done.
    public let kind: Kind
    /// The path that it is done to, absolute.
    public let path: String
    /// The new path of a conffile, or the target of the link; nil for a conffile that is removed.
    public let target: String?
    /// Upgrades from this version or an earlier one do it; nil: all of them.
    public let lastVersion: DebianVersion?
    /// The package that owns the path, with its architecture if it has one behind a colon; nil: this one.
    public let owner: String?

    /// Reads a line: a command and its arguments, separated by blanks.
    ///
    /// Words that a shell would take for something else are refused, and so is `--`, which dh_installdeb adds itself.
    public init(_ text: String) throws(FormatError) {
        func fault(_ expected: String, _ offset: Int) -> FormatError {
            FormatError(
                subject: "maintscript line", found: text, expected: expected, offset: offset,
                source: "dpkg-maintscript-helper(1)")
        }
        let bytes = Array(text.utf8)
        if let end = bytes.firstIndex(of: Ascii.newline) { throw fault("a single line", end) }
        let words = Ascii.words(bytes[...])
        guard let command = words.first else {
            throw fault(Kind.allCases.map(\.rawValue).joined(separator: ", "), 0)
        }
        guard let kind = Kind(rawValue: Ascii.text(command)) else {
            throw fault("one of " + Kind.allCases.map(\.rawValue).joined(separator: ", "), command.startIndex)
        }
        self.kind = kind
        for word in words.dropFirst() {
            if word.elementsEqual("--".utf8) { throw fault("no '--', which is added", word.startIndex) }
            if let wrong = word.firstIndex(where: { !Self.isPlain($0) }) {
                throw fault("letters, digits and '/._+-@:~%=,' only, which mean nothing to a shell", wrong)
            }
        }
        var rest = words.dropFirst()
        func next(_ what: String) throws(FormatError) -> ArraySlice<UInt8> {
            guard let word = rest.popFirst() else { throw fault("\(what): \(kind.usage)", bytes.count) }
            return word
        }
        path = try Self.absolutePath(try next("a path"), fault)
        switch kind {
        case .removeConffile: target = nil
        case .moveConffile: target = try Self.absolutePath(try next("the new path"), fault)
        case .symlinkToDirectory, .directoryToSymlink:
            let word = try next("the target of the link")
            guard word.first != UInt8(ascii: "-"), word.first != UInt8(ascii: "~") else {
                throw fault("a path as the target of the link", word.startIndex)
            }
            target = Ascii.text(word)
        }
        if let word = rest.popFirst() {
            do throws(FormatError) {
                lastVersion = try DebianVersion(Ascii.text(word))
            } catch {
                throw fault("a version, \(error.expected)", word.startIndex + error.offset)
            }
        } else {
            lastVersion = nil
        }
        if let word = rest.popFirst() {
            let parts = word.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            do throws(FormatError) {
                _ = try PackageName(Ascii.text(parts[0]))
                if parts.count == 2 { _ = try Architecture(Ascii.text(parts[1])) }
            } catch {
                throw fault("a package such as 'name' or 'name:amd64'", word.startIndex)
            }
            owner = Ascii.text(word)
        } else {
            owner = nil
        }
        if let word = rest.first { throw fault("nothing behind the package: \(kind.usage)", word.startIndex) }
    }

    private static func absolutePath(
        _ word: ArraySlice<UInt8>, _ fault: (String, Int) -> FormatError
    ) throws(FormatError) -> String {
        let slash = UInt8(ascii: "/")
        guard word.first == slash else { throw fault("an absolute path", word.startIndex) }
        var start = word.startIndex + 1
        for part in word.dropFirst().split(separator: slash, omittingEmptySubsequences: false) {
            // dpkg finds a path in its list by comparing texts.
            if part.isEmpty || part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) {
                throw fault("a path without '//', '.', '..' and a slash at the end", min(start, word.endIndex - 1))
            }
            start += part.count + 1
        }
        return Ascii.text(word)
    }

    /// Whether a byte means nothing to a shell within a word.
    private static func isPlain(_ byte: UInt8) -> Bool {
        Ascii.isAlphanumeric(byte) || "/._+-@:~%=,".utf8.contains(byte)
    }

    /// The line, its words separated by one blank each.
    public var description: String {
        ([kind.rawValue, path] + [target, lastVersion?.description, owner].compactMap { $0 })
            .joined(separator: " ")
    }
}
