/* io_test.c - formatting. The C library's printf is the oracle. */
#define _GNU_SOURCE
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define SAME(...)                                                                    \
	do {                                                                         \
		char ours_[256], theirs_[256];                                       \
		int n_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);            \
		assert_int_equal(twz_format(ours_, sizeof(ours_), __VA_ARGS__), n_); \
		assert_string_equal(ours_, theirs_);                                 \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat"

static void formats_like_printf(void **state)
{
	(void)state;
	SAME("plain");
	SAME("%%");
	SAME("%d %i %u", 5, -5, 5u);
	SAME("[%5d] [%-5d] [%05d] [%+d] [% d] [%.3d]", 42, 42, 42, 42, 42, 42);
	SAME("[%05d] [%-05d] [%+5d] [%8.3d] [%08.3d]", -42, -42, 42, -7, -7);
	SAME("%ld %lld %zu %lu", LONG_MIN, LLONG_MAX, (size_t)-1, ULONG_MAX);
	SAME("%hhd %hd %hhu %hu", (signed char)-3, (short)-300, (unsigned char)200,
	     (unsigned short)60000);
	SAME("%x %X %o [%8x] [%08x] [%-8x]", 0xbeef, 0xbeef, 8, 0xabc, 0xabc, 0xabc);
	SAME("%x %d [%.0d]", 0, 0, 0);
	SAME("[%s] [%8s] [%-8s] [%.2s] [%.*s] [%*s]", "abc", "abc", "abc", "abc", 1, "abc", 6,
	     "abc");
	SAME("%c%c [%3c]", 'a', 'b', 'c');
	SAME("%p", (void *)0x1234);
	SAME("%016lx", 0x123456789abcul);
}

static void cuts_what_does_not_fit(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(twz_format(out, sizeof(out), "%s", "abcdef"), 6);
	assert_string_equal(out, "abc");
	assert_int_equal(twz_format(NULL, 0, "%d", 12345), 5);
}

static void ids_are_32_digits(void **state)
{
	struct twz_id id = {.hi = 0x0123456789abcdef, .lo = 0xfedcba9876543210}, back;
	char text[TWZ_ID_TEXT];

	(void)state;
	twz_id_text(id, text);
	assert_string_equal(text, "0123456789abcdeffedcba9876543210");
	assert_int_equal(twz_id_parse(text, &back), 0);
	assert_true(twz_id_equal(id, back));
	assert_int_equal(twz_id_parse("0123456789ABCDEFfedcba9876543210", &back), 0);
	assert_true(twz_id_equal(id, back));
	assert_int_equal(twz_id_parse("0123", &back), TWZ_E_ARG);
	assert_int_equal(twz_id_parse("0123456789abcdeffedcba98765432100", &back), TWZ_E_ARG);
	assert_int_equal(twz_id_parse("0123456789abcdeffedcba987654321g", &back), TWZ_E_ARG);
}

static void errors_have_words(void **state)
{
	(void)state;
	assert_string_equal(twz_error_text(TWZ_E_FULL), "the store is full");
	assert_string_equal(twz_error_name(TWZ_E_FULL), "FULL");
	assert_string_equal(twz_error_text(-9999), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_like_printf),
		cmocka_unit_test(cuts_what_does_not_fit),
		cmocka_unit_test(ids_are_32_digits),
		cmocka_unit_test(errors_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
