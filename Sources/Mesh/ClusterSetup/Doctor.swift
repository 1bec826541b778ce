import Dispatch
import FoundationEssentials
import Glibc
import Platform

/// Whether a cluster is ready for hosts, seen from the operator's side.
public struct Doctor: Sendable {
    /// One thing that was looked at.
    public struct Finding: Sendable, Hashable {
        /// What it is: `Pilot's load balancer`.
        public var subject: String
        /// Nil when it is as it should be.
        public var problem: ClusterProblem?
        /// What was seen.
        public var seen: String
    }

    /// The cluster.
    public var kubectl: Kubectl
    /// The control plane's namespace.
    public var namespace: String
    /// The service account whose secret is looked at, and its namespace.
    public var account: (name: String, namespace: String)
    /// How long one server has to answer.
    public var timeLimit = Duration.seconds(3)

    /// Creates a doctor.
    public init(kubectl: Kubectl, namespace: String, account: (name: String, namespace: String)) {
        self.kubectl = kubectl
        self.namespace = namespace
        self.account = account
    }

    /// Looks at everything.
    public func examine(_ progress: @Sendable (Finding) -> Void) async -> [Finding] {
        var findings: [Finding] = []
        func note(_ subject: String, _ seen: String, _ problem: ClusterProblem?) {
            let finding = Finding(subject: subject, problem: problem, seen: seen)
            findings.append(finding)
            progress(finding)
        }
        do throws(ClusterProblem) {
            let ranges = try await ServiceRange.ask(kubectl)
            note(
                "API server", "answers; services have addresses of \(ranges.map(\.description).joined(separator: ","))",
                nil)
        } catch {
            note("API server", error.found, error)
            // Everything else goes through it.
            if error.kind == .unreachable || error.kind == .late { return findings }
        }
        for balancer in LoadBalancer.allCases {
            let subject = "load balancer of \(balancer.title)"
            do throws(ClusterProblem) {
                let addresses = try await BalancerAddresses.one(kubectl, balancer, controlPlane: namespace)
                let answers = await Reach.answers(addresses.address, balancer, within: timeLimit)
                if answers {
                    note(subject, "\(addresses.address) port \(balancer.port) answers", nil)
                } else {
                    note(
                        subject, "\(addresses.address) port \(balancer.port) does not answer",
                        ClusterProblem(
                            .state, "reach \(balancer.rawValue)",
                            found:
                                "\(addresses.address) port \(balancer.port)\(balancer.isDatagram ? "/udp" : "") does not answer "
                                + "this host", remedy: "check the pods behind it, and run this in the hosts' network"))
                }
            } catch {
                note(subject, error.found, error)
            }
        }
        do throws(ClusterProblem) {
            let secret = try await WorkloadSecret.read(
                kubectl, account: account.name, namespace: account.namespace, at: Date())
            note(
                "secret \(secret.name) of \(account.namespace)",
                "\(secret.identity), valid for \(secret.secondsLeft / 60) more minutes", nil)
        } catch {
            note("secret istio.\(account.name) of \(account.namespace)", error.found, error)
        }
        return findings
    }
}

/// Whether somebody answers at an address.
enum Reach {
    static func answers(_ address: IPAddress, _ balancer: LoadBalancer, within limit: Duration) async -> Bool {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: ask(address, balancer, limit))
            }
        }
    }

    /// A connection, or a question to the DNS: whether there is a name of the cluster (RFC 1035 section 4.1).
    private static func ask(_ address: IPAddress, _ balancer: LoadBalancer, _ limit: Duration) -> Bool {
        let kind = Int32((balancer.isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
        let flags = Int32(bitPattern: SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.bitWidth == 32 ? AF_INET : AF_INET6, kind | flags, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let milliseconds = Int32(limit.components.seconds * 1000)
        func ready(_ events: Int32) -> Bool {
            var poll = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            return Glibc.poll(&poll, 1, milliseconds) == 1
        }
        let status = SocketAddressBytes(address).withPointer(port: UInt16(balancer.port)) {
            connect(descriptor, $0, $1)
        }
        guard status == 0 || errno == EINPROGRESS else { return false }
        if !balancer.isDatagram {
            var failure: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return ready(POLLOUT) && getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0
        }
        var query: [UInt8] = [0x6d, 0x78, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in "istio-pilot.istio-system.svc.cluster.local".utf8.split(separator: UInt8(ascii: ".")) {
            query.append(UInt8(label.count))
            query += label
        }
        query += [0, 0, 1, 0, 1]
        guard send(descriptor, query, query.count, Int32(MSG_NOSIGNAL)) == query.count, ready(POLLIN) else {
            return false
        }
        var answer = [UInt8](repeating: 0, count: 512)
        let count = recv(descriptor, &answer, answer.count, 0)
        return count >= 12 && answer[0] == 0x6d && answer[1] == 0x78 && answer[2] & 0x80 != 0
    }
}
