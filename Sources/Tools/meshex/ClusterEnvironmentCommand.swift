import ArgumentParser
import ClusterSetup
import Glibc
import Platform
import StandardStreams

/// `meshex cluster-env`.
struct ClusterEnvironmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster-env",
        abstract: "Write cluster.env: the range of service addresses, whose traffic hosts redirect to Envoy.",
        discussion: """
            The API server names the range when it is asked for a Service with an impossible address; the question is a dry
            run and leaves nothing. With a CLUSTER, gcloud is asked if the API server does not say (GCP_OPTS holds its
            options, such as "--zone us-east1-b").

            EXAMPLES
              meshex cluster-env
              meshex cluster-env --cidr 10.63.240.0/20 --out cluster.env
            """)

    @Argument(help: "The name of a Google cluster, for gcloud.")
    var name: String?

    @Option(help: ArgumentHelp("A range, in place of asking; repeatable.", valueName: "range"))
    var cidr: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
    var out = "cluster.env"

    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try Meshex.write(ServiceRange.file(try await ranges()), to: out)
    }

    private func ranges() async throws -> [CIDR] {
        if !cidr.isEmpty {
            return try cidr.map { text in
                guard let range = CIDR(text) else {
                    throw Meshex.failure(2, "--cidr is '\(text)', expected a range such as 10.63.240.0/20")
                }
                return range
            }
        }
        do throws(ClusterProblem) {
            return try await ServiceRange.ask(cluster.access)
        } catch {
            guard let name else { throw Meshex.failure(error) }
            Terminal.writeErrorLine("meshex: \(error.found); asking gcloud")
            let options = (getenv("GCP_OPTS").map { String(cString: $0) } ?? "").utf8.split(
                separator: UInt8(ascii: " ")
            )
            .map { String(decoding: $0, as: UTF8.self) }
            do throws(ClusterProblem) {
                if let ranges = try await ServiceRange.askGoogle(cluster: name, options: options) { return ranges }
            } catch {
                throw Meshex.failure(error)
            }
            throw Meshex.failure(error)
        }
    }
}
