/* queue_test.c - queues of messages: order, bounds, waiting, hostile ones. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/home/home.h"

#define MS 1000000ull

static struct twz_obj queue_of(uint64_t bytes)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	MUST(twz_queue_make(&obj, bytes));
	return obj;
}

static void made_once(void **state)
{
	struct twz_obj obj, queue = queue_of(100);
	struct twz_io io;
	uint64_t value;
	char c;

	(void)state;
	assert_int_equal(twz_queue_make(&queue, 100), TWZ_E_EXISTS);
	MUST(twz_obj_new(&(struct twz_new){0}, &obj));
	assert_int_equal(twz_queue_make(&obj, 0), TWZ_E_ARG);
	assert_int_equal(twz_queue_make(&obj, TWZ_QUEUE_CAPACITY_MAX + 1), TWZ_E_ARG);
	assert_int_equal(twz_queue_put(&obj, "x", 1, 0), TWZ_E_TYPE);
	assert_int_equal(twz_queue_get(&obj, &c, 1, 0), TWZ_E_TYPE);
	MUST(twz_io_open(&queue, 0, &io));
	MUST(twz_io_ioctl(&io, TWZ_IO_CAPACITY, &value));
	assert_int_equal(value, 104);
	MUST(twz_io_ioctl(&io, TWZ_IO_SIZE, &value));
	assert_int_equal(value, 0);
	assert_int_equal(twz_io_ioctl(&io, TWZ_IO_CUT, &value), TWZ_E_ABSENT);
}

/* Messages of all lengths go round the ring, and come in order. */
static void first_in_first_out(void **state)
{
	struct twz_obj queue = queue_of(1000);
	uint64_t in = 0, out = 0;
	uint8_t data[400], got[400];

	(void)state;
	while (out < 1200) {
		uint64_t bytes = 1 + in * 37 % 390;

		memset(data, (int)in, sizeof(data));
		if (in < 1200 && !twz_queue_put(&queue, data, bytes, 0)) {
			in++;
			continue;
		}
		bytes = 1 + out * 37 % 390;
		memset(data, (int)out, sizeof(data));
		assert_int_equal(twz_queue_get(&queue, got, sizeof(got), 0), bytes);
		assert_memory_equal(got, data, bytes);
		out++;
	}
	assert_int_equal(twz_queue_get(&queue, got, sizeof(got), 0), TWZ_E_TIMEOUT);
}

static void bounds(void **state)
{
	struct twz_obj queue = queue_of(64), large = queue_of(1 << 20);
	static uint8_t much[TWZ_QUEUE_MESSAGE_MAX + 1];
	char text[64];

	(void)state;
	assert_int_equal(twz_queue_put(&queue, text, 0, 0), TWZ_E_ARG);
	assert_int_equal(twz_queue_put(&queue, text, 57, 0), TWZ_E_RANGE);
	MUST(twz_queue_put(&queue, text, 56, 0));
	assert_int_equal(twz_queue_put(&queue, text, 1, 0), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_put(&queue, text, 1, 5 * MS), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_get(&queue, text, 55, 0), TWZ_E_RANGE);
	assert_int_equal(twz_queue_get(&queue, text, 56, 0), 56);
	assert_int_equal(twz_queue_get(&queue, text, 64, 5 * MS), TWZ_E_TIMEOUT);
	assert_int_equal(twz_queue_put(&large, much, sizeof(much), 0), TWZ_E_RANGE);
	MUST(twz_queue_put(&large, much, sizeof(much) - 1, 0));
	assert_int_equal(twz_queue_get(&large, much, sizeof(much), 0), sizeof(much) - 1);
}

static void used_as_io(void **state)
{
	struct twz_obj queue = queue_of(4096);
	struct twz_io io;
	char text[16];

	(void)state;
	MUST(twz_io_open(&queue, TWZ_IO_NOWAIT, &io));
	assert_int_equal(twz_io_poll(&io), TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), TWZ_E_BUSY);
	assert_int_equal(twz_io_write(&io, "one", 3), 3);
	assert_int_equal(twz_io_write(&io, "two", 3), 3);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE | TWZ_IO_WRITABLE);
	assert_int_equal(twz_io_read(&io, text, sizeof(text)), 3);
	assert_memory_equal(text, "one", 3);
	while (twz_io_write(&io, text, sizeof(text)) > 0)
		;
	assert_int_equal(twz_io_write(&io, text, sizeof(text)), TWZ_E_BUSY);
	assert_int_equal(twz_io_poll(&io), TWZ_IO_READABLE);
}

static void *put_later(void *queue)
{
	usleep(20000);
	MUST(twz_queue_put(queue, "late", 4, 0));
	return NULL;
}

static void *get_later(void *queue)
{
	char text[64];

	usleep(20000);
	assert_true(twz_queue_get(queue, text, sizeof(text), 0) > 0);
	return NULL;
}

static void readers_and_writers_wait(void **state)
{
	struct twz_obj queue = queue_of(64);
	pthread_t thread;
	char text[64];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_later, &queue), 0);
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), ~0ull), 4);
	pthread_join(thread, NULL);
	MUST(twz_queue_put(&queue, text, 56, 0));
	assert_int_equal(pthread_create(&thread, NULL, get_later, &queue), 0);
	MUST(twz_queue_put(&queue, text, 56, ~0ull));
	pthread_join(thread, NULL);
}

/* A program that died having the queue: it is whole, and free. */
static int role_die(const char *path)
{
	struct twz_obj queue;
	struct twz_tx tx;

	MUST(twz_name_open(path, &queue));
	MUST(twz_queue_put(&queue, "before", 6, 0));
	twz_tx_begin(&tx);
	MUST(twz_tx_add(&tx, queue.base));
	raise(SIGKILL);
	return 0;
}

static void who_dies_leaves_it_free(void **state)
{
	struct twz_obj queue = queue_of(64);
	char text[16];

	(void)state;
	MUST(twz_name_bind("/queue", queue.id, 0));
	assert_int_equal(program_run("die", "/queue"), 128 + SIGKILL);
	assert_int_equal(twz_queue_get(&queue, text, sizeof(text), 0), 6);
	MUST(twz_queue_put(&queue, text, 6, 0));
}

static void queues_that_lie(void **state)
{
	struct twz_obj obj = queue_of(64);
	struct twz_queue *queue = twz_obj_data(&obj), good;
	uint64_t *ring = (uint64_t *)((uint8_t *)queue + TWZ_QUEUE_RING), value;
	struct twz_io io;
	char text[64];

	(void)state;
	MUST(twz_queue_put(&obj, text, 8, 0));
	MUST(twz_io_open(&obj, 0, &io));
	good = *queue;
#define BAD(statement, expected)                                                               \
	do {                                                                                   \
		statement;                                                                     \
		assert_int_equal(twz_queue_put(&obj, text, 1, 0), expected);                   \
		assert_int_equal(twz_queue_get(&obj, text, 64, 0), expected);                  \
		assert_int_equal(twz_io_poll(&io), expected);                                  \
		assert_int_equal(twz_io_ioctl(&io, TWZ_IO_SIZE, &value), expected);            \
		queue->magic = good.magic, queue->version = good.version;                      \
		queue->capacity = good.capacity, queue->put = good.put, queue->got = good.got; \
	} while (0)
	BAD(queue->magic++, TWZ_E_TYPE);
	BAD(queue->version++, TWZ_E_VERSION);
	BAD(queue->capacity = 0, TWZ_E_DAMAGED);
	BAD(queue->capacity = 63, TWZ_E_DAMAGED);
	BAD(queue->capacity = ~7ull, TWZ_E_DAMAGED);
	BAD(queue->put += 64, TWZ_E_DAMAGED);
	BAD(queue->put += 1, TWZ_E_DAMAGED);
	BAD(queue->got += 16 + 8, TWZ_E_DAMAGED);
#undef BAD
	for (unsigned i = 0; i < 4; i++) {
		static const uint64_t lengths[] = {0, 9, ~0ull, TWZ_QUEUE_MESSAGE_MAX + 1};

		ring[0] = lengths[i];
		assert_int_equal(twz_queue_get(&obj, text, 64, 0), TWZ_E_DAMAGED);
	}
	ring[0] = 8;
	assert_int_equal(twz_queue_get(&obj, text, 64, 0), 8);
}

/* Any words anywhere: an answer or an error, never a fault. */
static void queues_at_random(void **state)
{
	uint64_t seed = getenv("TWZ_SEED") ? strtoull(getenv("TWZ_SEED"), NULL, 10) : 7;
	struct twz_obj obj = queue_of(256);
	uint64_t *words = twz_obj_data(&obj);
	static uint8_t text[TWZ_QUEUE_MESSAGE_MAX];
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t *at, r = seed = seed * 6364136223846793005ull + 1442695040888963407ull;

		at = r >> 63 ? &words[r >> 33 & 7] : &words[TWZ_QUEUE_RING / 8 + (r >> 33 & 31)];
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		if (i % 3 == 0)
			*at = seed >> 62 ? *at ^ 1ull << (seed >> 55 & 63) : seed >> 40;
		good += !twz_queue_put(&obj, text, 1 + (seed >> 33 & 63), 0);
		good += twz_queue_get(&obj, text, seed >> 33 & 127, 0) > 0;
		if (i % 16 == 0) {
			struct twz_queue *queue = twz_obj_data(&obj);

			*queue = (struct twz_queue){
				.magic = TWZ_QUEUE_MAGIC, .version = 1, .capacity = 256};
		}
	}
	assert_in_range(good, 100, 3900);
}

static int setup(void **state)
{
	(void)state;
	home_start(64 << 20);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(made_once),
		home_test(first_in_first_out),
		home_test(bounds),
		home_test(used_as_io),
		home_test(readers_and_writers_wait),
		home_test(who_dies_leaves_it_free),
		home_test(queues_that_lie),
		home_test(queues_at_random),
	};

	if (argc > 2 && !strcmp(argv[1], "die"))
		return role_die(argv[2]);
	return cmocka_run_group_tests(tests, setup, NULL);
}
