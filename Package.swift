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
        .library(name: "Archive", targets: ["Archive"]),
        .library(name: "DebianFormat", targets: ["DebianFormat"]),
        .library(name: "DebianPackage", targets: ["DebianPackage"]),
        .library(name: "ELF", targets: ["ELF"]),
        .library(name: "SpecLoading", targets: ["SpecLoading"]),
    ],
    dependencies: [
        // Options, help, completions and manual pages of the executables from one declaration.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // SHA-256 for payloads and records, MD5 for md5sums, in assembly where the machine has it.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // Runs curl and swift build with arguments as arrays, never through a shell.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
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

        .executableTarget(
            name: "debbuild",
            dependencies: [
                "DebianPackage",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(name: "pilot-agent", path: "Sources/pilot-agent", swiftSettings: strict),
        .executableTarget(name: "node_agent", path: "Sources/node_agent", swiftSettings: strict),
        .executableTarget(name: "meshcheck", path: "Sources/meshcheck", swiftSettings: strict),

        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "ArchiveTests", dependencies: ["Archive", "TestSupport"]),
        .testTarget(name: "DebianFormatTests", dependencies: ["DebianFormat", "TestSupport"]),
        .testTarget(name: "ELFTests", dependencies: ["ELF", "TestSupport"]),
        .testTarget(name: "SpecLoadingTests", dependencies: ["SpecLoading", "TestSupport"]),
        .testTarget(name: "PackagingTests", dependencies: ["TestSupport"]),
        .testTarget(name: "DebianPackageTests", dependencies: ["DebianPackage", "TestSupport"]),
        .testTarget(name: "DebbuildTests", dependencies: ["debbuild", "TestSupport"]),
        .testTarget(name: "ConformanceTests", dependencies: ["debbuild", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
