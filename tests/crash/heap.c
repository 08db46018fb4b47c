/*
 * heap.c - allocation and FOT entries under crashes.
 *
 * Object 0 has a heap whose root is a table of pointers; a script allocates and frees blocks there
 * and inserts FOT entries, in transactions of one or more of these. After a crash the heap is
 * sound, the table's blocks are those that a model has, with their content, and the FOT has exactly
 * the model's entries: what returned has happened, the next transaction wholly or not at all.
 */
#include <stdio.h>
#include <string.h>

#include "core/fot.h"
#include "core/heap.h"
#include "core/pmem.h"
#include "tests/sim/objects.h"

#define NSLOTS 12u
#define NTARGETS 64u
#define NOPS 48u

/* LINK and NAME make FOT entries, for target or name number `slot`; the UN ones delete them. */
enum what { END, ALLOC, FREE, LINK, UNLINK, NAME, UNNAME, TRIM, GIVE_UP };

/* Of a block's content: the rest of a large one, whose pages matter, stays as it is. */
#define FILLED_MAX 300u

struct op {
	enum what what;
	unsigned slot;
	uint32_t bytes; /* of ALLOC */
	bool more;      /* the next op belongs to the same transaction */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

static uint64_t *slot_at(unsigned slot)
{
	const struct twz_heap *heap =
		(const struct twz_heap *)(object(0) + obj_meta(object(0))->heap);

	return (uint64_t *)(object(0) + ptr_offset(heap->root)) + slot;
}

static struct twz_id target(unsigned n)
{
	return (struct twz_id){.lo = n * 0x9e3779b97f4a7c15ull, .hi = n + 1};
}

/* Bytes of name number n; they differ, so that their blocks are of several classes. */
static uint32_t name_of(unsigned n, char name[32])
{
	return (uint32_t)snprintf(name, 32, "name %0*u", 2 + (int)(n % 3) * 8, n);
}

static uint32_t find_name(unsigned n)
{
	const struct twz_meta *meta = obj_meta(object(0));
	char name[32];
	uint32_t bytes = name_of(n, name);

	for (uint32_t i = 1; i <= meta->fot_next; i++) {
		const struct twz_fot_entry *entry = fot_entry(object(0), i);

		if (entry->kind == TWZ_FOT_NAME && ptr_index(entry->name) == bytes &&
		    !memcmp(object(0) + ptr_offset(entry->name), name, bytes))
			return i;
	}
	return 0;
}

/* ---- the program ----------------------------------------------------------------------------- */

static bool in_transaction(const struct op *op)
{
	return op->what != TRIM;
}

static uint64_t content(const struct op *op, uint32_t i)
{
	return (uint64_t)op->bytes << 32 | op->slot << 16 | i;
}

static uint32_t words_of(const struct op *op)
{
	return op->bytes / 8 < FILLED_MAX ? op->bytes / 8 : FILLED_MAX;
}

static void fill(struct twz_tx *tx, uint64_t *payload, const struct op *op)
{
	for (uint32_t i = 0; i < words_of(op); i++)
		payload[i] = content(op, i);
	twz_tx_fresh(tx, payload, 8 * words_of(op));
}

static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	void *payload = NULL;
	uint32_t index = 0;
	char name[32];
	int error;

	(void)number;
	switch (op->what) {
	case ALLOC:
		error = heap_alloc(tx, op->bytes, slot_at(op->slot), &payload);
		if (!error)
			fill(tx, payload, op);
		return error;
	case FREE:
		return heap_free(tx, slot_at(op->slot));
	case LINK:
		return fot_insert(tx, object(0), target(op->slot), &index);
	case UNLINK:
		return fot_delete(tx, object(0), fot_find(tx, object(0), target(op->slot)));
	case NAME:
		return fot_insert_name(tx, object(0), name, name_of(op->slot, name),
				       (struct twz_id){0}, &index);
	case UNNAME:
		return fot_delete(tx, object(0), find_name(op->slot));
	default:
		return heap_trim(object(0));
	}
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	const struct op *slot[NSLOTS]; /* the ALLOC that filled it, or null */
	bool linked[NTARGETS], named[NTARGETS];
};

static void model_start(struct model *m, const struct script *s)
{
	(void)s;
	memset(m, 0, sizeof(*m));
}

static void model_one(struct model *m, const struct op *op, unsigned number)
{
	(void)number;
	if (op->what == ALLOC || op->what == FREE)
		m->slot[op->slot] = op->what == ALLOC ? op : NULL;
	else if (op->what == LINK || op->what == UNLINK)
		m->linked[op->slot] = op->what == LINK;
	else if (op->what == NAME || op->what == UNNAME)
		m->named[op->slot] = op->what == NAME;
}

static bool has_slots(const struct model *m)
{
	for (unsigned n = 0; n < NSLOTS; n++) {
		const struct op *op = m->slot[n];
		const uint64_t *payload = (const uint64_t *)(object(0) + ptr_offset(*slot_at(n)));

		if (!*slot_at(n) != !op)
			return false;
		for (uint32_t i = 0; op && i < words_of(op); i++)
			if (payload[i] != content(op, i))
				return false;
	}
	return true;
}

static bool has_links(const struct model *m)
{
	uint32_t live = 0;

	for (unsigned n = 0; n < NTARGETS; n++) {
		uint32_t index = fot_find(NULL, object(0), target(n));
		const struct twz_fot_entry *entry = fot_entry(object(0), index);
		struct twz_id id = target(n);

		if (!index != !m->linked[n] || !find_name(n) != !m->named[n])
			return false;
		if (index && (entry->kind != TWZ_FOT_ID || memcmp(&entry->target, &id, sizeof(id))))
			return false;
		live += m->linked[n] + m->named[n];
	}
	return obj_meta(object(0))->fot_live == live;
}

static bool holds(const struct model *m)
{
	return has_slots(m) && has_links(m);
}

#include "tests/crash/script.h"

/* ---- a case ---------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	struct twz_heap *heap;
	void *table;

	(void)arg;
	failure = NULL;
	objects_setup();
	expect(heap_make(object(0), object_id(0)), "make");
	heap = (struct twz_heap *)(object(0) + obj_meta(object(0))->heap);
	heap->end =
		heap->start + (256 << 10); /* what is dropped is looked through, in every state */
	expect(heap_alloc(NULL, NSLOTS * 8, &heap->root, &table), "alloc of the table");
	memset(table, 0, NSLOTS * 8);
}

static uint64_t block_bytes(uint64_t owner)
{
	return sizeof(struct twz_block_head) + heap_size(object(0) + ptr_offset(owner));
}

/* Bytes of all blocks that something owns: the table, what it points to, names of FOT entries. */
static uint64_t reachable(void)
{
	uint64_t bytes = block_bytes(obj_offset(slot_at(0)));

	for (unsigned n = 0; n < NSLOTS; n++)
		if (*slot_at(n))
			bytes += block_bytes(*slot_at(n));
	for (uint32_t i = 1; i <= obj_meta(object(0))->fot_next; i++)
		if (fot_entry(object(0), i)->kind == TWZ_FOT_NAME)
			bytes += block_bytes(fot_entry(object(0), i)->name);
	return bytes;
}

/* All that is allocated can be freed, and what is free can be allocated. */
static const char *use_up(void)
{
	for (unsigned n = 0; n < NSLOTS; n++)
		if (*slot_at(n) && heap_free(NULL, slot_at(n)))
			return "a block cannot be freed";
	for (unsigned n = 0; n < NSLOTS; n++) {
		void *payload;

		if (heap_alloc(NULL, 16u << n % 4, slot_at(n), &payload))
			return "a block cannot be allocated";
	}
	return heap_check(object(0), &(uint64_t){0}) ? "the heap is not sound after use" : NULL;
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	static char text[80];
	uint64_t where = 0;
	const char *locked = objects_check();

	if (failure)
		return failure;
	if (locked)
		return locked;
	if (heap_check(object(0), &where)) {
		snprintf(text, sizeof(text), "the heap is not sound at 0x%llx",
			 (unsigned long long)where);
		return text;
	}
	if (heap_used(object(0), &where) || where != reachable())
		return "what is used is not what can be reached";
	if (!before_or_after(arg, crash))
		return "blocks or entries are neither as before nor as after the transaction";
	return use_up();
}

/* ---- the list -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct script
alloc = {
	.run = {{ALLOC, 0, 64}, {ALLOC, 1, 64}, {ALLOC, 2, 2000}, {FREE, 1}, {ALLOC, 3, 64}},
	.again = {{ALLOC, 4, 64}, {FREE, 4}, {ALLOC, 5, 32}},
},
several = {
	.run = {
		{ALLOC, 0, 48, true}, {ALLOC, 1, 48, true}, {ALLOC, 2, 96},
		{FREE, 0, 0, true}, {FREE, 1},
		{ALLOC, 3, 48, true}, {FREE, 3, 0, true}, {ALLOC, 3, 48, true}, {FREE, 2},
	},
	.again = {{ALLOC, 5, 48, true}, {ALLOC, 6, 48, true}, {ALLOC, 7, 48}},
},
/* Until a transaction commits, what it frees is still there: it must not be filled again. */
freed = {
	.run = {
		{ALLOC, 0, 48, true}, {ALLOC, 1, 48},
		{FREE, 0, 0, true}, {FREE, 1, 0, true}, {ALLOC, 2, 48},
		{FREE, 2, 0, true}, {ALLOC, 2, 48},
	},
	.again = {{ALLOC, 3, 48, true}, {ALLOC, 4, 48, true}, {ALLOC, 5, 48}},
},
links = {
	.run = {{LINK, 0}, {LINK, 1}, {LINK, 2}, {LINK, 1}, {UNLINK, 1}, {LINK, 3}},
	.again = {{LINK, 1}, {LINK, 4, 0, true}, {LINK, 5}},
},
many_links = {
	.run = {
		{LINK, 0, 0, true}, {LINK, 1, 0, true}, {LINK, 2, 0, true}, {LINK, 3, 0, true},
		{LINK, 4, 0, true}, {LINK, 5, 0, true}, {LINK, 6, 0, true}, {LINK, 7},
		{LINK, 8}, {LINK, 9, 0, true}, {LINK, 10, 0, true}, {LINK, 11},
		{UNLINK, 4, 0, true}, {LINK, 12},
	},
	.again = {{LINK, 8, 0, true}, {LINK, 20}, {LINK, 21}},
},
mixed = {
	.run = {
		{ALLOC, 0, 128, true}, {LINK, 0},
		{LINK, 1, 0, true}, {ALLOC, 1, 24, true}, {FREE, 0},
		{UNLINK, 0, 0, true}, {FREE, 1, 0, true}, {ALLOC, 0, 128},
	},
	.again = {{ALLOC, 2, 128, true}, {LINK, 2, 0, true}, {LINK, 3}, {FREE, 2}},
},
names = {
	.run = {
		{NAME, 0}, {LINK, 0, 0, true}, {NAME, 1, 0, true}, {NAME, 2},
		{UNNAME, 1}, {NAME, 3, 0, true}, {UNNAME, 0}, {NAME, 0},
	},
	.again = {{NAME, 4, 0, true}, {LINK, 4}, {NAME, 5}},
},
given_up = {
	.run = {
		{ALLOC, 0, 64}, {ALLOC, 1, 5000, true}, {FREE, 0, 0, true}, {GIVE_UP},
		{LINK, 0, 0, true}, {NAME, 0, 0, true}, {GIVE_UP}, {NAME, 1},
		{UNNAME, 1, 0, true}, {ALLOC, 2, 64, true}, {GIVE_UP}, {ALLOC, 3, 64},
	},
	.again = {{ALLOC, 5, 48, true}, {LINK, 1, 0, true}, {GIVE_UP}, {ALLOC, 4, 48}},
},

/* Neighbours become one, pages are given back, the top sinks; and what comes after. */
trim = {
	.run = {
		{ALLOC, 0, 64, true}, {ALLOC, 1, 64, true}, {ALLOC, 2, 200, true}, {ALLOC, 3, 64},
		{ALLOC, 4, 90000, true}, {ALLOC, 5, 40, true}, {ALLOC, 6, 100, true}, {ALLOC, 7, 32},
		{FREE, 1, 0, true}, {FREE, 2, 0, true}, {FREE, 4, 0, true}, {FREE, 6, 0, true},
		{FREE, 7}, {TRIM},
		{ALLOC, 1, 250}, {FREE, 5}, {FREE, 3}, {TRIM},
	},
	.again = {
		{TRIM}, {ALLOC, 8, 5000, true}, {ALLOC, 9, 90000}, {FREE, 8}, {TRIM},
	},
};

static const struct sim_case cases[] = {
	CASE("alloc and free", alloc, 12000),
	CASE("several blocks in one transaction", several, 12000),
	CASE("freed and allocated in one transaction", freed, 12000),
	CASE("entries of the FOT", links, 12000),
	CASE("many entries", many_links, 12000),
	CASE("late-bound entries", names, 12000),
	CASE("blocks and entries", mixed, 12000),
	CASE("given up", given_up, 12000),
	CASE("trimmed", trim, 12000),
	CASE("trimmed and killed", trim, 12000, .killed = true),
	CASE("killed", mixed, 12000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_heap", cases, sizeof(cases) / sizeof(cases[0]));
}
