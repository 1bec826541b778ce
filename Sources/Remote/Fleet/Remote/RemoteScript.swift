/// What the other machine's shell does: keep our files by their checksums, and run the program.
///
/// The script is always the same; what differs comes as arguments behind it. It is POSIX sh with head(1), sha256sum(1)
/// and tar(1). It answers with lines that begin with `marker`; whatever else a login shell prints is passed over.
///
/// Files go to `~/.cache/meshcheck`, or to a folder in /var/tmp that nobody else can write to; they are checked against
/// their checksum before every use, and removed when they were not used for a month.
enum RemoteScript {
    /// How lines of the script begin.
    static let marker = "MESHCHECK-REMOTE"
    /// The version of the conversation.
    static let version = "1"

    /// The states that the script ends in before the program runs, by their word.
    enum Refusal: String {
        case folder = "no-folder"
        case store = "not-stored"
        case sudo = "no-sudo"
    }

    /// Exit status of the script after a refusal: none of the program's own.
    static let refusalStatus: Int32 = 76

    /// The arguments: program's checksum and size, archive's checksum and size, whether to use sudo, the program's
    /// variables (`NAME=value`), `--`, and its arguments.
    static func arguments(
        bundle: Bundle, usesSudo: Bool, environment: [String], program arguments: [String]
    ) -> [String] {
        [
            "sh", "-c", text, "meshcheck", bundle.program.digest, String(bundle.program.bytes.count),
            bundle.archive.digest, String(bundle.archive.bytes.count), usesSudo ? "yes" : "no",
        ] + environment + ["--"] + arguments
    }

    /// One line: csh does not take a newline between quotes.
    static let text = [
        "umask 077",
        "say() { echo \"\(marker) $*\"; }",
        "refuse() { say \"$@\"; exit \(refusalStatus); }",
        "p=$1 pn=$2 a=$3 an=$4 su=$5",
        "shift 5",
        "d=${XDG_CACHE_HOME:-$HOME/.cache}/meshcheck",
        "if ! { mkdir -p \"$d\" && [ -O \"$d\" ] && [ ! -L \"$d\" ] && chmod 700 \"$d\" && : >\"$d/.probe.$$\" && "
            + "rm -f \"$d/.probe.$$\"; } 2>/dev/null; then d=/var/tmp/meshcheck-$(id -u)",
        "mkdir -m 700 \"$d\" 2>/dev/null",
        "{ [ -d \"$d\" ] && [ -O \"$d\" ] && [ ! -L \"$d\" ] && chmod 700 \"$d\"; } 2>/dev/null || "
            + "refuse \(Refusal.folder.rawValue) \"$d\"",
        "fi",
        "is() { [ -f \"$1\" ] && [ ! -L \"$1\" ] && [ \"$(sha256sum <\"$1\" 2>/dev/null)\" = \"$2  -\" ]; }",
        "wp=no",
        "is \"$d/$p\" \"$p\" || wp=yes",
        "wa=no",
        "is \"$d/$a.tar\" \"$a\" || wa=yes",
        "if [ \"$su\" = yes ] && ! sudo -n true >/dev/null 2>&1; then refuse \(Refusal.sudo.rawValue); fi",
        "say ready \(version) \"$(uname -m)\" $wp $wa",
        "take() { t=$d/.$1.$$",
        "{ head -c \"$2\" >\"$t\" && is \"$t\" \"$1\" && chmod \"$3\" \"$t\" && mv -f \"$t\" \"$d/$4\"; } 2>/dev/null "
            + "|| { rm -f \"$t\"; refuse \(Refusal.store.rawValue) \"$d\"; }; }",
        "if [ $wp = yes ]; then take \"$p\" \"$pn\" 700 \"$p\"; fi",
        "if [ $wa = yes ]; then take \"$a\" \"$an\" 600 \"$a.tar\"; fi",
        "touch \"$d/$p\" \"$d/$a.tar\"",
        "find \"$d\" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null",
        "w=$d/run.$$",
        "{ rm -rf \"$w\" && mkdir \"$w\" && tar -x -o -f \"$d/$a.tar\" -C \"$w\" && cd \"$w\"; } 2>/dev/null || "
            + "refuse \(Refusal.store.rawValue) \"$d\"",
        // env(1) sets the variables on the other side of sudo; the program takes the place of the first `--`.
        "n=$# seen=no",
        "for word do if [ $seen = no ] && [ \"$word\" = -- ]; then seen=yes",
        "set -- \"$@\" \"$d/$p\"",
        "else set -- \"$@\" \"$word\"",
        "fi",
        "done",
        "shift $n",
        "say running",
        "if [ \"$su\" = yes ]; then sudo -n env \"$@\" </dev/null; else env \"$@\" </dev/null; fi",
        "r=$?",
        "cd /",
        "rm -rf \"$w\"",
        "exit $r",
    ].joined(separator: "; ")
}
