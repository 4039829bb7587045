/* SPDX-License-Identifier: MIT */
#include "curl_api.h"

#include "../../base/library.h"

#include <pthread.h>
#include <stddef.h>

static struct curl_api api;
static bool is_there;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct library_function functions[] = {
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

static const struct library library = {.variable = "SHOAL_LIBCURL",
                                       .linux_name = "libcurl.so.4",
                                       .apple_name = "libcurl.4.dylib",
                                       .functions = functions,
                                       .num_functions = sizeof functions /
                                                        sizeof *functions};

static void open_once(void)
{
    is_there =
        library_open(&library, &api) && api.global_init(CURL_GLOBAL_ALL) == 0;
}

const struct curl_api *curl_api_open(void)
{
    pthread_once(&once, open_once);
    return is_there ? &api : NULL;
}
