/*
 * test.h - tests in the machine: programs of tests/guest/ on our own kernel.
 *
 *     TEST(what_is_expected)
 *     {
 *             CHECK_EQ(1 + 1, 2);
 *     }
 *
 * A TEST registers itself; main is the harness's: it runs all of the file's, or those that its
 * arguments name, and ends with "NAME: N passed, M failed". A CHECK that fails says where and goes on.
 * `tests` (run/tests.c) runs the programs and looks for what each leaves behind: a test gives back all
 * that it makes and that does not end with the program.
 */
#ifndef TESTS_GUEST_TEST_H
#define TESTS_GUEST_TEST_H

#include <string.h>
#include <twz/twz.h>

#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
void test_add(struct test *test);

#define TEST(name)                                                     \
	static void test_##name(void);                                 \
	static struct test test_is_##name = {#name, test_##name, 0};   \
	static void __attribute__((constructor)) test_add_##name(void) \
	{                                                              \
		test_add(&test_is_##name);                             \
	}                                                              \
	static void test_##name(void)

/* Any thread may check. True if it is so. */
#define CHECK(what) test_check((what), __FILE__, __LINE__, #what)
/* Values are numbers or pointers. */
#define CHECK_EQ(a, b) test_check_eq((uint64_t)(a), (uint64_t)(b), __FILE__, __LINE__, #a " == " #b)

bool test_check(bool good, const char *file, int line, const char *what);
bool test_check_eq(uint64_t a, uint64_t b, const char *file, int line, const char *what);

/* A line to the console, at once. */
void test_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- objects and where they are -------------------------------------------------------------------- */

#define TEST_PERMS (TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE)
#define TEST_DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)

/* flags: enum twz_sys_new_flags; 0 is a lasting one. A failure is a failed check, and a zero ID. */
struct twz_id test_object(uint32_t flags);
struct twz_id test_object_of(uint32_t type, uint32_t perms, uint32_t flags);
void test_delete(struct twz_id id);

/*
 * Slots of a test's own, which nobody else in the program uses, and large places. The entry is
 * written, nothing more: what the slot showed before is shown until it is invalidated.
 */
#define TEST_SLOT 60000u /* and those behind it */
#define TEST_PLACE TWZ_VIEW_SLOTS
void test_enter(uint32_t slot, struct twz_id id, uint32_t rights);
/* The same, invalidated; the address of the object's first byte, at which nothing ever is. */
uint8_t *test_map(uint32_t slot, struct twz_id id, uint32_t rights);
void test_unmap(uint32_t slot);
uint8_t *test_address(uint32_t slot);

/* A view object that shows this program in the same slots, and nothing else; it is shown in `slot`. */
struct twz_id test_view(uint32_t slot, uint32_t flags, struct twz_view **table);
/* The same, volatile, made under this key, and nobody else's by default; everybody's, if that is zero. */
struct twz_id test_view_under(struct twz_id key, uint32_t slot, struct twz_view **table);

/* What the kernel says of the calling thread, where it is now. */
struct twz_sys_info test_info(void);

/* ---- faults ---------------------------------------------------------------------------------------- */

/*
 * Makes the attempt, and breaks it off at the first fault: *fault says what it was; kind 0: none. A
 * load, a store of one byte, a call of what is there (which returns, if it is a `ret`).
 */
void test_attempt(struct twz_fault *fault, void (*attempt)(void *arg), void *arg);
struct twz_fault test_load(const void *address);
struct twz_fault test_store(void *address);
struct twz_fault test_jump(const void *address);

/* ---- threads --------------------------------------------------------------------------------------- */

/* Of this program, in its view; at most 32 at a time, with 64 KiB of stack. */
struct test_thread;
struct test_thread *test_thread(void (*run)(uint64_t arg), uint64_t arg);
/* In a view that shows the program in the same slots. */
struct test_thread *test_thread_in(struct twz_id view, void (*run)(uint64_t arg), uint64_t arg);
/* In another context, to which the program's data and stack are granted. */
struct test_thread *test_thread_as(struct twz_id context, void (*run)(uint64_t arg), uint64_t arg);
/* Runs in a thread in this context until it returns; what it returned. */
int64_t test_run_as(struct twz_id context, int64_t (*run)(void *arg), void *arg);
/* What every thread of this program touches is granted to the context, or not any more. */
void test_program(struct twz_id context, bool on);
/* Waits for its end; its status. What it was is gone. */
uint32_t test_join(struct test_thread *thread);
struct twz_id test_thread_id(const struct test_thread *thread);
void test_sleep(uint64_t ns);

/* ---- for run/tests.c --------------------------------------------------------------------------------- */

/* How far a program is: at TWZ_OBJ_DATA of an object that its arguments name (--report ID). */
struct test_report {
	uint32_t passed, failed;
	char running[56]; /* the test that runs; empty: none */
};

#endif
