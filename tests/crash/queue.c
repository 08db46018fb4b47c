/*
 * queue.c - a queue's messages (lib/ring.h) under crashes.
 *
 * A script is a list of ops: a message is put, or the first is taken. The oracle is a model: after a
 * crash the queue holds, whole and in order, what the ops that returned left there, or that and the next
 * op's. What follows the recovery is a second script, which finds either.
 */
#include <stdio.h>
#include <string.h>

#include "lib/ring.h"
#include "tests/sim/objects.h"

#define CAPACITY 192u
#define NOPS 10u
#define MESSAGES_MAX (2 * NOPS)

enum how { END, PUT, TAKE };
struct op {
	enum how how;
	unsigned bytes; /* of the message that is put */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

/* ---- the program --------------------------------------------------------------------------------- */

static struct twz_queue *queue(void)
{
	return (struct twz_queue *)(object(0) + TWZ_OBJ_DATA);
}

/* A message's bytes follow from its length and its number in the script. */
static void fill(uint8_t *data, unsigned bytes, unsigned number)
{
	for (unsigned i = 0; i < bytes; i++)
		data[i] = (uint8_t)(bytes * 31 + number * 7 + i);
}

/* What cannot be done, without room or a message, leaves all as it is: the oracle sees it. */
static void perform(const struct op *op, unsigned number)
{
	uint8_t data[CAPACITY];
	struct ring ring = {0};
	struct twz_tx tx;
	uint64_t bytes;
	int error;

	twz_tx_begin(&tx);
	error = twz_tx_add(&tx, queue());
	if (!error)
		error = ring_open(queue(), &ring);
	if (!error && op->how == PUT) {
		fill(data, op->bytes, number);
		error = ring_has_room(&ring, op->bytes) ? ring_put(&tx, &ring, data, op->bytes)
							: TWZ_E_LIMIT;
	} else if (!error) {
		error = ring.put == ring.got ? TWZ_E_LIMIT : ring_first(&ring, &bytes);
		if (!error)
			error = ring_take(&tx, &ring, data, bytes);
	}
	if (error)
		twz_tx_abort(&tx);
	else
		twz_tx_commit(&tx);
}

/* ---- the model ----------------------------------------------------------------------------------- */

struct model {
	unsigned first, n, used;
	struct {
		unsigned bytes, number;
	} message[MESSAGES_MAX];
};

static void model_op(struct model *m, const struct op *op, unsigned number)
{
	unsigned room = (unsigned)ring_room(op->bytes);

	if (op->how == TAKE && m->first < m->n) {
		m->used -= (unsigned)ring_room(m->message[m->first++].bytes);
	} else if (op->how == PUT && m->used + room <= CAPACITY) {
		m->used += room;
		m->message[m->n].bytes = op->bytes;
		m->message[m->n++].number = number;
	}
}

/* Are these the bytes of the ring's first message? */
static bool is_first(const struct ring *ring, const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		if (ring->bytes[(ring->got + RING_WORD + i) % CAPACITY] != data[i])
			return false;
	return true;
}

static bool holds(const struct model *m)
{
	uint8_t data[CAPACITY];
	uint64_t bytes;
	struct ring ring;

	if (ring_open(queue(), &ring))
		return false;
	for (unsigned i = m->first; i < m->n; i++) {
		fill(data, m->message[i].bytes, m->message[i].number);
		if (ring.put == ring.got || ring_first(&ring, &bytes) ||
		    bytes != m->message[i].bytes || !is_first(&ring, data, bytes))
			return false;
		ring.got += ring_room(bytes);
	}
	return ring.put == ring.got;
}

/* After `run` ops of the first script and `again` ones of the second. */
static bool is_after(const struct script *s, uint64_t run, uint64_t again)
{
	struct model m = {0};

	for (uint64_t i = 0; i < run; i++)
		model_op(&m, &s->run[i], (unsigned)i);
	for (uint64_t i = 0; i < again; i++)
		model_op(&m, &s->again[i], (unsigned)(NOPS + i));
	return holds(&m);
}

/* ---- a case -------------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	(void)arg;
	objects_setup();
	*queue() = (struct twz_queue){.magic = TWZ_QUEUE_MAGIC, .version = 1, .capacity = CAPACITY};
}

static void run(const void *arg)
{
	const struct script *s = arg;

	for (unsigned i = 0; i < NOPS && s->run[i].how; i++) {
		perform(&s->run[i], i);
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
	for (unsigned i = 0; i < NOPS && s->again[i].how; i++) {
		sim_note((1 + base) * 16 + i);
		perform(&s->again[i], NOPS + i);
		sim_note((1 + base) * 16 + i + 1);
	}
}

static const char *recover(const void *arg)
{
	(void)arg;
	return objects_settle(0);
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	const struct script *s = arg;
	uint64_t before = crash->note_again ? crash->note_again / 16 - 1 : crash->note;
	uint64_t later = crash->note_again % 16;
	const struct op *next = crash->note_again ? &s->again[later] : &s->run[before];

	if (!is_after(s, before, later) &&
	    (!next->how || !is_after(s, before + !crash->note_again, later + !!crash->note_again)))
		return "the queue holds neither what it did before the op nor what it does after";
	return objects_check();
}

/* ---- the list ------------------------------------------------------------------------------------ */

/* The words of messages, the messages, and the ring's end meet in all ways. */
static const struct script one = {.run = {{PUT, 5}}, .again = {{PUT, 64}}},
			   around = {.run = {{PUT, 40}, {PUT, 100}, {TAKE}, {PUT, 60}, {TAKE}},
				     .again = {{TAKE}, {PUT, 120}, {TAKE}}},
			   at_the_end = {.run = {{PUT, 176}, {TAKE}, {PUT, 17}, {TAKE}, {PUT, 160}},
					 .again = {{TAKE}, {PUT, 8}}},
			   full = {.run = {{PUT, 88}, {PUT, 88}, {TAKE}, {PUT, 88}, {TAKE}, {TAKE}},
				   .again = {{PUT, 184}}};

/* clang-format off */
#define CASE(title, script, budget, ...)                                                        \
	{.name = title, .bytes = OBJECTS_BYTES, .arg = &script, .setup = setup,                 \
	 .run = run, .recover = recover, .check = check, .again = again,                        \
	 .where = objects_where, .states = budget, __VA_ARGS__}

static const struct sim_case cases[] = {
	CASE("one message", one, 8000),
	CASE("around the ring", around, 16000),
	CASE("a word at the ring's end", at_the_end, 16000),
	CASE("full and empty", full, 16000),
	CASE("torn", around, 16000, .torn = true),
	CASE("killed", around, 16000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_queue", cases, sizeof(cases) / sizeof(cases[0]));
}
