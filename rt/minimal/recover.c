/*
 * recover.c - a program that is brought back at every boot.
 *
 * Its view becomes a lasting object, from which init makes it go on (program_recover). The image goes
 * into the store, under the ID that it has in the boot archive: so the view's addresses mean the
 * same when the archive has changed. Entry and arg are changed by a transaction on the view.
 *
 * Entries of the view that are written later are durable at some time, like any store: one that a
 * crash left in half names no object, and its slot is free then.
 */
#include <string.h>

#include "core/tx.h"
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

static uint32_t lock; /* 1: held */

static void take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		twz_rt_wait(&lock, 1, ~0ull);
}

static void give(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	twz_rt_wake(&lock, ~0u);
}

/* The image is in the store, as the object that the view names. */
static int keep_image(struct twz_id image)
{
	struct twz_rt_stat stat;
	struct twz_id id;
	int error = twz_rt_stat(image, &stat);

	return error ? error
		     : twz_rt_seal(image, stat.identity.size, stat.identity.type,
				   stat.identity.perms, &id);
}

/* Header and entries of the own view, to the one in the window. */
static int copy_view(struct twz_view *to, struct twz_id id, bool lasts)
{
	const struct twz_view *from = view_own();
	uint64_t epoch = lasts ? 0 : minimal.sys.epoch;
	int error = twz_rt_touch(to, offsetof(struct twz_view, slot));

	if (error)
		return error;
	memcpy(to, from, offsetof(struct twz_view, slot));
	for (uint32_t slot = 0; slot < VIEW_ENTRIES; slot++) {
		const struct twz_view_slot *entry = &from->slot[slot];

		if (slot == TWZ_SLOT_WINDOW || !(entry->id.lo | entry->id.hi))
			continue;
		error = twz_rt_touch(&to->slot[slot], sizeof(*entry));
		if (error)
			return error;
		/* Objects' own entries have no epoch: one that is gone is not found. */
		view_enter(to, slot, entry->id, slot == TWZ_SLOT_TEXT ? epoch : entry->epoch,
			   entry->rights);
	}
	view_enter(to, TWZ_SLOT_VIEW, id, epoch, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	return 0;
}

/* Fills the new view; a lasting one is registered. */
static int fill_view(struct twz_id id, bool lasts, uint64_t entry, uint64_t arg)
{
	struct twz_view *view = window_open(id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	int error = copy_view(view, id, lasts);

	if (!error) {
		view->recovery_entry = entry;
		view->recovery_arg = arg;
	}
	window_close();
	if (error || !lasts)
		return error;
	error = twz_rt_sync(id);
	if (!error)
		error = twz_rt_keep(id);
	return error ? error : (int)SYS(view_register, ID(id), true);
}

/* This program goes on in a new view like the one that it has, which is deleted. */
static int move(bool lasts, uint64_t entry, uint64_t arg)
{
	struct twz_sys_new new = {.type = TWZ_TYPE_VIEW,
				  .perms = owner_perms(),
				  .key = minimal.sys.key,
				  .flags = TWZ_OBJECT_ENDING};
	struct twz_id before = minimal.sys.view, id;
	int error;

	if (!lasts) {
		new.flags = TWZ_OBJECT_VOLATILE;
		new.tie = minimal.sys.thread;
		new.tie_flags = TWZ_TIE_SCOPED;
	}
	error = (int)SYS(object_new, &new, &id);
	if (error)
		return error;
	error = fill_view(id, lasts, entry, arg);
	if (!error)
		error = (int)SYS(view_become, ID(id));
	if (error) {
		twz_rt_delete(id);
		return error;
	}
	minimal.sys.view = id;
	return twz_rt_delete(before);
}

/* Is the view that this program is in a lasting one? */
static int look(bool *lasts)
{
	struct twz_rt_stat stat;
	int error = twz_rt_stat(minimal.sys.view, &stat);

	*lasts = !error && !stat.end_epoch;
	return error;
}

/* Another entry for the view that it has; what was mapped since is durable too. */
static int change(uint64_t entry, uint64_t arg)
{
	struct twz_view *view = view_own();
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	twz_tx_set(&tx, &view->recovery_entry, entry);
	twz_tx_set(&tx, &view->recovery_arg, arg);
	error = twz_tx_commit(&tx);
	return error ? error : twz_rt_sync(minimal.sys.view);
}

static int enter(uint64_t entry, uint64_t arg)
{
	bool lasts;
	int error = look(&lasts);

	if (error)
		return error;
	if (lasts)
		return change(entry, arg);
	error = keep_image(view_own()->slot[TWZ_SLOT_TEXT].id);
	return error ? error : move(true, entry, arg);
}

int twz_rt_register(void (*entry)(uint64_t arg), uint64_t arg)
{
	int error;

	twz_rt_info();
	error = of_machine(twz_rt_may(minimal.sys.machine, TWZ_USE));
	if (error)
		return error;
	take();
	error = enter((uint64_t)entry, arg);
	give();
	return error;
}

static int leave(void)
{
	bool lasts;
	int error = look(&lasts);

	return error || !lasts ? error : move(false, 0, 0); /* a deleted view is not registered */
}

int twz_rt_unregister(void)
{
	int error;

	take();
	error = leave();
	give();
	return error;
}

bool twz_rt_recovered(void)
{
	return minimal.recovered;
}
