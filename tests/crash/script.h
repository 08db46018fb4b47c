/*
 * script.h - the part of a crash test that performs scripts of operations on containers and compares what is left
 * with a model. Included once, in the middle of the test, behind what it uses:
 *
 *     struct op        with `what`, which is END behind the last one, and `more`: the next op belongs to the
 *                      same transaction
 *     struct script    struct op run[], again[]
 *     struct model     all zero at first; `number` counts the ops
 *     perform, model_perform    do the transaction at op, for real and in the model; where the next one is
 *     holds            is what is there what the model says?
 */
#ifndef TESTS_CRASH_SCRIPT_H
#define TESTS_CRASH_SCRIPT_H

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

	memset(&m, 0, sizeof(m));
	while (run--)
		op = model_perform(&m, op);
	m.number = ops(s->run);
	for (op = s->again; again; again--)
		op = model_perform(&m, op);
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

/* Notes as in heap.c: 1 + transactions of the first script that are there, times 64, plus own. */
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

#endif
