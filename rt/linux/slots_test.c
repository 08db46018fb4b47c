/* slots_test.c - objects mapped on first touch, faults, the store's lock. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "rt/linux/home.h"
#include "rt/linux/slots.h"
#include "tests/home/home.h"

#define BYTES (64ull << 20)
#define PAGE 4096ull

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	return obj;
}

static uint64_t pages_of(const struct twz_obj *obj)
{
	struct twz_rt_stat stat;

	MUST(twz_obj_stat(obj->id, &stat));
	return stat.npages;
}

static void first_page_never_maps(void **state)
{
	struct twz_obj obj = fresh();

	(void)state;
	assert_true(CATCH(load(obj.base)));
	assert_int_equal(caught.kind, TWZ_FAULT_NULL);
	assert_true(twz_id_equal(caught.object, obj.id));
	assert_true(CATCH(put(obj.base + 4088, 1)));
	assert_int_equal(caught.kind, TWZ_FAULT_NULL);
	assert_int_equal(caught.offset, 4088);
	assert_int_equal(load(obj.base + 4096), 0);
	assert_true(CATCH(load(obj.base)));
}

/* As the host says it of memory that it found broken. */
static void tell_broken(const void *addr)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = BUS_MCEERR_AR};

	info.si_addr = (void *)(uintptr_t)addr;
	assert_int_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, &info), 0);
}

static void broken_memory_is_a_fault(void **state)
{
	struct twz_obj obj = fresh();
	uint64_t *data = twz_obj_data(&obj);

	(void)state;
	put(data, 1);
	assert_true(CATCH(tell_broken(data)));
	assert_int_equal(caught.kind, TWZ_FAULT_MACHINE);
	assert_int_equal(caught.error, TWZ_E_IO);
	assert_int_equal(caught.offset, TWZ_OBJ_DATA);
	assert_true(twz_id_equal(caught.object, obj.id));
	assert_false(CATCH(load(data)));
}

static void holes_read_as_zeros_and_take_nothing(void **state)
{
	struct twz_obj obj = fresh();

	(void)state;
	for (uint64_t at = PAGE; at < TWZ_SLOT_SIZE; at += 50 * PAGE + 8)
		assert_int_equal(load(obj.base + at / 8 * 8), 0);
	assert_int_equal(pages_of(&obj), 0);
}

static void stores_make_pages(void **state)
{
	struct twz_obj obj = fresh();
	uint8_t *data = twz_obj_data(&obj);

	(void)state;
	assert_int_equal(load(data), 0);
	put(data, 7);
	assert_int_equal(load(data), 7);
	assert_int_equal(pages_of(&obj), 1);
	/* An object of few pages grows by one, a larger one by as much as it has. */
	for (unsigned i = 1; i < 16; i++)
		put(data + i * PAGE, i);
	assert_int_equal(pages_of(&obj), 16);
	put(data + 16 * PAGE, 16);
	assert_int_equal(pages_of(&obj), 32);
	put(data + 32 * PAGE, 32);
	assert_int_equal(pages_of(&obj), 64);
	/* The log and the FOT do not. */
	put(obj.base + TWZ_OBJ_FOT, 1);
	assert_int_equal(pages_of(&obj), 65);
	for (unsigned i = 1; i < 32; i++)
		assert_int_equal(load(data + i * PAGE), i <= 16 ? i : 0);
}

static void what_was_stored_is_in_the_store(void **state)
{
	struct twz_obj obj = fresh();
	struct store_run run;
	uint64_t ref;

	(void)state;
	put(twz_obj_data(&obj), 0x1234);
	home_lock();
	assert_int_equal(home_find(obj.id, &ref), 0);
	assert_int_equal(store_run(&home.store, ref, TWZ_OBJ_DATA / PAGE, 1, &run), 0);
	assert_int_equal(load(home.image.base + run.frame * PAGE), 0x1234);
	home_unlock();
}

static void copies_share_until_stored_to(void **state)
{
	struct twz_obj a = fresh(), b;
	struct twz_rt_usage before, after;
	struct twz_id id;

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		put((uint8_t *)twz_obj_data(&a) + i * PAGE, i);
	twz_rt_usage(&before);
	MUST(twz_obj_copy(a.id, false, &id));
	twz_rt_usage(&after);
	assert_true(after.used - before.used < 20);
	MUST(twz_obj_open(id, &b));
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(load((uint8_t *)twz_obj_data(&b) + i * PAGE), i);
	put((uint8_t *)twz_obj_data(&a) + 5 * PAGE, 1000);
	put((uint8_t *)twz_obj_data(&b) + 7 * PAGE, 2000);
	assert_int_equal(load((uint8_t *)twz_obj_data(&b) + 5 * PAGE), 5);
	assert_int_equal(load((uint8_t *)twz_obj_data(&a) + 7 * PAGE), 7);
	assert_int_equal(load((uint8_t *)twz_obj_data(&a) + 5 * PAGE), 1000);
	assert_int_equal(load((uint8_t *)twz_obj_data(&b) + 7 * PAGE), 2000);
	MUST(twz_obj_delete(a.id));
	MUST(twz_obj_delete(b.id));
}

static void sealed_objects_are_read_only(void **state)
{
	struct twz_obj obj = fresh(), sealed;
	struct twz_id id;

	(void)state;
	memset(twz_obj_data(&obj), 'x', 10000);
	MUST(twz_obj_seal(obj.id, 10000, TWZ_READ, &id));
	MUST(twz_obj_open(id, &sealed));
	assert_int_equal(((char *)twz_obj_data(&sealed))[9999], 'x');
	assert_int_equal(twz_obj_size(&sealed), 10000);
	assert_true(CATCH(put(twz_obj_data(&sealed), 1)));
	assert_int_equal(caught.kind, TWZ_FAULT_RIGHT);
	assert_int_equal(caught.error, TWZ_E_SEALED);
	assert_int_equal(caught.access, TWZ_VIEW_WRITE);
	assert_int_equal(twz_rt_touch(twz_obj_data(&sealed), 8), TWZ_E_SEALED);
	put(twz_obj_data(&obj), 2); /* the source can still change */
}

static void limits_hold_for_every_mapping(void **state)
{
	struct twz_obj obj = fresh();
	uint8_t *data = twz_obj_data(&obj);
	uint64_t first = TWZ_OBJ_DATA / PAGE;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(data + i * PAGE, i + 1);
	assert_int_equal(twz_rt_limit(obj.id, first, 1, TWZ_DELETE), TWZ_E_ARG);
	/* Mapped already: a page to read only, one for nothing, a guard page that is a hole. */
	MUST(twz_rt_limit(obj.id, first + 1, 1, TWZ_WRITE));
	MUST(twz_rt_limit(obj.id, first + 2, 1, TWZ_READ));
	MUST(twz_rt_limit(obj.id, first + 9, 1, TWZ_READ | TWZ_WRITE | TWZ_EXEC));
	put(data, 10);
	put(data + 3 * PAGE, 40);
	assert_int_equal(load(data + PAGE), 2);
	assert_true(CATCH(put(data + PAGE, 20)));
	assert_int_equal(caught.kind, TWZ_FAULT_RIGHT);
	assert_int_equal(caught.error, TWZ_E_RIGHT);
	assert_int_equal(load(data + PAGE), 2);
	assert_true(CATCH(load(data + 2 * PAGE)));
	assert_int_equal(caught.kind, TWZ_FAULT_RIGHT);
	assert_true(CATCH(load(data + 9 * PAGE)));
	assert_true(CATCH(put(data + 9 * PAGE, 1)));
	assert_int_equal(caught.error, TWZ_E_RIGHT);
	assert_int_equal(twz_rt_touch(data + 8 * PAGE, 2 * PAGE), TWZ_E_RIGHT);
	assert_int_equal(load(data + 10 * PAGE), 0);
	/* What is dropped is without them. */
	MUST(twz_rt_drop(obj.id, first + 1, 9));
	put(data + PAGE, 21);
	put(data + 9 * PAGE, 91);
	assert_int_equal(load(data), 10);
	assert_int_equal(load(data + 2 * PAGE), 0);
	MUST(twz_obj_delete(obj.id));
}

static void dropped_and_deleted_pages_are_gone(void **state)
{
	struct twz_obj obj = fresh();
	uint8_t *data = twz_obj_data(&obj);

	(void)state;
	put(data, 1);
	put(data + PAGE, 2);
	MUST(twz_rt_drop(obj.id, TWZ_OBJ_DATA / PAGE, 1));
	assert_int_equal(load(data), 0);
	assert_int_equal(load(data + PAGE), 2);
	MUST(twz_obj_delete(obj.id));
	assert_true(CATCH(load(data + PAGE)));
	assert_int_equal(caught.kind, TWZ_FAULT_OBJECT);
	assert_int_equal(caught.error, TWZ_E_NOTFOUND);
	assert_int_equal(twz_obj_open(obj.id, &obj), TWZ_E_NOTFOUND);
}

static void nothing_is_mapped_where_nothing_is(void **state)
{
	(void)state;
	assert_true(CATCH(load((void *)(SLOT_BASE + 3000 * TWZ_SLOT_SIZE + 8192))));
	assert_int_equal(caught.kind, TWZ_FAULT_OBJECT);
	assert_int_equal(caught.error, TWZ_E_OUTSIDE);
	assert_true(CATCH(load((void *)0x20000)));
	assert_int_equal(caught.kind, TWZ_FAULT_POINTER);
	assert_int_equal(twz_rt_touch((void *)0x20000, 8), TWZ_E_OUTSIDE);
}

static bool repair(const struct twz_fault *fault, void *arg)
{
	struct twz_view_slot *entry = arg;

	if (fault->kind != TWZ_FAULT_OBJECT)
		return false;
	entry->epoch = 0;
	return true;
}

static void an_entry_is_what_counts(void **state)
{
	uint8_t *at = (uint8_t *)SLOT_BASE + 2000 * TWZ_SLOT_SIZE + TWZ_OBJ_DATA;
	struct twz_view_slot *entry = &twz_rt_info()->view[2000];
	struct twz_obj obj = fresh();

	(void)state;
	*entry = (struct twz_view_slot){.id = obj.id, .rights = TWZ_VIEW_READ};
	assert_int_equal(load(at), 0);
	assert_true(CATCH(put(at, 1)));
	assert_int_equal(caught.kind, TWZ_FAULT_RIGHT);
	/* A change counts after an invalidate. */
	entry->rights |= TWZ_VIEW_WRITE;
	assert_true(CATCH(put(at, 1)));
	MUST(twz_rt_invalidate(2000, 1));
	put(at, 9);
	assert_int_equal(load(twz_obj_data(&obj)), 9);
	/* One of another epoch leads nowhere, until the handler repairs it. */
	entry->epoch = twz_rt_info()->epoch + 1;
	MUST(twz_rt_invalidate(2000, 1));
	assert_true(CATCH(load(at)));
	assert_int_equal(caught.kind, TWZ_FAULT_OBJECT);
	twz_rt_on_fault(repair, entry);
	assert_int_equal(load(at), 9);
	twz_rt_on_fault(NULL, NULL);
	assert_int_equal(entry->epoch, 0);
	*entry = (struct twz_view_slot){0};
	MUST(twz_rt_invalidate(2000, 1));
}

static void mappings_are_a_cache(void **state)
{
	struct twz_obj a = fresh(), b = fresh();
	uint8_t *at;

	(void)state;
	slots_limit(50);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 200; i++) { /* every other page: no two frames join */
			at = (uint8_t *)twz_obj_data(i % 2 ? &a : &b) + i * 2 * PAGE;
			if (!round)
				put(at, i + 1);
			assert_int_equal(load(at), i + 1);
		}
	}
	slots_limit(0);
	MUST(twz_obj_delete(a.id));
	MUST(twz_obj_delete(b.id));
}

static void large_objects_have_places(void **state)
{
	struct twz_obj small = fresh(), large;
	uint64_t last = TWZ_OBJ_SIZE_MAX - 8;

	(void)state;
	MUST(twz_obj_open_large(small.id, &large));
	put(twz_obj_data(&small), 1);
	assert_int_equal(load(twz_obj_data(&large)), 1);
	put(large.base + (3ull << 30), 2);
	put(large.base + last, 3);
	assert_int_equal(load(large.base + (3ull << 30)), 2);
	assert_int_equal(load(large.base + last), 3);
	assert_int_equal(pages_of(&small), 3);
	MUST(twz_obj_recycle(&large));
	MUST(twz_obj_open_large(small.id, &large));
	assert_int_equal(load(large.base + last), 3);
}

/* In the one slot the pages are holes, or shared with a copy, when they are made in the other. */
static void two_mappings_show_the_same(void **state)
{
	struct twz_obj obj = fresh(), large;
	struct twz_id copy;
	uint8_t *data = twz_obj_data(&obj), *same;

	(void)state;
	MUST(twz_obj_open_large(obj.id, &large));
	same = twz_obj_data(&large);
	assert_int_equal(load(data), 0);
	put(same, 1);
	assert_int_equal(load(data), 1);
	assert_int_equal(load(same + PAGE), 0);
	put(data + PAGE, 2);
	assert_int_equal(load(same + PAGE), 2);
	MUST(twz_obj_copy(obj.id, true, &copy));
	assert_int_equal(load(data), 1);
	put(same, 3);
	assert_int_equal(load(data), 3);
	MUST(twz_obj_recycle(&large));
	MUST(twz_obj_delete(copy));
}

static void text_in_an_object_can_be_written(void **state)
{
	struct twz_obj obj = fresh();

	(void)state;
	memset(twz_obj_data(&obj), '\n', 3 * PAGE);
	MUST(twz_rt_invalidate(obj.slot, 1)); /* nothing is mapped: the host would say EFAULT */
	assert_int_equal(twz_rt_write(1, (uint8_t *)twz_obj_data(&obj) + PAGE - 1, 2), 2);
}

static void a_full_store_says_so_and_goes_on(void **state)
{
	struct twz_obj obj = fresh();
	uint8_t *data = twz_obj_data(&obj);
	uint64_t i;

	(void)state;
	for (i = 0; i < BYTES / PAGE; i++)
		if (CATCH(put(data + i * PAGE, i + 1)))
			break;
	assert_int_equal(caught.kind, TWZ_FAULT_FULL);
	assert_int_equal(caught.error, TWZ_E_FULL);
	assert_true(i > BYTES / PAGE / 2 && i < BYTES / PAGE);
	assert_int_equal(twz_rt_touch(data + i * PAGE, 8), TWZ_E_FULL);
	for (uint64_t j = 0; j < i; j += 100)
		assert_int_equal(load(data + j * PAGE), j + 1);
	assert_int_equal(load(data + i * PAGE), 0);
	MUST(twz_obj_delete(obj.id));
	obj = fresh();
	put(twz_obj_data(&obj), 1);
}

static int setup(void **state)
{
	(void)state;
	home_start(BYTES);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(first_page_never_maps),
		home_test(broken_memory_is_a_fault),
		home_test(holes_read_as_zeros_and_take_nothing),
		home_test(stores_make_pages),
		home_test(what_was_stored_is_in_the_store),
		home_test(copies_share_until_stored_to),
		home_test(sealed_objects_are_read_only),
		home_test(limits_hold_for_every_mapping),
		home_test(dropped_and_deleted_pages_are_gone),
		home_test(nothing_is_mapped_where_nothing_is),
		home_test(an_entry_is_what_counts),
		home_test(mappings_are_a_cache),
		home_test(large_objects_have_places),
		home_test(two_mappings_show_the_same),
		home_test(text_in_an_object_can_be_written),
		home_test(a_full_store_says_so_and_goes_on),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
