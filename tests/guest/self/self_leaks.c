/* self_leaks.c - leaves something behind, to see that the harness sees it. */
#include "tests/guest/test.h"

TEST(leaves_a_volatile_object_with_a_page)
{
	uint8_t *at = test_map(TEST_SLOT, test_object(TWZ_OBJECT_VOLATILE),
			       TWZ_VIEW_READ | TWZ_VIEW_WRITE);

	at[TWZ_OBJ_DATA] = 1;
}

TEST(leaves_a_persistent_object_with_a_page)
{
	uint8_t *at =
		test_map(TEST_SLOT, test_object(TWZ_OBJECT_ENDING), TWZ_VIEW_READ | TWZ_VIEW_WRITE);

	at[TWZ_OBJ_DATA] = 1;
}
