import ArgumentParser
import DebianFormat
import Platform
import StandardStreams

/// `debbuild version compare|map`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Compare Debian versions, or map an upstream version to one.",
        subcommands: [Compare.self, Map.self])

    /// `debbuild version compare A B`.
    struct Compare: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which of two versions is later, in dpkg's order (deb-version(7)).",
            discussion: "Writes '<', '=' or '>' between the two.")

        @Argument(help: "A Debian version.") var first: String
        @Argument(help: "Another one.") var second: String

        func run() throws {
            do throws(FormatError) {
                let left = try DebianVersion(first)
                let right = try DebianVersion(second)
                Terminal.write("\(first) \(left < right ? "<" : right < left ? ">" : "=") \(second)\n")
            } catch {
                throw Failure.message(error.description, code: "version", .text, status: 2)
            }
        }
    }

    /// `debbuild version map V…`.
    struct Map: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Map upstream versions to Debian versions, so that a pre-release sorts before its release.",
            discussion: "1.30.0-rc.1 becomes 1.30.0~rc.1, v1.2.3 becomes 1.2.3.")

        @Argument(help: "Upstream versions.") var versions: [String]

        func run() throws {
            for text in versions {
                do throws(FormatError) {
                    Terminal.write("\(try DebianVersion.mapped(from: text))\n")
                } catch {
                    throw Failure.message(error.description, code: "version", .text, status: 2)
                }
            }
        }
    }
}
