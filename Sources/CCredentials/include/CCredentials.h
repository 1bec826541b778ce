#pragma once

#include <stddef.h>
#include <sys/types.h>

// Linux keeps a user per thread; glibc's functions change all threads of a process, and syscall(2) is variadic, which
// Swift cannot call. A thread that goes through this never comes back to what it was.

// Gives the calling thread alone these groups, this group and this user, and with root its capabilities up.
// Returns 0, or an errno(3) number; after a failure the thread must end.
int ccredentials_become(uid_t user, gid_t group, const gid_t *groups, size_t count);
