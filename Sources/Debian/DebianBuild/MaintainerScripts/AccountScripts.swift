import Platform

/// A system user or group that a package needs, whoever declared it.
struct SystemAccount: Sendable, Hashable {
    /// What it is, with what only that kind has.
    enum Kind: Sendable, Hashable {
        case group
        /// - Parameters:
        ///   - group: the main group, which exists or is declared.
        ///   - groups: further groups.
        case user(group: String, home: String, shell: String, comment: String, groups: [String])
    }

    var name: String
    var kind: Kind
    /// A fixed number; nil for any free one.
    var id: Int?
}

/// The shell that makes users and groups by groupadd(8) and useradd(8), which every Debian has in the package passwd.
///
/// What exists stays as it is. Names have been checked; other texts are quoted.
enum AccountScripts {
    static func text(_ accounts: [SystemAccount]) -> String {
        let groups = accounts.filter { $0.kind == .group }
        let users = accounts.filter { $0.kind != .group }
        return (groups.map(group) + users.map(user)).joined()
    }

    private static func group(_ account: SystemAccount) -> String {
        """
        if ! getent group '\(account.name)' >/dev/null; then
            groupadd --system\(account.id.map { " --gid \($0)" } ?? "") '\(account.name)'
        fi

        """
    }

    private static func user(_ account: SystemAccount) -> String {
        guard case .user(let group, let home, let shell, let comment, let groups) = account.kind else { return "" }
        var options = "--system\(account.id.map { " --uid \($0)" } ?? "") --gid '\(group)'"
        for (name, value) in [("home-dir", home), ("shell", shell), ("comment", comment)] where !value.isEmpty {
            options += " --\(name) \(ShellWord.quoted(value) ?? "''")"
        }
        var text = """
            if ! getent passwd '\(account.name)' >/dev/null; then
                useradd \(options) --no-create-home '\(account.name)'
            fi

            """
        if !groups.isEmpty {
            text += "usermod --append --groups '\(groups.joined(separator: ","))' '\(account.name)'\n"
        }
        return text
    }
}
