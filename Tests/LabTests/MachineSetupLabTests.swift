import Foundation
import TestSupport
import XCTest

/// `meshex machine-setup`, and the script that it prints, on booted machines.
final class MachineSetupLabTests: XCTestCase {
    func testMachinesAreSetUpOnceAndCheckedAndTheScriptRunsByItself() throws {
        let lab = try Lab(["--vms", "2"], name: "setup")
        let folder = try TemporaryDirectory()
        try lab.run("files", folder.path)
        let packages = folder.path + "/packages"
        try FileManager.default.createDirectory(atPath: packages, withIntermediateDirectories: true)
        for name in ["istio-agent", "istio-proxy", "istio-auth-node-agent", "meshcheck"] {
            let path = try XCTUnwrap(Lab.packages.get()[name])
            try FileManager.default.copyItem(
                atPath: path, toPath: packages + "/" + (path as NSString).lastPathComponent)
        }
        let arguments = [
            "machine-setup", "--certs", folder.path + "/certs", "--cluster-env", folder.path + "/cluster.env",
            "--kubedns", folder.path + "/kubedns", "--packages", packages, "--ssh-config", lab.sshConfiguration, "vm1",
        ]
        let first = try lab.command(["operator", productPath("meshex")] + arguments)
        XCTAssertEqual(first.status, 0, first.output + first.errors)
        XCTAssertTrue(first.output.contains("checks passed"), first.output)
        try lab.waitForGreen("vm1")
        let second = try lab.command(["operator", productPath("meshex")] + arguments)
        XCTAssertEqual(second.status, 0, second.output + second.errors)
        XCTAssertTrue(second.output.contains("nothing to change"), second.output)

        // The printed script by itself, in a folder with the same files.
        try lab.on("mkdir -m 700 /root/setup", machine: "vm2").check()
        let script = try TestSupport.run(productPath("meshex"), ["machine-script"])
        XCTAssertEqual(script.status, 0, script.errors)
        try script.output.write(toFile: folder.path + "/setupIstioVM.sh", atomically: true, encoding: .utf8)
        let files =
            [
                "setupIstioVM.sh", "kubedns", "cluster.env", "certs/root-cert.pem", "certs/cert-chain.pem",
                "certs/key.pem",
            ]
            .map { folder.path + "/" + $0 }
        let debs = try FileManager.default.contentsOfDirectory(atPath: packages).map { packages + "/" + $0 }
        try lab.copy(files + debs, to: "/root/setup", machine: "vm2")
        try lab.on("cd /root/setup && sh setupIstioVM.sh 2>&1", machine: "vm2").check()
        try lab.waitForGreen("vm2")
        let again = try lab.on("cd /root/setup && sh setupIstioVM.sh 2>&1", machine: "vm2").check()
        let changes = again.components(separatedBy: "\n").filter { $0.hasPrefix("changed:") }
        XCTAssertEqual(changes, [], "a second run")
    }
}
