/* obj_test.c - objects: made, kept, sized, copied, sealed, recycled. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/heap.h"
#include "tests/home/home.h"

static void new_objects_are_as_asked(void **state)
{
	struct twz_rt_stat stat;
	struct twz_obj obj;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 1}, &obj));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_int_equal(stat.npages, 1);
	assert_int_equal(stat.end_epoch, 0);
	assert_int_equal(stat.identity.type, TWZ_TYPE_DATA);
	assert_int_equal(stat.identity.perms, TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE);
	assert_ptr_equal(twz_obj_root(&obj), twz_obj_data(&obj));
	assert_int_equal(twz_obj_size(&obj), 0);

	MUST(twz_obj_new(&(struct twz_new){.bytes = 5 << 20, .ending = true, .perms = TWZ_READ},
			 &obj));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_in_range(stat.npages, (5 << 20) / 4096, (5 << 20) / 4096 + 512);
	assert_int_equal(stat.end_epoch, twz_rt_info()->epoch);
	assert_int_equal(stat.identity.perms, TWZ_READ);
	MUST(twz_obj_keep(obj.id));
	MUST(twz_obj_keep(obj.id));
	MUST(twz_obj_stat(obj.id, &stat));
	assert_int_equal(stat.end_epoch, 0);
	MUST(twz_obj_delete(obj.id));
	assert_int_equal(twz_obj_keep(obj.id), TWZ_E_NOTFOUND);
	assert_int_equal(twz_obj_new(&(struct twz_new){.bytes = ~0ull}, &obj), TWZ_E_RANGE);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
	struct twz_rt_usage before, after;
	struct twz_obj first, second;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &first));
	MUST(twz_rt_usage(&before));
	assert_int_equal(twz_obj_new(&(struct twz_new){.bytes = TWZ_SLOT_SIZE / 2}, &second),
			 TWZ_E_FULL);
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects);
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &second));
	assert_int_equal(second.slot, first.slot + 1);
	MUST(twz_obj_delete(first.id));
	MUST(twz_obj_delete(second.id));
}

static void one_slot_for_one_object(void **state)
{
	struct twz_obj a, b, large;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &a));
	MUST(twz_obj_open(a.id, &b));
	assert_ptr_equal(a.base, b.base);
	MUST(twz_obj_open_large(a.id, &large));
	assert_ptr_not_equal(a.base, large.base);
	MUST(twz_obj_at(a.base + 12345, &b));
	assert_true(twz_id_equal(a.id, b.id));
	assert_int_equal(a.slot, b.slot);
	assert_int_equal(twz_obj_at(&a, &b), TWZ_E_OUTSIDE);
	MUST(twz_obj_recycle(&large));
	b = a;
	MUST(twz_obj_recycle(&a));
	assert_int_equal(twz_obj_recycle(&b), TWZ_E_OUTSIDE);
	assert_int_equal(twz_obj_open((struct twz_id){1, 1}, &b), TWZ_E_NOTFOUND);
}

/* More objects than slots, one after the other. */
static void slots_are_used_again(void **state)
{
	struct twz_obj obj;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
		MUST(twz_obj_delete(obj.id));
		MUST(twz_obj_recycle(&obj));
	}
}

static void sizes_are_kept(void **state)
{
	struct twz_obj obj, version;
	struct twz_id copy, sealed;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 5}, &obj));
	memcpy(twz_obj_data(&obj), "hello", 5);
	MUST(twz_obj_sync(&obj));
	MUST(twz_obj_set_size(&obj, 5));
	assert_int_equal(twz_obj_size(&obj), 5);
	MUST(twz_obj_copy(obj.id, false, &copy));
	MUST(twz_obj_set_size(&obj, 3));
	MUST(twz_obj_open(copy, &version));
	assert_int_equal(twz_obj_size(&version), 5);
	assert_memory_equal(twz_obj_data(&version), "hello", 5);
	MUST(twz_obj_seal(copy, 5, TWZ_READ, &sealed));
	MUST(twz_obj_open(sealed, &version));
	assert_int_equal(twz_obj_size(&version), 5);
	assert_int_equal(twz_obj_set_size(&version, 1), TWZ_E_SEALED);
}

static void equal_content_has_one_id(void **state)
{
	struct twz_obj a, b;
	struct twz_id one, two, other;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 10000}, &a));
	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &b));
	memset(twz_obj_data(&a), 'z', 9000);
	memset(twz_obj_data(&b), 'z', 9000);
	MUST(twz_obj_seal(a.id, 9000, TWZ_READ, &one));
	MUST(twz_obj_seal(b.id, 9000, TWZ_READ, &two));
	assert_true(twz_id_equal(one, two));
	((char *)twz_obj_data(&b))[8999] = 'y';
	MUST(twz_obj_seal(b.id, 9000, TWZ_READ, &other));
	assert_false(twz_id_equal(one, other));
}

static void a_copy_in_a_transaction_is_refused(void **state)
{
	struct twz_obj obj;
	struct twz_id copy;
	struct twz_tx tx;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	twz_tx_begin(&tx);
	MUST(twz_tx_set(&tx, twz_obj_data(&obj), 1));
	assert_int_equal(twz_obj_copy(obj.id, false, &copy), TWZ_E_BUSY);
	MUST(twz_tx_commit(&tx));
	MUST(twz_obj_copy(obj.id, false, &copy));
}

/*
 * Numbers that rise are stored to words from the first page to the last: at any moment none is ahead of the one
 * before it, and none more than one behind the first.
 */
#define SPREAD 8u
#define SPREAD_PAGES 700u
static uint64_t *spread(const struct twz_obj *obj, unsigned word)
{
	return (uint64_t *)twz_obj_data(obj) + word * (SPREAD_PAGES - 1) / (SPREAD - 1) * 512;
}

static bool spread_stop;

static void *spread_store(void *obj)
{
	for (uint64_t n = 1; !__atomic_load_n(&spread_stop, __ATOMIC_RELAXED); n++)
		for (unsigned w = 0; w < SPREAD; w++)
			__atomic_store_n(spread(obj, w), n, __ATOMIC_RELEASE);
	return NULL;
}

static void a_copy_is_of_one_moment(void **state)
{
	struct twz_obj obj, version;
	struct twz_id copy;
	pthread_t writer;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = SPREAD_PAGES * TWZ_PAGE}, &obj));
	assert_int_equal(pthread_create(&writer, NULL, spread_store, &obj), 0);
	while (!__atomic_load_n(spread(&obj, 0), __ATOMIC_RELAXED))
		usleep(100);
	for (unsigned round = 0; round < 50; round++) {
		MUST(twz_obj_copy(obj.id, true, &copy));
		MUST(twz_obj_open(copy, &version));
		for (unsigned w = 1; w < SPREAD; w++) {
			assert_true(*spread(&version, w) <= *spread(&version, w - 1));
			assert_true(*spread(&version, w) + 1 >= *spread(&version, 0));
		}
		MUST(twz_obj_delete(copy));
		MUST(twz_obj_recycle(&version));
	}
	__atomic_store_n(&spread_stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(writer, NULL), 0);
	MUST(twz_obj_delete(obj.id));
}

static void transactions_span_objects(void **state)
{
	struct twz_obj obj[8];
	struct twz_tx tx;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		MUST(twz_obj_new(&(struct twz_new){0}, &obj[i]));
	twz_tx_begin(&tx);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t *word = twz_obj_data(&obj[i]);

		MUST(twz_tx_set(&tx, word, i + 1));
		assert_int_equal(*word, 0);
	}
	MUST(twz_tx_commit(&tx));
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(load(twz_obj_data(&obj[i])), i + 1);
	twz_tx_begin(&tx);
	assert_int_equal(twz_tx_set(&tx, (uint64_t *)(obj[0].base + 4088), 1), TWZ_E_RANGE);
	twz_tx_abort(&tx);
}

/* Nothing after the first fence can fail: what does not fit is found when it is staged. */
static void a_transaction_meets_a_full_store(void **state)
{
	struct twz_obj full, obj;
	struct twz_tx tx;
	uint64_t *at;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 4096}, &obj));
	at = twz_obj_data(&obj);
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &full));
	for (uint64_t page = TWZ_OBJ_DATA; page < TWZ_SLOT_SIZE; page += 4096)
		if (CATCH(put(full.base + page, 1)))
			break;
	assert_int_equal(caught.kind, TWZ_FAULT_FULL);
	twz_tx_begin(&tx);
	twz_tx_set(&tx, at, 5);
	assert_int_equal(twz_tx_set(&tx, at + 100000, 5), TWZ_E_FULL);
	assert_int_equal(twz_tx_commit(&tx), TWZ_E_FULL);
	assert_int_equal(*at, 0);
	MUST(twz_obj_delete(full.id));
	twz_tx_begin(&tx);
	twz_tx_set(&tx, at, 5);
	MUST(twz_tx_set(&tx, at + 100000, 5));
	MUST(twz_tx_commit(&tx));
	assert_int_equal(at[100000], 5);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		home_test(new_objects_are_as_asked),
		home_test(what_cannot_be_made_leaves_nothing),
		home_test(one_slot_for_one_object),
		home_test(slots_are_used_again),
		home_test(sizes_are_kept),
		home_test(equal_content_has_one_id),
		home_test(a_copy_in_a_transaction_is_refused),
		home_test(a_copy_is_of_one_moment),
		home_test(transactions_span_objects),
		home_test(a_transaction_meets_a_full_store),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
