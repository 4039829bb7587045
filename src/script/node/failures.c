/* SPDX-License-Identifier: MIT */
#include "failures.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "node.h"

#include <stdlib.h>
#include <string.h>

/* Between two turns of the loop; what comes on top is only counted. */
enum { MAX_WAITING = 100 };

struct failure {
    struct node *node;
    struct failure *next;
    char *what, *text;
};

static struct failure *copy_failure(const protected_report *report)
{
    struct failure *failure = calloc(1, sizeof *failure);
    if (!failure)
        return NULL;
    failure->what = strdup(report->what);
    failure->text = strdup(report->text);
    if (failure->what && failure->text)
        return failure;
    free(failure->what);
    free(failure->text);
    free(failure);
    return NULL;
}

static void free_failure(struct failure *failure)
{
    free(failure->what);
    free(failure->text);
    free(failure);
}

/* on_error is told later: Lua must not be called here. */
static void keep_failure(struct node *node, const protected_report *report)
{
    struct failure **last = &node->failures;
    int waiting = 0;
    for (; *last; last = &(*last)->next)
        waiting++;
    if (waiting == MAX_WAITING)
        return;
    *last = copy_failure(report);
    if (*last)
        (void)node_put_off(node);
}

void failures_add(struct node *node, const char *what, const char *text)
{
    const protected_report report = {.what = what, .text = text};
    if (node->on_error != REFS_NONE)
        keep_failure(node, &report);
}

void failures_report(void *context, const protected_report *report)
{
    struct node *node = context;
    struct log on_stderr = node->log, *log = &node->log;
    on_stderr.sink = NULL;
    if (strcmp(report->what, "log") == 0) /* not of its own failure */
        log = &on_stderr;
    failure_log_write(&node->failure_log, log, LOG_SCRIPT, report,
                      node->backend ? node->backend->ops->now_us(node->backend)
                                    : 0);
    if (report->text && node->on_error != REFS_NONE &&
        strcmp(report->what, "on_error") != 0)
        keep_failure(node, report);
}

static void call_on_error(lua_State *L, void *context)
{
    const struct failure *failure = context;
    struct node *node = failure->node;
    refs_push(L, node->on_error);
    lua_pushstring(L, failure->what);
    lua_pushstring(L, failure->text);
    protected_invoke(node->scopes.program.caller, L, 2, 0);
}

void failures_tell(struct node *node)
{
    while (node->failures) {
        struct failure *failure = node->failures;
        node->failures = failure->next;
        failure->node = node;
        scope_run(&node->scopes.program, call_on_error, failure, "on_error");
        free_failure(failure);
    }
}

void failures_clear(struct node *node)
{
    while (node->failures) {
        struct failure *failure = node->failures;
        node->failures = failure->next;
        free_failure(failure);
    }
}
