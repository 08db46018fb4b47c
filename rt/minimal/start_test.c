/* start_test.c - what a program is started with, and its <string.h>, on the host. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rt/minimal/program.h"

/* The functions under other names, beside the host's. */
#define memcpy our_memcpy
#define memmove our_memmove
#define memset our_memset
#define memcmp our_memcmp
#define memchr our_memchr
#define strnlen our_strnlen
#define strlen our_strlen
#define strncmp our_strncmp
#define strcmp our_strcmp
#define strchr our_strchr
#define strrchr our_strrchr
#define strspn our_strspn
#define strcspn our_strcspn
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strnlen(const char *s, size_t max);
size_t strlen(const char *s);
int strncmp(const char *a, const char *b, size_t n);
int strcmp(const char *a, const char *b);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
size_t strspn(const char *s, const char *set);
size_t strcspn(const char *s, const char *set);
#include "rt/minimal/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strnlen
#undef strlen
#undef strncmp
#undef strcmp
#undef strchr
#undef strrchr
#undef strspn
#undef strcspn

#define BYTES 80

static void pattern(uint8_t *to)
{
	for (unsigned i = 0; i < BYTES; i++)
		to[i] = (uint8_t)(i * 7 + 1);
}

static void memory_moves(void **state)
{
	uint8_t ours[BYTES], theirs[BYTES];

	(void)state;
	for (unsigned from = 0; from < 40; from++)
		for (unsigned to = 0; to < 40; to++)
			for (unsigned n = 0; n <= 40; n++) {
				pattern(ours);
				pattern(theirs);
				assert_ptr_equal(our_memmove(ours + to, ours + from, n), ours + to);
				memmove(theirs + to, theirs + from, n);
				assert_memory_equal(ours, theirs, BYTES);
				assert_ptr_equal(our_memset(ours + to, (int)(from + 0x1f0), n),
						 ours + to);
				memset(theirs + to, (int)(from + 0x1f0), n);
				assert_memory_equal(ours, theirs, BYTES);
			}
	for (unsigned n = 0; n <= BYTES; n++) {
		memset(ours, 0, BYTES);
		pattern(theirs);
		our_memcpy(ours, theirs, n);
		assert_memory_equal(ours, theirs, n);
		if (n < BYTES)
			assert_int_equal(ours[n], 0);
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void texts_are_compared_and_searched(void **state)
{
	static const char *const texts[] = {"",  "a",    "ab",    "abc", "abd",
					    "b", "\377", "a\377", "aba"};
	const unsigned n = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(our_strlen(texts[i]), strlen(texts[i]));
		assert_int_equal(our_strnlen(texts[i], 2), strnlen(texts[i], 2));
		for (const char *c = "ab\377d"; *c; c++) {
			assert_ptr_equal(our_strchr(texts[i], *c), strchr(texts[i], *c));
			assert_ptr_equal(our_strrchr(texts[i], *c), strrchr(texts[i], *c));
			assert_ptr_equal(our_memchr(texts[i], *c, strlen(texts[i])),
					 memchr(texts[i], *c, strlen(texts[i])));
		}
		assert_ptr_equal(our_strchr(texts[i], 0), texts[i] + strlen(texts[i]));
		assert_ptr_equal(our_strrchr(texts[i], 0), texts[i] + strlen(texts[i]));
		for (unsigned j = 0; j < n; j++) {
			const char *a = texts[i], *b = texts[j];
			size_t least = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

			assert_int_equal(sign(our_strcmp(a, b)), sign(strcmp(a, b)));
			assert_int_equal(sign(our_strncmp(a, b, 2)), sign(strncmp(a, b, 2)));
			assert_int_equal(our_strncmp(a, b, 0), 0);
			assert_int_equal(sign(our_memcmp(a, b, least)), sign(memcmp(a, b, least)));
			assert_int_equal(our_strspn(a, b), strspn(a, b));
			assert_int_equal(our_strcspn(a, b), strcspn(a, b));
		}
	}
}

#define CHILD 0x3ff000000ull /* where the other program has it */

static void arguments_lie_at_the_stacks_end(void **state)
{
	const char *argv[] = {"name", "", "two words", NULL};
	uint64_t argc, bytes = arguments_bytes(argv, &argc);
	uint8_t *at = malloc(bytes);
	struct twz_start *start = (struct twz_start *)at;

	(void)state;
	assert_int_equal(argc, 3);
	assert_int_equal(bytes % 16, 0);
	memset(at, 0xaa, bytes);
	start->recovered = 0;
	start->arg = 5;
	arguments_write(at, CHILD, argv, argc);
	assert_int_equal(start->argc, 3);
	assert_int_equal(start->arg, 5);
	for (unsigned i = 0; i < 3; i++) {
		const uint64_t *pointer = (uint64_t *)(at + (start->argv - CHILD));

		assert_string_equal(at + (pointer[i] - CHILD), argv[i]);
		assert_int_equal(pointer[3], 0);
	}
	free(at);
}

static void too_many_arguments_are_refused(void **state)
{
	char *text = malloc(PROGRAM_ARGUMENTS_MAX + 1);
	const char *argv[] = {"name", text, NULL};
	const char **many = calloc(PROGRAM_ARGUMENTS_MAX, sizeof(*many));
	uint64_t argc;

	(void)state;
	memset(text, 'x', PROGRAM_ARGUMENTS_MAX);
	text[PROGRAM_ARGUMENTS_MAX] = 0;
	assert_int_equal(arguments_bytes(argv, &argc), 0);
	text[PROGRAM_ARGUMENTS_MAX - 200] = 0;
	assert_true(arguments_bytes(argv, &argc));
	for (unsigned i = 0; i < PROGRAM_ARGUMENTS_MAX - 1; i++)
		many[i] = "";
	assert_int_equal(arguments_bytes(many, &argc), 0);
	many[PROGRAM_ARGUMENTS_MAX / 16] = NULL;
	assert_true(arguments_bytes(many, &argc));
	assert_int_equal(argc, PROGRAM_ARGUMENTS_MAX / 16);
	free(many);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_moves),
		cmocka_unit_test(texts_are_compared_and_searched),
		cmocka_unit_test(arguments_lie_at_the_stacks_end),
		cmocka_unit_test(too_many_arguments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
