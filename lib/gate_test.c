/* gate_test.c - services when hosted, where nothing can be entered. In the machine: tests/guest/service.c. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "abi/syscall.h"
#include "tests/home/home.h"

#define SOME_CALLS(X) X(some, 0, add) X(some, 2, nothing)
TWZ_CALLS(SOME_CALLS)

static int64_t some_add(const struct twz_caller *caller, uint64_t a, uint64_t b)
{
	(void)caller;
	return (int64_t)(a + b);
}

static int64_t some_nothing(const struct twz_caller *caller)
{
	(void)caller;
	return 0;
}

TWZ_SERVICE(some, TWZ_VERSION(3, 1), SOME_CALLS)

/* Whether the entry is code, or the filling where there is none. */
static bool is_code(uint32_t entry)
{
	return ((const uint8_t *)some_service.code)[entry * TWZ_RT_ENTRY] != 0xcc;
}

static void entries_stand_in_one_page(void **state)
{
	(void)state;
	assert_int_equal((uintptr_t)some_service.code % TWZ_PAGE, 0);
	assert_int_equal(some_service.version, 0x30001);
	assert_int_equal(some_service.count, 4);
	assert_true(is_code(0) && is_code(1) && !is_code(2) && is_code(3));
	assert_int_equal(some_add_call, 0);
	assert_int_equal(some_nothing_call, 2);
}

static void nobody_serves(void **state)
{
	struct twz_service service;
	struct twz_obj context, other;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){0}, &other));
	MUST(twz_context_make(&(struct twz_context_new){.perms = TWZ_PERM_ALL}, &context));
	assert_int_equal(twz_serve(&some_service, other.id, 1, 0), TWZ_E_TYPE);
	assert_int_equal(twz_serve(&some_service, context.id, 1, 0), TWZ_E_ABSENT);
	assert_int_equal(twz_service_open("no such name", 1, &service), TWZ_E_NOTFOUND);
	assert_int_equal(twz_service_at(context.id, some_service.version, &service), TWZ_E_ABSENT);
	assert_int_equal(TWZ_CALL(&service, some_add, 1, 2), TWZ_E_ABSENT);
	twz_service_close(&service);
}

static void nobody_is_called(void **state)
{
	struct twz_rt_caller caller;
	struct twz_obj obj;
	uint64_t copy = 0;
	void *addr = &copy;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.bytes = 64}, &obj));
	assert_int_equal(twz_gate_read(obj.id, TWZ_OBJ_DATA, 8, &copy), TWZ_E_NOTFOUND);
	assert_int_equal(twz_gate_write(obj.id, TWZ_OBJ_DATA, 8, &copy), TWZ_E_NOTFOUND);
	assert_int_equal(twz_gate_open(obj.id, TWZ_READ, &obj), TWZ_E_ABSENT);
	*(uint64_t *)twz_obj_data(&obj) = TWZ_OBJ_DATA;
	assert_int_equal(twz_gate_follow(twz_obj_data(&obj), TWZ_READ, &addr), TWZ_E_ABSENT);
	assert_null(addr);
	assert_int_equal(twz_gate_follow(&copy, TWZ_READ, &addr), 0); /* null leads nowhere */
	copy = 1;
	assert_int_equal(twz_gate_follow(&copy, TWZ_READ, &addr), TWZ_E_OUTSIDE);
	assert_int_equal(twz_rt_gate_caller(&caller), TWZ_E_ABSENT);
	assert_int_equal(twz_rt_gate_return(0), TWZ_E_ABSENT);
}

/* A buffer that cannot be granted is not kept, nor is its object. */
static void a_buffer_for_nobody(void **state)
{
	struct twz_service service = {.timeout_ns = ~0ull};
	struct twz_rt_usage before, after;
	struct twz_buffer buffer;

	(void)state;
	assert_int_equal(twz_buffer_take(&service, 64, &buffer), TWZ_E_ABSENT);
	MUST(twz_rt_usage(&before)); /* the process's own object is there now */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(twz_buffer_take(&service, 64, &buffer), TWZ_E_ABSENT);
	assert_int_equal(twz_buffer_take(&service, TWZ_SLOT_SIZE, &buffer), TWZ_E_RANGE);
	twz_service_close(&service);
	MUST(twz_rt_usage(&after));
	assert_int_equal(after.objects, before.objects);
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
		home_test(entries_stand_in_one_page),
		home_test(nobody_serves),
		home_test(nobody_is_called),
		home_test(a_buffer_for_nobody),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
