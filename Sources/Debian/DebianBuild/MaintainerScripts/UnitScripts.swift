/// The shell that goes to `#DEBHELPER#` for one unit, by maintainer script.
///
/// A unit name has been checked to consist of characters that mean nothing to a shell.
enum UnitScripts {
    static func postinst(_ unit: UnitPolicy, package: String) -> String {
        var text = ""
        if unit.isInstallable {
            text += """
                if command -v deb-systemd-helper >/dev/null 2>&1; then
                    # Removal masks the unit; installing again takes that back and nothing else.
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
            text += "fi\n"
        }
        text += """
            if [ -d /run/systemd/system ]; then
                systemctl --system daemon-reload >/dev/null || true

            """
        let marker = self.marker(unit, package: package)
        var branches: [(condition: String, action: String)] = []
        if unit.onUpgrade == .stopStart {
            // Not "start": that leaves out a unit that the administrator disabled and ran all the same. Every other verb
            // goes to systemctl(1) unchanged, subject to policy-rc.d.
            branches.append(
                ("[ -e \(marker) ]", "rm -f \(marker)\n        deb-systemd-invoke reload-or-restart '\(unit.name)'"))
        }
        switch unit.onUpgrade {
        case .restart:
            // Only what ran is restarted: deb-systemd-invoke would start an enabled unit that the admin stopped.
            branches.append(
                (
                    "[ -n \"${2:-}\" ] && systemctl --quiet is-active '\(unit.name)'",
                    "deb-systemd-invoke restart '\(unit.name)'"
                ))
        case .stopStart, .leave: break
        }
        if unit.isStarted {
            branches.append(("[ -z \"${2:-}\" ]", "deb-systemd-invoke start '\(unit.name)'"))
        }
        for (index, branch) in branches.enumerated() {
            text += "    \(index == 0 ? "if" : "elif") \(branch.condition); then\n"
            text += "        \(branch.action) >/dev/null || true\n"
        }
        if !branches.isEmpty { text += "    fi\n" }
        text += "fi\n"
        return text
    }

    static func prerm(_ unit: UnitPolicy, package: String) -> String {
        var text = ""
        if unit.stopsOnRemove {
            text += """
                if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                    deb-systemd-invoke stop '\(unit.name)' >/dev/null || true
                fi

                """
        }
        if unit.onUpgrade == .stopStart {
            let marker = self.marker(unit, package: package)
            text += """
                if [ "$1" = upgrade ] && [ -d /run/systemd/system ]; then
                    # Stopped by its own version's files; the new postinst, or ours on abort-upgrade, starts it again.
                    if systemctl --quiet is-active '\(unit.name)'; then
                        deb-systemd-invoke stop '\(unit.name)' >/dev/null || true
                        # policy-rc.d may have said no: then it runs on and is not started again.
                        if ! systemctl --quiet is-active '\(unit.name)'; then
                            mkdir -p '/run/\(package).upgrade' && : >\(marker)
                        fi
                    fi
                fi

                """
        }
        return text
    }

    static func postrm(_ unit: UnitPolicy) -> String {
        var text = """
            if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
                systemctl --system daemon-reload >/dev/null || true
            fi

            """
        guard unit.isInstallable else { return text }
        text += """
            if [ "$1" = remove ] && command -v deb-systemd-helper >/dev/null 2>&1; then
                deb-systemd-helper mask '\(unit.name)' >/dev/null || true
            fi
            if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null 2>&1; then
                deb-systemd-helper purge '\(unit.name)' >/dev/null || true
                deb-systemd-helper unmask '\(unit.name)' >/dev/null || true
            fi

            """
        return text
    }

    /// Where prerm remembers for postinst that the unit ran; /run forgets it with a reboot, as it should.
    private static func marker(_ unit: UnitPolicy, package: String) -> String {
        "/run/\(package).upgrade/'\(unit.name)'"
    }
}
