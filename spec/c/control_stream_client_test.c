/* SPDX-License-Identifier: MIT */
/* The control socket: the client that blocks. */
#include "control_stream_fixture.h"

#include <signal.h>
#include <sys/wait.h>

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
    char folder[200], path[220];
    struct error error = {""};
    uint8_t *large = large_value(500000);
    stream_client *client;
    shoal_bytes message;
    pid_t child;

    make_folder(folder);
    snprintf(path, sizeof path, "%s/c.sock", folder);
    child = start_echo(path);
    client = stream_connect(path, -1, &error);
    CHECK(client);
    CHECK(stream_client_send(client, bytes_of_text("\x01\xa2hi"), &error) == 0);
    CHECK(stream_client_receive(client, 60000, &message, &error) == 1);
    CHECK(message.size == 1);
    CHECK(stream_client_receive(client, -1, &message, &error) == 1);
    CHECK(message.size == 3 && memcmp(message.data, "\xa2hi", 3) == 0);
    CHECK(stream_client_send(client, (shoal_bytes){large, 500005}, &error) ==
          0);
    CHECK(stream_client_receive(client, 60000, &message, &error) == 1);
    CHECK(message.size == 500005);
    CHECK(stream_client_receive(client, 10, &message, &error) ==
          STREAM_TIMEOUT);
    CHECK_SAYS(error.text, "does not answer");
    kill_and_wait(child);
    CHECK(stream_client_receive(client, 60000, &message, &error) == 0);
    CHECK(stream_client_send(client, bytes_of_text("\x01"), &error) == -1);
    CHECK_SAYS(error.text, "closed the connection");
    stream_client_close(client);
    CHECK(!stream_connect(path, -1, &error)); /* its file is still there */
    CHECK_SAYS(error.text, "no node is listening on");
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    free(large);
}

static void a_client_says_why_it_cannot_connect(void)
{
    struct error error = {""};

    CHECK(!stream_connect("/no/such/x.sock", -1, &error));
    CHECK_SAYS(error.text, "no node is listening on /no/such/x.sock");
    CHECK(!stream_connect("", -1, &error));
    CHECK_SAYS(error.text, "empty");
    CHECK(!stream_connect("/etc/passwd", -1, &error));
    CHECK_SAYS(error.text, "/etc/passwd is not a socket");
    stream_client_close(NULL);
}

int main(void)
{
    RUN(a_client_gets_its_answers);
    RUN(a_client_says_why_it_cannot_connect);
    return 0;
}
