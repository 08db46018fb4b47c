/* ops.c - the operations: chosen, foreseen by the model, done on the system, compared (model.h). */
#include "tests/model/ops.h"

/* ---- choices --------------------------------------------------------------------------------------- */

uint64_t draw(struct doing *d, uint64_t below)
{
	uint64_t x = d->random += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (x ^ x >> 31) % below;
}

bool one_in(struct doing *d, unsigned n)
{
	return !draw(d, n);
}

unsigned pick(struct doing *d, unsigned kinds)
{
	unsigned from = (unsigned)draw(d, OBJECTS);

	for (unsigned i = 0; i < OBJECTS; i++) {
		unsigned k = (from + i) % OBJECTS;

		if (kinds & 1u << d->w->object[k].kind)
			return k;
	}
	return NOBODY;
}

unsigned pick_free(struct doing *d)
{
	d->made = pick(d, 1u << NOTHING);
	return d->made;
}

void say(struct doing *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	twz_vformat(d->said, sizeof(d->said), format, args);
	va_end(args);
}

/* ---- compared ---------------------------------------------------------------------------------------- */

void expect(const struct doing *d, int expected, int found)
{
	if (expected != found && !d->again)
		op_fails(d, expected ? twz_error_text(expected) : "success",
			 found ? twz_error_text(found) : "success");
}

void compare_one(const struct doing *d, unsigned k)
{
	char text[TEXT_MAX];

	if (!real_same_object(d->w, k, text))
		op_fails(d, "what the model has", text);
}

/* ---- objects made and deleted ------------------------------------------------------------------------ */

/* What was made as an ending one gets its place in the table before it is kept. */
void note(struct doing *d, unsigned k, struct twz_id id)
{
	table_note_id(k, id);
	if (d->w->object[k].life == LASTING)
		expect(d, 0, twz_obj_keep(id));
}

static bool make(struct doing *d)
{
	unsigned k = pick_free(d), to = one_in(d, 4) ? pick(d, ANY) : NOBODY;
	struct object *o = &d->w->object[k];
	char tied[32] = "";
	struct twz_id id;

	if (k == NOBODY)
		return false;
	*o = (struct object){.kind = one_in(d, 3) ? HOLDER : PLAIN,
			     .life = one_in(d, 2)   ? LASTING
				     : one_in(d, 2) ? ENDING
						    : VOLATILE,
			     .uid = (uint32_t)d->n};
	if (to != NOBODY && o->life == LASTING && world_ends(d->w, to))
		to = NOBODY;
	if (to != NOBODY) {
		(void)world_tie(d->w, k, to, 0);
		twz_format(tied, sizeof(tied), ", tied to %u", to);
	}
	o->scoped = o->life == VOLATILE && to == NOBODY;
	say(d, "make object %u, %s that %s%s", k, o->kind == HOLDER ? "a holder" : "one with pages",
	    o->life == LASTING  ? "lasts"
	    : o->life == ENDING ? "ends"
				: "is volatile",
	    tied);
	if (d->real) {
		expect(d, 0, real_make(o, to, &id));
		note(d, k, id);
	}
	return true;
}

static bool copy_object(struct doing *d)
{
	unsigned src = pick(d, PAGED | 1u << HOLDER), k = pick_free(d);
	const bool ending = one_in(d, 3);
	struct object *o = &d->w->object[k], *s = &d->w->object[src];
	struct twz_id id;

	/* From a volatile object bytes are copied, without limits. */
	if (src == NOBODY || k == NOBODY ||
	    (s->kind == PLAIN && s->life == VOLATILE && world_limited(s, 0, PLACES)))
		return false;
	say(d, "copy object %u to a new one that %s, %u", src, ending ? "ends" : "lasts", k);
	*o = (struct object){.life = ending ? ENDING : LASTING, .uid = (uint32_t)d->n};
	world_copy_whole(d->w, k, src);
	if (d->real) {
		expect(d, 0, twz_obj_copy(table->id[src], true, &id));
		note(d, k, id);
	}
	return true;
}

static bool delete_one(struct doing *d)
{
	unsigned k = pick(d, ANY);
	int error;

	if (k == NOBODY)
		return false;
	say(d, "delete object %u", k);
	if (d->real)
		real_open(k); /* wherever it is mapped, so it can be given back */
	error = world_delete(d->w, k);
	if (d->real)
		expect(d, error, twz_obj_delete(table->id[k]));
	return true;
}

/* What is gone cannot be found. A sealed one's content may be there again under another number. */
static bool use_gone(struct doing *d)
{
	unsigned k = pick(d, 1u << NOTHING), what = (unsigned)draw(d, 4);
	static const char *const how[] = {"delete", "keep", "copy", "open"};
	struct twz_obj obj;
	struct twz_id id;

	if (k == NOBODY || !d->w->object[k].uid || d->w->object[k].uid >> 31)
		return false;
	say(d, "%s object %u, which is gone", how[what], k);
	if (!d->real)
		return true;
	id = table->id[k];
	expect(d, TWZ_E_NOTFOUND,
	       what == 0   ? twz_obj_delete(id)
	       : what == 1 ? twz_obj_keep(id)
	       : what == 2 ? twz_obj_copy(id, true, &id)
			   : twz_obj_open(id, &obj));
	return true;
}

static bool keep(struct doing *d)
{
	unsigned k = pick(d, ANY);
	int error;

	if (k == NOBODY || d->w->object[k].life == VOLATILE)
		return false;
	/* The homes differ in when they take what only ties end for ending, and in what they say then. */
	for (unsigned to = 0; to < OBJECTS; to++)
		if (d->w->tie[k][to] && world_ends(d->w, to) &&
		    (d->w->tie[k][to] & TWZ_TIE_ENDING || d->w->object[to].life != ENDING))
			return false;
	say(d, "keep object %u", k);
	error = world_keep(d->w, k);
	if (d->real)
		expect(d, error, twz_obj_keep(table->id[k]));
	return true;
}

static bool seal(struct doing *d)
{
	unsigned src = pick(d, PAGED), slot = pick_free(d), k;
	uint64_t pages = one_in(d, 4) ? 520 + draw(d, 16) : 1 + draw(d, 40);
	uint64_t size = pages * TWZ_PAGE - 7 * draw(d, 2);
	struct twz_id id;
	int error;

	if (src == NOBODY || slot == NOBODY || world_ends(d->w, src))
		return false;
	say(d, "seal %llu bytes of object %u as %u", (unsigned long long)size, src, slot);
	d->leaves = PARTS;
	error = world_seal(d->w, src, size, slot, &k);
	if (!d->real)
		return true;
	expect(d, error,
	       twz_obj_seal(table->id[src], size, TWZ_READ | TWZ_WRITE | TWZ_DELETE, &id));
	if (error)
		return true;
	if (k == slot)
		table_note_id(slot, id);
	else if (!twz_id_equal(table->id[k], id))
		op_fails(d, "the sealed object with this content", "another one");
	return true;
}

/* ---- pages ------------------------------------------------------------------------------------------- */

/* Some places in one stretch. */
struct range {
	unsigned place, n;
};

static struct range stretch_of(unsigned i)
{
	static const struct range all[] = {{0, 32}, {32, 32}, {64, 16}, {80, 16}};

	return all[i];
}

static struct range some(struct doing *d)
{
	struct range all = stretch_of(one_in(d, 2) ? 0 : (unsigned)draw(d, 4)), r;

	r.n = 1 + (unsigned)draw(d, one_in(d, 3) ? all.n : 4);
	r.place = all.place + (unsigned)draw(d, all.n - r.n + 1);
	return r;
}

static bool copy_range(struct doing *d)
{
	struct range to = some(d), all = stretch_of((unsigned)draw(d, 4));
	unsigned dst = pick(d, one_in(d, 16) ? PAGED : 1u << PLAIN), src = pick(d, PAGED), from;
	struct object *o = &d->w->object[dst], *s = &d->w->object[src];
	int error;

	if (dst == NOBODY || src == NOBODY)
		return false;
	if (to.n > all.n)
		to.n = all.n;
	from = all.place + (unsigned)draw(d, all.n - to.n + 1);
	/* A copy that was cut off can be done again; and between the mediums there are no limits. */
	if ((o->life == LASTING && world_ends(d->w, src)) ||
	    ((o->life == VOLATILE) != (s->life == VOLATILE) &&
	     (world_limited(o, to.place, to.n) || world_limited(s, from, to.n))))
		return false;
	say(d, "copy %u pages of object %u from place %u to place %u of object %u", to.n, src, from,
	    to.place, dst);
	d->leaves = PARTS;
	d->busy = dst;
	error = world_copy(d->w, dst, to.place, src, from, to.n);
	if (d->real)
		expect(d, error,
		       twz_rt_copy(table->id[dst], place_page(to.place), table->id[src],
				   place_page(from), to.n));
	return true;
}

static bool drop(struct doing *d)
{
	unsigned k = pick(d, one_in(d, 16) ? PAGED : 1u << PLAIN);
	unsigned all = one_in(d, 8) ? one_in(d, 16) ? PLACES : 64 : 0;
	struct range r = some(d);
	uint64_t page, pages;
	int error;

	if (k == NOBODY)
		return false;
	if (all) /* from the first on, over a node's end, or to the object's end */
		r = (struct range){0, all};
	page = place_page(r.place);
	pages = place_page(r.place + r.n - 1) + 1 - page;
	say(d, "drop %llu pages of object %u from place %u on", (unsigned long long)pages, k,
	    r.place);
	d->leaves = PARTS;
	d->busy = k;
	error = world_drop(d->w, k, r.place, r.n);
	if (d->real)
		expect(d, error, twz_rt_drop(table->id[k], page, pages));
	return true;
}

static bool limit(struct doing *d)
{
	unsigned k = pick(d, one_in(d, 16) ? PAGED : 1u << PLAIN);
	uint32_t bits = one_in(d, 2)   ? TWZ_WRITE
			: one_in(d, 2) ? TWZ_EXEC
				       : TWZ_READ | TWZ_WRITE | TWZ_EXEC;
	struct range r = some(d);
	int error;

	if (k == NOBODY)
		return false;
	say(d, "limit %u pages of object %u from place %u on by %u", r.n, k, r.place, bits);
	d->leaves = PARTS;
	d->busy = k;
	error = world_limit(d->w, k, r.place, r.n, bits);
	if (d->real)
		expect(d, error, twz_rt_limit(table->id[k], place_page(r.place), r.n, bits));
	return true;
}

static bool set_size(struct doing *d)
{
	unsigned k = pick(d, 1u << PLAIN);

	if (k == NOBODY)
		return false;
	d->w->object[k].has_size = true;
	d->w->object[k].size = draw(d, 1 << 20);
	say(d, "set the size of object %u to %llu", k, (unsigned long long)d->w->object[k].size);
	if (d->real)
		expect(d, 0, twz_obj_set_size(real_open(k), d->w->object[k].size));
	return true;
}

/* ---- words ------------------------------------------------------------------------------------------- */

struct target some_word(struct doing *d, unsigned k)
{
	return (struct target){.k = k, .place = some(d).place, .word = (unsigned)draw(d, WORDS)};
}

static uint64_t *model_word(struct doing *d, struct target t)
{
	struct object *o = &d->w->object[t.k];

	return o->kind == HOLDER ? &o->value : &o->word[t.place][t.word];
}

uint64_t *system_word(struct doing *d, struct target t)
{
	return real_word(t.k, &d->w->object[t.k], t.place, t.word);
}

static bool store(struct doing *d)
{
	struct target t = some_word(d, pick(d, one_in(d, 32) ? PAGED : 1u << PLAIN | 1u << HOLDER));
	uint64_t value = one_in(d, 8) ? 0 : d->n << 8 | draw(d, 256);
	const bool persist = one_in(d, 2);
	int error;

	if (t.k == NOBODY)
		return false;
	say(d, "store to object %u at place %u, word %u%s", t.k, t.place, t.word,
	    persist ? ", durably" : "");
	error = world_store_error(d->w, t.k, t.place);
	if (!error)
		*model_word(d, t) = value;
	if (!d->real)
		return true;
	if (error) { /* what can be found out without a fault */
		expect(d, error, twz_rt_touch(system_word(d, t), sizeof(uint64_t)));
		return true;
	}
	*(volatile uint64_t *)system_word(d, t) = value;
	if (persist)
		twz_persist(system_word(d, t), sizeof(uint64_t));
	return true;
}

static bool sync(struct doing *d)
{
	unsigned k = pick(d, PAGED | 1u << HOLDER);

	if (k == NOBODY)
		return false;
	say(d, "sync object %u", k);
	if (d->real)
		expect(d, 0, twz_obj_sync(real_open(k)));
	return true;
}

#define WRITES 6u

/* Until it is committed, plain loads see what was there. */
static void look_at_staged(struct doing *d, const struct twz_tx *tx, const uint64_t *at,
			   uint64_t was, uint64_t value)
{
	if (tx->error)
		return;
	if (*(const uint64_t *)twz_tx_read(tx, at, sizeof(*at)) != value)
		op_fails(d, "what is staged", "another value");
	if (*(const volatile uint64_t *)at != was)
		op_fails(d, "what was there before the commit", "another value");
}

/*
 * Can the last of these words be in one transaction with those before it? What ends earlier than others
 * cannot, nor can an object by two of its mappings; and there are few large places.
 */
static bool together(const struct doing *d, const struct target *t, unsigned last)
{
	unsigned large = place_large(t[last].place);

	for (unsigned i = 0; i < last; i++) {
		large += place_large(t[i].place);
		if ((d->w->object[t[i].k].life == VOLATILE) !=
			    (d->w->object[t[last].k].life == VOLATILE) ||
		    (t[i].k == t[last].k && place_large(t[i].place) != place_large(t[last].place)))
			return false;
	}
	return large < LARGE_AT_ONCE;
}

static bool transact(struct doing *d)
{
	const unsigned n = 1 + (unsigned)draw(d, WRITES);
	const bool abort = one_in(d, 5);
	struct target t[WRITES];
	uint64_t was[WRITES];
	struct twz_tx tx;
	int error = 0;

	for (unsigned i = 0; i < n; i++) {
		t[i] = some_word(d, pick(d, 1u << PLAIN | 1u << HOLDER));
		if (t[i].k == NOBODY || !together(d, t, i))
			return false;
	}
	say(d, "%s a transaction of %u words, the first in object %u at place %u",
	    abort ? "abort" : "commit", n, t[0].k, t[0].place);
	if (d->real)
		twz_tx_begin(&tx);
	for (unsigned i = 0; i < n; i++) {
		uint64_t *word = model_word(d, t[i]), value = d->n << 8 | i;
		bool first = true; /* of the writes to this word */

		for (unsigned j = 0; j < i; j++)
			first &= model_word(d, t[j]) != word;
		if (!error)
			error = world_store_error(d->w, t[i].k, t[i].place);
		was[i] = *word;
		*word = value;
		if (!d->real)
			continue;
		twz_tx_set(&tx, system_word(d, t[i]), value);
		if (first)
			look_at_staged(d, &tx, system_word(d, t[i]), was[i], value);
	}
	if (d->real && abort)
		twz_tx_abort(&tx);
	else if (d->real)
		expect(d, error, twz_tx_commit(&tx));
	for (unsigned i = n; (abort || error) && i-- > 0;)
		*model_word(d, t[i]) = was[i];
	return true;
}

const struct op ops_objects[] = {
	{make, 10},  {copy_object, 5}, {delete_one, 12}, {use_gone, 2}, {keep, 2},
	{seal, 2},   {copy_range, 8},  {drop, 3},        {limit, 1},    {set_size, 2},
	{store, 24}, {sync, 1},        {transact, 16},   {0},
};
