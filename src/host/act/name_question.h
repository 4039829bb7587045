/* SPDX-License-Identifier: MIT */
/* Names that connections go to: looked up as those of members are, but for
 * every kind of address, and a question can be taken back. */
#ifndef SHOAL_HOST_ACT_NAME_QUESTION_H
#define SHOAL_HOST_ACT_NAME_QUESTION_H

#include "../host.h"
#include "../resolve.h"

struct name_question;

/* `done` is called as by the resolver. NULL: no memory, no thread. */
struct name_question *name_question_ask(host *node, const char *name,
                                        uint16_t port, resolve_fn *done,
                                        void *context);
/* `done` is not called any more. NULL is fine. */
void name_question_forget(struct name_question *question);

#endif
