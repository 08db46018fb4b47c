/*
 * script.h - the part of a crash test that performs scripts of operations and compares what is left with a
 * model. Included once, in the middle of the test, behind what it uses:
 *
 *     enum what        with END, behind the last op of a script, and GIVE_UP: the last op of a transaction
 *                      that is aborted
 *     struct op        with `what`, and `more`: the next op belongs to the same transaction
 *     struct script    struct op run[], again[]; what both do follows from them and from numbers of ops
 *     in_transaction   is this op, which is alone, done in a transaction of its caller's?
 *     perform_one      does an op in a transaction, or in none; TWZ_E_...
 *     struct model     what there should be
 *     model_start      ... when a script begins
 *     model_one        ... after an op
 *     holds            is what is there what the model says?
 */
#ifndef TESTS_CRASH_SCRIPT_H
#define TESTS_CRASH_SCRIPT_H

static const char *failure; /* of a call that should have succeeded */

static void expect(int error, const char *what)
{
	if (error)
		failure = what;
}

/* The transaction that starts at *op, the op of this number; returns where the next one does. */
static const struct op *perform(const struct op *op, unsigned *number)
{
	static const char wrong[] = "an operation that should work did not";
	struct twz_tx tx;

	if (!op->more && !in_transaction(op)) {
		expect(perform_one(NULL, op, (*number)++), wrong);
		return op + 1;
	}
	twz_tx_begin(&tx);
	for (bool more = true; more; op++) {
		if (op->what != GIVE_UP)
			expect(perform_one(&tx, op, *number), wrong);
		++*number;
		more = op->more;
	}
	if (op[-1].what == GIVE_UP)
		twz_tx_abort(&tx);
	else
		expect(twz_tx_commit(&tx), "a commit failed");
	return op;
}

static const struct op *model_perform(struct model *m, const struct op *op, unsigned *number)
{
	const struct op *last = op;

	while (last->more)
		last++;
	for (; op <= last; op++, ++*number)
		if (last->what != GIVE_UP)
			model_one(m, op, *number);
	return op;
}

static unsigned ops(const struct op *op)
{
	unsigned n = 0;

	while (op[n].what != END)
		n++;
	return n;
}

static uint64_t transactions(const struct op *op)
{
	uint64_t n = 0;

	for (; op->what != END; op++)
		n += !op->more;
	return n;
}

/* After that many transactions of the first script, then of the second. */
static bool is_after(const struct script *s, uint64_t run, uint64_t again)
{
	static struct model m;
	const struct op *op = s->run;
	unsigned number = 0;

	model_start(&m, s);
	while (run--)
		op = model_perform(&m, op, &number);
	number = ops(s->run);
	for (op = s->again; again; again--)
		op = model_perform(&m, op, &number);
	return holds(&m);
}

static void run(const void *arg)
{
	const struct script *s = arg;
	const struct op *op = s->run;
	unsigned number = 0;

	for (uint64_t i = 0; op->what != END; i++) {
		op = perform(op, &number);
		sim_note(i + 1);
	}
}

/* Notes: 1 + transactions of the first script that are there, times 64, plus own. */
static void again(const void *arg)
{
	const struct script *s = arg;
	const struct op *op = s->again;
	unsigned number = ops(s->run);
	uint64_t base = 0;

	while (base < transactions(s->run) && !is_after(s, base, 0))
		base++;
	for (uint64_t i = 0; op->what != END; i++) {
		sim_note((1 + base) * 64 + i);
		op = perform(op, &number);
		sim_note((1 + base) * 64 + i + 1);
	}
}

static const char *recover(const void *arg)
{
	(void)arg;
	return objects_settle(0);
}

static bool before_or_after(const struct script *s, const struct sim_crash *crash)
{
	uint64_t base = crash->note_again / 64, n = crash->note_again % 64;

	if (base)
		return is_after(s, base - 1, n) ||
		       (n < transactions(s->again) && is_after(s, base - 1, n + 1));
	n = crash->note;
	return is_after(s, n, 0) || (n < transactions(s->run) && is_after(s, n + 1, 0));
}

#define CASE(title, script, budget, ...)                                                           \
	{                                                                                          \
		.name = title, .bytes = OBJECTS_BYTES, .arg = &script, .setup = setup, .run = run, \
		.recover = recover, .check = check, .again = again, .where = objects_where,        \
		.states = budget, __VA_ARGS__                                                      \
	}

#endif
