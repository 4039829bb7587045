/* SPDX-License-Identifier: MIT */
/* What exchange.c and entry/exchange_answer.c share. */
#ifndef SHOAL_CORE_EXCHANGE_PARTS_H
#define SHOAL_CORE_EXCHANGE_PARTS_H

#include "exchange.h"

/* For qsort() and bsearch() of entries. */
int exchange_by_hash(const void *a, const void *b);
struct entry_of exchange_entry(const struct member *member);
struct entry_of exchange_own_entry(const shoal *engine);
/* Over what we know of that cell, ourselves too. */
uint32_t exchange_sum(const shoal *engine, struct cell cell);

#endif
