/*
 * tx.c - transactions over one to three objects under crashes.
 *
 * A script is a list of ops; each changes words of some objects, as one transaction or by a plain
 * store made durable. The oracle is a model: after a crash the data of all objects is what the
 * ops that returned made it, or that and the next op whole. What follows the recovery is a
 * second script, started from whatever the first left.
 *
 * Readers beside a program that is killed (core/read.h): whatever they may take for sound is.
 */
#include <stdio.h>
#include <string.h>

#include "core/pmem.h"
#include "core/read.h"
#include "tests/sim/objects.h"

#define NWORDS 1536u /* of each object's data, from its start: three pages */
#define NOPS 6u
#define NWRITES 6u

enum how {
	END,
	SET,     /* twz_tx_set, word by word */
	WRITE,   /* twz_tx_write of all words at once */
	ADD,     /* twz_tx_add: the object takes part, nothing is written */
	FRESH,   /* plain stores to what nothing refers to yet, then twz_tx_fresh */
	PERSIST, /* a plain store of one word, then twz_persist; alone in its op */
};

struct write {
	enum how how;
	unsigned object, word, count;
	uint64_t value; /* of the first word; each next one is 1 more */
};

struct op {
	struct write write[NWRITES];
	bool abort; /* instead of commit: nothing changes */
};

struct script {
	unsigned first; /* the object that settling starts from */
	struct op run[NOPS], again[NOPS];
};

static uint64_t *word_at(unsigned n, unsigned word)
{
	return (uint64_t *)(object(n) + TWZ_OBJ_DATA) + word;
}

/* ---- the program ----------------------------------------------------------------------------- */

static void stage(struct twz_tx *tx, const struct write *w)
{
	uint64_t *staged;

	switch (w->how) {
	case SET:
		for (unsigned i = 0; i < w->count; i++)
			twz_tx_set(tx, word_at(w->object, w->word + i), w->value + i);
		break;
	case WRITE:
		staged = twz_tx_write(tx, word_at(w->object, w->word), 8 * w->count);
		for (unsigned i = 0; staged && i < w->count; i++)
			staged[i] = w->value + i; /* plain: as a program does it */
		break;
	case FRESH:
		twz_tx_add(tx, object(w->object));
		for (unsigned i = 0; i < w->count; i++)
			*word_at(w->object, w->word + i) = w->value + i;
		twz_tx_fresh(tx, word_at(w->object, w->word), 8 * w->count);
		break;
	default:
		twz_tx_add(tx, object(w->object));
	}
}

static void persist(const struct write *w)
{
	pmem_store64(word_at(w->object, w->word), w->value);
	twz_persist(word_at(w->object, w->word), 8);
}

static bool done(const struct op *op)
{
	return op->write[0].how == END;
}

/* True if it did what it should: the oracle sees the rest. */
static void perform(const struct op *op)
{
	struct twz_tx tx;

	if (op->write[0].how == PERSIST) {
		persist(&op->write[0]);
		return;
	}
	twz_tx_begin(&tx);
	for (const struct write *w = op->write; w < op->write + NWRITES && w->how; w++)
		stage(&tx, w);
	if (op->abort)
		twz_tx_abort(&tx);
	else if (twz_tx_commit(&tx))
		*(volatile uint64_t *)word_at(0, NWORDS - 1) = ~0ull; /* no model has this */
}

/* ---- the model ------------------------------------------------------------------------------- */

struct model {
	uint64_t word[NOBJECTS][NWORDS];
	bool free[NOBJECTS][NWORDS]; /* of fresh memory that is not in use: holds anything */
};

static void model_op(struct model *m, const struct op *op)
{
	for (const struct write *w = op->write; w < op->write + NWRITES && w->how; w++)
		for (unsigned i = 0; i < w->count && !op->abort; i++) {
			m->word[w->object][w->word + i] = w->value + i;
			m->free[w->object][w->word + i] = false;
		}
}

/* It did not happen, but may have begun. */
static void model_begun(struct model *m, const struct op *op)
{
	for (const struct write *w = op->write; w < op->write + NWRITES && w->how; w++)
		for (unsigned i = 0; i < w->count && w->how == FRESH; i++)
			m->free[w->object][w->word + i] = true;
}

/* After `run` ops of the first script and `again` ones of the second. */
static bool is_after(const struct script *s, uint64_t run, uint64_t again)
{
	static struct model m;

	memset(&m, 0, sizeof(m));
	for (uint64_t i = 0; i < run; i++)
		model_op(&m, &s->run[i]);
	if (run < NOPS)
		model_begun(&m, &s->run[run]);
	for (uint64_t i = 0; i < again; i++)
		model_op(&m, &s->again[i]);
	if (again < NOPS)
		model_begun(&m, &s->again[again]);
	for (unsigned n = 0; n < NOBJECTS; n++)
		for (unsigned i = 0; i < NWORDS; i++)
			if (m.word[n][i] != *word_at(n, i) && !m.free[n][i])
				return false;
	return true;
}

static bool is_after_or_next(const struct script *s, uint64_t run, uint64_t again)
{
	return is_after(s, run, again) ||
	       (again < NOPS && !done(&s->again[again]) && is_after(s, run, again + 1));
}

/* ---- a case ---------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	(void)arg;
	objects_setup();
}

static void run(const void *arg)
{
	const struct script *s = arg;

	for (unsigned i = 0; i < NOPS && !done(&s->run[i]); i++) {
		perform(&s->run[i]);
		sim_note(i + 1);
	}
}

/* Notes: 1 + ops of the first script that are there, times 16, plus ops of the second. */
static void again(const void *arg)
{
	const struct script *s = arg;
	unsigned base = 0;

	while (base < NOPS && !is_after(s, base, 0))
		base++;
	for (unsigned i = 0; i < NOPS && !done(&s->again[i]); i++) {
		sim_note((1 + base) * 16 + i);
		perform(&s->again[i]);
		sim_note((1 + base) * 16 + i + 1);
	}
}

static const char *recover(const void *arg)
{
	return objects_settle(((const struct script *)arg)->first);
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const struct script *s = arg;

	if (crash->note_again) {
		if (!is_after_or_next(s, crash->note_again / 16 - 1, crash->note_again % 16))
			return "after the second life, the data is neither before nor after an op";
	} else if (!is_after(s, crash->note, 0) &&
		   (crash->note == NOPS || done(&s->run[crash->note]) ||
		    !is_after(s, crash->note + 1, 0))) {
		return "the data is neither before nor after the op";
	}
	return objects_check();
}

/* ---- readers --------------------------------------------------------------------------------- */

static bool takes_part(const struct op *op, unsigned n)
{
	for (const struct write *w = op->write; w < op->write + NWRITES && w->how; w++)
		if (w->object == n)
			return !op->abort;
	return false;
}

/* Is object n as it was when its version was this one? Without plain stores, each op makes one. */
static bool is_version(const struct script *s, unsigned n, uint64_t version)
{
	static struct model m;
	uint64_t made = 0;

	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; made < version && i < NOPS; i++) {
		model_op(&m, &s->run[i]);
		made += takes_part(&s->run[i], n);
	}
	return made == version && !memcmp(m.word[n], word_at(n, 0), sizeof(m.word[n]));
}

/* What one who began to read before the recovery, or would now, is told. */
static const char *recover_beside(const void *arg)
{
	static uint64_t before[NOBJECTS][NWORDS], version[NOBJECTS];
	bool begins[NOBJECTS];
	const char *wrong;

	for (unsigned n = 0; n < NOBJECTS; n++) {
		const struct twz_log_head *head = &obj_meta(object(n))->log;

		version[n] = head->storing;
		memcpy(before[n], word_at(n, 0), sizeof(before[n]));
		begins[n] = head->storing <= head->retired; /* else he waits */
		if (begins[n] && !is_version(arg, n, version[n]))
			return "a reader takes half of a commit for sound";
	}
	wrong = recover(arg);
	for (unsigned n = 0; n < NOBJECTS && !wrong; n++) {
		if (twz_read_error(twz_read_begin(object(n))))
			return "readers wait for nothing";
		if (begins[n] && !twz_read_again(object(n), version[n]) &&
		    memcmp(before[n], word_at(n, 0), sizeof(before[n])))
			return "settling does not tell readers that it changed the data";
	}
	return wrong;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* clang-format off */
#define A 0
#define B 1
#define C 2
#define OP(...) {.write = {__VA_ARGS__}}
#define ABORTED(...) {.write = {__VA_ARGS__}, .abort = true}

static const struct script
one_word = {
	.run = {OP({SET, A, 0, 1, 7})},
	.again = {OP({SET, A, 0, 1, 7})},
},
one_object = {
	.run = {
		OP({SET, A, 0, 4, 100}, {WRITE, A, 508, 9, 200}),
		OP({WRITE, A, 0, 8, 300}, {SET, A, 509, 1, 400}),
		OP({SET, A, 0, 1, 500}),
	},
	.again = {
		OP({SET, A, 0, 4, 600}, {WRITE, A, 508, 9, 700}),
		OP({SET, A, 1, 1, 800}),
	},
},
large = {
	.run = {
		OP({WRITE, A, 0, 1500, 1000}),
		OP({WRITE, A, 3, 600, 5000}, {SET, A, 1400, 1, 9}),
	},
	.again = {OP({WRITE, A, 100, 700, 7000})},
},
aborted = {
	.run = {
		ABORTED({SET, A, 0, 4, 100}, {WRITE, B, 8, 4, 100}),
		OP({SET, A, 0, 2, 200}, {SET, B, 8, 2, 200}),
		ABORTED({SET, B, 0, 4, 300}, {SET, A, 0, 1, 300}),
		OP({SET, B, 0, 1, 400}),
	},
	.again = {
		ABORTED({SET, A, 0, 4, 500}, {SET, B, 8, 4, 500}),
		OP({SET, B, 0, 2, 600}, {SET, A, 0, 1, 600}),
	},
},
/*
 * Both lives write the same to the object that does not coordinate, so its record is the same: if a
 * torn transaction's coordinator were not voided, it would come back to life with the second one.
 */
same_part = {
	.run = {OP({SET, A, 0, 1, 8}, {SET, B, 0, 1, 5})},
	.again = {OP({SET, A, 0, 1, 9}, {SET, B, 0, 1, 5})},
},
same_all = {
	.run = {OP({SET, A, 0, 1, 8}, {SET, B, 0, 1, 5})},
	.again = {
		OP({PERSIST, A, 0, 1, 77}),
		OP({PERSIST, B, 0, 1, 78}),
		OP({SET, A, 0, 1, 8}, {SET, B, 0, 1, 5}),
	},
},
/* Fresh memory is durable when what refers to it is, or when a transaction has nothing else. */
fresh = {
	.run = {
		OP({FRESH, A, 16, 10, 100}, {SET, A, 0, 1, 1}),
		OP({FRESH, B, 16, 10, 200}, {FRESH, A, 32, 3, 300}, {SET, B, 0, 1, 2}),
		OP({SET, A, 48, 1, 9}),
		OP({FRESH, A, 48, 10, 400}),
		OP({SET, A, 0, 1, 3}),
	},
	.again = {
		OP({FRESH, A, 64, 10, 500}, {SET, B, 0, 1, 4}),
		OP({FRESH, A, 16, 10, 600}),
	},
},
/* A retired record must not undo a plain store that was made durable. */
plain = {
	.run = {
		OP({SET, A, 0, 2, 10}),
		OP({PERSIST, A, 0, 1, 20}),
		OP({SET, A, 0, 2, 30}, {SET, B, 0, 2, 30}),
		OP({PERSIST, B, 0, 1, 40}),
		OP({PERSIST, A, 0, 1, 50}),
	},
	.again = {
		OP({PERSIST, A, 0, 1, 60}),
		OP({SET, A, 1, 1, 70}, {SET, B, 1, 1, 70}),
		OP({PERSIST, B, 1, 1, 80}),
	},
};

/* Coordinators take turns; the objects' records belong to different transactions. */
#define TURNS(object) {                                                                 \
	.first = object,                                                                \
	.run = {                                                                        \
		OP({SET, A, 0, 1, 1}, {SET, B, 0, 1, 1}, {SET, C, 0, 1, 1}),         \
		OP({SET, B, 0, 1, 2}, {SET, C, 0, 1, 2}),                            \
		OP({SET, C, 0, 1, 3}, {SET, A, 0, 1, 3}),                            \
		OP({SET, B, 0, 1, 4}, {ADD, A}),                                     \
		OP({SET, A, 0, 1, 5}),                                               \
	},                                                                              \
	.again = {                                                                      \
		OP({SET, C, 0, 1, 6}, {SET, B, 0, 1, 6}, {SET, A, 0, 1, 6}),         \
		OP({SET, A, 0, 1, 7}, {SET, C, 0, 1, 7}),                            \
	},                                                                              \
}
static const struct script turns_a = TURNS(A), turns_b = TURNS(B), turns_c = TURNS(C);

#define THREE(object) {                                                                 \
	.first = object,                                                                \
	.run = {OP({WRITE, A, 4, 6, 10}, {WRITE, B, 4, 6, 20}, {WRITE, C, 4, 6, 30},  \
		      {SET, A, 40, 1, 40}, {SET, B, 40, 1, 50})},                       \
	.again = {OP({SET, B, 4, 2, 60}, {SET, C, 4, 2, 70})},                       \
}
static const struct script three_a = THREE(A), three_b = THREE(B), three_c = THREE(C);

#define BESIDE(title, script, budget)                                                   \
	{.name = title, .bytes = OBJECTS_BYTES, .arg = &script, .setup = setup,         \
	 .run = run, .recover = recover_beside, .check = check,                         \
	 .where = objects_where, .states = budget, .killed = true, .flat = true}

#define CASE(title, script, budget, ...)                                                     \
	{.name = title, .bytes = OBJECTS_BYTES, .arg = &script, .setup = setup,         \
	 .run = run, .recover = recover, .check = check, .again = again,                \
	 .where = objects_where, .states = budget, __VA_ARGS__}

static const struct sim_case cases[] = {
	CASE("one word", one_word, 4000),
	CASE("one object", one_object, 16000),
	CASE("large", large, 2000),
	CASE("aborted", aborted, 8000),
	CASE("torn, then the same part", same_part, 24000, .torn = true),
	CASE("torn, then the same again", same_all, 24000, .torn = true),
	CASE("torn, three objects", three_b, 24000, .torn = true),
	CASE("fresh memory", fresh, 12000),
	CASE("plain stores", plain, 12000),
	CASE("three, settled from the coordinator", three_a, 8000),
	CASE("three, settled from the second", three_b, 8000),
	CASE("three, settled from the third", three_c, 8000),
	CASE("killed, one object", one_object, 16000, .killed = true),
	CASE("killed, three objects", three_b, 16000, .killed = true),
	CASE("killed, taking turns", turns_c, 16000, .killed = true),
	BESIDE("readers beside, one object", one_object, 4000),
	BESIDE("readers beside, one given up", aborted, 4000),
	BESIDE("readers beside, three objects", three_b, 4000),
	BESIDE("readers beside, taking turns", turns_c, 4000),
	CASE("taking turns, settled from A", turns_a, 12000),
	CASE("taking turns, settled from B", turns_b, 12000),
	CASE("taking turns, settled from C", turns_c, 12000),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_tx", cases, sizeof(cases) / sizeof(cases[0]));
}
