/* self_crashes.c - a test that ends its program, to see that the harness sees it. */
#include "tests/guest/test.h"

TEST(passes)
{
	CHECK_EQ(test_load(test_address(TEST_SLOT) + TWZ_OBJ_DATA).kind, TWZ_FAULT_OBJECT);
}

TEST(crashes)
{
	*(volatile uint8_t *)(test_address(TEST_SLOT) + TWZ_OBJ_DATA) = 1;
}
