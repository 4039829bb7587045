/* SPDX-License-Identifier: MIT */
/* Changed files are noticed, however they were changed, once they are quiet;
 * by inotify and by its plain twin. */
#include "host_test.h"

#include "host/host.h"
#include "host/watch/watch_backend.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

enum { QUIET_US = 30000 };

struct fixture {
    struct ev_loop *loop;
    watch *files;
    char folder[200], path[240], other[240], aside[240];
    unsigned changes, expected;
    bool frees;
};

static void on_change(void *context)
{
    struct fixture *f = context;

    f->changes++;
    if (f->frees) {
        watch_free(f->files);
        f->files = NULL;
    }
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void name(struct fixture *f, char *out, const char *file)
{
    snprintf(out, 240, "%s/%s", f->folder, file);
}

static void set_up_in(struct fixture *f, const struct watch_way *way,
                      uint64_t quiet_us)
{
    memset(f, 0, sizeof *f);
    f->loop = ev_loop_new(0);
    make_folder(f->folder);
    name(f, f->path, "service.lua");
    name(f, f->other, "other.lua");
    name(f, f->aside, "service.lua.new");
    write_file(f->path, "return {}");
    f->files = watch_new_in(way, f->loop, quiet_us, on_change, f, NULL);
    CHECK(f->loop && f->files);
}

static void watch_one(struct fixture *f, const char *path)
{
    CHECK(watch_set(f->files, &path, 1, NULL) == 0);
}

static void set_up(struct fixture *f)
{
    set_up_in(f, &watch_by_inotify, QUIET_US);
    watch_one(f, f->path);
}

static void tear_down(struct fixture *f)
{
    char command[300];

    watch_free(f->files);
    ev_loop_destroy(f->loop);
    snprintf(command, sizeof command, "rm -r '%s'", f->folder);
    CHECK(system(command) == 0);
}

static bool has_changes(void *context)
{
    struct fixture *f = context;

    return f->changes >= f->expected;
}

/* Exactly one call, and none after it. */
static bool is_noticed_once(struct fixture *f)
{
    f->expected = 1;
    if (!run_until(f->loop, has_changes, f))
        return false;
    run_for(f->loop, 0.1);
    f->expected = f->changes;
    f->changes = 0;
    return f->expected == 1;
}

static bool is_not_noticed(struct fixture *f)
{
    run_for(f->loop, 0.1);
    return f->changes == 0;
}

/* ---- Ways to change a file ---- */

static void writing_in_place_is_noticed(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(is_not_noticed(&f));
    write_file(f.path, "return { }");
    CHECK(is_noticed_once(&f));
    write_file(f.path, "return {1}"); /* of the same size, at once */
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void writing_in_place_is_noticed_when_the_file_is_closed(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = open(f.path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    CHECK(fd >= 0 && write(fd, "return", 6) == 6);
    CHECK(is_not_noticed(&f));
    CHECK(write(fd, " {2}", 4) == 4);
    close(fd);
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void a_replacement_by_rename_is_noticed_and_the_next(void)
{
    struct fixture f;
    int i;

    set_up(&f);
    for (i = 0; i < 3; i++) {
        write_file(f.aside, "return {}");
        CHECK(rename(f.aside, f.path) == 0);
        CHECK(is_noticed_once(&f));
    }
    tear_down(&f);
}

static void removing_and_making_it_again_is_noticed(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(unlink(f.path) == 0);
    CHECK(is_noticed_once(&f));
    write_file(f.path, "return {}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void a_file_that_does_not_exist_yet_is_noticed_when_it_comes(void)
{
    struct fixture f;

    set_up(&f);
    watch_one(&f, f.other);
    write_file(f.other, "return {}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* Writes that go on for longer than the quiet time. Between two of them there
 * is none, unless the machine makes one. */
static void a_burst_is_one_change(void)
{
    double start = seconds_now(), last = start, previous;
    struct fixture f;
    int i;

    set_up_in(&f, &watch_by_inotify, 500000);
    watch_one(&f, f.path);
    for (i = 0; seconds_now() - start < 0.8; i++) {
        previous = last;
        last = seconds_now();
        write_file(f.path, i % 2 ? "return {1}" : "return {12}");
        run_for(f.loop, 0.02);
        CHECK(f.changes == 0 || seconds_now() - previous > 0.49);
        f.changes = 0;
    }
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void another_file_in_the_folder_is_none_of_our_business(void)
{
    struct fixture f;

    set_up(&f);
    write_file(f.other, "return {}");
    CHECK(unlink(f.other) == 0);
    CHECK(is_not_noticed(&f));
    tear_down(&f);
}

/* ---- Sets of files ---- */

static void only_the_last_set_counts(void)
{
    struct fixture f;

    set_up(&f);
    watch_one(&f, f.other);
    write_file(f.path, "changed");
    CHECK(is_not_noticed(&f));
    CHECK(watch_set(f.files, NULL, 0, NULL) == 0);
    write_file(f.other, "changed");
    CHECK(is_not_noticed(&f));
    watch_one(&f, f.path);
    write_file(f.path, "changed again");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void what_can_be_watched_is_when_another_cannot(void)
{
    char endless[PATH_MAX + 1];
    struct error error = {""};
    const char *paths[3];
    struct fixture f;

    set_up(&f);
    memset(endless, 'x', PATH_MAX);
    endless[PATH_MAX] = '\0';
    paths[0] = f.path;
    paths[1] = endless;
    paths[2] = f.other;
    CHECK(watch_set(f.files, paths, 3, &error) == -1);
    CHECK_SAYS(error.text, "cannot watch 'xxx");
    write_file(f.other, "new");
    CHECK(is_noticed_once(&f));
    write_file(f.path, "changed");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* ---- Folders and links ---- */

/* A path in folders that are not there, and what makes them. */
struct nowhere {
    char folders[2][280], path[300];
};

static struct nowhere watch_nowhere(struct fixture *f)
{
    struct nowhere where;

    set_up(f);
    snprintf(where.folders[0], 280, "%s/no", f->folder);
    snprintf(where.folders[1], 280, "%s/no/such", f->folder);
    snprintf(where.path, 300, "%s/no/such/file.lua", f->folder);
    watch_one(f, where.path);
    return where;
}

static void a_file_whose_folders_come_first_is_noticed_when_it_comes(void)
{
    struct fixture f;
    struct nowhere where = watch_nowhere(&f);

    CHECK(mkdir(where.folders[0], 0700) == 0);
    CHECK(is_not_noticed(&f));
    CHECK(mkdir(where.folders[1], 0700) == 0);
    CHECK(is_not_noticed(&f));
    write_file(where.path, "return {}");
    CHECK(is_noticed_once(&f));
    write_file(where.path, "return {1}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void a_file_that_comes_together_with_its_folders_is_noticed(void)
{
    struct fixture f;
    struct nowhere where = watch_nowhere(&f);

    CHECK(mkdir(where.folders[0], 0700) == 0);
    CHECK(mkdir(where.folders[1], 0700) == 0);
    write_file(where.path, "return {}");
    CHECK(is_noticed_once(&f));
    write_file(where.path, "return {1}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void a_file_in_the_place_of_a_folder_may_become_one(void)
{
    struct fixture f;
    struct nowhere where;

    where = watch_nowhere(&f);
    write_file(where.folders[0], "a file");
    watch_one(&f, where.path);
    CHECK(is_not_noticed(&f));
    CHECK(unlink(where.folders[0]) == 0);
    CHECK(mkdir(where.folders[0], 0700) == 0);
    CHECK(mkdir(where.folders[1], 0700) == 0);
    write_file(where.path, "return {}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* First the file: that is the change. That its folders go after it is none. */
static void folders_that_go_one_after_the_other_are_watched_when_they_are_back(
    void)
{
    struct fixture f;
    struct nowhere where = watch_nowhere(&f);
    int i;

    for (i = 0; i < 2; i++) {
        CHECK(mkdir(where.folders[0], 0700) == 0);
        CHECK(mkdir(where.folders[1], 0700) == 0);
        write_file(where.path, "return {}");
        CHECK(is_noticed_once(&f));
        CHECK(unlink(where.path) == 0);
        CHECK(is_noticed_once(&f));
        CHECK(rmdir(where.folders[1]) == 0);
        CHECK(rmdir(where.folders[0]) == 0);
        CHECK(is_not_noticed(&f));
    }
    tear_down(&f);
}

/* A link that leads nowhere stands in for a folder: what comes at its end is
 * found, too. */
static void a_file_behind_a_link_to_nowhere_is_noticed_when_it_comes(void)
{
    char elsewhere[280], path[300];
    struct fixture f;
    struct nowhere where = watch_nowhere(&f);

    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f.folder);
    snprintf(path, sizeof path, "%s/file.lua", elsewhere);
    CHECK(mkdir(where.folders[0], 0700) == 0);
    CHECK(symlink(elsewhere, where.folders[1]) == 0);
    watch_one(&f, where.path);
    CHECK(mkdir(elsewhere, 0700) == 0);
    write_file(path, "return {}");
    CHECK(is_noticed_once(&f));
    write_file(path, "return {1}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

static void a_folder_that_goes_away_and_comes_back_is_watched_again(void)
{
    char folder[240], moved[240], path[260];
    struct fixture f;

    set_up(&f);
    name(&f, folder, "scripts");
    name(&f, moved, "moved");
    snprintf(path, sizeof path, "%s/a.lua", folder);
    CHECK(mkdir(folder, 0700) == 0);
    write_file(path, "return {}");
    watch_one(&f, path);
    CHECK(rename(folder, moved) == 0);
    CHECK(is_noticed_once(&f));
    CHECK(mkdir(folder, 0700) == 0);
    write_file(path, "return {1}");
    CHECK(is_noticed_once(&f));
    write_file(path, "return {12}");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* A link is replaced by rename, as `ln -sfn` and deployments do. */
static void turn_link(struct fixture *f, const char *link, const char *target)
{
    CHECK(symlink(target, f->aside) == 0);
    CHECK(rename(f->aside, link) == 0);
}

static void a_change_behind_a_link_is_noticed(void)
{
    char link[240];
    struct fixture f;

    set_up(&f);
    name(&f, link, "link.lua");
    turn_link(&f, link, "service.lua");
    watch_one(&f, link);
    write_file(f.path, "changed");
    CHECK(is_noticed_once(&f));
    write_file(f.other, "another");
    turn_link(&f, link, "other.lua");
    CHECK(is_noticed_once(&f));
    write_file(f.other, "changed");
    CHECK(is_noticed_once(&f));
    write_file(f.path, "not ours any more");
    CHECK(is_not_noticed(&f));
    tear_down(&f);
}

static void a_turned_link_to_the_folder_is_noticed(void)
{
    char one[240], two[240], current[240], path[260], in_two[260];
    struct fixture f;

    set_up(&f);
    name(&f, one, "one");
    name(&f, two, "two");
    name(&f, current, "current");
    snprintf(path, sizeof path, "%s/a.lua", current);
    snprintf(in_two, sizeof in_two, "%s/a.lua", two);
    CHECK(mkdir(one, 0700) == 0 && mkdir(two, 0700) == 0);
    turn_link(&f, current, "one");
    write_file(path, "return 1");
    write_file(in_two, "return 2");
    watch_one(&f, path);
    turn_link(&f, current, "two");
    CHECK(is_noticed_once(&f));
    write_file(in_two, "return 22");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* script.lua -> ..data/script.lua, ..data -> v1; then ..data -> v2. */
static void a_turned_link_in_between_is_noticed(void)
{
    char v1[240], v2[240], data[240], script[240], file[260];
    struct fixture f;

    set_up(&f);
    name(&f, v1, "v1");
    name(&f, v2, "v2");
    name(&f, data, "..data");
    name(&f, script, "script.lua");
    CHECK(mkdir(v1, 0700) == 0 && mkdir(v2, 0700) == 0);
    snprintf(file, sizeof file, "%s/script.lua", v1);
    write_file(file, "return 1");
    snprintf(file, sizeof file, "%s/script.lua", v2);
    write_file(file, "return 2");
    turn_link(&f, data, "v1");
    turn_link(&f, script, "..data/script.lua");
    watch_one(&f, script);
    turn_link(&f, data, "v2");
    CHECK(is_noticed_once(&f));
    tear_down(&f);
}

/* ---- The end ---- */

static void it_may_be_freed_in_its_callback(void)
{
    struct fixture f;

    set_up(&f);
    f.frees = true;
    write_file(f.path, "changed");
    CHECK(is_noticed_once(&f));
    CHECK(!f.files);
    tear_down(&f);
}

static void it_may_be_freed_while_a_change_settles(void)
{
    struct fixture f;

    set_up(&f);
    write_file(f.path, "changed");
    ev_run(f.loop, EVRUN_NOWAIT);
    watch_free(f.files);
    f.files = NULL;
    CHECK(is_not_noticed(&f));
    tear_down(&f);
}

/* ---- The plain twin ---- */

static void the_twin_notices_writes_replacements_and_newcomers(void)
{
    const char *paths[2];
    struct fixture f;

    set_up_in(&f, &watch_by_stat, QUIET_US);
    paths[0] = f.path;
    paths[1] = f.other;
    CHECK(watch_set(f.files, paths, 2, NULL) == 0);
    CHECK(is_not_noticed(&f));
    write_file(f.path, "something longer");
    CHECK(is_noticed_once(&f));
    write_file(f.aside, "something else, even longer");
    CHECK(rename(f.aside, f.path) == 0);
    CHECK(is_noticed_once(&f));
    write_file(f.other, "new");
    CHECK(is_noticed_once(&f));
    CHECK(watch_set(f.files, NULL, 0, NULL) == 0);
    write_file(f.path, "nobody looks");
    CHECK(is_not_noticed(&f));
    tear_down(&f);
}

static void the_usual_way_can_be_had(void)
{
    struct ev_loop *loop = ev_loop_new(0);
    watch *files = watch_new(loop, QUIET_US, on_change, NULL, NULL);

    CHECK(files);
    watch_free(files);
    watch_free(NULL);
    ev_loop_destroy(loop);
}

int main(void)
{
#ifdef __linux__
    RUN(writing_in_place_is_noticed);
    RUN(writing_in_place_is_noticed_when_the_file_is_closed);
    RUN(a_replacement_by_rename_is_noticed_and_the_next);
    RUN(removing_and_making_it_again_is_noticed);
    RUN(a_file_that_does_not_exist_yet_is_noticed_when_it_comes);
    RUN(a_burst_is_one_change);
    RUN(another_file_in_the_folder_is_none_of_our_business);
    RUN(only_the_last_set_counts);
    RUN(what_can_be_watched_is_when_another_cannot);
    RUN(a_file_whose_folders_come_first_is_noticed_when_it_comes);
    RUN(a_file_that_comes_together_with_its_folders_is_noticed);
    RUN(a_file_in_the_place_of_a_folder_may_become_one);
    RUN(folders_that_go_one_after_the_other_are_watched_when_they_are_back);
    RUN(a_file_behind_a_link_to_nowhere_is_noticed_when_it_comes);
    RUN(a_folder_that_goes_away_and_comes_back_is_watched_again);
    RUN(a_change_behind_a_link_is_noticed);
    RUN(a_turned_link_to_the_folder_is_noticed);
    RUN(a_turned_link_in_between_is_noticed);
    RUN(it_may_be_freed_in_its_callback);
    RUN(it_may_be_freed_while_a_change_settles);
#endif
    RUN(the_twin_notices_writes_replacements_and_newcomers);
    RUN(the_usual_way_can_be_had);
    return 0;
}
