/* SPDX-License-Identifier: MIT */
/*
 * As much of libcurl as is used here, opened when it is needed. These numbers
 * and signatures are libcurl's binary interface (libcurl.so.4), which has kept
 * them since 2006; the options that are newer are refused by an older one.
 */
#ifndef SHOAL_HOST_ACT_CURL_API_H
#define SHOAL_HOST_ACT_CURL_API_H

#include <stdbool.h>

enum curl_option {
    CURL_WRITEDATA = 10001,
    CURL_URL = 10002,
    CURL_PROXY = 10004,
    CURL_ERRORBUFFER = 10010,
    CURL_POSTFIELDS = 10015,
    CURL_HTTPHEADER = 10023,
    CURL_HEADERDATA = 10029,
    CURL_CUSTOMREQUEST = 10036,
    CURL_CAINFO = 10065,
    CURL_CAPATH = 10097,
    CURL_PRIVATE = 10103,
    CURL_COPYPOSTFIELDS = 10165,
    CURL_RESOLVE = 10203,
    CURL_NOBODY = 44,
    CURL_NOSIGNAL = 99,
    CURL_TIMEOUT_MS = 155,
    CURL_PROTOCOLS = 181,
    CURL_WRITEFUNCTION = 20011,
    CURL_HEADERFUNCTION = 20079,
    CURL_POSTFIELDSIZE_LARGE = 30120,
    /* of a multi handle */
    CURL_SOCKETDATA = 10002,
    CURL_TIMERDATA = 10005,
    CURL_SOCKETFUNCTION = 20001,
    CURL_TIMERFUNCTION = 20004,
    CURL_MAXCONNECTS = 6,
};

enum {
    CURL_GLOBAL_ALL = 3,
    CURL_PROTOCOLS_HTTP = 1 | 2, /* and https */
    CURL_INFO_RESPONSE_CODE = 0x200002,
    CURL_INFO_PRIVATE = 0x100015,
    CURL_TIMED_OUT = 28, /* a result */
    CURL_DONE = 1,       /* a message */
    CURL_NO_SOCKET = -1,
    CURL_IN = 1,
    CURL_OUT = 2,
    CURL_ERR = 4,
    CURL_REMOVE = 4, /* of a socket: not to be watched any more */
    CURL_ERROR_SIZE = 256,
};

struct curl_message {
    int kind;
    void *easy;
    union {
        void *whatever;
        int result;
    } data;
};

struct curl_api {
    int (*global_init)(long);
    void *(*easy_init)(void);
    int (*easy_setopt)(void *, int, ...);
    int (*easy_getinfo)(void *, int, ...);
    void (*easy_cleanup)(void *);
    const char *(*easy_strerror)(int);
    void *(*multi_init)(void);
    int (*multi_setopt)(void *, int, ...);
    int (*multi_cleanup)(void *);
    int (*multi_add_handle)(void *, void *);
    int (*multi_remove_handle)(void *, void *);
    int (*multi_socket_action)(void *, int, int, int *);
    int (*multi_assign)(void *, int, void *);
    struct curl_message *(*multi_info_read)(void *, int *);
    void *(*slist_append)(void *, const char *);
    void (*slist_free_all)(void *);
};

/* NULL: there is no libcurl. It stays open for the life of the process. */
const struct curl_api *curl_api_open(void);

#endif
