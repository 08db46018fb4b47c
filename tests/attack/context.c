/* context.c - attempts to use, publish or exchange contexts that are another's, or none. */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define VICTIM_PAGES 1000u
#define TRIES 40u
#define CALLS 32u /* of a try, one after the other: one of them is in its middle most of the time */
#define WHOLE \
	2u /* the first of them: one waits for a signature, the other says how long a call takes */
#define STUB_SLOT (TEST_SLOT + 20)
#define ALL_RIGHTS (TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC)

static int64_t attach(struct twz_id context)
{
	return SYS(context_attach, ID(context), TWZ_ATTACH_ACTIVE);
}

static int64_t thread_in(struct twz_id context)
{
	const struct twz_sys_thread new = {
		.context = context, .entry = TWZ_PAGE, .stack = TWZ_PAGE, .name = "attack"};
	struct twz_id id;

	return SYS(thread_new, &new, &id);
}

static int64_t explain(struct twz_id object, struct twz_id context)
{
	struct twz_rt_answer answer;

	return SYS(right_explain, ID(object), ID(context), &answer);
}

static struct twz_id own_context(void)
{
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	return info.context;
}

/* ---- contexts of others ----------------------------------------------------------------------------- */

static int64_t use_nothing(void *arg)
{
	struct twz_id *id = arg;

	CHECK_EQ(attach(*id), TWZ_E_NOTFOUND);
	CHECK_EQ(thread_in(*id), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_publish, ID(*id)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_switch, ID(*id)), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_detach, ID(*id)), TWZ_E_NOTFOUND);
	CHECK_EQ(explain(own_context(), *id), TWZ_E_NOTFOUND);
	return 0;
}

static int64_t use_all_but_use(void *arg)
{
	struct twz_id *id = arg;

	CHECK_EQ(attach(*id), TWZ_E_RIGHT);
	CHECK_EQ(thread_in(*id), TWZ_E_RIGHT);
	CHECK_EQ(SYS(context_switch, ID(*id)), TWZ_E_RIGHT);
	return 0;
}

static int64_t write_without_write(void *arg)
{
	struct twz_id *id = arg;

	CHECK_EQ(SYS(context_publish, ID(*id)), TWZ_E_RIGHT);
	CHECK_EQ(attack_store(id), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_drop, ID(*id), TEST_DATA_PAGE, 1), TWZ_E_RIGHT);
	return 0;
}

/* Bob gives the scene's context that much of one of his. */
static void try_context(struct scene *s, const struct twz_obj *context, uint32_t perms,
			int64_t (*attack)(void *arg))
{
	struct twz_id id = context->id;
	struct twz_cap cap = cap_for(&s->bob, id, s->context.id, perms);

	cap_sign_by(&cap, NULL, &s->bob);
	hand_hold(&s->context, id, &cap, perms ? 1 : 0);
	test_run_as(s->context.id, attack, &id);
}

TEST(a_context_of_anothers)
{
	struct twz_obj context;
	struct scene s;

	scene_make(&s);
	user_context(&s.bob, &context);
	try_context(&s, &context, 0, use_nothing);
	try_context(&s, &context, TWZ_PERM_ALL & ~(uint32_t)TWZ_USE, use_all_but_use);
	try_context(&s, &context, TWZ_READ | TWZ_USE, write_without_write);
	context_end(&context);
	scene_end(&s);
}

static int64_t use_what_is_none(void *arg)
{
	struct twz_id *id = arg;

	CHECK_EQ(attach(*id), TWZ_E_TYPE);
	CHECK_EQ(thread_in(*id), TWZ_E_TYPE);
	CHECK_EQ(SYS(context_publish, ID(*id)), TWZ_E_TYPE);
	CHECK_EQ(explain(*id, *id), TWZ_E_TYPE);
	return 0;
}

TEST(what_is_no_context_as_one)
{
	struct scene s;
	struct twz_id id;

	scene_make(&s);
	id = user_object(&s.mallory, TWZ_OBJECT_VOLATILE);
	attack_as(&s.mallory, use_what_is_none, &id);
	attack_as(&s.mallory, use_what_is_none, &s.mallory.secret.id);
	test_delete(id);
	scene_end(&s);
}

/* More pages than a snapshot may have: the kernel would copy for as long as it pleased her. */
TEST(a_context_larger_than_may_be)
{
	const uint64_t page = TEST_DATA_PAGE, most = 4096;
	struct twz_id id = test_object_of(TWZ_TYPE_CONTEXT, TEST_PERMS, TWZ_OBJECT_VOLATILE),
		      one = test_object(TWZ_OBJECT_VOLATILE);
	uint8_t *at = test_map(STUB_SLOT, one, TWZ_VIEW_READ | TWZ_VIEW_WRITE);

	/* All the same page. */
	at[TWZ_OBJ_DATA] = 1;
	for (uint64_t i = 0; i < most; i++)
		CHECK_EQ(twz_rt_copy(id, page + i, one, page, 1), 0);
	CHECK_EQ(SYS(context_publish, ID(id)), 0);
	CHECK_EQ(twz_rt_copy(id, page + most, one, page, 1), 0);
	CHECK_EQ(SYS(context_publish, ID(id)), TWZ_E_LIMIT);
	test_unmap(STUB_SLOT);
	test_delete(one);
	test_delete(id);
}

/* ---- her own ---------------------------------------------------------------------------------------- */

/* She may write and publish the context that she runs in. */
static int64_t write_oneself(void *arg)
{
	struct scene *s = arg;
	struct twz_cap cap = scene_cap(s, TWZ_PERM_ALL);

	cap.signer = s->mallory.secret.id;
	cap_sign_blind(&cap, &s->mallory);
	hand_hold(&s->context, s->object, &cap, 1);
	CHECK_EQ(SYS(context_publish, ID(s->context.id)), 0);
	return attack_load(&s->object);
}

TEST(a_context_that_writes_itself)
{
	struct scene s;
	struct twz_cap cap;

	scene_make(&s);
	cap = cap_for(&s.mallory, s.mallory.secret.id, s.context.id, TWZ_PERM_ALL);
	cap_sign_by(&cap, NULL, &s.mallory);
	hand_hold(&s.context, s.mallory.secret.id, &cap, 1);
	CHECK_EQ(test_run_as(s.context.id, write_oneself, &s), TWZ_E_NOTFOUND);
	scene_end(&s);
}

/* ---- exchanged -------------------------------------------------------------------------------------- */

/*
 * A call on a large context is done in steps, with the context that it is about kept in between. She is
 * allowed the call on bob's, which only reads it, breaks it off in the middle, by taking away the page
 * that the call stands in, and attaches to one of hers: which is it that she is attached to then?
 */
struct exchange {
	struct scene scene;
	struct twz_obj own;
	struct twz_id victim;
	uint32_t round, begun, done; /* of the tries; the first come to their end, */
	uint64_t took_ns;            /* in so much time */
	uint32_t broken_off;         /* calls that did not */
	bool stop;
};

static int64_t call_through(const void *stub, struct twz_id id, void *out)
{
	uint64_t lo = id.lo, hi = id.hi, of_lo = id.lo;
	register uint64_t r10 __asm__("r10") = hi;
	register uint64_t r8 __asm__("r8") = (uint64_t)out;
	int64_t result = TWZ_SYS(right_explain);

	__asm__ volatile("sub $128, %%rsp; call *%[stub]; add $128, %%rsp"
			 : "+a"(result), "+D"(lo), "+S"(hi), "+d"(of_lo), "+r"(r10), "+r"(r8)
			 : [stub] "b"(stub)
			 : "rcx", "r11", "memory");
	return result;
}

static void explain_victim(void *arg)
{
	struct exchange *x = arg;
	struct twz_rt_answer answer;

	__atomic_store_n(&x->begun, x->round, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < CALLS; i++)
		call_through(test_address(STUB_SLOT) + TWZ_OBJ_DATA, x->victim, &answer);
}

/* After the call was broken off. */
static void attach_own(struct exchange *x)
{
	CHECK_EQ(attach(x->own.id), 0);
	CHECK(twz_id_equal(own_context(), x->own.id));
	CHECK_EQ(attack_load(&x->scene.object), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(context_detach, ID(x->own.id)), 0);
}

static void exchange(uint64_t arg)
{
	struct exchange *x = (struct exchange *)arg;
	struct twz_fault fault;

	for (uint32_t i = 1;; i++) {
		uint64_t began;

		bare_reaches(&x->round, i);
		if (x->stop)
			break;
		began = twz_rt_time_ns();
		test_attempt(&fault, explain_victim, x);
		x->took_ns = i <= WHOLE ? twz_rt_time_ns() - began : x->took_ns;
		if (fault.kind) {
			x->broken_off++;
			attach_own(x);
		}
		__atomic_store_n(&x->done, i, __ATOMIC_RELEASE);
	}
}

/* A large context of bob's that may read his object, and which she may read. */
static void victim_make(struct exchange *x)
{
	const struct twz_sys_new new = {.type = TWZ_TYPE_CONTEXT,
					.key = x->scene.bob.secret.id,
					.flags = TWZ_OBJECT_VOLATILE};
	struct twz_cap cap;
	struct twz_obj victim;

	CHECK_EQ(SYS(object_new, &new, &x->victim), 0);
	CHECK_EQ(twz_obj_open(x->victim, &victim), 0);
	CHECK_EQ(SYS(object_touch, twz_obj_data(&victim), VICTIM_PAGES * TWZ_PAGE), 0);
	cap = cap_for(&x->scene.bob, x->scene.object, x->victim, TWZ_READ);
	cap_sign_by(&cap, NULL, &x->scene.bob);
	hand_hold(&victim, x->scene.object, &cap, 1);
	CHECK_EQ(twz_obj_recycle(&victim), 0);
	test_program(x->victim, true);
	CHECK_EQ(rights_of(x->victim, x->scene.object), TWZ_READ);
	cap = cap_for(&x->scene.bob, x->victim, x->scene.mallory.context.id, TWZ_READ);
	cap_sign_by(&cap, NULL, &x->scene.bob);
	context_add(&x->scene.mallory.context, &cap, 1);
	context_publish(&x->scene.mallory.context);
}

static void exchange_make(struct exchange *x)
{
	const struct user *mallory = &x->scene.mallory;
	struct twz_cap cap;

	*x = (struct exchange){0};
	scene_make(&x->scene);
	user_context(mallory, &x->own);
	cap = cap_for(mallory, mallory->secret.id, x->own.id, TWZ_PERM_ALL);
	cap_sign_by(&cap, NULL, mallory);
	context_add(&x->own, &cap, 1);
	test_program(x->own.id, true);
	victim_make(x);
}

static void exchange_end(struct exchange *x)
{
	test_program(x->own.id, false);
	context_end(&x->own);
	test_program(x->victim, false);
	test_delete(x->victim);
	scene_end(&x->scene);
}

/* At some moment of the time that the call takes. */
static void break_off(const struct exchange *x, uint32_t i)
{
	uint64_t until;

	while (__atomic_load_n(&x->begun, __ATOMIC_ACQUIRE) < i)
		;
	until = twz_rt_time_ns() + x->took_ns * (i % TRIES) / (2 * TRIES);
	while (twz_rt_time_ns() < until)
		;
	test_unmap(STUB_SLOT);
}

TEST(a_context_exchanged_in_the_middle_of_a_call)
{
	static const uint8_t syscall_ret[] = {0x0f, 0x05, 0xc3};
	struct twz_id stub = test_object_of(
		TWZ_TYPE_DATA, TWZ_READ | TWZ_WRITE | TWZ_EXEC | TWZ_DELETE, TWZ_OBJECT_VOLATILE);
	const uint64_t begun = twz_rt_time_ns();
	struct test_thread *thread;
	struct exchange x;
	uint32_t i;

	exchange_make(&x);
	thread = test_thread_as(x.scene.mallory.context.id, exchange, (uint64_t)&x);
	/* On a busy host all moments may fall between calls: then there are more. */
	for (i = 1; i <= TRIES || (!x.broken_off && bare_patient(begun)); i++) {
		uint8_t *at = test_map(STUB_SLOT, stub, ALL_RIGHTS);

		memcpy(at + TWZ_OBJ_DATA, syscall_ret, sizeof(syscall_ret));
		__atomic_store_n(&x.round, i, __ATOMIC_RELEASE);
		if (i > WHOLE)
			break_off(&x, i);
		bare_reaches(&x.done, i);
	}
	x.stop = true;
	__atomic_store_n(&x.round, i, __ATOMIC_RELEASE);
	CHECK_EQ(test_join(thread), 0);
	CHECK(x.broken_off);
	exchange_end(&x);
	test_unmap(STUB_SLOT);
	test_delete(stub);
}
