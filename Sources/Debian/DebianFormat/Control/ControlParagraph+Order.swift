import Platform

extension ControlParagraph {
    /// The order in which dpkg-gencontrol(1) writes the fields of a binary package.
    private static let binaryOrder = [
        "Package", "Package-Type", "Source", "Version", "Kernel-Version", "Built-For-Profiles", "Auto-Built-Package",
        "Architecture", "Subarchitecture", "Installer-Menu-Item", "Build-Essential", "Essential", "Protected", "Origin",
        "Bugs", "Maintainer", "Installed-Size", "Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances",
        "Conflicts", "Breaks", "Replaces", "Provides", "Built-Using", "Static-Built-Using", "Section", "Priority",
        "Multi-Arch", "Homepage", "Description", "Tag", "Task",
    ]

    private static let binaryRank: [[UInt8]: Int] = Dictionary(
        binaryOrder.enumerated().map { (Ascii.lowercased($0.element), $0.offset) },
        uniquingKeysWith: { first, _ in first })

    /// The fields in the order in which dpkg writes those of a binary package: the known ones, then the others by name.
    public func orderedForBinaryControl() -> ControlParagraph {
        let keyed = fields.map { field in
            let key = Ascii.lowercased(field.name)
            return (field: field, key: key, rank: Self.binaryRank[key] ?? Int.max)
        }
        var copy = ControlParagraph()
        copy.fields = keyed.sorted { left, right in
            left.rank != right.rank ? left.rank < right.rank : left.key.lexicographicallyPrecedes(right.key)
        }.map(\.field)
        return copy
    }
}
