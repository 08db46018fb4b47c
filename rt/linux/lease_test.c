/*
 * lease_test.c - what one process changes of an object's pages, others that have it mapped see.
 *
 * Each kind of recall has its test: with it switched off in core/ (core/step.h says which) or in slots.c, that
 * test fails.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sched.h>
#include <time.h>

#include <cmocka.h>

#include "core/tx.h"
#include "rt/linux/slots.h"
#include "tests/home/moment.h"
#include "tests/home/puppet.h"
#include "tests/home/sound.h"

#define BYTES (64ull << 20)
#define PAGE 4096ull
#define DATA TWZ_OBJ_DATA

static struct puppet other, third;

static struct twz_obj fresh(void)
{
	struct twz_obj obj;

	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &obj));
	return obj;
}

static uint64_t recalls(void)
{
	return *(volatile uint64_t *)&home.runtime->recalls;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Until the host says that it stopped. */
static void stop(const struct puppet *p)
{
	int status;

	kill(p->pid, SIGSTOP);
	assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
	assert_true(WIFSTOPPED(status));
}

/* ---- kinds of changes ----------------------------------------------------------------------------- */

static void alone_nobody_is_asked(void **state)
{
	struct twz_obj obj = fresh();
	uint64_t before = recalls();
	struct twz_id copy;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		put(obj.base + DATA + i * PAGE, load(obj.base + DATA + i * PAGE) + 1);
	MUST(twz_obj_copy(obj.id, true, &copy));
	put(obj.base + DATA, 2);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
	assert_int_equal(recalls(), before);
	other = puppet_make();
	third = puppet_make();
}

static void a_hole_that_gets_a_page(void **state)
{
	struct twz_obj obj = fresh();

	(void)state;
	assert_int_equal(load(obj.base + DATA), 0);
	assert_int_equal(puppet_load(&other, obj.id, DATA), 0);
	puppet_put(&other, obj.id, DATA, 5);
	assert_int_equal(load(obj.base + DATA), 5);
	put(obj.base + DATA + 8, 6);
	assert_int_equal(puppet_load(&other, obj.id, DATA + 8), 6);
	/* More than was asked for, in one more run than can be mapped at once. */
	for (unsigned i = 2; i < 20; i++)
		put(obj.base + DATA + i * PAGE, i);
	assert_int_equal(puppet_load(&other, obj.id, DATA + 25 * PAGE), 0);
	put(obj.base + DATA + 30 * PAGE, 1);
	put(obj.base + DATA + 25 * PAGE, 7);
	assert_int_equal(puppet_load(&other, obj.id, DATA + 25 * PAGE), 7);
	MUST(twz_obj_delete(obj.id));
}

/*
 * More pages are made than can be mapped at once, as free frames lie apart. What was zeros here, and has a page
 * now, another one can store to and ask nobody.
 */
static void pages_made_here_and_there(void **state)
{
	struct twz_obj obj = fresh(), rest = fresh(), apart[64];
	uint64_t i = 0;

	(void)state;
	for (unsigned k = 0; k < 16; k++)
		put(obj.base + DATA + k * PAGE, k);
	for (unsigned k = 0; k < 64; k++)
		apart[k] = fresh();
	for (unsigned k = 0; k < 64; k++)
		put(apart[k].base + DATA, 1);
	while (!twz_rt_touch(rest.base + DATA + i * PAGE, 128 * PAGE))
		i += 128;
	while (!CATCH(put(rest.base + DATA + i * PAGE, 1)))
		i++;
	for (unsigned k = 0; k < 64; k += 2)
		MUST(twz_obj_delete(apart[k].id));
	assert_int_equal(load(obj.base + DATA + 25 * PAGE), 0);
	put(obj.base + DATA + 16 * PAGE, 16);
	puppet_put(&other, obj.id, DATA + 25 * PAGE, 7);
	assert_int_equal(load(obj.base + DATA + 25 * PAGE), 7);
	for (unsigned k = 1; k < 64; k += 2)
		MUST(twz_obj_delete(apart[k].id));
	MUST(twz_obj_delete(rest.id));
	MUST(twz_obj_delete(obj.id));
}

static void a_shared_page_that_is_stored_to(void **state)
{
	struct twz_obj obj = fresh(), copied;
	struct twz_id copy;

	(void)state;
	put(obj.base + DATA, 1);
	MUST(twz_obj_copy(obj.id, true, &copy));
	MUST(twz_obj_open(copy, &copied));
	for (unsigned i = 0; i < 2; i++) { /* the one who stores is the other one, then this */
		assert_int_equal(load(obj.base + DATA), 1 + i);
		assert_int_equal(puppet_load(&other, obj.id, DATA), 1 + i);
		assert_int_equal(puppet_load(&other, copy, DATA), 1 + i);
		assert_int_equal(load(copied.base + DATA), 1 + i);
		if (!i)
			puppet_put(&other, obj.id, DATA, 2);
		else
			put(obj.base + DATA, 3);
		assert_int_equal(load(obj.base + DATA), 2 + i);
		assert_int_equal(puppet_load(&other, obj.id, DATA), 2 + i);
		assert_int_equal(puppet_load(&other, copy, DATA), 1 + i);
		if (!i)
			MUST(twz_rt_copy(copy, DATA / PAGE, obj.id, DATA / PAGE, 1));
	}
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

#define APART (300 * PAGE)

/* 64 copies are too many for one frame: a leaf that is unshared gives its pages others. */
static void a_frame_with_too_many_holders(void **state)
{
	struct twz_obj obj = fresh(), first;
	struct twz_id copy[70];

	(void)state;
	for (unsigned i = 0; i < 80; i++) /* more than a record holds: it has leaves */
		put(obj.base + DATA + i * PAGE, i + 1);
	put(obj.base + DATA + APART, 6); /* and not mapped with those */
	for (unsigned i = 0; i < 70; i++) {
		MUST(twz_obj_copy(obj.id, true, &copy[i]));
		if (i < 69) /* its leaf is its own; the last one shares that of the object */
			puppet_put(&third, copy[i], DATA, i);
	}
	MUST(twz_obj_open(copy[69], &first));
	assert_int_equal(load(first.base + DATA + APART), 6);
	assert_int_equal(load(obj.base + DATA + APART), 6);
	assert_int_equal(puppet_load(&other, obj.id, DATA + APART), 6);
	/* All others let go; then somebody stores to the frame that was the object's. */
	put(obj.base + DATA + PAGE, 1);
	for (unsigned i = 0; i < 69; i++)
		MUST(twz_obj_delete(copy[i]));
	for (unsigned i = 0; i < 20; i++) /* which frees some of what is left to be freed */
		MUST(twz_obj_delete(fresh().id));
	puppet_put(&third, copy[69], DATA + APART, 1000);
	assert_int_equal(load(obj.base + DATA + APART), 6);
	assert_int_equal(puppet_load(&other, obj.id, DATA + APART), 6);
	puppet_put(&third, obj.id, DATA + APART, 2000);
	assert_int_equal(load(obj.base + DATA + APART), 2000);
	assert_int_equal(puppet_load(&other, obj.id, DATA + APART), 2000);
	assert_int_equal(load(first.base + DATA + APART), 1000);
	MUST(twz_obj_delete(copy[69]));
	MUST(twz_obj_delete(obj.id));
}

static void a_copy_under_another_ones_stores(void **state)
{
	struct twz_obj obj = fresh(), copied;
	struct twz_id copy;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1); /* the other one can write there */
	MUST(twz_obj_copy(obj.id, true, &copy));
	MUST(twz_obj_open(copy, &copied));
	puppet_put(&other, obj.id, DATA, 2);
	assert_int_equal(load(copied.base + DATA), 1);
	assert_int_equal(load(obj.base + DATA), 2);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

static void a_seal_under_another_ones_stores(void **state)
{
	struct twz_obj obj = fresh(), sealed;
	struct twz_id id;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	MUST(twz_obj_seal(obj.id, 8, TWZ_READ, &id));
	puppet_put(&other, obj.id, DATA, 2);
	MUST(twz_obj_open(id, &sealed));
	assert_int_equal(load(sealed.base + DATA), 1);
	MUST(twz_rt_verify(id, DATA / PAGE, 1));
	MUST(twz_obj_delete(id));
	MUST(twz_obj_delete(obj.id));
}

static void a_drop_under_another_ones_mapping(void **state)
{
	struct twz_obj obj = fresh(), next;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	MUST(twz_rt_drop(obj.id, DATA / PAGE, 1));
	next = fresh();
	put(next.base + DATA, 7); /* may well have the frame */
	assert_int_equal(puppet_load(&other, obj.id, DATA), 0);
	puppet_put(&other, obj.id, DATA, 2);
	assert_int_equal(load(next.base + DATA), 7);
	assert_int_equal(load(obj.base + DATA), 2);
	MUST(twz_obj_delete(next.id));
	MUST(twz_obj_delete(obj.id));
}

static void a_copy_over_another_ones_mapping(void **state)
{
	struct twz_obj obj = fresh(), src = fresh();

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	put(src.base + DATA, 2);
	MUST(twz_rt_copy(obj.id, DATA / PAGE, src.id, DATA / PAGE, 1));
	assert_int_equal(puppet_load(&other, obj.id, DATA), 2);
	puppet_put(&other, obj.id, DATA, 3);
	assert_int_equal(load(src.base + DATA), 2);
	assert_int_equal(load(obj.base + DATA), 3);
	MUST(twz_obj_delete(src.id));
	MUST(twz_obj_delete(obj.id));
}

static void a_limit_under_another_ones_mapping(void **state)
{
	struct twz_obj obj = fresh();
	struct puppet_say say;
	struct twz_id copy;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	MUST(twz_rt_limit(obj.id, DATA / PAGE, 1, TWZ_WRITE));
	assert_int_equal(puppet_load(&other, obj.id, DATA), 1);
	say = puppet_do(
		&other,
		(struct puppet_say){.op = PUPPET_PUT, .id = obj.id, .offset = DATA, .value = 2});
	assert_int_equal(say.kind, TWZ_FAULT_RIGHT);
	assert_int_equal(load(obj.base + DATA), 1);
	/* Which it can only read, as a copy has it too. */
	puppet_put(&other, obj.id, DATA + PAGE, 3);
	MUST(twz_obj_copy(obj.id, true, &copy));
	assert_int_equal(puppet_load(&other, obj.id, DATA + PAGE), 3);
	MUST(twz_rt_limit(obj.id, DATA / PAGE + 1, 1, TWZ_READ));
	say = puppet_do(&other, (struct puppet_say){
					.op = PUPPET_LOAD, .id = obj.id, .offset = DATA + PAGE});
	assert_int_equal(say.kind, TWZ_FAULT_RIGHT);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

/* The object has the addresses of one that is gone: twz_obj_open would find no such object. */
static struct puppet_say still(const struct puppet *p, uint32_t op)
{
	return puppet_do(p, (struct puppet_say){.op = op, .value = 1});
}

static void a_delete_under_another_ones_mapping(void **state)
{
	struct twz_obj obj = fresh(), next;
	struct puppet_say say = {.op = PUPPET_KEEP, .id = obj.id, .offset = DATA};

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	assert_int_equal(puppet_do(&other, say).kind, 0);
	MUST(twz_obj_delete(obj.id));
	next = fresh();
	put(next.base + DATA, 7);
	assert_int_equal(still(&other, PUPPET_LOAD_KEPT).kind, TWZ_FAULT_OBJECT);
	assert_int_equal(still(&other, PUPPET_PUT_KEPT).kind, TWZ_FAULT_OBJECT);
	assert_int_equal(load(next.base + DATA), 7);
	MUST(twz_obj_delete(next.id));
}

static void what_goes_with_its_last_tie(void **state)
{
	struct twz_obj obj = fresh(), to = fresh(), next;

	(void)state;
	MUST(twz_rt_tie(obj.id, to.id, 0));
	MUST(twz_obj_delete(obj.id)); /* marked */
	puppet_put(&other, obj.id, DATA, 1);
	puppet_do(&other, (struct puppet_say){.op = PUPPET_KEEP, .id = obj.id, .offset = DATA});
	MUST(twz_obj_delete(to.id));
	next = fresh();
	put(next.base + DATA, 7);
	assert_int_equal(still(&other, PUPPET_PUT_KEPT).kind, TWZ_FAULT_OBJECT);
	assert_int_equal(load(next.base + DATA), 7);
	MUST(twz_obj_delete(next.id));
}

/* Both see all of it at every size, whoever grew it. */
static void an_object_that_grows(void **state)
{
	struct twz_obj obj = fresh();

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		uint64_t at = DATA + i * PAGE;

		assert_int_equal(load(obj.base + at), 0);
		assert_int_equal(puppet_load(&other, obj.id, at), 0);
		if (i % 3)
			put(obj.base + at, i);
		else
			puppet_put(&other, obj.id, at, i);
		assert_int_equal(load(obj.base + at), i);
		assert_int_equal(puppet_load(&other, obj.id, at), i);
		assert_int_equal(puppet_load(&other, obj.id, DATA + i / 2 * PAGE), i / 2);
		assert_int_equal(load(obj.base + DATA + i / 3 * PAGE), i / 3);
	}
	MUST(twz_obj_delete(obj.id));
}

/* Two find the same hole at about the same time: nothing is lost. */
static void two_first_touches_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct twz_obj obj = fresh();

		puppet_begin(&other,
			     (struct puppet_say){
				     .op = PUPPET_PUT, .id = obj.id, .offset = DATA, .value = 1});
		put(obj.base + DATA + 8, 2);
		puppet_end(&other);
		assert_int_equal(load(obj.base + DATA), 1);
		assert_int_equal(puppet_load(&other, obj.id, DATA + 8), 2);
		MUST(twz_obj_delete(obj.id));
	}
}

/* ---- copies of what another one is storing to ----------------------------------------------------- */

#define FAR (100 * PAGE)

/* Two words, pages apart, counted up in turns: in a copy they are equal, or the first is one more. */
static uint64_t copied_at(struct twz_id copy)
{
	struct twz_obj obj;
	uint64_t a, b;

	MUST(twz_obj_open(copy, &obj));
	a = load(obj.base + DATA);
	b = load(obj.base + DATA + FAR);
	assert_true(a == b || a == b + 1);
	usleep(a % 16 ? 0 : 50);
	assert_int_equal(load(obj.base + DATA), a);
	assert_int_equal(load(obj.base + DATA + FAR), b);
	MUST(twz_obj_recycle(&obj));
	return a;
}

static void copies_of_what_another_one_stores_to(void **state)
{
	uint64_t last = 0, moved = 0, now, rounds, enough = getenv("TWZ_LONG") ? 6000 : 150;
	struct twz_obj obj = fresh();
	struct twz_id copy, chain;

	(void)state;
	puppet_begin(
		&other,
		(struct puppet_say){.op = PUPPET_PAIR, .id = obj.id, .offset = DATA, .value = FAR});
	for (rounds = 0; moved < enough; rounds++) { /* or it stored nothing meanwhile */
		MUST(twz_obj_copy(obj.id, true, &copy));
		MUST(twz_obj_copy(copy, true, &chain)); /* and copies of copies */
		now = copied_at(copy);
		assert_int_equal(copied_at(chain), now);
		assert_true(now >= last);
		moved += now > last;
		last = now;
		MUST(twz_obj_delete(copy));
		assert_int_equal(copied_at(chain), now);
		MUST(twz_obj_delete(chain));
	}
	put(obj.base + DATA + 8, 1);
	assert_true(puppet_end(&other).value >= last);
	printf("%lu copies, each of something else in %lu\n", rounds, moved);
	MUST(twz_obj_delete(obj.id));
}

/* The same of transactions: all of one or nothing of it. */
static void copies_of_what_another_one_commits_to(void **state)
{
	uint64_t last = 0, moved = 0, now, rounds, enough = getenv("TWZ_LONG") ? 600 : 12, busy = 0;
	struct twz_obj obj = fresh(), copied;
	struct twz_id copy;
	int error;

	(void)state;
	MUST(twz_obj_new(&(struct twz_new){.ending = true}, &copied));
	copy = copied.id;
	puppet_begin(&other,
		     (struct puppet_say){
			     .op = PUPPET_PAIR_TX, .id = obj.id, .offset = DATA, .value = FAR});
	for (rounds = 0; moved < enough; rounds++) {
		error = twz_rt_copy(copy, DATA / PAGE, obj.id, DATA / PAGE, FAR / PAGE + 1);
		busy += error == TWZ_E_BUSY;
		assert_true(!error || error == TWZ_E_BUSY);
		now = load(copied.base + DATA);
		assert_int_equal(now, load(copied.base + DATA + FAR));
		assert_true(now >= last);
		moved += now > last;
		last = now;
		if (error)
			sched_yield(); /* the other one may have no other processor to commit on */
	}
	put(obj.base + DATA + 8, 1);
	assert_true(puppet_end(&other).value >= last);
	printf("%lu copies, %lu of them busy\n", rounds, busy);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

/* ---- transactions --------------------------------------------------------------------------------- */

static void a_transaction_keeps_its_pages(void **state)
{
	struct twz_obj obj = fresh(), rest = fresh();
	struct puppet_say say = {.op = PUPPET_STAGE, .id = obj.id, .offset = DATA, .value = 9};
	struct twz_id copy;
	uint64_t i = 0;

	(void)state;
	put(obj.base + DATA, 1);
	MUST(twz_obj_copy(obj.id, true, &copy)); /* so what is staged is unshared first */
	say = puppet_do(&other, say);
	assert_int_equal(say.kind, 0);
	/* Nobody makes a page of it shared, or a hole. */
	assert_int_equal(twz_rt_copy(copy, DATA / PAGE, obj.id, DATA / PAGE, 1), TWZ_E_BUSY);
	assert_int_equal(twz_rt_copy(obj.id, DATA / PAGE, copy, DATA / PAGE, 1), TWZ_E_BUSY);
	assert_int_equal(twz_rt_drop(obj.id, DATA / PAGE, 1), TWZ_E_BUSY);
	assert_int_equal(twz_rt_limit(obj.id, DATA / PAGE, 1, TWZ_WRITE), TWZ_E_BUSY);
	/* The store gets full, and all that the other one has mapped is taken away. */
	while (!twz_rt_touch(rest.base + DATA + i * PAGE, 128 * PAGE))
		i += 128;
	while (!CATCH(put(rest.base + DATA + i * PAGE, 1)))
		i++;
	assert_int_equal(caught.error, TWZ_E_FULL);
	home_lock();
	{
		uint64_t ref;

		MUST(home_find(obj.id, &ref));
		MUST(lease_recall(ref, TWZ_LEASE_ALL));
	}
	home_unlock();
	assert_int_equal(load(obj.base + DATA), 1);
	say = puppet_do(&other, (struct puppet_say){.op = PUPPET_COMMIT});
	assert_int_equal(say.kind, 0);
	assert_int_equal(say.error, 0);
	assert_int_equal(load(obj.base + DATA), 9);
	MUST(twz_obj_delete(rest.id));
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

/* ---- waiting -------------------------------------------------------------------------------------- */

static void who_waits_on_a_word_that_moves_wakes(void **state)
{
	struct puppet_say sleep = {.op = PUPPET_SLEEP, .value = true};
	struct twz_obj obj = fresh();
	struct twz_id copy;

	(void)state;
	puppet_do(&other, sleep);
	for (unsigned i = 0; i < 30; i++) {
		uint64_t at = DATA + i * PAGE;
		struct puppet_say say = {.op = PUPPET_WAIT, .id = obj.id, .offset = at};

		if (i % 3) { /* it sleeps in a page, which a copy and a store move */
			put(obj.base + at, 1);
			say.value = 1;
		}
		puppet_begin(&other, say);
		await_state(other.pid, other.pid, 'S');
		copy = (struct twz_id){0};
		if (i % 3 == 2)
			MUST(twz_obj_copy(obj.id, true, &copy));
		put(obj.base + at, 100);
		twz_rt_wake((uint32_t *)(obj.base + at), ~0u);
		assert_int_equal(puppet_end(&other).value, 100);
		if (copy.lo | copy.hi)
			MUST(twz_obj_delete(copy));
	}
	sleep.value = false;
	puppet_do(&other, sleep);
	MUST(twz_obj_delete(obj.id));
}

/* The same among threads of one process: the word was a hole, or in a page that a copy has too. */
static pid_t waiting;

static void *waits(void *word)
{
	uint64_t times = 0, value = load(word);

	__atomic_store_n(&waiting, gettid(), __ATOMIC_RELEASE);
	for (; load(word) == value; times++)
		MUST(twz_rt_wait(word, (uint32_t)value, ~0ull));
	assert_true(times < 5); /* it slept */
	return NULL;
}

static void who_waits_in_a_hole_wakes(void **state)
{
	struct twz_obj obj = fresh();
	uint8_t *word = obj.base + DATA;
	struct twz_id copy;
	pthread_t thread;
	pid_t sleeper;

	(void)state;
	sleep_until_woken(true);
	for (unsigned i = 1; i <= 6; i++) {
		__atomic_store_n(&waiting, 0, __ATOMIC_RELEASE);
		assert_int_equal(pthread_create(&thread, NULL, waits, word), 0);
		while (!(sleeper = __atomic_load_n(&waiting, __ATOMIC_ACQUIRE)))
			usleep(100);
		await_state(getpid(), sleeper, 'S');
		put(word, i);
		twz_rt_wake((uint32_t *)word, ~0u);
		pthread_join(thread, NULL);
		MUST(twz_obj_copy(obj.id, true, &copy));
	}
	sleep_until_woken(false);
	assert_int_equal(twz_rt_wait((uint32_t *)word, 6, 1000), TWZ_E_TIMEOUT);
	MUST(twz_obj_delete(obj.id));
}

/* ---- who is stopped, or dies ---------------------------------------------------------------------- */

static void who_is_stopped_holds_up_for_a_while(void **state)
{
	struct twz_obj obj = fresh(), copied;
	uint64_t begun, took = ~0ull;
	struct twz_id copy;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	stop(&other);
	assert_int_equal(twz_obj_copy(obj.id, true, &copy), TWZ_E_BUSY);
	assert_int_equal(lease_late(), other.pid);
	/* Who was late once is waited for less: once at least, whatever else the machine does. */
	for (unsigned i = 0; i < 8 && took >= RECALL_NS / 1000000; i++) {
		begun = now_ms();
		assert_int_equal(twz_rt_drop(obj.id, DATA / PAGE, 1), TWZ_E_BUSY);
		assert_int_equal(twz_obj_delete(obj.id), TWZ_E_BUSY);
		took = now_ms() - begun;
	}
	assert_true(took < RECALL_NS / 1000000);
	/* Nothing has changed, for others neither. */
	assert_int_equal(puppet_load(&third, obj.id, DATA), 1);
	puppet_put(&third, obj.id, DATA, 2);
	kill(other.pid, SIGCONT);
	assert_int_equal(puppet_load(&other, obj.id, DATA), 2);
	MUST(twz_obj_copy(obj.id, true, &copy));
	puppet_put(&other, obj.id, DATA, 3);
	MUST(twz_obj_open(copy, &copied));
	assert_int_equal(load(copied.base + DATA), 2);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
}

static void *goes_on(void *arg)
{
	await_main_asleep();
	kill(*(pid_t *)arg, SIGCONT);
	return NULL;
}

/* A plain store has no error: it waits; a call has one, and so has a transaction. */
static void a_store_waits_for_who_is_stopped(void **state)
{
	struct twz_obj obj = fresh();
	pthread_t thread;

	(void)state;
	assert_int_equal(puppet_load(&other, obj.id, DATA), 0);
	stop(&other);
	home_lock();
	{
		uint64_t ref;

		MUST(home_find(obj.id, &ref));
		assert_int_equal(lease_recall(ref, TWZ_LEASE_HOLES), TWZ_E_BUSY);
	}
	home_unlock();
	assert_int_equal(twz_rt_touch(obj.base + DATA, 8), TWZ_E_BUSY);
	assert_true(CATCH(put(obj.base + DATA, 1)));
	assert_int_equal(caught.kind, TWZ_FAULT_FULL);
	assert_int_equal(caught.error, TWZ_E_BUSY);
	assert_int_equal(pthread_create(&thread, NULL, goes_on, &other.pid), 0);
	put(obj.base + DATA, 1);
	pthread_join(thread, NULL);
	assert_int_equal(puppet_load(&other, obj.id, DATA), 1);
	MUST(twz_obj_delete(obj.id));
}

/* The entry of a process that has the store. */
static struct twz_process *process_of(pid_t pid)
{
	struct twz_process *process = home.runtime->process;

	while ((pid_t)process->pid != pid)
		process++;
	return process;
}

static void await_asked(pid_t pid)
{
	while (__atomic_load_n(&process_of(pid)->recall, __ATOMIC_ACQUIRE) == TWZ_RECALL_IDLE)
		usleep(100);
}

/* TWZ_E_BUSY, if somebody's end were not seen. */
static void *copies(void *id)
{
	struct twz_id copy;

	MUST(twz_obj_copy(*(struct twz_id *)id, true, &copy));
	MUST(twz_obj_delete(copy));
	return NULL;
}

static void who_dies_while_it_is_asked(void **state)
{
	struct twz_obj obj = fresh();
	struct puppet dies = puppet_make();
	pthread_t thread;

	(void)state;
	puppet_put(&dies, obj.id, DATA, 1);
	stop(&dies);
	assert_int_equal(pthread_create(&thread, NULL, copies, &obj.id), 0);
	await_asked(dies.pid);
	puppet_kill(&dies);
	pthread_join(thread, NULL);
	/* Its leases went with it: the next has its place in the table. */
	dies = puppet_make();
	assert_int_equal(puppet_load(&dies, obj.id, DATA), 1);
	MUST(twz_obj_delete(obj.id));
	puppet_kill(&dies);
	store_is_sound();
}

static void who_dies_while_it_asks(void **state)
{
	struct twz_obj obj = fresh();
	struct puppet dies = puppet_make();
	struct twz_id copy;

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	puppet_load(&dies, obj.id, DATA);
	stop(&other);
	puppet_begin(&dies, (struct puppet_say){.op = PUPPET_COPY, .id = obj.id});
	await_asked(other.pid); /* it has the store's lock, and waits for the one that is stopped */
	puppet_kill(&dies);
	kill(other.pid, SIGCONT);
	MUST(twz_obj_copy(obj.id, true, &copy));
	puppet_put(&other, obj.id, DATA, 2);
	assert_int_equal(load(obj.base + DATA), 2);
	MUST(twz_obj_delete(copy));
	MUST(twz_obj_delete(obj.id));
	store_is_sound();
}

/* Asked by one that died: its own threads wait until that is done. */
static void asked_by_a_dead_one_and_at_work(void **state)
{
	struct twz_process *process = process_of(other.pid);
	struct twz_obj obj = fresh();
	struct pollfd answer = {.fd = other.from, .events = POLLIN};

	(void)state;
	puppet_put(&other, obj.id, DATA, 1);
	__atomic_store_n(&process->recall, TWZ_RECALL_WORKING, __ATOMIC_RELEASE);
	puppet_begin(&other,
		     (struct puppet_say){
			     .op = PUPPET_PUT, .id = obj.id, .offset = DATA + PAGE, .value = 2});
	assert_int_equal(poll(&answer, 1, 100), 0);
	__atomic_store_n(&process->recall, TWZ_RECALL_IDLE, __ATOMIC_RELEASE);
	futex_wake(&process->recall, 100);
	assert_int_equal(puppet_end(&other).kind, 0);
	assert_int_equal(load(obj.base + DATA + PAGE), 2);
	/* And what was not begun is forgotten. */
	stop(&other);
	home_lock();
	__atomic_store_n(&process->recall, TWZ_RECALL_ASKED, __ATOMIC_RELEASE);
	home_unlock();
	kill(other.pid, SIGCONT);
	puppet_put(&other, obj.id, DATA + 2 * PAGE, 3);
	assert_int_equal(*(volatile uint32_t *)&process->recall, TWZ_RECALL_IDLE);
	MUST(twz_obj_delete(obj.id));
}

/* ---- the table ------------------------------------------------------------------------------------ */

static void a_full_table_costs_time_only(void **state)
{
	struct puppet_say limit = {.op = PUPPET_LIMIT, .value = 6};
	struct twz_obj obj[20];
	unsigned used = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		obj[i] = fresh();
	lease_limit(6);
	puppet_do(&other, limit);
	puppet_do(&third, limit);
	for (unsigned round = 0; round < 5; round++)
		for (unsigned i = 0; i < 20; i++) {
			const struct puppet *p = i % 2 ? &other : &third;

			assert_int_equal(load(obj[i].base + DATA), round);
			puppet_put(p, obj[i].id, DATA, round + 1);
			assert_int_equal(puppet_load(i % 2 ? &third : &other, obj[i].id, DATA),
					 round + 1);
			memcpy(obj[i].base + DATA + 8, obj[(i + 7) % 20].base + DATA, 8);
		}
	for (unsigned i = 0; i < sizeof(home.runtime->lease) / sizeof(home.runtime->lease[0]); i++)
		used += home.runtime->lease[i].mode != 0;
	assert_true(used <= 6);
	lease_limit(0);
	limit.value = 0;
	puppet_do(&other, limit);
	puppet_do(&third, limit);
	for (unsigned i = 0; i < 20; i++)
		MUST(twz_obj_delete(obj[i].id));
}

static int setup(void **state)
{
	(void)state;
	home_start(BYTES);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		home_test(alone_nobody_is_asked),
		home_test(a_hole_that_gets_a_page),
		home_test(pages_made_here_and_there),
		home_test(a_shared_page_that_is_stored_to),
		home_test(a_frame_with_too_many_holders),
		home_test(a_copy_under_another_ones_stores),
		home_test(a_seal_under_another_ones_stores),
		home_test(a_drop_under_another_ones_mapping),
		home_test(a_copy_over_another_ones_mapping),
		home_test(a_limit_under_another_ones_mapping),
		home_test(a_delete_under_another_ones_mapping),
		home_test(what_goes_with_its_last_tie),
		home_test(an_object_that_grows),
		home_test(two_first_touches_at_once),
		home_test(copies_of_what_another_one_stores_to),
		home_test(copies_of_what_another_one_commits_to),
		home_test(a_transaction_keeps_its_pages),
		home_test(who_waits_on_a_word_that_moves_wakes),
		home_test(who_waits_in_a_hole_wakes),
		home_test(who_is_stopped_holds_up_for_a_while),
		home_test(a_store_waits_for_who_is_stopped),
		home_test(who_dies_while_it_is_asked),
		home_test(who_dies_while_it_asks),
		home_test(asked_by_a_dead_one_and_at_work),
		home_test(a_full_table_costs_time_only),
	};

	if (argc > 1 && !strcmp(argv[1], "puppet"))
		puppet_role();
	return cmocka_run_group_tests(tests, setup, NULL);
}
