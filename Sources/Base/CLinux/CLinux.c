#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/xattr.h>
#include <unistd.h>

int clinux_become(uid_t user, gid_t group, const gid_t *groups, size_t count) {
    if (syscall(SYS_setgroups, count, groups) != 0) return errno;
    if (syscall(SYS_setresgid, group, group, group) != 0) return errno;
    if (syscall(SYS_setresuid, user, user, user) != 0) return errno;
    return 0;
}

const void *clinux_find(const void *haystack, size_t length, const void *needle, size_t needle_length) {
    return memmem(haystack, length, needle, needle_length);
}

const char *clinux_libc_version(void) { return gnu_get_libc_version(); }

static long long nanoseconds(struct statx_timestamp time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

int clinux_status(const char *path, int follow, struct clinux_file *file) {
    struct statx status;
    int flags = AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
    if (statx(AT_FDCWD, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) return errno;
    file->mode = status.stx_mode;
    file->user = status.stx_uid;
    file->group = status.stx_gid;
    file->size = (long long)status.stx_size;
    file->modified = nanoseconds(status.stx_mtime);
    file->has_birth = (status.stx_mask & STATX_BTIME) != 0;
    file->born = file->has_birth ? nanoseconds(status.stx_btime) : 0;
    return 0;
}

ssize_t clinux_attribute(const char *path, const char *name, void *value, size_t size) {
    ssize_t length = getxattr(path, name, value, size);
    return length < 0 ? -errno : length;
}

int clinux_clock_state(void) {
    struct timex state;
    memset(&state, 0, sizeof state);
    return adjtimex(&state);
}

void clinux_give_memory_back(void) { malloc_trim(0); }

void clinux_share_memory(void) { mallopt(M_ARENA_MAX, 1); }

int clinux_resolver_search(const char *name, int type, unsigned char *buffer, size_t size, int *failure, int *code) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    memset(buffer, 0, size < NS_HFIXEDSZ ? size : NS_HFIXEDSZ);
    *failure = 0;
    *code = -1;
    if (res_ninit(&state) != 0) {
        *failure = NETDB_INTERNAL;
        return -1;
    }
    int length = res_nsearch(&state, name, ns_c_in, type, buffer, (int)size);
    if (length < 0) {
        *failure = state.res_h_errno;
        // The buffer keeps the header of a negative answer.
        if (size >= NS_HFIXEDSZ && (buffer[2] & 0x80)) *code = buffer[3] & 0x0f;
    }
    res_nclose(&state);
    return length;
}

int clinux_rename(const char *path, const char *target, int exchange) {
    unsigned int flags = exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    return renameat2(AT_FDCWD, path, AT_FDCWD, target, flags) == 0 ? 0 : errno;
}

void clinux_begin_sync(int descriptor) { sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE); }
