/*
 * revoke.c - attempts to go on with a right that was taken back, or with a grant that nobody could give.
 *
 * A thread of mallory's stores the time into bob's object, on another processor if there is one, through a
 * mapping that is good, until the first fault. The right is taken back meanwhile: from the return of
 * that call on nothing more is stored.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define READ_WRITE (TWZ_READ | TWZ_WRITE)
#define MAP_SLOT (TEST_SLOT + 40)
#define AFTER_NS 20000000ull  /* so long is looked whether something comes */
#define EXPIRES_NS 1000000ull /* so late a store may come when the time is over */
#define EXPIRES_S 3u          /* so long before that it begins */
#define STATUS_FAULT 139u

struct raid {
	struct scene scene;
	volatile uint64_t *word; /* in bob's object, mapped */
	struct test_thread *thread;
	struct twz_fault fault; /* that it ended with */
};

static uint64_t now_s(void)
{
	return twz_rt_time_ns() / BARE_SECOND_NS;
}

static void store_times(void *word)
{
	for (;;)
		*(volatile uint64_t *)word = __builtin_ia32_rdtsc();
}

static void raid(uint64_t arg)
{
	struct raid *r = (struct raid *)arg;

	test_attempt(&r->fault, store_times, (void *)r->word);
}

/* The test's own right does not rest on what is taken away. */
static void raid_make(struct raid *r)
{
	*r = (struct raid){0};
	scene_make(&r->scene);
	CHECK_EQ(SYS(right_grant, ID(r->scene.object), ID(minimal.sys.context),
		     READ_WRITE | TWZ_DELETE),
		 0);
	r->word = (void *)(test_map(MAP_SLOT, r->scene.object, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			   TWZ_OBJ_DATA);
}

static void raid_end(struct raid *r)
{
	test_unmap(MAP_SLOT);
	scene_end(&r->scene);
}

static void raid_start(struct raid *r, struct twz_id context)
{
	*r->word = 0;
	r->fault = (struct twz_fault){0};
	r->thread = test_thread_as(context, raid, (uint64_t)r);
}

/* On return it is at it. */
static void raid_begin(struct raid *r, struct twz_id context)
{
	const uint64_t begun = twz_rt_time_ns();

	raid_start(r, context);
	while (!*r->word && CHECK(bare_patient(begun)))
		test_sleep(1000000);
}

/* The right was taken back just now: nothing has come since, and nothing comes. Its thread's status. */
static uint32_t raid_ends(struct raid *r)
{
	uint64_t last = *r->word;

	test_sleep(AFTER_NS);
	if (!CHECK_EQ(*r->word, last))
		SYS(thread_kill, ID(test_thread_id(r->thread)), 1);
	return test_join(r->thread);
}

static void raid_over(struct raid *r, int error)
{
	CHECK_EQ(raid_ends(r), 0);
	CHECK_EQ(r->fault.error, error);
}

/* The same for a context of which nothing is left: its threads have no text, and no stack to fault on. */
static void raid_over_for_all(struct raid *r)
{
	CHECK_EQ(raid_ends(r), STATUS_FAULT);
}

static void publish(const struct raid *r)
{
	CHECK_EQ(SYS(context_publish, ID(r->scene.context.id)), 0);
}

/* What bob signs for the scene's context, which holds nothing else. */
static void hold_cap(struct raid *r, uint32_t perms)
{
	struct twz_cap cap = scene_cap(&r->scene, perms);

	hand_hold(&r->scene.context, r->scene.object, &cap, 1);
	publish(r);
}

/* ---- taken back ------------------------------------------------------------------------------------- */

TEST(going_on_after_a_publishing_without_it)
{
	struct raid r;

	raid_make(&r);
	hold_cap(&r, READ_WRITE);
	raid_begin(&r, r.scene.context.id);
	hand_clear(&r.scene.context);
	publish(&r);
	raid_over(&r, TWZ_E_NOTFOUND);
	/* With less. */
	hold_cap(&r, READ_WRITE);
	raid_begin(&r, r.scene.context.id);
	hold_cap(&r, TWZ_READ);
	raid_over(&r, TWZ_E_RIGHT);
	raid_end(&r);
}

TEST(going_on_under_a_new_mask)
{
	struct raid r;

	raid_make(&r);
	hold_cap(&r, READ_WRITE);
	raid_begin(&r, r.scene.context.id);
	((struct by_hand *)twz_obj_data(&r.scene.context))->header.global_mask = TWZ_READ;
	publish(&r);
	raid_over_for_all(&r); /* its data and stack can only be read now, too */
	raid_end(&r);
}

/* The mask is that of a context which she cannot leave, and which is not the active one. */
struct limited {
	struct raid raid;
	struct twz_obj jail;
	uint32_t attached;
};

static void raid_limited(uint64_t arg)
{
	struct limited *l = (struct limited *)arg;

	CHECK_EQ(SYS(context_attach, ID(l->jail.id), TWZ_ATTACH_UNDETACHABLE), 0);
	raid((uint64_t)&l->raid);
}

/* On return it is at it, in her context, and in bob's, which she cannot leave. */
static void limited_begin(struct limited *l)
{
	struct raid *r = &l->raid;
	struct twz_cap cap[2];
	struct by_hand *hand;

	raid_make(r);
	user_context(&r->scene.bob, &l->jail);
	cap[0] = cap_for(&r->scene.bob, r->scene.object, r->scene.context.id, READ_WRITE);
	cap[1] = cap_for(&r->scene.bob, l->jail.id, r->scene.context.id, TWZ_USE);
	cap_sign_by(&cap[0], NULL, &r->scene.bob);
	cap_sign_by(&cap[1], NULL, &r->scene.bob);
	hand = hand_hold(&r->scene.context, r->scene.object, &cap[0], 1);
	hand->cap[1] = cap[1];
	hand_enter(hand, l->jail.id, TWZ_CONTEXT_CAP, 1, HAND_CAP_OFF + sizeof(cap[0]));
	*r->word = 0;
	r->thread = test_thread_as(r->scene.context.id, raid_limited, (uint64_t)l);
	while (!*r->word)
		test_sleep(1000000);
}

TEST(going_on_under_a_new_mask_of_what_cannot_be_left)
{
	struct limited l;

	limited_begin(&l);
	CHECK_EQ(twz_context_mask(&l.jail, l.raid.scene.object, 0, TWZ_READ), 0);
	context_publish(&l.jail);
	raid_over(&l.raid, TWZ_E_RIGHT);
	context_end(&l.jail);
	raid_end(&l.raid);
}

/* What its masks were nobody can say any more: they leave nothing. */
TEST(going_on_when_what_cannot_be_left_is_deleted)
{
	struct limited l;

	limited_begin(&l);
	context_end(&l.jail);
	raid_over_for_all(&l.raid);
	raid_end(&l.raid);
}

TEST(going_on_with_a_grant_that_was_taken)
{
	struct raid r;

	raid_make(&r);
	CHECK_EQ(SYS(right_grant, ID(r.scene.object), ID(r.scene.context.id), READ_WRITE), 0);
	raid_begin(&r, r.scene.context.id);
	CHECK_EQ(SYS(right_grant, ID(r.scene.object), ID(r.scene.context.id), 0), 0);
	raid_over(&r, TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(right_grant, ID(r.scene.object), ID(r.scene.context.id), READ_WRITE), 0);
	raid_begin(&r, r.scene.context.id);
	CHECK_EQ(SYS(right_grant, ID(r.scene.object), ID(r.scene.context.id), TWZ_READ), 0);
	raid_over(&r, TWZ_E_RIGHT);
	raid_end(&r);
}

/* It sleeps while the right is taken back: what it had mapped lies in tables that no processor has loaded. */
struct sleeper {
	struct raid raid;
	uint32_t stage;
};

static void store_sleep_store(uint64_t arg)
{
	struct sleeper *s = (struct sleeper *)arg;
	void *word = (void *)s->raid.word;

	CHECK_EQ(test_store(word).kind, 0);
	__atomic_store_n(&s->stage, 1, __ATOMIC_RELEASE);
	bare_wait(&s->stage, 1, ~0ull);
	s->raid.fault = test_store(word);
}

TEST(going_on_after_having_slept)
{
	struct sleeper s = {0};
	struct raid *r = &s.raid;

	raid_make(r);
	hold_cap(r, READ_WRITE);
	r->thread = test_thread_as(r->scene.context.id, store_sleep_store, (uint64_t)&s);
	bare_reaches(&s.stage, 1);
	bare_becomes(test_thread_id(r->thread), TWZ_THREAD_SLEEPS);
	hand_clear(&r->scene.context);
	publish(r);
	s.stage = 2;
	bare_wake(&s.stage, 1);
	raid_over(r, TWZ_E_NOTFOUND);
	raid_end(r);
}

/* What a key signed counts as long as there is the key. */
TEST(going_on_when_the_key_is_deleted)
{
	struct twz_id key;
	struct raid r;

	raid_make(&r);
	hold_cap(&r, READ_WRITE);
	raid_begin(&r, r.scene.context.id);
	/* A key that something lasting is under cannot be deleted. */
	test_program(r.scene.bob.context.id, false);
	context_end(&r.scene.bob.context);
	test_delete(r.scene.bob.secret.id);
	raid_over(&r, TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(r.scene.context.id, attack_stat, &r.scene.object), TWZ_E_NOTFOUND);
	/* The same key is the same object again. */
	CHECK_EQ(twz_key_make(r.scene.bob.secret.key, &key), 0);
	CHECK(twz_id_equal(key, r.scene.bob.secret.id));
	CHECK_EQ(test_run_as(r.scene.context.id, attack_store, &r.scene.object), 0);
	user_context(&r.scene.bob, &r.scene.bob.context);
	raid_end(&r);
}

TEST(going_on_when_the_context_is_deleted)
{
	struct twz_obj context;
	struct twz_cap cap;
	struct raid r;

	raid_make(&r);
	user_context(&r.scene.mallory, &context);
	test_program(context.id, true);
	cap = cap_for(&r.scene.bob, r.scene.object, context.id, READ_WRITE);
	cap_sign_by(&cap, NULL, &r.scene.bob);
	context_add(&context, &cap, 1);
	raid_begin(&r, context.id);
	test_delete(context.id);
	raid_over_for_all(&r);
	test_program(context.id, false);
	CHECK_EQ(twz_obj_recycle(&context), 0);
	raid_end(&r);
}

/* Who passed it on did so as the owner of a context, which is gone: nobody can say that any more. */
TEST(going_on_when_the_context_of_a_link_is_deleted)
{
	struct twz_cap chain[2];
	struct twz_obj context;
	struct raid r;

	raid_make(&r);
	user_context(&r.scene.mallory, &context);
	chain[1] = cap_for(&r.scene.bob, r.scene.object, context.id, READ_WRITE);
	chain[1].flags |= TWZ_CAP_DELEGATE;
	cap_sign_by(&chain[1], NULL, &r.scene.bob);
	chain[0] = cap_for(&r.scene.bob, r.scene.object, r.scene.context.id, READ_WRITE);
	cap_sign_by(&chain[0], &chain[1], &r.scene.mallory);
	hand_hold(&r.scene.context, r.scene.object, chain, 2);
	raid_begin(&r, r.scene.context.id);
	context_end(&context);
	raid_over(&r, TWZ_E_NOTFOUND);
	raid_end(&r);
}

/*
 * When the last store was, in ns since 1970, against the second in which the capability expired, so many from now;
 * INT64_MAX if it came to none in that time.
 */
static int64_t late_ns(struct raid *r, uint64_t seconds)
{
	const uint64_t now_ns = twz_rt_time_ns(), now = __builtin_ia32_rdtsc();
	struct twz_cap cap =
		cap_for(&r->scene.bob, r->scene.object, r->scene.context.id, READ_WRITE);
	uint64_t cycles, ns;

	cap.expires = now_s() + seconds;
	cap_sign_by(&cap, NULL, &r->scene.bob);
	hand_hold(&r->scene.context, r->scene.object, &cap, 1);
	raid_start(r, r->scene.context.id);
	CHECK_EQ(test_join(r->thread), 0);
	CHECK_EQ(r->fault.error, TWZ_E_NOTFOUND);
	CHECK_EQ(why_of(r->scene.context.id, r->scene.object), RIGHT_EXPIRED);
	if (!*r->word)
		return INT64_MAX;
	cycles = *r->word - now;
	ns = cycles / minimal.sys.cycles_per_s * BARE_SECOND_NS +
	     cycles % minimal.sys.cycles_per_s * BARE_SECOND_NS / minimal.sys.cycles_per_s;
	return (int64_t)(now_ns + ns - cap.expires * BARE_SECOND_NS);
}

/* The host may stop a processor of the machine for longer, so it is tried until it does not. */
TEST(going_on_when_it_has_expired)
{
	const uint64_t begun = twz_rt_time_ns();
	uint64_t seconds = EXPIRES_S;
	int64_t late;
	struct raid r;

	raid_make(&r);
	do {
		late = late_ns(&r, seconds);
		seconds += late == INT64_MAX ? seconds : 0;
	} while (late > (int64_t)EXPIRES_NS && bare_patient(begun));
	CHECK(late <= (int64_t)EXPIRES_NS);
	raid_end(&r);
}

/* ---- grants ----------------------------------------------------------------------------------------- */

struct granting {
	struct twz_id object, lasting, own, other;
};

static int64_t grant_more(void *arg)
{
	struct granting *g = arg;

	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), READ_WRITE), TWZ_E_RIGHT);
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), TWZ_WRITE), TWZ_E_RIGHT);
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), TWZ_PERM_ALL), TWZ_E_RIGHT);
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), TWZ_PERM_ALL + 1), TWZ_E_ARG);
	CHECK_EQ(attack_store(&g->object), TWZ_E_RIGHT);
	/* What another has. */
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->other), TWZ_READ), TWZ_E_RIGHT);
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->other), 0), TWZ_E_RIGHT);
	/* For as long as the object lasts that would be, and nobody signed. */
	CHECK_EQ(SYS(right_grant, ID(g->lasting), ID(g->own), TWZ_READ), TWZ_E_TYPE);
	return 0;
}

static int64_t grant_nothing(void *arg)
{
	struct granting *g = arg;

	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), TWZ_READ), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(right_grant, ID(g->object), ID(g->own), 0), TWZ_E_NOTFOUND);
	return attack_stat(&g->object);
}

TEST(a_grant_of_more_than_one_has)
{
	struct granting g;
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	g = (struct granting){.object = s.object,
			      .lasting = user_object(&s.bob, TWZ_OBJECT_ENDING),
			      .own = s.context.id,
			      .other = s.bob.context.id};
	CHECK_EQ(test_run_as(s.context.id, grant_nothing, &g), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(right_grant, ID(s.object), ID(g.other), READ_WRITE), 0);
	cap = cap_for(&s.bob, s.bob.secret.id, s.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &s.bob);
	hand_hold(&s.context, s.bob.secret.id, &cap, 1);
	test_run_as(s.context.id, grant_more, &g);
	CHECK_EQ(rights_of(g.other, s.object), TWZ_PERM_ALL); /* bob's own key, and the grant */
	test_delete(g.lasting);
	scene_end(&s);
}

TEST(a_grant_that_survives_its_object)
{
	struct scene s;

	scene_make(&s);
	CHECK_EQ(SYS(right_grant, ID(s.object), ID(s.context.id), READ_WRITE), 0);
	CHECK_EQ(test_run_as(s.context.id, attack_store, &s.object), 0);
	test_delete(s.object);
	CHECK_EQ(test_run_as(s.context.id, attack_store, &s.object), TWZ_E_NOTFOUND);
	s.object = user_object(&s.bob, TWZ_OBJECT_VOLATILE);
	CHECK_EQ(test_run_as(s.context.id, attack_store, &s.object), TWZ_E_NOTFOUND);
	scene_end(&s);
}
