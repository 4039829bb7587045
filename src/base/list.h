/* SPDX-License-Identifier: MIT */
/*
 * Lists that are linked through their elements, the newest first. An element
 * has two fields for that:
 *
 *     struct thing *next, **place;
 *
 * `place` is what points to it: the list (a `struct thing *`, NULL when it is
 * empty) or `next` of the element before it. So it is taken out without a
 * search and without the list at hand; the list must not move.
 */
#ifndef SHOAL_BASE_LIST_H
#define SHOAL_BASE_LIST_H

#define LIST_PUSH(list, element)                                               \
    do {                                                                       \
        (element)->place = &(list);                                            \
        (element)->next = (list);                                              \
        if ((element)->next)                                                   \
            (element)->next->place = &(element)->next;                         \
        (list) = (element);                                                    \
    } while (0)

#define LIST_REMOVE(element)                                                   \
    do {                                                                       \
        *(element)->place = (element)->next;                                   \
        if ((element)->next)                                                   \
            (element)->next->place = (element)->place;                         \
    } while (0)

#endif
