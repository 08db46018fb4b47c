/* slots.c - objects mapped on first touch (slots.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/pmem.h"
#include "core/ptr.h"
#include "rt/linux/lease.h"
#include "rt/linux/pmem_file.h"
#include "rt/linux/slots.h"
#include "rt/linux/sync.h"

#define NENTRIES (NSLOTS + NPLACES)
#define NODE_PAGES ((uint64_t)TWZ_NODE_FANOUT)
#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)
#define SMALL_PAGES 16     /* an object of fewer grows page by page */
#define PIECES_SPARE 4096u /* mappings left to the rest of the process */
#define PIECES_FEW 256u    /* up to here the host is not asked how many there can be */

/* Written by the program. */
static struct twz_view_slot view[NENTRIES];

/* What is installed; home_lock held, or this process is recalled (lease.h). */
static struct slot {
	struct twz_id id; /* bound to; zero: not bound */
	uint32_t rights;
	uint32_t pieces; /* mappings made since the last reset: an upper bound, neighbours merge */
	uint64_t ref;    /* of what is mapped */
	uint32_t lease;  /* for it, 0: none */
	uint32_t kinds;  /* that it is for */
} slots[NENTRIES];

static uint32_t pieces_all;
static uint32_t pieces_max; /* 0: the host was not asked yet */
static uint32_t slots_end;  /* behind the last standard slot that ever had any */
static uint32_t victim;     /* where the last slot was that had to give its mappings away */
static uint32_t making =
	NENTRIES; /* a slot whose pages are being made: its mappings stay meanwhile */

/* ---- addresses -------------------------------------------------------------------------------- */

static uint8_t *base_of(uint32_t slot)
{
	return slot < NSLOTS ? (uint8_t *)(SLOT_BASE + slot * TWZ_SLOT_SIZE)
			     : (uint8_t *)(PLACE_BASE + (slot - NSLOTS) * TWZ_PLACE_SIZE);
}

static uint64_t span_of(uint32_t slot)
{
	return slot < NSLOTS ? TWZ_SLOT_SIZE : TWZ_PLACE_SIZE;
}

/* NENTRIES if the address is in none. */
static uint32_t slot_of(uintptr_t addr)
{
	uint64_t places = NPLACES * TWZ_PLACE_SIZE;

	if (addr - SLOT_BASE < NSLOTS * TWZ_SLOT_SIZE)
		return (uint32_t)((addr - SLOT_BASE) >> TWZ_SLOT_SHIFT);
	if (addr - PLACE_BASE < places)
		return NSLOTS + (uint32_t)((addr - PLACE_BASE) >> TWZ_PLACE_SHIFT);
	return NENTRIES;
}

bool slots_hold(uintptr_t addr)
{
	return slot_of(addr) < NENTRIES;
}

/* The entry as it was at some moment. */
static struct twz_view_slot entry_of(uint32_t slot)
{
	const struct twz_view_slot *entry = &view[slot];
	struct twz_view_slot copy;

	do {
		copy.seq = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);
		/* None of these loads is done after the next. */
		copy.id.lo = __atomic_load_n(&entry->id.lo, __ATOMIC_ACQUIRE);
		copy.id.hi = __atomic_load_n(&entry->id.hi, __ATOMIC_ACQUIRE);
		copy.epoch = __atomic_load_n(&entry->epoch, __ATOMIC_ACQUIRE);
		copy.rights = __atomic_load_n(&entry->rights, __ATOMIC_ACQUIRE);
	} while (copy.seq & 1 || copy.seq != __atomic_load_n(&entry->seq, __ATOMIC_RELAXED));
	return copy;
}

struct twz_id slots_id(uintptr_t addr)
{
	uint32_t slot = slot_of(addr);

	return slot < NENTRIES ? entry_of(slot).id : (struct twz_id){0};
}

/* ---- the host's mappings ---------------------------------------------------------------------- */

/* Not by the C library: the sanitizers would take note of every piece, which is slow. */
static void *host_map(const void *addr, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	return (void *)syscall(SYS_mmap, addr, bytes, prot, flags, fd, off);
}

static void *reserve(const void *addr, uint64_t bytes, int flags)
{
	return host_map(addr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags,
			-1, 0);
}

/* In a fault handler, perhaps: no stream. */
static uint32_t host_limit(void)
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	uint32_t limit;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = 0;
		close(fd);
	}
	limit = (uint32_t)strtoul(text, NULL, 10);
	if (!limit)
		limit = 65530;
	return limit > 2 * PIECES_SPARE ? limit - PIECES_SPARE : limit / 2;
}

/* Are there 1 / part of the mappings that there may be? */
static bool pieces_reach(uint32_t part)
{
	if (!pieces_max && pieces_all < PIECES_FEW)
		return false;
	if (!pieces_max)
		pieces_max = host_limit();
	return pieces_all >= pieces_max / part;
}

void slots_limit(uint32_t pieces)
{
	pieces_max = pieces;
}

/* What an object or a pointer can lead to, in this order; the first so many are there. */
static const struct region {
	const char *name;
	uint64_t start, bytes;
} regions[] = {
	{"objects' slots", SLOT_BASE, NSLOTS *TWZ_SLOT_SIZE},
	{"large objects' places", PLACE_BASE, NPLACES *TWZ_PLACE_SIZE},
	{"null pointers' region (build the program as a PIE)", LOW_START, LOW_END - LOW_START},
};
#define NREGIONS (sizeof(regions) / sizeof(regions[0]))

static void regions_give_back(unsigned n)
{
	while (n--)
		if (regions[n].bytes)
			munmap((void *)regions[n].start, regions[n].bytes);
}

/* The number of regions that could be reserved. */
static unsigned regions_reserve(void)
{
	for (unsigned i = 0; i < NREGIONS; i++)
		if (regions[i].bytes && reserve((void *)regions[i].start, regions[i].bytes,
						MAP_FIXED_NOREPLACE) != (void *)regions[i].start)
			return i;
	return NREGIONS;
}

static int no_room(unsigned there, const char **why)
{
	static char text[160];

	snprintf(text, sizeof(text), "the address space for the %s is not free: %s",
		 there < NREGIONS ? regions[there].name : "shadow", strerror(errno));
	regions_give_back(there);
	*why = text;
	return TWZ_E_NOMEM;
}

int slots_init(const char **why)
{
	unsigned there;
	void *shadow;

	if (home.info.shadow)
		return 0;
	there = regions_reserve();
	if (there < NREGIONS)
		return no_room(there, why);
	shadow = mmap(NULL, SHADOW_BYTES + TWZ_SHADOW_TAIL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (shadow == MAP_FAILED)
		return no_room(there, why);
	madvise(shadow, SHADOW_BYTES + TWZ_SHADOW_TAIL, MADV_DONTDUMP);
	home.info.version = TWZ_RT_VERSION;
	home.info.nslots = NSLOTS;
	home.info.slot_base = SLOT_BASE;
	home.info.nplaces = NPLACES;
	home.info.place_base = PLACE_BASE;
	home.info.view = view;
	home.info.shadow = (uint64_t)shadow;
	home.info.shadow_bytes = SHADOW_BYTES;
	return 0;
}

static void unmap_host(uint32_t slot)
{
	if (reserve(base_of(slot), span_of(slot), MAP_FIXED) != base_of(slot))
		die(125, "cannot unmap an object: %s", strerror(errno));
	pieces_all -= slots[slot].pieces;
	slots[slot].pieces = slots[slot].kinds = 0;
}

/* Takes away what is mapped; the binding stays. */
static void unmap(uint32_t slot)
{
	if (!slots[slot].lease)
		return;
	/*
	 * What other threads flushed by these addresses, their fence will not find any more. And they
	 * store nothing there meanwhile: the touch waits for home_lock.
	 */
	if (pmem.kind == PMEM_FILE && mprotect(base_of(slot), span_of(slot), PROT_NONE))
		die(125, "cannot unmap an object: %s", strerror(errno));
	pmem_file_all();
	unmap_host(slot);
	sync_unmapped(base_of(slot), span_of(slot), slots[slot].ref);
	lease_give(slots[slot].lease);
	slots[slot].lease = 0;
}

void slots_reset(uint32_t slot)
{
	unmap(slot);
	slots[slot].id = (struct twz_id){0};
}

void slots_reset_object(struct twz_id id)
{
	for (uint32_t slot = 0; slot < NENTRIES; slot++)
		if (slots[slot].id.lo == id.lo && slots[slot].id.hi == id.hi)
			slots_reset(slot);
}

void slots_recall(uint64_t ref, uint32_t kinds)
{
	for (uint32_t i = 0; i < NENTRIES; i = i + 1 == slots_end ? NSLOTS : i + 1)
		if (slots[i].kinds & kinds && slots[i].ref == ref && i != making)
			unmap(i);
}

/* What the parent flushed, its own fence writes back. */
void slots_forked(void)
{
	for (uint32_t slot = 0; slot < NENTRIES; slot++) {
		if (slots[slot].lease)
			unmap_host(slot);
		slots[slot].lease = 0; /* it is the parent's */
	}
	pieces_all = 0; /* the parent's thread may have been in the middle of it */
}

/* Another slot gives its mappings away; false if none has any. */
static bool make_room(uint32_t slot)
{
	for (uint32_t i = 0; i < NENTRIES; i++) {
		victim = (victim + 1) % NENTRIES;
		if (victim != slot && slots[victim].pieces) {
			unmap(victim);
			return true;
		}
	}
	if (!slots[slot].pieces)
		return false;
	unmap(slot);
	return true;
}

/* Says that something is to be mapped, of a kind. */
static int lease(uint32_t slot, uint64_t ref, uint32_t kind)
{
	struct slot *s = &slots[slot];
	int error;

	if (s->kinds & kind)
		return 0;
	s->ref = ref;
	error = lease_take(ref, kind, &s->lease);
	if (!error)
		s->kinds |= kind;
	if (slot < NSLOTS && slot >= slots_end)
		slots_end = slot + 1;
	return error;
}

/* frame 0: zeros. */
static int map_piece(uint32_t slot, uint64_t page, uint64_t pages, int prot, uint32_t frame)
{
	uint8_t *at = base_of(slot) + page * TWZ_PAGE;
	int flags = MAP_FIXED |
		    (frame ? home.image.map_flags : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	if (frame && home_descriptor())
		return TWZ_E_IO;
	if (pieces_reach(1))
		make_room(slot);
	while (host_map(at, pages * TWZ_PAGE, prot, flags, frame ? home.image.fd : -1,
			frame * TWZ_PAGE) != at)
		if (errno != ENOMEM || !make_room(slot))
			return TWZ_E_NOMEM;
	slots[slot].pieces++;
	pieces_all++;
	return 0;
}

/* ---- a touch ---------------------------------------------------------------------------------- */

/* Binds the slot to the object that its entry names. */
static int bind(uint32_t slot, struct twz_fault *fault)
{
	struct twz_view_slot copy = entry_of(slot);

	if (!(copy.id.lo | copy.id.hi)) {
		fault->kind =
			copy.rights & TWZ_VIEW_RECYCLED ? TWZ_FAULT_POINTER : TWZ_FAULT_OBJECT;
		return TWZ_E_OUTSIDE;
	}
	if (copy.epoch && copy.epoch != home.info.epoch) {
		fault->kind = TWZ_FAULT_OBJECT;
		return TWZ_E_NOTFOUND;
	}
	slots[slot].id = copy.id;
	slots[slot].rights = copy.rights;
	return 0;
}

/* The stretch of pages in one state that holds the page; not past its node. */
static int run_around(uint64_t ref, uint64_t page, struct store_run *run)
{
	uint64_t at = page & ~(NODE_PAGES - 1), end = at + NODE_PAGES;

	do {
		int error = store_run(&home.store, ref, at, end - at, run);

		if (error)
			return error;
		at = run->page + run->pages;
	} while (at <= page);
	return 0;
}

/*
 * How many pages a store into a hole makes: so many that the object grows by as much as it has, and
 * its frames become long stretches; the log and the FOT by what is asked for.
 */
static uint64_t growth(uint64_t ref, uint64_t page)
{
	uint64_t npages = store_record(&home.store, ref)->npages;

	if (page < DATA_PAGE || npages < SMALL_PAGES)
		return 1;
	return npages < NODE_PAGES ? npages : NODE_PAGES;
}

/*
 * Makes the page, and others, present and unshared; *run is what is there then. Other slots, and other
 * processes, lose what they have mapped of it; this slot too if it shows more than *run that changed.
 */
static int make(uint32_t slot, uint64_t ref, uint64_t page, uint64_t want, struct store_run *run)
{
	uint64_t end = run->page + run->pages, pages = want, first = page;
	int error;

	if (!run->frame && pages < growth(ref, page))
		pages = growth(ref, page);
	if (run->shared && pieces_reach(2)) {
		first = run->page;
		pages = run->pages;
	}
	if (pages > end - first)
		pages = end - first;
	if (sync_asleep(base_of(slot), span_of(slot)))
		unmap(slot);
	making = slot;
	home.store.moved = false;
	error = store_make(&home.store, ref, first, pages);
	if (error == TWZ_E_FULL && pages > want)
		error = store_make(&home.store, ref, page, 1);
	making = NENTRIES;
	if (!error)
		error = run_around(ref, page, run);
	if (error || home.store.moved || run->page > first ||
	    run->page + run->pages < first + pages)
		unmap(slot);
	return error;
}

/* Does a transaction of this process hold the object? (TWZ_VIEW_CHECKED) */
static bool in_transaction(uint64_t ref)
{
	const struct twz_meta *meta = store_page(&home.store, ref, TWZ_OBJ_META / TWZ_PAGE);

	return meta && (meta->log.lock | LOCK_WAITERS) == (home.owner | LOCK_WAITERS);
}

/* home_lock held; `want` pages from `page` on will be stored to. */
static int touch_page(uint32_t slot, uint64_t page, bool write, uint64_t want,
		      struct twz_fault *fault)
{
	struct slot *s = &slots[slot];
	const struct twz_record *rec;
	struct store_run run;
	bool checked, writable;
	uint64_t ref;
	int error = 0;

	if (!(s->id.lo | s->id.hi))
		error = bind(slot, fault);
	fault->object = s->id;
	if (error)
		return error;
	fault->kind = TWZ_FAULT_NULL;
	if (!page)
		return TWZ_E_OUTSIDE;
	error = home_find(s->id, &ref);
	fault->kind = error == TWZ_E_NOTFOUND ? TWZ_FAULT_OBJECT : TWZ_FAULT_DAMAGED;
	if (!error)
		error = run_around(ref, page, &run);
	if (error)
		return error;

	rec = store_record(&home.store, ref);
	fault->kind = TWZ_FAULT_RIGHT;
	if (rec->identity.flags & TWZ_ID_SEALED && write)
		return TWZ_E_SEALED;
	if (run.limit & TWZ_READ || !(s->rights & TWZ_VIEW_READ))
		return TWZ_E_RIGHT;
	writable = s->rights & TWZ_VIEW_WRITE && !(rec->identity.flags & TWZ_ID_SEALED) &&
		   !(run.limit & TWZ_WRITE);
	checked = s->rights & TWZ_VIEW_CHECKED && page >= DATA_PAGE;
	if (write && (!writable || (checked && !in_transaction(ref))))
		return TWZ_E_RIGHT;

	if (write && (!run.frame || run.shared)) {
		error = make(slot, ref, page, want, &run);
		fault->kind = error == TWZ_E_DAMAGED ? TWZ_FAULT_DAMAGED : TWZ_FAULT_FULL;
		if (error)
			return error;
	}
	if (!run.page) { /* never page 0, which only a hostile image has */
		run.page++;
		run.pages--;
		run.frame += !!run.frame;
	}
	writable &= run.frame && !run.shared && (!checked || write);
	fault->kind = TWZ_FAULT_FULL;
	error = lease(slot, ref,
		      !run.frame ? TWZ_LEASE_HOLES
		      : writable ? TWZ_LEASE_WRITE
				 : TWZ_LEASE_READ);
	if (error)
		return error;
	return map_piece(slot, run.page, run.pages, writable ? PROT_READ | PROT_WRITE : PROT_READ,
			 run.frame);
}

bool slots_touch(uintptr_t addr, bool write, uint64_t want, struct twz_fault *fault)
{
	uint32_t slot = slot_of(addr);
	uint64_t offset;

	*fault = (struct twz_fault){.kind = TWZ_FAULT_OBJECT,
				    .error = TWZ_E_OUTSIDE,
				    .access = write ? TWZ_VIEW_WRITE : TWZ_VIEW_READ,
				    .address = addr};
	if (slot == NENTRIES)
		return false;
	offset = addr - (uintptr_t)base_of(slot);
	fault->offset = offset;
	home_lock();
	fault->error = touch_page(slot, offset / TWZ_PAGE, write,
				  (offset % TWZ_PAGE + want + TWZ_PAGE - 1) / TWZ_PAGE, fault);
	home_unlock();
	return !fault->error;
}

int twz_rt_touch(void *addr, uint64_t bytes)
{
	uintptr_t at = (uintptr_t)addr, end = at + bytes;
	struct twz_fault fault;

	if (end < at || (bytes && slot_of(at) != slot_of(end - 1)))
		return TWZ_E_OUTSIDE;
	for (; at < end; at = (at | (TWZ_PAGE - 1)) + 1)
		if (!slots_touch(at, true, end - at, &fault))
			return fault.error;
	return 0;
}

int twz_rt_invalidate(uint32_t slot, uint32_t count)
{
	if (slot > NENTRIES || count > NENTRIES - slot)
		return TWZ_E_RANGE;
	home_lock();
	for (uint32_t i = slot; i < slot + count; i++)
		slots_reset(i);
	home_unlock();
	return 0;
}
