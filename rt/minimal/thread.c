/* thread.c - threads of a program, and control of threads (thread.h). */
#include <string.h>

#include "rt/minimal/sys.h"
#include "rt/minimal/thread.h"
#include "rt/minimal/view.h"

#define STATUS_SIGNAL 128

enum { FREE, TAKEN, STARTED, AWAITED };

/* A region and whose it is; one after the other of the same index. */
static struct started {
	uint32_t state;
	struct twz_id id;
	int (*run)(void *arg);
	void *arg;
} started[TWZ_THREADS];

static twz_signal_handler signal_handler;
static void *signal_arg;

void fault_entry(void); /* entry.S */

/* ---- starting -------------------------------------------------------------------------------------- */

static uint64_t region_of(const struct started *s)
{
	return THREAD_REGIONS + (uint64_t)(s - started) * THREAD_REGION;
}

/* entry.S's way of faults needs a stack that the thread does not run on. */
static _Noreturn void begin(struct started *s)
{
	const uint64_t top = region_of(s) + TWZ_PAGE + THREAD_FAULT_STACK;
	int status;

	if (SYS(thread_handler, fault_entry, top, THREAD_FAULT_STACK))
		die(125, "the kernel takes no fault handler for a thread");
	status = s->run(s->arg);
	for (;;)
		SYS(thread_exit, status, false);
}

static bool change(struct started *s, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&s->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static struct twz_id stacks(void)
{
	return minimal.rt.view[TWZ_SLOT_STACK].id;
}

/* The page at this address cannot be touched, until it is dropped. */
static int guard(uint64_t address)
{
	return twz_rt_limit(stacks(), address % TWZ_SLOT_SIZE / TWZ_PAGE, 1,
			    TWZ_READ | TWZ_WRITE | TWZ_EXEC);
}

/* Nobody runs on it. */
static void give_back(struct started *s)
{
	twz_rt_drop(stacks(), region_of(s) % TWZ_SLOT_SIZE / TWZ_PAGE, THREAD_REGION / TWZ_PAGE);
	__atomic_store_n(&s->state, FREE, __ATOMIC_RELEASE);
}

static int start_in(struct started *s, const char *name)
{
	struct twz_sys_thread new = {.entry = (uint64_t)begin,
				     .stack = region_of(s) + THREAD_REGION -
					      sizeof(uint64_t), /* as after a call */
				     .arg = (uint64_t)s,
				     .flags = TWZ_THREAD_SAME};
	int error = guard(region_of(s));

	if (!error)
		error = guard(region_of(s) + TWZ_PAGE + THREAD_FAULT_STACK);
	memcpy(new.name, name, strnlen(name, TWZ_THREAD_NAME - 1));
	return error ? error : (int)SYS(thread_new, &new, &s->id);
}

int twz_rt_thread_start(int (*run)(void *arg), void *arg, const char *name, struct twz_id *thread)
{
	struct started *s = started;
	int error;

	while (s < started + TWZ_THREADS && !change(s, FREE, TAKEN))
		s++;
	if (s == started + TWZ_THREADS)
		return TWZ_E_LIMIT;
	s->run = run;
	s->arg = arg;
	error = start_in(s, name);
	if (error) {
		give_back(s);
		return error;
	}
	*thread = s->id;
	__atomic_store_n(&s->state, STARTED, __ATOMIC_RELEASE);
	return 0;
}

/* ---- waiting --------------------------------------------------------------------------------------- */

static void forget(struct twz_id id)
{
	for (struct started *s = started; s < started + TWZ_THREADS; s++) {
		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != STARTED || s->id.lo != id.lo ||
		    s->id.hi != id.hi || !change(s, STARTED, AWAITED))
			continue;
		twz_rt_delete(id);
		give_back(s);
	}
}

int twz_rt_thread_wait(struct twz_id id, uint64_t timeout_ns, int *status)
{
	uint64_t now = twz_rt_time_ns(), end = timeout_ns > ~now ? ~0ull : now + timeout_ns;
	struct twz_sys_sync op = {.id = id,
				  .address = TWZ_OBJ_DATA + offsetof(struct twz_thread, state)};
	struct twz_thread seen;
	struct twz_rt_stat stat;
	int error = twz_rt_stat(id, &stat);

	if (!error && stat.identity.type != TWZ_TYPE_THREAD)
		error = TWZ_E_TYPE;
	while (!error && !(error = window_read(id, 0, &seen, sizeof(seen)))) {
		if (seen.state == TWZ_THREAD_ENDED) {
			*status = (int)seen.status;
			forget(id);
			return 0;
		}
		if (seen.number == (uint32_t)SYS(self, 0))
			return TWZ_E_BUSY;
		op.value = seen.state;
		now = twz_rt_time_ns();
		error = (int)SYS(thread_sync, &op, 1,
				 end == ~0ull ? end
				 : now < end  ? end - now
					      : 0);
		if (error == TWZ_E_INTERRUPTED)
			error = 0;
	}
	return error;
}

/* ---- control --------------------------------------------------------------------------------------- */

int twz_rt_thread_end(struct twz_id thread, int status)
{
	return (int)SYS(thread_kill, ID(thread), (uint32_t)status);
}

int twz_rt_thread_suspend(struct twz_id thread, bool on)
{
	return (int)SYS(thread_suspend, ID(thread), on);
}

int twz_rt_thread_registers(struct twz_id thread, struct twz_registers *registers)
{
	return (int)SYS(thread_registers, ID(thread), registers);
}

int twz_rt_thread_signal(struct twz_id thread, uint32_t number)
{
	return (int)SYS(thread_signal, ID(thread), number);
}

int twz_rt_thread_priority(struct twz_id thread, uint32_t priority)
{
	int error = (int)SYS(thread_priority, ID(thread), priority);

	/* That there is a machine, whose right is missing, is known to all. */
	if (error == TWZ_E_NOTFOUND && priority > TWZ_PRIORITY_NORMAL &&
	    twz_rt_may(minimal.sys.machine, TWZ_USE))
		return TWZ_E_RIGHT;
	return error;
}

int twz_rt_on_signal(twz_signal_handler handler, void *arg)
{
	signal_arg = arg;
	__atomic_store_n(&signal_handler, handler, __ATOMIC_RELEASE);
	return 0;
}

void thread_signalled(uint32_t number)
{
	twz_signal_handler handler = __atomic_load_n(&signal_handler, __ATOMIC_ACQUIRE);

	if (handler)
		handler(number, signal_arg);
	else
		exit_because(STATUS_SIGNAL + (int)number, TWZ_FAULT_SIGNAL + number);
}
