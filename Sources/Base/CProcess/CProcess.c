#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

// What the child reports when it could not become the program.
struct report {
    int error;
    int step;
};

static _Noreturn void fail(int report_fd, enum cprocess_step step, int error) {
    struct report report = {error, step};
    // Less than PIPE_BUF: written as a whole or not at all.
    while (write(report_fd, &report, sizeof report) < 0 && errno == EINTR) {}
    _exit(127);
}

// Marks every descriptor from 3 up as closed on exec. Nothing here allocates: opendir(3) would.
static void close_others_on_exec(void) {
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    // Kernels before 5.11, and sandboxes that do not know the call.
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        char buffer[4096] __attribute__((aligned(8)));
        long length;
        while ((length = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0) {
            for (long offset = 0; offset < length;) {
                const char *entry = buffer + offset;
                unsigned short size;
                __builtin_memcpy(&size, entry + 16, sizeof size);
                // linux_dirent64: inode 8, offset 8, length 2, type 1, then the name.
                int number = 0;
                const char *name = entry + 19;
                while (*name >= '0' && *name <= '9') number = number * 10 + (*name++ - '0');
                if (*name == 0 && number > 2) fcntl(number, F_SETFD, FD_CLOEXEC);
                offset += size;
            }
        }
        return;
    }
    struct rlimit limit;
    int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int number = 3; number < end; number++) fcntl(number, F_SETFD, FD_CLOEXEC);
}

static _Noreturn void become(const struct cprocess_options *options, int report_fd, pid_t parent) {
    // Lifted above 2 first, so that no stream overwrites one that is still to be placed.
    int lifted[3];
    int lifted_report = fcntl(report_fd, F_DUPFD_CLOEXEC, 3);
    if (lifted_report < 0) fail(report_fd, CPROCESS_STEP_STREAMS, errno);
    report_fd = lifted_report;
    for (int i = 0; i < 3; i++) {
        lifted[i] = fcntl(options->streams[i], F_DUPFD_CLOEXEC, 3);
        if (lifted[i] < 0) fail(report_fd, CPROCESS_STEP_STREAMS, errno);
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(lifted[i], i) < 0) fail(report_fd, CPROCESS_STEP_STREAMS, errno);
    }
    close_others_on_exec();

    if (options->group == CPROCESS_GROUP_SESSION) {
        if (setsid() < 0) fail(report_fd, CPROCESS_STEP_GROUP, errno);
    } else if (options->group == CPROCESS_GROUP_NEW) {
        if (setpgid(0, 0) < 0) fail(report_fd, CPROCESS_STEP_GROUP, errno);
    }
    if (options->changes_user) {
        // The C library's functions would tell threads that are not there to change too.
        if (syscall(SYS_setgroups, options->group_count, options->groups) != 0 ||
            syscall(SYS_setresgid, options->main_group, options->main_group, options->main_group) != 0 ||
            syscall(SYS_setresuid, options->user, options->user, options->user) != 0) {
            fail(report_fd, CPROCESS_STEP_USER, errno);
        }
    }
    // After the change of user, which clears it.
    if (options->parent_death_signal) {
        if (prctl(PR_SET_PDEATHSIG, options->parent_death_signal, 0, 0, 0) != 0) {
            fail(report_fd, CPROCESS_STEP_PARENT, errno);
        }
        // The parent may have ended before the call.
        if (getppid() != parent) _exit(127);
    }
    if (options->directory && chdir(options->directory) != 0) fail(report_fd, CPROCESS_STEP_DIRECTORY, errno);

    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    execve(options->path, options->arguments, options->environment ? options->environment : environ);
    fail(report_fd, CPROCESS_STEP_EXECUTE, errno);
}

int cprocess_spawn(const struct cprocess_options *options, pid_t *pid, enum cprocess_step *failed) {
    int ends[2];
    *failed = CPROCESS_STEP_PIPE;
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;

    // No handler may run in a child that shares this memory.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    // vfork shares memory until exec, which saves copying page tables. A child of another user must not have it: its
    // user could trace it and write to ours.
    pid_t child = options->changes_user ? fork() : vfork();
    if (child == 0) become(options, ends[1], parent);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        *failed = CPROCESS_STEP_FORK;
        return error;
    }

    struct report report = {0, CPROCESS_STEP_NONE};
    ssize_t count;
    do count = read(ends[0], &report, sizeof report);
    while (count < 0 && errno == EINTR);
    close(ends[0]);
    if (count == (ssize_t)sizeof report) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
        *failed = report.step;
        return report.error;
    }
    *pid = child;
    *failed = CPROCESS_STEP_NONE;
    return 0;
}

int cprocess_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno; }

int cprocess_open_pidfd(pid_t pid) {
    // Always closed on exec.
    return (int)syscall(SYS_pidfd_open, pid, 0U);
}

int cprocess_ended(pid_t pid, int reap, struct cprocess_ending *ending) {
    siginfo_t info = {0};
    int options = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
    while (waitid(P_PID, (id_t)pid, &info, options) != 0) {
        if (errno != EINTR) return -1;
    }
    if (info.si_pid == 0) return 0;
    ending->status = info.si_status;
    ending->signalled = info.si_code != CLD_EXITED;
    ending->dumped_core = info.si_code == CLD_DUMPED;
    return 1;
}

static volatile sig_atomic_t routes[NSIG];

static void pass_on(int number) {
    int kept = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe holds earlier signals that nobody has read yet; one more says nothing new.
    (void)!write(routes[number], &byte, 1);
    errno = kept;
}

int cprocess_route_signal(int number, int descriptor) {
    if (number < 1 || number >= NSIG) return EINVAL;
    routes[number] = descriptor;
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, NULL) == 0 ? 0 : errno;
}
