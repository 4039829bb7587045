/* SPDX-License-Identifier: MIT */
/*
 * How long a program takes to start and to go: shoal-bench-start WORD
 * COMMAND...
 *
 * From just before the fork to WORD in what the command writes to stderr. Then
 * prints a line, PIDs and milliseconds:
 *
 *   ours its start processor
 *
 * (the last one is for how long it had a processor meanwhile: the rest it
 * waited for the disk, or because others had them all) and waits for TERM, upon
 * which the command gets INT; prints the milliseconds until it is gone. It is a
 * program in C since it must not take part in what it measures: forking a large
 * one, or asking again and again, took longer than the start itself.
 */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t told_to_end;

static void on_term(int number)
{
    (void)number;
    told_to_end = 1;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Who starts us and dies takes us along, and we the command. */
static pid_t start(char **command, int *log)
{
    int ends[2];
    pid_t pid;
    if (pipe(ends) != 0)
        fail("pipe");
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        fail(command[0]);
    }
    close(ends[1]);
    *log = ends[0];
    return pid;
}

/* Reads on until `word` was there. */
static void await(int log, const char *word)
{
    char text[65536];
    size_t size = 0;
    while (size < sizeof text - 1) {
        ssize_t got = read(log, text + size, sizeof text - 1 - size);
        if (got <= 0)
            break;
        size += (size_t)got;
        text[size] = '\0';
        if (strstr(text, word))
            return;
    }
    fprintf(stderr, "it did not say '%s': %.*s\n", word, (int)size, text);
    exit(1);
}

/* Milliseconds that the process has had a processor. */
static double processor_time(pid_t pid)
{
    unsigned long long nanoseconds = 0;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%llu", &nanoseconds) != 1)
        fail(path);
    fclose(file);
    return (double)nanoseconds / 1e6;
}

/* Whatever it writes from now on must not hold it up. */
static void discard_until_told(int log)
{
    struct pollfd readable = {.fd = log, .events = POLLIN};
    sigset_t none;
    char text[4096];
    sigemptyset(&none);
    while (!told_to_end) {
        if (ppoll(&readable, 1, NULL, &none) == 1 &&
            read(log, text, sizeof text) <= 0)
            fail("it ended by itself");
    }
}

/* TERM comes only while discard_until_told() waits. */
static void expect_term(void)
{
    struct sigaction action = {.sa_handler = on_term};
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigaction(SIGTERM, &action, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
}

int main(int argc, char **argv)
{
    int log;
    if (argc < 3) {
        fprintf(stderr, "usage: shoal-bench-start WORD COMMAND...\n");
        return 2;
    }
    double before = bench_now();
    pid_t pid = start(argv + 2, &log);
    await(log, argv[1]);
    double started = bench_now();
    expect_term();
    printf("%d %d %.3f %.3f\n", (int)getpid(), (int)pid,
           (started - before) * 1e3, processor_time(pid));
    fflush(stdout);
    discard_until_told(log);
    before = bench_now();
    kill(pid, SIGINT);
    if (waitpid(pid, NULL, 0) != pid)
        fail("waitpid");
    printf("%.3f\n", (bench_now() - before) * 1e3);
    return 0;
}
