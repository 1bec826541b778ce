import Glibc

// The program that the package carries in its place until the agent itself is written: it must not look like one that
// runs, so it says so and fails.
fputs("node_agent: this build has no agent in it; package one with debbuild --payload node_agent=FILE\n", stderr)
exit(70)
