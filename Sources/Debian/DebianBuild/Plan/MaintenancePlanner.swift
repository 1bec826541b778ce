import Archive
import DebianFormat
import Documents
import Files

/// Compares what the maintainer scripts do to paths of earlier versions with what the package ships.
struct MaintenancePlanner {
    let spec: PackageSpec
    let version: DebianVersion
    let collector: EntryCollector

    func check(diagnostics: inout Diagnostics) {
        for item in spec.maintenance {
            let action = item.value
            if let last = action.lastVersion, last > version {
                diagnostics.warning(
                    "maintscript-version", "'\(last)' is later than the package, \(version)", at: item.range,
                    help: "it is the last version whose upgrade needs this: the first one without the path, with '~' "
                        + "behind it")
            }
            switch action.kind {
            case .removeConffile: checkGone(action.path, item, diagnostics: &diagnostics)
            case .moveConffile:
                checkGone(action.path, item, diagnostics: &diagnostics)
                guard let target = action.target else { continue }
                if collector.kind(of: target) == nil || !collector.conffiles.contains(target) {
                    diagnostics.error(
                        "maintscript-target", "'\(target)' is not a conffile of the package", at: item.range,
                        help: "declare it as 'conffile:', so that dpkg takes over what the administrator has changed")
                }
            case .symlinkToDirectory:
                if collector.kind(of: action.path) != .directory {
                    diagnostics.error(
                        "maintscript-target", "'\(action.path)' is not a directory of the package", at: item.range,
                        help: "the link becomes the directory that the package ships")
                }
            case .directoryToSymlink: checkLink(action, item, diagnostics: &diagnostics)
            }
        }
    }

    private func checkGone(
        _ path: String, _ item: Located<MaintenanceAction>, diagnostics: inout Diagnostics
    ) {
        guard collector.contains(path) else { return }
        diagnostics.error(
            "maintscript-shipped", "'\(path)' is taken away on upgrade, and it is in the package", at: item.range,
            help: "ship it or take it away")
    }

    /// On upgrade the helper makes the link, on a new installation dpkg does: both have to be the same.
    private func checkLink(
        _ action: MaintenanceAction, _ item: Located<MaintenanceAction>, diagnostics: inout Diagnostics
    ) {
        guard case .symbolicLink(let shipped)? = collector.kind(of: action.path) else {
            diagnostics.error(
                "maintscript-target", "'\(action.path)' is not a symbolic link of the package", at: item.range,
                help: "add 'symlink: \(action.path)' with 'target: \(action.target ?? "")' to 'contents', which new "
                    + "installations need")
            return
        }
        func resolved(_ target: String) -> String? {
            let folder = LexicalPath.split(action.path).folder
            return LexicalPath.normalised(LexicalPath.isAbsolute(target) ? target : folder + "/" + target)
        }
        guard let target = action.target, resolved(target) != resolved(shipped) else { return }
        diagnostics.error(
            "maintscript-target", "the link '\(action.path)' leads to '\(shipped)' in the package", at: item.range,
            help: "'\(action.kind.rawValue)' makes it a link to '\(target)': use one target for both")
    }
}
