/* run.c - programs of the boot archive, run one at a time. */
#include <string.h>

#include "rt/minimal/console.h"
#include "rt/minimal/program.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

enum { STATUS_TIMEOUT = 124, STATUS_REFUSED = 126, STATUS_INTERRUPTED = 128 + 2 };

/* What the thread's object says now. The status stands once the state, which is first, is ENDED. */
static int look(struct twz_id thread, struct twz_thread *seen)
{
	return window_read(thread, 0, seen, sizeof(*seen));
}

/*
 * Does the program deal with them? A prompt does, while it waits for a line or a program. Looked at
 * without loading it: the view may be gone any time.
 */
static bool takes_interrupts(struct twz_id view)
{
	struct twz_sys_sync op = {.id = view,
				  .address = TWZ_OBJ_DATA + offsetof(struct twz_view, flags)};

	return !SYS(thread_sync, &op, 1, 0); /* not 0; else the time is over */
}

/*
 * Sleeps until the thread's state is another, there was an interrupt, or it is `end`. *console: there is a
 * right to the console, where interrupts are; false from when there is none.
 */
static int sleep_until(struct twz_id thread, uint32_t state, uint32_t interrupts, uint64_t end,
		       bool *console)
{
	struct twz_sys_sync ops[] = {
		{.id = thread,
		 .address = TWZ_OBJ_DATA + offsetof(struct twz_thread, state),
		 .value = state},
		{.id = minimal.sys.console,
		 .address = TWZ_OBJ_DATA + offsetof(struct twz_console, interrupts),
		 .value = interrupts},
	};
	uint64_t now = twz_rt_time_ns(), left = end == ~0ull ? end : now < end ? end - now : 0;
	int64_t result = SYS(thread_sync, ops, *console ? 2 : 1, left);

	if (result == TWZ_E_INTERRUPTED)
		return 0; /* look again */
	if (result >= 0 || result == TWZ_E_TIMEOUT || !*console)
		return (int)result;
	*console = false; /* if it was the thread that is gone, the next look says so */
	return 0;
}

/* Waits for the thread's end. */
static int await(struct twz_id thread, uint64_t timeout_ns, int *status)
{
	uint64_t now = twz_rt_time_ns(), end = timeout_ns > ~now ? ~0ull : now + timeout_ns;
	uint32_t interrupts = console_interrupts();
	struct twz_thread seen;
	bool console = true;
	int error;

	while (!(error = look(thread, &seen)) && seen.state != TWZ_THREAD_ENDED) {
		error = sleep_until(thread, seen.state, interrupts, end, &console);
		if (error == TWZ_E_TIMEOUT) {
			SYS(thread_kill, ID(thread), STATUS_TIMEOUT);
			end = ~0ull;
		} else if (error) {
			return error;
		} else if (console_interrupts() != interrupts) {
			interrupts = console_interrupts();
			if (!takes_interrupts(seen.view))
				SYS(thread_kill, ID(thread), STATUS_INTERRUPTED);
		}
	}
	if (!error)
		*status = (int)seen.status;
	return error;
}

static int run(const struct twz_rt_program *program, int *status)
{
	const struct twz_boot_entry *entry = program_find(program->argv[0]);
	struct twz_id thread;
	int error;

	if (!entry)
		return TWZ_E_NOTFOUND;
	error = program_start(entry, program, &thread);
	if (error == TWZ_E_VERSION) {
		*status = STATUS_REFUSED; /* it was said */
		return 0;
	}
	if (error)
		return error;
	console_own_interrupts(true);
	error = await(thread, program->timeout_ns, status);
	console_own_interrupts(false);
	twz_rt_delete(thread);
	return error;
}

int twz_rt_run(const char *const argv[], uint64_t timeout_ns, int *status)
{
	return run(&(struct twz_rt_program){.argv = argv, .timeout_ns = timeout_ns}, status);
}

/* ---- in another context -------------------------------------------------------------------------- */

/*
 * The context gets the console, as far as the caller has it. *given: it had not, and it is to be taken back:
 * programs of that context that run beside this one lose it with it.
 */
static int give_console(struct twz_id context, bool *given)
{
	const uint32_t perms = TWZ_READ | TWZ_USE;
	struct twz_rt_answer answer;
	int error = twz_rt_explain(minimal.sys.console, context, &answer);

	*given = false;
	if ((!error && !(perms & ~answer.effective)) || twz_rt_may(minimal.sys.console, perms))
		return 0;
	error = twz_rt_grant(minimal.sys.console, context, perms);
	*given = !error;
	return error;
}

static bool same(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

int twz_rt_run_as(const struct twz_rt_program *program, int *status)
{
	const uint32_t known = TWZ_RUN_UNDETACHABLE | TWZ_RUN_NO_CONSOLE;
	const struct twz_id none = {0, 0};
	bool given = false;
	int error = 0;

	if (program->reserved || program->flags & ~known ||
	    (program->flags && same(program->context, none)))
		return TWZ_E_ARG;
	if (same(program->context, none))
		return run(program, status);
	if (same(minimal.sys.context, none))
		return TWZ_E_ABSENT; /* grants are for contexts: who runs it could not wait for it */
	if (!(program->flags & TWZ_RUN_NO_CONSOLE))
		error = give_console(program->context, &given);
	if (!error)
		error = run(program, status);
	if (given)
		twz_rt_grant(minimal.sys.console, program->context, 0);
	return error;
}

/* ---- which there are ------------------------------------------------------------------------------ */

#define LIST_MAX 1024u /* names that are listed; more can be run */

static void list(const char **names)
{
	const struct twz_boot *boot = program_boot();
	uint32_t n = 0;

	for (uint32_t i = 1; i < boot->count && n < LIST_MAX; i++) {
		const char *name = boot->entry[i].name;
		uint32_t at = n++;

		for (; at && strcmp(names[at - 1], name) > 0; at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

const char *const *twz_rt_programs(void)
{
	static const char *names[LIST_MAX + 1];
	static uint32_t made; /* 0 not yet, 1 somebody is at it, 2 done */
	uint32_t seen = 0;

	if (__atomic_compare_exchange_n(&made, &seen, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		list(names);
		__atomic_store_n(&made, 2, __ATOMIC_RELEASE);
		twz_rt_wake(&made, ~0u);
	}
	while (__atomic_load_n(&made, __ATOMIC_ACQUIRE) == 1)
		twz_rt_wait(&made, 1, ~0ull);
	return names;
}
