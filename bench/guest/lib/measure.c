/* measure.c - what the programs of the kernel's bench share (measure.h). */
#include "bench/guest/lib/measure.h"

#define STACK_BYTES 16384u
#define THREADS_MAX 32u

int64_t must(int64_t result, const char *what)
{
	if (result >= 0)
		return result;
	twz_warn("%s: %s: %s\n", minimal.name, what, twz_error_text((int)result));
	twz_rt_exit(1);
}

static void nothing(unsigned i)
{
	(void)i;
}

/* Sorted, smallest first, in *took. */
static void repeat(void (*before)(unsigned i), void (*fn)(unsigned i), unsigned repeats,
		   uint64_t took[REPEATS])
{
	for (unsigned i = 0; i < WARM; i++) {
		before(i);
		fn(i);
	}
	for (unsigned i = 0; i < repeats; i++) {
		uint64_t start, value;
		unsigned place = i;

		before(WARM + i);
		start = now();
		fn(WARM + i);
		value = now() - start;
		for (; place && took[place - 1] > value; place--)
			took[place] = took[place - 1];
		took[place] = value;
	}
}

struct spread measure_after(void (*before)(unsigned i), void (*fn)(unsigned i), unsigned repeats)
{
	uint64_t took[REPEATS], around;

	repeat(nothing, nothing, repeats, took);
	around = took[repeats / 2];
	repeat(before, fn, repeats, took);
	return (struct spread){.median = took[repeats / 2] - around,
			       .most = took[repeats - 1] - around};
}

struct spread measure(void (*fn)(unsigned i), unsigned repeats)
{
	return measure_after(nothing, fn, repeats);
}

void figure(const char *name, uint64_t value)
{
	twz_print("figure %s %llu\n", name, (unsigned long long)value);
}

struct twz_sys_usage usage_now(void)
{
	struct twz_sys_usage usage;

	must(SYS(usage, &usage), "usage");
	return usage;
}

struct twz_id object_new(uint32_t type, uint32_t flags, uint64_t pages)
{
	struct twz_sys_new new = {.type = type,
				  .perms = OBJECT_PERMS,
				  .flags = flags,
				  .page = DATA_PAGE,
				  .npages = pages};
	struct twz_id id;

	if (flags & TWZ_OBJECT_VOLATILE) {
		new.tie = minimal.sys.thread;
		new.tie_flags = TWZ_TIE_SCOPED;
	}
	must(SYS(object_new, &new, &id), "a new object");
	return id;
}

struct twz_id view_new(uint32_t shared_slot, struct twz_id shared)
{
	struct twz_id id = object_new(TWZ_TYPE_VIEW, TWZ_OBJECT_VOLATILE, 2);
	struct twz_view *view = window_open(id, READ_WRITE);
	const struct twz_view_slot *own = view_own()->slot;

	view->magic = TWZ_VIEW_MAGIC;
	view->version = 1;
	for (uint32_t slot = TWZ_SLOT_TEXT; slot <= TWZ_SLOT_DATA; slot++)
		view_enter(view, slot, own[slot].id, own[slot].epoch, own[slot].rights);
	view_enter(view, shared_slot, shared, minimal.sys.epoch, READ_WRITE);
	window_close();
	return id;
}

void thread_start_on(void *stack, uint64_t bytes, void (*fn)(uint64_t arg), uint64_t arg,
		     struct twz_id view, struct twz_id context)
{
	const struct twz_sys_thread new = {.view = view,
					   .context = context,
					   .entry = (uint64_t)fn,
					   .stack = (uint64_t)stack + bytes -
						    sizeof(uint64_t), /* as after a call */
					   .arg = arg,
					   .flags = TWZ_THREAD_SAME,
					   .name = "partner"};
	struct twz_id id;

	must(SYS(thread_new, &new, &id), "a thread");
}

void thread_start(void (*fn)(uint64_t arg), uint64_t arg, struct twz_id view, struct twz_id context)
{
	static _Alignas(16) uint8_t stack[THREADS_MAX][STACK_BYTES];
	static uint32_t n;

	if (n == THREADS_MAX)
		must(TWZ_E_LIMIT, "a thread");
	thread_start_on(stack[n++], STACK_BYTES, fn, arg, view, context);
}
