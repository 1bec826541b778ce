#include "CResolver.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

int cresolver_search(const char *name, int type, unsigned char *buffer, size_t size, int *failure, int *code) {
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
