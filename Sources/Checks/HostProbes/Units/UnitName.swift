/// Names of systemd's units.
enum UnitName {
    private static let suffixes = [
        ".service", ".socket", ".target", ".timer", ".mount", ".automount", ".path", ".slice", ".scope", ".swap",
        ".device",
    ]

    /// The name with `.service` behind it unless it says its type, as systemctl(1) takes it.
    static func completed(_ name: String) -> String {
        suffixes.contains { name.endsBytewise($0) } ? name : name + ".service"
    }

    /// Whether it can be a unit's name (systemd.unit(5)): nothing that systemctl would take for an option or a pattern.
    static func isValid(_ name: String) -> Bool {
        guard (1...255).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "-") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
    }
}
