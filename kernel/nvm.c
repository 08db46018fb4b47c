/*
 * nvm.c - the medium NVM (nvm.h). What a leaf entry says of a persistent page follows from its record
 * and can be thrown away; all changes go through core/store.
 */
#include "abi/object.h"
#include "core/mem.h"
#include "core/pmem.h"
#include "kernel/ram.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/random.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"
#include "kernel/work.h"

#define AROUND 16u      /* pages that a fault maps at most */
#define GROW_MAX 64u    /* pages that a store into a hole makes at most */
#define STEP_PAGES 512u /* of a copy that does not begin at a node */
#define STEP_ALIGNED 8192u

#define CREATE_CYCLES 6000u /* its parts are short, and a break costs some hundred */

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

/* Settling has made the page: if it is mapped, then as it was before. */
static void moved(struct twz_id id, uint64_t page)
{
	struct object *o = object_known(id);
	uint64_t *entry = o ? table_entry(&o->tables, page, false) : NULL;

	if (!entry || !*entry)
		return;
	*entry = 0;
	object_shoot(o);
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
	store.update.breathe = work_breathe;
	store.moved = moved;
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

/* How many pages a store into a hole makes: about as many as there are, and not past the object. */
static uint64_t growth(const struct object *o, const struct store_run *hole)
{
	uint64_t n = record_of(o->ref)->npages, room = OBJECT_PAGES - hole->page;

	n = n < 1 ? 1 : n > GROW_MAX ? GROW_MAX : n;
	n = n < hole->pages ? n : hole->pages;
	return n < room ? n : room;
}

/* The page, and with a hole its neighbours. */
static int make(struct work *w)
{
	uint64_t ref = w->object->ref, page = w->argument[0], n;
	struct store_run run;
	int error = store_run(&store, ref, page, GROW_MAX, &run);

	n = run.frame ? 1 : growth(w->object, &run);
	if (!error)
		error = store_make(&store, ref, page, n);
	if ((error == TWZ_E_FULL || error == TWZ_E_LIMIT) && n > 1) /* then perhaps one */
		error = store_make(&store, ref, page, 1);
	return error;
}

static int nvm_fault(struct object *o, uint64_t page, uint64_t *entry, bool write)
{
	struct store_run run;
	int error = work_ready();

	if (error)
		return error;
	if (!entry)
		entry = table_walk(&o->tables, page, true);
	if (!entry)
		return TWZ_E_NOMEM;
	if (*entry & PTE_PRESENT && (!write || *entry & PTE_WRITE))
		return 0;
	error = store_run(&store, o->ref, page, AROUND, &run);
	if (error)
		return error;
	if (KSTEP("limit-nvm") && run.limit & (write ? TWZ_WRITE | TWZ_READ : TWZ_READ))
		return TWZ_E_RIGHT;
	if (write && sealed(o))
		return TWZ_E_SEALED;
	if (write && (!run.frame || run.shared)) {
		error = work_do(&(struct work){.fn = make, .object = o, .argument = {page}});
		if (!error)
			error = store_run(&store, o->ref, page, AROUND, &run);
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

	/* How long a hole is takes a moment, how long what is there is may take all the time that there is. */
	if (page == end || store_run(&store, o->ref, page, 1, &run) || run.frame ||
	    store_run(&store, o->ref, page, end - page, &run))
		return page;
	return run.page + run.pages;
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
		uint64_t *entry = table_entry(&o->tables, page, false),
			 n = TABLE_ENTRIES - page % TABLE_ENTRIES;

		if (n > end - page)
			n = end - page;
		memset(entry, 0, n * sizeof(*entry));
		page += n;
		work_breathe();
	}
	object_shoot(o);
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
	return store_settle(&store, o->ref);
}

/* As store_copy does: the log head that comes with a meta page knows nothing of dst's records. */
static int drop_log(struct object *dst)
{
	unmap(dst, LOG_PAGE, LOG_PAGES);
	return store_drop(&store, dst->ref, LOG_PAGE, LOG_PAGES);
}

/* One page of a volatile object. */
static int copy_page(struct object *dst, uint64_t to, struct object *src, uint64_t from)
{
	const void *bytes = src->medium->look(src, from);
	void *page;
	int error;

	if (!bytes)
		return store_drop(&store, dst->ref, to, 1);
	error = to == META_PAGE ? drop_log(dst) : 0;
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

static int copy_volatile(struct object *dst, uint64_t dst_page, struct object *src,
			 uint64_t src_page, uint64_t pages, uint64_t *done)
{
	int error = 0;

	*done = 0;
	unmap(dst, dst_page, pages < AROUND ? pages : AROUND);
	while (!error && *done < pages && *done < AROUND) {
		uint64_t at = src_page + *done,
			 n = src->medium->next(src, at, src_page + pages) - at;

		if (n)
			error = drop_hole(dst, dst_page + *done, n, &n);
		else
			error = copy_page(dst, dst_page + *done, src, at);
		*done += error ? 0 : n ? n : 1;
		work_breathe();
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

static int copy(struct object *dst, uint64_t dst_page, struct object *src, uint64_t src_page,
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

static int copy_work(struct work *w)
{
	return copy(w->object, w->argument[0], w->other, w->argument[1], w->argument[2], &w->done);
}

static int drop_work(struct work *w)
{
	struct object *o = w->object;
	uint64_t page = w->argument[0], pages = w->argument[1];
	int error = quiet(o);

	if (error)
		return error;
	if (pages > STEP_ALIGNED)
		pages = STEP_ALIGNED - page % STEP_PAGES;
	unmap(o, page, pages);
	error = store_drop(&store, o->ref, page, pages);
	w->done = error ? 0 : pages;
	return error;
}

static int limit_work(struct work *w)
{
	struct object *o = w->object;
	uint64_t page = w->argument[0], pages = w->argument[1];
	int error = quiet(o);

	if (error)
		return error;
	if (pages > STEP_PAGES)
		pages = STEP_PAGES;
	error = store_limit(&store, o->ref, page, pages, (uint32_t)w->argument[2]);
	unmap(o, page, pages);
	w->done = error ? 0 : pages;
	return error;
}

/* A piece that does a part of a range. */
static int range(struct work *w, uint64_t *done)
{
	int error = work_do(w);

	*done = error ? 0 : w->done;
	return error;
}

static int nvm_copy(struct object *dst, uint64_t dst_page, struct object *src, uint64_t src_page,
		    uint64_t pages, uint64_t *done)
{
	return range(&(struct work){.fn = copy_work,
				    .object = dst,
				    .other = src,
				    .argument = {dst_page, src_page, pages}},
		     done);
}

static int nvm_drop(struct object *o, uint64_t page, uint64_t pages, uint64_t *done)
{
	return range(&(struct work){.fn = drop_work, .object = o, .argument = {page, pages}}, done);
}

static int nvm_limit(struct object *o, uint64_t page, uint64_t pages, uint32_t rights,
		     uint64_t *done)
{
	return range(
		&(struct work){.fn = limit_work, .object = o, .argument = {page, pages, rights}},
		done);
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

static int delete_work(struct work *w)
{
	struct object *o = w->object;
	int error;

	if (o->view) /* its threads would be left without a table */
		return TWZ_E_BUSY;
	if (is_named(o->id))
		return TWZ_E_BUSY;
	view_unbind_all(o);
	error = store_delete(&store, o->ref);
	if (!error)
		object_end(o);
	thread_work = true;
	return error;
}

/* By ID: who tries again does not find it any more. */
static struct work deletion(struct twz_id id, struct object *o)
{
	return (struct work){.fn = delete_work, .object = o, .argument = {id.lo, id.hi}};
}

static int nvm_delete(struct object *o)
{
	struct work w = deletion(o->id, o);

	return work_do(&w);
}

bool nvm_was_deleted(struct twz_id id, int *error)
{
	struct work w = deletion(id, NULL);
	bool was = work_was_begun(&w);

	*error = w.error;
	return was;
}

static bool nvm_free(struct object *o)
{
	(void)o; /* the store frees in steps of its own: nvm_drain */
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
	.delete = nvm_delete,
	.free = nvm_free,
	.npages = nvm_npages,
};

/* ---- calls --------------------------------------------------------------------------------------- */

static int settle_work(struct work *w)
{
	return store_settle(&store, w->argument[0]);
}

int nvm_find(struct twz_id id, uint64_t *ref, const struct twz_identity **identity)
{
	int error = nvm_epoch ? work_ready() : TWZ_E_NOTFOUND;

	if (error)
		return error;
	error = store_find(&store, id, ref);
	if (error)
		return error;
	*identity = &record_of(*ref)->identity;
	if (!store_unsettled(&store, *ref))
		return 0;
	return work_do(&(struct work){.fn = settle_work, .argument = {*ref}});
}

static int create_work(struct work *w)
{
	const struct store_new new = {.type = (uint32_t)w->argument[0],
				      .perms = (uint32_t)(w->argument[0] >> 32),
				      .key = {w->argument[1], w->argument[2]},
				      .ending = w->argument[3],
				      .page = w->argument[4],
				      .npages = w->argument[5]};
	uint64_t ref;
	int error = store_create(&store, &new, &ref);

	if (!error)
		w->id = record_of(ref)->id;
	return error;
}

int nvm_create(const struct store_new *new, struct twz_id *id)
{
	struct work w = {.fn = create_work,
			 .patience = CREATE_CYCLES,
			 .argument = {new->type | (uint64_t) new->perms << 32, new->key.lo,
				      new->key.hi, new->ending, new->page, new->npages}};
	int error = nvm_epoch ? work_do(&w) : TWZ_E_ABSENT;

	*id = w.id;
	return error;
}

int nvm_keep(struct object *o)
{
	int error = work_ready();

	return error ? error : store_keep(&store, o->ref);
}

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
	for (uint64_t page = META_PAGE; (page = table_next(&src->tables, page, end)) < end;
	     page++) {
		if (*table_entry(&src->tables, page, false) & PTE_LIMITS)
			return TWZ_E_RIGHT;
		work_breathe();
	}
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
		work_breathe();
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
	return error;
}

static int seal_work(struct work *w)
{
	struct object *src = w->object;
	uint64_t size = w->argument[0];
	uint32_t type = (uint32_t)w->argument[1], perms = (uint32_t)w->argument[2];
	int error;

	if (!src->medium->persistent)
		return seal_volatile(src, size, type, perms, &w->id);
	error = quiet(src);
	if (error)
		return error;
	unmap(src, 0, OBJECT_PAGES); /* the sealed object shares its pages */
	return seal(src->ref, size, type, perms, &w->id);
}

int nvm_seal(struct object *src, uint64_t size, uint32_t type, uint32_t perms, struct twz_id *id)
{
	struct work w = {.fn = seal_work, .object = src, .argument = {size, type, perms}};
	int error = nvm_epoch ? work_do(&w) : TWZ_E_ABSENT;

	*id = w.id;
	return error;
}

static int sync_work(struct work *w)
{
	uint64_t left = nvm_npages(w->object); /* that were not flushed yet */
	struct store_run run = {0};

	while (left) {
		uint64_t page = run.page + run.pages;
		int error = store_run(&store, w->object->ref, page, OBJECT_PAGES - page, &run);

		if (error)
			return error;
		for (uint64_t i = 0; run.frame && i < run.pages && left; i++, left--) {
			pmem_flush("sync", direct(frame_address(run.frame + (uint32_t)i)),
				   TWZ_PAGE);
			work_breathe();
		}
		work_breathe();
	}
	pmem_fence("sync");
	return 0;
}

int nvm_sync(struct object *o)
{
	return work_do(&(struct work){.fn = sync_work, .object = o});
}

static int quiet_work(struct work *w)
{
	return quiet(w->object);
}

int nvm_settle(struct object *o)
{
	return work_do(&(struct work){.fn = quiet_work, .object = o});
}

int nvm_root(struct twz_id id, bool set, struct twz_id *root)
{
	if (!nvm_epoch)
		return TWZ_E_ABSENT;
	if (set) {
		int error = work_ready();

		return error ? error : store_set_name(&store, STORE_ROOT, id);
	}
	*root = store.super->root;
	return 0;
}

int nvm_view_register(struct object *o, bool on)
{
	int error = work_ready();

	return error ? error : store_view_register(&store, o->ref, on);
}

int nvm_view_next(struct twz_id *id)
{
	uint64_t ref = 0;
	int error = nvm_epoch ? work_ready() : TWZ_E_NOTFOUND;

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
	int error = nvm_epoch ? work_ready() : TWZ_E_NOTFOUND;

	if (!error)
		error = store_account(&store, key, out);

	if (error != TWZ_E_NOTFOUND)
		return error;
	*out = (struct twz_account){.key = key};
	return 0;
}

static int limit_key_work(struct work *w)
{
	return store_limit_key(&store, (struct twz_id){w->argument[0], w->argument[1]},
			       w->argument[2], w->argument[3]);
}

int nvm_limit_key(struct twz_id key, uint64_t pages, uint64_t frames)
{
	return nvm_epoch ? work_do(&(struct work){.fn = limit_key_work,
						  .argument = {key.lo, key.hi, pages, frames}})
			 : TWZ_E_ABSENT;
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

/* Nothing is left to be freed, or it cannot be: the checker says why. */
static bool drained;

static int drain_work(struct work *w)
{
	drained = store_drain(&store, 1) <= 0;
	(void)w;
	return 0;
}

bool nvm_drain(void)
{
	if (!nvm_epoch)
		return false;
	if (!lock_time_left() || !work_for_nobody(drain_work))
		return true;
	return !drained;
}
