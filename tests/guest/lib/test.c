/* test.c - the tests of a program, one after the other (test.h). */
#include <stdarg.h>

#include "tests/guest/test.h"

#define SHOWN_MAX 8u /* failed checks of a test that are shown */
#define REPORT_SLOT (TEST_SLOT - 1)

static struct test *first, **last = &first;
static struct test_report own, *report = &own;
static const struct test outside = {.name = "main"}, *current = &outside;
static uint32_t wrong; /* checks of the current test that failed */

void test_add(struct test *test)
{
	*last = test;
	last = &test->next;
}

void test_say(const char *format, ...)
{
	char line[1024];
	va_list args;
	uint64_t n;

	va_start(args, format);
	n = twz_vformat(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n] = '\n';
	twz_rt_write(1, line, n + 1);
}

/* Counts it; true if it is to be shown. */
static bool wrong_is_shown(void)
{
	return __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED) <= SHOWN_MAX;
}

bool test_check(bool good, const char *file, int line, const char *what)
{
	if (!good && wrong_is_shown())
		test_say("%s:%d: %s: not so: %s", file, line, current->name, what);
	return good;
}

bool test_check_eq(uint64_t a, uint64_t b, const char *file, int line, const char *what)
{
	if (a != b && wrong_is_shown())
		test_say("%s:%d: %s: not so: %s: %lld (0x%llx), %lld (0x%llx)", file, line,
			 current->name, what, (long long)a, (unsigned long long)a, (long long)b,
			 (unsigned long long)b);
	return a == b;
}

static void run(const struct test *test)
{
	current = test;
	wrong = 0;
	twz_format(report->running, sizeof(report->running), "%s", test->name);
	test->run();
	report->running[0] = 0;
	if (!wrong) {
		report->passed++;
		return;
	}
	report->failed++;
	test_say("%s: FAILED: %u checks", test->name, wrong);
}

static bool wanted(const struct test *test, char *const names[])
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(test->name, *names))
			return true;
	return false;
}

/* Weak: a program that has a main of its own has that one, and our checks. */
__attribute__((weak)) int main(int argc, char **argv)
{
	char **names = argv + 1;
	struct twz_id id;

	if (argc > 2 && !strcmp(argv[1], "--report") && !twz_id_parse(argv[2], &id)) {
		report = (void *)(test_map(REPORT_SLOT, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
				  TWZ_OBJ_DATA);
		names += 2;
	}
	for (const struct test *test = first; test; test = test->next)
		if (wanted(test, names))
			run(test);
	test_say("%s: %u passed, %u failed", argv[0], report->passed, report->failed);
	return report->failed || !report->passed;
}
