import Glibc

// The program that the package carries in its place until the agent itself is written: it must not look like one that
// runs, so it says so and fails.
fputs("pilot-agent: this build has no agent in it; package one with debbuild --payload pilot-agent=FILE\n", stderr)
exit(70)
