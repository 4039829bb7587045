/* SPDX-License-Identifier: MIT */
#include "name_question.h"

#include "../../base/list.h"
#include "../node.h"

#include <stdlib.h>

struct name_question {
    struct name_question *next, **place; /* in the node's list */
    resolve_fn *done;                    /* NULL: forgotten */
    void *context;
};

static void free_question(struct name_question *question)
{
    LIST_REMOVE(question);
    free(question);
}

static void on_found(void *context, const struct addresses *found,
                     const char *error)
{
    struct name_question copy = *(struct name_question *)context;

    free_question(context);
    if (copy.done)
        copy.done(copy.context, found, error);
}

static void end_questions(host *node)
{
    resolver_free(node->names); /* which calls nobody any more */
    node->names = NULL;
    while (node->name_questions)
        free_question(node->name_questions);
}

struct name_question *name_question_ask(host *node, const char *name,
                                        uint16_t port, resolve_fn *done,
                                        void *context)
{
    static const struct address_reach all = {.family = AF_INET6, .dual = true};
    struct name_question *question = calloc(1, sizeof *question);

    if (!question)
        return NULL;
    question->done = done;
    question->context = context;
    node->end_acts[HOST_NAMES] = end_questions;
    LIST_PUSH(node->name_questions, question);
    if (!node->names)
        node->names = resolver_new(node->loop, all, node->lookup);
    if (node->names &&
        resolver_ask(node->names, name, port, on_found, question) == 0)
        return question;
    free_question(question);
    return NULL;
}

/* The resolver cannot take it back: it waits for its answer. */
void name_question_forget(struct name_question *question)
{
    if (question)
        question->done = NULL;
}
