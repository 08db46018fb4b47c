/* space.c - slots and the shadow (space.h). */
#include <twz/ptr.h>

#include "core/mem.h"
#include "lib/lock.h"
#include "lib/space.h"

#define MAX_ENTRIES (TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES)
#define NO_SLOT MAX_ENTRIES
#define HASH_SIZE (1u << 17) /* a power of two, twice the slots */
#define CLASSES 15           /* of rows; the largest holds all of a FOT */

#if TWZ_CHECK
static const bool checking = true;
#else
static const bool checking = false;
#endif

struct twz_shadow *twz_rows[TWZ_ROWS];

static struct lock lock;

/* ---- all of this with `lock` held -------------------------------------------------------------- */

static struct slot {
	uint32_t rights; /* of its entry in the view */
	uint32_t free;   /* the next free slot, NO_SLOT ends */
	uint8_t class;   /* of its row */
	bool ending, sealed, readable;
	uint64_t noted;                  /* space_note */
	struct twz_shadow *row[CLASSES]; /* its row, and those that it outgrew */
} slots[MAX_ENTRIES];

static uint32_t hash[HASH_SIZE]; /* slot + 1 by the object's ID, linear probing; 0 empty */
static uint32_t slot_next, place_next, slot_free = NO_SLOT, place_free = NO_SLOT;
static uint64_t forgotten; /* stored to with `lock` */
static uint8_t *row_next, *row_end;
static struct twz_shadow *row_free[CLASSES]; /* lists, through the first entry's delta */

/* ---- rows --------------------------------------------------------------------------------------- */

/* Entries of a row: 4 in class 0 (one line), then 12, 20, 36, 68, ... (an odd number of lines). */
static uint32_t capacity(unsigned class)
{
	uint32_t lines = class ? (1u << class) + 1 : 1;

	return lines * (TWZ_LINE / sizeof(struct twz_shadow));
}

/* All zeros; null if the shadow is full. */
static struct twz_shadow *row_take(unsigned class)
{
	uint64_t bytes = capacity(class) * sizeof(struct twz_shadow);
	struct twz_shadow *row = row_free[class];

	if (row) {
		row_free[class] = (struct twz_shadow *)row->delta;
		row->delta = 0;
		return row;
	}
	if ((uint64_t)(row_end - row_next) < bytes)
		return NULL;
	row = (struct twz_shadow *)row_next;
	row_next += bytes;
	return row;
}

static void row_give(struct twz_shadow *row, unsigned class)
{
	memset(row, 0, capacity(class) * sizeof(*row));
	row->delta = (uint64_t)row_free[class];
	row_free[class] = row;
}

static void row_set(uint32_t slot, struct twz_shadow *row)
{
	uint64_t first = (uint64_t)space_base(slot) >> TWZ_SLOT_SHIFT;
	uint64_t count = space_span(slot) >> TWZ_SLOT_SHIFT;

	for (uint64_t i = first; i < first + count; i++)
		__atomic_store_n(&twz_rows[i], row, __ATOMIC_RELEASE);
}

static void entry_set(struct twz_shadow *entry, uint64_t delta, uint64_t limit)
{
	__atomic_store_n(&entry->delta, delta, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->limit, limit, __ATOMIC_RELEASE);
}

/* Makes the row reach `index`; false if the shadow is full. */
static bool row_reach(uint32_t slot, uint32_t index, uint32_t fot_next)
{
	struct slot *s = &slots[slot];
	unsigned class = s->class;
	struct twz_shadow *row;

	if (index < capacity(class))
		return true;
	if (fot_next > index && fot_next < TWZ_FOT_ENTRIES)
		index = fot_next;
	while (capacity(class) <= index)
		class ++;
	row = row_take(class);
	if (!row)
		return false;
	memcpy(row, s->row[s->class], capacity(s->class) * sizeof(*row));
	s->row[class] = row;
	s->class = (uint8_t) class;
	row_set(slot, row);
	return true;
}

void space_cache(uint32_t slot, uint32_t index, uint32_t fot_next, uint32_t target)
{
	uint64_t prefix = (uint64_t)index << TWZ_PTR_OFF_BITS;
	struct slot *s = &slots[slot];

	lock_take(&lock);
	if (s->row[s->class] && slots[target].row[0] && row_reach(slot, index, fot_next))
		entry_set(&s->row[s->class][index], (uint64_t)space_base(target) - prefix,
			  prefix + space_span(target));
	lock_give(&lock);
}

/* ---- slots -------------------------------------------------------------------------------------- */

uint8_t *space_base(uint32_t slot)
{
	const struct twz_rt_info *info = twz_rt_info();

	return slot < info->nslots
		       ? (uint8_t *)(info->slot_base + slot * TWZ_SLOT_SIZE)
		       : (uint8_t *)(info->place_base + (slot - info->nslots) * TWZ_PLACE_SIZE);
}

uint64_t space_span(uint32_t slot)
{
	return slot < twz_rt_info()->nslots ? TWZ_SLOT_SIZE : TWZ_PLACE_SIZE;
}

bool space_find(const void *addr, uint32_t *slot)
{
	const struct twz_rt_info *info = twz_rt_info();
	uint64_t at = (uint64_t)addr;

	if (at - info->slot_base < info->nslots * TWZ_SLOT_SIZE)
		*slot = (uint32_t)((at - info->slot_base) >> TWZ_SLOT_SHIFT);
	else if (at - info->place_base < info->nplaces * TWZ_PLACE_SIZE)
		*slot = info->nslots + (uint32_t)((at - info->place_base) >> TWZ_PLACE_SHIFT);
	else
		return false;
	return __atomic_load_n(&twz_rows[at >> TWZ_SLOT_SHIFT], __ATOMIC_ACQUIRE);
}

struct twz_id space_id(uint32_t slot)
{
	return twz_rt_info()->view[slot].id; /* does not change while the slot is taken */
}

/* Whoever reads the entry meanwhile, a fault in another thread, sees all of it or tries again. */
static void entry_write(uint32_t slot, struct twz_id id, uint32_t rights)
{
	struct twz_view_slot *entry = &twz_rt_info()->view[slot];

	__atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELAXED);
	/* None of these stores is done before the one above it. */
	__atomic_store_n(&entry->id.lo, id.lo, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->id.hi, id.hi, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->epoch, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->rights, rights, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE);
	slots[slot].rights = rights;
}

static bool is_place(uint32_t slot)
{
	return slot >= twz_rt_info()->nslots;
}

static void hash_set(uint32_t at, uint32_t taken)
{
	__atomic_store_n(&hash[at], taken, __ATOMIC_RELEASE);
}

/*
 * Without `lock`: is the object where it would be looked for first? The slot is in the hash only while its
 * entry names the object, and the other way round: who finds both finds it as it was at one moment. False says
 * nothing.
 */
static inline bool hash_glance(struct twz_id id, struct twz_obj *obj)
{
	const struct twz_rt_info *info = twz_rt_info();
	uint32_t taken = __atomic_load_n(&hash[(uint32_t)id.lo % HASH_SIZE], __ATOMIC_ACQUIRE);
	uint32_t slot = taken - 1;

	if (slot >= info->nslots || /* as it is if nothing is there */
	    __atomic_load_n(&info->view[slot].id.lo, __ATOMIC_RELAXED) != id.lo ||
	    __atomic_load_n(&info->view[slot].id.hi, __ATOMIC_RELAXED) != id.hi)
		return false;
	*obj = (struct twz_obj){.id = id,
				.base = (uint8_t *)(info->slot_base + slot * TWZ_SLOT_SIZE),
				.slot = slot};
	return true;
}

/* Where the object is in the hash, or belongs. */
static uint32_t hash_find(struct twz_id id, bool large)
{
	uint32_t at = (uint32_t)id.lo % HASH_SIZE;

	while (hash[at] &&
	       !(twz_id_equal(space_id(hash[at] - 1), id) && is_place(hash[at] - 1) == large))
		at = (at + 1) % HASH_SIZE;
	return at;
}

static void hash_remove(struct twz_id id, bool large)
{
	uint32_t at = hash_find(id, large);

	/* The rest of the cluster goes in again: some of it may belong before the gap. */
	for (hash_set(at, 0); hash[at = (at + 1) % HASH_SIZE];) {
		uint32_t moved = hash[at];

		hash_set(at, 0);
		hash_set(hash_find(space_id(moved - 1), is_place(moved - 1)), moved);
	}
}

/* Before the first slot is taken. */
static void begin(void)
{
	const struct twz_rt_info *info = twz_rt_info();

	slot_next = TWZ_VIEW_RESERVED;
	row_next = (uint8_t *)info->shadow;
	row_end = row_next + info->shadow_bytes;
}

/* NO_SLOT if there is none. */
static uint32_t slot_take(bool large)
{
	const struct twz_rt_info *info = twz_rt_info();
	uint32_t *list = large ? &place_free : &slot_free, slot = *list;

	if (slot != NO_SLOT) {
		*list = slots[slot].free;
		return slot;
	}
	if (!slot_next)
		begin();
	if (large)
		return place_next < info->nplaces ? info->nslots + place_next++ : NO_SLOT;
	return slot_next < info->nslots ? slot_next++ : NO_SLOT;
}

/* Before a slot shows something else. */
static void forget(void)
{
	__atomic_fetch_add(&forgotten, 1, __ATOMIC_RELEASE);
}

static void slot_give(uint32_t slot)
{
	uint32_t *list = is_place(slot) ? &place_free : &slot_free;

	slots[slot].free = *list;
	*list = slot;
}

/* The slot's row; false if the shadow is full. */
static bool slot_begin(uint32_t slot, const struct twz_rt_stat *stat)
{
	struct twz_shadow *row = row_take(0);

	if (!row)
		return false;
	slots[slot] = (struct slot){.ending = stat->end_epoch,
				    .sealed = stat->identity.flags & TWZ_ID_SEALED,
				    .row = {row}};
	if (is_place(slot)) /* the object itself: twz_get sends all pointers of large places here */
		entry_set(row, (uint64_t)space_base(slot), space_span(slot));
	row_set(slot, row);
	return true;
}

static int map(struct twz_id id, bool large, const struct twz_rt_stat *stat, uint32_t *slot)
{
	uint32_t at = hash_find(id, large);
	struct twz_rt_stat asked;
	int error;

	*slot = hash[at] - 1;
	if (hash[at])
		return 0;
	if (!stat) {
		error = twz_rt_stat(id, &asked);
		if (error)
			return error;
		stat = &asked;
	}
	*slot = slot_take(large);
	if (*slot == NO_SLOT)
		return TWZ_E_NOSLOT;
	if (!slot_begin(*slot, stat)) {
		slot_give(*slot);
		return TWZ_E_NOMEM;
	}
	entry_write(*slot, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	hash_set(at, *slot + 1);
	return 0;
}

/* Out of line: who finds the object at a glance keeps no registers for this. */
static __attribute__((noinline)) int map_locked(struct twz_id id, bool large,
						const struct twz_rt_stat *stat, struct twz_obj *obj)
{
	uint32_t slot;
	int error;

	lock_take(&lock);
	error = map(id, large, stat, &slot);
	lock_give(&lock);
	if (!error)
		*obj = (struct twz_obj){.id = id, .base = space_base(slot), .slot = slot};
	return error;
}

int space_map(struct twz_id id, bool large, const struct twz_rt_stat *stat, struct twz_obj *obj)
{
	return !large && hash_glance(id, obj) ? 0 : map_locked(id, large, stat, obj);
}

/* ---- a view that was brought back ---------------------------------------------------------------- */

/* Takes over what the entry names; false: nothing that is there, and the entry is empty then. */
static bool adopt(uint32_t slot)
{
	struct twz_view_slot *entry = &twz_rt_info()->view[slot];
	struct twz_rt_stat stat;
	uint32_t at;

	if (!entry->seq) /* never written; nor is it now, which would make a page */
		return false;
	if (!(entry->seq & 1) && !entry->epoch && !twz_id_none(entry->id) &&
	    !twz_rt_stat(entry->id, &stat) && slot_begin(slot, &stat)) {
		slots[slot].rights = entry->rights;
		at = hash_find(entry->id, is_place(slot));
		if (!hash[at])
			hash_set(at, slot + 1);
		return true;
	}
	entry->seq &= ~1u; /* odd where a crash came in between */
	entry_write(slot, (struct twz_id){0}, 0);
	return false;
}

/* From `end` down to `first`. Returns the first of those behind all that are taken; the others are free. */
static uint32_t adopt_all(uint32_t first, uint32_t end)
{
	uint32_t next = first;

	for (uint32_t slot = end; slot-- > first;) {
		if (adopt(slot))
			next = next == first ? slot + 1 : next;
		else if (next != first)
			slot_give(slot);
	}
	return next;
}

void space_adopt(void)
{
	const struct twz_rt_info *info = twz_rt_info();

	lock_take(&lock);
	begin();
	slot_next = adopt_all(TWZ_VIEW_RESERVED, info->nslots);
	place_next = adopt_all(info->nslots, info->nslots + info->nplaces) - info->nslots;
	lock_give(&lock);
}

static __attribute__((constructor)) void recover(void)
{
	if (twz_rt_recovered())
		space_adopt();
}

/* ---- what is known of a slot ---------------------------------------------------------------------- */

int space_readable(uint32_t slot)
{
	int error;

	if (__atomic_load_n(&slots[slot].readable, __ATOMIC_RELAXED))
		return 0;
	error = twz_rt_may(space_id(slot), TWZ_READ);
	if (!error)
		__atomic_store_n(&slots[slot].readable, true, __ATOMIC_RELAXED);
	return error;
}

uint64_t space_noted(uint32_t slot)
{
	return __atomic_load_n(&slots[slot].noted, __ATOMIC_RELAXED);
}

void space_note(uint32_t slot, uint64_t word)
{
	__atomic_store_n(&slots[slot].noted, word, __ATOMIC_RELAXED);
}

bool space_sealed(uint32_t slot)
{
	bool sealed;

	lock_take(&lock);
	sealed = slots[slot].sealed;
	lock_give(&lock);
	return sealed;
}

bool space_ending(uint32_t slot)
{
	struct twz_rt_stat stat;
	bool ending;

	lock_take(&lock);
	if (slots[slot].ending && !twz_rt_stat(space_id(slot), &stat))
		slots[slot].ending = stat.end_epoch;
	ending = slots[slot].ending;
	lock_give(&lock);
	return ending;
}

void space_forget(struct twz_id id)
{
	lock_take(&lock);
	if (hash[hash_find(id, false)])
		hash_remove(id, false);
	if (hash[hash_find(id, true)])
		hash_remove(id, true);
	forget();
	lock_give(&lock);
}

uint64_t space_forgotten(void)
{
	return __atomic_load_n(&forgotten, __ATOMIC_ACQUIRE);
}

static void drop_entries_of(const struct slot *s, uint64_t target)
{
	for (unsigned class = 0; class < CLASSES; class ++) {
		struct twz_shadow *row = s->row[class];

		for (uint64_t i = 0; row && i < capacity(class); i++)
			if (row[i].limit && row[i].delta + (i << TWZ_PTR_OFF_BITS) == target)
				entry_set(&row[i], 0, 0);
	}
}

/* What the shadow knows of the slot as a target. */
static void drop_entries(uint32_t slot)
{
	uint32_t nslots = twz_rt_info()->nslots;

	for (uint32_t i = 0; i < slot_next; i++)
		drop_entries_of(&slots[i], (uint64_t)space_base(slot));
	for (uint32_t i = 0; i < place_next; i++)
		drop_entries_of(&slots[nslots + i], (uint64_t)space_base(slot));
}

void space_recycle(uint32_t slot)
{
	struct slot *s = &slots[slot];
	uint32_t at;

	lock_take(&lock);
	at = hash_find(space_id(slot), is_place(slot));
	if (hash[at] == slot + 1)
		hash_remove(space_id(slot), is_place(slot));
	drop_entries(slot);
	forget();
	entry_write(slot, (struct twz_id){0}, checking ? TWZ_VIEW_RECYCLED : 0);
	twz_rt_invalidate(slot, 1);
	row_set(slot, NULL);
	for (unsigned class = 0; class < CLASSES; class ++) {
		if (s->row[class])
			row_give(s->row[class], class);
		s->row[class] = NULL;
	}
	if (!checking) /* which leaves it as a trap for stale addresses */
		slot_give(slot);
	lock_give(&lock);
}

int space_reserve(uint32_t count, uint32_t *first)
{
	const uint32_t nslots = twz_rt_info()->nslots;
	int error = TWZ_E_NOSLOT;

	lock_take(&lock);
	if (!slot_next)
		begin();
	if (count <= nslots - slot_next) {
		*first = slot_next;
		slot_next += count;
		error = 0;
	}
	lock_give(&lock);
	return error;
}

void space_show(uint32_t slot, struct twz_id id, uint32_t rights)
{
	twz_rt_info()->view[slot].seq &= ~1u; /* odd if the thread before was ended in between */
	entry_write(slot, id, rights);
	twz_rt_invalidate(slot, 1);
}

void space_check(uint32_t slot, bool on)
{
	lock_take(&lock);
	entry_write(slot, space_id(slot),
		    TWZ_VIEW_READ | TWZ_VIEW_WRITE | (on ? TWZ_VIEW_CHECKED : 0));
	twz_rt_invalidate(slot, 1);
	lock_give(&lock);
}

void space_protect(const void *addr)
{
	uint32_t slot;

	if (!space_find(addr, &slot))
		return;
	lock_take(&lock);
	if (slots[slot].rights & TWZ_VIEW_CHECKED)
		twz_rt_invalidate(slot, 1);
	lock_give(&lock);
}
