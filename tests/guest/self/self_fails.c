/* self_fails.c - a test that fails and one that does not, to see that the harness sees it. */
#include "tests/guest/test.h"

TEST(passes)
{
	CHECK_EQ(1, 1);
}

TEST(fails)
{
	CHECK(1 == 2);
	CHECK_EQ(3, 4);
}
