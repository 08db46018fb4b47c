/*
 * control.c - attacks by suspending, signalling and looking at threads: of others, without the right to; of
 * one's own, where others may come to wait for them.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define THREADS 12u
#define MS 1000000ull

static struct user bob, mallory;
static struct test_thread *thread[THREADS];
static struct twz_sys_usage before;
static uint32_t arrived, never;

static void set_up(void)
{
	user_make(&bob);
	user_make(&mallory);
}

static void tear_down(void)
{
	user_end(&mallory);
	user_end(&bob);
}

static void begin(const struct user *user, void (*run)(uint64_t i), unsigned many)
{
	arrived = 0;
	before = bare_usage();
	for (unsigned i = 0; i < many; i++)
		thread[i] = test_thread_as(user->context.id, run, i);
	bare_reaches(&arrived, many);
}

static bool all_is_back(void)
{
	struct twz_sys_usage now = bare_usage();

	return now.objects <= before.objects && now.threads <= before.threads &&
	       now.views <= before.views && now.store_objects <= before.store_objects;
}

static void end(unsigned many)
{
	const uint64_t begun = twz_rt_time_ns();

	for (unsigned i = 0; i < many; i++) {
		const struct twz_id id = test_thread_id(thread[i]);

		CHECK_EQ(SYS(thread_kill, ID(id), 9), 0);
	}
	for (unsigned i = 0; i < many; i++)
		CHECK_EQ(test_join(thread[i]), 9);
	while (!all_is_back() && bare_patient(begun))
		test_sleep(MS);
	CHECK(all_is_back());
}

static void suspend(const struct test_thread *which, bool on)
{
	const struct twz_id id = test_thread_id(which);

	CHECK_EQ(SYS(thread_suspend, ID(id), on), 0);
}

static void arrive(void)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
}

static void sleeps(uint64_t i)
{
	(void)i;
	arrive();
	for (;;)
		bare_wait(&never, 0, ~0ull);
}

static void spins(uint64_t i)
{
	(void)i;
	arrive();
	for (;;)
		__builtin_ia32_pause();
}

/* ---- without the right ----------------------------------------------------------------------------- */

struct refusal {
	struct twz_id id;
	int64_t use, read; /* what calls that need them say */
};

static int64_t control(void *arg)
{
	const struct refusal *r = arg;
	struct twz_registers registers;

	CHECK_EQ(SYS(thread_suspend, ID(r->id), true), r->use);
	CHECK_EQ(SYS(thread_suspend, ID(r->id), false), r->use);
	CHECK_EQ(SYS(thread_signal, ID(r->id), 9), r->use);
	CHECK_EQ(SYS(thread_priority, ID(r->id), TWZ_PRIORITY_LOW), r->use);
	CHECK_EQ(SYS(thread_registers, ID(r->id), &registers), r->read);
	return 0;
}

static void granted(struct twz_id id, uint32_t perms, int64_t use, int64_t read)
{
	struct refusal refusal = {id, use, read};

	CHECK_EQ(SYS(right_grant, ID(id), ID(mallory.context.id), perms), 0);
	CHECK_EQ(attack_as(&mallory, control, &refusal), 0);
}

TEST(a_thread_of_anothers_is_controlled)
{
	struct twz_thread seen;
	struct twz_id id;

	set_up();
	begin(&bob, sleeps, 1);
	id = test_thread_id(thread[0]);
	granted(id, 0, TWZ_E_NOTFOUND, TWZ_E_NOTFOUND);
	granted(id, TWZ_DELETE, TWZ_E_RIGHT, TWZ_E_RIGHT);
	granted(id, TWZ_READ, TWZ_E_RIGHT, TWZ_E_BUSY); /* it is not suspended */
	seen = bare_look(id);
	CHECK(seen.state != TWZ_THREAD_SUSPENDED && !seen.signals);
	CHECK_EQ(seen.priority, TWZ_PRIORITY_NORMAL);
	suspend(thread[0], true);
	granted(id, TWZ_READ, TWZ_E_RIGHT, 0);
	end(1);
	tear_down();
}

static int64_t raise_itself(void *arg)
{
	struct twz_sys_info info;
	int64_t error;

	(void)arg;
	CHECK_EQ(SYS(info, &info), 0);
	error = SYS(thread_priority, ID(info.thread), TWZ_PRIORITY_HIGH);
	CHECK_EQ(bare_look(info.thread).priority, TWZ_PRIORITY_NORMAL);
	CHECK_EQ(SYS(thread_priority, ID(info.thread), TWZ_PRIORITY_LOW), 0);
	CHECK_EQ(SYS(thread_priority, ID(info.thread), TWZ_PRIORITY_URGENT), error);
	CHECK_EQ(SYS(thread_priority, ID(info.thread), TWZ_PRIORITY_NORMAL), 0);
	return error;
}

TEST(a_thread_of_ones_own_before_all_others)
{
	set_up();
	CHECK_EQ(attack_as(&mallory, raise_itself, NULL), TWZ_E_NOTFOUND);
	tear_down();
}

/* Not an attack: who may only READ a thread waits for its end, and sees how it ended. */
static int64_t await_end(void *arg)
{
	const struct twz_id id = *(const struct twz_id *)arg;

	arrive();
	CHECK_EQ(bare_await(id), 42);
	CHECK_EQ(bare_look(id).end, TWZ_END_KILL);
	return SYS(thread_kill, ID(id), 1);
}

static int64_t awaits(void *arg)
{
	return attack_as(&mallory, await_end, arg);
}

static struct twz_id watched;

static void watches(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(awaits(&watched), TWZ_E_RIGHT);
}

TEST(an_end_is_awaited_by_who_may_only_read)
{
	struct test_thread *waits;

	set_up();
	begin(&bob, sleeps, 1);
	watched = test_thread_id(thread[0]);
	CHECK_EQ(SYS(right_grant, ID(watched), ID(mallory.context.id), TWZ_READ), 0);
	waits = test_thread(watches, 0);
	bare_reaches(&arrived, 2);
	test_sleep(10 * MS);
	CHECK_EQ(SYS(thread_kill, ID(watched), 42), 0);
	CHECK_EQ(test_join(waits), 0);
	CHECK_EQ(test_join(thread[0]), 42);
	tear_down();
}

/* ---- suspended while it has what others want --------------------------------------------------------- */

TEST(a_lock_held_by_who_is_suspended)
{
	const struct twz_id object = test_object(TWZ_OBJECT_ENDING),
			    other = test_object(TWZ_OBJECT_ENDING);
	static uint8_t stack[4096] __attribute__((aligned(16)));
	struct twz_meta *meta =
		(void *)(test_map(TEST_SLOT, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			 TWZ_OBJ_META);
	struct twz_id holder;

	arrived = 0;
	holder = bare_thread(sleeps, stack + sizeof(stack), 0, 0);
	bare_reaches(&arrived, 1);
	CHECK_EQ(SYS(thread_suspend, ID(holder), true), 0);
	meta->log.lock = minimal.sys.epoch << 32 | bare_look(holder).owner;
	CHECK_EQ(SYS(object_settle, ID(object)),
		 TWZ_E_BUSY); /* who waits for it has TIMEOUT at last */
	CHECK_EQ(SYS(object_settle, ID(other)), 0);
	CHECK_EQ(SYS(object_sync, ID(object)), 0);
	CHECK_EQ(SYS(thread_kill, ID(holder), 1), 0);
	CHECK_EQ(SYS(object_settle, ID(object)), 0);
	CHECK_EQ(meta->log.lock, 0);
	test_delete(holder);
	test_unmap(TEST_SLOT);
	test_delete(object);
	test_delete(other);
}

/* What it stands on goes with its context: at its next touch it ends. Her key has the thread till then. */
TEST(the_context_of_who_is_suspended_is_deleted)
{
	struct user carol;

	set_up();
	user_make(&carol);
	begin(&carol, spins, 1);
	suspend(thread[0], true);
	test_program(carol.context.id, false);
	context_end(&carol.context);
	CHECK_EQ(bare_look(test_thread_id(thread[0])).state, TWZ_THREAD_SUSPENDED);
	suspend(thread[0], false);
	CHECK_EQ(test_join(thread[0]), 139);
	user_forget(&carol);
	tear_down();
}

/* Her right to it is verified when she touches it first: 600,000 instructions, of which this hits some. */
static struct twz_id wanted;

static void touches(uint64_t unused)
{
	struct twz_rt_stat stat;

	(void)unused;
	arrive();
	CHECK_EQ(SYS(object_stat, ID(wanted), &stat), 0);
}

TEST(suspended_while_a_signature_is_verified)
{
	for (unsigned i = 0; i < 12; i++) {
		struct user carol;

		user_make(&carol);
		wanted = user_object(&carol, TWZ_OBJECT_VOLATILE);
		arrived = 0;
		thread[0] = test_thread_as(carol.context.id, touches, 0);
		for (unsigned n = 0; n < i * 3000; n++)
			__builtin_ia32_pause();
		if (SYS(thread_suspend, ID(test_thread_id(thread[0])), true) == 0) {
			test_sleep(2 * MS);
			suspend(thread[0], false);
		}
		CHECK_EQ(test_join(thread[0]), 0);
		test_delete(wanted);
		user_end(&carol);
	}
}

/* ---- by being many --------------------------------------------------------------------------------- */

static int64_t works(void *arg)
{
	struct twz_id id = user_object(&bob, TWZ_OBJECT_VOLATILE);

	(void)arg;
	CHECK_EQ(attack_touch(id, TWZ_VIEW_WRITE), 0);
	CHECK_EQ(SYS(object_delete, ID(id)), 0);
	return 0;
}

static void spins_or_sleeps(uint64_t i)
{
	if (i % 2)
		spins(i);
	sleeps(i);
}

TEST(all_threads_of_a_user_are_suspended)
{
	set_up();
	CHECK_EQ(attack_as(&bob, works, NULL), 0);
	begin(&mallory, spins_or_sleeps, THREADS);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < THREADS; i++)
			suspend(thread[i], true);
		for (unsigned i = 0; i < THREADS; i++)
			CHECK_EQ(bare_look(test_thread_id(thread[i])).state, TWZ_THREAD_SUSPENDED);
		CHECK_EQ(attack_as(&bob, works, NULL), 0);
		for (unsigned i = 0; i < THREADS && round < 4; i++)
			suspend(thread[i], false);
	}
	end(THREADS); /* as they are */
	tear_down();
}

/* Each of hers does to the next one whatever it may, as fast as it can. */
static struct twz_id victim[THREADS];

static void harasses(uint64_t i)
{
	struct twz_registers registers;
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	victim[i] = info.thread;
	arrive();
	bare_reaches(&arrived, THREADS);
	for (uint64_t n = 1;; n++) {
		const struct twz_id id = victim[(i + n) % THREADS];

		switch ((i + n) % 5) {
		case 0:
			SYS(thread_suspend, ID(id), true);
			break;
		case 1:
			SYS(thread_registers, ID(id), &registers);
			break;
		case 2:
			SYS(thread_priority, ID(id), n / 5 % 2);
			break;
		default:
			SYS(thread_suspend, ID(id), false);
		}
	}
}

TEST(threads_that_harass_each_other)
{
	set_up();
	CHECK_EQ(attack_as(&bob, works, NULL), 0);
	begin(&mallory, harasses, THREADS);
	for (unsigned i = 0; i < 20; i++) {
		test_sleep(5 * MS);
		CHECK_EQ(attack_as(&bob, works, NULL), 0);
		for (unsigned n = 0; n < THREADS; n++)
			suspend(thread[n], false); /* two may have suspended each other */
	}
	end(THREADS);
	tear_down();
}

/* ---- what a thread can say ------------------------------------------------------------------------------ */

static uint8_t room[4096];

static void ends(uint64_t unused)
{
	(void)unused;
	bare_end(0);
}

/* A fault that nobody handles is told on the console, with the thread's name. */
static int64_t take_a_name(void *arg)
{
	struct twz_sys_thread new = {.entry = (uint64_t)ends,
				     .stack = (uint64_t)room + sizeof(room) - 8,
				     .name = "\033]0;root\007\r\ninit: \x9b"};
	struct twz_id id = {0};
	int64_t error = SYS(thread_new, &new, &id);

	if (!error)
		bare_await(id);
	*(struct twz_thread *)arg = bare_look(id);
	return error;
}

TEST(a_thread_s_name_cannot_write_on_the_console)
{
	struct twz_thread seen = {0};

	set_up();
	CHECK_EQ(attack_as(&mallory, take_a_name, &seen), 0);
	CHECK(!strcmp(seen.name, "?]0;root???init: ?"));
	tear_down();
}
