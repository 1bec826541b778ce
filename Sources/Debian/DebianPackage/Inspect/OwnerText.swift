import Archive

/// Owners and groups for people.
enum OwnerText {
    /// The name, or the number where the archive has no name.
    static func of(_ owner: Owner) -> String {
        owner.name.isEmpty ? String(owner.id) : owner.name
    }
}
