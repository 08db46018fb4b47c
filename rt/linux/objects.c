/* objects.c - the runtime's calls on objects: core/store.h under the store's lock. */
#include "abi/object.h"
#include "core/pmem.h"
#include "rt/linux/home.h"
#include "rt/linux/lease.h"
#include "rt/linux/slots.h"

#define DRAIN_STEPS 16 /* of what was deleted, freed with each delete */

/* Threads and devices are the runtime's to make, here as in the kernel. */
static bool type_good(uint32_t type)
{
	return type < TWZ_TYPE_DEVICE && type != TWZ_TYPE_THREAD;
}

static bool flags_good(const struct twz_rt_new *new)
{
	const uint32_t flags = new->flags;
	const uint32_t known =
		TWZ_NEW_ENDING | TWZ_NEW_VOLATILE | TWZ_NEW_TIED | TWZ_NEW_TIE_ENDING;

	return !(flags & ~known) && (flags & TWZ_NEW_TIED ? (new->tie.lo | new->tie.hi) != 0
							  : !(flags & TWZ_NEW_TIE_ENDING));
}

/* What it is tied to from the start; home_lock held. */
static int tied_to(const struct twz_rt_new *new, struct store_new *what)
{
	const uint32_t flags = new->flags;

	if (flags & TWZ_NEW_TIED) {
		what->tie_flags = flags & TWZ_NEW_TIE_ENDING ? TWZ_TIE_ENDING : 0;
		return store_find(&home.store, new->tie, &what->tie);
	}
	if (!(flags & TWZ_NEW_VOLATILE))
		return 0;
	what->tie_flags = TWZ_TIE_HOLD; /* SCOPED (tie.c) */
	return self_need(&what->tie);
}

int twz_rt_create(const struct twz_rt_new *new, struct twz_id *id)
{
	const uint32_t ending = TWZ_NEW_ENDING | TWZ_NEW_VOLATILE;
	struct store_new what = {.type = new->type,
				 .perms = new->perms,
				 .key = new->key,
				 .ending = new->flags &ending,
				 .page = new->page,
				 .npages = new->npages};
	uint64_t ref;
	int error;

	if (!type_good(new->type) || !flags_good(new))
		return TWZ_E_ARG;
	home_lock();
	error = tied_to(new, &what);
	if (!error)
		error = store_create(&home.store, &what, &ref);
	if (!error)
		*id = store_record(&home.store, ref)->id;
	home_unlock();
	return error;
}

int twz_rt_keep(struct twz_id id)
{
	uint64_t ref;
	int error;

	home_lock();
	error = store_find(&home.store, id, &ref);
	if (!error)
		error = store_keep(&home.store, ref);
	home_unlock();
	return error;
}

int twz_rt_delete(struct twz_id id)
{
	uint64_t ref;
	int error;

	home_lock();
	error = store_find(&home.store, id, &ref);
	if (!error && store_record(&home.store, ref)->nties)
		error = tie_end_scope(ref);
	if (!error) {
		slots_reset_object(id);
		error = store_delete(&home.store, ref);
	}
	if (!error)
		store_drain(&home.store, DRAIN_STEPS); /* what it cannot free now, it will later */
	home_unlock();
	return error;
}

int twz_rt_set_root(struct twz_id id)
{
	uint64_t ref;
	int error;

	home_lock();
	/* Two that find none at the same time must not both make one: names would be lost. */
	error = store_find(&home.store, home.store.super->root, &ref) == TWZ_E_NOTFOUND
			? store_set_name(&home.store, STORE_ROOT, id)
			: TWZ_E_EXISTS;
	home_unlock();
	return error;
}

/*
 * The object for a change of its pages: in no transaction. Nobody can lock it once nobody can write to it, but
 * by a fault, which waits for the store's lock.
 */
static int find_quiet(struct twz_id id, uint64_t *ref)
{
	const struct twz_meta *meta;
	int error = home_find(id, ref);

	if (!error)
		error = lease_recall(*ref, TWZ_LEASE_WRITE);
	if (error)
		return error;
	meta = store_page(&home.store, *ref, TWZ_OBJ_META / TWZ_PAGE);
	if (meta && meta->log.lock) {
		if (owner_alive(meta->log.lock))
			return TWZ_E_BUSY;
		error = store_settle(&home.store, *ref);
	}
	return error;
}

int twz_rt_copy(struct twz_id dst, uint64_t dst_page, struct twz_id src, uint64_t src_page,
		uint64_t pages)
{
	uint64_t from, to;
	int error;

	home_lock();
	error = find_quiet(src, &from);
	if (!error)
		error = find_quiet(dst, &to);
	if (!error)
		error = store_copy(&home.store, to, dst_page, from, src_page, pages);
	home_unlock();
	return error;
}

int twz_rt_same(struct twz_id a, uint64_t a_page, struct twz_id b, uint64_t b_page, uint64_t pages,
		struct twz_rt_shared *shared)
{
	struct store_place left = {.page = a_page}, right = {.page = b_page};
	struct store_shared same = {0};
	int error;

	home_lock();
	error = home_find(a, &left.ref);
	if (!error)
		error = home_find(b, &right.ref);
	if (!error)
		error = store_same(&home.store, left, right, pages, &same);
	home_unlock();
	*shared = (struct twz_rt_shared){same.pages, same.present};
	return error;
}

/* The digests; then, with a page given, the part that holds it. */
static int verify(struct twz_id id, const uint64_t *page, uint64_t *next)
{
	uint64_t ref;
	int error;

	home_lock();
	error = home_find(id, &ref);
	if (!error)
		error = page ? store_verify_part(&home.store, ref, *page, next)
			     : store_verify_digests(&home.store, ref);
	home_unlock();
	return error;
}

int twz_rt_verify(struct twz_id id, uint64_t page, uint64_t pages)
{
	struct twz_rt_stat stat;
	int error = verify(id, NULL, NULL);
	uint64_t end;

	if (!error)
		error = twz_rt_stat(id, &stat);
	if (error)
		return error;
	end = (TWZ_OBJ_DATA + stat.identity.size + TWZ_PAGE - 1) / TWZ_PAGE;
	if (page >= end)
		return TWZ_E_RANGE;
	if (pages < end - page)
		end = page + pages;
	while (!error && page < end)
		error = verify(id, &page, &page);
	return error;
}

int twz_rt_drop(struct twz_id id, uint64_t page, uint64_t pages)
{
	uint64_t ref;
	int error;

	home_lock();
	error = find_quiet(id, &ref);
	if (!error)
		error = store_drop(&home.store, ref, page, pages);
	home_unlock();
	return error;
}

int twz_rt_limit(struct twz_id id, uint64_t page, uint64_t pages, uint32_t limit)
{
	uint64_t ref;
	int error;

	home_lock();
	error = find_quiet(id, &ref);
	if (!error)
		error = store_limit(&home.store, ref, page, pages, limit);
	home_unlock();
	return error;
}

int twz_rt_seal(struct twz_id src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id)
{
	uint64_t from, ref;
	int error;

	if (!type_good(type))
		return TWZ_E_ARG;
	home_lock();
	error = find_quiet(src, &from);
	if (!error)
		error = store_seal(&home.store, from, size, type, perms, (struct twz_id){0}, &ref);
	if (!error)
		*id = store_record(&home.store, ref)->id;
	home_unlock();
	return error;
}

int twz_rt_stat(struct twz_id id, struct twz_rt_stat *stat)
{
	const struct twz_record *rec;
	uint64_t ref;
	int error;

	home_lock();
	error = store_find(&home.store, id, &ref);
	if (!error) {
		rec = store_record(&home.store, ref);
		*stat = (struct twz_rt_stat){.id = id,
					     .identity = rec->identity,
					     .npages = rec->npages,
					     .end_epoch = rec->end_epoch};
	}
	home_unlock();
	return error;
}

int twz_rt_sync(struct twz_id id)
{
	struct store_run run = {0};
	uint64_t ref, left = 0; /* pages that were not flushed yet */
	int error;

	home_lock();
	error = home_find(id, &ref);
	if (!error)
		left = store_record(&home.store, ref)->npages;
	while (!error && left) {
		uint64_t page = run.page + run.pages;

		error = store_run(&home.store, ref, page, STORE_PAGES_MAX - page, &run);
		if (error || !run.frame)
			continue;
		pmem_flush("sync", home.image.base + run.frame * TWZ_PAGE, run.pages * TWZ_PAGE);
		left -= run.pages < left ? run.pages : left;
	}
	pmem_fence("sync");
	home_unlock();
	return error;
}

int twz_rt_settle(struct twz_id id)
{
	uint64_t ref;
	int error;

	home_lock();
	error = find_quiet(id, &ref);
	home_unlock();
	return error;
}

int twz_rt_usage(struct twz_rt_usage *usage)
{
	struct store_usage u;

	home_lock();
	store_usage(&home.store, &u);
	*usage = (struct twz_rt_usage){
		.pages = u.frames, .used = u.used, .objects = u.objects, .epoch = home.info.epoch};
	home_unlock();
	return 0;
}

void twz_rt_flush(const void *addr, uint64_t bytes)
{
	pmem_flush("program", addr, bytes);
}

void twz_rt_fence(void)
{
	pmem_fence("program");
}
