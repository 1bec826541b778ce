/// What is read of a Service (API reference of Kubernetes, core/v1).
struct ServiceObject: Decodable, Sendable {
    struct Spec: Decodable, Sendable {
        var ports: [ServiceObjectPort]?
        var selector: [String: String]?
        var type: String?
    }
    struct Status: Decodable, Sendable {
        struct Balancer: Decodable, Sendable {
            struct Ingress: Decodable, Sendable {
                var ip: String?
                var hostname: String?
            }
            var ingress: [Ingress]?
        }
        var loadBalancer: Balancer?
    }
    struct Metadata: Decodable, Sendable {
        var annotations: [String: String]?
        var labels: [String: String]?
        var resourceVersion: String?
    }
    var metadata: Metadata
    var spec: Spec
    var status: Status?
}

/// A port of a Service.
struct ServiceObjectPort: Codable, Sendable, Hashable {
    var name: String?
    var port: Int
    var `protocol`: String?
    var targetPort: TargetPort?

    /// A number or a name.
    enum TargetPort: Codable, Sendable, Hashable {
        case number(Int)
        case name(String)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .name(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .name(let name): try container.encode(name)
            }
        }
    }
}

/// Endpoints of a Service.
struct EndpointsObject: Codable, Sendable {
    struct Metadata: Codable, Sendable {
        var name: String
        var namespace: String
        var labels: [String: String]?
        var annotations: [String: String]?
        /// Makes the API server refuse what somebody else has changed meanwhile.
        var resourceVersion: String?
    }
    struct Address: Codable, Sendable, Hashable {
        var ip: String
        var hostname: String?
        var nodeName: String?
    }
    struct Port: Codable, Sendable, Hashable {
        var name: String?
        var port: Int
        var `protocol`: String?
    }
    struct Subset: Codable, Sendable, Hashable {
        var addresses: [Address]?
        var notReadyAddresses: [Address]?
        var ports: [Port]?
    }
    var apiVersion = "v1"
    var kind = "Endpoints"
    var metadata: Metadata
    var subsets: [Subset]?
}

/// What is read of a Secret.
struct SecretObject: Decodable, Sendable {
    var type: String?
    /// Base64 by key.
    var data: [String: String]?
}
