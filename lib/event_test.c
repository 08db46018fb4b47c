/* event_test.c - waiting for what happens to many objects at once. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "abi/syscall.h"
#include "tests/home/home.h"
#include "tests/home/moment.h"

#define MS 1000000ull

static struct twz_obj bytes, queue, names, thread;
static struct twz_event events[5];

static struct twz_obj fresh(uint32_t type)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.type = type, .bytes = TWZ_PAGE}, &obj));
	return obj;
}

static void *append(void *arg)
{
	struct twz_io io;

	(void)arg;
	await_main_asleep();
	MUST(twz_io_open(&bytes, TWZ_IO_APPEND, &io));
	assert_int_equal(twz_io_write(&io, "x", 1), 1);
	return NULL;
}

static void *put_one(void *arg)
{
	(void)arg;
	await_main_asleep();
	MUST(twz_queue_put(&queue, "x", 1, 0));
	return NULL;
}

static void *get_one(void *arg)
{
	char text[2048];

	(void)arg;
	await_main_asleep();
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), 0), 2000);
	return NULL;
}

static void *bind_one(void *arg)
{
	(void)arg;
	await_main_asleep();
	MUST(twz_name_bind("/names/new", bytes.id, 0));
	return NULL;
}

/* As the kernel does at a thread's end. */
static void *end_thread(void *arg)
{
	struct twz_thread *t = twz_obj_data(&thread);

	(void)arg;
	await_main_asleep();
	__atomic_store_n(&t->state, TWZ_THREAD_ENDED, __ATOMIC_RELEASE);
	twz_rt_wake(&t->state, ~0u);
	return NULL;
}

/* Waits for all of them while `run` makes one happen; that one alone is ready. */
static void happens(void *(*run)(void *arg), unsigned which, uint32_t what)
{
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, run, NULL), 0);
	assert_int_equal(twz_event_wait(events, 4, ~0ull), 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(events[i].ready, i == which ? what : 0);
	pthread_join(other, NULL);
}

static void each_wakes_who_waits_for_all(void **state)
{
	static const uint8_t much[2000];
	char text[8];

	(void)state;
	bytes = fresh(TWZ_TYPE_DATA);
	queue = fresh(TWZ_TYPE_DATA);
	MUST(twz_queue_make(&queue, 2048));
	MUST(twz_ns_make("/names", &names.id));
	MUST(twz_obj_open(names.id, &names));
	thread = fresh(TWZ_TYPE_DATA); /* a THREAD object is the kernel's to make */
	((struct twz_thread *)twz_obj_data(&thread))->state = TWZ_THREAD_READY;
	MUST(twz_event_of(&bytes, TWZ_EVENT_READ, &events[0]));
	MUST(twz_event_of(&queue, TWZ_EVENT_READ, &events[1]));
	MUST(twz_event_of(&names, TWZ_EVENT_CHANGED, &events[2]));
	events[3] = events[0];
	assert_int_equal(twz_event_wait(events, 4, 0), TWZ_E_TIMEOUT);
	assert_int_equal(twz_event_wait(events, 4, 20 * MS), TWZ_E_TIMEOUT);
	MUST(twz_event_of(&queue, TWZ_EVENT_WRITE, &events[3]));
	assert_int_equal(twz_event_wait(events, 4, 0), 1);
	MUST(twz_queue_put(&queue, much, sizeof(much), 0)); /* no room now */
	events[1] = events[3];
	happens(append, 0, TWZ_EVENT_READ);
	happens(bind_one, 2, TWZ_EVENT_CHANGED);
	events[1] = events[0];
	happens(get_one, 3, TWZ_EVENT_WRITE);
	events[3] = events[0];
	MUST(twz_event_of(&queue, TWZ_EVENT_READ, &events[1]));
	happens(put_one, 1, TWZ_EVENT_READ);
	/* It stays so until it is got. */
	assert_int_equal(twz_event_wait(events, 4, 0), 1);
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), 0), 1);
	assert_int_equal(twz_event_wait(events, 4, 0), TWZ_E_TIMEOUT);
}

static void a_thread_ends(void **state)
{
	extern struct twz_impl event_thread;
	pthread_t other;

	(void)state;
	events[0] = (struct twz_event){.face = {.obj = thread, .impl = &event_thread},
				       .what = TWZ_EVENT_ENDED};
	MUST(twz_event_of(&bytes, TWZ_EVENT_READ, &events[1]));
	assert_int_equal(twz_event_wait(events, 2, 0), TWZ_E_TIMEOUT);
	assert_int_equal(pthread_create(&other, NULL, end_thread, NULL), 0);
	assert_int_equal(twz_event_wait(events, 2, ~0ull), 1);
	assert_int_equal(events[0].ready, TWZ_EVENT_ENDED);
	pthread_join(other, NULL);
}

static void the_size_of_a_file_that_shrinks_and_grows(void **state)
{
	(void)state;
	MUST(twz_obj_set_size(&bytes, 100));
	MUST(twz_event_of(&bytes, TWZ_EVENT_READ, events));
	MUST(twz_obj_set_size(&bytes, 50));
	assert_int_equal(twz_event_wait(events, 1, 0), TWZ_E_TIMEOUT);
	MUST(twz_obj_set_size(&bytes, 60));
	assert_int_equal(twz_event_wait(events, 1, 0), 1);
	assert_int_equal(twz_event_wait(events, 1, 0), TWZ_E_TIMEOUT);
}

static void what_cannot_be_waited_for(void **state)
{
	struct twz_obj view = fresh(TWZ_TYPE_VIEW), gone = fresh(TWZ_TYPE_DATA);

	(void)state;
	assert_int_equal(twz_event_of(&bytes, TWZ_EVENT_WRITE, events), TWZ_E_ARG);
	assert_int_equal(twz_event_of(&bytes, 0, events), TWZ_E_ARG);
	assert_int_equal(twz_event_of(&queue, TWZ_EVENT_READ | TWZ_EVENT_ENDED, events), TWZ_E_ARG);
	assert_int_equal(twz_event_of_console(TWZ_EVENT_WRITE, events), TWZ_E_ARG);
	assert_int_equal(twz_event_of(&view, TWZ_EVENT_READ, events), TWZ_E_TYPE);
	MUST(twz_event_of(&bytes, TWZ_EVENT_READ, events));
	assert_int_equal(twz_event_wait(events, 0, 0), TWZ_E_ARG);
	assert_int_equal(twz_event_wait(events, TWZ_EVENTS_MAX + 1, 0), TWZ_E_ARG);
	assert_int_equal(twz_rt_wait_many(NULL, 0, 0), TWZ_E_ARG);
	assert_int_equal(twz_rt_wait_many(NULL, TWZ_RT_WORDS + 1, 0), TWZ_E_ARG);
	MUST(twz_event_of(&gone, TWZ_EVENT_READ, &events[1]));
	MUST(twz_obj_delete(gone.id));
	assert_int_equal(twz_event_wait(events, 2, 0), TWZ_E_NOTFOUND);
}

static int input[2];

static void *type(void *arg)
{
	(void)arg;
	await_main_asleep();
	assert_int_equal(write(input[1], "x", 1), 1);
	return NULL;
}

static void console_input(void **state)
{
	int saved = dup(0);
	pthread_t other;

	(void)state;
	assert_int_equal(pipe(input), 0);
	dup2(input[0], 0);
	MUST(twz_event_of_console(TWZ_EVENT_READ, &events[0]));
	MUST(twz_event_of(&bytes, TWZ_EVENT_READ, &events[1]));
	for (uint32_t n = 1; n <= 2; n++) {
		char c;

		assert_int_equal(twz_event_wait(events, n, 20 * MS), TWZ_E_TIMEOUT);
		assert_int_equal(pthread_create(&other, NULL, type, NULL), 0);
		assert_int_equal(twz_event_wait(events, n, ~0ull), 1);
		assert_int_equal(events[0].ready, TWZ_EVENT_READ);
		assert_int_equal(read(0, &c, 1), 1);
		pthread_join(other, NULL);
	}
	close(input[1]);
	assert_int_equal(twz_event_wait(events, 1, ~0ull), 1); /* the end is there to be read */
	dup2(saved, 0);
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
		home_test(each_wakes_who_waits_for_all),
		home_test(a_thread_ends),
		home_test(the_size_of_a_file_that_shrinks_and_grows),
		home_test(what_cannot_be_waited_for),
		home_test(console_input),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
