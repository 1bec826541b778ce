import ArgumentParser

/// The commands that speak with the cluster.
enum ClusterCommands {
    static let all: [any ParsableCommand.Type] = []
}
