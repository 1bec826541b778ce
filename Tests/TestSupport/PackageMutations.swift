import Foundation

/// A shell command on the machine that a package is installed on, as root.
public typealias MachineShell = (_ command: String) throws -> RunResult

/// One thing about an installed package that is not as it was built.
public struct PackageMutation: Sendable {
    /// What was done, in a few words.
    public var name: String
    /// The path, unit, user, group or alternative that a report has to name.
    public var subject: String
    /// Does it.
    public var apply: String
    /// Takes it back.
    public var undo: String
}

/// What there is to change of installed packages.
public struct MutationTargets: Sendable {
    /// Plain files whose contents are the package's.
    public var files: [String] = []
    /// Files that the administrator may edit.
    public var conffiles: [String] = []
    /// Links.
    public var links: [String] = []
    /// Directories of no other package.
    public var directories: [String] = []
    /// Programs with a set-id bit.
    public var setID: [String] = []
    /// Programs with capabilities.
    public var capable: [String] = []
    /// Directories that tmpfiles.d(5) makes.
    public var made: [String] = []
    /// Users, each with a group of the same name, and another group that they are in.
    public var users: [(name: String, group: String)] = []
    /// Groups without a user.
    public var groups: [String] = []
    /// Alternatives: name, generic path, the package's choice with priority 50, another one.
    public var alternatives: [(name: String, link: String, own: String, other: String)] = []
    /// Units that run.
    public var units: [String] = []
    /// Units that listen, with the program that does: without it the unit runs on.
    public var listeners: [(unit: String, program: String)] = []

    /// Nothing.
    public init() {}
}

/// Mutations in an order that the seed decides.
public struct MutationSource {
    private let targets: MutationTargets
    private var generator: SeededGenerator

    /// Begins.
    public init(_ targets: MutationTargets, seed: UInt64) {
        self.targets = targets
        generator = SeededGenerator(seed: seed)
    }

    private static let store = "/var/tmp/mutation"

    /// Keeps what is there, and puts it back as it was. `$P` is the path in the command.
    private static func kept(_ name: String, _ path: String, subject: String? = nil, _ apply: String) -> PackageMutation
    {
        PackageMutation(
            name: "\(name) \(path)", subject: subject ?? path,
            apply: "rm -rf \(store) && mkdir \(store) && cp -a '\(path)' \(store)/kept && P='\(path)' && \(apply)",
            undo: "rm -rf '\(path)' '\(path).moved' && cp -a \(store)/kept '\(path)'")
    }

    /// Keeps the accounts, and puts them back.
    private static func account(_ name: String, subject: String, _ apply: String) -> PackageMutation {
        PackageMutation(
            name: "\(name) \(subject)", subject: subject,
            apply: "rm -rf \(store) && mkdir \(store) && "
                + "cp -a /etc/passwd /etc/group /etc/shadow /etc/gshadow \(store)/ && \(apply)",
            undo: "cp -a \(store)/* /etc/")
    }

    private static func command(
        _ name: String, _ subject: String, _ apply: String, undo: String
    ) -> PackageMutation {
        PackageMutation(name: "\(name) \(subject)", subject: subject, apply: apply, undo: undo)
    }

    /// The next mutation.
    public mutating func next() -> PackageMutation {
        let kinds = makers.filter { !$0.isEmpty }
        let kind = kinds.randomElement(using: &generator) ?? []
        return
            (kind.randomElement(using: &generator) ?? { _ in
                PackageMutation(name: "nothing", subject: "", apply: "false", undo: "true")
            })(generator.next())
    }

    private typealias Maker = (UInt64) -> PackageMutation

    /// By kind, so that a kind with many targets does not crowd out the others.
    private var makers: [[Maker]] { pathMakers + accountMakers + alternativeMakers + unitMakers }

    private var pathMakers: [[Maker]] {
        func each(_ paths: [String], _ name: String, _ apply: @escaping (UInt64) -> String) -> [Maker] {
            paths.map { path in { number in Self.kept(name, path, apply(number)) } }
        }
        func mode(_ number: UInt64) -> String {
            "m=$(stat -c %a \"$P\") && chmod $(printf %o $((0$m ^ \(1 << (number % 9))))) \"$P\""
        }
        func owner(_ number: UInt64) -> String { "chown \(number % 60000 + 1) \"$P\"" }
        func group(_ number: UInt64) -> String { "chgrp \(number % 60000 + 1) \"$P\"" }
        let all = targets.files + targets.conffiles
        let folders = targets.directories + targets.made
        return [
            each(targets.files, "append to") { "printf '%s' \($0 % 1000) >>\"$P\"" },
            // The length and the time stay.
            each(targets.files, "flip a byte of") {
                "touch -r \"$P\" \(Self.store)/time && perl -e 'open F,\"+<\",$ARGV[0] or die; binmode F; seek F,"
                    + "\($0 % 7),0; read F,$b,1; seek F,\($0 % 7),0; print F chr(255-ord $b)' \"$P\" && "
                    + "touch -r \(Self.store)/time \"$P\""
            },
            each(targets.files, "truncate") { _ in ": >\"$P\"" },
            each(all, "delete") { _ in "rm \"$P\"" },
            each(all, "move away") { _ in "mv \"$P\" \"$P.moved\"" },
            each(all, "mode of", mode), each(all, "owner of", owner), each(all, "group of", group),
            each(all, "link in place of") { _ in "rm \"$P\" && ln -s \(Self.store)/kept \"$P\"" },
            each(all, "directory in place of") { _ in "rm \"$P\" && mkdir \"$P\"" },
            each(all, "fifo in place of") { _ in "rm \"$P\" && mkfifo -m 644 \"$P\"" },
            each(targets.files, "set-id bit of") { _ in "chmod u+s \"$P\"" },
            each(targets.setID, "no set-id bit of") { _ in "chmod ug-s \"$P\"" },
            each(targets.files, "capability of") { _ in "setcap cap_net_raw=ep \"$P\"" },
            each(targets.capable, "no capabilities of") { _ in "setcap -r \"$P\"" },
            each(targets.capable, "more capabilities of") { _ in "setcap cap_sys_admin=ep \"$P\"" },
            each(all + targets.directories, "access list of") { "setfacl -m u:\($0 % 60000 + 1):rwx \"$P\"" },
            each(targets.links, "other target of") { "ln -sfn /nowhere/\($0 % 100) \"$P\"" },
            each(targets.links, "file in place of") { _ in "rm \"$P\" && cp /etc/hostname \"$P\"" },
            each(targets.links, "directory in place of") { _ in "rm \"$P\" && mkdir \"$P\"" },
            each(targets.links, "delete") { _ in "rm \"$P\"" },
            each(folders, "mode of", mode), each(folders, "owner of", owner), each(folders, "group of", group),
            each(folders, "delete") { _ in "rm -r \"$P\"" },
            each(folders, "link in place of") { _ in "rm -r \"$P\" && ln -s \(Self.store)/kept \"$P\"" },
            each(folders, "file in place of") { _ in "rm -r \"$P\" && touch \"$P\"" },
            // Recorded, but not done.
            all.map { path in
                { _ in
                    Self.command(
                        "override of", path, "dpkg-statoverride --add daemon daemon 0711 '\(path)'",
                        undo: "dpkg-statoverride --remove '\(path)'")
                }
            },
            all.map { path in
                { _ in
                    Self.command(
                        "diversion of", path,
                        "dpkg-divert --quiet --local --no-rename --divert '\(path).away' --add '\(path)'",
                        undo: "dpkg-divert --quiet --local --no-rename --remove '\(path)'")
                }
            },
        ]
    }

    private var accountMakers: [[Maker]] {
        // useradd(8) and its relatives refuse while processes of the user run.
        func field(_ name: String, _ number: Int, _ value: String) -> String {
            "perl -pi -e 'if (/^\(name):/) { chomp; @f = split /:/, $_, -1; $f[\(number)] = \"\(value)\"; "
                + "$_ = join(\":\", @f) . \"\\n\" }' /etc/passwd"
        }
        func users(_ name: String, _ apply: @escaping (_ user: String, _ number: UInt64) -> String) -> [Maker] {
            targets.users.map { user in
                { number in Self.account(name, subject: user.name, apply(user.name, number)) }
            }
        }
        return [
            users("no user") { user, _ in "sed -i '/^\(user):/d' /etc/passwd /etc/shadow" },
            users("no user and group") { user, _ in
                "sed -i '/^\(user):/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow"
            },
            users("no group of the user") { user, _ in "sed -i '/^\(user):/d' /etc/group /etc/gshadow" },
            users("shell of") { user, _ in field(user, 6, "/bin/sh") },
            users("no shell of") { user, _ in field(user, 6, "") },
            users("home of") { user, number in field(user, 5, "/home/\(number % 100)") },
            users("number of") { user, number in field(user, 2, "\(number % 50000 + 10000)") },
            users("main group of") { user, _ in field(user, 3, "65534") },
            targets.users.map { user in
                { _ in
                    Self.account(
                        "no longer in \(user.group):", subject: user.name, "gpasswd --delete \(user.name) \(user.group)"
                    )
                }
            },
            targets.groups.map { name in
                { _ in Self.account("no group", subject: name, "sed -i '/^\(name):/d' /etc/group /etc/gshadow") }
            },
        ]
    }

    private var alternativeMakers: [[Maker]] {
        func each(_ make: @escaping (_ name: String, _ link: String, _ other: String) -> PackageMutation) -> [Maker] {
            targets.alternatives.map { item in { _ in make(item.name, item.link, item.other) } }
        }
        let withdrawn = targets.alternatives.map { item -> Maker in
            { _ in
                Self.command(
                    "no choice of the package for", item.name,
                    "update-alternatives --quiet --remove \(item.name) \(item.own)",
                    undo: "update-alternatives --quiet --install \(item.link) \(item.name) \(item.own) 50")
            }
        }
        return [
            each { name, _, other in
                Self.command(
                    "choose another", name, "update-alternatives --set \(name) \(other)",
                    undo: "update-alternatives --auto \(name)")
            },
            each { name, _, other in
                Self.kept("lead elsewhere", "/etc/alternatives/\(name)", subject: name, "ln -sfn \(other) \"$P\"")
            },
            each { name, _, _ in Self.kept("delete", "/etc/alternatives/\(name)", subject: name, "rm \"$P\"") },
            each { name, link, _ in
                Self.kept("file in place of", link, subject: name, "rm \"$P\" && cp /bin/true \"$P\"")
            },
            each { name, link, _ in Self.kept("delete", link, subject: name, "rm \"$P\"") },
            withdrawn,
        ]
    }

    private var unitMakers: [[Maker]] {
        func each(_ name: String, _ apply: String, undo: String) -> [Maker] {
            targets.units.map { unit in
                { _ in
                    Self.command(
                        name, unit, "U=\(unit); D=/etc/systemd/system/\(unit).d; \(apply)",
                        // What was masked may have failed meanwhile.
                        undo: "U=\(unit); D=/etc/systemd/system/\(unit).d; \(undo) && systemctl start $U")
                }
            }
        }
        return [
            each("disable", "systemctl disable $U", undo: "systemctl enable $U"),
            each("stop", "systemctl stop $U", undo: "systemctl start $U"),
            each("disable and stop", "systemctl disable --now $U", undo: "systemctl enable --now $U"),
            // What is in /run goes before what the package has in /lib.
            each("mask until the reboot", "systemctl mask --runtime $U", undo: "systemctl unmask --runtime $U"),
            each("mask", "systemctl mask $U", undo: "systemctl unmask $U"),
            each(
                "drop-in for",
                "mkdir -p $D && printf '[Unit]\nDescription=other\n' >$D/own.conf && systemctl daemon-reload",
                undo: "rm -r $D && systemctl daemon-reload"),
            each(
                "drop-in until the reboot for",
                "R=/run/systemd/system/$U.d; mkdir -p $R && printf '[Unit]\nDescription=other\n' >$R/own.conf && "
                    + "systemctl daemon-reload",
                undo: "rm -r /run/systemd/system/$U.d && systemctl daemon-reload"),
            each(
                "other file for",
                "cp $(systemctl show --property FragmentPath --value $U) /etc/systemd/system/$U && "
                    + "systemctl daemon-reload",
                undo: "rm /etc/systemd/system/$U && systemctl daemon-reload"),
            targets.listeners.map { item in
                { _ in
                    Self.command(
                        "stopped process of", item.unit, "systemctl kill --signal=STOP \(item.unit)",
                        undo: "systemctl kill --signal=CONT \(item.unit)")
                }
            },
            targets.listeners.map { item in
                { _ in
                    Self.command(
                        "closed port of", item.unit, "pkill -x \(item.program)",
                        undo: "systemctl restart \(item.unit)")
                }
            },
        ]
    }
}

/// A report of meshcheck, as far as mutations need it.
public struct MutationReport: Decodable, Sendable {
    /// A cause.
    public struct Diagnosis: Decodable, Sendable {
        /// The code.
        public let code: String
        /// How much it matters.
        public let severity: String
        /// In a sentence.
        public let cause: String
        /// What was seen.
        public let evidence: [String]
        /// What to do.
        public let remedy: [String]
    }
    /// The causes.
    public let diagnoses: [Diagnosis]

    /// Reads what the program wrote.
    public static func of(_ result: RunResult) throws -> MutationReport {
        do {
            return try JSONDecoder().decode(MutationReport.self, from: Data(result.standardOutput))
        } catch {
            throw RealPackages.Failure(text: "no report: status \(result.status): \(result.errors)")
        }
    }

    /// Whether a cause of its own, with a remedy, names the subject.
    public func names(_ subject: String) -> Bool {
        diagnoses.contains { diagnosis in
            !diagnosis.code.hasPrefix("MX000") && !diagnosis.remedy.isEmpty
                && ([diagnosis.cause] + diagnosis.evidence).contains { $0.contains(subject) }
        }
    }

    /// Whether nothing is left to do.
    public var isQuiet: Bool { diagnoses.allSatisfy { $0.severity == "info" } }

    /// All of it, for messages.
    public var story: String {
        diagnoses.map { "\($0.code) \($0.cause): \($0.evidence) \($0.remedy)" }.joined(separator: "\n")
    }
}

/// Mutates a machine again and again and looks whether `meshcheck run` names what was done.
public struct MutationRun {
    /// The machine.
    private let shell: MachineShell
    /// What looks: a command that writes a report in JSON.
    private let look: String
    /// Whether the remedies that are printed are run, and have to help.
    private let followsRemedies: Bool
    /// What was not named, or not remedied, with the report.
    public private(set) var failures: [String] = []
    /// How many were tried.
    public private(set) var count = 0
    /// How many of each kind of cause were given.
    public private(set) var codes: [String: Int] = [:]

    /// Prepares.
    public init(look: String, followsRemedies: Bool = false, shell: @escaping MachineShell) {
        self.look = look
        self.followsRemedies = followsRemedies
        self.shell = shell
    }

    /// Tries so many.
    public mutating func run(_ total: Int, seed: UInt64, of targets: MutationTargets) throws {
        var source = MutationSource(targets, seed: seed)
        for _ in 0..<total {
            let mutation = source.next()
            try succeed(mutation.apply, mutation.name)
            let report = try MutationReport.of(try shell(look))
            if !report.names(mutation.subject) { failures.append("\(mutation.name): not named: \(report.story)") }
            for code in Set(report.diagnoses.map(\.code)) { codes[code, default: 0] += 1 }
            if followsRemedies {
                let rest = try remedied(report)
                if !rest.isQuiet {
                    failures.append("\(mutation.name): not remedied: \(report.story)\n  still: \(rest.story)")
                }
            }
            try succeed(mutation.undo, "\(mutation.name), undone")
            count += 1
        }
    }

    /// The report after the remedies were run as they are printed. One cause may hide another.
    private func remedied(_ first: MutationReport) throws -> MutationReport {
        var report = first
        for _ in 0..<3 where !report.isQuiet {
            for command in report.diagnoses.flatMap(\.remedy) where !command.hasPrefix("#") {
                _ = try shell("exec 2>&1 </dev/null; \(command)")
            }
            report = try MutationReport.of(try shell(look))
        }
        return report
    }

    private func succeed(_ command: String, _ name: String) throws {
        let result = try shell(command)
        guard result.status == 0 else {
            throw RealPackages.Failure(text: "\(name): \(result.output)\(result.errors)")
        }
    }
}
