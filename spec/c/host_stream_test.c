/* SPDX-License-Identifier: MIT */
/* The control socket: values in and out, in whatever pieces; peers that send
 * junk, do not read, or go away; and the file that the socket is. */
#include "host_test.h"

#include "host/host.h"
#include "host/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

struct fixture {
    struct ev_loop *loop;
    stream_server *server;
    char folder[200], path[220];
    unsigned messages, closes;
    shoal_bytes last;
    stream *peer; /* of the last message */
    /* what is done with a message; NULL: nothing */
    void (*reply)(struct fixture *f, stream *peer, shoal_bytes message);
    unsigned expected;
};

static void on_message(void *context, stream *peer, shoal_bytes message)
{
    struct fixture *f = context;

    f->messages++;
    f->last = message;
    f->peer = peer;
    if (f->reply)
        f->reply(f, peer, message);
}

static void on_close(void *context, stream *peer)
{
    struct fixture *f = context;

    (void)peer;
    f->closes++;
}

static stream_server *listen_at(struct fixture *f, const char *path,
                                char *error)
{
    stream_callbacks callbacks = {f, on_message, on_close};

    return stream_listen(f->loop, path, &callbacks, error);
}

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->loop = ev_loop_new(0);
    make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/x.sock", f->folder);
    f->server = listen_at(f, f->path, NULL);
    CHECK(f->loop && f->server);
}

static void tear_down(struct fixture *f)
{
    stream_server_close(f->server);
    CHECK(access(f->path, F_OK) == -1); /* the file is gone */
    CHECK(rmdir(f->folder) == 0);
    ev_loop_destroy(f->loop);
}

/* ---- The other end, by hand ---- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sun_family = AF_UNIX;
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void say(int fd, const void *bytes, size_t size)
{
    CHECK(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static bool has_messages(void *context)
{
    struct fixture *f = context;

    return f->messages >= f->expected;
}

static bool wait_for_messages(struct fixture *f, unsigned count)
{
    f->expected = count;
    return run_until(f->loop, has_messages, f, 10);
}

static bool has_closes(void *context)
{
    struct fixture *f = context;

    return f->closes >= f->expected;
}

static bool wait_for_closes(struct fixture *f, unsigned count)
{
    f->expected = count;
    return run_until(f->loop, has_closes, f, 10);
}

static bool is_cut_off(int fd)
{
    char byte;
    ssize_t size = recv(fd, &byte, 1, MSG_DONTWAIT);

    return size == 0 || (size < 0 && errno == ECONNRESET);
}

/* ---- Values ---- */

static void echo(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f;
    CHECK(stream_send(peer, message));
}

static void values_come_and_go_in_order(void)
{
    struct fixture f;
    char got[20];
    int fd;

    set_up(&f);
    f.reply = echo;
    fd = connect_to(f.path);
    say(fd, "\x93\x01\x02\x03\xa2hi\xc0", 8); /* [1, 2, 3], "hi", nil */
    CHECK(wait_for_messages(&f, 3));
    ev_run(f.loop, EVRUN_NOWAIT);
    CHECK(recv(fd, got, sizeof got, MSG_DONTWAIT) == 8);
    CHECK(memcmp(got, "\x93\x01\x02\x03\xa2hi\xc0", 8) == 0);
    close(fd);
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static void a_value_may_come_byte_by_byte(void)
{
    static const char value[] = "\x82\xa1"
                                "a\x91\x01\xa1"
                                "b\xc4\x02xy";
    struct fixture f;
    size_t i;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    for (i = 0; i + 1 < sizeof value; i++) {
        CHECK(f.messages == 0);
        say(fd, value + i, 1);
        ev_run(f.loop, EVRUN_NOWAIT);
        ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(wait_for_messages(&f, 1));
    CHECK(f.last.size == sizeof value - 1);
    close(fd);
    tear_down(&f);
}

/* A str 32 of `body` bytes. */
static uint8_t *large_value(size_t body)
{
    uint8_t *bytes = malloc(5 + body);

    bytes[0] = 0xdb;
    bytes[1] = (uint8_t)(body >> 24);
    bytes[2] = (uint8_t)(body >> 16);
    bytes[3] = (uint8_t)(body >> 8);
    bytes[4] = (uint8_t)body;
    memset(bytes + 5, 'x', body);
    return bytes;
}

/* Sends all while the loop reads. */
static void say_much(struct fixture *f, int fd, const uint8_t *bytes,
                     size_t size)
{
    while (size > 0) {
        ssize_t done = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        } else if (errno != EAGAIN) {
            return; /* cut off */
        }
        ev_run(f->loop, EVRUN_NOWAIT);
    }
}

static void a_value_has_a_mebibyte_at_most(void)
{
    uint8_t *fits = large_value(STREAM_MAX_MESSAGE - 5);
    uint8_t *too_large = large_value(STREAM_MAX_MESSAGE - 4);
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    say_much(&f, fd, fits, STREAM_MAX_MESSAGE);
    CHECK(wait_for_messages(&f, 1));
    CHECK(f.last.size == STREAM_MAX_MESSAGE);
    say_much(&f, fd, too_large, 5); /* its head is enough */
    CHECK(wait_for_closes(&f, 1));
    CHECK(is_cut_off(fd));
    CHECK(stream_server_stats(f.server).malformed == 1);
    close(fd);
    free(fits);
    free(too_large);
    tear_down(&f);
}

static void junk_ends_its_connection_and_no_other(void)
{
    struct fixture f;
    int good, bad, deep;

    set_up(&f);
    good = connect_to(f.path);
    bad = connect_to(f.path);
    deep = connect_to(f.path);
    say(bad, "\xc1", 1);
    say(deep,
        "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
        "\x91\x91\x91\x01",
        20);
    CHECK(wait_for_closes(&f, 2));
    CHECK(is_cut_off(bad) && is_cut_off(deep));
    CHECK(stream_server_stats(f.server).malformed == 2);
    say(good, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    close(good);
    close(bad);
    close(deep);
    tear_down(&f);
}

static void random_bytes_do_no_harm(void)
{
    struct fixture f;
    unsigned seed = 12345;
    int i;

    set_up(&f);
    for (i = 0; i < 500; i++) {
        uint8_t bytes[300];
        size_t k;
        int fd = connect_to(f.path);

        for (k = 0; k < sizeof bytes; k++)
            bytes[k] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        say(fd, bytes, sizeof bytes);
        ev_run(f.loop, EVRUN_NOWAIT);
        ev_run(f.loop, EVRUN_NOWAIT);
        close(fd);
    }
    CHECK(wait_for_closes(&f, 500));
    tear_down(&f);
}

/* ---- Peers that do not behave ---- */

static void flood(struct fixture *f, stream *peer, shoal_bytes message)
{
    static uint8_t mebibyte[1 << 20];
    int i;

    (void)f, (void)message;
    for (i = 0; i < 16; i++)
        CHECK(stream_send(peer, (shoal_bytes){mebibyte, sizeof mebibyte}));
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
}

static void say_100_and_one(struct fixture *f, stream *peer, shoal_bytes m)
{
    static const uint8_t bytes[100];

    (void)f, (void)m;
    CHECK(stream_send(peer, (shoal_bytes){bytes, 100}));
    CHECK(!stream_send(peer, (shoal_bytes){bytes, 1}));
}

static void a_server_may_bear_less(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    stream_server_limit(f.server, 100);
    f.reply = say_100_and_one;
    fd = connect_to(f.path);
    say(fd, "\x01", 1);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 1);
    close(fd);
    tear_down(&f);
}

static void a_peer_that_does_not_read_is_cut_off(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    f.reply = flood;
    fd = connect_to(f.path);
    say(fd, "\x01", 1);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 1);
    close(fd);
    tear_down(&f);
}

static void much_then_close(struct fixture *f, stream *peer, shoal_bytes m)
{
    static uint8_t mebibyte[1 << 20];
    int i;

    (void)f, (void)m;
    for (i = 0; i < 4; i++)
        CHECK(stream_send(peer, (shoal_bytes){mebibyte, sizeof mebibyte}));
    stream_close(peer);
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
}

static void a_slow_reader_gets_everything(void)
{
    static char buffer[1000];
    struct fixture f;
    size_t total = 0;
    ssize_t size;
    int fd;

    set_up(&f);
    f.reply = much_then_close;
    fd = connect_to(f.path);
    say(fd, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    for (;;) {
        size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size == 0)
            break;
        if (size > 0)
            total += (size_t)size;
        else
            ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(total == 4 << 20);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 0);
    close(fd);
    tear_down(&f);
}

/* As `nc -N` does: it says what it has to say, ends its half, and listens. */
static void a_peer_that_says_no_more_gets_its_answers(void)
{
    struct fixture f;
    char got[8];
    int fd;

    set_up(&f);
    f.reply = echo;
    fd = connect_to(f.path);
    say(fd, "\x01\x02", 2);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(wait_for_closes(&f, 1));
    CHECK(f.messages == 2);
    CHECK(recv(fd, got, sizeof got, MSG_DONTWAIT) == 2);
    CHECK(is_cut_off(fd));
    close(fd);
    tear_down(&f);
}

static void a_peer_that_is_gone_kills_nobody(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    say(fd, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    close(fd);
    CHECK(stream_send(f.peer, f.last)); /* no SIGPIPE */
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static bool has_refused(void *context)
{
    struct fixture *f = context;

    return stream_server_stats(f->server).refused == 1;
}

static void there_are_64_connections_at_most(void)
{
    int fds[STREAM_MAX_CONNECTIONS + 1], i;
    struct fixture f;

    set_up(&f);
    for (i = 0; i < STREAM_MAX_CONNECTIONS; i++) {
        fds[i] = connect_to(f.path);
        say(fds[i], "\x01", 1);
        CHECK(wait_for_messages(&f, (unsigned)i + 1));
    }
    fds[i] = connect_to(f.path);
    CHECK(run_until(f.loop, has_refused, &f, 10));
    CHECK(is_cut_off(fds[i]));
    for (; i >= 0; i--)
        close(fds[i]);
    CHECK(wait_for_closes(&f, STREAM_MAX_CONNECTIONS));
    tear_down(&f);
}

/* ---- Callbacks that close things ---- */

static void close_peer(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f, (void)message;
    stream_close(peer);
    stream_close(peer);
}

static void a_callback_may_close_its_stream(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    f.reply = close_peer;
    fd = connect_to(f.path);
    say(fd, "\x01\x02", 2);
    CHECK(wait_for_closes(&f, 1));
    CHECK(f.messages == 1); /* not the one behind it */
    CHECK(is_cut_off(fd));
    close(fd);
    tear_down(&f);
}

static void answer_and_close_server(struct fixture *f, stream *peer,
                                    shoal_bytes message)
{
    CHECK(stream_send(peer, message));
    stream_server_close(f->server);
    f->server = NULL;
    CHECK(!stream_send(peer, message));
    stream_close(peer);
}

static void a_callback_may_close_the_server(void)
{
    struct fixture f;
    char byte;
    int fd;

    set_up(&f);
    f.reply = answer_and_close_server;
    fd = connect_to(f.path);
    say(fd, "\x01\x02", 2);
    CHECK(wait_for_messages(&f, 1));
    CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 1); /* flushed */
    CHECK(is_cut_off(fd));
    CHECK(f.messages == 1 && f.closes == 0);
    close(fd);
    tear_down(&f);
}

/* ---- The file ---- */

static void the_socket_is_for_its_owner_only(void)
{
    struct stat found;
    struct fixture f;
    mode_t before = umask(0);

    set_up(&f);
    umask(before);
    CHECK(stat(f.path, &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
    tear_down(&f);
}

static void a_missing_folder_is_made(void)
{
    char path[240], folder[230];
    struct stat found;
    struct fixture f;
    stream_server *server;

    set_up(&f);
    snprintf(folder, sizeof folder, "%s/shoal", f.folder);
    snprintf(path, sizeof path, "%s/y.sock", folder);
    server = listen_at(&f, path, NULL);
    CHECK(server);
    CHECK(stat(folder, &found) == 0 && (found.st_mode & 07777) == 0700);
    stream_server_close(server);
    CHECK(rmdir(folder) == 0);
    tear_down(&f);
}

static void fails_to_listen(struct fixture *f, const char *path,
                            const char *why)
{
    char error[HOST_MAX_ERROR] = "";

    CHECK(!listen_at(f, path, error));
    CHECK_SAYS(error, why);
}

static void a_path_that_cannot_be_is_told_why(void)
{
    char path[300], file[230];
    struct fixture f;
    int fd;

    set_up(&f);
    fails_to_listen(&f, f.path, "is in use by another node");
    snprintf(file, sizeof file, "%s/file", f.folder);
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
    fails_to_listen(&f, file, "is no socket");
    snprintf(path, sizeof path, "%s/x.sock", file);
    fails_to_listen(&f, path, "file");
    snprintf(path, sizeof path, "%s/no/such/x.sock", f.folder);
    fails_to_listen(&f, path, "no such file or directory");
    fails_to_listen(&f, "", "empty");
    memset(path, 'x', 200);
    path[200] = '\0';
    fails_to_listen(&f, path, "at most 107 bytes");
    CHECK(unlink(file) == 0);
    tear_down(&f);
}

static void a_socket_that_a_dead_process_left_is_replaced(void)
{
    struct fixture f;
    int status;
    pid_t child;

    set_up(&f);
    stream_server_close(f.server);
    child = fork();
    if (child == 0) { /* listens, and dies without a word */
        _exit(listen_at(&f, f.path, NULL) ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(access(f.path, F_OK) == 0);
    f.server = listen_at(&f, f.path, NULL);
    CHECK(f.server);
    tear_down(&f);
}

static void a_server_removes_its_own_file_only(void)
{
    stream_server *second;
    struct fixture f;

    set_up(&f);
    CHECK(unlink(f.path) == 0);
    second = listen_at(&f, f.path, NULL);
    CHECK(second);
    stream_server_close(f.server);
    CHECK(access(f.path, F_OK) == 0);
    f.server = second;
    tear_down(&f);
}

/* ---- The client ---- */

/* Runs a server that echoes in a process of its own, until it is killed. */
static pid_t start_echo(const char *path)
{
    struct fixture f = {0};
    int ready[2];
    char byte;
    pid_t child;

    CHECK(pipe(ready) == 0);
    child = fork();
    if (child == 0) {
        f.loop = ev_loop_new(0);
        f.reply = echo;
        f.server = listen_at(&f, path, NULL);
        if (f.server && write(ready[1], "x", 1) == 1)
            ev_run(f.loop, 0);
        _exit(1);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void kill_and_wait(pid_t child)
{
    int status;

    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child);
}

static void a_client_gets_its_answers(void)
{
    char folder[200], path[220], error[HOST_MAX_ERROR] = "";
    uint8_t *large = large_value(500000);
    stream_client *client;
    shoal_bytes message;
    pid_t child;

    make_folder(folder);
    snprintf(path, sizeof path, "%s/c.sock", folder);
    child = start_echo(path);
    client = stream_connect(path, -1, error);
    CHECK(client);
    CHECK(stream_client_send(client, text_bytes("\x01\xa2hi"), error) == 0);
    CHECK(stream_client_receive(client, 5000, &message, error) == 1);
    CHECK(message.size == 1);
    CHECK(stream_client_receive(client, -1, &message, error) == 1);
    CHECK(message.size == 3 && memcmp(message.data, "\xa2hi", 3) == 0);
    CHECK(stream_client_send(client, (shoal_bytes){large, 500005}, error) == 0);
    CHECK(stream_client_receive(client, 5000, &message, error) == 1);
    CHECK(message.size == 500005);
    CHECK(stream_client_receive(client, 10, &message, error) == STREAM_TIMEOUT);
    CHECK_SAYS(error, "does not answer");
    kill_and_wait(child);
    CHECK(stream_client_receive(client, 5000, &message, error) == 0);
    CHECK(stream_client_send(client, text_bytes("\x01"), error) == -1);
    CHECK_SAYS(error, "closed the connection");
    stream_client_close(client);
    CHECK(!stream_connect(path, -1, error)); /* its file is still there */
    CHECK_SAYS(error, "no node is listening on");
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    free(large);
}

static void a_client_says_why_it_cannot_connect(void)
{
    char error[HOST_MAX_ERROR] = "";

    CHECK(!stream_connect("/no/such/x.sock", -1, error));
    CHECK_SAYS(error, "no node is listening on /no/such/x.sock");
    CHECK(!stream_connect("", -1, error));
    CHECK_SAYS(error, "empty");
    CHECK(!stream_connect("/etc/passwd", -1, error));
    CHECK_SAYS(error, "/etc/passwd is no socket");
    stream_client_close(NULL);
}

int main(void)
{
    RUN(values_come_and_go_in_order);
    RUN(a_value_may_come_byte_by_byte);
    RUN(a_value_has_a_mebibyte_at_most);
    RUN(junk_ends_its_connection_and_no_other);
    RUN(random_bytes_do_no_harm);
    RUN(a_peer_that_does_not_read_is_cut_off);
    RUN(a_server_may_bear_less);
    RUN(a_slow_reader_gets_everything);
    RUN(a_peer_that_says_no_more_gets_its_answers);
    RUN(a_peer_that_is_gone_kills_nobody);
    RUN(there_are_64_connections_at_most);
    RUN(a_callback_may_close_its_stream);
    RUN(a_callback_may_close_the_server);
    RUN(the_socket_is_for_its_owner_only);
    RUN(a_missing_folder_is_made);
    RUN(a_path_that_cannot_be_is_told_why);
    RUN(a_socket_that_a_dead_process_left_is_replaced);
    RUN(a_server_removes_its_own_file_only);
    RUN(a_client_gets_its_answers);
    RUN(a_client_says_why_it_cannot_connect);
    return 0;
}
