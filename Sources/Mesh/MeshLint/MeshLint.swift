import DebianLint
import Files
import MeshContract

/// What lint knows about the mesh: register it with ``LintRegistry/init(rules:knownPackages:)``.
public enum MeshLint {
    /// Rules for the packages, units and scripts of the mesh. Codes of 07 are the contract's; others are of the groups
    /// that they would belong to in any package.
    public static let rules = MeshPackageRules.all + MeshServiceRules.all + MeshScriptRules.all

    /// The mesh's packages with the files of the contract.
    public static let packages = MeshPackage.all.map { package in
        KnownPackage(name: package.name, files: Set(package.files.map(\.path)))
    }
}

extension LintedPackage {
    /// The contract's description of this package, if it is one of the mesh's.
    var contract: MeshPackage? { MeshPackage.all.first { $0.name == name } }

    /// Units that run a part of the mesh.
    var meshUnits: [UnitFile] { units.filter { isMeshSidecar($0) || isNodeAgent($0) } }

    func isMeshSidecar(_ unit: UnitFile) -> Bool {
        let programs = [MeshPaths.envoy, MeshPaths.pilotAgent, MeshPaths.startScript].map { LexicalPath.split($0).name }
        return unit.name == MeshNames.istioUnit || unit.programs.contains { programs.contains($0) }
    }

    func isNodeAgent(_ unit: UnitFile) -> Bool {
        unit.name == MeshNames.nodeAgentUnit || unit.programs.contains(LexicalPath.split(MeshPaths.nodeAgent).name)
    }
}
