/// The shell that goes to `#DEBHELPER#` for the units of a package, by maintainer script.
///
/// As debhelper(7) does it, all units are started or stopped by one call, so that systemd orders them, and templates are
/// neither enabled nor started. Beyond debhelper, a unit that the administrator has stopped stays so through an upgrade,
/// running instances of templates follow the package, and a unit that a new version no longer has is stopped.
///
/// A unit's name has been checked to have no quote in it.
struct UnitScripts {
    let package: String
    let units: [UnitPolicy]

    private var plain: [UnitPolicy] { units.filter { !$0.isTemplate } }
    private var templates: [UnitPolicy] { units.filter(\.isTemplate) }
    /// What one script leaves for the next; /run forgets it with a reboot, as it should.
    private var folder: String { "/run/\(package).upgrade" }

    /// Remembers what ran not: only the new version's script knows all of its units before they are there.
    func preinst() -> String {
        let watched = plain.filter { $0.isStarted && !$0.isOneShot }
        guard !watched.isEmpty else { return "" }
        return """
            if [ "$1" = upgrade ] && [ -d /run/systemd/system ]; then
                rm -f '\(folder)'/*.stopped
                # A unit that is there and neither runs nor has failed was stopped on purpose, and stays so.
                for unit in \(Self.words(watched)); do
                    if { [ -e "/lib/systemd/system/$unit" ] || [ -e "/usr/lib/systemd/system/$unit" ]; } &&
                        [ ! -e "\(folder)/$unit.ran" ] && ! systemctl --quiet is-active "$unit" &&
                        ! systemctl --quiet is-failed "$unit"; then
                        mkdir -p '\(folder)' && : >"\(folder)/$unit.stopped"
                    fi
                done
            fi

            """
    }

    func postinst() -> String {
        if units.isEmpty { return "" }
        var text = plain.filter(\.isInstallable).map(Self.enabling).joined()
        text += """
            if [ -d /run/systemd/system ]; then
                # Units of the version before that are nowhere now: stopped while systemd still knows them.
                for record in '\(folder)'/*.shipped; do
                    unit=${record##*/}
                    unit=${unit%.shipped}
                    if [ -e "$record" ] && [ ! -e "/lib/systemd/system/$unit" ] &&
                        [ ! -e "/usr/lib/systemd/system/$unit" ]; then
                        # systemctl(1) says that the file has changed, which is why it is stopped.
                        deb-systemd-invoke stop "$unit" >/dev/null 2>&1 || true
                        if command -v deb-systemd-helper >/dev/null 2>&1; then
                            deb-systemd-helper purge "$unit" >/dev/null || true
                        fi
                    fi
                done
                systemctl --system daemon-reload >/dev/null || true

            """
        let stopped = plain.filter { $0.onUpgrade == .stopStart }
        if !stopped.isEmpty {
            text += """
                    # Not "start": that leaves out a unit that the administrator disabled and ran all the same.
                    (
                        set --
                        for unit in \(Self.words(stopped)); do
                            if [ -e "\(folder)/$unit.ran" ]; then set -- "$@" "$unit"; fi
                        done
                        if [ $# -gt 0 ]; then deb-systemd-invoke reload-or-restart "$@" >/dev/null || true; fi
                    )

                """
        }
        let started = plain.compactMap { unit in
            Self.condition(unit, folder: folder).map { (unit: unit, condition: $0) }
        }
        if !started.isEmpty {
            text += """
                    (
                        previous=${2:-}
                        set --

                """
            for (unit, condition) in started {
                text += "        if \(condition); then set -- \"$@\" '\(unit.name)'; fi\n"
            }
            text += """
                        action=restart
                        if [ -z "$previous" ]; then action=start; fi
                        if [ $# -gt 0 ]; then deb-systemd-invoke "$action" "$@" >/dev/null || true; fi
                    )

                """
        }
        let restarted = templates.filter { $0.onUpgrade == .restart }
        if !restarted.isEmpty {
            text += """
                    if [ -n "${2:-}" ]; then
                        deb-systemd-invoke try-restart \(Self.words(restarted)) >/dev/null || true
                    fi

                """
        }
        return text + "    rm -rf '\(folder)'\nfi\n"
    }

    /// When a unit is among those that are started or restarted; nil for never.
    private static func condition(_ unit: UnitPolicy, folder: String) -> String? {
        let runs = "systemctl --quiet is-active '\(unit.name)'"
        let isFirst = "[ -z \"$previous\" ]"
        let stays = "[ ! -e '\(folder)/\(unit.name).stopped' ]"
        switch (unit.isStarted, unit.onUpgrade) {
        case (true, .restart): return "\(isFirst) || \(stays)"
        case (true, .leave), (true, .stopStart): return "\(isFirst) || { \(stays) && ! \(runs); }"
        case (false, .restart): return "[ -n \"$previous\" ] && \(runs)"
        case (false, .leave), (false, .stopStart): return nil
        }
    }

    func prerm() -> String {
        var text = ""
        let ending = units.filter(\.stopsOnRemove)
        if !ending.isEmpty {
            text += """
                if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                    deb-systemd-invoke stop \(Self.words(ending)) >/dev/null || true
                fi

                """
        }
        let recorded = plain.filter(\.stopsOnRemove)
        let stopping = plain.filter { $0.onUpgrade == .stopStart }
        guard !recorded.isEmpty || !stopping.isEmpty else { return text }
        text += """
            if [ "$1" = upgrade ] && [ -d /run/systemd/system ]; then
                mkdir -p '\(folder)'

            """
        if !recorded.isEmpty {
            text += """
                    # A version without one of these units stops it.
                    for unit in \(Self.words(recorded)); do : >"\(folder)/$unit.shipped"; done

                """
        }
        if !stopping.isEmpty {
            text += """
                    # Stopped by its own version's files; the new postinst, or ours on abort-upgrade, starts it again.
                    (
                        set --
                        for unit in \(Self.words(stopping)); do
                            if systemctl --quiet is-active "$unit"; then set -- "$@" "$unit"; fi
                        done
                        if [ $# -gt 0 ]; then deb-systemd-invoke stop "$@" >/dev/null || true; fi
                        for unit; do
                            # policy-rc.d may have said no: then it runs on and is not started again.
                            if ! systemctl --quiet is-active "$unit"; then : >"\(folder)/$unit.ran"; fi
                        done
                    )

                """
        }
        return text + "fi\n"
    }

    func postrm() -> String {
        if units.isEmpty { return "" }
        var text = """
            if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                systemctl --system daemon-reload >/dev/null || true
            fi

            """
        let installable = plain.filter(\.isInstallable)
        guard !installable.isEmpty else { return text }
        text += """
            if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null 2>&1; then
                deb-systemd-helper purge \(Self.words(installable)) >/dev/null || true
                deb-systemd-helper unmask \(Self.words(installable)) >/dev/null || true
            fi

            """
        return text
    }

    private static func enabling(_ unit: UnitPolicy) -> String {
        var text = """
            if command -v deb-systemd-helper >/dev/null 2>&1; then
                # Earlier versions masked the unit with their removal; that is taken back and nothing else.
                deb-systemd-helper unmask '\(unit.name)' >/dev/null || true

            """
        if unit.isEnabled {
            text += """
                    if deb-systemd-helper --quiet was-enabled '\(unit.name)'; then
                        deb-systemd-helper enable '\(unit.name)' >/dev/null || true
                    else
                        deb-systemd-helper update-state '\(unit.name)' >/dev/null || true
                    fi

                """
        } else {
            text += """
                    if deb-systemd-helper debian-installed '\(unit.name)'; then
                        if deb-systemd-helper --quiet was-enabled '\(unit.name)'; then
                            deb-systemd-helper enable '\(unit.name)' >/dev/null || true
                        fi
                    fi
                    deb-systemd-helper update-state '\(unit.name)' >/dev/null || true

                """
        }
        return text + "fi\n"
    }

    /// Units as words of a command; a template stands for its instances, which systemctl(1) finds by the pattern.
    private static func words(_ units: [UnitPolicy]) -> String {
        units.map { unit in
            guard unit.isTemplate, let mark = unit.name.firstIndex(of: "@") else { return "'\(unit.name)'" }
            let after = unit.name.index(after: mark)
            return "'\(unit.name[..<after])*\(unit.name[after...])'"
        }.joined(separator: " ")
    }
}
