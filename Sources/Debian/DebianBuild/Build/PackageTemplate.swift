import DebianFormat
import Files
import Platform

/// The folder that `debbuild init` makes: a package that builds as it is, with a comment at every key.
public struct PackageTemplate: Sendable {
    /// The package's name.
    public var name: PackageName
    /// For control data and changelog.
    public var maintainer: Maintainer
    /// The date of the changelog's entry, seconds since 1970.
    public var date: Int64

    /// Creates a template.
    public init(name: PackageName, maintainer: Maintainer, date: Int64) {
        self.name = name
        self.maintainer = maintainer
        self.date = date
    }

    /// Writes the folder, and `workspace.yaml` if there is none, and returns the paths written.
    ///
    /// - Throws: ``TemplateError``; nothing that exists is touched.
    public func write(to directory: String) throws(TemplateError) -> [String] {
        let folder = directory + "/\(name)"
        do throws(FileError) {
            if try FileStatus.ofIfExists(folder, followLinks: false) == nil {
                try FileTree.createDirectories(folder)
                var written: [String] = []
                let workspace = directory + "/" + Workspace.fileName
                if try FileStatus.ofIfExists(workspace, followLinks: false) == nil {
                    try put(workspaceText, at: workspace)
                    written.append(workspace)
                }
                for (file, text) in [
                    (Workspace.packageFileName, packageText), ("\(name).sh", programText),
                    ("changelog", changelogText),
                ] {
                    try put(text, at: folder + "/" + file)
                    written.append(folder + "/" + file)
                }
                return written
            }
        } catch {
            throw .file(error)
        }
        throw .exists(folder)
    }

    private func put(_ text: String, at path: String) throws(FileError) {
        let file = try AtomicFile(target: path)
        try file.write(text: text)
        try file.commit()
    }

    // MARK: - texts

    private var workspaceText: String {
        """
        # What all packages of this folder share. Every key: debbuild schema workspace --form markdown
        version: 0.1.0                 # 1.0.0-rc.1 becomes 1.0.0~rc.1, so that it sorts before 1.0.0
        output: out                    # where packages are written
        defaults:                      # for every package that does not set them
          maintainer: \(maintainer)
          section: misc
          priority: optional

        """
    }

    private var packageText: String {
        """
        # Every key with its meaning: debbuild schema package --form markdown
        package: \(name)
        summary: what it is, in one line
        description: |
          What it does and for whom, in plain paragraphs. An empty line
          begins a new one.
        architectures: [all]           # machine code: [amd64, arm64]
        depends: []                    # such as "curl (>= 7.88)"; libraries of machine code are added by themselves
        contents:
          - file: \(name).sh
            to: /usr/bin/\(name)
            mode: "0755"               # always octal; without it 0644
        # - conffile: \(name).conf     # what administrators edit survives upgrades
        #   to: /etc/\(name).conf
        # - tree: share                # a folder with its structure
        #   to: /usr/share/\(name)
        #   exclude: ["*.orig"]
        # strip: true                  # programs and libraries lose their symbols, to the package \(name)-dbgsym
        # units:                       # systemd units, enabled and started by the package
        #   - file: \(name).service
        #     on-upgrade: restart      # or stop-start, leave
        changelog: changelog           # its newest date becomes the date of the files
        license: Apache-2.0            # or another SPDX expression, such as MIT with license-file: LICENSE
        copyright-holders: \(maintainer)

        """
    }

    private var programText: String {
        """
        #!/bin/sh
        echo "\(name)"

        """
    }

    private var changelogText: String {
        """
        \(name) (0.1.0) unstable; urgency=medium

          * First package.

         -- \(maintainer)  \(MailDate.text(max(0, date)))

        """
    }

}

/// Why a template could not be written.
public enum TemplateError: Error, Sendable, CustomStringConvertible {
    /// The folder exists.
    case exists(String)
    /// The file system failed.
    case file(FileError)

    /// The sentence for people.
    public var description: String {
        switch self {
        case .exists(let path): "'\(path)' exists already; choose another name or remove it"
        case .file(let error): error.description
        }
    }
}
