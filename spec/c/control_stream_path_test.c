/* SPDX-License-Identifier: MIT */
/* The control socket: the file that it is. */
#include "control_stream_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The C library's, which all threads of a process share: counted. */
static unsigned umask_calls;

mode_t umask(mode_t mask)
{
    umask_calls++;
    return (mode_t)syscall(SYS_umask, mask);
}

static void the_socket_is_for_its_owner_only(void)
{
    static const mode_t masks[] = {0, 022, 0177, 0777};
    struct stat found;
    struct fixture f;
    mode_t before;
    size_t i;

    set_up(&f);
    for (i = 0; i < sizeof masks / sizeof *masks; i++) {
        stream_server_close(f.server);
        before = umask(masks[i]);
        f.server = listen_at(&f, f.path, NULL);
        umask(before);
        CHECK(f.server && stat(f.path, &found) == 0);
        CHECK((found.st_mode & 07777) == 0600);
    }
    tear_down(&f);
}

static void no_other_thread_makes_files_with_another_mode_meanwhile(void)
{
    struct fixture f;

    umask_calls = 0;
    set_up(&f);
    CHECK(umask_calls == 0);
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
    struct error error = {""};

    CHECK(!listen_at(f, path, &error));
    CHECK_SAYS(error.text, why);
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
    fails_to_listen(&f, file, "is not a socket");
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

int main(void)
{
    RUN(the_socket_is_for_its_owner_only);
    RUN(no_other_thread_makes_files_with_another_mode_meanwhile);
    RUN(a_missing_folder_is_made);
    RUN(a_path_that_cannot_be_is_told_why);
    RUN(a_socket_that_a_dead_process_left_is_replaced);
    RUN(a_server_removes_its_own_file_only);
    return 0;
}
