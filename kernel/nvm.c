/*
 * nvm.c - the medium NVM (nvm.h). What a leaf entry says of a persistent page follows from its record
 * and can be thrown away; all changes go through core/store.
 */
#include "abi/object.h"
#include "core/mem.h"
#include "core/pmem.h"
#include "kernel/ram.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/random.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define AROUND 16u      /* pages that a fault maps at most */
#define GROW_MAX 64u    /* pages that a store into a hole makes at most */
#define STEP_PAGES 512u /* of a copy that does not begin at a node */
#define STEP_ALIGNED 8192u
#define DRAIN_STEPS 1
#define CUT_STEPS 4

#define META_PAGE (TWZ_OBJ_META / TWZ_PAGE)
#define LOG_PAGE (TWZ_OBJ_LOG / TWZ_PAGE)
#define LOG_PAGES ((TWZ_OBJ_LOG_END - TWZ_OBJ_LOG) / TWZ_PAGE)

uint64_t nvm_epoch;
static struct store store;

/* A damaged store can lose one that was there: then it is as if it held nothing. */
static const struct twz_record *record_of(uint64_t ref)
{
	static const struct twz_record none;
	const struct twz_record *record = store_record(&store, ref);

	return record ? record : &none;
}

void nvm_init(void)
{
	int error;

	if (!machine.nvm.bytes) {
		klog("store: there is no NVDIMM");
		return;
	}
	pmem_use(pmem_probe());
	error = store_mount(&store, direct(machine.nvm.start), machine.nvm.bytes, random_bytes);
	if (error) {
		klog("store: the NVDIMM at %lx cannot be mounted: error %d", machine.nvm.start,
		     -error);
		return;
	}
	store.held = object_held;
	nvm_epoch = store.super->epoch;
	klog("store: %lu MiB, epoch %lu, %lu objects", store.nframes >> 8, nvm_epoch,
	     store.super->nobjects);
}

/* ---- faults -------------------------------------------------------------------------------------- */

static uint64_t frame_address(uint32_t frame)
{
	return machine.nvm.start + frame * TWZ_PAGE;
}

static bool sealed(const struct object *o)
{
	return KSTEP("sealed") && object_sealed(o);
}

/* The leaf entry of page `page` in this run. */
static uint64_t entry_of(const struct object *o, const struct store_run *run, uint64_t page)
{
	bool write = run->frame && !run->shared && !sealed(o) && !(run->limit & TWZ_WRITE);

	if (run->limit & TWZ_READ)
		return 0;
	return (run->frame ? frame_address(run->frame + (uint32_t)(page - run->page))
			   : ram_zeros | PTE_ZEROS) |
	       PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY | (write ? PTE_WRITE : 0) |
	       (run->limit & TWZ_EXEC ? PTE_NX : 0);
}

/* The run's entries, as far as they are in one leaf table. True: one that was there changed. */
static bool map(struct object *o, uint64_t *entry, const struct store_run *run, uint64_t page)
{
	uint64_t room = 512 - (page & 511), n = run->page + run->pages - page;
	bool changed = false;

	for (uint64_t i = 0; i < n && i < room && i < AROUND; i++) {
		uint64_t e = entry_of(o, run, page + i);

		changed |= entry[i] && entry[i] != e;
		entry[i] = e;
	}
	return changed;
}

/*
 * How many pages a store into a hole makes: about as many as there are, and not past the object, where it goes on
 * behind what is there; else one, as in a sparse object each store may be far from all others.
 */
static uint64_t growth(const struct object *o, const struct store_run *hole)
{
	uint64_t n = record_of(o->ref)->npages, room = OBJECT_PAGES - hole->page;
	struct store_run before;

	if (store_run(&store, o->ref, hole->page - 1, 1, &before) || !before.frame)
		return 1;
	n = n < 1 ? 1 : n > GROW_MAX ? GROW_MAX : n;
	n = n < hole->pages ? n : hole->pages;
	return n < room ? n : room;
}

static int make(struct object *o, uint64_t page, struct store_run *run)
{
	int error = TWZ_E_FULL;

	if (sealed(o))
		return TWZ_E_SEALED;
	if (!run->frame && growth(o, run) > 1)
		error = store_make(&store, o->ref, page, growth(o, run));
	if (error == TWZ_E_FULL || error == TWZ_E_LIMIT) /* then perhaps one */
		error = store_make(&store, o->ref, page, 1);
	return error ? error : store_run(&store, o->ref, page, AROUND, run);
}

static int nvm_fault(struct object *o, uint64_t page, uint64_t *entry, bool write)
{
	struct store_run run;
	int error;

	if (!entry)
		entry = table_walk(&o->tables, page, true);
	if (!entry)
		return TWZ_E_NOMEM;
	if (*entry & PTE_PRESENT && (!write || *entry & PTE_WRITE))
		return 0;
	error = store_run(&store, o->ref, page, write ? GROW_MAX : AROUND, &run);
	if (error)
		return error;
	if (KSTEP("limit-nvm") && run.limit & (write ? TWZ_WRITE | TWZ_READ : TWZ_READ))
		return TWZ_E_RIGHT;
	if (write && (!run.frame || run.shared || sealed(o))) {
		error = make(o, page, &run);
		if (error)
			return error;
	}
	if (map(o, entry, &run, page))
		object_shoot(o);
	return 0;
}

static void *nvm_look(struct object *o, uint64_t page)
{
	return store_page(&store, o->ref, page);
}

static uint64_t nvm_next(const struct object *o, uint64_t page, uint64_t end)
{
	struct store_run run;

	if (page < end && !store_run(&store, o->ref, page, end - page, &run) && !run.frame)
		return run.page + run.pages;
	return page;
}

static uint64_t nvm_npages(const struct object *o)
{
	return record_of(o->ref)->npages;
}

/* ---- changes of pages ---------------------------------------------------------------------------- */

/*
 * Leaf entries of the range go; whoever touches it has them made anew. To be done before the store
 * frees its frames, which then can be another object's or the store's own, or shares them.
 */
static void unmap(struct object *o, uint64_t page, uint64_t pages)
{
	uint64_t end = page + pages;

	while ((page = table_next(&o->tables, page, end)) < end) {
		*table_entry(&o->tables, page, false) = 0;
		page++;
	}
	object_shoot(o);
}

static int settle(struct object *o)
{
	int error = store_settle(&store, o->ref);

	object_forget_tables(); /* settling may have made pages, in other objects too */
	return error;
}

/* The object is in no transaction: its log's lock is free, or its owner is dead and it is settled. */
static int quiet(struct object *o)
{
	const struct twz_meta *meta = nvm_look(o, META_PAGE);
	uint64_t lock = meta ? __atomic_load_n(&meta->log.lock, __ATOMIC_RELAXED) : 0;

	if (!lock)
		return 0;
	if (lock >> 32 == nvm_epoch && thread_owner_alive(lock & 0x7fffffff))
		return TWZ_E_BUSY;
	return settle(o);
}

/* As store_copy does: the log head that comes with a meta page knows nothing of dst's records. */
static int drop_log(struct object *dst)
{
	unmap(dst, LOG_PAGE, LOG_PAGES);
	return store_drop(&store, dst->ref, LOG_PAGE, LOG_PAGES);
}

/* One page. */
static int copy_page(struct object *dst, uint64_t to, const void *bytes)
{
	void *page;
	int error = to == META_PAGE ? drop_log(dst) : 0;

	if (!error)
		error = store_make(&store, dst->ref, to, 1);
	if (error)
		return error;
	page = nvm_look(dst, to);
	if (!page)
		return TWZ_E_DAMAGED;
	pmem_copy(page, bytes, TWZ_PAGE);
	pmem_flush("copy: page", page, TWZ_PAGE);
	return 0;
}

/*
 * What the source does not have is dropped, without a step for each page where there is nothing to drop
 * either. How many of the pages that is.
 */
static int drop_hole(struct object *dst, uint64_t page, uint64_t pages, uint64_t *n)
{
	struct store_run run;
	int error = store_run(&store, dst->ref, page, pages, &run);

	*n = 0;
	if (error)
		return error;
	*n = run.page + run.pages - page;
	if (!run.frame && !run.limit)
		return 0;
	unmap(dst, page, *n);
	return store_drop(&store, dst->ref, page, *n);
}

/* How many holes of a volatile object begin there, or some of them. */
static uint64_t holes(struct object *o, uint64_t page, uint64_t end)
{
	uint64_t at = o->medium->next(o, page, end);

	for (unsigned i = 0; i < STEP_PAGES && at < end && !o->medium->look(o, at); i++)
		at = o->medium->next(o, at + 1, end);
	return at - page;
}

static int copy_volatile(struct object *dst, uint64_t dst_page, struct object *src,
			 uint64_t src_page, uint64_t pages, uint64_t *done)
{
	int error = 0;

	*done = 0;
	unmap(dst, dst_page, pages < AROUND ? pages : AROUND);
	while (!error && *done < pages && *done < AROUND) {
		uint64_t at = src_page + *done, n = holes(src, at, src_page + pages);

		if (n)
			error = drop_hole(dst, dst_page + *done, n, &n);
		else
			error = copy_page(dst, dst_page + *done, src->medium->look(src, at));
		*done += error ? 0 : n ? n : 1;
	}
	pmem_fence("copy: pages");
	return error;
}

/* How many pages from there on are the same holes in both, at most `max`: there is nothing to copy. */
static uint64_t same_holes(const struct object *dst, uint64_t dst_page, const struct object *src,
			   uint64_t src_page, uint64_t max)
{
	struct store_run from, to;

	if (store_run(&store, src->ref, src_page, max, &from) || from.frame ||
	    store_run(&store, dst->ref, dst_page, from.pages, &to) || to.frame ||
	    from.limit != to.limit)
		return 0;
	return to.pages;
}

static int nvm_copy(struct object *dst, uint64_t dst_page, struct object *src, uint64_t src_page,
		    uint64_t pages, uint64_t *done)
{
	bool aligned = !((dst_page | src_page) % STEP_PAGES);
	uint64_t step = aligned ? STEP_ALIGNED : STEP_PAGES - dst_page % STEP_PAGES;
	int error = quiet(dst);

	*done = 0;
	if (error)
		return error;
	if (!src->medium->persistent)
		return copy_volatile(dst, dst_page, src, src_page, pages, done);
	error = quiet(src);
	if (error)
		return error;
	*done = same_holes(dst, dst_page, src, src_page, pages);
	if (*done)
		return 0;
	if (pages > step)
		pages = step;
	unmap(src, src_page, pages);
	unmap(dst, dst_page, pages);
	if (dst_page <= META_PAGE && META_PAGE - dst_page < pages)
		unmap(dst, LOG_PAGE, LOG_PAGES); /* the store drops it: store_copy */
	error = store_copy(&store, dst->ref, dst_page, src->ref, src_page, pages);
	*done = error ? 0 : pages;
	return error;
}

/* In a transaction of the caller's own, who has staged nothing there; it is alone with the object. */
static bool is_own(struct object *o)
{
	const struct twz_meta *meta = nvm_look(o, META_PAGE);
	uint64_t lock = meta ? __atomic_load_n(&meta->log.lock, __ATOMIC_RELAXED) : 0;

	return lock >> 32 == nvm_epoch && (lock & 0x7fffffff) == cpu_this()->thread->owner->number;
}

static int nvm_drop(struct object *o, uint64_t page, uint64_t pages, uint64_t *done)
{
	struct store_run run;
	int error = is_own(o) ? 0 : quiet(o);

	*done = 0;
	if (!error)
		error = store_run(&store, o->ref, page, pages, &run);
	if (error)
		return error;
	if (!run.frame && !run.limit) { /* there is nothing, to the end of a node */
		*done = run.pages;
		return 0;
	}
	if (pages > STEP_ALIGNED)
		pages = STEP_ALIGNED - page % STEP_PAGES;
	unmap(o, page, pages);
	error = store_drop(&store, o->ref, page, pages);
	*done = error ? 0 : pages;
	return error;
}

static int nvm_limit(struct object *o, uint64_t page, uint64_t pages, uint32_t rights,
		     uint64_t *done)
{
	int error = quiet(o);

	*done = 0;
	if (error)
		return error;
	if (pages > STEP_PAGES)
		pages = STEP_PAGES;
	error = store_limit(&store, o->ref, page, pages, rights);
	unmap(o, page, pages);
	*done = error ? 0 : pages;
	return error;
}

static int nvm_same(struct object *a, uint64_t a_page, struct object *b, uint64_t b_page,
		    uint64_t pages, struct store_shared *shared)
{
	return store_same(&store, (struct store_place){a->ref, a_page},
			  (struct store_place){b->ref, b_page}, pages, shared);
}

/* The superblock leads to it. */
static bool is_named(struct twz_id id)
{
	const struct twz_super *super = store.super;
	const struct twz_id *name[] = {&super->root, &super->key, &super->boot};

	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (name[i]->lo == id.lo && name[i]->hi == id.hi)
			return true;
	return false;
}

/* Others than the caller use it: then its pages stay until they do not. */
static int nvm_delete(struct object *o)
{
	int error;

	if (is_named(o->id))
		return TWZ_E_BUSY;
	if (o->holds > 1 && KSTEP("mapped-stays")) {
		error = store_leave(&store, o->ref);
		o->left = !error;
	} else {
		error = store_delete(&store, o->ref);
		thread_work |= !error;
	}
	return error;
}

/* The store frees in steps of its own: nvm_drain. */
static bool nvm_free(struct object *o)
{
	if (o->left && !store_delete_gone(&store, o->ref))
		thread_work = true;
	return true;
}

const struct medium medium_nvm = {
	.name = "NVM",
	.persistent = true,
	.fault = nvm_fault,
	.look = nvm_look,
	.next = nvm_next,
	.copy = nvm_copy,
	.drop = nvm_drop,
	.limit = nvm_limit,
	.same = nvm_same,
	.delete = nvm_delete,
	.free = nvm_free,
	.npages = nvm_npages,
};

/* ---- calls --------------------------------------------------------------------------------------- */

/* Is there a record in the object's log that may have to be applied? */
static bool log_live(uint64_t ref)
{
	const struct twz_log_record *record = store_page(&store, ref, LOG_PAGE);
	const struct twz_meta *meta = store_page(&store, ref, META_PAGE);

	return record && record->seq > (meta ? meta->log.retired : 0);
}

int nvm_find(struct twz_id id, uint64_t *ref, const struct twz_identity **identity)
{
	bool live;
	int error;

	if (!nvm_epoch)
		return TWZ_E_NOTFOUND;
	error = store_find(&store, id, ref);
	if (error)
		return error;
	*identity = &record_of(*ref)->identity;
	if (!store_unsettled(&store, *ref))
		return 0;
	live = log_live(*ref);
	error = store_settle(&store, *ref);
	if (live)
		object_forget_tables();
	return error;
}

int nvm_create(const struct store_new *new, struct twz_id *id)
{
	uint64_t ref;
	int error;

	if (!nvm_epoch)
		return TWZ_E_ABSENT;
	error = store_create(&store, new, &ref);
	if (!error)
		*id = record_of(ref)->id;
	return error;
}

int nvm_keep(struct object *o)
{
	return store_keep(&store, o->ref);
}

/* ---- ties ---------------------------------------------------------------------------------------- */

uint32_t nvm_ties(const struct object *o)
{
	return record_of(o->ref)->nties;
}

bool nvm_marked(const struct object *o)
{
	return record_of(o->ref)->flags & TWZ_RECORD_MARKED;
}

int nvm_mark(struct object *o)
{
	return nvm_marked(o) ? 0 : store_delete(&store, o->ref);
}

int nvm_may_end(const struct object *o, bool asked)
{
	if (is_named(o->id))
		return TWZ_E_BUSY;
	return asked || record_of(o->ref)->end_epoch ? 0 : TWZ_E_ARG;
}

int nvm_end(struct object *o)
{
	return record_of(o->ref)->end_epoch || nvm_ties(o) ? 0 : store_end(&store, o->ref);
}

int nvm_tie(struct object *o, struct object *to, uint32_t flags)
{
	return store_tie(&store, o->ref, to->ref, flags);
}

int nvm_untie(struct object *o, struct object *to, uint32_t kinds)
{
	return store_untie(&store, o->ref, to->ref, kinds);
}

int nvm_cut_gone(struct object *o, const struct object *to)
{
	return store_cut_gone(&store, o->ref, to ? to->ref : 0, CUT_STEPS);
}

int nvm_tie_next(struct object *o, const struct object *other, struct twz_sys_tie *walk)
{
	uint64_t ref = other ? other->ref : 0, found;
	int error;

	do { /* what is deleted is not found any more */
		error = store_tie_next(&store, o->ref, walk->in, &ref, &walk->kinds);
		if (error)
			return error;
		walk->other = record_of(ref)->id;
	} while (store_find(&store, walk->other, &found));
	return 0;
}

/* ---- sealing ------------------------------------------------------------------------------------- */

static int seal(uint64_t from, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id)
{
	uint64_t ref;
	int error = store_seal(&store, from, size, type, perms, (struct twz_id){0}, &ref);

	if (!error)
		*id = record_of(ref)->id;
	return error;
}

/* As the store does for its own: the sealed object has no limits. */
static int limits_check(struct object *src, uint64_t end)
{
	for (uint64_t page = META_PAGE; (page = table_next(&src->tables, page, end)) < end; page++)
		if (*table_entry(&src->tables, page, false) & PTE_LIMITS)
			return TWZ_E_RIGHT;
	return 0;
}

/* By way of a copy in the store, which ends with the epoch if we do not come to delete it. */
static int seal_volatile(struct object *src, uint64_t size, uint32_t type, uint32_t perms,
			 struct twz_id *id)
{
	const struct store_new new = {.perms = TWZ_READ, .ending = true};
	struct object copy = {.medium = &medium_nvm};
	uint64_t page = META_PAGE, end = (TWZ_OBJ_DATA + size + TWZ_PAGE - 1) / TWZ_PAGE, done;
	int error = size > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA ? TWZ_E_RANGE : limits_check(src, end);

	if (!error)
		error = store_create(&store, &new, &copy.ref);
	if (error)
		return error;
	while (!error && (page = table_next(&src->tables, page, end)) < end) {
		if (!src->medium->look(src, page)) {
			page++;
			continue;
		}
		error = copy_volatile(&copy, page, src, page, 1, &done);
		page += done;
	}
	if (!error)
		error = seal(copy.ref, size, type, perms, id);
	store_delete(&store, copy.ref);
	table_free(&copy.tables);
	return error;
}

int nvm_seal(struct object *src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id)
{
	int error = nvm_epoch ? 0 : TWZ_E_ABSENT;

	if (!error && !src->medium->persistent)
		return seal_volatile(src, size, type, perms, id);
	if (!error)
		error = quiet(src);
	if (error)
		return error;
	unmap(src, 0, OBJECT_PAGES); /* the sealed object shares its pages */
	return seal(src->ref, size, type, perms, id);
}

int nvm_verify_digests(const struct object *o)
{
	return store_verify_digests(&store, o->ref);
}

int nvm_verify_part(const struct object *o, uint64_t page, uint64_t *next)
{
	return store_verify_part(&store, o->ref, page, next);
}

int nvm_sync(struct object *o)
{
	uint64_t left = nvm_npages(o); /* that were not flushed yet */
	struct store_run run = {0};

	while (left) {
		uint64_t page = run.page + run.pages;
		int error = store_run(&store, o->ref, page, OBJECT_PAGES - page, &run);

		if (error)
			return error;
		if (!run.frame)
			continue;
		pmem_flush("sync", direct(frame_address(run.frame)), run.pages * TWZ_PAGE);
		left -= run.pages < left ? run.pages : left;
	}
	pmem_fence("sync");
	return 0;
}

int nvm_settle(struct object *o)
{
	return quiet(o);
}

int nvm_root(struct twz_id id, bool set, struct twz_id *root)
{
	if (!nvm_epoch)
		return TWZ_E_ABSENT;
	if (set)
		return store_set_name(&store, STORE_ROOT, id);
	*root = store.super->root;
	return 0;
}

int nvm_view_register(struct object *o, bool on)
{
	return store_view_register(&store, o->ref, on);
}

int nvm_view_next(struct twz_id *id)
{
	uint64_t ref = 0;
	int error = nvm_epoch ? 0 : TWZ_E_NOTFOUND;

	if (!error && (id->lo | id->hi))
		error = store_find(&store, *id, &ref);
	if (!error)
		error = store_view_next(&store, &ref);
	if (!error)
		*id = record_of(ref)->id;
	return error;
}

int nvm_account(struct twz_id key, struct twz_account *out)
{
	int error = nvm_epoch ? store_account(&store, key, out) : TWZ_E_NOTFOUND;

	if (error != TWZ_E_NOTFOUND)
		return error;
	*out = (struct twz_account){.key = key};
	return 0;
}

int nvm_limit_key(struct twz_id key, uint64_t pages, uint64_t frames)
{
	return nvm_epoch ? store_limit_key(&store, key, pages, frames) : TWZ_E_ABSENT;
}

void nvm_usage(struct store_usage *usage)
{
	*usage = (struct store_usage){0};
	if (nvm_epoch)
		store_usage(&store, usage);
}

uint64_t nvm_end_epoch(const struct object *o)
{
	return record_of(o->ref)->end_epoch;
}

struct twz_id nvm_boot_context(void)
{
	return nvm_epoch ? store.super->boot : (struct twz_id){0};
}

bool nvm_drain(void)
{
	return nvm_epoch && store_drain(&store, DRAIN_STEPS) > 0;
}
