/*
 * bare.h - threads as the kernel makes them: no fault handler, a stack that the caller has, an owner of
 * its choice. The function must end its thread (bare_end) and must not return.
 *
 * What test.h's threads cannot be asked for: hundreds at once, odd ends, other views.
 */
#ifndef TESTS_GUEST_BARE_H
#define TESTS_GUEST_BARE_H

#include "tests/guest/test.h"

#define BARE_SECOND_NS 1000000000ull
#define BARE_PATIENCE_NS (200 * BARE_SECOND_NS) /* only what hangs takes so long, on any machine */
#define BARE_STATE (TWZ_OBJ_DATA + offsetof(struct twz_thread, state))

/* The first byte behind its stack, 16-aligned; flags: enum twz_sys_thread_flags. Zero ID: a failed check. */
struct twz_id bare_thread(void (*run)(uint64_t arg), void *stack_end, uint64_t arg, uint32_t flags);
_Noreturn void bare_end(uint32_t status);

/* What its object says; state 0: there is no such object. */
struct twz_thread bare_look(struct twz_id thread);
/* Waits until it is in that state, BARE_PATIENCE_NS at most; a failed check if it is not by then. */
bool bare_becomes(struct twz_id thread, enum twz_thread_state state);
/* Waits for its end; a failed check if it does not come in BARE_PATIENCE_NS, else its status. */
uint32_t bare_await(struct twz_id thread);
/* The same, and deletes it. */
uint32_t bare_join(struct twz_id thread);

/* Sleeps as long as the word has the value; the call's result. */
int64_t bare_wait(const uint32_t *word, uint32_t value, uint64_t timeout_ns);
int64_t bare_wake(const uint32_t *word, uint32_t most);
/* Waits until the word is at least that, in the same way. */
bool bare_reaches(const uint32_t *word, uint32_t value);

/* Does what began then still have time? So a test tries again what a busy host may have spoiled. */
static inline bool bare_patient(uint64_t since)
{
	return twz_rt_time_ns() - since < BARE_PATIENCE_NS;
}

struct twz_sys_usage bare_usage(void);
/*
 * Waits until somebody makes a call over and over, as one that waits without sleeping is made; in the same way. False
 * if it has returned, and so stored to the word. Nobody else makes many calls meanwhile.
 */
bool bare_call_waits(const uint32_t *returned);
/* Waits until so many threads are alive in the machine. */
bool bare_threads_are(uint64_t threads);
/* Does an object of this ID exist, for us? */
bool bare_exists(struct twz_id id);

#endif
