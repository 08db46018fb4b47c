/*
 * tests.c - runs the programs of tests/guest, one after the other, and looks for what each leaves
 * behind.
 *
 *     tests [--seconds N] [NAME...]
 *
 * What a program made ends with it, or was given back by it: the machine's counts are then as they
 * were before. What is deleted is freed when nothing else is to do, so they are given a while.
 */
#include <string.h>
#include <twz/twz.h>

#include "tests/guest/test.h"

#define SECOND_NS 1000000000ull
#define SECONDS 300u      /* for a program: only what hangs takes so long */
#define RUNS 6u           /* of a program that leaves something behind */
#define SETTLE_TRIES 100u /* of 20 ms each, in which nothing becomes less */
#define SETTLE_MAX 5000u  /* and in all */
#define SETTLE_NS (SECOND_NS / 50)

/* The names of the programs of tests/guest: rt/minimal/guest.mk makes them. */
static const char *const all[] = {
#include "tests/guest/names.h"
	NULL};

static unsigned passed, failed;

static void say(const char *program, const char *test, const char *what)
{
	twz_print("%s: FAILED: %s: %s\n", program, test, what);
}

/* ---- what is left behind --------------------------------------------------------------------------- */

#define COUNT(field)                                          \
	{                                                     \
#field, offsetof(struct twz_sys_usage, field) \
	}
static const struct {
	const char *name;
	size_t offset;
} counts[] = {
	COUNT(frames_used), COUNT(tables),   COUNT(heap_bytes), COUNT(objects),       COUNT(views),
	COUNT(threads),     COUNT(sleeping), COUNT(store_used), COUNT(store_objects),
};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static uint64_t count(const struct twz_sys_usage *usage, unsigned i)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)usage + counts[i].offset, sizeof(value));
	return value;
}

static bool same(const struct twz_sys_usage *a, const struct twz_sys_usage *b)
{
	for (unsigned i = 0; i < COUNTS; i++)
		if (count(a, i) != count(b, i))
			return false;
	return true;
}

static struct twz_sys_usage look(void)
{
	static const uint32_t word;
	struct twz_sys_usage usage;

	twz_rt_wait(&word, 0, SETTLE_NS);
	SYS(usage, &usage);
	return usage;
}

/* Counts that stay as they are for a while. */
static struct twz_sys_usage look_settled(void)
{
	struct twz_sys_usage now = look(), before;

	for (unsigned i = 0; i < SETTLE_TRIES; i++) {
		before = now;
		now = look();
		if (same(&now, &before))
			break;
	}
	return now;
}

/* Less is what a program before this one was late with. */
static bool more(const struct twz_sys_usage *now, const struct twz_sys_usage *before)
{
	for (unsigned i = 0; i < COUNTS; i++)
		if (count(now, i) > count(before, i))
			return true;
	return false;
}

/*
 * Waits until the counts are not more than they were before, or nothing becomes less any more; *now is how they are.
 * On a busy host what is freed takes its time.
 */
static bool settles(const struct twz_sys_usage *before, struct twz_sys_usage *now)
{
	struct twz_sys_usage last;
	unsigned in_vain = 0;

	*now = look();
	for (unsigned i = 0; more(now, before) && in_vain < SETTLE_TRIES && i < SETTLE_MAX; i++) {
		last = *now;
		*now = look();
		in_vain = more(&last, now) ? 0 : in_vain + 1;
	}
	return !more(now, before);
}

static void tell_leaks(const char *program, const struct twz_sys_usage *before,
		       const struct twz_sys_usage *now)
{
	for (unsigned i = 0; i < COUNTS; i++) {
		int64_t leaked = (int64_t)(count(now, i) - count(before, i));

		if (leaked > 0)
			twz_print("%s: FAILED: leaks nothing: %s is %lld, %+lld\n", program,
				  counts[i].name, (long long)count(now, i), (long long)leaked);
	}
}

/* ---- a program ------------------------------------------------------------------------------------- */

/* One that reports nothing counts as one test, by its status. */
static void judge(const char *program, const struct test_report *report, int status)
{
	char what[64];

	passed += report->passed;
	failed += report->failed;
	if (!status) {
		passed += !report->passed;
		return;
	}
	if (report->failed && !report->running[0])
		return; /* it has said so */
	failed++;
	if (status == 124)
		twz_format(what, sizeof(what), "ended when its time was over");
	else
		twz_format(what, sizeof(what), "ended with status %d", status);
	say(program, report->running[0] ? report->running : "all", what);
}

/* Runs it once. True if nothing is left behind; it is told what is, if `tell`. */
static bool run_once(const char *program, uint64_t seconds, struct twz_id id,
		     struct test_report *report, bool tell)
{
	char text[TWZ_ID_TEXT];
	const char *argv[] = {program, "--report", text, NULL};
	struct twz_sys_usage before = look_settled(), now;
	int status, error;

	memset(report, 0, sizeof(*report));
	twz_id_text(id, text);
	error = twz_run(argv, seconds * SECOND_NS, &status);
	if (error) {
		failed++;
		say(program, "all", twz_error_text(error));
		return true;
	}
	judge(program, report, status);
	if (settles(&before, &now))
		return true;
	if (tell)
		tell_leaks(program, &before, &now);
	return false;
}

/*
 * What is made once and stays is not lost: frames of the store's index, of what is mapped of an image.
 * So who leaves something behind runs again: what is lost is lost every time. The store's index and its
 * slabs have room for as many objects as there ever were at once: a program that does things at random has
 * a few more of them now and then, but not one frame more in each of so many runs.
 */
static void run(const char *program, uint64_t seconds, struct twz_id id, struct test_report *report)
{
	bool clean = false;

	for (unsigned i = 1; !clean && i <= RUNS; i++)
		clean = run_once(program, seconds, id, report, i == RUNS);
	if (clean)
		passed++;
	else
		failed++;
	twz_flush();
}

/* The first program that is run makes what stays: what of our own view only that needs is mapped. */
static void warm_up(struct twz_id id, struct test_report *report)
{
	run_once("tests", SECONDS, id, report, false);
	passed = failed = 0;
	twz_print("---- tests in the machine\n");
	twz_flush();
}

/* Of a kernel that checks itself. */
static void tell_longest(void)
{
	struct twz_sys_usage now = look();

	if (now.longest_stretch)
		twz_print("---- the kernel's lock was held for %llu us at most\n",
			  (unsigned long long)(now.longest_stretch * 1000000 /
					       minimal.sys.cycles_per_s));
}

static uint64_t number(const char *text)
{
	uint64_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (uint64_t)(*text++ - '0');
	return *text ? 0 : n;
}

int main(int argc, char **argv)
{
	const struct twz_rt_new new = {.perms = TEST_PERMS, .flags = TWZ_NEW_VOLATILE};
	const char *const *names = (const char *const *)argv + 1;
	uint64_t seconds = SECONDS;
	struct test_report *report;
	struct twz_id id;

	if (argc > 1 && !strcmp(argv[1], "--report"))
		return 0; /* warm_up */
	if (argc > 2 && !strcmp(argv[1], "--seconds")) {
		seconds = number(argv[2]);
		names += 2;
	}
	if (!seconds || (*names && **names == '-')) {
		twz_warn("usage: tests [--seconds N] [NAME...]\n");
		return 2;
	}
	if (twz_rt_create(&new, &id)) {
		twz_warn("tests: there is no memory\n");
		return 1;
	}
	view_enter(view_own(), TEST_SLOT, id, minimal.sys.epoch, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	report = (struct test_report *)TWZ_SLOT_DATA_AT(TEST_SLOT);
	warm_up(id, report);
	for (names = *names ? names : all; *names; names++)
		run(*names, seconds, id, report);
	tell_longest();
	twz_print("guest: %u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
