import ArgumentParser

/// `meshcheck init`.
struct ScenarioInit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Draw up a scenario from an installed package or a unit.")

    func run() async throws {}
}
