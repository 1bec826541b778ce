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
    /// Users, each with a group of the same name.
    public var users: [String] = []
    /// Groups without a user.
    public var groups: [String] = []
    /// Alternatives: name, generic path, another choice.
    public var alternatives: [(name: String, link: String, other: String)] = []
    /// Units that run.
    public var units: [String] = []

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

    /// Keeps what is there, and puts it back as it was.
    private static func kept(_ name: String, _ path: String, subject: String? = nil, _ apply: String) -> PackageMutation
    {
        PackageMutation(
            name: "\(name) \(path)", subject: subject ?? path,
            apply: "rm -rf \(store) && mkdir \(store) && cp -a '\(path)' \(store)/kept && P='\(path)' && \(apply)",
            undo: "rm -rf '\(path)' && cp -a \(store)/kept '\(path)'")
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
    private var makers: [[Maker]] {
        func each(_ paths: [String], _ name: String, _ apply: @escaping (UInt64) -> String) -> [Maker] {
            paths.map { path in { number in Self.kept(name, path, apply(number)) } }
        }
        let all = targets.files + targets.conffiles
        let accounts = "/etc/passwd /etc/group /etc/shadow /etc/gshadow"
        func account(_ name: String, _ apply: String) -> PackageMutation {
            PackageMutation(
                name: apply, subject: name,
                apply: "rm -rf \(Self.store) && mkdir \(Self.store) && cp -a \(accounts) \(Self.store)/ && \(apply)",
                undo: "cp -a \(Self.store)/* /etc/")
        }
        func unit(_ name: String, _ apply: String, _ undo: String) -> PackageMutation {
            PackageMutation(name: apply, subject: name, apply: apply, undo: undo)
        }
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
            each(all, "mode of") { "m=$(stat -c %a \"$P\") && chmod $(printf %o $((0$m ^ \(1 << ($0 % 9))))) \"$P\"" },
            each(all, "owner of") { "chown \($0 % 60000 + 1) \"$P\"" },
            each(all, "group of") { "chgrp \($0 % 60000 + 1) \"$P\"" },
            each(all, "link in place of") { _ in "rm \"$P\" && ln -s \(Self.store)/kept \"$P\"" },
            each(all, "directory in place of") { _ in "rm \"$P\" && mkdir \"$P\"" },
            each(all, "fifo in place of") { _ in "rm \"$P\" && mkfifo -m 644 \"$P\"" },
            each(targets.links, "other target of") { "ln -sfn /nowhere/\($0 % 100) \"$P\"" },
            each(targets.links, "file in place of") { _ in "rm \"$P\" && cp /etc/hostname \"$P\"" },
            each(targets.links, "delete") { _ in "rm \"$P\"" },
            each(targets.directories, "mode of") {
                "m=$(stat -c %a \"$P\") && chmod $(printf %o $((0$m ^ \(1 << ($0 % 9))))) \"$P\""
            },
            each(targets.directories, "owner of") { "chown \($0 % 60000 + 1) \"$P\"" },
            each(targets.directories, "delete") { _ in "rm -r \"$P\"" },
            each(targets.directories, "link in place of") { _ in "rm -r \"$P\" && ln -s \(Self.store)/kept \"$P\"" },
            each(targets.setID, "no set-id bit of") { _ in "chmod ug-s \"$P\"" },
            each(targets.files, "set-id bit of") { _ in "chmod u+s \"$P\"" },
            each(targets.capable, "no capabilities of") { _ in "setcap -r \"$P\"" },
            each(targets.capable, "more capabilities of") { _ in "setcap cap_sys_admin=ep \"$P\"" },
            each(targets.made, "mode of") {
                "m=$(stat -c %a \"$P\") && chmod $(printf %o $((0$m ^ \(1 << ($0 % 9))))) \"$P\""
            },
            each(targets.made, "owner of") { "chown \($0 % 60000 + 1) \"$P\"" },
            each(targets.made, "delete") { _ in "rm -r \"$P\"" },
            // userdel(8) refuses while processes of the user run.
            targets.users.map { name in { _ in account(name, "sed -i '/^\(name):/d' /etc/passwd /etc/shadow") } },
            targets.users.map { name in
                { _ in
                    account(
                        name, "usermod -s /bin/sh \(name) 2>&1 || sed -i '/^\(name):/s,[^:]*$,/bin/sh,' /etc/passwd")
                }
            },
            targets.groups.map { name in { _ in account(name, "groupdel \(name)") } },
            targets.alternatives.map { item in
                { _ in
                    PackageMutation(
                        name: "choose another \(item.name)", subject: item.name,
                        apply: "update-alternatives --set \(item.name) \(item.other)",
                        undo: "update-alternatives --auto \(item.name)")
                }
            },
            targets.alternatives.map { item in
                { _ in
                    Self.kept(
                        "lead elsewhere", "/etc/alternatives/\(item.name)", subject: item.name,
                        "ln -sfn \(item.other) \"$P\"")
                }
            },
            targets.alternatives.map { item in
                { _ in
                    Self.kept("file in place of", item.link, subject: item.name, "rm \"$P\" && cp /bin/true \"$P\"")
                }
            },
            targets.units.map { name in
                { _ in
                    unit(name, "systemctl disable \(name)", "systemctl enable \(name)")
                }
            },
            targets.units.map { name in
                { _ in
                    unit(name, "systemctl stop \(name)", "systemctl start \(name)")
                }
            },
            targets.units.map { name in
                { _ in
                    // What is in /run goes before what the package has in /lib.
                    unit(name, "systemctl mask --runtime \(name)", "systemctl unmask --runtime \(name)")
                }
            },
            targets.units.map { name in
                { _ in
                    unit(name, "systemctl stop \(name); systemctl disable \(name)", "systemctl enable --now \(name)")
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

    /// All of it, for messages.
    public var story: String {
        diagnoses.map { "\($0.code) \($0.cause): \($0.evidence) \($0.remedy)" }.joined(separator: "\n")
    }
}

/// Mutates a machine again and again and looks whether `meshcheck run` names what was done.
public struct MutationRun {
    /// The machine.
    public var shell: MachineShell
    /// What looks: a command that writes a report in JSON.
    public var look: String
    /// What was not named, with the report.
    public private(set) var unnamed: [String] = []
    /// How many were tried.
    public private(set) var count = 0
    /// How many of each kind of cause were given.
    public private(set) var codes: [String: Int] = [:]

    /// Prepares.
    public init(look: String, shell: @escaping MachineShell) {
        self.look = look
        self.shell = shell
    }

    /// Tries so many.
    public mutating func run(_ total: Int, of source: inout MutationSource) throws {
        while count < total {
            let mutation = source.next()
            let applied = try shell(mutation.apply)
            guard applied.status == 0 else {
                throw RealPackages.Failure(text: "\(mutation.name): \(applied.output)\(applied.errors)")
            }
            let report = try MutationReport.of(try shell(look))
            if !report.names(mutation.subject) { unnamed.append("\(mutation.name): \(report.story)") }
            for code in Set(report.diagnoses.map(\.code)) { codes[code, default: 0] += 1 }
            let undone = try shell(mutation.undo)
            guard undone.status == 0 else {
                throw RealPackages.Failure(text: "\(mutation.name), undone: \(undone.output)\(undone.errors)")
            }
            count += 1
        }
    }
}
