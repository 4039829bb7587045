/* SPDX-License-Identifier: MIT */
/*
 * The control socket's server, from the listening socket to the last byte: real
 * connections on a path in a folder of its own, and clients that write in
 * pieces, read slowly or never, and go when it suits them least. The input is a
 * list of steps:
 *
 *   0        somebody connects
 *   1        client, u8 size, that many bytes   writes them
 *   2        client, u8 value, u8 count         writes a byte 16 times as often
 *   3        client, u8                         reads 16 times that much
 *   4, 5     client                             ends its half; goes
 *   6, 7     the loop turns once; until nothing happens any more
 *   8        client, u8                         an event is told to it
 *
 * A client is a byte: which of those who ever connected. What the server hands
 * up must be what was written, value by value, and what is read must be what
 * was answered, in order; nothing is lost while nobody is at fault.
 */
#include "../../src/control/stream_parts.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    MAX_CLIENTS = 6,
    MAX_SENT = 1 << 16,    /* bytes that a client writes at most */
    MAX_ANSWERS = 1 << 19, /* and gets */
    BACKLOG = 1 << 15,     /* what the server keeps for it */
    NUM_STEPS = 9
};

/* Messages that are more than themselves: one byte, a small integer. */
enum command { SAY_MUCH = 1, TELL_ALL, CLOSE, CLOSE_OTHERS, STOP, SAY_SOME };

/* Bytes that were written at one end, and how many came out at the other. */
struct pipe_bytes {
    uint8_t *data;
    size_t size, taken;
};

struct client {
    int fd;                    /* -1: it went */
    stream *peer;              /* NULL: not accepted yet, or gone */
    struct pipe_bytes said;    /* by the client; taken: handed up */
    struct pipe_bytes answers; /* queued for it; taken: read */
    bool ended;                /* it writes no more */
    bool closing;              /* the server wants no more of it */
    bool may_lose;             /* cut off, or at fault: answers may be lost */
    bool at_end;               /* it read the end of the stream */
};

static struct {
    struct ev_loop *loop;
    char folder[64], path[80];
    stream_server *server; /* NULL: it was stopped */
    struct client clients[MAX_CLIENTS];
    uint32_t num_clients, num_accepted;
    uint64_t happened; /* to see that nothing does any more */
} world;

/* ---- The server's side ---- */

static void answer(struct client *client, const uint8_t *data, size_t size)
{
    struct pipe_bytes *answers = &client->answers;
    if (!client->peer || answers->size + size > MAX_ANSWERS)
        return;
    if (stream_send(client->peer, (shoal_bytes){data, size})) {
        MUST(!client->closing);
        MUST(client->peer->out.waiting <= BACKLOG);
        memcpy(answers->data + answers->size, data, size);
        answers->size += size;
    } else {
        client->may_lose |= !client->closing;
    }
}

/* More than goes into the kernel at once; three times that, more than the
 * server keeps. No part of it is like another. */
static void say(struct client *client, int times)
{
    static uint8_t much[BACKLOG / 2];
    if (much[1] == 0)
        for (size_t i = 0; i < sizeof much; i++)
            much[i] = (uint8_t)(i >> 8 ^ i * 7);
    while (times-- > 0)
        answer(client, much, sizeof much);
}

static void close_one(struct client *client)
{
    if (client->peer)
        stream_close(client->peer);
    client->closing |= client->peer != NULL;
}

static void obey(struct client *client, uint8_t command)
{
    switch (command) {
    case SAY_SOME:
        say(client, 1);
        break;
    case SAY_MUCH:
        say(client, 3);
        break;
    case TELL_ALL:
        for (uint32_t i = 0; i < world.num_clients; i++)
            answer(&world.clients[i], &command, 1);
        break;
    case CLOSE:
        close_one(client);
        break;
    case CLOSE_OTHERS:
        for (uint32_t i = 0; i < world.num_clients; i++)
            if (&world.clients[i] != client)
                close_one(&world.clients[i]);
        break;
    case STOP:
        stream_server_close(world.server);
        world.server = NULL;
        break;
    default:
        break;
    }
}

static struct client *client_of(const stream *peer)
{
    for (uint32_t i = 0; i < world.num_clients; i++)
        if (world.clients[i].peer == peer)
            return &world.clients[i];
    return NULL;
}

static void on_message(void *context, stream *peer, shoal_bytes message)
{
    struct client *client = client_of(peer);
    (void)context;
    MUST(client && world.server && !client->closing);
    struct pipe_bytes *said = &client->said;
    MUST(message.size > 0 && message.size <= said->size - said->taken);
    MUST(memcmp(message.data, said->data + said->taken, message.size) == 0);
    said->taken += message.size;
    world.happened++;
    answer(client, message.data, message.size);
    if (message.size == 1)
        obey(client, said->data[said->taken - 1]);
}

static void on_close(void *context, stream *peer)
{
    struct client *client = client_of(peer);
    (void)context;
    MUST(client && world.server);
    client->peer = NULL;
    world.happened++;
}

/* One connection is taken in a turn; the newest stands first. */
static void turn(void)
{
    ev_run(world.loop, EVRUN_NOWAIT);
    if (!world.server)
        return;
    uint64_t accepted = stream_server_stats(world.server).accepted;
    if (accepted == world.num_accepted)
        return;
    MUST(accepted == world.num_accepted + 1);
    world.clients[world.num_accepted++].peer = world.server->streams;
    world.happened++;
    /* The room in the kernel is small, so that what a client does not read
     * waits here. */
    int room = 4096;
    setsockopt(world.server->streams->fd, SOL_SOCKET, SO_SNDBUF, &room,
               sizeof room);
}

static void turn_until_quiet(void)
{
    uint64_t before;
    do {
        before = world.happened;
        for (int i = 0; i < 3; i++)
            turn();
    } while (world.happened != before);
}

/* ---- The clients' side ---- */

static void come(void)
{
    struct client *client = &world.clients[world.num_clients];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!world.server || world.num_clients == MAX_CLIENTS)
        return;
    memcpy(address.sun_path, world.path, strlen(world.path) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    MUST(client->fd >= 0);
    MUST(connect(client->fd, (struct sockaddr *)&address, sizeof address) == 0);
    world.num_clients++;
}

static void write_some(struct client *client, const uint8_t *data, size_t size)
{
    struct pipe_bytes *said = &client->said;
    if (client->fd < 0 || client->ended || said->size + size > MAX_SENT)
        return;
    ssize_t done = send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done <= 0)
        return;
    memcpy(said->data + said->size, data, (size_t)done);
    said->size += (size_t)done;
}

/* What came is what was answered. false: there is nothing more now. */
static bool read_some(struct client *client, size_t size)
{
    static uint8_t buffer[16 * 256];
    struct pipe_bytes *answers = &client->answers;
    if (client->fd < 0 || client->at_end)
        return false;
    ssize_t got = recv(client->fd, buffer, size, MSG_DONTWAIT);
    if (got < 0) {
        MUST(errno == EAGAIN || errno == ECONNRESET);
        client->at_end = errno == ECONNRESET;
        return false;
    }
    client->at_end = got == 0 && size > 0;
    MUST((size_t)got <= answers->size - answers->taken);
    MUST(memcmp(buffer, answers->data + answers->taken, (size_t)got) == 0);
    answers->taken += (size_t)got;
    world.happened += got > 0;
    return got > 0;
}

static void go(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->ended = true;
}

static void act(struct client *client, uint8_t what, struct input *input)
{
    uint8_t many[16 * 255], first = input_byte(input);
    if (what == 1) {
        shoal_bytes bytes = input_bytes(input, first);
        write_some(client, bytes.data, bytes.size);
    } else if (what == 2) {
        memset(many, first, sizeof many);
        write_some(client, many, 16 * (size_t)input_byte(input));
    } else if (what == 3) {
        (void)read_some(client, 16 * (size_t)first);
    } else if (what == 4 && client->fd >= 0) {
        (void)shutdown(client->fd, SHUT_WR);
        client->ended = true;
    } else if (what == 5) {
        go(client);
    } else if (what == 8 && world.server) {
        answer(client, &first, 1);
    }
}

static void step(struct input *input)
{
    uint8_t what = input_byte(input) % NUM_STEPS;
    if (what == 0)
        come();
    else if (what == 6)
        turn();
    else if (what == 7)
        turn_until_quiet();
    else if (world.num_clients > 0)
        act(&world.clients[input_byte(input) % world.num_clients], what, input);
}

/* ---- What must hold in the end ---- */

/* 1: a whole value is left that was not handed up; 0: part of one, or nothing;
 * -1: what is no value. */
static int look_at_rest(const struct pipe_bytes *said)
{
    struct frame frame;
    shoal_bytes rest = {said->data + said->taken, said->size - said->taken};
    frame_init(&frame, STREAM_MAX_MESSAGE);
    int result = 0;
    while (rest.size > 0 && result == 0) {
        size_t room;
        uint8_t *at = frame_room(&frame, &room);
        MUST(at);
        if (room > rest.size)
            room = rest.size;
        memcpy(at, rest.data, room);
        frame_filled(&frame, room);
        rest = (shoal_bytes){rest.data + room, rest.size - room};
        shoal_bytes message;
        result = frame_next(&frame, &message);
    }
    frame_clear(&frame);
    return result;
}

/* Everybody who is still there reads all there is. */
static void read_all(void)
{
    uint64_t before;
    do {
        before = world.happened;
        turn_until_quiet();
        for (uint32_t i = 0; i < world.num_clients; i++)
            while (read_some(&world.clients[i], 16 * 255))
                ;
    } while (world.happened != before);
}

static void check_client(const struct client *client)
{
    int rest = look_at_rest(&client->said);
    bool is_served = !client->closing && !client->may_lose;
    if (client->fd < 0) {
        MUST(!client->peer);
        return;
    }
    if (is_served)
        MUST(rest <= 0);
    MUST(client->at_end == !client->peer);
    MUST(client->at_end == (client->ended || !is_served || rest < 0));
    if (!client->may_lose && rest >= 0)
        MUST(client->answers.taken == client->answers.size);
}

/* ---- A run ---- */

static void clean_up(void)
{
    (void)rmdir(world.folder);
}

static void prepare(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(world.folder, sizeof world.folder, "%s/shoal-XXXXXX",
             folder && strlen(folder) < 40 ? folder : "/tmp");
    MUST(mkdtemp(world.folder));
    atexit(clean_up);
    snprintf(world.path, sizeof world.path, "%s/s", world.folder);
    world.loop = ev_loop_new(0);
    MUST(world.loop);
    for (int i = 0; i < MAX_CLIENTS; i++) {
        world.clients[i].said.data = malloc(MAX_SENT);
        world.clients[i].answers.data = malloc(MAX_ANSWERS);
        MUST(world.clients[i].said.data && world.clients[i].answers.data);
    }
}

static void begin(void)
{
    stream_callbacks callbacks = {NULL, on_message, on_close, NULL};
    for (int i = 0; i < MAX_CLIENTS; i++) {
        struct client *client = &world.clients[i];
        *client = (struct client){.fd = -1,
                                  .said.data = client->said.data,
                                  .answers.data = client->answers.data};
    }
    world.num_clients = world.num_accepted = 0;
    world.server = stream_listen(world.loop, world.path, &callbacks, NULL);
    MUST(world.server);
    stream_server_limit(world.server, BACKLOG);
}

static int lowest_free_descriptor(void)
{
    int fd = dup(STDIN_FILENO);
    MUST(fd >= 0);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    if (!world.loop)
        prepare();
    int before = lowest_free_descriptor();
    begin();
    while (input.size > 0)
        step(&input);
    read_all();
    for (uint32_t i = 0; i < world.num_clients && world.server; i++)
        check_client(&world.clients[i]);
    stream_server_close(world.server);
    for (uint32_t i = 0; i < world.num_clients; i++)
        go(&world.clients[i]);
    MUST(access(world.path, F_OK) != 0);
    MUST(lowest_free_descriptor() == before);
    return 0;
}
