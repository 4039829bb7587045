/* SPDX-License-Identifier: MIT */
#include "http_url.h"

#include "../../base/bytes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *skip_scheme(const char *text, bool *tls)
{
    *tls = strncasecmp(text, "https://", 8) == 0;
    if (*tls)
        return text + 8;
    return strncasecmp(text, "http://", 7) == 0 ? text + 7 : NULL;
}

/* Bytes that would end a line of the request, or hide something in it. */
static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || *text == 127)
            return false;
    }
    return true;
}

static size_t host_length(const char *at, size_t length)
{
    const char *end = *at == '[' ? memchr(at, ']', length) : NULL;
    const char *colon = end ? end + 1 : memchr(at, ':', length);
    return colon ? (size_t)(colon - at) : length;
}

int http_url_parse(const char *text, struct http_url *out, struct error *error)
{
    char endpoint_text[ADDRESS_MAX_ENDPOINT];
    struct endpoint endpoint;
    const char *at = skip_scheme(text, &out->tls);
    if (!at || !is_clean(text))
        return error_fail(error, "not a URL of http or https: %.200s", text);
    size_t length = strcspn(at, "/?#");
    size_t host = host_length(at, length);
    if (memchr(at, '@', length) || host == 0 || host >= sizeof out->host)
        return error_fail(error, "not a URL with a host: %.200s", text);
    memcpy(out->host, at, host);
    out->host[host] = '\0';
    if (host == length)
        snprintf(endpoint_text, sizeof endpoint_text, "%s:%s", out->host,
                 out->tls ? "443" : "80");
    else
        snprintf(endpoint_text, sizeof endpoint_text, "%.*s", (int)length, at);
    if (address_parse_endpoint(bytes_of_text(endpoint_text), &endpoint,
                               error) != 0)
        return -1;
    out->is_name = endpoint.is_name;
    out->port =
        endpoint.is_name ? endpoint.port : address_port(&endpoint.address);
    out->path = at + length;
    return 0;
}
