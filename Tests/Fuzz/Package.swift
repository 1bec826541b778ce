// swift-tools-version: 6.2

// Parsers under libFuzzer: see Scripts/fuzz. A package of its own, so that no other build has it.

import PackageDescription

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "istio-vm-toolchain", path: "../..", traits: [])],
    targets: [
        // A call of Linux that Swift does not import.
        .target(name: "CMemoryFile"),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "CMemoryFile",
                .product(name: "DebianArchive", package: "istio-vm-toolchain"),
                .product(name: "DebianBuild", package: "istio-vm-toolchain"),
                .product(name: "DebianFormat", package: "istio-vm-toolchain"),
                .product(name: "DebianLint", package: "istio-vm-toolchain"),
                .product(name: "Documents", package: "istio-vm-toolchain"),
                .product(name: "ELF", package: "istio-vm-toolchain"),
                .product(name: "Platform", package: "istio-vm-toolchain"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
