/* SPDX-License-Identifier: MIT */
#include "curl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct curl_api api;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    {"curl_global_init", offsetof(struct curl_api, global_init)},
    {"curl_easy_init", offsetof(struct curl_api, easy_init)},
    {"curl_easy_setopt", offsetof(struct curl_api, easy_setopt)},
    {"curl_easy_getinfo", offsetof(struct curl_api, easy_getinfo)},
    {"curl_easy_cleanup", offsetof(struct curl_api, easy_cleanup)},
    {"curl_easy_strerror", offsetof(struct curl_api, easy_strerror)},
    {"curl_multi_init", offsetof(struct curl_api, multi_init)},
    {"curl_multi_setopt", offsetof(struct curl_api, multi_setopt)},
    {"curl_multi_cleanup", offsetof(struct curl_api, multi_cleanup)},
    {"curl_multi_add_handle", offsetof(struct curl_api, multi_add_handle)},
    {"curl_multi_remove_handle",
     offsetof(struct curl_api, multi_remove_handle)},
    {"curl_multi_socket_action",
     offsetof(struct curl_api, multi_socket_action)},
    {"curl_multi_assign", offsetof(struct curl_api, multi_assign)},
    {"curl_multi_info_read", offsetof(struct curl_api, multi_info_read)},
    {"curl_slist_append", offsetof(struct curl_api, slist_append)},
    {"curl_slist_free_all", offsetof(struct curl_api, slist_free_all)},
};

/* SHOAL_LIBCURL names another library, or none (""). */
static void *open_library(void)
{
#ifdef __APPLE__
    static const char usual[] = "libcurl.4.dylib";
#else
    static const char usual[] = "libcurl.so.4";
#endif
    const char *name = getenv("SHOAL_LIBCURL");
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
    is_there = api.global_init(CURL_GLOBAL_ALL) == 0;
}

const struct curl_api *curl_api_open(void)
{
    pthread_once(&once, open_once);
    return is_there ? &api : NULL;
}
