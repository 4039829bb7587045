/* SPDX-License-Identifier: MIT */
/*
 * As much of libmicrohttpd as is used here, opened when it is needed. These
 * numbers and signatures are its binary interface (libmicrohttpd.so.12), which
 * has kept them since 0.9.
 */
#ifndef SHOAL_WEB_MHD_API_H
#define SHOAL_WEB_MHD_API_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct MHD_Daemon;
struct MHD_Connection;
struct MHD_Response;

enum { MHD_NO_LISTEN_SOCKET = 256, MHD_EPOLL = 512, MHD_SUSPEND_RESUME = 9216 };

enum mhd_option {
    MHD_END = 0,
    MHD_CONNECTION_MEMORY_LIMIT = 1,
    MHD_CONNECTION_LIMIT = 2,
    MHD_NOTIFY_COMPLETED = 4,
    MHD_URI_LOG_CALLBACK = 7,
    MHD_NOTIFY_CONNECTION = 27
};

enum {
    MHD_NO = 0,
    MHD_YES = 1,
    MHD_HEADERS = 1,           /* a kind of value */
    MHD_MUST_COPY = 2,         /* a buffer */
    MHD_INFO_EPOLL_FD = 3,     /* of a daemon */
    MHD_INFO_FD = 6,           /* of a connection */
    MHD_INFO_CONTEXT = 7,      /* of a connection */
    MHD_CONNECTION_CLOSED = 1, /* 0: it has begun */
    MHD_END_OF_STREAM = -1
};
#define MHD_UNKNOWN_SIZE UINT64_MAX

union mhd_info {
    int fd;
    void *context;
};

typedef int mhd_header_fn(void *context, int kind, const char *name,
                          const char *value);
typedef ssize_t mhd_read_fn(void *context, uint64_t at, char *out, size_t room);
typedef void mhd_free_fn(void *context);
typedef int mhd_handler_fn(void *context, struct MHD_Connection *connection,
                           const char *url, const char *method,
                           const char *version, const char *upload,
                           size_t *upload_size, void **request);
typedef void mhd_completed_fn(void *context, struct MHD_Connection *connection,
                              void **request, int how);
typedef void *mhd_uri_fn(void *context, const char *uri,
                         struct MHD_Connection *connection);
typedef void mhd_connection_fn(void *context, struct MHD_Connection *connection,
                               void **of_connection, int what);

struct mhd_api {
    struct MHD_Daemon *(*start_daemon)(unsigned flags, uint16_t port,
                                       void *accept, void *accept_context,
                                       mhd_handler_fn *handler, void *context,
                                       ...);
    void (*stop_daemon)(struct MHD_Daemon *daemon);
    const union mhd_info *(*get_daemon_info)(struct MHD_Daemon *daemon,
                                             int what, ...);
    int (*run)(struct MHD_Daemon *daemon);
    int (*get_timeout)(struct MHD_Daemon *daemon, unsigned long long *ms);
    int (*add_connection)(struct MHD_Daemon *daemon, int fd,
                          const struct sockaddr *address, socklen_t size);
    const union mhd_info *(*get_connection_info)(
        struct MHD_Connection *connection, int what, ...);
    int (*get_connection_values)(struct MHD_Connection *connection, int kind,
                                 mhd_header_fn *fn, void *context);
    void (*suspend_connection)(struct MHD_Connection *connection);
    void (*resume_connection)(struct MHD_Connection *connection);
    struct MHD_Response *(*create_response_from_buffer)(size_t size,
                                                        void *bytes, int mode);
    struct MHD_Response *(*create_response_from_callback)(uint64_t size,
                                                          size_t block,
                                                          mhd_read_fn *read,
                                                          void *context,
                                                          mhd_free_fn *free);
    int (*add_response_header)(struct MHD_Response *response, const char *name,
                               const char *value);
    int (*queue_response)(struct MHD_Connection *connection, unsigned status,
                          struct MHD_Response *response);
    void (*destroy_response)(struct MHD_Response *response);
};

/* NULL: it is not there. SHOAL_LIBMICROHTTPD names another file, or none
 * (""). */
const struct mhd_api *mhd_api_open(void);

#endif
