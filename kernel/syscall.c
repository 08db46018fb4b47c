/*
 * syscall.c - the system calls (abi/syscall.h), one function each, and their table. Those on objects
 * and threads are in syscall_object.c and syscall_thread.c.
 *
 * Each checks all that it is given on its own copy, then the rights (object_get), and only then
 * changes something. docs/syscalls.md says which right each needs.
 */
#include "abi/rt.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/boot.h"
#include "kernel/console.h"
#include "kernel/ram.h"
#include "kernel/heap.h"
#include "kernel/lock.h"
#include "kernel/nvm.h"
#include "kernel/random.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/syscall.h"
#include "kernel/verify.h"
#include "kernel/view.h"

#define RANDOM_MAX 4096u  /* bytes of one call */
#define CONSOLE_MAX 4096u /* the same; the rest in the next one */

int syscall_may(struct thread *t, struct twz_id id, uint32_t want)
{
	struct object *o;
	int error = object_get(t, id, want, &o);

	if (!error)
		object_release(o);
	return error;
}

/* ---- the machine --------------------------------------------------------------------------------- */

int64_t sys_self(struct thread *t, struct regs *r)
{
	(void)r;
	return t->number;
}

int64_t sys_info(struct thread *t, struct regs *r)
{
	struct twz_sys_info info = {.version = TWZ_SYS_VERSION,
				    .processors = ncpus,
				    .number = t->number,
				    .owner = t->owner->number,
				    .epoch = nvm_epoch,
				    .cycles_per_s = machine.cycles_per_s,
				    .thread = t->object->id,
				    .view = t->view->object->id,
				    .console = console_id(),
				    .boot = boot_id(),
				    .machine = machine_id(),
				    .key = subject_key(t->subject)};

	if (subject_active(t->subject))
		info.context = subject_active(t->subject)->object->id;
	nvm_root((struct twz_id){0}, false, &info.root);
	return user_write(A0(r), &info, sizeof(info));
}

int64_t sys_usage(struct thread *t, struct regs *r)
{
	struct twz_sys_usage usage = {0};
	struct store_usage store;

	(void)t;
	if (object_reap())
		return SYSCALL_AGAIN; /* what is to be freed does not count */
	nvm_usage(&store);
	usage.frames = ram_total;
	usage.frames_used = ram_used - objects_cached_tables;
	usage.tables = tables_used - objects_cached_tables;
	usage.heap_bytes = heap_bytes;
	usage.objects = objects_known - objects_cached;
	usage.views = views_used;
	usage.threads = threads_alive;
	usage.sleeping = threads_asleep - verify_asleep();
	usage.store_frames = store.frames;
	usage.store_used = store.used;
	usage.store_objects = store.objects;
	for (unsigned i = 0; i < ncpus; i++) {
		usage.calls += cpus[i].calls;
		usage.faults += cpus[i].faults;
		usage.upcalls += cpus[i].upcalls;
		usage.switches += cpus[i].switches;
	}
	usage.shootdowns = shootdowns;
	usage.shootdown_ipis = shootdown_ipis;
	usage.shootdown_cycles = shootdown_cycles;
	usage.tables_reclaimed = objects_reclaimed;
	usage.boot_cycles = boot_cycles;
	usage.entry_cycles = machine.entry_cycles;
#if TWZ_KERNEL_CHECK
	usage.longest_stretch = lock_longest;
#endif
	return user_write(A0(r), &usage, sizeof(usage));
}

int64_t sys_clock(struct thread *t, struct regs *r)
{
	(void)t, (void)r;
	return (int64_t)clock_wall_ns();
}

int64_t sys_random(struct thread *t, struct regs *r)
{
	uint8_t bytes[256];

	(void)t;
	if (A1(r) > RANDOM_MAX)
		return TWZ_E_ARG;
	while (A1(r)) {
		uint64_t n = A1(r) < sizeof(bytes) ? A1(r) : sizeof(bytes);
		int error;

		random_bytes(bytes, n);
		error = user_write(A0(r), bytes, n);
		if (error)
			return error;
		A0(r) += n;
		A1(r) -= n;
	}
	return 0;
}

int64_t sys_power(struct thread *t, struct regs *r)
{
	int error = syscall_may(t, machine_id(), TWZ_USE);

	if (error)
		return error;
	if (A0(r) > TWZ_POWER_RESET || A1(r) > 255)
		return TWZ_E_ARG;
	if (A0(r) == TWZ_POWER_RESET)
		power_reset();
	host_tell(HOST_STATUS, (uint8_t)A1(r));
	power_off();
}

/* ---- views --------------------------------------------------------------------------------------- */

int64_t sys_view_invalidate(struct thread *t, struct regs *r)
{
	const uint32_t all = TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES;

	if (A0(r) >= all || A1(r) > all - A0(r))
		return TWZ_E_ARG;
	view_invalidate(t->view, (uint32_t)A0(r), (uint32_t)A1(r));
	return 0;
}

int64_t sys_view_become(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE, &o);

	if (error)
		return error;
	error = thread_change(t, o, t->subject);
	object_release(o);
	return error;
}

/* What is brought back at a boot runs as the system does: that is for who decides on the machine. */
int64_t sys_view_register(struct thread *t, struct regs *r)
{
	struct object *o;
	int error = object_get(t, id_argument(r), TWZ_USE | TWZ_WRITE, &o);

	if (error)
		return error;
	error = syscall_may(t, machine_id(), TWZ_USE);
	if (!error)
		error = A2(r) > 1                ? TWZ_E_ARG
			: !o->medium->persistent ? TWZ_E_TYPE
						 : nvm_view_register(o, A2(r));
	object_release(o);
	return error;
}

/* One that the caller has no right to is stepped over, and none is asked for what follows such. */
int64_t sys_view_next(struct thread *t, struct regs *r)
{
	struct twz_id id;
	int error = user_read(&id, A0(r), sizeof(id));

	if (!error && !none(id) && KSTEP("next-of-own"))
		error = syscall_may(t, id, 0);
	if (error)
		return error;
	do {
		error = nvm_view_next(&id);
		if (error)
			return error;
		error = syscall_may(t, id, 0);
	} while (error == TWZ_E_NOTFOUND && !right_waits());
	if (right_waits())
		return error;      /* it is done again, with the ID that the caller gave */
	return give_id(A0(r), id); /* after another error too: whoever brings it back says so */
}

/* ---- console ------------------------------------------------------------------------------------- */

int64_t sys_console_write(struct thread *t, struct regs *r)
{
	char text[CONSOLE_MAX];
	uint64_t n = A1(r) < sizeof(text) ? A1(r) : sizeof(text);
	int error = user_read(text, A0(r), n);

	if (!error)
		error = syscall_may(t, console_id(), TWZ_USE);
	if (error)
		return error;
	console_write(text, n);
	return (int64_t)n;
}

int64_t sys_console_read(struct thread *t, struct regs *r)
{
	char text[256];
	uint64_t n = console_look(text, A1(r) < sizeof(text) ? A1(r) : sizeof(text));
	int error = syscall_may(t, console_id(), TWZ_READ);

	if (!error)
		error = user_write(A0(r), text, n);
	if (error)
		return error;
	console_take(n);
	return (int64_t)n;
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define ENTRY(name, arguments) [TWZ_SYS_##name##_] = sys_##name,
const syscall_fn syscall_table[TWZ_SYS_COUNT] = {TWZ_SYSCALLS(ENTRY)};
