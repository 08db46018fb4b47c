/* view.c - entries and the window (view.h). */
#include "core/probe.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

static uint32_t window; /* its lock. 0 free, 1 held, 2 held and somebody waits */

void view_enter(struct twz_view *view, uint32_t slot, struct twz_id id, uint64_t epoch,
		uint32_t rights)
{
	struct twz_view_slot *entry = &view->slot[slot];
	uint32_t seq = entry->seq & ~1u; /* of a view that was brought back it may be odd */

	__atomic_store_n(&entry->seq, seq + 1, __ATOMIC_RELAXED);
	/* None of these stores is done before the one above it. */
	__atomic_store_n(&entry->id.lo, id.lo, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->id.hi, id.hi, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->epoch, epoch, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->rights, rights, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->seq, seq + 2, __ATOMIC_RELEASE);
}

static void show(struct twz_id id, uint32_t rights)
{
	view_enter(view_own(), TWZ_SLOT_WINDOW, id, minimal.sys.epoch, rights);
	SYS(view_invalidate, TWZ_SLOT_WINDOW, 1);
}

void *window_open(struct twz_id id, uint32_t rights)
{
	uint32_t seen = 0;

	if (!__atomic_compare_exchange_n(&window, &seen, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		while (__atomic_exchange_n(&window, 2, __ATOMIC_ACQUIRE))
			twz_rt_wait(&window, 2, ~0ull);
	show(id, rights);
	return (void *)TWZ_SLOT_DATA_AT(TWZ_SLOT_WINDOW);
}

void window_close(void)
{
	show((struct twz_id){0}, 0);
	if (__atomic_exchange_n(&window, 0, __ATOMIC_RELEASE) == 2)
		twz_rt_wake(&window, 1);
}

/* The fix-up is of the kind that core's probes have: fault.c asks for it. */
bool view_load(const uint32_t *from, uint32_t *word)
{
	uint32_t value = 0;

	__asm__ volatile goto("1:\tmovl %1, %0\n\t"
			      ".pushsection twz_fixup, \"a\"\n\t"
			      ".balign 4\n\t"
			      ".long 1b - .\n\t"
			      ".long %l[fail] - .\n\t"
			      ".popsection"
			      : "=r"(value)
			      : "m"(*(volatile const uint32_t *)from)
			      : "memory"
			      : fail);
	*word = value;
	return true;
fail:
	return false;
}

int window_read(struct twz_id id, uint64_t offset, void *out, uint64_t bytes)
{
	const uint8_t *data = window_open(id, TWZ_VIEW_READ);
	bool copied = probe_copy(out, data + offset, bytes);

	window_close();
	return copied ? 0 : TWZ_E_NOTFOUND;
}
