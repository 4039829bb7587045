/* SPDX-License-Identifier: MIT */
#include "mhd_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct mhd_api api;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define FUNCTION(name)                                                         \
    {                                                                          \
        "MHD_" #name, offsetof(struct mhd_api, name)                           \
    }

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
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

static void *open_library(void)
{
#ifdef __APPLE__
    static const char usual[] = "libmicrohttpd.12.dylib";
#else
    static const char usual[] = "libmicrohttpd.so.12";
#endif
    const char *name = getenv("SHOAL_LIBMICROHTTPD");

    if (name && *name == '\0')
        return NULL;
    return dlopen(name ? name : usual, RTLD_NOW | RTLD_LOCAL);
}

static void open_once(void)
{
    void *library = open_library();

    if (!library)
        return;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = dlsym(library, functions[i].name);

        if (!found)
            return;
        memcpy((char *)&api + functions[i].offset, &found, sizeof found);
    }
    is_there = true;
}

const struct mhd_api *mhd_api_open(void)
{
    pthread_once(&once, open_once);
    return is_there ? &api : NULL;
}
