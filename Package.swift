// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The floors of Sources/, lowest first. A module may use its own floor and those below; ArchitectureTests checks it.
enum Floor: String {
    case base = "Base"
    case debian = "Debian"
    case checks = "Checks"
    case remote = "Remote"
    case mesh = "Mesh"
    case tools = "Tools"
}

extension Target {
    static func module(
        _ name: String, on floor: Floor, _ dependencies: [Dependency] = [], exclude: [String] = [],
        embedding files: [String] = []
    ) -> Target {
        .target(
            name: name, dependencies: dependencies, path: "Sources/\(floor.rawValue)/\(name)", exclude: exclude,
            resources: files.map { .embedInCode($0) }, swiftSettings: strict)
    }

    static func tool(_ name: String, _ dependencies: [Dependency]) -> Target {
        .executableTarget(
            name: name, dependencies: dependencies + [.argumentParser], path: "Sources/\(Floor.tools.rawValue)/\(name)",
            swiftSettings: strict)
    }

    // C that only its wrapper imports.
    static func c(_ name: String, linking libraries: [String] = []) -> Target {
        .target(
            name: name, path: "Sources/\(Floor.base.rawValue)/\(name)",
            linkerSettings: libraries.map { .linkedLibrary($0) })
    }

    static func system(_ name: String, pkgConfig: String, apt package: String) -> Target {
        .systemLibrary(
            name: name, path: "Sources/\(Floor.base.rawValue)/\(name)", pkgConfig: pkgConfig,
            providers: [.apt([package])])
    }
}

extension Target.Dependency {
    static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = product(name: "CryptoExtras", package: "swift-crypto")
    // Only the checks and the mesh need these. A package that uses the Debian libraries without traits does not resolve
    // them.
    static func mesh(_ name: String, package: String) -> Target.Dependency {
        product(name: name, package: package, condition: .when(traits: ["Mesh"]))
    }
    static let grpcCore = mesh("GRPCCore", package: "grpc-swift-2")
    static let grpcProtobuf = mesh("GRPCProtobuf", package: "grpc-swift-protobuf")
    static let grpcTransport = mesh("GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")
    static let logging = mesh("Logging", package: "swift-log")
    static let nioCore = mesh("NIOCore", package: "swift-nio")
    static let nioHPACK = mesh("NIOHPACK", package: "swift-nio-http2")
    static let nioHTTP1 = mesh("NIOHTTP1", package: "swift-nio")
    static let nioHTTP2 = mesh("NIOHTTP2", package: "swift-nio-http2")
    static let nioPosix = mesh("NIOPosix", package: "swift-nio")
    static let nioSSL = mesh("NIOSSL", package: "swift-nio-ssl")
    static let nioTLS = mesh("NIOTLS", package: "swift-nio")
    static let swiftASN1 = mesh("SwiftASN1", package: "swift-asn1")
    static let swiftProtobuf = mesh("SwiftProtobuf", package: "swift-protobuf")
    static let x509 = mesh("X509", package: "swift-certificates")
}

let package = Package(
    name: "istio-vm-toolchain",
    products: [
        .executable(name: "debbuild", targets: ["debbuild"]),
        .executable(name: "pilot-agent", targets: ["pilot-agent"]),
        .executable(name: "node_agent", targets: ["node_agent"]),
        .executable(name: "meshcheck", targets: ["meshcheck"]),
        .executable(name: "meshex", targets: ["meshex"]),
        .executable(name: "mesh-lab", targets: ["mesh-lab"]),
        .library(name: "Archive", targets: ["Archive"]),
        .library(name: "DebianFormat", targets: ["DebianFormat"]),
        .library(name: "DebianArchive", targets: ["DebianArchive"]),
        .library(name: "DebianBuild", targets: ["DebianBuild"]),
        .library(name: "DebianLint", targets: ["DebianLint"]),
        .library(name: "ELF", targets: ["ELF"]),
        .library(name: "MeshContract", targets: ["MeshContract"]),
        .library(name: "Documents", targets: ["Documents"]),
        .library(name: "Platform", targets: ["Platform"]),
    ],
    traits: [
        .default(enabledTraits: ["Mesh"]),
        .trait(
            name: "Mesh", description: "The checks, the mesh and their tools, on top of Debian libraries and debbuild."
        ),
    ],
    dependencies: [
        // Options, help, completions and manual pages of the programs, from one declaration.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // SHA-256 for payloads and records, MD5 for md5sums; in assembly on machines that support it.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // X.509 certificates, requests and chains.
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        // DER, for extensions and key formats that swift-certificates does not cover.
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        // Another implementation of gRPC, for tests.
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        // HTTP/2 with mutual TLS for gRPC, for tests.
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        // Connects gRPC and the generated messages, for tests.
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        // The runtime of the generated messages, for tests.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        // Sockets and event loops, for HTTP and for the DNS and TCP probes.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // TLS, for the probes and the control plane.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // HTTP/2, for the authority's one method.
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        // The logger type that the server libraries expect.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // MARK: Base
        // libarchive: every archive format that is read or written. Only Archive imports it.
        .system("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
        // liblzma: xz with a branch filter and a fixed block size, which libarchive lacks. Only Archive imports it.
        .system("CLzma", pkgConfig: "liblzma", apt: "liblzma-dev"),
        // libyaml: YAML events with positions. Only Documents imports it.
        .system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        // libpcre2: regular expressions with limits on matching. Only Patterns imports it.
        .system("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
        // fork, exec and everything between them, where Swift must not run.
        .c("CProcess"),
        // Calls of Linux and glibc that Swift does not import, such as the resolver's macros.
        .c("CLinux", linking: ["resolv"]),
        .module("Platform", on: .base),
        .module("Files", on: .base, ["CLinux", "Platform"]),
        .module("StandardStreams", on: .base, ["Platform"]),
        .module("HTTP", on: .base, ["Platform", .nioCore, .nioHTTP1, .nioPosix]),
        .module("Archive", on: .base, ["CArchive", "CLzma", "Files", "Platform"]),
        .module("ELF", on: .base, ["Platform"]),
        .module("Documents", on: .base, ["CYAML", "Platform"]),
        .module(
            "Certificates", on: .base, ["Files", "Platform", .crypto, .cryptoExtras, .swiftASN1, .x509]),
        .module("Patterns", on: .base, ["CPCRE2"]),
        .module("Processes", on: .base, ["CProcess", "Platform"]),
        .module("Downloads", on: .base, ["Files", "Platform", "Processes"]),

        // MARK: Debian
        .module("DebianFormat", on: .debian, ["Platform"]),
        // An installed package, as a list of its files and as checks for meshcheck.
        .module("DebianManifest", on: .debian, ["Documents", "Platform"]),
        // A .deb as a value: reading, writing, inspecting, comparing.
        .module(
            "DebianArchive", on: .debian,
            ["Archive", "DebianFormat", "DebianManifest", "ELF", "Files", "Platform", "Documents", .crypto]),
        // From package.yaml and workspace.yaml to plans, and from plans to packages.
        .module(
            "DebianBuild", on: .debian,
            [
                "Archive", "DebianArchive", "DebianFormat", "DebianLint", "DebianManifest", "Documents", "Downloads",
                "ELF", "Files",
                "Platform", "Processes", .crypto,
            ]),
        // Packages and the specifications of other builders to workspaces.
        .module(
            "DebianImport", on: .debian,
            ["Archive", "DebianArchive", "DebianBuild", "DebianFormat", "Documents", "ELF", "Files", "Platform"]),
        // Rules for packages; other modules register more.
        .module(
            "DebianLint", on: .debian,
            ["Archive", "DebianArchive", "DebianFormat", "ELF", "Files", "Platform", "Documents"]),
        // A signed apt repository in a folder.
        .module(
            "DebianRepository", on: .debian,
            [
                "Archive", "DebianArchive", "DebianFormat", "Documents", "Files", "Platform", "Processes", .crypto,
            ]),

        // MARK: Checks
        .module(
            "Probes", on: .checks,
            [
                "CLinux", "Certificates", "DebianFormat", "DebianManifest", "ELF", "Files", "HTTP", "Patterns",
                "Platform",
                "Processes", .crypto, .nioCore, .nioPosix, .nioSSL, .nioTLS, .swiftASN1, .x509,
            ]),
        .module(
            "Scenarios", on: .checks,
            ["DebianFormat", "Files", "Probes", "Patterns", "Platform", "Documents"]),
        .module("Reports", on: .checks, ["Probes", "Platform", "Scenarios", "Documents"]),

        // MARK: Remote
        // Inventories, and hosts over the system's ssh.
        .module(
            "RemoteHosts", on: .remote,
            ["Documents", "Files", "Platform", "Processes", "Reports", "Scenarios", .argumentParser, .crypto],
            embedding: ["remoteCheck.sh"]),

        // MARK: Mesh
        .module("MeshContract", on: .mesh, ["Platform"]),
        .module(
            "WorkloadCertificates", on: .mesh,
            ["CLinux", "Certificates", "Files", "MeshContract", "Platform", .crypto, .swiftASN1, .x509]),
        // The mesh for checks: facts of its hosts, the route drawn in reports, profiles.
        .module(
            "MeshChecks", on: .mesh, ["Probes", "MeshContract", "MeshProbes", "Platform", "Reports", "Scenarios"]),
        // The authority's two messages, and one call of gRPC over HTTP/2, for both sides.
        .module("IstioCAProtocol", on: .mesh, ["MeshContract", "Platform", .nioCore, .nioHPACK, .nioHTTP2]),
        // Probes that only a mesh needs.
        .module(
            "MeshProbes", on: .mesh,
            ["Certificates", "Files", "MeshContract", "Platform", "Probes", .x509]),
        .module(
            "NodeAgent", on: .mesh,
            [
                "Certificates", "Files", "IstioCAProtocol", "MeshContract", "Platform", "WorkloadCertificates", .crypto,
                .cryptoExtras, .nioCore, .nioHTTP2, .nioPosix, .nioSSL, .swiftASN1, .x509,
            ]),
        .module(
            "SidecarAgent", on: .mesh,
            [
                "Certificates", "Files", "HTTP", "MeshContract", "Platform", "Processes", "WorkloadCertificates",
                .crypto, .nioCore, .nioPosix, .x509,
            ]),
        .module(
            "ControlPlane", on: .mesh,
            [
                "Certificates", "Documents", "Files", "HTTP", "IstioCAProtocol", "MeshContract", "Platform",
                "Processes", "WorkloadCertificates", .crypto, .cryptoExtras, .logging, .nioCore, .nioHTTP2, .nioPosix,
                .nioSSL, .swiftASN1, .x509,
            ]),
        // Lint rules for the mesh's packages.
        .module(
            "MeshLint", on: .mesh,
            [
                "Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianLint", "Files", "MeshContract",
                "Platform",
            ]),
        // The cluster's side of meshex, through the user's kubectl.
        .module(
            "ClusterSetup", on: .mesh,
            ["CLinux", "Certificates", "Files", "MeshContract", "Platform", "Processes", "WorkloadCertificates"]),
        // The hosts' side of meshex: the guide's steps over ssh, and releases to install from.
        .module(
            "HostSetup", on: .mesh,
            [
                "Certificates", "Downloads", "Files", "MeshContract", "Platform", "RemoteHosts", "Reports",
                "WorkloadCertificates", .crypto,
            ], embedding: ["receiveSetup.sh", "setupIstioVM.sh"]),

        // MARK: Tools
        .tool(
            "debbuild",
            [
                "Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianImport", "DebianLint",
                "DebianRepository", "Documents", "Downloads", "Files", "MeshLint", "Platform", "StandardStreams",
            ]),
        .tool("pilot-agent", ["MeshContract", "Platform", "Processes", "SidecarAgent", "StandardStreams"]),
        .tool("node_agent", ["MeshContract", "NodeAgent", "Platform", "StandardStreams", "WorkloadCertificates"]),
        .tool(
            "mesh-lab",
            ["ControlPlane", "Files", "MeshContract", "Platform", "Documents", "StandardStreams", .logging]),
        .tool(
            "meshcheck",
            [
                "CLinux", "DebianManifest", "Documents", "Files", "HTTP", "MeshChecks", "MeshProbes", "Platform",
                "Probes", "RemoteHosts",
                "Reports", "Scenarios", "StandardStreams", .crypto,
            ]),
        .tool(
            "meshex",
            [
                "ClusterSetup", "Documents", "Files", "HostSetup", "MeshContract", "Platform", "RemoteHosts", "Reports",
                "StandardStreams",
            ]),

        // MARK: Tests
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        // The authority's protocol, generated from the .proto file for comparison.
        .target(
            name: "GeneratedCAProtocol", dependencies: [.grpcCore, .grpcProtobuf, .swiftProtobuf],
            path: "Tests/GeneratedCAProtocol", exclude: ["istio_ca.proto"]),
        .testTarget(name: "ArchitectureTests", dependencies: ["TestSupport"]),
        .testTarget(name: "PlatformTests", dependencies: ["Platform"]),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "ArchiveTests", dependencies: ["Archive", "Files", "TestSupport"]),
        .testTarget(name: "DebianFormatTests", dependencies: ["DebianFormat", "Platform", "TestSupport"]),
        .testTarget(name: "ELFTests", dependencies: ["ELF", "TestSupport"]),
        .testTarget(name: "DocumentsTests", dependencies: ["Platform", "Documents", "TestSupport"]),
        .testTarget(name: "DownloadsTests", dependencies: ["Downloads", "TestSupport"]),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"]),
        .testTarget(
            name: "PackagingTests",
            dependencies: [
                "Platform", "debbuild", "mesh-lab", "meshcheck", "meshex", "node_agent", "pilot-agent", "TestSupport",
            ]),
        .testTarget(
            name: "DebianPackageTests",
            dependencies: [
                "Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianLint", "ELF", "Files", "MeshLint",
                "Platform", "Documents", "TestSupport",
            ]),
        .testTarget(
            name: "DebianRepositoryTests",
            dependencies: ["DebianRepository", "Documents", "Platform", "debbuild", "TestSupport"]),
        .testTarget(name: "DebbuildTests", dependencies: ["debbuild", "TestSupport"]),
        .testTarget(
            name: "DocumentationTests",
            dependencies: ["debbuild", "mesh-lab", "meshcheck", "meshex", "pilot-agent", "TestSupport"]),
        .testTarget(name: "LabTests", dependencies: ["meshex", "TestSupport"], exclude: ["lifecycle.sh"]),
        .testTarget(name: "MeshContractTests", dependencies: ["MeshContract", "Platform", "TestSupport"]),
        .testTarget(
            name: "WorkloadCertificatesTests",
            dependencies: [
                "Certificates", "Files", "MeshContract", "WorkloadCertificates", "TestSupport", .swiftASN1, .x509,
            ]),
        .testTarget(
            name: "NodeAgentTests",
            dependencies: [
                "Certificates", "Files", "GeneratedCAProtocol", "IstioCAProtocol", "MeshContract", "NodeAgent",
                "Platform",
                "WorkloadCertificates", "node_agent", "TestSupport", .grpcCore, .grpcTransport, .swiftASN1,
                .swiftProtobuf,
                .x509,
            ]),
        .testTarget(
            name: "SidecarAgentTests",
            dependencies: [
                "MeshContract", "Platform", "Processes", "SidecarAgent", "WorkloadCertificates", "pilot-agent",
                "TestSupport",
            ]),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "GeneratedCAProtocol", "mesh-lab", "node_agent", "TestSupport", .grpcCore, .grpcTransport,
            ],
            exclude: ["Recorded"]),
        .testTarget(
            name: "ProbesTests",
            dependencies: ["HTTP", "MeshContract", "MeshProbes", "Platform", "Probes", "TestSupport", .nioCore]),
        .testTarget(
            name: "ScenariosTests",
            dependencies: ["Documents", "MeshChecks", "Platform", "Probes", "Scenarios", "TestSupport"]
        ),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Probes", "MeshChecks", "Platform", "Reports", "Scenarios", "TestSupport"],
            exclude: ["Recorded"]),
        .testTarget(
            name: "RemoteHostsTests",
            dependencies: ["Documents", "Platform", "Processes", "RemoteHosts", "TestSupport"]),
        .testTarget(name: "MeshcheckTests", dependencies: ["debbuild", "meshcheck", "TestSupport"]),
        .testTarget(
            name: "ClusterSetupTests", dependencies: ["mesh-lab", "meshex", "TestSupport"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "HostSetupTests", dependencies: ["HostSetup", "meshex", "TestSupport"]),
        .testTarget(
            name: "ConformanceTests", dependencies: ["debbuild", "mesh-lab", "meshcheck", "TestSupport"],
            exclude: ["Scenarios"]),
    ],
    swiftLanguageModes: [.v6]
)
