/* SPDX-License-Identifier: MIT */
#include "saver.h"

#include "../base/thread.h"
#include "snapshot.h"

static void *run(void *context)
{
    struct saver *saver = context;

    saver->result = state_file_write(
        saver->folder, (shoal_bytes){saver->bytes, saver->size}, &saver->error);
    __atomic_store_n(&saver->is_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

void saver_init(struct saver *saver, const struct state_folder *folder)
{
    *saver = (struct saver){.folder = folder};
}

int saver_begin(struct saver *saver, uint8_t *bytes, size_t size,
                struct error *error)
{
    int number;

    saver->bytes = bytes;
    saver->size = size;
    saver->is_done = 0;
    number = thread_start(&saver->thread, run, saver);
    saver->is_running = number == 0;
    if (number == 0)
        return 0;
    snapshot_free(bytes, size);
    return error_errno(error, number, "cannot start a thread");
}

static enum saver_state end(struct saver *saver, struct error *error)
{
    pthread_join(saver->thread, NULL);
    saver->is_running = false;
    snapshot_free(saver->bytes, saver->size);
    if (saver->result == 0)
        return SAVER_SAVED;
    *error = saver->error;
    return SAVER_FAILED;
}

enum saver_state saver_poll(struct saver *saver, struct error *error)
{
    if (!saver->is_running)
        return SAVER_IDLE;
    if (!__atomic_load_n(&saver->is_done, __ATOMIC_ACQUIRE))
        return SAVER_BUSY;
    return end(saver, error);
}

enum saver_state saver_wait(struct saver *saver, struct error *error)
{
    return saver->is_running ? end(saver, error) : SAVER_IDLE;
}
