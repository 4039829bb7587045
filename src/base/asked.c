/* SPDX-License-Identifier: MIT */
#include "asked.h"

#include <stdbool.h>
#include <string.h>

static bool is_free(const struct asked *asked, size_t i)
{
    return asked->list[i].address[0] == '\0';
}

/* Where the address is, or else a free place, or that of the one that was asked
 * longest ago. */
static size_t place_for(const struct asked *asked, const char *address)
{
    size_t best = 0;
    for (size_t i = 0; i < ASKED_MOST; i++) {
        if (strcmp(asked->list[i].address, address) == 0)
            return i;
        if (!is_free(asked, best) &&
            (is_free(asked, i) ||
             asked->list[i].at_us < asked->list[best].at_us))
            best = i;
    }
    return best;
}

void asked_note(struct asked *asked, uint64_t now_us, const char *address)
{
    size_t size = strlen(address) + 1;
    if (size > ASKED_MAX_ADDRESS)
        return;
    size_t i = place_for(asked, address);
    memcpy(asked->list[i].address, address, size);
    asked->list[i].at_us = now_us;
}

const char *asked_next(const struct asked *asked, uint64_t now_us,
                       size_t *cursor)
{
    while (*cursor < ASKED_MOST) {
        size_t i = (*cursor)++;
        if (!is_free(asked, i) && now_us - asked->list[i].at_us < ASKED_FOR_US)
            return asked->list[i].address;
    }
    return NULL;
}
