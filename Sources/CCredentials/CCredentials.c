#define _GNU_SOURCE
#include "CCredentials.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int ccredentials_become(uid_t user, gid_t group, const gid_t *groups, size_t count) {
    if (syscall(SYS_setgroups, count, groups) != 0) return errno;
    if (syscall(SYS_setresgid, group, group, group) != 0) return errno;
    if (syscall(SYS_setresuid, user, user, user) != 0) return errno;
    return 0;
}
