/// A machine that checks are to run on.
public struct Machine: Sendable, Hashable {
    /// The name by which the user knows it.
    public var name: String
    /// How it is reached.
    public var address: MachineAddress
    /// The file with the private key to use first; nil leaves it to ssh.
    public var identityFile: String?
    /// Whether the inventory asks for another user's rights (`ansible_become`).
    public var usesSudo: Bool
    /// The groups of the inventory that it is in, without `all`.
    public var groups: [String]

    /// Creates a machine.
    public init(
        name: String, address: MachineAddress, identityFile: String? = nil, usesSudo: Bool = false,
        groups: [String] = []
    ) {
        self.name = name
        self.address = address
        self.identityFile = identityFile
        self.usesSudo = usesSudo
        self.groups = groups
    }
}
