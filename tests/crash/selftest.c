/*
 * selftest.c - the enumerator itself: exact counts that were worked out by hand, and small
 * protocols of which each has a right form and wrong ones. A wrong one that passes is a failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sum.h"
#include "tests/sim/sim.h"

#define WORD ((uint64_t *)SIM_BASE)
#define LINE(n) (WORD + 8 * (n)) /* the first word of line n */

static void set(uint64_t *word, uint64_t value)
{
	pmem_store64(word, value);
}

/* One word made durable. */
static void durable(uint64_t *word, uint64_t value)
{
	set(word, value);
	pmem_flush("selftest: word", word, 8);
	pmem_fence("selftest: word");
}

/* ---- exact counts ---------------------------------------------------------------------------- */

/* 0 and 1. */
static void one_word(const void *arg)
{
	(void)arg;
	durable(WORD, 1);
	sim_note(1);
}

static const char *check_one_word(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->note && WORD[0] != 1)
		return "the word is durable and was lost";
	return WORD[0] > 1 ? "the word has a value that nobody stored" : NULL;
}

/*
 * Two words in one line: independent, 4. When both are durable another one follows, here and below:
 * it shows that they are. 5.
 */
static void two_words(const void *arg)
{
	(void)arg;
	set(WORD, 1);
	set(WORD + 1, 1);
	pmem_flush("selftest: line", WORD, 16);
	pmem_fence("selftest: line");
	durable(LINE(1), 1);
}

/* In order: 00, 10, 11. */
static void in_order(const void *arg)
{
	(void)arg;
	durable(WORD, 1);
	durable(WORD + 1, 1);
}

/* 0, 1, 2 and 3: the one in between may have been evicted. */
static void thrice(const void *arg)
{
	(void)arg;
	set(WORD, 1);
	set(WORD, 2);
	durable(WORD, 3);
}

/*
 * The flush covers the 1, not the 2: first word 0, 1, 2 before the fence; 1 or 2 after it, which
 * the second word, 0 or 1, makes visible: 3 + 4 - 2 = 5.
 */
static void store_after_flush(const void *arg)
{
	(void)arg;
	set(WORD, 1);
	pmem_flush("selftest: early", WORD, 8);
	set(WORD, 2);
	pmem_fence("selftest: early");
	durable(LINE(1), 1);
}

/* The flush comes before the store: the fence orders nothing, 4. */
static void flush_before_store(const void *arg)
{
	(void)arg;
	sim_flush(WORD, 8);
	set(WORD, 1);
	sim_fence();
	durable(LINE(1), 1);
}

/* A fence without a flush orders nothing, 4. */
static void fence_alone(const void *arg)
{
	(void)arg;
	set(WORD, 1);
	sim_fence();
	durable(LINE(1), 1);
}

/* The flush of one byte covers its line: first 4, then both are durable under the third: 5. */
static void whole_line(const void *arg)
{
	(void)arg;
	set(LINE(0), 1);
	set(LINE(0) + 7, 1);
	pmem_flush("selftest: whole line", LINE(0), 1);
	pmem_fence("selftest: whole line");
	durable(LINE(2), 1);
}

/* 12 bytes over two words, from the middle of the first: 4 + 1. */
static void unaligned(const void *arg)
{
	uint8_t bytes[12];

	(void)arg;
	memset(bytes, 0xff, sizeof(bytes));
	pmem_copy((uint8_t *)WORD + 4, bytes, sizeof(bytes));
	pmem_flush("selftest: unaligned", WORD, 16);
	pmem_fence("selftest: unaligned");
	durable(LINE(1), 1);
}

static const char *check_unaligned(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	(void)crash;
	return WORD[0] && WORD[0] != 0xffffffff00000000 ? "the word tore inside" : NULL;
}

/* Plain stores are found at their flush, 2 + 1, ... */
static void plain_flushed(const void *arg)
{
	(void)arg;
	*(volatile uint64_t *)WORD = 1;
	pmem_flush("selftest: plain", WORD, 8);
	pmem_fence("selftest: plain");
	durable(LINE(1), 1);
}

/* ... or at the fence that does not cover them, 4. */
static void plain_not_flushed(const void *arg)
{
	(void)arg;
	*(volatile uint64_t *)WORD = 1;
	durable(LINE(1), 1);
}

/* The same word at another address: 0, 1, 2, and one more. */
static void setup_alias(const void *arg)
{
	(void)arg;
	sim_alias(SIM_SLOT(3), TWZ_PAGE, TWZ_PAGE);
}

static void alias(const void *arg)
{
	(void)arg;
	set((uint64_t *)(SIM_BASE + TWZ_PAGE), 1);
	set((uint64_t *)SIM_SLOT(3), 2);
	pmem_flush("selftest: alias", SIM_SLOT(3), 8);
	pmem_fence("selftest: alias");
	durable(WORD, 1);
}

/* The recovery stores a second word: 0-, 1-, and from that 11. */
static const char *recover_storing(const void *arg)
{
	(void)arg;
	if (WORD[0])
		durable(LINE(1), 1);
	return NULL;
}

/* After either, `again` stores a third in a second life: 001 and, with the recovery's, 111. */
static void again_storing(const void *arg)
{
	(void)arg;
	durable(LINE(2), 1);
	sim_note(1);
}

static const char *check_again(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	if (crash->again && crash->note_again && !*LINE(2))
		return "what again made durable was lost";
	return !crash->again && *LINE(2) ? "the note of the second life is missing" : NULL;
}

/* A check that leaves traces that the enumerator cannot undo must not pass. */
static const char *check_stray(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	(void)crash;
	*(volatile uint64_t *)LINE(9) = 1;
	return NULL;
}

/* A recorded change by the check is undone: no state sees it. */
static const char *check_changing(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	(void)crash;
	if (*LINE(9))
		return "the check before this one was not undone";
	set(LINE(9), 1);
	return NULL;
}

/* ---- protocols ------------------------------------------------------------------------------- */

/* What a form of a protocol leaves out. */
enum wrong {
	NO_FLUSH = 1,        /* of the data */
	NO_FENCE = 2,        /* between data and what makes it valid */
	NO_END = 4,          /* flush of what makes it valid, before the program goes on */
	NO_SUM = 8,          /* the sum is not looked at */
	SHORT_SUM = 16,      /* the sum leaves out the last word */
	NO_RETIRE = 32,      /* the recovery retires before what it stored is durable */
	NO_VOID = 64,        /* the recovery leaves a torn record as it is */
	NO_VOID_FENCE = 128, /* the log is used again before that is durable */
	NO_REFLUSH = 256,    /* the recovery takes a record of a killed process for durable */
};

static bool wrong(const void *arg, enum wrong what)
{
	return *(const unsigned *)arg & what;
}

#define NDATA 12u /* words of data in lines 1 and 2 */

/* Data, then a flag that says that it is there. */
static void publish(const void *arg)
{
	for (unsigned i = 0; i < NDATA; i++)
		set(LINE(1) + i, i + 1);
	if (!wrong(arg, NO_FLUSH))
		pmem_flush("selftest: data", LINE(1), 8 * NDATA);
	if (!wrong(arg, NO_FENCE))
		pmem_fence("selftest: data");
	set(WORD, 1);
	if (!wrong(arg, NO_END))
		pmem_flush("selftest: flag", WORD, 8);
	pmem_fence("selftest: flag");
	sim_note(1);
}

static const char *check_data(bool valid, const struct sim_crash *crash)
{
	if (crash->note && !valid)
		return "the data was durable and is gone";
	for (unsigned i = 0; valid && i < NDATA; i++)
		if (LINE(1)[i] != i + 1)
			return "the data is valid, but not whole";
	return NULL;
}

static const char *check_publish(const void *arg, const struct sim_crash *crash)
{
	(void)arg;
	return check_data(WORD[0], crash);
}

/* Data and its sum behind one fence. */
static uint64_t data_sum(const void *arg)
{
	return twz_sum(1, LINE(1), 8 * (wrong(arg, SHORT_SUM) ? NDATA - 2 : NDATA));
}

static void sealed(const void *arg)
{
	for (unsigned i = 0; i < NDATA; i++)
		set(LINE(1) + i, i + 1);
	set(WORD, data_sum(arg));
	pmem_flush("selftest: sealed", WORD, 8 * (8 + NDATA));
	pmem_fence("selftest: sealed");
	sim_note(1);
}

static const char *check_sealed(const void *arg, const struct sim_crash *crash)
{
	bool valid = WORD[0] && ((STEP("sum", "selftest: sealed") && WORD[0] == data_sum(arg)) ||
				 wrong(arg, NO_SUM));

	return check_data(valid, crash);
}

/*
 * A transaction over two objects as docs/format/log.md has it, in miniature. Each object has a
 * value, a log record of one new value, and the number of the last record that is retired. The
 * first one's record names the sum of the second one's.
 */
struct mini {
	uint64_t value[8];
	struct {
		uint64_t seq, value, other, sum;
	} log;
	uint64_t pad[4];
	uint64_t retired[8];
};
#define OBJECT(n) ((struct mini *)(SIM_BASE + (n)*TWZ_PAGE))

static uint64_t record_sum(const struct mini *m)
{
	uint64_t word[4] = {m->log.seq, m->log.value, m->log.other, 0};

	return twz_sum(1, word, sizeof(word));
}

static bool whole(const struct mini *m)
{
	return m->log.seq > m->retired[0] && m->log.sum == record_sum(m);
}

static void retire(struct mini *m, uint64_t seq)
{
	set(m->retired, seq);
	sim_flush(m->retired, 8);
}

static void store_both(const struct mini *a, const struct mini *b)
{
	for (unsigned i = 0; i < 2; i++) {
		struct mini *m = OBJECT(i);

		set(m->value, (i ? b : a)->log.value);
		pmem_flush("selftest: in place", m->value, 8);
	}
}

static void log_one(struct mini *m, uint64_t value, uint64_t other)
{
	set(&m->log.seq, m->retired[0] + 1);
	set(&m->log.value, value);
	set(&m->log.other, other);
	set(&m->log.sum, record_sum(m));
	pmem_flush("selftest: record", &m->log, sizeof(m->log));
}

static void transaction(const void *arg, uint64_t a, uint64_t b)
{
	log_one(OBJECT(1), b, 0);
	log_one(OBJECT(0), a, OBJECT(1)->log.sum);
	if (!wrong(arg, NO_FENCE))
		pmem_fence("selftest: record");
	store_both(OBJECT(0), OBJECT(1));
	pmem_fence("selftest: in place");
	for (unsigned i = 0; i < 2; i++)
		retire(OBJECT(i), OBJECT(i)->log.seq);
	sim_note(1);
}

static const char *settle(const void *arg)
{
	struct mini *a = OBJECT(0), *b = OBJECT(1);
	bool committed = whole(a) && whole(b) && a->log.other == b->log.sum;

	if (committed) {
		/* Nobody knows whether the one who died still flushed them. */
		for (unsigned i = 0; i < 2 && !wrong(arg, NO_REFLUSH); i++)
			pmem_flush("selftest: record again", &OBJECT(i)->log, sizeof(a->log));
		pmem_fence("selftest: record again");
		store_both(a, b);
		if (!wrong(arg, NO_RETIRE))
			pmem_fence("selftest: settled");
	}
	if (!committed && wrong(arg, NO_VOID))
		return NULL;
	/* Whatever is there: a record of the next number may have lost that number alone. */
	for (unsigned i = 0; i < 2; i++)
		retire(OBJECT(i), OBJECT(i)->retired[0] + 1);
	if (!wrong(arg, NO_VOID_FENCE))
		sim_fence();
	return NULL;
}

static void first_transaction(const void *arg)
{
	transaction(arg, 8, 5);
}

/* Another value for the first object, the same for the second. */
static void second_transaction(const void *arg)
{
	transaction(arg, 9, 5);
}

static const char *check_both(const void *arg, const struct sim_crash *crash)
{
	uint64_t a = OBJECT(0)->value[0], b = OBJECT(1)->value[0];

	(void)arg;
	if (!((a == 0 && b == 0) || ((a == 8 || a == 9) && b == 5)))
		return "only one of the two objects changed";
	if (crash->note && !a)
		return "the first transaction was lost";
	if (crash->again && crash->note_again == 1 && a != 9)
		return "the second transaction was lost";
	return NULL;
}

/* The second transaction begins when the first one was decided: that decision must stay. */
static void decided_then_second(const void *arg)
{
	sim_note(0x10 | (OBJECT(0)->value[0] == 8));
	second_transaction(arg);
}

static const char *check_decided(const void *arg, const struct sim_crash *crash)
{
	uint64_t a = OBJECT(0)->value[0];

	if (crash->again && crash->note_again == 0x10 && a == 8)
		return "a transaction that was void came back";
	return check_both(arg, crash);
}

/* ---- the list -------------------------------------------------------------------------------- */

static const unsigned right = 0, no_flush = NO_FLUSH, no_fence = NO_FENCE, no_end = NO_END,
		      no_sum = NO_SUM, short_sum = SHORT_SUM, no_retire = NO_RETIRE,
		      no_void = NO_VOID, no_void_fence = NO_VOID_FENCE, no_reflush = NO_REFLUSH;

/* clang-format off */
#define COUNT(title, number, function, ...)                                             \
	{.name = title, .bytes = 1 << 20, .run = function, .exact = number, __VA_ARGS__}
#define FORM(title, form, function, ...)                                                \
	{.name = title, .bytes = 1 << 20, .arg = &form, .run = function,                \
	 .broken = &form != &right, __VA_ARGS__}

static const struct sim_case cases[] = {
	COUNT("count: one word", 2, one_word, .check = check_one_word),
	COUNT("count: two words", 5, two_words),
	COUNT("count: in order", 3, in_order),
	COUNT("count: three values", 4, thrice),
	COUNT("count: store after flush", 5, store_after_flush),
	COUNT("count: flush before store", 4, flush_before_store),
	COUNT("count: no flush", 4, fence_alone),
	COUNT("count: whole line", 5, whole_line),
	COUNT("count: unaligned", 5, unaligned, .check = check_unaligned),
	COUNT("count: plain, flushed", 3, plain_flushed),
	COUNT("count: plain, not flushed", 4, plain_not_flushed),
	COUNT("count: alias", 4, alias, .setup = setup_alias),
	COUNT("count: recovery", 3, one_word, .recover = recover_storing),
	COUNT("count: recovery, flat", 2, one_word, .recover = recover_storing, .flat = true),
	COUNT("count: again", 5, one_word, .recover = recover_storing, .again = again_storing,
	      .check = check_again),
	COUNT("undo: recorded", 2, one_word, .check = check_changing),
	COUNT("undo: plain", 2, one_word, .check = check_stray, .broken = true),

	FORM("publish", right, publish, .check = check_publish),
	FORM("publish: no flush", no_flush, publish, .check = check_publish),
	FORM("publish: no fence", no_fence, publish, .check = check_publish),
	FORM("publish: no flush at the end", no_end, publish, .check = check_publish),
	FORM("sum", right, sealed, .check = check_sealed),
	FORM("sum: not looked at", no_sum, sealed, .check = check_sealed),
	FORM("sum: too short", short_sum, sealed, .check = check_sealed),
	FORM("log", right, first_transaction, .recover = settle, .check = check_decided,
	     .again = decided_then_second),
	FORM("log: no fence", no_fence, first_transaction, .recover = settle,
	     .check = check_both),
	FORM("log: retired too early", no_retire, first_transaction, .recover = settle,
	     .check = check_both),
	FORM("log: torn", right, first_transaction, .recover = settle, .check = check_decided,
	     .again = decided_then_second, .torn = true),
	FORM("log: killed", right, first_transaction, .recover = settle, .check = check_decided,
	     .again = decided_then_second, .killed = true),
	FORM("log: killed, record not flushed", no_reflush, first_transaction, .recover = settle,
	     .check = check_decided, .again = decided_then_second, .killed = true),
	FORM("log: voided without a fence", no_void_fence, first_transaction, .recover = settle,
	     .check = check_decided, .again = decided_then_second, .torn = true),
	FORM("log: not voided", no_void, first_transaction, .recover = settle,
	     .check = check_decided, .again = decided_then_second, .torn = true),
};
/* clang-format on */

/*
 * The line that a failure prints repeats it: a wrong form, run as if it were right, must fail again
 * with the same message when only its state is visited.
 */
static bool first_line(const char *command, const char *start, char *line, int size)
{
	FILE *in = popen(command, "r");
	bool found = false;

	while (in && fgets(line, size, in)) {
		line[strcspn(line, "\n")] = 0;
		if (strstr(line, start)) {
			found = true;
			break;
		}
	}
	if (in)
		pclose(in);
	return found;
}

static bool repeats(const char *program)
{
	char command[512], failure[256], again[256], line[256];

	snprintf(command, sizeof(command), "SELFTEST=1 %s 'log: not voided'", program);
	if (!first_line(command, "FAILED", failure, sizeof(failure)) ||
	    !first_line(command, "again: TWZ", line, sizeof(line)))
		return false;
	snprintf(command, sizeof(command), "SELFTEST=1 %s", strstr(line, "TWZ"));
	return first_line(command, "FAILED", again, sizeof(again)) && !strcmp(failure, again);
}

int main(int argc, char **argv)
{
	if (getenv("SELFTEST")) {
		struct sim_case as_right = cases[sizeof(cases) / sizeof(cases[0]) - 1];

		as_right.broken = false;
		return sim_main(argc, argv, "crash_selftest", &as_right, 1);
	}
	if (argc < 2 && !getenv("TWZ_STEP_OFF") && !repeats(argv[0])) {
		printf("  the line that should repeat a failure does not\n");
		printf("crash_selftest: 0 passed, 1 failed\n");
		return 1;
	}
	return sim_main(argc, argv, "crash_selftest", cases, sizeof(cases) / sizeof(cases[0]));
}
