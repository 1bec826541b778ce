// swift-tools-version: 6.2

// Somebody else's program that uses one of the Debian libraries: see LibraryUseTests.

import PackageDescription

let package = Package(
    name: "consumer",
    dependencies: [.package(name: "istio-vm-toolchain", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "Consumer", dependencies: [.product(name: "DebianFormat", package: "istio-vm-toolchain")])
    ]
)
