/*
 * fuzz.c - system calls at random, by programs that may be ruined by it: run/fuzzing.c, which says with
 * which seed.
 */
#include "tests/guest/bare.h"

#define ROUNDS 10u /* of CALLS each, but on a slow machine those that fit into the time */
#define CALLS "20000"
#define TIME_NS (60 * BARE_SECOND_NS)

TEST(whatever_programs_ask_for_the_machine_goes_on)
{
	const char *const argv[] = {"fuzzing", CALLS, NULL};
	uint64_t end = twz_rt_time_ns() + TIME_NS;
	int status = 0;

	for (unsigned i = 0; i < ROUNDS && !status && twz_rt_time_ns() < end; i++)
		CHECK_EQ(twz_run(argv, ~0ull, &status), 0);
	CHECK_EQ(status, 0);
}
