/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "../../wire/wire.h"

/* What the fields of ten and of eleven bits hold. */
enum { MAX_SIZE = (1 << 10) - 1, MAX_END = (1 << 11) - 1 };
_Static_assert((int)SHOAL_MAX_IDENTITY <= MAX_SIZE &&
                   (int)IDENTITY_MAX_ANSWER <= MAX_SIZE,
               "a size has ten bits");
_Static_assert((int)SHOAL_MAX_IDENTITY + (int)IDENTITY_MAX_ANSWER <= MAX_END,
               "an endpoint lies behind an identity and an address");

/* Where `part` lies inside `whole`, or whole.size when it does not. */
static size_t offset_in(shoal_bytes whole, shoal_bytes part)
{
    uintptr_t start = (uintptr_t)whole.data, at = (uintptr_t)part.data;
    if (part.size == 0 || at < start || at - start > whole.size ||
        part.size > whole.size - (at - start))
        return whole.size;
    return at - start;
}

static size_t footprint(const struct identity *identity)
{
    size_t end = identity->size;
    if (identity->addr_at + (size_t)identity->addr_size > end)
        end = identity->addr_at + (size_t)identity->addr_size;
    if (identity->endpoint_at + (size_t)identity->endpoint_size > end)
        end = identity->endpoint_at + (size_t)identity->endpoint_size;
    return sizeof *identity + end;
}

struct identity *identity_new(struct mem *mem, const struct who *who)
{
    struct identity head = {.refs = 1,
                            .hash = who->hash,
                            .addr_hash = who->addr_hash,
                            .wire_hash = who->wire_hash,
                            .size = who->id.size & MAX_SIZE,
                            .addr_size = who->addr.size & MAX_SIZE,
                            .endpoint_size = who->endpoint.size & MAX_SIZE};
    size_t end = who->id.size;
    size_t addr_at = offset_in(who->id, who->addr);
    if (addr_at == who->id.size)
        end += who->addr.size;
    size_t endpoint_at = offset_in(who->id, who->endpoint);
    if (endpoint_at == who->id.size) {
        /* A scripted endpoint is mostly the address itself. */
        if (bytes_equal(who->endpoint, who->addr))
            endpoint_at = addr_at;
        else
            endpoint_at = end;
    }
    head.addr_at = addr_at & MAX_SIZE;
    head.endpoint_at = endpoint_at & MAX_END;

    struct identity *identity = mem_alloc(mem, footprint(&head));
    if (!identity)
        return NULL;
    *identity = head;
    bytes_copy(identity->bytes, who->id);
    bytes_copy(identity->bytes + addr_at, who->addr);
    bytes_copy(identity->bytes + endpoint_at, who->endpoint);
    return identity;
}

void identity_release(struct mem *mem, struct identity *identity)
{
    if (identity && --identity->refs == 0)
        mem_free(mem, identity, footprint(identity));
}
