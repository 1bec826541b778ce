import Dispatch
import Glibc
import MeshContract
import Platform

/// The addresses of the load balancers.
public struct BalancerAddresses: Sendable, Hashable {
    /// An address, and the host name that it was looked up by where the cloud gives only that.
    public struct Entry: Sendable, Hashable {
        /// The address.
        public var address: IPAddress
        /// The host name; nil when the cloud gives the address itself.
        public var hostName: String?
    }

    /// All four.
    public var entries: [LoadBalancer: Entry]

    /// Waits until all have an address.
    ///
    /// - Parameter progress: called when something has changed, with words for people.
    public static func wait(
        _ kubectl: Kubectl, controlPlane: String, limit: Duration, progress: @Sendable (String) -> Void
    ) async throws(ExpansionProblem) -> BalancerAddresses {
        let deadline = ContinuousClock.now + limit
        var entries: [LoadBalancer: Entry] = [:]
        var told: [LoadBalancer: String] = [:]
        while true {
            var found: [String] = []
            for balancer in LoadBalancer.allCases where entries[balancer] == nil {
                switch try await look(kubectl, balancer, controlPlane) {
                case .success(let entry):
                    entries[balancer] = entry
                    progress("\(balancer.rawValue): \(entry.address)" + (entry.hostName.map { " (\($0))" } ?? ""))
                case .failure(let lack):
                    found.append("\(balancer.rawValue) \(lack.text)")
                    if told.updateValue(lack.text, forKey: balancer) != lack.text {
                        progress("\(balancer.rawValue) \(lack.text)")
                    }
                }
            }
            if entries.count == LoadBalancer.allCases.count { return BalancerAddresses(entries: entries) }
            if ContinuousClock.now >= deadline {
                throw ExpansionProblem(
                    .late, "learn the addresses of the load balancers",
                    found: "after \(limit.components.seconds) s " + found.joined(separator: ", "),
                    remedy:
                        "make them with 'meshex manifests --apply', and see why one gets none: kubectl describe service"
                )
            }
            do {
                try await Task.sleep(for: .seconds(2))
            } catch {
                throw ExpansionProblem(
                    .late, "wait for the load balancers", found: "the end was asked for", remedy: "run it again")
            }
        }
    }

    /// The address of one, as it is now.
    static func one(
        _ kubectl: Kubectl, _ balancer: LoadBalancer, controlPlane: String
    ) async throws(ExpansionProblem) -> Entry {
        switch try await look(kubectl, balancer, controlPlane) {
        case .success(let entry): return entry
        case .failure(let lack):
            throw ExpansionProblem(
                .state, "learn the address of \(balancer.rawValue)", found: "it " + lack.text,
                remedy: "make it with 'meshex manifests --apply'; kubectl describe service \(balancer.rawValue)")
        }
    }

    private struct Lack: Error {
        var text: String
    }

    private static func look(
        _ kubectl: Kubectl, _ balancer: LoadBalancer, _ controlPlane: String
    ) async throws(ExpansionProblem) -> Result<Entry, Lack> {
        let namespace = balancer.namespace(controlPlane: controlPlane)
        guard let service = try await kubectl.object(ServiceObject.self, "service", balancer.rawValue, in: namespace)
        else {
            return .failure(Lack(text: "is not in \(namespace)"))
        }
        for ingress in service.status?.loadBalancer?.ingress ?? [] {
            if let text = ingress.ip, let address = IPAddress(text) {
                return .success(Entry(address: address, hostName: nil))
            }
            if let name = ingress.hostname, !name.isEmpty {
                // dnsmasq takes addresses alone, so the name is looked up here.
                guard let address = await HostName.addresses(name).first else {
                    return .failure(Lack(text: "has the host name \(name), which does not resolve here"))
                }
                return .success(Entry(address: address, hostName: name))
            }
        }
        return .failure(Lack(text: "has no address yet"))
    }
}

/// The system's resolver.
enum HostName {
    /// The addresses of a name, IPv4 first; empty when there are none. getaddrinfo(3) has time limits of its own
    /// (resolv.conf(5)).
    static func addresses(_ name: String) async -> [IPAddress] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: lookUp(name)) }
        }
    }

    private static func lookUp(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let status = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            if status == 0, let address = IPAddress(String(decoding: bytes, as: UTF8.self)) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found.sorted { $0.bitWidth < $1.bitWidth }
    }
}
