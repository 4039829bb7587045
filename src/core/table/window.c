/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <stdbool.h>
#include <string.h>

/* The one of that epoch, which is the first from now on; NULL: there is none.
 */
static struct window *find(struct windows *windows, uint32_t epoch)
{
    for (uint32_t i = 0; i < WINDOW_EPOCHS; i++) {
        struct window found = windows->of[i];
        if (found.seen == 0 || found.epoch != epoch)
            continue;
        memmove(windows->of + 1, windows->of, i * sizeof found);
        windows->of[0] = found;
        return windows->of;
    }
    return NULL;
}

/* In the place of the one that was of use longest ago. */
static void add(struct windows *windows, uint32_t epoch, uint32_t number)
{
    memmove(windows->of + 1, windows->of,
            (WINDOW_EPOCHS - 1) * sizeof *windows->of);
    windows->of[0] = (struct window){.seen = 1, .epoch = epoch, .top = number};
}

/* Numbers may wrap around. */
static bool is_above(const struct window *window, uint32_t number)
{
    return number - window->top - 1 < UINT32_MAX / 2;
}

enum arrival window_look(struct windows *windows, uint32_t epoch,
                         uint32_t number)
{
    const struct window *window = find(windows, epoch);
    if (!window || is_above(window, number))
        return ARRIVAL_NEW;
    uint32_t below = window->top - number;
    if (below >= WINDOW_SIZE)
        return ARRIVAL_OLD;
    return window->seen >> below & 1 ? ARRIVAL_REPEATED : ARRIVAL_NEW;
}

void window_note(struct windows *windows, uint32_t epoch, uint32_t number)
{
    struct window *window = find(windows, epoch);
    if (!window) {
        add(windows, epoch, number);
    } else if (is_above(window, number)) {
        uint32_t up = number - window->top;
        window->seen = up < WINDOW_SIZE ? window->seen << up | 1 : 1;
        window->top = number;
    } else {
        window->seen |= UINT64_C(1) << (window->top - number);
    }
}
