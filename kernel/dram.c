/*
 * dram.c - the medium DRAM: volatile objects. Their leaf tables are the truth about their pages: an
 * entry holds the frame and the page's limits.
 *
 * Copies share frames; each has a count of its holders. What may be shared is mapped without write; a
 * store copies the frame, unless its other holders are gone. Between objects of this medium a copy
 * has the limits of its source; of persistent ones the bytes are copied.
 */
#include "core/mem.h"
#include "kernel/account.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/object.h"
#include "kernel/step.h"

#define STEP_PAGES 128u /* that a bounded part takes */

static bool has_page(uint64_t entry)
{
	return entry & PTE_FRAME && !(entry & PTE_ZEROS);
}

static uint32_t limits(uint64_t entry)
{
	return entry >> PTE_LIMIT_SHIFT & 7;
}

/* The entry for a frame, under the limits that `entry` has. */
static uint64_t entry_of(uint64_t frame, uint64_t entry, bool writable)
{
	const uint64_t bits = PTE_USER | PTE_ACCESSED | PTE_DIRTY;
	uint32_t limit = limits(entry);

	if (__builtin_expect(!limit, 1))
		return frame | bits | PTE_PRESENT | (writable ? PTE_WRITE : 0);
	return frame | bits | (entry & PTE_LIMITS) | (limit & TWZ_READ ? 0 : PTE_PRESENT) |
	       (writable && !(limit & TWZ_WRITE) ? PTE_WRITE : 0) | (limit & TWZ_EXEC ? PTE_NX : 0);
}

static int fill_hole(struct object *o, uint64_t *entry, bool write)
{
	uint64_t frame, before = *entry;

	if (!write) {
		*entry = entry_of(ram_zeros, before, false) | PTE_ZEROS;
		return 0;
	}
	frame = KSTEP("zeroes") ? account_take_zero(o->tables.account)
				: account_take(o->tables.account);
	if (!frame)
		return account_error(o->tables.account);
	*entry = entry_of(frame, before, true);
	o->npages++;
	if (before & PTE_ZEROS)
		object_shoot(o);
	return 0;
}

/* The page is there and maybe shared. */
static int unshare(struct object *o, uint64_t *entry)
{
	uint64_t frame = *entry & PTE_FRAME, copy;

	if (!KSTEP("copy-on-write") || !ram_shared(frame)) {
		*entry = entry_of(frame, *entry, true);
		return 0;
	}
	copy = ram_take(); /* charged as the old one is */
	if (!copy)
		return TWZ_E_NOMEM;
	ram_copy(copy, frame);
	*entry = entry_of(copy, *entry, true);
	object_shoot(o); /* before the old frame can be another's */
	ram_give(frame);
	return 0;
}

/* All but the first store to a page. */
static __attribute__((noinline)) int fault(struct object *o, uint64_t page, uint64_t *entry,
					   bool write)
{
	if (!entry)
		entry = table_walk(&o->tables, page, true);
	if (!entry)
		return account_error(o->tables.account);
	if (KSTEP("limit-dram") && limits(*entry) & (write ? TWZ_WRITE | TWZ_READ : TWZ_READ))
		return TWZ_E_RIGHT;
	if (write && object_sealed(o))
		return TWZ_E_SEALED;
	if (!has_page(*entry))
		return *entry & PTE_ZEROS && !write ? 0 : fill_hole(o, entry, write);
	return write && !(*entry & PTE_WRITE) ? unshare(o, entry) : 0;
}

static int dram_fault(struct object *o, uint64_t page, uint64_t *entry, bool write)
{
	if (entry && !*entry && write && !object_sealed(o))
		return fill_hole(o, entry, true);
	return fault(o, page, entry, write);
}

static void *dram_look(struct object *o, uint64_t page)
{
	const uint64_t *entry = table_entry(&o->tables, page, false);

	return entry && has_page(*entry) ? direct(*entry & PTE_FRAME) : NULL;
}

static uint64_t dram_next(const struct object *o, uint64_t page, uint64_t end)
{
	return table_next(&o->tables, page, end);
}

/* ---- ranges -------------------------------------------------------------------------------------- */

/*
 * Frames that were taken out of entries: they are given back when no processor can have a translation
 * that leads to them. The kernel's lock is held all the time.
 */
struct gathered {
	unsigned n;
	uint64_t frame[STEP_PAGES];
};
/* A copy takes frames, and to find one others' pages may be dropped meanwhile. */
static struct gathered dropped, replaced;

static void gather(struct gathered *g, struct object *o, uint64_t *entry)
{
	if (has_page(*entry)) {
		g->frame[g->n++] = *entry & PTE_FRAME;
		o->npages--;
	}
	*entry = 0;
}

static void give_gathered(struct gathered *g, struct object *o)
{
	object_shoot(o);
	while (g->n)
		ram_give(g->frame[--g->n]);
}

static int dram_drop(struct object *o, uint64_t page, uint64_t pages, uint64_t *done)
{
	uint64_t at = page, end = page + pages;

	for (unsigned i = 0; i < STEP_PAGES && (at = table_next(&o->tables, at, end)) < end; i++) {
		gather(&dropped, o, table_entry(&o->tables, at, false));
		at++;
	}
	account_credit(o->tables.account, dropped.n);
	give_gathered(&dropped, o);
	*done = at - page;
	return 0;
}

/* The source's entry if its frame can be shared: not one that the kernel itself writes to. */
static uint64_t *sharable(struct object *src, uint64_t page)
{
	if (src->medium != &medium_dram || src->identity.type == TWZ_TYPE_THREAD ||
	    src->identity.type == TWZ_TYPE_DEVICE)
		return NULL;
	return table_entry(&src->tables, page, false);
}

/*
 * The entry for a copy of this page: of its frame, if that can be shared and have one holder more, or of
 * a new one. 0: no memory.
 */
static uint64_t entry_for_copy(struct object *src, uint64_t page, const void *bytes)
{
	uint64_t *source = sharable(src, page), frame;

	if (source && ram_share(*source & PTE_FRAME)) {
		*source &= ~PTE_WRITE;
		return entry_of(*source & PTE_FRAME, *source, false);
	}
	frame = ram_take();
	if (!frame)
		return 0;
	ram_copy(frame, physical(bytes));
	return entry_of(frame, source ? *source : 0, true);
}

/* What stands for a hole: its limits. */
static uint64_t hole_for_copy(struct object *src, uint64_t page)
{
	const uint64_t *source = sharable(src, page);

	return source ? *source & PTE_LIMITS : 0;
}

/* One page, or a hole. What it takes the place of is given up only when it is there, and pays for it. */
static int copy_page(struct object *dst, uint64_t to, struct object *src, uint64_t from)
{
	const void *bytes = src->medium->look(src, from);
	struct account *account = dst->tables.account;
	uint64_t copy = hole_for_copy(src, from), *entry;
	bool had;

	entry = table_entry(&dst->tables, to, bytes || copy);
	if (!entry)
		return bytes || copy ? account_error(account) : 0; /* a hole onto a hole */
	had = has_page(*entry);
	if (bytes && !had && !account_charge(account, 1))
		return TWZ_E_LIMIT;
	if (bytes)
		copy = entry_for_copy(src, from, bytes);
	if (bytes && !copy) {
		if (!had)
			account_credit(account, 1);
		return TWZ_E_NOMEM;
	}
	gather(&replaced, dst, entry);
	*entry = copy;
	dst->npages += bytes != NULL;
	if (!bytes && had)
		account_credit(account, 1);
	return 0;
}

/* Where there may be a page of either: holes on both sides are stepped over. */
static uint64_t next_of_both(const struct object *dst, uint64_t dst_page, const struct object *src,
			     uint64_t src_page, uint64_t pages)
{
	uint64_t a = table_next(&dst->tables, dst_page, dst_page + pages) - dst_page,
		 b = src->medium->next(src, src_page, src_page + pages) - src_page;

	return a < b ? a : b;
}

/*
 * The source's pages are shared now: nobody can write to them in place any more. To a frozen one nobody
 * could, but a context's snapshot is made of one that is not.
 */
static int dram_copy(struct object *dst, uint64_t dst_page, struct object *src, uint64_t src_page,
		     uint64_t pages, uint64_t *done)
{
	uint64_t n = 0, worked = 0;
	int error = 0;

	while (!error && worked < STEP_PAGES) {
		n += next_of_both(dst, dst_page + n, src, src_page + n, pages - n);
		if (n == pages)
			break;
		error = copy_page(dst, dst_page + n, src, src_page + n);
		n += !error;
		worked++;
	}
	if (src->medium == &medium_dram && !src->frozen)
		object_shoot(src);
	give_gathered(&replaced, dst);
	*done = n;
	return error;
}

/* 0: a hole. */
static uint64_t frame_at(struct object *o, uint64_t page)
{
	const uint64_t *entry = table_entry(&o->tables, page, false);

	return entry && has_page(*entry) ? *entry & PTE_FRAME : 0;
}

static int dram_same(struct object *a, uint64_t a_page, struct object *b, uint64_t b_page,
		     uint64_t pages, struct store_shared *shared)
{
	uint64_t n = 0, present = 0;

	for (unsigned i = 0; i < STEP_PAGES; i++) {
		uint64_t frame;

		n += next_of_both(a, a_page + n, b, b_page + n, pages - n);
		if (n == pages)
			break;
		frame = frame_at(a, a_page + n);
		if (frame != frame_at(b, b_page + n))
			break;
		present += frame != 0;
		n++;
	}
	*shared = (struct store_shared){n, present};
	return 0;
}

static int dram_limit(struct object *o, uint64_t page, uint64_t pages, uint32_t rights,
		      uint64_t *done)
{
	uint64_t n = pages < STEP_PAGES ? pages : STEP_PAGES;

	for (*done = 0; *done < n; ++*done) {
		uint64_t *entry = table_entry(&o->tables, page + *done, true), e;

		if (!entry)
			return account_error(o->tables.account);
		e = *entry | PTE_LIMIT(rights);
		if (has_page(e))
			*entry = entry_of(e & PTE_FRAME, e, e & PTE_WRITE);
		else
			*entry = e & PTE_LIMITS;
	}
	object_shoot(o);
	return 0;
}

static int dram_delete(struct object *o)
{
	(void)o; /* nothing lasts anyhow */
	return 0;
}

static bool dram_free(struct object *o)
{
	uint64_t done;

	if (o->npages) {
		dram_drop(o, o->freed, OBJECT_PAGES - o->freed, &done);
		o->freed += done;
	}
	return !o->npages;
}

static uint64_t dram_npages(const struct object *o)
{
	return o->npages;
}

const struct medium medium_dram = {
	.name = "DRAM",
	.persistent = false,
	.fault = dram_fault,
	.look = dram_look,
	.next = dram_next,
	.copy = dram_copy,
	.drop = dram_drop,
	.limit = dram_limit,
	.same = dram_same,
	.delete = dram_delete,
	.free = dram_free,
	.npages = dram_npages,
};
