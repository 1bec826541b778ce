import MeshContract

/// The steps on a machine, for people.
public enum SetupPlan {
    /// What is done with these files.
    public static func steps(files: [StagedFile], checks: Bool) -> [String] {
        var steps = ["copy to /var/cache/meshex, what is not there yet:"]
        for file in [StagedFile(name: SetupScript.fileName, bytes: Array(SetupScript.text.utf8))] + files {
            steps.append("  \(file.name), \(file.bytes.count) bytes, SHA-256 \(file.digest)")
        }
        steps += [
            "run \(SetupScript.fileName) as root:",
            "  initNetwork: install dnsmasq if it is missing; kubedns to \(MeshPaths.kubeDNS); cluster.env to "
                + "\(MeshPaths.clusterEnvironment); let the resolver ask 127.0.0.1; restart dnsmasq if something changed",
            "  istioInstall: root-cert.pem, cert-chain.pem and key.pem (0600) to \(MeshPaths.certificates), unless these "
                + "were copied before",
        ]
        let packages = files.filter { $0.name.utf8.suffix(4).elementsEqual(".deb".utf8) }.map(\.name)
        steps.append(
            packages.isEmpty
                ? "  istioInstall: the apt source, apt-get update, apt-get install "
                    + MeshNames.packages.joined(separator: " ")
                : "  istioInstall: apt-get install " + packages.joined(separator: " ") + ", those not installed yet")
        steps.append(
            "  istioInstall: give \(MeshPaths.certificates) to \(MeshNames.user); enable istio-auth-node-agent and istio, "
                + "start them or restart them if something changed")
        if checks { steps.append("run meshcheck run") }
        return steps
    }
}
