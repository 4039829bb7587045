/* SPDX-License-Identifier: MIT */
#include "advertise.h"
#include "../../base/bytes.h"

#include "../../base/address.h"
#include "../../base/error.h"

#include <stdio.h>
#include <string.h>

static int parse(const char *text, struct endpoint *out, struct error *error)
{
    return address_parse_endpoint(bytes_of_text(text), out, error);
}

/* "10.0.0.2" and "[fe80::1]" have no port; "fe80::1" is taken for the latter.
 */
static void add_port(const char *asked, char *out)
{
    size_t length = strlen(asked);
    const char *colon = strchr(asked, ':');
    bool is_bare_v6 = *asked != '[' && colon && strchr(colon + 1, ':');
    bool has_port = *asked == '[' ? asked[length - 1] != ']' : colon != NULL;
    if (is_bare_v6)
        snprintf(out, ADDRESS_MAX_ENDPOINT, "[%.*s]:0", 256, asked);
    else
        snprintf(out, ADDRESS_MAX_ENDPOINT, "%.*s%s", 256, asked,
                 has_port ? "" : ":0");
}

static int complete(const char *asked, uint16_t port, char *out,
                    struct error *error)
{
    char text[ADDRESS_MAX_ENDPOINT];
    struct error reason;
    struct endpoint endpoint;
    add_port(asked, text);
    if (parse(text, &endpoint, &reason) != 0) {
        error_fail(error, "cannot advertise '%.*s': %.*s", 256, asked, 200,
                   reason.text);
        return -1;
    }
    if (endpoint.is_name) {
        error_fail(error, "cannot advertise '%.*s': it is not an IP address",
                   256, asked);
        return -1;
    }
    if (address_is_wildcard(&endpoint.address)) {
        error_fail(
            error,
            "cannot advertise '%.*s': it is a wildcard address; give the "
            "address at which other members reach this host",
            256, asked);
        return -1;
    }
    if (address_port(&endpoint.address) == 0)
        address_set_port(&endpoint.address, port);
    address_format(&endpoint.address, out);
    return 0;
}

int advertise_complete(const char *asked, const char *bound, char *out,
                       struct error *error)
{
    struct endpoint socket;
    if (parse(bound, &socket, error) != 0)
        return -1;
    if (asked)
        return complete(asked, address_port(&socket.address), out, error);
    if (address_is_wildcard(&socket.address))
        out[0] = '\0';
    else
        snprintf(out, ADDRESS_MAX_ENDPOINT, "%s", bound);
    return 0;
}

/* NULL: nothing. */
static const char *problem_of(const struct endpoint *endpoint)
{
    if (endpoint->port == 0)
        return "it has port 0";
    if (endpoint->is_name)
        return NULL;
    if (address_is_wildcard(&endpoint->address))
        return "it is a wildcard address";
    if (address_is_many(&endpoint->address))
        return "it is a multicast, broadcast or reserved address";
    return NULL;
}

int advertise_check(shoal_bytes endpoint, struct error *error)
{
    struct endpoint parsed;
    if (address_parse_endpoint(endpoint, &parsed, NULL) != 0)
        return 0;
    const char *problem = problem_of(&parsed);
    if (!problem)
        return 0;
    return error_fail(error, "other members cannot send to %.*s: %s",
                      (int)endpoint.size, (const char *)endpoint.data, problem);
}
