/* SPDX-License-Identifier: MIT */
#include "log_function.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../../lua/value.h"

#include <stdlib.h>
#include <string.h>

/* Names and bytes are behind the fields, in one block. */
struct log_function_line {
    struct log_function_line *next;
    log_level level;
    log_area area;
    const char *text;
    size_t num_fields;
    log_field fields[];
};

/* ---- Lines that wait ---- */

static size_t size_of(const char *text, const log_field *fields, size_t count)
{
    size_t size = sizeof(struct log_function_line) + strlen(text) + 1;
    for (size_t i = 0; i < count; i++)
        size +=
            sizeof *fields + strlen(fields[i].name) + 1 + fields[i].string.size;
    return size;
}

static const char *put(char **to, const char *bytes, size_t size)
{
    const char *where = *to;
    memcpy(*to, bytes, size);
    *to += size;
    return where;
}

static struct log_function_line *copy_line(const char *text,
                                           const log_field *fields,
                                           size_t count)
{
    struct log_function_line *line = malloc(size_of(text, fields, count));
    if (!line)
        return NULL;
    char *to = (char *)&line->fields[count];
    line->next = NULL;
    line->text = put(&to, text, strlen(text) + 1);
    line->num_fields = count;
    for (size_t i = 0; i < count; i++) {
        log_field *field = &line->fields[i];
        *field = fields[i];
        field->name = put(&to, field->name, strlen(field->name) + 1);
        if (field->string.data)
            field->string.data = (const uint8_t *)put(
                &to, (const char *)field->string.data, field->string.size);
    }
    return line;
}

static void keep_line(void *context, log_level level, log_area area,
                      const char *text, const log_field *fields, size_t count)
{
    struct log_function *function = context;
    struct log_function_line *line = function->waiting < LOG_FUNCTION_MAX
                                         ? copy_line(text, fields, count)
                                         : NULL;
    if (!line) {
        function->dropped++;
        return;
    }
    line->level = level;
    line->area = area;
    if (!function->first)
        function->last = &function->first;
    *function->last = line;
    function->last = &line->next;
    function->waiting++;
    function->soon(function->scope->node);
}

static struct log_function_line *take_line(struct log_function *function)
{
    struct log_function_line *line = function->first;
    if (line) {
        function->first = line->next;
        function->waiting--;
    }
    return line;
}

/* ---- Telling ---- */

struct log_function_call {
    const struct log_function *function;
    const struct log_function_line *line;
};

static void push_fields(lua_State *L, const struct log_function_line *line)
{
    lua_createtable(L, 0, (int)line->num_fields);
    for (size_t i = 0; i < line->num_fields; i++) {
        const log_field *field = &line->fields[i];
        if (field->string.data)
            value_push_bytes(L, field->string);
        else
            lua_pushnumber(L, field->number);
        lua_setfield(L, -2, field->name);
    }
}

static void tell_line(lua_State *L, void *context)
{
    const struct log_function_call *call = context;
    const struct log_function_line *line = call->line;
    refs_push(L, call->function->fn);
    lua_pushstring(L, log_level_name(line->level));
    lua_pushstring(L, log_area_name(line->area));
    lua_pushstring(L, line->text);
    push_fields(L, line);
    protected_invoke(call->function->scope->caller, L, 4, 0);
}

static void tell_dropped(struct log_function *function)
{
    log_field lines = log_num("lines", (double)function->dropped);
    function->dropped = 0;
    keep_line(function, LOG_WARN, LOG_HOST, "log lines dropped", &lines, 1);
}

/* Those that it causes itself wait for the next turn. */
void log_function_tell(struct log_function *function)
{
    unsigned count = function->waiting;
    while (count-- > 0 && function->fn != REFS_NONE) {
        struct log_function_line *line = take_line(function);
        struct log_function_call call = {function, line};
        scope_run(function->scope, tell_line, &call, "log");
        free(line);
    }
    if (function->dropped > 0 && function->fn != REFS_NONE)
        tell_dropped(function);
}

void log_function_clear(struct log_function *function)
{
    struct log_function_line *line;
    while ((line = take_line(function)))
        free(line);
}

void log_function_set(lua_State *L, struct log_function *function,
                      struct log *log, struct scope *scope,
                      void (*soon)(struct node *node))
{
    function->fn = refs_new(L);
    function->scope = scope;
    function->soon = soon;
    log->sink = keep_line;
    log->sink_context = function;
}
