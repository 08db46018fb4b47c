/*
 * sum_test.c - the checksums: fixed values, since they are part of the format, and what they find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "core/log.h"
#include "core/sum.h"

/* The definition of docs/format/sum.md, in C's own words. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static void test_fold(void **state)
{
	uint64_t a = 1, b = 2;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(twz_fold(a, b), fold(a, b));
		a = a * 6364136223846793005ull + 1442695040888963407ull;
		b = b * 2862933555777941757ull + 3037000493ull;
	}
	assert_int_equal(twz_fold(~0ull, ~0ull), ~0ull ^ 0); /* 2^128 - 2^65 + 1 */
}

static void test_values(void **state)
{
	const uint64_t zero[4] = {0}, words[4] = {1, 2, 3, 4};

	(void)state;
	assert_int_equal(twz_sum(0, words, 0), TWZ_SUM_B);
	assert_int_equal(twz_sum(0, zero, 16), 0x63b3f8ca692bfce6);
	assert_int_equal(twz_sum(0, zero, 32), 0xa1c4c6ce604dfa9c);
	assert_int_equal(twz_sum(0, words, 32), 0x1c3b76c83585ebab);
	assert_int_equal(twz_sum(7, words, 32), 0x8b2fd743b1807163);
	assert_int_equal(twz_sum_at(0, 0), 0);
	assert_int_equal(twz_sum_at(0, 1), 0x9e3779b97f4a7c15);
	assert_int_equal(twz_sum_at(3, 5), 0x46633a3b7b0023a0);
}

/* Every changed bit, every two words exchanged, every shorter sequence gives another sum. */
static void test_differences(void **state)
{
	uint64_t words[16], before;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		words[i] = i % 5 ? i * 0x123456789abcull : 0;
	before = twz_sum(0, words, sizeof(words));
	for (unsigned bit = 0; bit < 16 * 64; bit++) {
		words[bit / 64] ^= (uint64_t)1 << bit % 64;
		assert_int_not_equal(twz_sum(0, words, sizeof(words)), before);
		words[bit / 64] ^= (uint64_t)1 << bit % 64;
	}
	for (unsigned i = 0; i < 16; i++) {
		for (unsigned j = 0; j < i; j++) {
			uint64_t word = words[i];

			if (words[i] == words[j])
				continue;
			words[i] = words[j];
			words[j] = word;
			assert_int_not_equal(twz_sum(0, words, sizeof(words)), before);
			words[j] = words[i];
			words[i] = word;
		}
	}
	for (unsigned bytes = 0; bytes < sizeof(words); bytes += 16)
		assert_int_not_equal(twz_sum(0, words, bytes), before);
	assert_int_equal(twz_sum(0, words, sizeof(words)), before);
}

/* A word's part depends on its place, and is taken out again. */
static void test_at(void **state)
{
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 512; i++) {
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(twz_sum_at(i, 0x1234), twz_sum_at(j, 0x1234));
		sum += twz_sum_at(i, i);
	}
	for (unsigned i = 512; i--;)
		sum -= twz_sum_at(i, i);
	assert_int_equal(sum, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
