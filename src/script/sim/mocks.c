/* SPDX-License-Identifier: MIT */
#include "mocks.h"

#include "../../lua/refs.h"

void mocks_init(struct mocks *mocks, struct program *owner)
{
    *mocks = (struct mocks){.owner = owner};
}

void mocks_clear(struct mocks *mocks, lua_State *L)
{
    refs_free(L, &mocks->on_spawn);
    refs_free(L, &mocks->on_connect);
    refs_free(L, &mocks->on_http);
}

/* ---- Asking ---- */

struct asking {
    struct mocks *mocks;
    const struct mock_question *question;
    struct error *error;
    int result;
};

static void ask(lua_State *L, void *context)
{
    struct asking *asking = context;
    const struct mock_question *question = asking->question;
    refs_push(L, question->fn);
    int nargs = question->push(L, question->context);
    protected_invoke(&asking->mocks->owner->caller, L, nargs,
                     question->num_results);
    int first = lua_gettop(L) - question->num_results + 1;
    if (lua_isnil(L, first) && !question->may_be_nil) {
        const char *message = lua_tostring(L, first + 1);
        asking->result = error_fail(asking->error, "%s",
                                    message ? message : "it was refused");
        return;
    }
    asking->result = question->read(L, first, question->context, asking->error);
}

int mocks_ask(struct mocks *mocks, const struct mock_question *question,
              struct error *error)
{
    struct asking asking = {
        .mocks = mocks, .question = question, .error = error, .result = -1};
    struct program *owner = mocks->owner;
    if (question->fn == REFS_NONE)
        return error_fail(error, "nobody answers in this simulation (%s)",
                          question->name);
    if (protected_run(&owner->caller, owner->L, ask, &asking, question->name))
        return error_fail(error, "%s: %s", question->name,
                          protected_last_message(&owner->caller));
    return asking.result;
}
