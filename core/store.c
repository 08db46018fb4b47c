/* store.c - the object store: open, create, find, pages (store.h). */
#include "abi/object.h"
#include "core/crypto.h"
#include "core/store_int.h"
#include "core/sum.h"
#include "core/tx.h"

#define BLOCK_BYTES (TWZ_BLOCK_FRAMES * TWZ_PAGE)

/* Making a store. */

static uint32_t frames_for(uint64_t bytes)
{
	return (uint32_t)((bytes + TWZ_PAGE - 1) / TWZ_PAGE);
}

static uint64_t fixed_sum(const struct twz_super_fixed *fixed)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < offsetof(struct twz_super_fixed, sum) / 8; i++)
		sum += twz_sum_at(i, ((const uint64_t *)fixed)[i]);
	return sum;
}

/* The trees of the indices have sums of their own. */
uint64_t super_sum(const struct twz_super *super)
{
	const uint64_t first = offsetof(struct twz_super, objects);
	const uint64_t end = offsetof(struct twz_super, reserved1);
	uint64_t sum = 0;

	for (uint64_t at = 0; at < sizeof(*super); at += 8)
		if (at != offsetof(struct twz_super, sum) &&
		    (at < first || at >= end ||
		     (at - first) % sizeof(struct twz_index) >= sizeof(struct twz_record)))
			sum += twz_sum_at(at / 8, ((const uint64_t *)super)[at / 8]);
	return sum;
}

/* The areas, one behind the other, after the two copies of the superblock. */
static uint32_t areas_lay_out(struct twz_super_fixed *fixed)
{
	uint64_t n = fixed->nframes;
	uint32_t at = 2;

	fixed->block =
		(struct twz_area){at, frames_for(n / TWZ_BLOCK_FRAMES * sizeof(struct twz_block))};
	at += fixed->block.frames;
	fixed->share = (struct twz_area){at, frames_for(n)};
	at += fixed->share.frames;
	fixed->log = (struct twz_area){at, TWZ_UPDATE_FRAMES};
	at += fixed->log.frames;
	fixed->runtime = (struct twz_area){at, TWZ_RUNTIME_FRAMES};
	return at + fixed->runtime.frames;
}

static void fixed_write(void *at, const struct twz_super_fixed *fixed)
{
	pmem_copy(at, fixed, sizeof(*fixed));
	pmem_flush("superblock: copy", at, sizeof(*fixed));
	pmem_fence("superblock: copy");
}

int store_format(void *base, uint64_t bytes, void (*random)(void *out, uint64_t bytes))
{
	struct twz_super_fixed fixed = {.magic = TWZ_STORE_MAGIC,
					.version = TWZ_STORE_VERSION,
					.may = TWZ_STORE_MAY,
					.ro = TWZ_STORE_RO,
					.must = TWZ_STORE_MUST};
	struct twz_super *super = (struct twz_super *)((uint8_t *)base + TWZ_SUPER_AT);
	struct twz_super fresh = {.epoch = 1};
	struct twz_block *block;

	fixed.nframes = bytes / BLOCK_BYTES * TWZ_BLOCK_FRAMES;
	if (bytes < TWZ_STORE_SIZE_MIN || fixed.nframes > TWZ_STORE_FRAMES_MAX)
		return TWZ_E_ARG;
	random(fixed.uuid, sizeof(fixed.uuid));
	random(fixed.secret, sizeof(fixed.secret));
	fresh.nused = areas_lay_out(&fixed);
	fixed.sum = fixed_sum(&fixed);
	block = (struct twz_block *)((uint8_t *)base + fixed.block.frame * TWZ_PAGE);
	for (uint64_t left = fresh.nused; left; block++) {
		struct twz_block b = {.nused = left < TWZ_BLOCK_FRAMES ? (uint32_t)left
								       : TWZ_BLOCK_FRAMES};

		for (unsigned i = 0; i < b.nused; i++)
			b.used[i / 64] |= 1ull << i % 64;
		memcpy(b.meta, b.used, sizeof(b.meta));
		for (unsigned i = 0; i < offsetof(struct twz_block, sum) / 8; i++)
			b.sum += twz_sum_at(i, ((uint64_t *)&b)[i]); /* what follows is zero */
		pmem_copy(block, &b, sizeof(b));
		pmem_flush("format: block", block, sizeof(b));
		left -= b.nused;
	}
	fresh.objects.tree.state = TWZ_STATE_INTERNAL;
	fresh.tie_index.tree.state = TWZ_STATE_INTERNAL;
	fresh.key_index.tree.state = TWZ_STATE_INTERNAL;
	fresh.objects.tree.sum = record_sum(&fresh.objects.tree);
	fresh.tie_index.tree.sum = record_sum(&fresh.tie_index.tree);
	fresh.key_index.tree.sum = record_sum(&fresh.key_index.tree);
	fresh.sum = super_sum(&fresh);
	pmem_copy(super, &fresh, sizeof(fresh));
	pmem_flush("format: super", super, sizeof(fresh));
	pmem_fence("format: structures");
	fixed_write(base, &fixed); /* the commit point: one copy that is whole */
	fixed_write((uint8_t *)base + TWZ_PAGE, &fixed);
	return 0;
}

/* Opening. */

static int fixed_check(const struct twz_super_fixed *fixed, uint64_t bytes)
{
	struct twz_super_fixed laid = *fixed;

	if (fixed->magic != TWZ_STORE_MAGIC)
		return TWZ_E_NOTSTORE;
	if (fixed->version != TWZ_STORE_VERSION || fixed->must & ~TWZ_STORE_MUST ||
	    fixed->ro & ~TWZ_STORE_RO)
		return TWZ_E_VERSION;
	if (fixed->sum != fixed_sum(fixed))
		return TWZ_E_DAMAGED;
	areas_lay_out(&laid);
	if (fixed->nframes * TWZ_PAGE > bytes || fixed->nframes > TWZ_STORE_FRAMES_MAX ||
	    fixed->nframes < TWZ_STORE_SIZE_MIN / TWZ_PAGE || fixed->nframes % TWZ_BLOCK_FRAMES ||
	    memcmp(&laid, fixed, sizeof(laid)))
		return TWZ_E_DAMAGED;
	return 0;
}

int store_recover(struct store *s)
{
	int error = update_recover(&s->update);

	if (error)
		return error;
	return STEP("sum", "super") && s->super->sum != super_sum(s->super) ? TWZ_E_DAMAGED : 0;
}

/* One whole copy of the superblock is enough. */
int store_look(const void *base, uint64_t bytes, const struct twz_super_fixed **fixed)
{
	const struct twz_super_fixed *one = base, *two;
	int error;

	if (bytes < TWZ_STORE_SIZE_MIN)
		return TWZ_E_NOTSTORE;
	two = (const struct twz_super_fixed *)((const uint8_t *)base + TWZ_PAGE);
	error = fixed_check(one, bytes);
	*fixed = one;
	if (!error || fixed_check(two, bytes))
		return error;
	*fixed = two;
	return 0;
}

/* It replaces the other. */
static int fixed_find(struct store *s, uint64_t bytes)
{
	struct twz_super_fixed *one = (struct twz_super_fixed *)s->base;
	struct twz_super_fixed *two = (struct twz_super_fixed *)(s->base + TWZ_PAGE);
	const struct twz_super_fixed *whole;
	int error = store_look(s->base, bytes, &whole);

	s->fixed = one;
	if (!error && whole == two)
		fixed_write(one, two);
	else if (!error && memcmp(one, two, sizeof(*one)))
		fixed_write(two, one);
	return error;
}

int store_attach(struct store *s, void *base, uint64_t bytes,
		 void (*random)(void *out, uint64_t bytes))
{
	int error;

	if (s->base) /* else there is nothing yet: its pages are not touched */
		memset(s->verified, 0, sizeof(s->verified));
	s->base = base;
	error = fixed_find(s, bytes);
	if (error)
		return error;
	s->super = (struct twz_super *)(s->base + TWZ_SUPER_AT);
	s->nframes = s->fixed->nframes;
	s->cursor = 0;
	s->account = 0;
	s->random = random;
	s->reserve = NULL;
	s->held = NULL;
	s->recall = NULL;
	s->moved = false;
	s->draining = false;
	update_init(&s->update, base, s->nframes * TWZ_PAGE, frame_at(s, s->fixed->log.frame));
	return store_recover(s);
}

int store_mount(struct store *s, void *base, uint64_t bytes,
		void (*random)(void *out, uint64_t bytes))
{
	int error = store_attach(s, base, bytes, random);

	if (error)
		return error;
	error = lifetime_end_epoch(s);
	SUPER_PUT(s, epoch, s->super->epoch + 1);
	return update_end(&s->update, error);
}

/* Objects. */

static int create(struct store *s, const struct store_new *new, uint64_t *ref)
{
	struct twz_record rec = {
		.identity = {.version = 1,
			     .type = new->type,
			     .perms = new->perms &TWZ_PERM_ALL,
			     .key = new->key},
		.state = new->ending ? TWZ_STATE_ENDING : TWZ_STATE_LIVE,
		.end_epoch = new->ending ? s->super->epoch : 0,
		.settled_epoch = s->super->epoch,
	};
	const uint64_t pages = 1 + new->npages + (new->tie != 0); /* that it is charged for */
	struct tie_end to = {new->tie, new->tie ? record_at(s, new->tie) : NULL};
	struct twz_record *at;
	int error = new->tie ? tie_check(s, &rec, to.rec, new->tie_flags) : 0;

	if (error)
		return error;
	s->random(&rec.identity.nonce, sizeof(rec.identity.nonce));
	rec.id = crypto_id(&rec.identity);
	error = index_reserve(s, &s->super->objects);
	if (!error && new->tie)
		error = tie_reserve(s);
	if (!error && !id_none(new->key))
		error = account_open(s, new->key, pages, &rec.account);
	if (!error)
		error = record_take(s, ref, &at);
	if (error)
		return update_end(&s->update, error);
	record_put(s, at, &rec);
	if (rec.account)
		account_enter(s, rec.account, pages);
	error = index_add(s, &s->super->objects, index_tag(s, rec.id), *ref);
	if (!error && new->ending)
		error = list_add(s, &s->super->ending, *ref);
	if (!error && new->npages)
		error = tree_make(s, at, new->page, new->npages);
	if (!error && new->tie)
		error = tie_add(s, (struct tie_end){*ref, at}, to, new->tie_flags);
	SUPER_PUT(s, nobjects, s->super->nobjects + 1);
	return update_end(&s->update, error);
}

int store_create(struct store *s, const struct store_new *new, uint64_t *ref)
{
	int error;

	if (new->npages && (!new->page || new->page >= STORE_PAGES_MAX || new->npages > 512 ||
			    new->page % 512 + new->npages > 512))
		return TWZ_E_RANGE;
	do
		error = create(s, new, ref);
	while (store_make_room(s, error));
	return error;
}

/* Where it stands that this record's ID was verified since the store was opened. */
static uint64_t *verified(struct store *s, uint64_t ref)
{
	return &s->verified[(ref ^ ref >> 6) % STORE_VERIFIED];
}

/* Is the record what it should be? Its sum always, its ID at the first load. */
static int verify(struct store *s, uint64_t ref, const struct twz_record *rec)
{
	struct twz_id id;

	if (STEP("sum", "record") && rec->sum != record_sum(rec))
		return TWZ_E_DAMAGED;
	if (*verified(s, ref) == (rec->id.lo ^ rec->id.hi ^ ref))
		return 0;
	id = crypto_id(&rec->identity);
	if (STEP("check", "record: ID") && memcmp(&id, &rec->id, sizeof(id)))
		return TWZ_E_DAMAGED;
	*verified(s, ref) = rec->id.lo ^ rec->id.hi ^ ref;
	return 0;
}

int record_find(struct store *s, struct twz_id id, uint64_t *ref)
{
	uint64_t tag = index_tag(s, id), at = 0;
	const struct twz_record *rec;

	while ((*ref = index_next(s, &s->super->objects, tag, &at)) > 1) {
		rec = record_at(s, *ref);
		if (!rec)
			return TWZ_E_DAMAGED;
		if (memcmp(&rec->id, &id, sizeof(id)) == 0)
			return verify(s, *ref, rec);
	}
	return *ref ? TWZ_E_DAMAGED : TWZ_E_NOTFOUND;
}

int store_find(struct store *s, struct twz_id id, uint64_t *ref)
{
	int error = record_find(s, id, ref);

	return error || record_alive(s, record_at(s, *ref)) ? error : TWZ_E_NOTFOUND;
}

const struct twz_record *store_record(const struct store *s, uint64_t ref)
{
	return record_at(s, ref);
}

int store_next(const struct store *s, uint64_t *cursor, uint64_t *ref)
{
	const struct twz_record *rec;
	int error;

	do {
		error = index_walk(s, &s->super->objects, cursor, ref);
		if (error)
			return error;
		rec = record_at(s, *ref);
	} while (rec && !record_alive(s, rec));
	return rec && rec->sum == record_sum(rec) ? 0 : TWZ_E_DAMAGED;
}

int store_set_name(struct store *s, enum store_name name, struct twz_id id)
{
	struct twz_id *at = name == STORE_ROOT  ? &s->super->root
			    : name == STORE_KEY ? &s->super->key
						: &s->super->boot;

	update_put_summed(&s->update, s->super, &s->super->sum, &at->lo, 8, id.lo);
	update_put_summed(&s->update, s->super, &s->super->sum, &at->hi, 8, id.hi);
	return update_end(&s->update, 0);
}

void store_usage(const struct store *s, struct store_usage *usage)
{
	*usage = (struct store_usage){s->nframes, s->super->nused, s->super->nobjects};
}

/* Pages. */

static int range_check(const struct store *s, uint64_t ref, uint64_t page, uint64_t pages)
{
	const struct twz_record *rec = record_at(s, ref);

	if (!rec || record_there(rec))
		return TWZ_E_NOTFOUND;
	if (!page || page >= STORE_PAGES_MAX || pages > STORE_PAGES_MAX - page)
		return TWZ_E_RANGE;
	return rec->identity.flags & TWZ_ID_SEALED ? TWZ_E_SEALED : 0;
}

int store_run(const struct store *s, uint64_t ref, uint64_t page, uint64_t max,
	      struct store_run *run)
{
	const struct twz_record *rec = record_at(s, ref);

	if (!rec)
		return TWZ_E_NOTFOUND;
	if (!max || page >= STORE_PAGES_MAX)
		return TWZ_E_RANGE;
	return tree_run(s, rec, page, max, run);
}

void *store_page(const struct store *s, uint64_t ref, uint64_t page)
{
	struct store_run run;

	if (store_run(s, ref, page, 1, &run) || !run.frame)
		return NULL;
	return frame_at(s, run.frame);
}

/* How many pages from `page` on, before `end`, lie in one node of 512. */
static uint64_t in_node(uint64_t page, uint64_t end)
{
	uint64_t rest = TWZ_NODE_FANOUT - page % TWZ_NODE_FANOUT;

	return rest < end - page ? rest : end - page;
}

/* What is to be settled is made whatever the limit says: it was committed. */
static int make(struct store *s, uint64_t ref, uint64_t page, uint64_t pages, bool settling)
{
	struct twz_record *rec = record_at(s, ref);
	int error = range_check(s, ref, page, pages);

	if (!error && rec->account && !settling)
		do
			error = account_room(s, rec,
					     pages - account_present(s, rec, page, page + pages));
		while (store_make_room(s, error));
	/* READ even for holes: to unshare a leaf can give its pages other frames. */
	if (!error && STEP("check", "recall: make"))
		error = recall(s, ref, TWZ_LEASE_HOLES | TWZ_LEASE_READ);
	for (uint64_t end = page + pages, n; !error && page < end; page += n) {
		n = in_node(page, end);
		do {
			error = record_there(rec);
			if (!error)
				error = tree_unshare(s, rec, page);
			if (!error)
				error = tree_make(s, rec, page, n);
			if (!error)
				error = account_charge(s, rec);
			error = update_end(&s->update, error);
		} while (store_make_room(s, error));
	}
	return error;
}

int store_make(struct store *s, uint64_t ref, uint64_t page, uint64_t pages)
{
	return make(s, ref, page, pages, false);
}

/*
 * Before pages of an object change, or cannot any more, without a transaction: its log is settled, and that its last
 * transaction is retired becomes durable with the change, or a replay would bring back what was
 * there.
 */
static int log_done(struct store *s, uint64_t ref)
{
	const struct twz_meta *meta;
	int error = store_unsettled(s, ref) ? store_settle(s, ref) : 0;

	meta = error ? NULL : store_page(s, ref, TWZ_OBJ_META / TWZ_PAGE);
	if (meta)
		pmem_flush("store: log head", &meta->log, sizeof(meta->log));
	return error;
}

static int drop(struct store *s, uint64_t ref, uint64_t page, uint64_t pages)
{
	struct twz_record *rec = record_at(s, ref);
	int error = STEP("check", "recall: drop") ? recall(s, ref, TWZ_LEASE_ALL) : 0;

	for (uint64_t end = page + pages; !error && page < end;) {
		do {
			error = record_there(rec);
			if (!error)
				error = tree_unshare(s, rec, page);
			if (!error)
				error = tree_free_step(s, rec, page, end, &page);
			if (!error)
				error = account_charge(s, rec);
			error = update_end(&s->update, error);
		} while (store_make_room(s, error));
	}
	return error;
}

int store_drop(struct store *s, uint64_t ref, uint64_t page, uint64_t pages)
{
	int error = range_check(s, ref, page, pages);

	if (!error)
		error = log_done(s, ref);
	return error ? error : drop(s, ref, page, pages);
}

int store_limit(struct store *s, uint64_t ref, uint64_t page, uint64_t pages, uint32_t limit)
{
	struct twz_record *rec = record_at(s, ref);
	int error = range_check(s, ref, page, pages);

	if (!error && limit & ~(TWZ_READ | TWZ_WRITE | TWZ_EXEC))
		error = TWZ_E_ARG;
	if (!error && limit & TWZ_WRITE)
		error = log_done(s, ref);
	if (!error && limit && STEP("check", "recall: limit"))
		error = recall(s, ref, TWZ_LEASE_ALL);
	for (uint64_t end = page + pages, n; !error && limit && page < end; page += n) {
		n = in_node(page, end);
		do {
			error = record_there(rec);
			if (!error)
				error = tree_unshare(s, rec, page);
			if (!error)
				error = update_end(&s->update, tree_limit(s, rec, page, n, limit));
		} while (store_make_room(s, error));
	}
	return error;
}

/* The pages of the range up to where the log area begins or ends; *log: they are in it. */
static uint64_t to_log(uint64_t page, uint64_t pages, bool *log)
{
	const uint64_t first = TWZ_OBJ_LOG / TWZ_PAGE, end = TWZ_OBJ_LOG_END / TWZ_PAGE;
	uint64_t n = page < first ? first - page : page < end ? end - page : pages;

	*log |= page >= first && page < end;
	return n < pages ? n : pages;
}

static int copy_range(struct store *s, uint64_t dst, uint64_t dst_page, uint64_t src,
		      uint64_t src_page, uint64_t pages)
{
	const struct twz_record *from = record_at(s, src);
	struct twz_record *to = record_at(s, dst);
	int error = 0;

	for (uint64_t at = 0, done; !error && at < pages; at += done) {
		bool log = false;
		uint64_t n = to_log(dst_page + at, to_log(src_page + at, pages - at, &log), &log);

		done = n;
		if (log)
			continue;
		do {
			error = record_there(to) ? TWZ_E_NOTFOUND : record_there(from);
			if (!error)
				error = tree_unshare(s, to, dst_page + at);
			if (!error)
				error = tree_share_step(s, to, dst_page + at, from, src_page + at,
							n, &done);
			if (!error)
				error = account_charge(s, to);
			error = update_end(&s->update, error);
		} while (store_make_room(s, error));
	}
	return error;
}

/* By how much a copy lets dst grow, if it does. */
static uint64_t copy_growth(const struct store *s, const struct twz_record *to, uint64_t dst_page,
			    const struct twz_record *from, uint64_t src_page, uint64_t pages)
{
	uint64_t gone = account_present(s, to, dst_page, dst_page + pages), come = 0;

	for (uint64_t at = 0, n; at < pages; at += n) {
		bool log = false;

		n = to_log(dst_page + at, to_log(src_page + at, pages - at, &log), &log);
		if (!log)
			come += account_present(s, from, src_page + at, src_page + at + n);
	}
	return come > gone ? come - gone : 0;
}

/* Mostly there is room for all of src: then nothing is counted. */
static int copy_room(struct store *s, const struct twz_record *to, uint64_t dst_page,
		     const struct twz_record *from, uint64_t src_page, uint64_t pages)
{
	int error = account_room(s, to, from->npages);

	if (error != TWZ_E_LIMIT)
		return error;
	do
		error = account_room(s, to, copy_growth(s, to, dst_page, from, src_page, pages));
	while (store_make_room(s, error));
	return error;
}

int store_copy(struct store *s, uint64_t dst, uint64_t dst_page, uint64_t src, uint64_t src_page,
	       uint64_t pages)
{
	const uint64_t log = TWZ_OBJ_LOG / TWZ_PAGE, behind = TWZ_OBJ_LOG_END / TWZ_PAGE;
	const uint64_t meta = TWZ_OBJ_META / TWZ_PAGE;
	const struct twz_record *from = record_at(s, src), *to = record_at(s, dst);
	uint64_t low = src_page < behind ? behind - src_page : 0;
	int error;

	if (!from || !to)
		return TWZ_E_NOTFOUND;
	if (dst == src || !src_page || src_page >= STORE_PAGES_MAX ||
	    pages > STORE_PAGES_MAX - src_page)
		return TWZ_E_RANGE;
	if (low > pages)
		low = pages;
	/* A store without copies never touches its counts: in a sparse image they may be holes. */
	error = s->reserve ? s->reserve(s->fixed->share.frame * TWZ_PAGE,
					s->fixed->share.frames * TWZ_PAGE)
			   : 0;
	if (!error && store_unsettled(s, src))
		error = store_settle(s, src);
	if (!error && to->account)
		error = range_check(s, dst, dst_page, pages);
	if (!error && to->account)
		error = copy_room(s, to, dst_page, from, src_page, pages);
	if (!error && STEP("check", "recall: copy"))
		error = recall(s, src, TWZ_LEASE_WRITE);
	if (!error)
		error = store_drop(s, dst, dst_page, pages);
	/* The log head that comes with a meta page knows nothing of dst's records. */
	if (!error && dst_page <= meta && meta - dst_page < pages)
		error = drop(s, dst, log, behind - log);
	/* What is shared by whole nodes first: cheapest into an empty map. */
	if (!error)
		error = copy_range(s, dst, dst_page + low, src, src_page + low, pages - low);
	return error ? error : copy_range(s, dst, dst_page, src, src_page, low);
}

/* Settling: tx_settle's view of the store. */

/* An object that ended can be the coordinator of one that lasts: it takes part until it is freed. */
static int settle_find(void *arg, struct twz_id id, uint64_t *handle)
{
	return record_find(arg, id, handle);
}

static void *settle_page(void *arg, uint64_t handle, uint64_t page, bool write, int *error)
{
	struct store_run run = {0};

	*error = store_run(arg, handle, page, 1, &run);
	if (write && STEP("check", "settle: limit") && run.limit & TWZ_WRITE)
		return NULL;
	if (!*error && write && (!run.frame || run.shared))
		*error = make(arg, handle, page, 1, true);
	if (!*error && write)
		*error = store_run(arg, handle, page, 1, &run);
	return *error || !run.frame ? NULL : frame_at(arg, run.frame);
}

static bool settle_writable(void *arg, uint64_t handle)
{
	return !(record_at(arg, handle)->identity.flags & TWZ_ID_SEALED);
}

bool store_unsettled(const struct store *s, uint64_t ref)
{
	const struct twz_record *rec = record_at(s, ref);

	return rec && rec->settled_epoch != s->super->epoch;
}

int store_settle(struct store *s, uint64_t ref)
{
	const struct settle_io io = {s, settle_find, settle_page, settle_writable};
	struct twz_record *rec = record_at(s, ref);
	int error;

	if (!rec)
		return TWZ_E_NOTFOUND;
	error = rec->identity.flags & TWZ_ID_SEALED ? 0 : tx_settle(&io, rec->id);
	if (!error) /* to make room for that can have been its end */
		error = record_there(rec);
	if (!error)
		pmem_store64(&rec->settled_epoch, s->super->epoch); /* a mark: lost, it is redone */
	return error;
}
