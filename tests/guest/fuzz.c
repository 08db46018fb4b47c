/*
 * fuzz.c - system calls at random, by programs that may be ruined by it, on processors that really run at
 * the same time: run/fuzzing.c. Most of them are made by fuzz.sh, which says with which seed.
 */
#include "tests/guest/bare.h"

#define CALLS "20000"
#define SEED "1"

TEST(whatever_programs_ask_for_the_machine_goes_on)
{
	const char *const argv[] = {"fuzzing", CALLS, SEED, NULL};
	int status = 1;

	CHECK_EQ(twz_run(argv, ~0ull, &status), 0);
	CHECK_EQ(status, 0);
}
