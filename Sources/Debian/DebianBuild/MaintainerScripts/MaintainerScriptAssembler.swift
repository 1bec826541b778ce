import DebianFormat
import DebianManifest
import Platform

/// Puts generated snippets into the package's own maintainer scripts, or makes a script where the package has none.
///
/// The package's own text is left as it is but for the line `#DEBHELPER#`, the marker that debhelper(7) established.
struct MaintainerScriptAssembler {
    static let marker = "#DEBHELPER#"

    let package: String
    let units: [UnitPolicy]
    let hasSysusers: Bool
    let hasTmpfiles: Bool
    let alternatives: [Alternative]
    var capabilities: [(path: String, capabilities: FileCapabilities)] = []
    /// Users and groups that have to exist before files are unpacked.
    var earlyAccounts: [SystemAccount] = []
    /// Those of the sysusers.d file, for systems without systemd-sysusers(8).
    var fallbackAccounts: [SystemAccount] = []

    /// What upgrades do to paths of earlier versions.
    var maintenance: [MaintenanceAction] = []
    /// Whether the package asks questions by debconf.
    var usesDebconf = false
    /// Units of users' own managers, and whether they are enabled.
    var userUnits: [(name: String, isEnabled: Bool)] = []
    /// Profiles in /etc/apparmor.d.
    var profiles: [String] = []

    /// The generated lines for one script; empty when there is nothing to do.
    func snippet(for script: MaintainerScriptName) -> String {
        let unitScripts = UnitScripts(package: package, units: units)
        var parts: [String] = []
        switch script {
        case .preinst:
            parts.append(helperCalls)
            if !earlyAccounts.isEmpty {
                parts.append(Self.guarded(by: "install|upgrade", AccountScripts.text(earlyAccounts)))
            }
            parts.append(unitScripts.preinst())
        case .postinst:
            if hasSysusers { parts.append(sysusers) }
            if hasTmpfiles {
                parts.append(
                    """
                    if command -v systemd-tmpfiles >/dev/null 2>&1; then
                        systemd-tmpfiles --create \(package).conf >/dev/null || true
                    fi

                    """)
            }
            parts += capabilities.map { item in
                // dpkg(1) unpacks a file without them, each time.
                """
                if ! setcap '\(item.capabilities)' "$(dpkg-divert --truename \(item.path))"; then
                    echo '\(package): warning: \(item.path) does not have the capabilities \(item.capabilities)' >&2
                fi

                """
            }
            parts += alternatives.map(Self.installation)
            parts += profiles.map(ProfileScripts.postinst)
            parts += userUnits.map(UserUnitScripts.postinst)
            parts.append(unitScripts.postinst())
            let body = parts.joined()
            // Files are in their places before anything starts that reads them.
            if body.isEmpty { return helperCalls }
            return helperCalls
                + Self.guarded(
                    by: "configure|abort-upgrade|abort-deconfigure|abort-remove", body)
        case .prerm:
            parts.append(unitScripts.prerm())
            parts += alternatives.map { item in
                """
                if [ "$1" = remove ] || [ "$1" = deconfigure ]; then
                    update-alternatives --remove \(item.name) \(Self.word(item.path))
                fi

                """
            }
            parts.append(helperCalls)
        case .postrm:
            if usesDebconf { parts.append(Self.debconfPurge) }
            parts.append(unitScripts.postrm())
            parts.append(UserUnitScripts.postrm(userUnits.map(\.name)))
            parts += profiles.map(ProfileScripts.postrm)
            parts.append(helperCalls)
        case .config: break
        }
        return parts.joined()
    }

    /// The same lines in each script, as dh_installdeb(1) has them: the helper knows which one calls it.
    private var helperCalls: String {
        maintenance.map { "dpkg-maintscript-helper \($0) -- \"$@\"\n" }.joined()
    }

    /// Reading the module starts the script again below debconf, so it comes before everything else.
    private static let debconfPurge = """
        if [ "$1" = purge ] && [ -e /usr/share/debconf/confmodule ]; then
            . /usr/share/debconf/confmodule
            db_purge
        fi

        """

    private var sysusers: String {
        // Nothing but systemd-sysusers(8) can do it; the package depends on it.
        if fallbackAccounts.isEmpty { return "systemd-sysusers \(package).conf\n" }
        return """
            if command -v systemd-sysusers >/dev/null 2>&1; then
                systemd-sysusers \(package).conf
            else
            \(Self.indented(AccountScripts.text(fallbackAccounts)))fi

            """
    }

    /// The finished script, or nil when the package needs none.
    ///
    /// - Parameter own: the package's own script, if it has one.
    func script(_ name: MaintainerScriptName, own: String?) -> AssembledScript? {
        let generated = snippet(for: name)
        guard let own else {
            if generated.isEmpty { return nil }
            return .complete("#!/bin/sh\nset -e\n\n" + generated)
        }
        var lines = own.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let index = lines.firstIndex(where: { Self.isMarker($0) }) else {
            return generated.isEmpty ? .complete(own) : .markerMissing
        }
        let indentation = String(lines[index].prefix { $0 == " " || $0 == "\t" })
        let inserted = generated.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map {
            $0.isEmpty ? "" : indentation + $0
        }
        lines.replaceSubrange(index...index, with: inserted)
        return .complete(lines.joined(separator: "\n"))
    }

    static func isMarker(_ line: String) -> Bool {
        let trimmed = line.drop { $0 == " " || $0 == "\t" }
        guard trimmed.hasPrefix(marker) else { return false }
        return trimmed.dropFirst(marker.count).allSatisfy { $0 == " " || $0 == "\t" || $0 == "\r" }
    }

    private static func installation(_ item: Alternative) -> String {
        var text = "update-alternatives --install \(word(item.link)) \(item.name) \(word(item.path)) \(item.priority)"
        for follower in item.followers {
            text += " \\\n    --slave \(word(follower.link)) \(follower.name) \(word(follower.path))"
        }
        return text + "\n"
    }

    /// A path as a word of the script; it has no line end.
    private static func word(_ path: String) -> String {
        ShellWord.isPlain(path) ? path : ShellWord.quoted(path) ?? "''"
    }

    private static func guarded(by actions: String, _ body: String) -> String {
        "case \"$1\" in\n\(actions))\n\(indented(body))    ;;\nesac\n"
    }

    private static func indented(_ body: String) -> String {
        body.split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : "    " + $0 }
            .joined(separator: "\n")
    }
}

/// What became of a maintainer script.
enum AssembledScript: Equatable {
    /// The text to ship.
    case complete(String)
    /// Snippets have to go in and the script has no line to put them at.
    case markerMissing
}

/// One choice for update-alternatives(1).
struct Alternative: Sendable, Hashable {
    /// The name of the group, such as `editor`.
    var name: String
    /// The generic path, such as `/usr/bin/editor`.
    var link: String
    /// The file that this package offers.
    var path: String
    /// The higher one wins.
    var priority: Int
    /// Links that change with it.
    var followers: [Follower] = []

    /// A link that changes with the choice.
    struct Follower: Sendable, Hashable {
        /// Its name.
        var name: String
        /// The generic path.
        var link: String
        /// The file that this package offers.
        var path: String
    }
}
