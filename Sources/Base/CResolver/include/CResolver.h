#pragma once

#include <stddef.h>

// glibc's resolver (resolver(3)): its state is an incomplete matter to Swift and its functions are macros.

// Asks the servers of /etc/resolv.conf, with its search list unless the name ends in a dot, for a record type of class
// IN, and puts the whole answer into the buffer. The file is read anew for each call.
//
// Returns the length of the answer, which may be more than `size` when the answer was cut off; or -1, with the reason in
// `failure` (a value of h_errno: HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA; NETDB_INTERNAL with errno), and the
// code of the last answer (RFC 1035 section 4.1.1) in `code`, or -1 when none came.
int cresolver_search(const char *name, int type, unsigned char *buffer, size_t size, int *failure, int *code);
