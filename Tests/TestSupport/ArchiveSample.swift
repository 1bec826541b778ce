import Foundation
import XCTest

/// Packages of Debian's archive as the inputs of tests.
public enum ArchiveSample {
    /// Packages of bookworm, each odd in a way of its own: setuid programs, diversions, debconf, triggers, hard links, kernel
    /// modules, code for other machines, shlibs and symbols, alternatives with followers, udev rules, foreign packages of
    /// Multi-Arch, epochs, thousands of entries.
    public static let odd = [
        "acl", "apparmor", "aspell-en", "at", "bash", "bind9-host", "busybox", "ca-certificates", "chrony",
        "console-setup",
        "cron", "dahdi-dkms", "dash", "dbus", "debconf", "dictionaries-common", "dnsmasq-base", "docbook-xml",
        "e2fsprogs", "emacsen-common", "fail2ban", "figlet", "fonts-dejavu-core", "fuse3", "grub-pc-bin",
        "hicolor-icon-theme", "ifupdown", "install-info", "iptables", "iputils-ping", "kmod", "less", "libc6",
        "libc6-armel-cross", "libcap2-bin", "libgcc-s1", "libjs-jquery", "libmagic1", "libpam-modules",
        "libpam-runtime", "libssl3", "logrotate", "man-db", "mawk", "mount", "mysql-common", "nano", "ncurses-term",
        "netcat-openbsd", "openssh-server", "openvpn", "passwd", "perl-base", "plocate", "polkitd", "python3-minimal",
        "resolvconf", "rsyslog", "screen", "seabios", "sgml-base", "shared-mime-info", "smartmontools", "ssl-cert",
        "sudo", "systemd", "tex-common", "tmux", "tzdata", "udev", "unattended-upgrades", "vim-tiny", "wamerican",
        "xml-core", "zlib1g",
    ]

    /// The package files to try: those of the folder that ARCHIVE_PACKAGES names, or else some of ``odd``, downloaded into
    /// `folder`; which ones ARCHIVE_SEED decides.
    ///
    /// - Throws: `XCTSkip` where no mirror is reached.
    public static func packages(_ count: Int, into folder: TemporaryDirectory) throws -> [String] {
        let environment = ProcessInfo.processInfo.environment
        if let given = environment["ARCHIVE_PACKAGES"] {
            return try files(in: given)
        }
        let seed = environment["ARCHIVE_SEED"].flatMap(UInt64.init) ?? 1
        var generator = SeededGenerator(seed: seed)
        let names = odd.shuffled(using: &generator).prefix(count)
        try folder.directory("archive")
        let path = folder.path + "/archive"
        var refused: [String] = []
        // One by one: the others are there even if a name is not known to this release.
        for name in names {
            let result = try run(
                "apt-get", ["--quiet", "-o", "APT::Sandbox::User=root", "download", name], workingDirectory: path)
            if result.status != 0 { refused.append("\(name): \(result.errors.suffix(200))") }
        }
        let found = try files(in: path)
        if found.isEmpty { throw XCTSkip("no mirror of Debian is reached: \(refused.first ?? "")") }
        return found
    }

    private static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".deb") }.sorted()
            .map { folder + "/" + $0 }
    }
}
