/*
 * service.c - services (twz/gate.h): calls, who calls, buffers, what must be refused, how a service goes on
 * when a call fails and what is seen of it when it ends. The service is tests/guest/run/echo.c.
 */
#include <twz/gate.h>

#include "rt/minimal/program.h"
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"
#include "tests/guest/echo.h"

#define MS 1000000ull

/* ---- services that run --------------------------------------------------------------------------- */

struct running {
	struct user user; /* whose context it is */
	struct twz_id thread;
	struct twz_service service; /* as we call it */
};

static struct twz_id start_echo(struct twz_id context, uint32_t nstacks, uint32_t flags)
{
	char text[TWZ_ID_TEXT], stacks[8], digit[2] = {(char)('0' + flags), 0};
	const char *argv[] = {"echo", text, stacks, digit, NULL};
	const struct twz_rt_program what = {.argv = argv};
	const struct twz_boot_entry *entry = program_find(argv[0]);
	struct twz_id thread = {0};

	twz_id_text(context, text);
	twz_format(stacks, sizeof(stacks), "%u", nstacks);
	if (CHECK(entry))
		CHECK_EQ(program_start(entry, &what, &thread), 0);
	return thread;
}

/* What a call says when it says anything else than that nobody serves there. */
static int opens(struct twz_id context, struct twz_service *service)
{
	const uint64_t begun = twz_rt_time_ns();
	int error;

	while (error = twz_service_at(context, ECHO_VERSION, service),
	       error == TWZ_E_NOTFOUND && bare_patient(begun))
		test_sleep(MS);
	return error;
}

static void begin_with(struct running *r, uint32_t nstacks, uint32_t flags)
{
	user_make(&r->user);
	r->thread = start_echo(r->user.context.id, nstacks, flags);
	CHECK_EQ(opens(r->user.context.id, &r->service), 0);
}

static void begin(struct running *r)
{
	begin_with(r, 4, TWZ_GATE_PUBLIC);
}

/* Its program; the context stays. */
static void end_program(struct running *r)
{
	CHECK_EQ(TWZ_CALL(&r->service, echo_end), 0);
	CHECK_EQ(bare_join(r->thread), 0);
}

static void end(struct running *r)
{
	end_program(r);
	twz_service_close(&r->service);
	user_end(&r->user);
}

/* An object of ours in memory, of one page, mapped; the service may do that with it. */
static struct twz_obj shared_with(const struct running *r, uint32_t perms)
{
	struct twz_obj obj = {0};

	CHECK_EQ(twz_obj_new(&(struct twz_new){.temporary = true, .bytes = TWZ_PAGE}, &obj), 0);
	if (perms)
		CHECK_EQ(twz_right_grant(obj.id, r->user.context.id, perms), 0);
	return obj;
}

static void end_object(struct twz_obj *obj)
{
	test_delete(obj->id);
	CHECK_EQ(twz_obj_recycle(obj), 0);
}

#define OBJ_ARGS(obj) (obj)->id.lo, (obj)->id.hi, TWZ_OBJ_DATA

/* ---- calls --------------------------------------------------------------------------------------- */

TEST(calls_with_up_to_five_numbers)
{
	struct running r;

	begin(&r);
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_one, 1), 101);
	CHECK_EQ(TWZ_CALL(&r.service, echo_two, 1, 10), 221);
	CHECK_EQ(TWZ_CALL(&r.service, echo_three, 1, 2, 3), 314);
	CHECK_EQ(TWZ_CALL(&r.service, echo_four, 1, 2, 3, 4), 430);
	CHECK_EQ(TWZ_CALL(&r.service, echo_five, 1, 2, 3, 4, 5), 555);
	CHECK_EQ(TWZ_CALL(&r.service, echo_one, (uint64_t)TWZ_E_FULL - 100), TWZ_E_FULL);
	CHECK_EQ(twz_service_call(&r.service, ECHO_GAP, (uint64_t[5]){0}), TWZ_E_CALLEE);
	CHECK_EQ(twz_service_call(&r.service, ECHO_LAST + 1, (uint64_t[5]){0}), TWZ_E_NOTFOUND);
	CHECK_EQ(TWZ_CALL(&r.service, echo_work), 0);
	end(&r);
}

struct asking {
	const struct twz_service *service;
	uint64_t argument[5];
	uint32_t call;
};

/* As whoever runs it. */
static int64_t ask(void *arg)
{
	const struct asking *a = arg;

	return twz_service_call(a->service, a->call, a->argument);
}

static int64_t ask_as(const struct user *user, const struct running *r, uint32_t call,
		      const struct twz_obj *obj, uint64_t d)
{
	struct asking a = {.service = &r->service, .call = call, .argument = {OBJ_ARGS(obj), d}};

	return attack_as(user, ask, &a);
}

TEST(a_service_is_told_who_calls)
{
	struct twz_rt_gate gate = {.entry = echo_who_call + 1};
	struct twz_obj obj;
	struct running r;
	struct user alice;
	struct echo_who *who;
	struct twz_rt_caller none;

	begin(&r);
	user_make(&alice);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE);
	who = twz_obj_data(&obj);
	CHECK_EQ(TWZ_CALL(&r.service, echo_who, OBJ_ARGS(&obj)), 0);
	CHECK(twz_id_equal(who->given, minimal.sys.context));
	CHECK(twz_id_equal(who->caller.context, minimal.sys.context));
	CHECK(twz_id_equal(who->caller.key, minimal.sys.key));
	CHECK(twz_id_equal(who->caller.thread, minimal.sys.thread));
	CHECK_EQ(who->caller.gate, 0);
	CHECK_EQ(who->caller.entry, gate.entry);
	CHECK_EQ(who->caller.depth, 1);
	CHECK_EQ(twz_right_grant(obj.id, alice.context.id, TWZ_READ | TWZ_WRITE), 0);
	CHECK_EQ(ask_as(&alice, &r, echo_who_call, &obj, 0), 0);
	CHECK(twz_id_equal(who->given, alice.context.id));
	CHECK(twz_id_equal(who->caller.key, alice.secret.id));
	CHECK(!twz_id_equal(who->caller.thread, minimal.sys.thread));
	CHECK_EQ(twz_rt_gate_caller(&none), TWZ_E_NOTFOUND);
	end_object(&obj);
	user_end(&alice);
	end(&r);
}

TEST(an_interface_of_another_version_is_refused)
{
	struct twz_service other;
	struct running r;

	begin(&r);
	CHECK_EQ(r.service.version, ECHO_VERSION);
	CHECK_EQ(twz_service_at(r.service.context, TWZ_VERSION(1, 0), &other), 0);
	CHECK_EQ(twz_service_at(r.service.context, TWZ_VERSION(1, 3), &other), TWZ_E_VERSION);
	CHECK_EQ(other.wanted, TWZ_VERSION(1, 3));
	CHECK_EQ(other.version, ECHO_VERSION);
	CHECK_EQ(twz_service_at(r.service.context, TWZ_VERSION(2, 0), &other), TWZ_E_VERSION);
	CHECK_EQ(twz_service_at(r.service.context, TWZ_VERSION(0, 9), &other), TWZ_E_VERSION);
	CHECK_EQ(twz_name_bind("service-test", r.service.context, 0), 0);
	CHECK_EQ(twz_service_open("service-test", ECHO_VERSION, &other), 0);
	CHECK_EQ(TWZ_CALL(&other, echo_one, 2), 102);
	CHECK_EQ(twz_name_unbind("service-test", 0), 0);
	CHECK_EQ(twz_service_open("service-test", ECHO_VERSION, &other), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_service_at(minimal.sys.boot, ECHO_VERSION, &other), TWZ_E_NOTFOUND);
	end(&r);
}

TEST(a_service_calls_another_one)
{
	struct running a, b;

	begin(&a);
	begin(&b);
	CHECK_EQ(TWZ_CALL(&a.service, echo_pass, TWZ_ID_ARGS(b.service.context), 23), 123);
	/* Itself too, while it has a stack. */
	CHECK_EQ(TWZ_CALL(&a.service, echo_pass, TWZ_ID_ARGS(a.service.context), 5000), TWZ_E_ARG);
	CHECK_EQ(TWZ_CALL(&a.service, echo_pass, TWZ_ID_ARGS(a.service.context), 4000), 4100);
	end(&b);
	CHECK_EQ(TWZ_CALL(&a.service, echo_pass, TWZ_ID_ARGS(b.service.context), 1),
		 TWZ_E_NOTFOUND);
	end(&a);
}

/* ---- buffers --------------------------------------------------------------------------------------- */

TEST(what_is_large_goes_by_buffers)
{
	struct twz_buffer buffer[TWZ_BUFFERS + 2], again;
	struct running r;

	begin(&r);
	for (uint32_t i = 0; i < TWZ_BUFFERS + 2; i++) {
		CHECK_EQ(twz_buffer_take(&r.service, 64, &buffer[i]), 0);
		twz_format(buffer[i].data, 64, "buffer %u", i);
	}
	for (uint32_t i = 0; i < TWZ_BUFFERS + 2; i++)
		CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&buffer[i]), 64), 0);
	CHECK(!strcmp(buffer[0].data, "BUFFER 0"));
	CHECK(!strcmp(buffer[TWZ_BUFFERS + 1].data, "BUFFER 9"));
	for (uint32_t i = 0; i < TWZ_BUFFERS + 2; i++)
		twz_buffer_give(&r.service, &buffer[i]);
	CHECK_EQ(twz_buffer_take(&r.service, 100000, &again), 0); /* a kept one that grows */
	CHECK_EQ(again.place, 0);
	memset(again.data, 'y', 100000);
	again.off += 99000;
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&again), 999), 0);
	CHECK(((char *)again.data)[98999] == 'y' && ((char *)again.data)[99000] == 'Y');
	CHECK(((char *)again.data)[99998] == 'Y' && ((char *)again.data)[99999] == 'y');
	again.off = TWZ_SLOT_SIZE - 10;
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&again), 11), TWZ_E_RANGE);
	again.off = ~0ull;
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&again), 2), TWZ_E_RANGE);
	again.off = 0; /* where nothing ever is */
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&again), 2), TWZ_E_NOTFOUND);
	twz_buffer_give(&r.service, &again);
	CHECK_EQ(twz_buffer_take(&r.service, TWZ_SLOT_SIZE, &again), TWZ_E_RANGE);
	end(&r);
}

/* What the caller may do the service does only if it may itself, and tells of it. */
TEST(what_a_service_was_not_granted_is_an_error)
{
	struct twz_obj obj;
	struct running r;

	begin(&r);
	obj = shared_with(&r, 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, OBJ_ARGS(&obj), 8), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_right_grant(obj.id, r.service.context, TWZ_READ), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, OBJ_ARGS(&obj), 8), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_right_grant(obj.id, r.service.context, TWZ_READ | TWZ_WRITE), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, OBJ_ARGS(&obj), 8), 0);
	CHECK_EQ(twz_rt_limit(obj.id, TEST_DATA_PAGE, 1, TWZ_READ), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, OBJ_ARGS(&obj), 8), TWZ_E_NOTFOUND);
	test_delete(obj.id);
	CHECK_EQ(TWZ_CALL(&r.service, echo_upper, OBJ_ARGS(&obj), 8), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_obj_recycle(&obj), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), 0);
	end(&r);
}

/* The confused deputy: mallory has the service do what it may and she may not. */
TEST(what_the_caller_may_not_do_is_not_done_for_it)
{
	struct twz_obj obj;
	struct running r;
	struct user mallory;
	uint64_t *word;

	begin(&r);
	user_make(&mallory);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE); /* ours */
	word = twz_obj_data(&obj);
	*word = 'a';
	CHECK_EQ(ask_as(&mallory, &r, echo_upper_call, &obj, 8), TWZ_E_NOTFOUND);
	CHECK_EQ(ask_as(&mallory, &r, echo_mark_call, &obj, 1), TWZ_E_NOTFOUND);
	CHECK_EQ(ask_as(&mallory, &r, echo_load_call, &obj, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(ask_as(&mallory, &r, echo_upper_call, &r.user.context, 8), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_right_grant(obj.id, mallory.context.id, TWZ_READ), 0);
	CHECK_EQ(ask_as(&mallory, &r, echo_mark_call, &obj, 1), TWZ_E_RIGHT);
	CHECK_EQ(ask_as(&mallory, &r, echo_upper_call, &obj, 8), TWZ_E_RIGHT);
	CHECK_EQ(*word, 'a');
	CHECK_EQ(twz_right_grant(obj.id, mallory.context.id, TWZ_READ | TWZ_WRITE), 0);
	CHECK_EQ(ask_as(&mallory, &r, echo_upper_call, &obj, 8), 0);
	CHECK_EQ(*word, 'A');
	end_object(&obj);
	user_end(&mallory);
	end(&r);
}

static uint32_t stop;

/* Makes the count large and small again, and the numbers different ones. */
static void changes(uint64_t arg)
{
	struct echo_sum *sum = (struct echo_sum *)arg;

	for (uint64_t i = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		__atomic_store_n(&sum->count, i % 2 ? ~0ull >> i % 60 : ECHO_NUMBERS,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&sum->number[i % ECHO_NUMBERS], i % 1000 << 32 | i % 1000,
				 __ATOMIC_RELAXED);
	}
}

TEST(a_buffer_that_changes_while_it_is_looked_at)
{
	struct test_thread *thread;
	struct twz_buffer buffer;
	struct running r;
	uint64_t good = 0, bad = 0, begun;

	begin(&r);
	CHECK_EQ(twz_buffer_take(&r.service, sizeof(struct echo_sum), &buffer), 0);
	stop = 0;
	thread = test_thread(changes, (uint64_t)buffer.data);
	begun = twz_rt_time_ns();
	while (twz_rt_time_ns() - begun < BARE_SECOND_NS ||
	       (!(good && bad) && bare_patient(begun))) {
		int64_t sum = TWZ_CALL(&r.service, echo_sum, TWZ_BUFFER_ARGS(&buffer));

		if (sum != TWZ_E_ARG && !CHECK(sum >= 0 && sum < 1000 * ECHO_NUMBERS))
			break;
		good += sum >= 0;
		bad += sum < 0;
	}
	CHECK(good && bad);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	test_join(thread);
	twz_buffer_give(&r.service, &buffer);
	end(&r);
}

#define MANY 12u
#define MANY_CALLS 150u

/* Its own text in a buffer of its own comes back in capitals, each time. */
static void calls_often(uint64_t arg)
{
	struct running *r = (struct running *)arg;
	const uint32_t self = (uint32_t)SYS(self, 0);
	char text[64], upper[64];

	for (uint32_t i = 0; i < MANY_CALLS; i++) {
		struct twz_buffer buffer;

		twz_format(text, sizeof(text), "thread %u call %u", self, i);
		twz_format(upper, sizeof(upper), "THREAD %u CALL %u", self, i);
		if (!CHECK_EQ(twz_buffer_take(&r->service, sizeof(text), &buffer), 0))
			return;
		memcpy(buffer.data, text, sizeof(text));
		CHECK_EQ(TWZ_CALL(&r->service, echo_upper, TWZ_BUFFER_ARGS(&buffer), sizeof(text)),
			 0);
		CHECK(!strcmp(buffer.data, upper));
		twz_buffer_give(&r->service, &buffer);
		CHECK_EQ(TWZ_CALL(&r->service, echo_two, self, i), 200 + self + 2 * i);
	}
}

/* More than there are stacks, and buffers that are kept. */
TEST(many_call_at_once)
{
	struct test_thread *thread[MANY];
	struct running r;

	begin(&r);
	for (unsigned i = 0; i < MANY; i++)
		thread[i] = test_thread(calls_often, (uint64_t)&r);
	for (unsigned i = 0; i < MANY; i++)
		test_join(thread[i]);
	end(&r);
}

/* ---- pointers ---------------------------------------------------------------------------------------- */

TEST(a_pointer_leads_where_the_caller_may_go)
{
	typedef twz_ptr(uint64_t) pointer;
	struct twz_obj holder, target;
	struct running r;
	struct user alice;
	uint64_t *number;
	pointer *p;

	begin(&r);
	user_make(&alice);
	holder = shared_with(&r, TWZ_READ);
	target = shared_with(&r, TWZ_READ);
	p = twz_obj_data(&holder);
	number = twz_obj_data(&target);
	*number = 42;
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), 0); /* null */
	CHECK_EQ(twz_set(p, number), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), 42);
	CHECK_EQ(twz_right_grant(holder.id, alice.context.id, TWZ_READ | TWZ_WRITE), 0);
	CHECK_EQ(ask_as(&alice, &r, echo_load_call, &holder, 0), TWZ_E_NOTFOUND);
	CHECK_EQ(twz_right_grant(target.id, alice.context.id, TWZ_READ), 0);
	CHECK_EQ(ask_as(&alice, &r, echo_load_call, &holder, 0), 42);
	p->raw = TWZ_OBJ_DATA + 8; /* in the holder itself */
	*((uint64_t *)p + 1) = 43;
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), 43);
	p->raw = ptr_make(7, TWZ_OBJ_DATA); /* no such entry */
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), TWZ_E_UNRESOLVED);
	p->raw = ~0ull;
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), TWZ_E_UNRESOLVED);
	p->raw = TWZ_SLOT_SIZE;
	CHECK_EQ(TWZ_CALL(&r.service, echo_load, OBJ_ARGS(&holder)), TWZ_E_RANGE);
	end_object(&holder);
	end_object(&target);
	user_end(&alice);
	end(&r);
}

/* ---- stacks ------------------------------------------------------------------------------------------ */

struct holding {
	const struct running *r;
	struct twz_obj *obj;
	int64_t result;
};

static void holds(uint64_t arg)
{
	struct holding *h = (struct holding *)arg;

	h->result = TWZ_CALL(&h->r->service, echo_hold, OBJ_ARGS(h->obj));
}

static void let_go(struct echo_hold *hold)
{
	__atomic_store_n(&hold->go, 1, __ATOMIC_RELEASE);
	twz_rt_wake(&hold->go, ~0u);
}

TEST(as_many_are_inside_as_there_are_stacks)
{
	struct test_thread *thread[3];
	struct holding holding[3];
	struct echo_hold *hold;
	struct twz_obj obj;
	struct running r;

	begin_with(&r, 2, TWZ_GATE_PUBLIC);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE);
	hold = twz_obj_data(&obj);
	for (unsigned i = 0; i < 3; i++) {
		holding[i] = (struct holding){&r, &obj, -1};
		thread[i] = test_thread(holds, (uint64_t)&holding[i]);
	}
	bare_reaches(&hold->inside, 2);
	r.service.flags = TWZ_GATE_NOWAIT;
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), TWZ_E_BUSY);
	r.service.flags = 0;
	test_sleep(20 * MS);
	CHECK_EQ(hold->inside, 2); /* the third waits outside */
	let_go(hold);
	for (unsigned i = 0; i < 3; i++) {
		test_join(thread[i]);
		CHECK_EQ(holding[i].result, 0);
	}
	CHECK_EQ(hold->inside, 3);
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), 0);
	end_object(&obj);
	end(&r);
}

/* It is ended when it is back: the service's stack is free again, and nothing of its locks is held. */
TEST(a_caller_is_ended_when_it_is_back)
{
	struct test_thread *thread;
	struct holding holding;
	struct echo_hold *hold;
	struct twz_obj obj;
	struct running r;

	begin_with(&r, 1, TWZ_GATE_PUBLIC);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE);
	hold = twz_obj_data(&obj);
	holding = (struct holding){&r, &obj, -1};
	thread = test_thread(holds, (uint64_t)&holding);
	bare_reaches(&hold->inside, 1);
	CHECK_EQ(twz_rt_thread_end(test_thread_id(thread), 9), 0);
	test_sleep(20 * MS);
	CHECK(bare_look(test_thread_id(thread)).state != TWZ_THREAD_ENDED);
	r.service.flags = TWZ_GATE_NOWAIT;
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), TWZ_E_BUSY);
	r.service.flags = 0;
	let_go(hold);
	CHECK_EQ(test_join(thread), 9);
	CHECK_EQ(holding.result, -1);
	CHECK_EQ(TWZ_CALL(&r.service, echo_none), 0);
	end_object(&obj);
	end(&r);
}

/*
 * False: on a busy host it took so long on its way in. Then it was ended there, perhaps with a lock: so is all of the
 * service.
 */
static bool takes_too_long(uint64_t timeout_ns)
{
	const struct echo_hold *hold;
	struct twz_obj obj;
	struct running r;
	uint32_t inside = 0;

	begin_with(&r, 1, TWZ_GATE_PUBLIC | TWZ_GATE_ABORTABLE);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE);
	hold = twz_obj_data(&obj);
	for (uint32_t i = 1; i <= 5; i++) {
		r.service.timeout_ns = timeout_ns;
		CHECK_EQ(TWZ_CALL(&r.service, echo_hold, OBJ_ARGS(&obj)), TWZ_E_TIMEOUT);
		inside = hold->inside;
		if (inside < i)
			break;
		r.service.timeout_ns = ~0ull;
		CHECK_EQ(TWZ_CALL(&r.service, echo_one, i), 100 + i);
	}
	end_object(&obj);
	CHECK_EQ(SYS(thread_kill, ID(r.thread), 9), 0);
	CHECK_EQ(bare_join(r.thread), 9);
	twz_service_close(&r.service);
	user_end(&r.user);
	return inside == 5;
}

/* Only of who says that it can end anywhere. */
TEST(a_call_that_takes_too_long)
{
	struct echo_hold *hold;
	struct twz_obj obj;
	struct running r;

	begin(&r);
	obj = shared_with(&r, TWZ_READ | TWZ_WRITE);
	hold = twz_obj_data(&obj);
	r.service.timeout_ns = 20 * MS;
	CHECK_EQ(TWZ_CALL(&r.service, echo_hold, OBJ_ARGS(&obj)), TWZ_E_ARG);
	CHECK_EQ(hold->inside, 0);
	r.service.timeout_ns = ~0ull;
	end_object(&obj);
	end(&r);
	for (uint64_t ns = 20 * MS; !takes_too_long(ns); ns *= 2)
		if (!CHECK(ns < BARE_PATIENCE_NS))
			break;
}

/* ---- failures ---------------------------------------------------------------------------------------- */

TEST(a_fault_ends_the_call_and_the_service_goes_on)
{
	static const char how[] = "ndise";
	struct running r;

	begin_with(&r, 2, TWZ_GATE_PUBLIC);
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(TWZ_CALL(&r.service, echo_fail, how[i % (sizeof(how) - 1)]), TWZ_E_CALLEE);
	CHECK_EQ(TWZ_CALL(&r.service, echo_one, 1), 101);
	CHECK_EQ(TWZ_CALL(&r.service, echo_work), 0);
	end(&r);
}

TEST(a_service_that_ends_is_not_there_until_it_is_started_again)
{
	struct twz_service again;
	struct twz_buffer buffer;
	struct running r;

	begin(&r);
	CHECK_EQ(twz_buffer_take(&r.service, 8, &buffer), 0);
	memcpy(buffer.data, "restart", 8);
	for (unsigned i = 0; i < 3; i++) {
		end_program(&r);
		CHECK_EQ(TWZ_CALL(&r.service, echo_none), TWZ_E_NOTFOUND);
		CHECK_EQ(twz_service_at(r.service.context, ECHO_VERSION, &again), TWZ_E_NOTFOUND);
		r.thread = start_echo(r.service.context, 1 + i, TWZ_GATE_PUBLIC);
		CHECK_EQ(opens(r.service.context, &again), 0);
		CHECK_EQ(TWZ_CALL(&r.service, echo_upper, TWZ_BUFFER_ARGS(&buffer), 8), 0);
	}
	CHECK(!strcmp(buffer.data, "RESTART"));
	twz_buffer_give(&r.service, &buffer);
	end(&r);
}

TEST(without_being_public_a_service_takes_a_right_to_enter)
{
	struct running r;

	user_make(&r.user);
	r.thread = start_echo(r.user.context.id, 1, 0);
	CHECK_EQ(opens(r.user.context.id, &r.service), TWZ_E_RIGHT);
	CHECK_EQ(twz_context_attach(r.user.context.id, 0),
		 0); /* who may use the context needs none */
	CHECK_EQ(opens(r.user.context.id, &r.service), 0);
	CHECK_EQ(TWZ_CALL(&r.service, echo_one, 1), 101);
	end_program(&r);
	CHECK_EQ(twz_context_detach(r.user.context.id), 0);
	user_end(&r.user);
}
