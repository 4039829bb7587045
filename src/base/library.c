/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void *open_file(const struct library *library)
{
#ifdef __APPLE__
    const char *usual = library->apple_name;
#else
    const char *usual = library->linux_name;
#endif
    const char *name = getenv(library->variable);

    if (name && *name == '\0')
        return NULL;
    return dlopen(name ? name : usual, RTLD_NOW | RTLD_LOCAL);
}

bool library_open(const struct library *library, void *api)
{
    void *file = open_file(library);

    if (!file)
        return false;
    for (size_t i = 0; i < library->num_functions; i++) {
        const struct library_function *function = &library->functions[i];
        void *found = dlsym(file, function->name);

        if (!found)
            return false;
        memcpy((char *)api + function->offset, &found, sizeof found);
    }
    return true;
}
