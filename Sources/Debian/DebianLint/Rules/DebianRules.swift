/// The rules that hold for every Debian package.
public enum DebianRules {
    /// All of them.
    public static let all: [LintRule] = [
        ControlFieldRules.all, RelationRules.all, ControlFileRules.all, DocumentationRules.all, EntryModeRules.all,
        EntryPathRules.all, LinkRules.all, ScriptRules.all, ScriptActionRules.all, ServiceScriptRules.all,
        UnitRules.all, ELFRules.all, SharedLibraryRules.all, DebconfRules.all, ArchiveFormatRules.all,
    ].flatMap { $0 }
}
