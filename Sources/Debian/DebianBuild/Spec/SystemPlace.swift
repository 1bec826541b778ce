/// A kind of file that the system looks for in a place of its own, where debhelper(7) puts it too.
public enum SystemPlace: String, Sendable, CaseIterable {
    /// Rules of udev(7).
    case udev
    /// A service of pam(7).
    case pam
    /// Who may own and call names on the system's bus.
    case busPolicy = "dbus-policy"
    /// A service that the system's bus starts.
    case systemService = "dbus-system-service"
    /// A service that the bus of a session starts.
    case sessionService = "dbus-session-service"
    /// Completions of bash(1), loaded when the command is typed.
    case bashCompletion = "bash-completion"
    /// Completions of zsh(1).
    case zshCompletion = "zsh-completion"
    /// Completions of fish(1).
    case fishCompletion = "fish-completion"
    /// A profile of apparmor(7).
    case appArmor = "apparmor"

    /// What it is, for the reference.
    var explanation: String {
        switch self {
        case .udev: "Rules of udev, such as 60-hello.rules, for /usr/lib/udev/rules.d."
        case .pam: "A service of PAM, a conffile in /etc/pam.d."
        case .busPolicy: "A policy of the system's D-Bus, for /usr/share/dbus-1/system.d."
        case .systemService:
            "A service that the system's D-Bus starts, for /usr/share/dbus-1/system-services."
        case .sessionService:
            "A service that the D-Bus of a session starts, for /usr/share/dbus-1/services."
        case .bashCompletion: "Completions of bash for the command that the file is named after."
        case .zshCompletion: "Completions of zsh, likewise."
        case .fishCompletion: "Completions of fish, likewise."
        case .appArmor: "A profile of AppArmor, a conffile in /etc/apparmor.d, loaded on installation."
        }
    }

    /// Whether the administrator may edit it.
    package var isConffile: Bool { self == .pam || self == .appArmor }

    /// How the name has to end; nil where any name will do.
    var suffix: String? {
        switch self {
        case .udev: ".rules"
        case .busPolicy: ".conf"
        case .systemService, .sessionService: ".service"
        default: nil
        }
    }

    /// The path of a file with a name.
    package func path(of name: String) -> String {
        switch self {
        case .udev: "/usr/lib/udev/rules.d/" + name
        case .pam: "/etc/pam.d/" + Self.stem(name, ".pam")
        case .busPolicy: "/usr/share/dbus-1/system.d/" + name
        case .systemService: "/usr/share/dbus-1/system-services/" + name
        case .sessionService: "/usr/share/dbus-1/services/" + name
        case .bashCompletion:
            "/usr/share/bash-completion/completions/"
                + Self.stem(Self.stem(name, ".bash-completion"), ".bash")
        case .zshCompletion:
            "/usr/share/zsh/vendor-completions/_"
                + Self.stem(name.hasPrefix("_") ? String(name.dropFirst()) : name, ".zsh")
        case .fishCompletion:
            "/usr/share/fish/vendor_completions.d/" + Self.stem(name, ".fish") + ".fish"
        case .appArmor: "/etc/apparmor.d/" + Self.stem(name, ".apparmor")
        }
    }

    private static func stem(_ name: String, _ suffix: String) -> String {
        name.hasSuffix(suffix) && name.utf8.count > suffix.utf8.count
            ? String(name.dropLast(suffix.count)) : name
    }
}
