/* SPDX-License-Identifier: MIT */
/*
 * Libraries that are opened when they are used, and may be missing. What is
 * wanted of one is a struct of function pointers, and a table says which is
 * where:
 *
 *     static const struct library_function functions[] = {
 *         {"curl_easy_init", offsetof(struct curl_api, easy_init)}, ...
 *
 * A library stays open.
 */
#ifndef SHOAL_BASE_LIBRARY_H
#define SHOAL_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_function {
    const char *name;
    size_t offset; /* in the struct */
};

struct library {
    const char *variable; /* of the environment, names another file; "": none */
    const char *linux_name, *apple_name; /* of the usual file */
    const struct library_function *functions;
    size_t num_functions;
};

/* Fills the struct at `api`. false: there is no such library, or one without
 * one of the functions. */
bool library_open(const struct library *library, void *api);

#endif
