import Glibc

// The program that the package carries until the agent itself is written. It must not look like one that runs, so it
// says what it is and fails; systemd then shows the unit as failed.
_ = "pilot-agent: this build has no agent in it; package one with: debbuild --payload pilot-agent=FILE\n".withCString {
    write(STDERR_FILENO, $0, strlen($0))
}
exit(70)
