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

/* Waits for the thread's end. */
static int await(struct twz_id thread, uint64_t timeout_ns, int *status)
{
	uint64_t now = twz_rt_time_ns(), end = timeout_ns > ~now ? ~0ull : now + timeout_ns;
	uint32_t interrupts = console_interrupts();
	struct twz_thread seen;
	int error;

	while (!(error = look(thread, &seen)) && seen.state != TWZ_THREAD_ENDED) {
		struct twz_sys_sync ops[] = {
			{.id = thread,
			 .address = TWZ_OBJ_DATA + offsetof(struct twz_thread, state),
			 .value = seen.state},
			{.id = minimal.sys.console,
			 .address = TWZ_OBJ_DATA + offsetof(struct twz_console, interrupts),
			 .value = interrupts},
		};
		int64_t result;

		now = twz_rt_time_ns();
		result = SYS(thread_sync, ops, 2, end == ~0ull ? end : now < end ? end - now : 0);
		if (result == TWZ_E_TIMEOUT) {
			SYS(thread_kill, ID(thread), STATUS_TIMEOUT);
			end = ~0ull;
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

int twz_rt_run(const char *const argv[], uint64_t timeout_ns, int *status)
{
	const struct twz_boot_entry *entry = program_find(argv[0]);
	struct twz_id thread;
	int error;

	if (!entry)
		return TWZ_E_NOTFOUND;
	error = program_start(entry, argv, &thread);
	if (error == TWZ_E_VERSION) {
		*status = STATUS_REFUSED; /* it was said */
		return 0;
	}
	if (error)
		return error;
	console_own_interrupts(true);
	error = await(thread, timeout_ns, status);
	console_own_interrupts(false);
	twz_rt_delete(thread);
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
