import Archive
import DebianArchive
import DebianFormat
import Documents
import Platform

/// A plan for people and for programs.
public enum PlanReport {
    /// Control data, scripts and entries of one plan.
    public static func text(_ plan: BuildPlan) -> String {
        var text = "\(plan.fileName)\n"
        for line in TextLines.of(Array(plan.control.description.utf8)) { text += "  \(DisplayText.inline(line))\n" }
        text += "  compression \(plan.compression)"
        if plan.compression.branchFilter != .none { text += " with the \(plan.compression.branchFilter) filter" }
        text += ", source date \(plan.sourceDateEpoch)\n"
        if !plan.controlFiles.isEmpty {
            text += "  control files: " + plan.controlFiles.map(\.name).joined(separator: " ") + "\n"
        }
        for planned in plan.entries {
            let entry = planned.entry
            let owner = "\(entry.owner.name)/\(entry.group.name)"
            var line = "  \(ModeText.of(entry)) \(owner)"
            line += String(repeating: " ", count: max(1, 24 - owner.count))
            let size = if case .file(let bytes) = entry.kind { ByteCount.text(bytes) } else { "" }
            line +=
                String(repeating: " ", count: max(0, 10 - size.count)) + size + "  "
                + DisplayText.inline(planned.installedPath)
            switch entry.kind {
            case .symbolicLink(let target): line += " -> " + DisplayText.inline(target)
            case .hardLink(let target): line += " = " + DisplayText.inline(target)
            default: break
            }
            if planned.isConffile { line += "  (conffile)" }
            if planned.unstrippedSource != nil { line += "  (stripped)" }
            text += line + "\n"
        }
        for remark in plan.warnings { text += "  remark: \(remark.message) [\(remark.code)]\n" }
        return text
    }

    /// All plans as one JSON value.
    public static func json(_ plans: [BuildPlan]) -> JSONValue {
        .object([("plans", .array(plans.map(json)))])
    }

    private static func json(_ plan: BuildPlan) -> JSONValue {
        .object([
            ("file", .string(plan.fileName)),
            ("package", .string(plan.package.description)),
            ("version", .string(plan.version.description)),
            ("architecture", .string(plan.architecture.description)),
            ("compression", .string(plan.compression.description)),
            ("branchFilter", .string("\(plan.compression.branchFilter)")),
            ("sourceDateEpoch", .int(Int(plan.sourceDateEpoch))),
            ("control", .object(plan.control.fields.map { ($0.name, .string($0.value)) })),
            (
                "controlFiles",
                .array(
                    plan.controlFiles.map { file in
                        .object([
                            ("name", .string(file.name)), ("mode", .string(ModeText.octal(file.permissions))),
                            ("size", .int(file.bytes.count)),
                        ])
                    })
            ),
            ("entries", .array(plan.entries.map(json))),
            (
                "remarks",
                .array(
                    plan.warnings.map { .object([("code", .string($0.code)), ("message", .string($0.message))]) })
            ),
        ])
    }

    private static func json(_ planned: PlannedEntry) -> JSONValue {
        let entry = planned.entry
        var fields: [(String, JSONValue)] = [("path", .string(planned.installedPath))]
        switch entry.kind {
        case .file(let size): fields += [("type", .string("file")), ("size", .int(Int(size)))]
        case .directory: fields.append(("type", .string("directory")))
        case .symbolicLink(let target): fields += [("type", .string("symlink")), ("target", .string(target))]
        case .hardLink(let target): fields += [("type", .string("hardlink")), ("target", .string(target))]
        case .other(let name, _): fields.append(("type", .string(name)))
        }
        fields += [
            ("mode", .string(ModeText.octal(entry.permissions))), ("owner", .string(entry.owner.name)),
            ("group", .string(entry.group.name)), ("modificationTime", .int(Int(entry.modificationTime))),
            ("conffile", .bool(planned.isConffile)), ("stripped", .bool(planned.unstrippedSource != nil)),
        ]
        if case .file(let path, _) = planned.unstrippedSource ?? planned.source {
            fields.append(("source", .string(path)))
        }
        return .object(fields)
    }
}

/// What a build has written, for programs.
public enum BuildReport {
    /// Every package with its size and checksum.
    public static func json(_ outcomes: [BuildOutcome]) -> JSONValue {
        .object([
            (
                "packages",
                .array(
                    outcomes.map { outcome in
                        .object([
                            ("path", .string(outcome.path)),
                            ("package", .string(outcome.plan.package.description)),
                            ("version", .string(outcome.plan.version.description)),
                            ("architecture", .string(outcome.plan.architecture.description)),
                            ("size", .int(Int(outcome.size))), ("sha256", .string(outcome.checksums.sha256)),
                            ("unchanged", .bool(outcome.isUpToDate)),
                        ])
                    })
            )
        ])
    }
}
