/* main.c - the model's runs: begun, gone on with after a crash, ended (model.h). */
#include "tests/model/model.h"

#define SAY_EVERY 128u
#define LOOK_EVERY 1024u

typedef unsigned long long ull;

static struct world now, before, next;

static void world_begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->object[ROOT] = (struct object){.kind = SPACE, .uid = ~0u >> 1};
}

/* The world behind `done` operations, and behind the epochs that ended up to there. */
static void replay(struct world *w, uint64_t seed, uint64_t done)
{
	struct doing d = {.w = w, .seed = seed};
	uint64_t end = 0;

	world_begin(w);
	for (;;) {
		for (; end < table->nends && table->end[end] == w->done; end++)
			world_end_epoch(w);
		if (w->done == done)
			return;
		op_do(&d);
	}
}

/*
 * Another epoch: what is in the store is behind the last operation that was noted, or behind the next. One
 * that leaves parts is done again, if that can be seen by anyone: what it changed may have ended.
 */
static void recover(uint64_t seed)
{
	struct doing d = {.w = &next, .seed = seed};
	char text[2][TEXT_MAX], both[2 * TEXT_MAX + 32];
	bool parts, done;

	replay(&before, seed, table->done);
	memcpy(&next, &before, sizeof(next));
	memcpy(&now, &before, sizeof(now));
	op_do(&d);
	world_end_epoch(&next);
	world_end_epoch(&now);
	op_mend(&d);
	parts = d.leaves == PARTS;
	/* What follows from ties may be under way still: of what is not there that is not the reason. */
	real_patience = PATIENCE / 50;
	done = !real_same(&now, parts ? d.busy : NOBODY, text[0]);
	real_patience = PATIENCE;
	if (done && !real_same(&next, NOBODY, text[1]) &&
	    (done = !real_same(&now, parts ? d.busy : NOBODY, text[0]))) {
		twz_format(both, sizeof(both), "%s; behind the operation: %s", text[0], text[1]);
		table->end[table->nends++] = table->done; /* for the line that repeats it */
		op_fails(&d, "all of it or nothing, after a crash", both);
	}
	if (parts && !done && (d.busy == NOBODY || world_lives(&now, d.busy))) {
		d.w = &before;
		d.real = d.again = done = true;
		op_do(&d);
	}
	if (done)
		memcpy(&now, &next, sizeof(now));
	table_note_end(now.done);
	twz_print("start %llu, behind operation %llu, which was %s\n", (ull)table->nends + 1,
		  (ull)now.done,
		  !done   ? "noted"
		  : parts ? "done in part"
			  : "done");
}

static void run(uint64_t seed, uint64_t until, uint64_t from)
{
	struct doing d = {.w = &now, .real = true, .seed = seed};
	char text[TEXT_MAX];

	while (now.done < until) {
		op_do(&d);
		if (now.done >= from)
			twz_print("%llu: %s\n", (ull)now.done, d.said);
		table_note_done(now.done);
		if (now.done % LOOK_EVERY == 0 && !real_same(&now, NOBODY, text))
			op_fails(&d, "what the model has", text);
		if (now.done % SAY_EVERY == 0) {
			twz_print("at %llu.\n", (ull)now.done);
			twz_flush();
		}
	}
	if (!real_same(&now, NOBODY, text))
		op_fails(&d, "what the model has", text);
	twz_print("done %llu, after %llu starts\n", (ull)now.done, (ull)table->nends + 1);
}

static void begin(uint64_t seed, uint64_t until, uint64_t from)
{
	if (!table_open()) {
		table_make(seed);
		world_begin(&now);
	} else if (table->seed != seed || table->epoch == twz_rt_info()->epoch) {
		twz_warn(table->seed != seed ? "model: the store is of another seed\n"
					     : "model: a start needs an epoch of its own\n");
		twz_rt_exit(2);
	} else {
		recover(seed);
	}
	run(seed, until, from);
}

/* Deleted while it is tied, it is marked, and goes with its last tie: no circle is left. */
static void untie_all(struct twz_id id)
{
	struct twz_rt_tie tie = {.in = 0};

	while (!twz_ties(id, &tie) && !tie.in) {
		NEED(twz_untie(id, tie.other, TWZ_TIE_PLAIN | TWZ_TIE_HOLD));
		tie = (struct twz_rt_tie){.in = 0};
	}
}

static void end(void)
{
	struct twz_obj obj;
	int error;

	if (!table_open())
		return;
	for (unsigned k = 0; k < OBJECTS; k++) {
		error = twz_id_none(table->id[k]) || k == ROOT ? 0 : twz_obj_delete(table->id[k]);
		NEED(error == TWZ_E_NOTFOUND ? 0 : error);
	}
	for (unsigned k = 0; k < OBJECTS; k++)
		untie_all(table->id[k]);
	NEED(twz_obj_delete(table->id[ROOT]));
	NEED(twz_context_open(twz_rt_info()->context, &obj));
	for (unsigned i = 0; i < USERS; i++) {
		NEED(twz_obj_delete(table->user[i].id));
		NEED(twz_context_remove(&obj, table->user[i].id));
	}
	NEED(twz_context_publish(&obj));
	NEED(twz_obj_recycle(&obj));
	NEED(twz_name_unbind("/m", 0));
	NEED(twz_obj_at(table, &obj));
	NEED(twz_name_unbind("/model", TWZ_NAME_DELETE));
	NEED(twz_obj_recycle(&obj));
}

/* What this program's context may do to the object: bits of enum twz_perm. */
static int may(const char *text)
{
	struct twz_id id;
	int rights = 0;

	NEED(twz_id_parse(text, &id));
	for (unsigned i = 0; i < 5; i++)
		rights |= twz_rt_may(id, 1u << i) ? 0 : 1 << i;
	return rights;
}

static bool number(const char *text, uint64_t *n)
{
	const char *c = text;

	for (*n = 0; *c >= '0' && *c <= '9'; c++)
		*n = 10 * *n + (uint64_t)(*c - '0');
	return c > text && !*c;
}

int main(int argc, char **argv)
{
	uint64_t seed, until, from = ~0ull;

	if (argc == 2 && !strcmp(argv[1], "end")) {
		end();
	} else if (argc == 3 && !strcmp(argv[1], "may")) {
		return may(argv[2]);
	} else if ((argc == 3 || (argc == 4 && number(argv[3], &from))) && number(argv[1], &seed) &&
		   number(argv[2], &until)) {
		begin(seed, until, from);
	} else {
		twz_warn("usage: model SEED UNTIL [FROM] | model end\n");
		return 2;
	}
	return 0;
}
