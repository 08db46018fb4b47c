/* events.c - queues, streams and events on our own kernel: threads on other processors, the console. */
#include "abi/syscall.h"
#include "tests/guest/test.h"
#include "tests/home/flow.h"

#define THREADS (FLOW_PRODUCERS + FLOW_CONSUMERS)
#define MS 1000000ull

static struct flow flow;

static void run(uint64_t i)
{
	const char *wrong = i < FLOW_CONSUMERS
				    ? flow_consume(&flow, (uint32_t)i)
				    : flow_produce(&flow, (uint32_t)(i - FLOW_CONSUMERS));

	if (wrong)
		test_say("thread %u: %s", (unsigned)i, wrong);
	CHECK(!wrong);
}

TEST(each_message_comes_once_and_in_order)
{
	struct test_thread *thread[THREADS];
	const char *wrong;

	CHECK_EQ(flow_setup(&flow), 0);
	for (unsigned i = 0; i < THREADS; i++)
		thread[i] = test_thread(run, i);
	for (unsigned i = 0; i < THREADS; i++)
		test_join(thread[i]);
	wrong = flow_check(&flow);
	if (wrong)
		test_say("%s", wrong);
	CHECK(!wrong);
	CHECK(flow.waits > 0);
	test_delete(flow.queue[0].obj.id);
	test_delete(flow.queue[1].obj.id);
	test_delete(flow.log.id);
}

static uint32_t may_end;

/* Not before it may, but while somebody waits for it. */
static void end_later(uint64_t ns)
{
	while (!__atomic_load_n(&may_end, __ATOMIC_ACQUIRE))
		twz_rt_wait(&may_end, 0, ~0ull);
	test_sleep(ns);
}

TEST(a_thread_ends)
{
	struct test_thread *thread = test_thread(end_later, 20 * MS);
	struct twz_event events[2];
	struct twz_obj obj, log;

	CHECK_EQ(twz_obj_open(test_thread_id(thread), &obj), 0);
	CHECK_EQ(twz_obj_new(&(struct twz_new){.ending = true}, &log), 0);
	CHECK_EQ(twz_event_of(&obj, TWZ_EVENT_ENDED, &events[0]), 0);
	CHECK_EQ(twz_event_of(&log, TWZ_EVENT_READ, &events[1]), 0);
	CHECK_EQ(twz_event_wait(events, 2, 0), TWZ_E_TIMEOUT);
	__atomic_store_n(&may_end, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&may_end, 1);
	CHECK_EQ(twz_event_wait(events, 2, ~0ull), 1);
	CHECK_EQ(events[0].ready, TWZ_EVENT_ENDED);
	CHECK_EQ(events[1].ready, 0);
	twz_obj_recycle(&obj);
	test_join(thread);
	test_delete(log.id);
}

static void bind_late(uint64_t arg)
{
	test_sleep(20 * MS);
	CHECK_EQ(twz_name_bind("/events/new", *(struct twz_id *)arg, 0), 0);
}

TEST(a_name_is_bound)
{
	struct test_thread *thread;
	struct twz_event event;
	struct twz_id id, data = test_object(TWZ_OBJECT_ENDING);
	struct twz_obj obj;

	CHECK_EQ(twz_ns_make("/events", &id), 0);
	CHECK_EQ(twz_obj_open(id, &obj), 0);
	CHECK_EQ(twz_event_of(&obj, TWZ_EVENT_CHANGED, &event), 0);
	CHECK_EQ(twz_event_wait(&event, 1, 10 * MS), TWZ_E_TIMEOUT);
	thread = test_thread(bind_late, (uint64_t)&data);
	CHECK_EQ(twz_event_wait(&event, 1, ~0ull), 1);
	CHECK_EQ(event.ready, TWZ_EVENT_CHANGED);
	test_join(thread);
	CHECK_EQ(twz_name_unbind("/events/new", 0), 0);
	CHECK_EQ(twz_name_unbind("/events", TWZ_NAME_DELETE), 0);
	test_delete(data);
}

/* Who runs the tests may have given the machine some input, or its end: that is taken first. */
TEST(the_console_has_no_input)
{
	struct twz_event event;
	struct twz_io io;
	char c;

	twz_io_console(TWZ_IO_NOWAIT, &io);
	for (unsigned i = 0; i < 4096 && twz_io_poll(&io) & TWZ_IO_READABLE; i++)
		CHECK(twz_io_read(&io, &c, 1) >= 0);
	CHECK_EQ(twz_io_poll(&io), TWZ_IO_WRITABLE);
	CHECK_EQ(twz_io_read(&io, &c, 1), TWZ_E_BUSY);
	CHECK_EQ(twz_event_of_console(TWZ_EVENT_READ, &event), 0);
	CHECK_EQ(twz_event_wait(&event, 1, 10 * MS), TWZ_E_TIMEOUT);
}

TEST(many_words)
{
	static uint32_t word[TWZ_RT_WORDS];
	struct twz_rt_word words[TWZ_RT_WORDS + 1];

	for (unsigned i = 0; i < TWZ_RT_WORDS; i++)
		words[i] = (struct twz_rt_word){.word = &word[i]};
	CHECK_EQ(twz_rt_wait_many(words, TWZ_RT_WORDS, 5 * MS), TWZ_E_TIMEOUT);
	word[TWZ_RT_WORDS - 1] = 1;
	CHECK_EQ(twz_rt_wait_many(words, TWZ_RT_WORDS, ~0ull), 0);
	CHECK_EQ(twz_rt_wait_many(words, 0, 0), TWZ_E_ARG);
	CHECK_EQ(twz_rt_wait_many(words, TWZ_RT_WORDS + 1, 0), TWZ_E_ARG);
}
