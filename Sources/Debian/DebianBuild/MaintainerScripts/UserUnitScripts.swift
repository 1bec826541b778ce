/// The shell that enables units for the managers of all users, as dh_installsystemduser(1) does it.
///
/// Sessions that run are left alone: they take a unit up when they start again. A unit's name has been checked to have
/// no quote in it.
enum UserUnitScripts {
    static func postinst(_ unit: (name: String, isEnabled: Bool)) -> String {
        let helper = "deb-systemd-helper --user"
        let body =
            unit.isEnabled
            ? """
                if deb-systemd-helper --quiet --user was-enabled '\(unit.name)'; then
                    \(helper) enable '\(unit.name)' >/dev/null || true
                else
                    \(helper) update-state '\(unit.name)' >/dev/null || true
                fi
            """
            : """
                if \(helper) debian-installed '\(unit.name)'; then
                    if deb-systemd-helper --quiet --user was-enabled '\(unit.name)'; then
                        \(helper) enable '\(unit.name)' >/dev/null || true
                    fi
                fi
                \(helper) update-state '\(unit.name)' >/dev/null || true
            """
        return "if command -v deb-systemd-helper >/dev/null 2>&1; then\n\(body)\nfi\n"
    }

    static func postrm(_ units: [String]) -> String {
        if units.isEmpty { return "" }
        let words = units.map { "'\($0)'" }.joined(separator: " ")
        return """
            if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null 2>&1; then
                deb-systemd-helper --user purge \(words) >/dev/null || true
            fi

            """
    }
}

/// The shell that loads profiles of AppArmor, as dh_apparmor(1) does it. Names have been checked.
enum ProfileScripts {
    static func postinst(_ profile: String) -> String {
        """
        # An administrator may have deleted it.
        if [ -f /etc/apparmor.d/\(profile) ]; then
            # What the administrator adds to the profile.
            if [ ! -e /etc/apparmor.d/local/\(profile) ]; then
                mkdir -p /etc/apparmor.d/local
                install --mode 644 /dev/null /etc/apparmor.d/local/\(profile)
            fi
            if aa-enabled --quiet 2>/dev/null; then
                apparmor_parser -r -T -W /etc/apparmor.d/\(profile) || true
            fi
        fi

        """
    }

    static func postrm(_ profile: String) -> String {
        """
        if [ "$1" = purge ] && [ ! -e /etc/apparmor.d/\(profile) ]; then
            rm -f /etc/apparmor.d/disable/\(profile) /etc/apparmor.d/force-complain/\(profile)
            rm -f /etc/apparmor.d/local/\(profile) /var/cache/apparmor/*/\(profile)
            rmdir /etc/apparmor.d/disable /etc/apparmor.d/local /etc/apparmor.d 2>/dev/null || true
        fi

        """
    }
}
