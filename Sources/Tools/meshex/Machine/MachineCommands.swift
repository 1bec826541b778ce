import ArgumentParser

/// The commands that speak with machines.
enum MachineCommands {
    static let all: [any ParsableCommand.Type] = [MachineSetupCommand.self, MachineScriptCommand.self]
}
