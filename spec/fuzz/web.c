/* SPDX-License-Identifier: MIT */
/* Requests of HTTP, behind the library: which headers are refused, and what the
 * routes answer for a simulated node. The first byte of the input says method,
 * body, and whether there is a token; then come the URI and headers, a line
 * each. */
#include "../../src/lua/value.h"
#include "../../src/web/web_parts.h"
#include "state.h"

#include <sanitizer/lsan_interface.h>
#include <strings.h>

enum { MAX_HEADERS = 20, WITH_TOKEN = 4, WITH_BODY = 8 };

static const char token[] = "0123456789abcdef";

/* Every request is answered once, or waits; what is JSON can be read. What
 * waits is given up: its client leaves. */
static const char script[] =
    "package.loaded['shoal.core'] = core\n"
    "package.path = '" SHOAL_LUA_SHARE "/?.lua;" SHOAL_LUA_SHARE
    "/?/init.lua'\n"
    "local handlers\n"
    "function core.web_listen(_, given)\n"
    "  handlers = given\n"
    "  return { place = function() return 'x' end, close = function() end,\n"
    "    stats = function() return { connections = 0, requests = 0 } end }\n"
    "end\n"
    "local http, sim = require 'shoal.serve.http', require 'shoal.sim'\n"
    "local json_read = require 'shoal.format.json_read'\n"
    "local net, members, server, served = nil, nil, nil, 0\n"
    "local function make()\n"
    "  net = sim.new()\n"
    "  members = net:spawn(2, { handlers = { http = {\n"
    "    ['/own'] = function(_, asked) return 200, asked.query end,\n"
    "    ['/fails'] = function() error 'it does' end } },\n"
    "    tags = { ['service.web'] = { port = 80, state = 'passing',\n"
    "      tags = { 'v2' } } } })\n"
    "  server = http.listen 'nowhere'\n"
    "  server:attach(members[1])\n"
    "  net:run(1)\n"
    "end\n"
    "local function check(self, status, headers)\n"
    "  assert(not self.answered, 'answered twice')\n"
    "  assert(status >= 200 and status <= 599)\n"
    "  for name, value in pairs(headers or {}) do\n"
    "    assert(not (name .. value):find '[\\r\\n%z]', 'a line end')\n"
    "  end\n"
    "  self.answered = true\n"
    "end\n"
    "local Exchange = {}\n"
    "Exchange.__index = Exchange\n"
    "function Exchange:header(name) return self.list[name:lower()] end\n"
    "function Exchange:headers() return self.list end\n"
    "function Exchange:is_open() return not self.over end\n"
    "function Exchange:respond(status, headers, body)\n"
    "  check(self, status, headers)\n"
    "  if (headers and headers['Content-Type'] or ''):find 'json' then\n"
    "    assert(json_read.decode(body), 'not JSON')\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "function Exchange:stream(status, headers)\n"
    "  check(self, status, headers)\n"
    "  return true\n"
    "end\n"
    "function Exchange:write(text) assert(self.answered and text) return true "
    "end\n"
    "function Exchange:waiting() return 0 end\n"
    "function Exchange:finish() end\n"
    "function Exchange:drop() error 'it failed' end\n"
    "return function(method, uri, body, list)\n"
    "  served = served + 1\n"
    "  if not net or served % 1000 == 0 then\n"
    "    if net then net:close() end\n"
    "    make()\n"
    "  end\n"
    "  local exchange = setmetatable({ list = list }, Exchange)\n"
    "  handlers.on_request(exchange, method, uri, body)\n"
    "  net:run(0.001)\n"
    "  exchange.over = true\n"
    "  handlers.on_over(exchange)\n"
    "  assert(server.waiting.count == 0 and server.events.count == 0)\n"
    "end\n";

/* ---- The headers ---- */

struct header {
    char *name, *value;
};

static struct header headers[MAX_HEADERS];
static unsigned num_headers;

static int give_headers(struct MHD_Connection *connection, int kind,
                        mhd_header_fn *fn, void *context)
{
    (void)connection;
    for (unsigned i = 0; i < num_headers; i++)
        (void)fn(context, kind, headers[i].name, headers[i].value);
    return (int)num_headers;
}

static unsigned count(const char *name)
{
    unsigned found = 0;
    for (unsigned i = 0; i < num_headers; i++)
        found += strcasecmp(headers[i].name, name) == 0;
    return found;
}

static bool shows_token(void)
{
    for (unsigned i = 0; i < num_headers; i++)
        if ((strcasecmp(headers[i].name, "Authorization") == 0 &&
             strncasecmp(headers[i].value, "Bearer ", 7) == 0 &&
             strcmp(headers[i].value + 7, token) == 0) ||
            (strcasecmp(headers[i].name, "X-Consul-Token") == 0 &&
             strcmp(headers[i].value, token) == 0))
            return true;
    return false;
}

static bool is_taken(bool with_token, bool is_old)
{
    struct mhd_api api = {.get_connection_values = give_headers};
    struct web_server server = {.api = &api};
    struct web_peer peer = {.server = &server};
    web_request request = {.peer = &peer};
    unsigned status = 0;
    if (with_token)
        strcpy(server.token, token);
    const char *version = is_old ? "HTTP/1.0" : "HTTP/1.1";
    bool taken = web_check(&request, version, &status) == NULL;
    MUST(taken || (status >= 400 && status < 500) || status == 501);
    MUST(!taken || !is_old || count("Transfer-Encoding") == 0);
    MUST(!taken || count("Host") == 1);
    MUST(!taken || count("Content-Length") + count("Transfer-Encoding") <= 1);
    MUST(!taken || !with_token || shows_token());
    return taken;
}

/* ---- The routes ---- */

static uint8_t how;
static const char *uri;

static int request(lua_State *L)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "GET"};
    state_push(L, script);
    lua_pushstring(L, methods[how % 4]);
    lua_pushstring(L, uri);
    lua_pushstring(L, how & WITH_BODY ? "body" : "");
    lua_newtable(L);
    for (unsigned i = 0; i < num_headers; i++) {
        for (char *at = headers[i].name; *at; at++)
            if (*at >= 'A' && *at <= 'Z')
                *at += 'a' - 'A';
        lua_pushstring(L, headers[i].value);
        lua_setfield(L, -2, headers[i].name);
    }
    __lsan_disable(); /* what Lua holds for the next input is no leak */
    lua_call(L, 4, 0);
    __lsan_enable();
    return 0;
}

/* The next line, which ends with a zero byte then. */
static char *take_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    *at = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size), *at = text;
    MUST(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    how = data[0];
    uri = take_line(&at);
    for (num_headers = 0; *at && num_headers < MAX_HEADERS;) {
        struct header *header = &headers[num_headers];
        header->name = take_line(&at);
        header->value = strchr(header->name, ':');
        if (!header->value)
            continue;
        *header->value++ = '\0';
        header->value += strspn(header->value, " ");
        num_headers++;
    }
    (void)is_taken(how & WITH_TOKEN, how & 1);
    state_run(request, (const uint8_t *)"", 0);
    free(text);
    return 0;
}
