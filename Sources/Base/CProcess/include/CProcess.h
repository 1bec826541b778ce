#pragma once

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// What Swift cannot do or see: code between fork and exec, where no allocation, lock or runtime call is allowed; system
// calls that the C library does not declare; the headers above, which Swift's Glibc module leaves out.

// Where a spawn failed.
enum cprocess_step {
    CPROCESS_STEP_NONE = 0,
    CPROCESS_STEP_PIPE,
    CPROCESS_STEP_FORK,
    CPROCESS_STEP_STREAMS,
    CPROCESS_STEP_GROUP,
    CPROCESS_STEP_USER,
    CPROCESS_STEP_PARENT,
    CPROCESS_STEP_DIRECTORY,
    CPROCESS_STEP_EXECUTE,
};

enum cprocess_group {
    CPROCESS_GROUP_INHERIT = 0,
    CPROCESS_GROUP_NEW,
    CPROCESS_GROUP_SESSION,
};

struct cprocess_options {
    const char *path;
    char *const *arguments;
    // NULL: the parent's.
    char *const *environment;
    // NULL: the parent's.
    const char *directory;
    // The descriptors that become 0, 1 and 2; never negative.
    int streams[3];
    enum cprocess_group group;
    // 0: none. The signal comes when the thread that spawned ends, so spawn from one that does not.
    int parent_death_signal;
    // 0: the parent's user, and the four fields below do not count.
    int changes_user;
    uid_t user;
    gid_t main_group;
    const gid_t *groups;
    size_t group_count;
};

// Starts a program. Gives 0, or an errno(3) number with the step that it came from.
int cprocess_spawn(const struct cprocess_options *options, pid_t *pid, enum cprocess_step *failed);

// A pipe whose ends are closed on exec, made so in one step. Gives 0 or errno.
int cprocess_pipe(int ends[2]);

// A descriptor that is readable once the process has ended (pidfd_open(2)), or -1 with errno.
int cprocess_open_pidfd(pid_t pid);

// How a child ended.
struct cprocess_ending {
    // The exit status, or the number of the signal if `signalled`.
    int status;
    int signalled;
    int dumped_core;
};

// Asks for a child that has ended without waiting: 1 if it has, 0 if it runs, -1 with errno. Unless `reap`, it stays a
// zombie, so that its number cannot be given to another process.
int cprocess_ended(pid_t pid, int reap, struct cprocess_ending *ending);

// From now on the signal writes its number as one byte to the descriptor, which must not block. Gives 0 or errno.
int cprocess_route_signal(int signal, int descriptor);
