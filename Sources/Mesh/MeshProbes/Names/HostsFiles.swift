import Files
import MeshContract
import Platform
import Probes

/// Names in files of hosts (hosts(5)): the C library's and those of dnsmasq.
extension NameSearch {
    /// The files of hosts that dnsmasq reads: its own and those that its configuration names, or folders of them.
    func hostsFiles(of instance: DnsmasqInstances.Instance) async throws(ProbeError) -> [String] {
        var files = instance.options("no-hosts").isEmpty ? ["/etc/hosts"] : []
        for path in instance.options("addn-hosts", "hostsdir").map(\.value) {
            let names = try await BlockingPool.files.run("list \(path)", until: request.deadline) {
                () throws(ProbeError) in
                guard let facts = try FileFacts.read(path, followLinks: true), facts.type == "directory" else {
                    return [String]()
                }
                return try SystemFile.names(in: path) ?? []
            }
            files += names.isEmpty ? [path] : names.sorted().map { "\(path)/\($0)" }
        }
        return files
    }

    /// A line of a file of hosts.
    struct HostsLine {
        var file: String
        var number: Int
        var text: String
    }

    /// The line of some files that has the name with another address.
    func hostsLine(in files: [String]) async throws(ProbeError) -> HostsLine? {
        for file in files {
            for (address, line) in try await hostsLines(in: file)
            where address.bitWidth == 32 && look.reference?.contains(address) != true { return line }
        }
        return nil
    }

    /// The lines of a file of hosts (hosts(5)) that have the name.
    func hostsLines(in file: String) async throws(ProbeError) -> [(address: IPAddress, line: HostsLine)] {
        guard let bytes = try await contents(file) else { return [] }
        let name = Ascii.lowercased(Self.complete(look.name))
        return Bytes.lines(bytes).enumerated().compactMap { number, line in
            let words = Ascii.words(line.prefix { $0 != UInt8(ascii: "#") })
            guard let address = words.first.flatMap({ IPAddress(Ascii.text($0)) }),
                words.dropFirst().contains(where: { Ascii.lowercased(Ascii.text($0)) == name })
            else { return nil }
            return (address, HostsLine(file: file, number: number + 1, text: Ascii.text(line)))
        }
    }

    /// The line of /etc/hosts that has an IPv6 address for the name, where no other has one for IPv4.
    func hostsLineOfSix() async throws(ProbeError) -> HostsLine? {
        let lines = try await hostsLines(in: "/etc/hosts")
        guard !lines.contains(where: { $0.address.bitWidth == 32 }) else { return nil }
        return lines.first.map(\.line)
    }

    func hostsVerdict(_ line: HostsLine, _ layer: NameLayer, and commands: [String]) -> NameVerdict {
        // dnsmasq would read a copy in the same folder.
        NameVerdict(
            layer: layer, cause: .hosts, why: ["\(line.file):\(line.number): \(line.text)"],
            undo: ["cp \(line.file) /root/ && sed -i '\(line.number)s/^/# /' \(line.file)"] + commands)
    }
}
