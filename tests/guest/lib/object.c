/* object.c - objects of tests, and where they are (test.h). */
#include "tests/guest/test.h"

struct twz_id test_object_of(uint32_t type, uint32_t perms, uint32_t flags)
{
	const struct twz_sys_new new = {.type = type, .perms = perms, .flags = flags};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	return id;
}

struct twz_id test_object(uint32_t flags)
{
	return test_object_of(TWZ_TYPE_DATA, TEST_PERMS, flags);
}

void test_delete(struct twz_id id)
{
	CHECK_EQ(SYS(object_delete, ID(id)), 0);
}

uint8_t *test_address(uint32_t slot)
{
	if (slot < TWZ_VIEW_SLOTS)
		return (uint8_t *)((uint64_t)slot << TWZ_SLOT_SHIFT);
	return (uint8_t *)((1ull << TWZ_PLACE_BIT) +
			   ((uint64_t)(slot - TWZ_VIEW_SLOTS) << TWZ_PLACE_SHIFT));
}

void test_enter(uint32_t slot, struct twz_id id, uint32_t rights)
{
	view_enter(view_own(), slot, id, minimal.sys.epoch, rights);
}

uint8_t *test_map(uint32_t slot, struct twz_id id, uint32_t rights)
{
	test_enter(slot, id, rights);
	CHECK_EQ(SYS(view_invalidate, slot, 1), 0);
	return test_address(slot);
}

void test_unmap(uint32_t slot)
{
	test_map(slot, (struct twz_id){0}, 0);
}

/* The object is shown in the slot, to be filled. */
static void fill_view(struct twz_id id, uint32_t slot, struct twz_view **table)
{
	uint8_t *shown = test_map(slot, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	struct twz_view *view = (void *)(shown + TWZ_OBJ_DATA);

	view->magic = TWZ_VIEW_MAGIC;
	view->version = 1;
	for (uint32_t own = 1; own < TWZ_VIEW_RESERVED; own++)
		view_enter(view, own, view_own()->slot[own].id, minimal.sys.epoch,
			   view_own()->slot[own].rights);
	view_enter(view, TWZ_SLOT_VIEW, id, minimal.sys.epoch, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	*table = view;
}

struct twz_id test_view(uint32_t slot, uint32_t flags, struct twz_view **table)
{
	struct twz_id id = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, flags);

	fill_view(id, slot, table);
	return id;
}

struct twz_id test_view_under(struct twz_id key, uint32_t slot, struct twz_view **table)
{
	const struct twz_sys_new new = {.type = TWZ_TYPE_VIEW,
					.perms = twz_id_none(key) ? TWZ_PERM_ALL : 0,
					.key = key,
					.flags = TWZ_OBJECT_VOLATILE};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	fill_view(id, slot, table);
	return id;
}

struct twz_sys_info test_info(void)
{
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	return info;
}
