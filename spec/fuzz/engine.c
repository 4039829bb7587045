/* SPDX-License-Identifier: MIT */
/*
 * A live engine with members. The input is a list of steps, so that packets
 * come between ticks, calls of the program's and the passing of time:
 *
 *   0 to 2   u16 size, that many bytes   a packet, as it is
 *   3 to 5   kind, number, ...           a packet of well-formed parts
 *   6        u8                          time passes
 *   7        u8                          until the next deadline
 *   8        u8, ...                     an entry point
 *
 * The engine is {"addr": "b:2", "bump": 2}, to whom most of the golden packets
 * go.
 */
#include "fuzz.h"

#include "../../src/wire/wire.h"

enum { NUM_STEPS = 9, NUM_NAMES = 8, PACKET_ROOM = 4096 };

struct run {
    shoal *engine;
    uint64_t now_us;
    struct input input;
    bool was_plain;    /* verdicts were final for a while */
    long members;      /* as the events tell */
    uint32_t cookie;   /* the last one that was sent */
    size_t most_known; /* of the configs until now */
    size_t most_items;
};

static shoal_codec codec;

static shoal_bytes text(const char *of)
{
    return (shoal_bytes){(const uint8_t *)of, strlen(of)};
}

enum { ADDR_ROOM = 16 };

/* "a:1" to "d:4", "10.0.0.5:5" to "10.0.0.8:8". */
static shoal_bytes write_addr(uint8_t name, char *out)
{
    if (name % NUM_NAMES < NUM_NAMES / 2)
        snprintf(out, ADDR_ROOM, "%c:%u", 'a' + name % NUM_NAMES,
                 name % NUM_NAMES + 1u);
    else
        snprintf(out, ADDR_ROOM, "10.0.0.%u:%u", name % NUM_NAMES + 1u,
                 name % NUM_NAMES + 1u);
    return text(out);
}

/* One of a few identities, ours among them, of three bumps. */
static shoal_bytes draw_identity(struct input *input, uint8_t *buffer)
{
    uint8_t which = input_byte(input), name = which % NUM_NAMES;
    char addr[ADDR_ROOM];
    uint64_t bump = (uint64_t)name + 1 + which / NUM_NAMES % 3;
    size_t size = 0;
    MUST(shoal_stock_identity_new(write_addr(name, addr), bump, buffer,
                                  &size) == 0);
    return (shoal_bytes){buffer, size};
}

static int on_item(void *context, shoal_bytes data, shoal_bytes sender,
                   shoal_bytes *key)
{
    (void)context;
    (void)sender;
    *key = (shoal_bytes){data.data, 1};
    return data.data[0] % 5 == 0 ? SHOAL_ERR_BROADCAST : data.data[0] & 1;
}

/* ---- Steps ---- */

static void receive(struct run *run, shoal_bytes packet)
{
    /* On the heap, so that a read beyond its end is seen. */
    uint8_t *copy = malloc(packet.size ? packet.size : 1);
    MUST(copy);
    if (packet.size > 0)
        memcpy(copy, packet.data, packet.size);
    packet.data = copy;
    shoal_look_ahead(run->engine, &packet, 1);
    (void)shoal_receive(run->engine, run->now_us, packet);
    free(copy);
}

/* Small mostly. */
static uint16_t draw_incarnation(struct input *input)
{
    uint16_t incarnation = input_byte(input) % 4;
    return incarnation == 3 ? input_u16(input) : incarnation;
}

static size_t write_claims(struct input *input, uint8_t *out, size_t room)
{
    uint8_t id[SHOAL_MAX_IDENTITY], from[SHOAL_MAX_IDENTITY];
    uint8_t count = input_byte(input) % 8;
    size_t size = 2, used;
    out[0] = 0;
    out[1] = count;
    for (uint8_t i = 0; i < count; i++) {
        shoal_update claim = {.id = draw_identity(input, id),
                              .from = draw_identity(input, from)};
        claim.state = input_byte(input) % 3;
        claim.incarnation = draw_incarnation(input);
        MUST(codec.encode_member(codec.context, &claim, out + size, room - size,
                                 &used) == 0);
        size += used;
    }
    return size;
}

static void receive_made(struct run *run)
{
    struct input *input = &run->input;
    uint8_t packet[PACKET_ROOM], src[SHOAL_MAX_IDENTITY],
        dst[SHOAL_MAX_IDENTITY], peer[SHOAL_MAX_IDENTITY];
    shoal_header header = {.kind = input_byte(input) % SHOAL_NUM_MESSAGES,
                           .number = input_byte(input),
                           .src = draw_identity(input, src),
                           .src_incarnation = draw_incarnation(input),
                           .dst_hash = wire_hash(shoal_self(run->engine).id)};
    if (input_byte(input) % 8 == 0) /* for who we were, or are not yet */
        header.dst_hash = wire_hash(draw_identity(input, dst));
    else if (header.kind == SHOAL_MSG_ANNOUNCE)
        header.dst_hash = wire_hash(shoal_self(run->engine).addr);
    if (wire_has_peer(header.kind))
        header.peer = draw_identity(input, peer);
    header.wants_nack =
        header.kind == SHOAL_MSG_PING_REQ && input_byte(input) & 1;
    header.has_digest = header.kind <= SHOAL_MSG_ACK && input_byte(input) & 1;
    if (header.has_digest)
        header.digest =
            (shoal_digest){input_byte(input) % 4, input_byte(input),
                           input_byte(input) & 0x81, input_byte(input)};
    header.cookie = input_byte(input) % 3;
    header.echo = input_byte(input) % 2 ? run->cookie : 0;
    size_t size;
    MUST(codec.encode_header(codec.context, &header, packet, sizeof packet,
                             &size) == 0);
    if (wire_has_claims(header.kind))
        size += write_claims(input, packet + size, sizeof packet - size);
    shoal_bytes rest = input_bytes(
        input, wire_has_items(header.kind) ? input_byte(input) % 32 : 0);
    if (rest.size > 0) {
        packet[size] = 0;
        packet[size + 1] = (uint8_t)rest.size;
        memcpy(packet + size + 2, rest.data, rest.size);
        size += 2 + rest.size;
    }
    receive(run, (shoal_bytes){packet, size});
}

static void configure(struct run *run)
{
    struct input *input = &run->input;
    shoal_config config = *shoal_get_config(run->engine);
    config.probe_period_us = 1 + 1000u * input_u16(input);
    config.probe_rtt_us = 1 + 500u * input_u16(input);
    config.suspect_to_down_after_us = 1000u * input_u16(input);
    config.remove_down_after_us = 1000u * input_u16(input);
    config.max_packet_size = input_u16(input);
    config.check_strangers = config.max_packet_size & 1;
    config.max_members = input_byte(input);
    config.max_broadcasts = input_byte(input);
    config.notify_down_members = input_byte(input) % 8 != 0;
    config.num_indirect_probes = input_byte(input);
    config.gossip.every_us = 1000u * input_byte(input);
    config.announce_to_down.every_us = 1000u * input_byte(input);
    if (shoal_set_config(run->engine, run->now_us, &config) != 0)
        return;
    run->was_plain |= !config.notify_down_members;
    if (config.max_members > run->most_known)
        run->most_known = config.max_members;
    if (config.max_broadcasts > run->most_items)
        run->most_items = config.max_broadcasts;
}

static void call(struct run *run)
{
    struct input *input = &run->input;
    uint8_t id[SHOAL_MAX_IDENTITY];
    shoal *engine = run->engine;
    uint64_t now = run->now_us;
    shoal_update claim = {0};
    switch (input_byte(input) % 13) {
    case 0:
        (void)shoal_gossip(engine, now);
        break;
    case 1:
        (void)shoal_broadcast(engine, now);
        break;
    case 2:
        (void)shoal_add_broadcast(engine, now,
                                  input_bytes(input, input_byte(input)));
        break;
    case 3:
        (void)shoal_leave(engine, now);
        break;
    case 4:
        (void)shoal_reuse_down_identity(engine, now);
        break;
    case 5:
        (void)shoal_announce(engine, now, draw_identity(input, id));
        break;
    case 6:
        (void)shoal_change_identity(engine, now, draw_identity(input, id));
        break;
    case 7:
        claim.id = draw_identity(input, id);
        claim.incarnation = input_u16(input);
        claim.state = input_byte(input) % 4;
        (void)shoal_apply(engine, now, &claim, 1, input_byte(input) & 1, NULL);
        break;
    case 8:
        (void)shoal_leave_to(engine, now, draw_identity(input, id));
        break;
    case 10:
        (void)shoal_send_to(engine, now, draw_identity(input, id), 0,
                            input_bytes(input, input_byte(input)), 1);
        break;
    case 12:
        (void)shoal_publish(engine, now, input_bytes(input, 1),
                            input_bytes(input, input_u16(input) % 4000), NULL);
        break;
    case 9: {
        char addr[ADDR_ROOM];
        (void)shoal_forget(engine, now, write_addr(input_byte(input), addr));
        break;
    }
    default:
        configure(run);
    }
}

static void step(struct run *run)
{
    struct input *input = &run->input;
    uint8_t what = input_byte(input) % NUM_STEPS;
    if (what < 3) {
        uint16_t size = input_u16(input);
        receive(run, input_bytes(input, size));
    } else if (what < 6) {
        receive_made(run);
    } else if (what == 6) {
        run->now_us += 20 * 1000u * input_byte(input);
        (void)shoal_tick(run->engine, run->now_us);
    } else if (what == 7) {
        uint64_t deadline = shoal_next_deadline(run->engine);
        if (deadline != SHOAL_NEVER && deadline > run->now_us)
            run->now_us = deadline + input_byte(input) % 2;
        (void)shoal_tick(run->engine, run->now_us);
    } else {
        call(run);
    }
}

/* ---- What must hold ---- */

static void note_cookie(struct run *run, shoal_bytes packet)
{
    shoal_header header;
    size_t used;
    if (codec.decode_header(codec.context, packet, &header, &used) == 0 &&
        header.cookie != 0)
        run->cookie = header.cookie;
}

static void check_effects(struct run *run, uint32_t limit)
{
    shoal_effect effect;
    while (shoal_next_effect(run->engine, &effect)) {
        if (effect.kind == SHOAL_SEND) {
            MUST(effect.packet.size > 0 && effect.packet.size <= limit);
            note_cookie(run, effect.packet);
            continue;
        }
        MUST(effect.event < SHOAL_NUM_EVENTS);
        run->members += effect.event == SHOAL_EVENT_MEMBER_UP;
        run->members -= effect.event == SHOAL_EVENT_MEMBER_DOWN;
    }
}

/* Who is alive has less than the incarnation of a departure. */
static void check_state(const struct run *run, const shoal_member *member)
{
    bool is_last = member->incarnation == SHOAL_INCARNATION_LEFT;
    if (member->state != SHOAL_DOWN) {
        MUST(member->reason == SHOAL_REASON_NONE);
        MUST(!is_last || run->was_plain);
        return;
    }
    MUST(member->reason != SHOAL_REASON_NONE);
    MUST(!is_last || member->reason != SHOAL_REASON_FAILED);
}

static void check_ourselves(const struct run *run)
{
    shoal_member self = shoal_self(run->engine), found;
    check_state(run, &self);
    MUST(!shoal_find(run->engine, self.addr, &found));
    MUST(shoal_num_broadcasts(run->engine) <= run->most_items);
}

static void check_members(const struct run *run)
{
    uint32_t cursor = 0;
    size_t active = 0, known = 0;
    shoal_member member, found;
    while (shoal_next_member(run->engine, &cursor, &member)) {
        known++;
        active += member.state != SHOAL_DOWN;
        MUST(member.state <= SHOAL_DOWN && member.id.size > 0);
        check_state(run, &member);
        MUST(shoal_find(run->engine, member.addr, &found) &&
             found.id.data == member.id.data);
        MUST(shoal_find_identity(run->engine, member.id, &found));
        MUST(shoal_find_endpoint(run->engine, member.endpoint, &found) ||
             member.state == SHOAL_DOWN);
    }
    MUST(known == shoal_num_known(run->engine) && known <= run->most_known);
    MUST(active == shoal_num_members(run->engine));
    MUST((long)active == run->members);
}

static shoal *make(void)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    shoal_options options = {.seed = 1,
                             .config = shoal_config_loopback(8),
                             .handlers = {.identity = shoal_stock_identity(),
                                          .broadcast = {.receive = on_item},
                                          .codec = codec}};
    shoal *engine;
    MUST(shoal_stock_identity_new(text("b:2"), 2, id, &options.identity.size) ==
         0);
    options.identity.data = id;
    MUST(shoal_new(&options, &engine, NULL) == 0);
    shoal_set_diagnostics(engine, UINT32_MAX);
    return engine;
}

static void meet_somebody(struct run *run)
{
    for (uint8_t i = 2; i < 5; i++) {
        uint8_t id[SHOAL_MAX_IDENTITY];
        struct input one = {&i, 1};
        shoal_update claim = {.id = draw_identity(&one, id)};
        MUST(shoal_apply(run->engine, run->now_us, &claim, 1, true, NULL) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    codec = shoal_default_codec();
    struct run run = {.engine = make(), .input = {data, size}};
    run.most_known = shoal_get_config(run.engine)->max_members;
    run.most_items = shoal_get_config(run.engine)->max_broadcasts;
    meet_somebody(&run);
    while (run.input.size > 0) {
        uint32_t limit = shoal_get_config(run.engine)->max_packet_size;
        step(&run);
        uint32_t now = shoal_get_config(run.engine)->max_packet_size;
        check_effects(&run, now > limit ? now : limit);
        check_members(&run);
        check_ourselves(&run);
    }
    (void)shoal_tick(run.engine, run.now_us + 3600u * 1000 * 1000);
    shoal_free(run.engine);
    return 0;
}
