/* SPDX-License-Identifier: MIT */
#include "mhd_api.h"

#include "../base/library.h"

#include <pthread.h>
#include <stddef.h>

static struct mhd_api api;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define FUNCTION(name)                                                         \
    {                                                                          \
        "MHD_" #name, offsetof(struct mhd_api, name)                           \
    }

static const struct library_function functions[] = {
    FUNCTION(start_daemon),
    FUNCTION(stop_daemon),
    FUNCTION(get_daemon_info),
    FUNCTION(run),
    FUNCTION(get_timeout),
    FUNCTION(add_connection),
    FUNCTION(get_connection_info),
    FUNCTION(get_connection_values),
    FUNCTION(suspend_connection),
    FUNCTION(resume_connection),
    FUNCTION(create_response_from_buffer),
    FUNCTION(create_response_from_callback),
    FUNCTION(add_response_header),
    FUNCTION(queue_response),
    FUNCTION(destroy_response),
};

static const struct library library = {.variable = "SHOAL_LIBMICROHTTPD",
                                       .linux_name = "libmicrohttpd.so.12",
                                       .apple_name = "libmicrohttpd.12.dylib",
                                       .functions = functions,
                                       .num_functions = sizeof functions /
                                                        sizeof *functions};

static void open_once(void)
{
    is_there = library_open(&library, &api);
}

const struct mhd_api *mhd_api_open(void)
{
    pthread_once(&once, open_once);
    return is_there ? &api : NULL;
}
