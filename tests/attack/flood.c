/*
 * flood.c - attacks by being many, and busy: threads that verify, wait, map, publish, and make and end
 * things as fast as they can. What another user does goes on meanwhile, and when the attackers are killed,
 * in the middle of anything, the machine has back what they had. Limits of what one can have at all:
 * exhaust.c.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define ATTACKERS 12u
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)
#define SLOT (TEST_SLOT + 500) /* one for each thread from there on */

static struct user bob, mallory;

/* ---- the flood -------------------------------------------------------------------------------------- */

static struct test_thread *attacker[ATTACKERS];
static unsigned attackers;
static struct twz_sys_usage before;

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

/* Each is told which one it is. */
static void begin(void (*run)(uint64_t i), unsigned many)
{
	before = bare_usage();
	attackers = many;
	for (unsigned i = 0; i < attackers; i++)
		attacker[i] = test_thread_as(mallory.context.id, run, i);
}

/* What the attackers had goes when they do, in steps: threads of theirs end on their processors. */
static bool all_is_back(void)
{
	struct twz_sys_usage now = bare_usage();

	return now.objects <= before.objects && now.threads <= before.threads &&
	       now.views <= before.views && now.store_objects <= before.store_objects;
}

static void end(void)
{
	const uint64_t begun = twz_rt_time_ns();

	for (unsigned i = 0; i < attackers; i++)
		CHECK_EQ(SYS(thread_kill, ID(test_thread_id(attacker[i])), 9), 0);
	for (unsigned i = 0; i < attackers; i++)
		CHECK_EQ(test_join(attacker[i]), 9);
	for (unsigned i = 0; i < attackers; i++)
		test_unmap(SLOT + i);
	while (!all_is_back() && bare_patient(begun))
		test_sleep(1000000);
	CHECK(all_is_back());
}

/* Gone with the thread that makes it. Zero: there was no memory. */
static struct twz_id tied(uint32_t type, uint64_t page, uint64_t npages)
{
	struct twz_sys_usage usage;
	struct twz_sys_info info;
	struct twz_sys_new new = {.type = type,
				  .key = mallory.secret.id,
				  .perms = TWZ_USE,
				  .flags = TWZ_OBJECT_VOLATILE,
				  .page = page,
				  .npages = npages};
	struct twz_id id = {0};
	int64_t error;

	CHECK_EQ(SYS(info, &info), 0);
	new.tie = info.thread;
	error = SYS(object_new, &new, &id);
	if (!error)
		return id;
	CHECK_EQ(error, TWZ_E_NOMEM);
	usage = bare_usage();
	twz_print("flood: %llu of %llu frames are used, %llu of them tables; %llu objects\n",
		  (unsigned long long)usage.frames_used, (unsigned long long)usage.frames,
		  (unsigned long long)usage.tables, (unsigned long long)usage.objects);
	return (struct twz_id){0};
}

/* ---- signatures -------------------------------------------------------------------------------------- */

#define WANTED 16u /* signatures that bob has verified */
#define RUN 8u     /* for one target, as many as a decision looks at */

struct forged {
	struct twz_context header __attribute__((aligned(4096)));
	struct twz_context_entry entry;
	struct twz_cap cap[RUN] __attribute__((aligned(4096)));
};
static uint64_t verified; /* of mallory's */

/* Capabilities that are right but for the signature, others each time. */
static void forge(struct forged *f, struct twz_id context, struct twz_id target, uint64_t serial)
{
	f->header = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
					 .version = 1,
					 .global_mask = TWZ_PERM_ALL,
					 .table = TWZ_OBJ_DATA + sizeof(f->header),
					 .nentries = 1};
	f->entry = (struct twz_context_entry){target, TWZ_CONTEXT_CAP, RUN,
					      TWZ_OBJ_DATA + offsetof(struct forged, cap)};
	for (unsigned i = 0; i < RUN; i++) {
		f->cap[i] = cap_for(&mallory, target, context, TWZ_READ);
		f->cap[i].magic = TWZ_CAP_MAGIC;
		f->cap[i].version = 1;
		f->cap[i].alg = TWZ_ALG_ED25519;
		f->cap[i].signer = mallory.secret.id;
		f->cap[i].serial = serial + i;
	}
}

static void verifies(uint64_t i)
{
	const struct twz_id context = tied(TWZ_TYPE_CONTEXT, TEST_DATA_PAGE, 2),
			    target = tied(TWZ_TYPE_DATA, 0, 0);
	struct forged *f =
		(void *)(test_map(SLOT + (uint32_t)i, context, READ_WRITE) + TWZ_OBJ_DATA);
	struct twz_rt_answer answer;

	for (uint64_t serial = i << 32;; serial += RUN) {
		forge(f, context, target, serial);
		CHECK_EQ(SYS(context_publish, ID(context)), 0);
		CHECK_EQ(SYS(right_explain, ID(target), ID(context), &answer), 0);
		CHECK_EQ(answer.effective, TWZ_USE);
		__atomic_add_fetch(&verified, RUN, __ATOMIC_RELAXED);
	}
}

static struct twz_id wanted[WANTED];

static int64_t uses_all(void *unused)
{
	int64_t error = 0;

	(void)unused;
	for (unsigned i = 0; !error && i < WANTED; i++)
		error = attack_stat(&wanted[i]);
	return error;
}

/* Each of mallory's threads has one waiting all the time. */
TEST(signatures_are_verified_while_others_want_thousands)
{
	set_up();
	for (unsigned i = 0; i < WANTED; i++) {
		struct twz_cap cap;

		wanted[i] = user_object(&mallory, TWZ_OBJECT_VOLATILE);
		cap = cap_for(&mallory, wanted[i], bob.context.id, TWZ_READ);
		cap_sign_by(&cap, NULL, &mallory);
		context_add(&bob.context, &cap, 1);
	}
	context_publish(&bob.context);
	begin(verifies, ATTACKERS);
	while (!__atomic_load_n(&verified, __ATOMIC_RELAXED))
		test_sleep(1000000);
	CHECK_EQ(attack_as(&bob, uses_all, NULL), 0);
	end();
	for (unsigned i = 0; i < WANTED; i++)
		test_delete(wanted[i]);
	tear_down();
}

/* ---- ordinary work ------------------------------------------------------------------------------------- */

#define ROUNDS 3u
#define FEW 4u /* attackers, as each turn of theirs is a time slice */
#define WORK_SLOT (SLOT + 100)

static void ends(uint64_t unused)
{
	(void)unused;
	bare_end(7);
}

/* What programs do all the time, once. */
static int64_t work_once(const struct user *user)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));
	static const uint32_t flags[] = {TWZ_OBJECT_VOLATILE, TWZ_OBJECT_ENDING};
	struct twz_id id[2];

	for (unsigned i = 0; i < 2; i++) {
		id[i] = user_object(user, flags[i]);
		memset(test_map(WORK_SLOT + i, id[i], READ_WRITE) + TWZ_OBJ_DATA, 3 + (int)i, 9000);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct twz_sys_copy copy = {.src = id[i],
					    .dst = id[!i],
					    .src_page = TEST_DATA_PAGE,
					    .dst_page = TEST_DATA_PAGE + 8,
					    .pages = 2};

		CHECK_EQ(SYS(object_copy, &copy), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(test_address(WORK_SLOT + i)[TWZ_OBJ_DATA + 8 * TWZ_PAGE + 5], 4 - i);
		test_unmap(WORK_SLOT + i);
		CHECK_EQ(SYS(object_delete, ID(id[i])), 0);
	}
	id[0] = bare_thread(ends, stack + sizeof(stack), 0, 0);
	CHECK_EQ(bare_join(id[0]), 7);
	CHECK_EQ(SYS(context_attach, ID(mallory.context.id), 0), TWZ_E_NOTFOUND);
	test_sleep(100000);
	return 0;
}

static int64_t works(void *arg)
{
	const struct user *user = arg;
	int64_t error = 0;

	for (unsigned i = 0; !error && i < ROUNDS; i++)
		error = work_once(user);
	return error;
}

static void work_while(void (*run)(uint64_t i))
{
	set_up();
	begin(run, FEW);
	CHECK_EQ(attack_as(&bob, works, &bob), 0);
	end();
	tear_down();
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* On as many words as a call takes, with a time limit that is over at once; half of them for ever. */
static void waits(uint64_t i)
{
	static const uint32_t words[TWZ_SYNC_MAX];
	struct twz_sys_sync op[TWZ_SYNC_MAX];

	for (unsigned k = 0; k < TWZ_SYNC_MAX; k++)
		op[k] = (struct twz_sys_sync){.address = (uint64_t)&words[k]};
	for (;;)
		SYS(thread_sync, op, TWZ_SYNC_MAX, i % 2 ? ~0ull : 1000);
}

TEST(work_goes_on_while_others_wait_on_thousands_of_words)
{
	work_while(waits);
}

/* ---- running ------------------------------------------------------------------------------------------- */

static void spins(uint64_t unused)
{
	(void)unused;
	for (;;)
		__builtin_ia32_pause();
}

TEST(work_goes_on_while_others_run_all_the_time)
{
	work_while(spins);
}

/* ---- making and ending ----------------------------------------------------------------------------------- */

/*
 * Objects, mappings, copies of many pages. Others of their kind may have taken all the memory there is for a
 * moment; bob must not find that out.
 */
static void makes(uint64_t i)
{
	const uint32_t slot = SLOT + (uint32_t)i;

	for (;;) {
		struct twz_id id = tied(TWZ_TYPE_DATA, TEST_DATA_PAGE, 300), to = {0};
		struct twz_sys_copy copy = {.src = id,
					    .src_page = TEST_DATA_PAGE,
					    .dst_page = TEST_DATA_PAGE,
					    .pages = 300};

		if (id.lo | id.hi)
			to = tied(TWZ_TYPE_DATA, 0, 0);
		if (to.lo | to.hi) {
			copy.dst = to;
			CHECK_EQ(SYS(object_copy, &copy), 0);
			test_map(slot, to, READ_WRITE)[TWZ_OBJ_DATA] = 1;
			CHECK_EQ(SYS(object_delete, ID(to)), 0);
		}
		if (id.lo | id.hi)
			CHECK_EQ(SYS(object_delete, ID(id)), 0);
	}
}

TEST(work_goes_on_while_others_make_and_end_objects)
{
	work_while(makes);
}

/* Large contexts, published and attached all the time. */
static void publishes(uint64_t i)
{
	const struct twz_id context = tied(TWZ_TYPE_CONTEXT, TEST_DATA_PAGE, 200);

	(void)i;
	for (;;) {
		CHECK_EQ(SYS(context_attach, ID(context), 0), 0);
		CHECK_EQ(SYS(context_publish, ID(context)), 0);
		CHECK_EQ(SYS(context_detach, ID(context)), 0);
	}
}

TEST(work_goes_on_while_others_publish_large_contexts)
{
	work_while(publishes);
}

/* Grants, as many as there can be, and each decision goes through them. */
static void grants(uint64_t i)
{
	const struct twz_id id = tied(TWZ_TYPE_DATA, TEST_DATA_PAGE, 1);

	for (uint64_t n = 1;; n++) {
		int64_t error = SYS(right_grant, ID(id), n % 1000, i + 1, TWZ_USE);

		CHECK(!error || error == TWZ_E_LIMIT);
		SYS(right_grant, ID(id), n * 7 % 1000, i + 1, 0);
		attack_stat((void *)&id);
	}
}

TEST(work_goes_on_while_others_grant_and_take)
{
	work_while(grants);
}

/*
 * Lists of all threads, and threads that come and go. They are not waited for: who is killed with the window
 * open (rt/minimal/view.h) would keep it from us.
 */
static void starts(uint64_t i)
{
	static uint8_t stack[ATTACKERS][1024] __attribute__((aligned(16)));
	struct twz_id id = {0};

	for (;;) {
		struct twz_id thread = bare_thread(ends, stack[i] + sizeof(stack[i]), 0, 0);

		if (SYS(thread_next, &id))
			id = (struct twz_id){0};
		CHECK_EQ(SYS(object_delete, ID(thread)), 0);
	}
}

TEST(work_goes_on_while_others_start_threads)
{
	work_while(starts);
}
