// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

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
        .library(name: "DebianPackage", targets: ["DebianPackage"]),
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
        // libarchive: every archive format that is read or written; seen by Archive alone.
        .systemLibrary(
            name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        // liblzma: xz with a branch filter and a fixed block size, which libarchive cannot set; seen by Archive alone.
        .systemLibrary(name: "CLzma", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        // libyaml: YAML events with positions; seen by SpecLoading alone.
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        .target(name: "Files", swiftSettings: strict),
        .target(name: "StandardStreams", swiftSettings: strict),
        .target(name: "Archive", dependencies: ["CArchive", "CLzma", "Files"], swiftSettings: strict),
        .target(name: "DebianFormat", swiftSettings: strict),
        .target(name: "ELF", swiftSettings: strict),
        .target(name: "SpecLoading", dependencies: ["CYAML"], swiftSettings: strict),
        .target(
            name: "DebianPackage",
            dependencies: [
                "Archive", "DebianFormat", "ELF", "Files", "SpecLoading",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict),

        .target(name: "MeshContract", swiftSettings: strict),
        .target(
            name: "WorkloadCertificates",
            dependencies: [
                "Files", "MeshContract",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        // Generated from the .proto beside it.
        .target(
            name: "IstioCAProtocol",
            dependencies: [
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["istio_ca.proto"]),
        .target(
            name: "CertificateAgent",
            dependencies: [
                "Files", "IstioCAProtocol", "MeshContract", "WorkloadCertificates",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        // fork, exec and what has to happen between them, where Swift may not run.
        .target(name: "CProcess"),
        .target(name: "Processes", dependencies: ["CProcess"], swiftSettings: strict),
        .target(
            name: "SidecarAgent",
            dependencies: [
                "Files", "MeshContract", "Processes", "WorkloadCertificates",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        .target(
            name: "ControlPlane",
            dependencies: [
                "Files", "IstioCAProtocol", "MeshContract", "Processes", "SpecLoading",
                "WorkloadCertificates",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),

        // glibc's resolver functions, most of which are macros.
        .target(name: "CResolver", linkerSettings: [.linkedLibrary("resolv")]),
        // Calls of Linux and glibc that Swift does not import.
        .target(name: "CLinux"),
        .target(
            name: "HostProbes",
            dependencies: [
                "CLinux", "CResolver", "DebianFormat", "ELF", "Files", "MeshContract", "Processes",
                "WorkloadCertificates",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        .target(
            name: "Scenarios", dependencies: ["DebianFormat", "Files", "HostProbes", "MeshContract", "SpecLoading"],
            swiftSettings: strict),
        .target(
            name: "Reports", dependencies: ["HostProbes", "MeshContract", "Scenarios", "SpecLoading"],
            swiftSettings: strict),
        // Machines by name: inventories, and the system's ssh towards them.
        .target(
            name: "Fleet",
            dependencies: [
                "Files", "MeshContract", "Reports", "Scenarios", "SpecLoading",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict),

        // The cluster's side of mesh expansion, through the user's kubectl.
        .target(
            name: "MeshExpansion",
            dependencies: [
                "Files", "MeshContract", "Processes", "SpecLoading", "WorkloadCertificates",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            swiftSettings: strict),
        // The machine's side: the guide's steps over ssh, and releases to install from.
        .target(
            name: "MachineSetup",
            dependencies: [
                "Files", "Fleet", "MeshContract", "Processes", "Reports", "SpecLoading", "WorkloadCertificates",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "debbuild",
            dependencies: [
                "DebianPackage", "StandardStreams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "pilot-agent",
            dependencies: [
                "MeshContract", "Processes", "SidecarAgent", "StandardStreams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/pilot-agent", swiftSettings: strict),
        .executableTarget(
            name: "node_agent",
            dependencies: [
                "CertificateAgent", "MeshContract", "WorkloadCertificates",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/node_agent", swiftSettings: strict),
        .executableTarget(
            name: "mesh-lab",
            dependencies: [
                "ControlPlane", "Files", "MeshContract", "SpecLoading", "StandardStreams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/mesh-lab", swiftSettings: strict),
        .executableTarget(
            name: "meshcheck",
            dependencies: [
                "CLinux", "Files", "Fleet", "HostProbes", "MeshContract", "Reports", "Scenarios", "SpecLoading",
                "StandardStreams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Sources/meshcheck", swiftSettings: strict),

        .executableTarget(
            name: "meshex",
            dependencies: [
                "Files", "Fleet", "MachineSetup", "MeshContract", "MeshExpansion", "Processes", "Reports",
                "SpecLoading", "StandardStreams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/meshex", swiftSettings: strict),

        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "ArchiveTests", dependencies: ["Archive", "TestSupport"]),
        .testTarget(name: "DebianFormatTests", dependencies: ["DebianFormat", "TestSupport"]),
        .testTarget(name: "ELFTests", dependencies: ["ELF", "TestSupport"]),
        .testTarget(name: "SpecLoadingTests", dependencies: ["SpecLoading", "TestSupport"]),
        .testTarget(
            name: "PackagingTests", dependencies: ["debbuild", "meshcheck", "node_agent", "pilot-agent", "TestSupport"]),
        .testTarget(name: "DebianPackageTests", dependencies: ["DebianPackage", "TestSupport"]),
        .testTarget(name: "DebbuildTests", dependencies: ["debbuild", "TestSupport"]),
        .testTarget(name: "LabTests", dependencies: ["meshex", "TestSupport"]),
        .testTarget(name: "MeshContractTests", dependencies: ["MeshContract", "TestSupport"]),
        .testTarget(
            name: "WorkloadCertificatesTests",
            dependencies: [
                "Files", "MeshContract", "WorkloadCertificates", "TestSupport",
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ]),
        .testTarget(
            name: "CertificateAgentTests",
            dependencies: [
                "CertificateAgent", "Files", "IstioCAProtocol", "MeshContract", "WorkloadCertificates", "mesh-lab",
                "node_agent", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2", package: "grpc-swift-nio-transport"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ]),
        .testTarget(
            name: "SidecarAgentTests",
            dependencies: ["Processes", "SidecarAgent", "mesh-lab", "pilot-agent", "TestSupport"]),
        .testTarget(name: "ControlPlaneTests", dependencies: ["mesh-lab", "node_agent", "TestSupport"]),
        .testTarget(name: "HostProbesTests", dependencies: ["HostProbes", "TestSupport"]),
        .testTarget(
            name: "ScenariosTests",
            dependencies: ["Files", "HostProbes", "MeshContract", "Scenarios", "SpecLoading", "TestSupport"]),
        .testTarget(
            name: "ReportsTests", dependencies: ["HostProbes", "MeshContract", "Reports", "Scenarios", "TestSupport"],
            exclude: ["Recorded"]),
        .testTarget(name: "FleetTests", dependencies: ["Fleet", "Reports", "SpecLoading", "TestSupport"]),
        .testTarget(name: "MeshcheckTests", dependencies: ["meshcheck", "TestSupport"]),
        .testTarget(
            name: "MeshExpansionTests", dependencies: ["MeshExpansion", "mesh-lab", "meshex", "TestSupport"],
            exclude: ["Fixtures"]),
        .testTarget(name: "MachineSetupTests", dependencies: ["Files", "MachineSetup", "meshex", "TestSupport"]),
        .testTarget(
            name: "ConformanceTests", dependencies: ["debbuild", "mesh-lab", "meshcheck", "TestSupport"],
            exclude: ["Scenarios"]),
    ],
    swiftLanguageModes: [.v6]
)
