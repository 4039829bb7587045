/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "../base/bytes.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "../base/networks.h"

#include <assert.h>
#include <string.h>

static_assert((int)SEAL_OVERHEAD <= (int)ENVELOPE_MAX, "room for either");
static_assert((int)SEAL_MAX_LABEL == (int)HOST_MAX_LABEL, "one limit");

/* The one byte that never begins a MessagePack value. */
static const uint8_t MARK = 0xc1;

int envelope_init(struct envelope *envelope, const char *label,
                  struct error *error)
{
    size_t length = label ? strlen(label) : 0;

    memset(envelope, 0, sizeof *envelope);
    if (length == 0)
        return 0;
    if (length > HOST_MAX_LABEL)
        return error_fail(error, "the cluster label has %zu bytes (at most %d)",
                          length, HOST_MAX_LABEL);
    envelope->prefix[0] = MARK;
    envelope->prefix[1] = (uint8_t)length;
    memcpy(envelope->prefix + 2, label, length);
    envelope->size = 2 + length;
    return 0;
}

/* The text of the label is behind its mark and length. */
int envelope_seal(struct envelope *envelope, const struct seal_keys *keys,
                  uint64_t skew_us, struct error *error)
{
    char label[HOST_MAX_LABEL + 1] = "";
    struct seal_options options = {.keys = keys,
                                   .label = label,
                                   .skew_us = skew_us,
                                   .now_us = clock_monotonic_us(),
                                   .wall_us = clock_wall_us()};

    if (envelope->size > 0)
        memcpy(label, envelope->prefix + 2, envelope->size - 2);
    envelope->seal = seal_new(&options, error);
    return envelope->seal ? 0 : -1;
}

void envelope_clear(struct envelope *envelope)
{
    seal_free(envelope->seal);
    envelope->seal = NULL;
}

bool envelope_allows(const struct envelope *envelope,
                     const struct address *address)
{
    return !envelope->allowed || networks_have(envelope->allowed, address);
}

bool envelope_put(const struct envelope *envelope, struct udp_outbox *outbox,
                  shoal_bytes packet, const struct address *to)
{
    shoal_bytes prefix = {envelope->prefix, envelope->size};
    uint8_t *at;

    if (!envelope->seal)
        return udp_outbox_add(outbox, prefix, packet, to);
    at = udp_outbox_take(outbox, packet.size + SEAL_OVERHEAD, to);
    if (at)
        seal_packet_to(
            envelope->seal,
            (struct seal_time){clock_monotonic_us(), clock_wall_us()},
            bytes_of(&to->as, to->size), packet, at);
    return at != NULL;
}

static bool has_label(shoal_bytes datagram)
{
    if (datagram.size < 2 || datagram.data[0] != MARK)
        return false;
    return datagram.data[1] >= 1 && datagram.data[1] <= HOST_MAX_LABEL &&
           datagram.size >= 2u + datagram.data[1];
}

bool envelope_open(const struct envelope *envelope, shoal_bytes datagram,
                   shoal_bytes *packet)
{
    *packet = datagram;
    if (envelope->size == 0)
        return !has_label(datagram);
    if (datagram.size < envelope->size ||
        memcmp(datagram.data, envelope->prefix, envelope->size) != 0)
        return false;
    packet->data += envelope->size;
    packet->size -= envelope->size;
    return true;
}
