// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// The floors of Sources/, lowest first. A module depends on its own floor and on those below it: ArchitectureTests.
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
        _ name: String, on floor: Floor, _ dependencies: [Dependency] = [], exclude: [String] = []
    ) -> Target {
        .target(
            name: name, dependencies: dependencies, path: "Sources/\(floor.rawValue)/\(name)", exclude: exclude,
            swiftSettings: strict)
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
    static let asyncHTTPClient = product(name: "AsyncHTTPClient", package: "async-http-client")
    static let crypto = product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras = product(name: "CryptoExtras", package: "swift-crypto")
    static let grpcCore = product(name: "GRPCCore", package: "grpc-swift-2")
    static let grpcProtobuf = product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")
    static let grpcTransport = product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport")
    static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
    static let logging = product(name: "Logging", package: "swift-log")
    static let nioCore = product(name: "NIOCore", package: "swift-nio")
    static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
    static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioTLS = product(name: "NIOTLS", package: "swift-nio")
    static let subprocess = product(name: "Subprocess", package: "swift-subprocess")
    static let swiftASN1 = product(name: "SwiftASN1", package: "swift-asn1")
    static let swiftProtobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
    static let x509 = product(name: "X509", package: "swift-certificates")
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
        .library(name: "SpecLoading", targets: ["SpecLoading"]),
    ],
    dependencies: [
        // Options, help, completions and manual pages of the executables from one declaration.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // SHA-256 for payloads and records, MD5 for md5sums, in assembly where the machine has it.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Runs curl and swift build with arguments as arrays, never through a shell.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        // X.509 certificates, requests and chains.
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        // DER for extensions and key formats that swift-certificates leaves to its users.
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        // gRPC towards and in the certificate authority.
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        // HTTP/2 with mutual TLS below gRPC.
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        // Joins gRPC and the generated messages.
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        // The runtime of the generated messages.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        // Sockets and event loops below HTTP, DNS and TCP probes.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // TLS of probes and of the control plane.
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // HTTP requests of pilot-agent and meshcheck.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // HTTP servers: the control plane's Pilot and meshcheck serve.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        // The logger type that the server libraries take.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // MARK: Base
        // libarchive: every archive format that is read or written; seen by Archive alone.
        .system("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
        // liblzma: xz with a branch filter and a fixed block size, which libarchive cannot set; seen by Archive alone.
        .system("CLzma", pkgConfig: "liblzma", apt: "liblzma-dev"),
        // libyaml: YAML events with positions; seen by SpecLoading alone.
        .system("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        // fork, exec and what has to happen between them, where Swift may not run.
        .c("CProcess"),
        // glibc's resolver functions, most of which are macros.
        .c("CResolver", linking: ["resolv"]),
        // Calls of Linux and glibc that Swift does not import.
        .c("CLinux"),
        .module("Platform", on: .base),
        .module("Files", on: .base, ["Platform"]),
        .module("StandardStreams", on: .base),
        .module("Archive", on: .base, ["CArchive", "CLzma", "Files"]),
        .module("ELF", on: .base, ["Platform"]),
        .module("SpecLoading", on: .base, ["CYAML", "Platform"]),
        .module("Processes", on: .base, ["CProcess", "Platform"]),

        // MARK: Debian
        .module("DebianFormat", on: .debian, ["Platform"]),
        // A .deb as a value: reading, writing, inspecting, comparing.
        .module(
            "DebianArchive", on: .debian,
            ["Archive", "DebianFormat", "ELF", "Files", "Platform", "SpecLoading", .crypto]),
        // package.yaml and workspace.yaml to plans, and those to packages.
        .module(
            "DebianBuild", on: .debian,
            [
                "Archive", "DebianArchive", "DebianFormat", "ELF", "Files", "Platform", "SpecLoading", .crypto,
                .subprocess,
            ]),
        // Rules for packages; more of them are registered from outside.
        .module(
            "DebianLint", on: .debian,
            ["Archive", "DebianArchive", "DebianFormat", "ELF", "Files", "Platform", "SpecLoading"]),

        // MARK: Checks
        .module(
            "HostProbes", on: .checks,
            [
                "CLinux", "CResolver", "DebianFormat", "ELF", "Files", "MeshContract", "Platform", "Processes",
                "WorkloadCertificates", .asyncHTTPClient, .crypto, .nioCore, .nioHTTP1, .nioPosix, .nioSSL, .nioTLS,
                .swiftASN1, .x509,
            ]),
        .module(
            "Scenarios", on: .checks,
            ["DebianFormat", "Files", "HostProbes", "MeshContract", "Platform", "SpecLoading"]),
        .module("Reports", on: .checks, ["HostProbes", "MeshContract", "Platform", "Scenarios", "SpecLoading"]),

        // MARK: Remote
        // Hosts by name: inventories, and the system's ssh towards them.
        .module(
            "Fleet", on: .remote,
            ["Files", "MeshContract", "Platform", "Reports", "Scenarios", "SpecLoading", .crypto, .subprocess]),

        // MARK: Mesh
        .module("MeshContract", on: .mesh, ["Platform"]),
        .module(
            "WorkloadCertificates", on: .mesh,
            ["Files", "MeshContract", "Platform", .crypto, .cryptoExtras, .swiftASN1, .x509]),
        // Generated from the .proto beside it.
        .target(
            name: "IstioCAProtocol", dependencies: [.grpcCore, .grpcProtobuf, .swiftProtobuf],
            path: "Sources/Mesh/IstioCAProtocol", exclude: ["istio_ca.proto"]),
        .module(
            "CertificateAgent", on: .mesh,
            [
                "Files", "IstioCAProtocol", "MeshContract", "Platform", "WorkloadCertificates", .crypto, .cryptoExtras,
                .grpcCore, .grpcTransport, .nioCore, .nioPosix, .nioSSL, .swiftASN1, .x509,
            ]),
        .module(
            "SidecarAgent", on: .mesh,
            [
                "Files", "MeshContract", "Platform", "Processes", "WorkloadCertificates", .asyncHTTPClient, .crypto,
                .nioCore, .nioHTTP1, .nioPosix, .x509,
            ]),
        .module(
            "ControlPlane", on: .mesh,
            [
                "Files", "IstioCAProtocol", "MeshContract", "Platform", "Processes", "SpecLoading",
                "WorkloadCertificates", .crypto, .cryptoExtras, .grpcCore, .grpcTransport, .hummingbird, .logging,
                .nioCore, .nioPosix, .nioSSL, .swiftASN1, .x509,
            ]),
        // What the mesh asks of its packages, for debbuild.
        .module(
            "MeshLint", on: .mesh,
            ["Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianLint", "Files", "MeshContract"]),
        // The cluster's side of mesh expansion, through the user's kubectl.
        .module(
            "MeshExpansion", on: .mesh,
            ["Files", "MeshContract", "Platform", "Processes", "SpecLoading", "WorkloadCertificates", .crypto, .x509]),
        // The host's side: the guide's steps over ssh, and releases to install from.
        .module(
            "MachineSetup", on: .mesh,
            [
                "Files", "Fleet", "MeshContract", "Platform", "Processes", "Reports", "SpecLoading",
                "WorkloadCertificates", .crypto, .subprocess,
            ]),

        // MARK: Tools
        .tool(
            "debbuild",
            [
                "Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianLint", "Files", "MeshLint", "Platform",
                "SpecLoading", "StandardStreams",
            ]),
        .tool("pilot-agent", ["MeshContract", "Platform", "Processes", "SidecarAgent", "StandardStreams"]),
        .tool("node_agent", ["CertificateAgent", "MeshContract", "Platform", "WorkloadCertificates"]),
        .tool(
            "mesh-lab",
            ["ControlPlane", "Files", "MeshContract", "Platform", "SpecLoading", "StandardStreams", .logging]),
        .tool(
            "meshcheck",
            [
                "CLinux", "Files", "Fleet", "HostProbes", "MeshContract", "Platform", "Reports", "Scenarios",
                "SpecLoading", "StandardStreams", .hummingbird, .logging, .nioCore,
            ]),
        .tool(
            "meshex",
            [
                "Files", "Fleet", "MachineSetup", "MeshContract", "MeshExpansion", "Platform", "Processes", "Reports",
                "SpecLoading", "StandardStreams",
            ]),

        // MARK: Tests
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .testTarget(name: "PlatformTests", dependencies: ["Platform", "TestSupport"]),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "ArchiveTests", dependencies: ["Archive", "TestSupport"]),
        .testTarget(name: "DebianFormatTests", dependencies: ["DebianFormat", "TestSupport"]),
        .testTarget(name: "ELFTests", dependencies: ["ELF", "TestSupport"]),
        .testTarget(name: "SpecLoadingTests", dependencies: ["SpecLoading", "TestSupport"]),
        .testTarget(
            name: "PackagingTests", dependencies: ["debbuild", "meshcheck", "node_agent", "pilot-agent", "TestSupport"]),
        .testTarget(
            name: "DebianPackageTests",
            dependencies: [
                "Archive", "DebianArchive", "DebianBuild", "DebianFormat", "DebianLint", "ELF", "Files", "MeshLint",
                "Platform", "SpecLoading", "TestSupport",
            ]),
        .testTarget(name: "DebbuildTests", dependencies: ["debbuild", "TestSupport"]),
        .testTarget(name: "LabTests", dependencies: ["meshex", "TestSupport"]),
        .testTarget(name: "MeshContractTests", dependencies: ["MeshContract", "TestSupport"]),
        .testTarget(
            name: "WorkloadCertificatesTests",
            dependencies: ["Files", "MeshContract", "WorkloadCertificates", "TestSupport", .swiftASN1, .x509]),
        .testTarget(
            name: "CertificateAgentTests",
            dependencies: [
                "CertificateAgent", "Files", "IstioCAProtocol", "MeshContract", "Platform", "WorkloadCertificates",
                "mesh-lab", "node_agent", "TestSupport", .crypto, .grpcCore, .grpcTransport, .swiftASN1, .x509,
            ]),
        .testTarget(
            name: "SidecarAgentTests",
            dependencies: ["Platform", "Processes", "SidecarAgent", "mesh-lab", "pilot-agent", "TestSupport"]),
        .testTarget(name: "ControlPlaneTests", dependencies: ["mesh-lab", "node_agent", "TestSupport"]),
        .testTarget(name: "HostProbesTests", dependencies: ["HostProbes", "Platform", "TestSupport"]),
        .testTarget(
            name: "ScenariosTests",
            dependencies: [
                "Files", "HostProbes", "MeshContract", "Platform", "Scenarios", "SpecLoading", "TestSupport",
            ]
        ),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["HostProbes", "MeshContract", "Platform", "Reports", "Scenarios", "TestSupport"],
            exclude: ["Recorded"]),
        .testTarget(name: "FleetTests", dependencies: ["Fleet", "Platform", "Reports", "SpecLoading", "TestSupport"]),
        .testTarget(name: "MeshcheckTests", dependencies: ["meshcheck", "TestSupport"]),
        .testTarget(
            name: "MeshExpansionTests", dependencies: ["MeshExpansion", "mesh-lab", "meshex", "TestSupport"],
            exclude: ["Fixtures"]),
        .testTarget(
            name: "MachineSetupTests", dependencies: ["Files", "MachineSetup", "Platform", "meshex", "TestSupport"]),
        .testTarget(
            name: "ConformanceTests", dependencies: ["debbuild", "mesh-lab", "meshcheck", "TestSupport"],
            exclude: ["Scenarios"]),
    ],
    swiftLanguageModes: [.v6]
)
