/* SPDX-License-Identifier: MIT */
/* The headers of a request: read, and what must not be is refused. */
#include "web_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Reading ---- */

struct visit {
    void (*fn)(void *context, const char *name, const char *value);
    void *context;
};

static int on_header(void *context, int kind, const char *name,
                     const char *value)
{
    const struct visit *visit = context;

    (void)kind;
    visit->fn(visit->context, name, value ? value : "");
    return MHD_YES;
}

void web_headers(const web_request *request,
                 void (*fn)(void *context, const char *name, const char *value),
                 void *context)
{
    struct visit visit = {fn, context};

    (void)request->peer->server->api->get_connection_values(
        request->peer->connection, MHD_HEADERS, on_header, &visit);
}

/* ---- Checking ---- */

struct seen {
    unsigned hosts, lengths, codings;
    const char *host, *length, *coding, *authorization, *consul_token;
    bool is_odd; /* a name that is not a token */
};

/* "Content-Length " is not Content-Length for us, and may be for a proxy (RFC
 * 9112, 5.1). */
static bool is_token(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    const char *c;

    for (c = name; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
            !(*c >= '0' && *c <= '9') && !strchr(others, *c))
            return false;
    return c > name;
}

static void note(void *context, const char *name, const char *value)
{
    struct seen *seen = context;

    seen->is_odd |= !is_token(name);
    if (strcasecmp(name, "Host") == 0) {
        seen->hosts++;
        seen->host = value;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        seen->lengths++;
        seen->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        seen->codings++;
        seen->coding = value;
    } else if (strcasecmp(name, "Authorization") == 0) {
        seen->authorization = value;
    } else if (strcasecmp(name, "X-Consul-Token") == 0) {
        seen->consul_token = value;
    }
}

/* Takes as long whatever they are. */
static bool is_same(const char *a, const char *b)
{
    size_t i, size = strlen(a);
    unsigned char differs = strlen(b) != size;

    for (i = 0; i < size; i++)
        differs |= (unsigned char)(a[i] ^ b[i % (strlen(b) + 1)]);
    return differs == 0;
}

/* As RFC 6750 has it, or as Consul's clients do. */
static bool has_token(const web_server *server, const struct seen *seen)
{
    static const char scheme[] = "Bearer ";
    size_t size = sizeof scheme - 1;
    const char *shown = seen->authorization;

    if (shown && strncasecmp(shown, scheme, size) == 0 &&
        is_same(server->token, shown + size))
        return true;
    return seen->consul_token && is_same(server->token, seen->consul_token);
}

static bool is_port(const char *text)
{
    return *text == '\0' ||
           (*text == ':' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

/* An address or localhost, with or without a port: what no attacker's name can
 * look like. */
static bool is_local(const char *host)
{
    static const char name[] = "localhost";
    size_t size = sizeof name - 1;

    if (*host == '[') {
        size = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        return size > 1 && host[size] == ']' && is_port(host + size + 1);
    }
    if (strncasecmp(host, name, size) == 0)
        return is_port(host + size);
    return strspn(host, "0123456789.:") == strlen(host) && *host != '\0';
}

/* How long the body is. NULL, or why it cannot be known. */
static const char *check_framing(const struct seen *seen, const char *version,
                                 unsigned *status)
{
    *status = 400;
    if (seen->is_odd)
        return "the name of a header is not a token";
    if (seen->lengths + seen->codings > 1)
        return "how long the body is must be said once";
    if (seen->codings > 0 && strcmp(version, "HTTP/1.1") != 0)
        return "a transfer coding needs HTTP/1.1";
    *status = 501;
    if (seen->codings > 0 && strcasecmp(seen->coding, "chunked") != 0)
        return "the only transfer coding is chunked";
    *status = 413;
    if (seen->length && strtoull(seen->length, NULL, 10) > WEB_MAX_BODY)
        return "the body is too long";
    return NULL;
}

const char *web_check(const web_request *request, const char *version,
                      unsigned *status)
{
    const web_server *server = request->peer->server;
    struct seen seen = {0};
    const char *wrong;

    web_headers(request, note, &seen);
    *status = 400;
    if (seen.hosts != 1)
        return "one Host is needed";
    wrong = check_framing(&seen, version, status);
    if (wrong)
        return wrong;
    *status = 401;
    if (server->token[0] != '\0' && !has_token(server, &seen))
        return seen.authorization || seen.consul_token ? "the token is wrong"
                                                       : "a token is needed";
    *status = 403;
    if (server->token[0] == '\0' && !server->place.is_path &&
        !is_local(seen.host))
        return "ask by address, or as localhost: a name could be anybody's";
    return NULL;
}
