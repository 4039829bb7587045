/* SPDX-License-Identifier: MIT */
/* What others ask in an exchange (../exchange.h), and what we answer. */
#ifndef SHOAL_CORE_ENTRY_EXCHANGE_ANSWER_H
#define SHOAL_CORE_ENTRY_EXCHANGE_ANSWER_H

#include "../table/members.h"

/* The records of a packet from `sender`, whose claims were applied: those that
 * ask something of us. */
void exchange_receive(shoal *engine, shoal_bytes items,
                      const struct who *sender);

#endif
