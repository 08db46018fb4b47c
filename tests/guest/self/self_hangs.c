/* self_hangs.c - a test that has no end, to see that the harness sees it. */
#include "tests/guest/test.h"

TEST(hangs)
{
	for (;;)
		test_sleep(~0ull);
}
