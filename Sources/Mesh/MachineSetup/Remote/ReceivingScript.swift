/// What the other machine's shell does: keep files by their checksums, and run `setupIstioVM.sh` on them.
///
/// The text is always the same; what differs comes as arguments behind it. It answers with lines that begin with
/// `marker`; whatever else a login shell prints is passed over. Files are kept in /var/cache/meshex, which is root's
/// alone; a file that came in part is gone on with in the next run, and the key is removed at the end of each.
///
/// Once the setup runs it goes on to its end even if the connection is lost: a package manager that is cut off in the
/// middle leaves more to mend than one that finishes. The next run waits for it.
enum ReceivingScript {
    /// How its lines begin.
    static let marker = "MESHEX-REMOTE"
    /// Exit status after a refusal.
    static let refusalStatus: Int32 = 76

    /// Why it does not begin, by its word.
    enum Refusal: String {
        case sudo = "no-sudo"
        case folder = "no-folder"
        case busy
        case space = "no-space"
        case short
        case corrupt
        case check = "no-meshcheck"
    }

    /// The words of the command.
    static func words(files: [StagedFile], namespace: String, function: String, checks: Bool) -> [String] {
        let triples = files.flatMap { [$0.name, $0.digest, String($0.bytes.count)] }
        return ["sh", "-c", beginning, "meshex", text, checks ? "yes" : "no", function, namespace] + triples
    }

    /// As root, or through sudo(8). One line, as the text below: csh does not take a newline between quotes.
    private static let beginning = [
        "if [ \"$(id -u)\" = 0 ]; then exec sh -c \"$1\" meshex \"$@\"; fi",
        "if ! sudo -n true >/dev/null 2>&1; then echo \"\(marker) refused no-sudo $(id -un)\"; exit \(refusalStatus); fi",
        "exec sudo -n sh -c \"$1\" meshex \"$@\"",
    ].joined(separator: "; ")

    private static let text = [
        "umask 077",
        // The end of the connection is no reason to stop in the middle.
        "trap '' PIPE HUP",
        "say() { echo \"\(marker) $*\"; }",
        "refuse() { say refused \"$@\"; exit \(refusalStatus); }",
        "check=$2 function=$3 namespace=$4 d=/var/cache/meshex",
        "shift 4",
        "{ mkdir -p \"$d\" && chmod 700 \"$d\" && [ -O \"$d\" ] && [ ! -L \"$d\" ]; } 2>/dev/null || "
            + "refuse no-folder \"$d\"",
        "exec 9>\"$d/lock\"",
        "flock -n 9 || { say waiting; flock -w 900 9; } || refuse busy \"$d\"",
        "find \"$d\" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null",
        "each() { f=$1; shift; while [ $# -ge 3 ]; do $f \"$1\" \"$2\" \"$3\"; shift 3; done; }",
        "secret() { case $1 in *.pem) rm -f \"$d/$2\" \"$d/$2.part\";; esac; }",
        "is() { [ -f \"$1\" ] && [ ! -L \"$1\" ] && [ \"$(sha256sum <\"$1\" 2>/dev/null)\" = \"$2  -\" ]; }",
        "have() { o=$(stat -c %s \"$d/$1.part\" 2>/dev/null) || o=0; "
            + "[ \"$o\" -le \"$2\" ] || { rm -f \"$d/$1.part\"; o=0; }; }",
        "need() { is \"$d/$2\" \"$2\" || { have \"$2\" \"$3\"; say need \"$1\" \"$o\"; }; }",
        "clean() { rm -rf \"$d/staging\"; each secret \"$@\"; }",
        "say ready \"$(dpkg --print-architecture 2>/dev/null || uname -m)\"",
        "each need \"$@\"",
        "say go",
        "take() { is \"$d/$2\" \"$2\" && return",
        "have \"$2\" \"$3\"",
        "head -c $(($3 - o)) 2>/dev/null >>\"$d/$2.part\" || "
            + "{ rm -f \"$d/$2.part\"; refuse no-space \"$1\" \"$(df -h \"$d\" | tail -n 1)\"; }",
        "have \"$2\" \"$3\"",
        "[ \"$o\" = \"$3\" ] || refuse short \"$1\"",
        "is \"$d/$2.part\" \"$2\" || { rm -f \"$d/$2.part\"; refuse corrupt \"$1\"; }",
        "sync \"$d/$2.part\" && mv -f \"$d/$2.part\" \"$d/$2\" || refuse no-space \"$1\"",
        "say took \"$1\"; }",
        "trap 'clean \"$@\"' EXIT",
        "each take \"$@\"",
        "s=$d/staging",
        "rm -rf \"$s\"",
        "mkdir \"$s\" || refuse no-folder \"$s\"",
        "put() { ln \"$d/$2\" \"$s/$1\" || refuse no-folder \"$s\"; touch \"$d/$2\"; }",
        "each put \"$@\"",
        "say running",
        ": >\"$d/log\"",
        "ISTIO_STAGING=$s ISTIO_NAMESPACE=$namespace sh \"$s/setupIstioVM.sh\" $function </dev/null >\"$d/log\" 2>&1 9>&- "
            + "& p=$!",
        "tail -n +1 -s 0.2 -f --pid=$p \"$d/log\" 9>&-",
        "wait $p",
        "r=$?",
        "say ran $r",
        "if [ $r = 0 ] && [ $check = yes ]; then command -v meshcheck >/dev/null 2>&1 || refuse no-meshcheck",
        "say checking",
        "meshcheck run </dev/null 2>&1 9>&-",
        "say checked $?",
        "fi",
        "exit $r",
    ].joined(separator: "; ")
}
