/* SPDX-License-Identifier: MIT */
/* Memory on disk: what is written is read again, what is wrong is found, and
 * whatever fails or ends on the way, there is the old state or the new one. */
#include "expect.h"

#include "base/bytes.h"
#include "disk/crc64.h"
#include "disk/saver.h"
#include "disk/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- System calls that fail, or are the last ---- */

static struct {
    int at;     /* the call that is to go wrong, 1 the first; 0: none */
    int number; /* with that errno; 0: it is our end instead */
    bool half;  /* a write does half of it first */
    int calls;
} fault;

static bool goes_wrong(void)
{
    if (++fault.calls != fault.at)
        return false;
    if (fault.number == 0)
        _exit(0);
    errno = fault.number;
    return true;
}

/* For the linker to find before libc's. */
#pragma GCC visibility push(default)

ssize_t write(int fd, const void *data, size_t size)
{
    if (fault.at == 0 || fd == STDERR_FILENO)
        return syscall(SYS_write, fd, data, size);
    if (fault.half && fault.calls + 1 == fault.at)
        (void)syscall(SYS_write, fd, data, size / 2);
    return goes_wrong() ? -1 : syscall(SYS_write, fd, data, size);
}

int fsync(int fd)
{
    if (fault.at != 0 && goes_wrong())
        return -1;
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    if (fault.at != 0 && goes_wrong())
        return -1;
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    if (fault.at != 0 && goes_wrong())
        return -1;
    return (int)syscall(SYS_unlinkat, folder, path, flags);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list more;
    int mode;

    va_start(more, flags);
    mode = flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    if (fault.at != 0 && goes_wrong())
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#pragma GCC visibility pop

/* ---- Folders ---- */

static char base[] = "/tmp/shoal-disk-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static struct state_folder open_new(const char *name)
{
    static struct error error;
    struct state_folder folder;

    expect_subject = error.text;
    EXPECT(state_folder_open(&folder, path_of(name), &error) == 0);
    return folder;
}

static bool is_written(const struct state_folder *folder, const char *text)
{
    return state_file_write(folder, bytes_of_text(text), NULL) == 0;
}

static bool holds(const struct state_folder *folder, const char *text)
{
    uint8_t *bytes;
    size_t size;
    bool is_so;

    if (state_file_read(folder, &bytes, &size, NULL) != 0)
        return false;
    is_so = bytes ? bytes_equal(bytes_of(bytes, size), bytes_of_text(text))
                  : *text == '\0';
    snapshot_free(bytes, size);
    return is_so;
}

static void a_file_is_written_and_read(void)
{
    struct state_folder folder = open_new("plain");
    struct stat found;

    EXPECT(holds(&folder, ""));
    EXPECT(is_written(&folder, "one"));
    EXPECT(is_written(&folder, "another"));
    EXPECT(holds(&folder, "another"));
    EXPECT(stat(path_of("plain/memory"), &found) == 0);
    EXPECT((found.st_mode & 07777) == 0600);
    EXPECT(stat(path_of("plain"), &found) == 0);
    EXPECT((found.st_mode & 07777) == 0700);
    EXPECT(access(path_of("plain/memory.new"), F_OK) != 0);
    EXPECT(state_file_set_aside(&folder, NULL) == 0);
    EXPECT(holds(&folder, ""));
    EXPECT(access(path_of("plain/memory.aside"), F_OK) == 0);
    state_folder_close(&folder);
}

/* A start that fails behind that does not write another: the next one finds the
 * same file. */
static void a_file_that_is_kept_has_one_more_name(void)
{
    struct state_folder folder = open_new("kept");
    struct stat found;
    int i;

    EXPECT(state_file_keep(&folder, NULL) == 0); /* there is none */
    EXPECT(is_written(&folder, "one"));
    for (i = 0; i < 3; i++)
        EXPECT(state_file_keep(&folder, NULL) == 0);
    EXPECT(holds(&folder, "one"));
    EXPECT(stat(path_of("kept/memory.aside"), &found) == 0);
    EXPECT(found.st_nlink == 2);
    EXPECT(access(path_of("kept/memory.aside.2"), F_OK) != 0);
    EXPECT(is_written(&folder, "another"));
    EXPECT(state_file_keep(&folder, NULL) == 0);
    EXPECT(access(path_of("kept/memory.aside.2"), F_OK) == 0);
    state_folder_close(&folder);
}

static int open_result(const char *name, struct error *error)
{
    struct state_folder folder;
    int result = state_folder_open(&folder, path_of(name), error);

    state_folder_close(&folder);
    return result;
}

static void a_folder_is_one_members(void)
{
    struct state_folder first = open_new("shared");
    struct error error;

    EXPECT(open_result("shared", &error) == STATE_REFUSED);
    EXPECT(strstr(error.text, "another member uses the folder"));
    state_folder_close(&first);
    EXPECT(open_result("shared", &error) == 0);
}

static void a_folder_that_others_may_write_to_is_refused(void)
{
    struct error error;

    EXPECT(mkdir(path_of("open"), 0700) == 0);
    EXPECT(chmod(path_of("open"), 0770) == 0);
    EXPECT(open_result("open", &error) == STATE_REFUSED);
    EXPECT(strstr(error.text, "chmod go-w"));
    EXPECT(chmod(path_of("open"), 0755) == 0);
    EXPECT(open_result("open", &error) == 0);
    EXPECT(open_result("no/such", &error) == STATE_REFUSED);
    EXPECT(open_result("plain/memory.aside", &error) == STATE_REFUSED);
}

static void a_file_that_others_may_read_is_refused(void)
{
    struct state_folder folder = open_new("mode");
    struct error error;
    uint8_t *bytes;
    size_t size;

    EXPECT(is_written(&folder, "secret"));
    EXPECT(chmod(path_of("mode/memory"), 0640) == 0);
    EXPECT(state_file_read(&folder, &bytes, &size, &error) == STATE_REFUSED);
    EXPECT(strstr(error.text, "mode 0640"));
    EXPECT(unlink(path_of("mode/memory")) == 0);
    EXPECT(symlink("/etc/passwd", path_of("mode/memory")) == 0);
    EXPECT(state_file_read(&folder, &bytes, &size, &error) == STATE_REFUSED);
    state_folder_close(&folder);
}

/* ---- The old state or the new one ---- */

static const char old_state[] = "the old state", new_state[] = "the new state";

/* How many calls a write takes. */
static int num_calls(const struct state_folder *folder)
{
    fault.calls = 0;
    fault.at = INT32_MAX;
    EXPECT(is_written(folder, old_state));
    fault.at = 0;
    return fault.calls;
}

static void each_call_may_fail(void)
{
    struct state_folder folder = open_new("failing");
    int count = num_calls(&folder);
    static char where[32];

    EXPECT(count >= 5);
    for (int at = 1; at <= count; at++)
        for (int half = 0; half < 2; half++) {
            bool is_new;

            snprintf(where, sizeof where, "call %d of %d", at, count);
            EXPECT(is_written(&folder, old_state));
            fault.at = at;
            fault.number = ENOSPC;
            fault.half = half;
            fault.calls = 0;
            is_new = is_written(&folder, new_state);
            fault.at = 0;
            expect_subject = where;
            EXPECT(!is_new);
            /* The last puts the folder on the disk: it has the new one. */
            EXPECT(holds(&folder, at < count ? old_state : new_state));
            EXPECT(access(path_of("failing/memory.new"), F_OK) != 0);
            EXPECT(is_written(&folder, new_state));
            EXPECT(holds(&folder, new_state));
        }
    state_folder_close(&folder);
}

static void end_at(const struct state_folder *folder, int at, bool half)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        fault.at = at;
        fault.number = 0;
        fault.half = half;
        fault.calls = 0;
        (void)state_file_write(folder, bytes_of_text(new_state), NULL);
        _exit(0);
    }
    EXPECT(child > 0);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void each_call_may_be_the_last(void)
{
    struct state_folder folder = open_new("ending");
    int count = num_calls(&folder);
    unsigned olds = 0, news = 0;

    for (int at = 1; at <= count + 1; at++)
        for (int half = 0; half < 2; half++) {
            EXPECT(is_written(&folder, old_state));
            end_at(&folder, at, half);
            olds += holds(&folder, old_state);
            news += holds(&folder, new_state);
            EXPECT(is_written(&folder, new_state)); /* over what was left */
            EXPECT(holds(&folder, new_state));
        }
    EXPECT(olds + news == 2 * (unsigned)(count + 1));
    EXPECT(olds >= 2 * 4 && news == 2 * 2);
    state_folder_close(&folder);
}

/* ---- The thread ---- */

static void save(struct saver *saver, const char *text)
{
    uint8_t *bytes = malloc(strlen(text));

    memcpy(bytes, text, strlen(text));
    EXPECT(saver_begin(saver, bytes, strlen(text), NULL) == 0);
}

static void a_thread_saves_and_tells(void)
{
    struct state_folder folder = open_new("saver");
    struct saver saver;
    struct error error = {""};
    enum saver_state state;

    saver_init(&saver, &folder);
    EXPECT(saver_poll(&saver, &error) == SAVER_IDLE);
    save(&saver, "first");
    while ((state = saver_poll(&saver, &error)) == SAVER_BUSY)
        usleep(100);
    EXPECT(state == SAVER_SAVED);
    EXPECT(saver_poll(&saver, &error) == SAVER_IDLE);
    save(&saver, "second");
    EXPECT(saver_wait(&saver, &error) == SAVER_SAVED);
    EXPECT(holds(&folder, "second"));
    fault.number = EIO;
    fault.calls = 0;
    fault.at = 1;
    save(&saver, "third");
    EXPECT(saver_wait(&saver, &error) == SAVER_FAILED);
    fault.at = 0;
    EXPECT(strstr(error.text, "saver/memory: Input/output error") ||
           strstr(error.text, "saver/memory: input/output error"));
    EXPECT(holds(&folder, "second"));
    state_folder_close(&folder);
}

/* ---- What is in it ---- */

static struct snapshot_member member_a(void)
{
    return (struct snapshot_member){
        .seen_ms = 1767225600123,
        .state = SHOAL_DOWN,
        .reason = 2,
        .id = bytes_of_text("identity a"),
        .addr = bytes_of_text("10.0.0.1:7946"),
        .endpoint = bytes_of_text("10.0.0.1:7946"),
        .tags = bytes_of_text("\x81\xa1zz"),
    };
}

static void put(struct snapshot_writer *writer, enum snapshot_kind kind,
                uint64_t number, const char *text)
{
    struct snapshot_record record = {.kind = (uint8_t)kind};

    record.as.number = number;
    record.bytes = bytes_of_text(text);
    snapshot_put(writer, &record);
}

static shoal_bytes make(const char *label)
{
    struct snapshot_writer writer;
    struct snapshot_record record = {.kind = SNAPSHOT_SELF};

    snapshot_begin(&writer, label);
    record.as.self = (struct snapshot_self){1767225600000, 7 << 16, 3,
                                            bytes_of_text("ourselves")};
    snapshot_put(&writer, &record);
    record = (struct snapshot_record){.kind = SNAPSHOT_MEMBER};
    record.as.member = member_a();
    snapshot_put(&writer, &record);
    put(&writer, SNAPSHOT_TOPIC, 4711, "jobs");
    put(&writer, 200, 1, "of a later version");
    put(&writer, SNAPSHOT_SEED, 0, "seed.example:7946");
    record = (struct snapshot_record){.kind = SNAPSHOT_RING};
    memset(record.as.given, 9, sizeof record.as.given);
    snapshot_put(&writer, &record);
    record = (struct snapshot_record){.kind = SNAPSHOT_SECRET};
    record.as.secret = (struct snapshot_secret){2, 5, 6, {1, 2, 3}};
    snapshot_put(&writer, &record);
    put(&writer, SNAPSHOT_STORE, 0, "\x80");
    EXPECT(snapshot_end(&writer));
    return bytes_of(writer.bytes, writer.size);
}

static bool next_is(shoal_bytes file, size_t *at, enum snapshot_kind kind,
                    struct snapshot_record *record)
{
    return snapshot_next(file, at, record) && record->kind == kind;
}

static void what_is_put_in_comes_out(void)
{
    shoal_bytes file = make("west");
    struct snapshot_record record;
    struct snapshot_member wanted = member_a();
    size_t at = 0;

    EXPECT(!snapshot_problem(file, "west"));
    EXPECT(next_is(file, &at, SNAPSHOT_CLUSTER, &record));
    EXPECT(next_is(file, &at, SNAPSHOT_SELF, &record));
    EXPECT(record.as.self.written_ms == 1767225600000 &&
           record.as.self.tags_version == 7 << 16 &&
           record.as.self.incarnation == 3 &&
           bytes_equal(record.as.self.id, bytes_of_text("ourselves")));
    EXPECT(next_is(file, &at, SNAPSHOT_MEMBER, &record));
    EXPECT(record.as.member.seen_ms == wanted.seen_ms &&
           record.as.member.state == SHOAL_DOWN &&
           record.as.member.reason == 2 &&
           bytes_equal(record.as.member.id, wanted.id) &&
           bytes_equal(record.as.member.addr, wanted.addr) &&
           bytes_equal(record.as.member.endpoint, wanted.endpoint) &&
           bytes_equal(record.as.member.tags, wanted.tags));
    EXPECT(next_is(file, &at, SNAPSHOT_TOPIC, &record));
    EXPECT(record.as.number == 4711 &&
           bytes_equal(record.bytes, bytes_of_text("jobs")));
    EXPECT(next_is(file, &at, SNAPSHOT_SEED, &record)); /* 200 is skipped */
    EXPECT(next_is(file, &at, SNAPSHOT_RING, &record));
    EXPECT(record.as.given[15] == 9);
    EXPECT(next_is(file, &at, SNAPSHOT_SECRET, &record));
    EXPECT(record.as.secret.stage == 2 && record.as.secret.until_ms == 6 &&
           record.as.secret.bytes[2] == 3 && record.as.secret.bytes[3] == 0);
    EXPECT(next_is(file, &at, SNAPSHOT_STORE, &record));
    EXPECT(!snapshot_next(file, &at, &record));
    snapshot_free((uint8_t *)file.data, file.size);
}

/* Each prefix, and each bit. */
static void what_is_damaged_is_found(void)
{
    shoal_bytes file = make(NULL);

    EXPECT(!snapshot_problem(file, NULL));
    for (size_t size = 0; size < file.size; size++) {
        struct bytes cut = bytes_copy_of(file.data, size);

        EXPECT(snapshot_problem(bytes_of(cut.data, size), NULL));
        free(cut.data);
    }
    for (size_t bit = 0; bit < 8 * file.size; bit++) {
        struct bytes bad = bytes_copy_of(file.data, file.size);

        bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        EXPECT(snapshot_problem(bytes_of(bad.data, bad.size), NULL));
        free(bad.data);
    }
    snapshot_free((uint8_t *)file.data, file.size);
}

static bool has_problem(shoal_bytes file, const char *label, const char *text)
{
    const char *problem = snapshot_problem(file, label);

    expect_subject = problem ? problem : "no problem";
    return problem && strcmp(problem, text) == 0;
}

static void what_cannot_be_used_is_named(void)
{
    shoal_bytes file = make("west");
    uint8_t *bytes = (uint8_t *)file.data;

    EXPECT(has_problem(file, "east", "is of another cluster"));
    EXPECT(has_problem(file, NULL, "is of another cluster"));
    EXPECT(has_problem(bytes_of(bytes, file.size - 1), "west",
                       "is truncated or damaged"));
    EXPECT(has_problem(bytes_of("", 0), "west", "is not a memory of shoal"));
    bytes[20]++;
    EXPECT(has_problem(file, "west", "is damaged"));
    bytes[9] = SNAPSHOT_VERSION + 1;
    EXPECT(has_problem(file, "west", "was written by a newer version"));
    snapshot_free(bytes, file.size);
}

static void the_check_is_that_of_xz(void)
{
    EXPECT(crc64((const uint8_t *)"123456789", 9) ==
           UINT64_C(0x995dc9bbdf1939fa));
}

static void remove_all(void)
{
    char command[160];

    snprintf(command, sizeof command, "rm -rf '%s'", base);
    EXPECT(system(command) == 0);
}

int main(void)
{
    if (!mkdtemp(base))
        return 1;
    a_file_is_written_and_read();
    a_file_that_is_kept_has_one_more_name();
    a_folder_is_one_members();
    a_folder_that_others_may_write_to_is_refused();
    a_file_that_others_may_read_is_refused();
    each_call_may_fail();
    each_call_may_be_the_last();
    a_thread_saves_and_tells();
    what_is_put_in_comes_out();
    what_is_damaged_is_found();
    what_cannot_be_used_is_named();
    the_check_is_that_of_xz();
    remove_all();
    return expect_done();
}
