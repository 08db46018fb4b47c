/*
 * queue.c - a queue and its messages (lib/ring.h) under crashes.
 *
 * A script is a list of ops: the queue is made, a message is put, or the first is taken; several in one
 * transaction, which may be given up. The oracle is a model: after a crash the queue holds, whole and in
 * order, what the transactions that returned left there, or that and the next one's. What follows the
 * recovery is a second script, which finds either.
 */
#include <stdio.h>
#include <string.h>

#include "lib/ring.h"
#include "tests/sim/objects.h"

#define CAPACITY 192u
#define NOPS 12u
#define MESSAGES_MAX (2 * NOPS)

enum what { END, PUT, TAKE, MAKE, GIVE_UP };

struct op {
	enum what what;
	unsigned bytes; /* of the message that is put */
	bool more;      /* the next op belongs to the same transaction */
};

struct script {
	struct op run[NOPS], again[NOPS];
};

/* ---- the program --------------------------------------------------------------------------------- */

static struct twz_queue_head *head(void)
{
	return (struct twz_queue_head *)(object(0) + TWZ_OBJ_DATA);
}

static struct twz_queue *queue(void)
{
	return &head()->queue;
}

/* A message's bytes follow from its length and its number in the script. */
static void fill(uint8_t *data, unsigned bytes, unsigned number)
{
	for (unsigned i = 0; i < bytes; i++)
		data[i] = (uint8_t)(bytes * 31 + number * 7 + i);
}

static bool in_transaction(const struct op *op)
{
	(void)op;
	return true;
}

/* What cannot be done, without room or a message, changes nothing: the oracle sees it. */
static int perform_one(struct twz_tx *tx, const struct op *op, unsigned number)
{
	static const struct twz_methods methods = {.magic = TWZ_METHODS_MAGIC, .version = 1};
	uint8_t data[CAPACITY];
	struct ring ring = {0};
	uint64_t bytes;
	int error = twz_tx_add(tx, queue());

	if (error)
		return error;
	if (op->what == MAKE) {
		if (!queue()->magic)
			ring_make(tx, head(), CAPACITY, &methods, &methods);
		return 0;
	}
	error = ring_open(tx, queue(), &ring);
	if (error)
		return error;
	if (op->what == PUT) {
		fill(data, op->bytes, number);
		return ring_has_room(&ring, op->bytes) ? ring_put(tx, &ring, data, op->bytes) : 0;
	}
	if (ring.put == ring.got)
		return 0;
	error = ring_first(tx, &ring, &bytes);
	return error ? error : ring_take(tx, &ring, data, bytes);
}

/* ---- the model ----------------------------------------------------------------------------------- */

struct model {
	bool made;
	unsigned first, n, used;
	struct {
		unsigned bytes, number;
	} message[MESSAGES_MAX];
};

static void model_start(struct model *m, const struct script *s)
{
	*m = (struct model){.made = s->run[0].what != MAKE};
}

static void model_one(struct model *m, const struct op *op, unsigned number)
{
	unsigned room = (unsigned)ring_room(op->bytes);

	if (op->what == MAKE) {
		m->made = true;
	} else if (op->what == TAKE && m->first < m->n) {
		m->used -= (unsigned)ring_room(m->message[m->first++].bytes);
	} else if (op->what == PUT && m->made && m->used + room <= CAPACITY) {
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

	if (ring_open(NULL, queue(), &ring))
		return !m->made && !queue()->magic;
	for (unsigned i = m->first; i < m->n; i++) {
		fill(data, m->message[i].bytes, m->message[i].number);
		if (ring.put == ring.got || ring_first(NULL, &ring, &bytes) ||
		    bytes != m->message[i].bytes || !is_first(&ring, data, bytes))
			return false;
		ring.got += ring_room(bytes);
	}
	return ring.put == ring.got;
}

#include "tests/crash/script.h"

/* ---- a case -------------------------------------------------------------------------------------- */

static void setup(const void *arg)
{
	const struct script *s = arg;

	failure = NULL;
	objects_setup();
	if (s->run[0].what != MAKE)
		*queue() = (struct twz_queue){
			.magic = TWZ_QUEUE_MAGIC, .version = 1, .capacity = CAPACITY};
}

static const char *check(const void *arg, const struct sim_crash *crash)
{
	struct ring ring;

	if (failure)
		return failure;
	if (!before_or_after(arg, crash))
		return "the queue holds neither what it did before the transaction nor what it "
		       "does after";
	if (!ring_open(NULL, queue(), &ring) && ring_check(NULL, &ring))
		return "what lies in the queue is no sequence of messages";
	return objects_check();
}

/* ---- the list ------------------------------------------------------------------------------------ */

/* The words of messages, the messages, and the ring's end meet in all ways. */
static const struct script
	one = {.run = {{PUT, 5}}, .again = {{PUT, 64}}},
	around = {.run = {{PUT, 40}, {PUT, 100}, {TAKE}, {PUT, 60}, {TAKE}},
		  .again = {{TAKE}, {PUT, 120}, {TAKE}}},
	at_the_end = {.run = {{PUT, 176}, {TAKE}, {PUT, 17}, {TAKE}, {PUT, 160}},
		      .again = {{TAKE}, {PUT, 8}}},
	made = {.run = {{MAKE}, {PUT, 20}, {TAKE}}, .again = {{MAKE}, {PUT, 30}}},
	several = {.run = {{PUT, 20, true},
			   {PUT, 21, true},
			   {PUT, 22},
			   {TAKE, 0, true},
			   {PUT, 60, true},
			   {TAKE},
			   {TAKE, 0, true},
			   {TAKE, 0, true},
			   {TAKE},
			   {PUT, 100}},
		   .again = {{PUT, 40, true}, {TAKE, 0, true}, {TAKE}, {PUT, 9}}},
	given_up = {.run = {{PUT, 20},
			    {TAKE, 0, true},
			    {PUT, 9, true},
			    {GIVE_UP},
			    {PUT, 33, true},
			    {GIVE_UP},
			    {TAKE}},
		    .again = {{PUT, 50, true}, {GIVE_UP}, {PUT, 51}}},
	full = {.run = {{PUT, 88}, {PUT, 88}, {TAKE}, {PUT, 88}, {TAKE}, {TAKE}},
		.again = {{PUT, 184}}};

/* clang-format off */
static const struct sim_case cases[] = {
	CASE("one message", one, 8000),
	CASE("around the ring", around, 16000),
	CASE("a word at the ring's end", at_the_end, 16000),
	CASE("full and empty", full, 16000),
	CASE("made", made, 8000),
	CASE("several in a transaction", several, 16000),
	CASE("given up", given_up, 8000),
	CASE("torn", around, 16000, .torn = true),
	CASE("killed", around, 16000, .killed = true),
	CASE("killed, in transactions", several, 8000, .killed = true),
};
/* clang-format on */

int main(int argc, char **argv)
{
	return sim_main(argc, argv, "crash_queue", cases, sizeof(cases) / sizeof(cases[0]));
}
