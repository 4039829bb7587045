/* SPDX-License-Identifier: MIT */
#include "arrival.h"

#include "../base/bytes.h"
#include "../base/clock.h"

struct seal_time arrival_time(const struct envelope *envelope, uint64_t now_us)
{
    if (!envelope->seal)
        return (struct seal_time){0, 0};
    return (struct seal_time){now_us, clock_wall_us()};
}

static arrival_fate fate_of(seal_verdict verdict)
{
    switch (verdict) {
    case SEAL_PACKET:
        return ARRIVAL_PACKET;
    case SEAL_TAKEN:
        return ARRIVAL_TAKEN;
    case SEAL_FOREIGN_KEY:
        return ARRIVAL_FOREIGN_KEY;
    case SEAL_UNAUTHENTIC:
        return ARRIVAL_UNAUTHENTIC;
    case SEAL_REPLAYED:
        return ARRIVAL_REPLAYED;
    case SEAL_UNPROVEN:
        return ARRIVAL_UNPROVEN;
    }
    return ARRIVAL_UNAUTHENTIC;
}

static void open_sealed(struct seal *seal, struct udp_inbox *inbox, int i,
                        struct seal_time time, struct udp_outbox *replies,
                        struct arrived *arrival)
{
    const struct address *from = udp_sender(inbox, i);
    struct seal_arrival opened;
    seal_verdict verdict =
        seal_open(seal, time, inbox->slices[i].iov_base, arrival->size,
                  bytes_of(&from->as, from->size), &opened);

    arrival->fate = fate_of(verdict);
    arrival->is_limited = opened.is_limited;
    if (verdict == SEAL_PACKET)
        arrival->packet = opened.packet;
    if (opened.reply_size > 0) /* without room it is lost, as any may be */
        (void)udp_outbox_add(replies, bytes_of(NULL, 0),
                             bytes_of(opened.reply, opened.reply_size), from);
}

struct arrived arrival_open(const struct envelope *envelope,
                            struct udp_inbox *inbox, int i,
                            struct seal_time time, struct udp_outbox *replies)
{
    bool truncated;
    shoal_bytes datagram = udp_datagram(inbox, i, &truncated);
    struct arrived arrival = {.fate = ARRIVAL_PACKET, .size = datagram.size};

    if (!envelope_allows(envelope, udp_sender(inbox, i)))
        arrival.fate = ARRIVAL_NOT_ALLOWED;
    else if (truncated)
        arrival.fate = ARRIVAL_TRUNCATED;
    else if (envelope->seal)
        open_sealed(envelope->seal, inbox, i, time, replies, &arrival);
    else if (seal_is_sealed(datagram.data, datagram.size))
        arrival.fate = ARRIVAL_FOREIGN_KEY;
    else if (!envelope_open(envelope, datagram, &arrival.packet))
        arrival.fate = ARRIVAL_FOREIGN_CLUSTER;
    return arrival;
}

bool arrival_next_proven(const struct envelope *envelope,
                         struct seal_held **held, struct arrived *arrival)
{
    *held = envelope->seal ? seal_next_proven(envelope->seal) : NULL;
    if (!*held)
        return false;
    *arrival = (struct arrived){.fate = ARRIVAL_PROVEN,
                                .packet = seal_held_packet(*held)};
    return true;
}
