#pragma once

#include <stddef.h>
#include <sys/types.h>

// Calls of Linux and glibc that Swift does not import: they are variadic, macros, or GNU's alone.

// Gives the calling thread alone these groups, this group and this user, and with root its capabilities up. Linux keeps
// a user per thread; glibc's functions change all threads of a process. There is no way back.
//
// Returns 0, or an errno(3) number; after a failure the thread must do nothing more for anybody.
int clinux_become(uid_t user, gid_t group, const gid_t *groups, size_t count);

// Where a text begins in another (memmem(3)); NULL when it does not occur.
const void *clinux_find(const void *haystack, size_t length, const void *needle, size_t needle_length);

// The version of the C library that this program runs with (gnu_get_libc_version(3)).
const char *clinux_libc_version(void);

// What statx(2) says of a file. Times are in nanoseconds since 1970; `has_birth` is 0 where the file system does not
// keep the time of birth.
struct clinux_file {
    unsigned int mode;
    uid_t user;
    gid_t group;
    long long size;
    long long modified;
    long long born;
    int has_birth;
};

// Reads the status of a path, of the link itself unless `follow`. Nothing is mounted for it. Returns 0 or errno(3).
int clinux_status(const char *path, int follow, struct clinux_file *file);

// An extended attribute of a path (getxattr(2)). Returns its length, or an errno(3) number below zero.
ssize_t clinux_attribute(const char *path, const char *name, void *value, size_t size);

// The state of the kernel's clock (adjtimex(2)): 5, TIME_ERROR, when it is not synchronised; -1 with errno.
int clinux_clock_state(void);

// Gives memory that was freed back to the system (malloc_trim(3)).
void clinux_give_memory_back(void);

// Has all threads allocate from one pool (mallopt(3), M_ARENA_MAX). Pools of their own keep what is free in each of them, which
// adds up in a program that runs for months. To be called before there are threads.
void clinux_share_memory(void);

// Asks the servers of /etc/resolv.conf, with its search list unless the name ends in a dot, for a record type of class
// IN, and puts the whole answer into the buffer. The file is read anew each time
// (resolver(3)).
//
// Returns the length of the answer, which may be more than `size` when the answer was cut off; or -1, with the reason in
// `failure` (a value of h_errno: HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA; NETDB_INTERNAL with errno), and the
// code of the last answer (RFC 1035 section 4.1.1) in `code`, or -1 when none came.
int clinux_resolver_search(const char *name, int type, unsigned char *buffer, size_t size, int *failure, int *code);

// Renames a file or folder (renameat2(2)): with `exchange` each of the two takes the place of the other at once, without it
// nothing may be there yet. Returns 0 or errno(3).
int clinux_rename(const char *path, const char *target, int exchange);

// Has the disk begin with what was written to a file, without waiting for it (sync_file_range(2)). Where that fails, a later
// fsync(2) takes as long as it would have.
void clinux_begin_sync(int descriptor);
