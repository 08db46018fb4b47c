/*
 * contexts.c - programs in contexts: what they have there, what is given to them and taken back, and that
 * they cannot leave what they may not leave.
 *
 * It runs itself in roles, as a program in another context. A role's status says how it went: 0, or the number
 * of its first check that was not so.
 */
#include <string.h>
#include <twz/right.h>

#include "core/right.h"
#include "lib/ns.h"
#include "tests/guest/test.h"

#define SECOND 1000000000ull
#define PATIENCE (200 * SECOND) /* only what hangs takes so long */
#define STATUS_DIES 139         /* of a fault */

/* ---- roles --------------------------------------------------------------------------------------- */

static int checks, wrong;

static void is(bool good)
{
	checks++;
	if (!good && !wrong)
		wrong = checks;
}

static struct twz_id id_of(const char *text)
{
	struct twz_id id = {0, 0};

	twz_id_parse(text, &id);
	return id;
}

static bool equal(struct twz_id a, struct twz_id b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* In its owner's context, which has all rights to what is its owner's; the object is the system's. */
static int role_owner(struct twz_id in, struct twz_id of)
{
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_rt_answer answer;
	struct twz_rt_stat stat;
	struct twz_obj made;

	is(equal(info->context, in));
	is(!twz_id_none(info->key));
	is(twz_rt_may(of, 0) == TWZ_E_NOTFOUND);
	is(twz_obj_stat(of, &stat) == TWZ_E_NOTFOUND);
	is(!twz_obj_new(&(struct twz_new){.ending = true}, &made));
	is(!twz_obj_stat(made.id, &stat) && equal(stat.identity.key, info->key) &&
	   !stat.identity.perms);
	is(!twz_rt_may(made.id, TWZ_PERM_ALL));
	is(!twz_right_explain(made.id, (struct twz_id){0, 0}, &answer) &&
	   answer.effective == TWZ_PERM_ALL);
	is(twz_rt_register((void (*)(uint64_t))1, 0) == TWZ_E_RIGHT);
	is(twz_rt_power(TWZ_POWER_OFF, 0) == TWZ_E_RIGHT);
	is(!twz_obj_delete(made.id));
	return wrong;
}

static struct twz_fault seen;
static struct twz_id touched;

/* Ends the program: 0 if the fault was of the kind that is expected. */
static bool look(const struct twz_fault *fault, void *arg)
{
	(void)arg;
	seen = *fault;
	is(seen.kind == TWZ_FAULT_RIGHT && seen.error == TWZ_E_RIGHT);
	is(equal(seen.object, touched) && seen.access == TWZ_VIEW_WRITE);
	twz_rt_exit(wrong);
}

/* The object was granted, to be read: what is read is there, and a store is told of. */
static int role_reads(struct twz_id in, struct twz_id of)
{
	struct twz_rt_answer answer;
	struct twz_obj obj;
	uint64_t *word;

	(void)in;
	is(!twz_right_explain(of, (struct twz_id){0, 0}, &answer));
	is(answer.effective == TWZ_READ && answer.reason[0].why == RIGHT_GRANT);
	is(twz_rt_may(of, TWZ_READ | TWZ_WRITE) == TWZ_E_RIGHT);
	is(twz_right_grant(of, in, TWZ_READ | TWZ_WRITE) == TWZ_E_RIGHT);
	is(!twz_obj_open(of, &obj));
	word = twz_obj_data(&obj);
	is(*word == 42);
	touched = of;
	twz_rt_on_fault(look, NULL);
	*word = 43;
	return 118;
}

static int role_silent(struct twz_id in, struct twz_id of)
{
	(void)in, (void)of;
	is(twz_rt_write(1, "x", 1) == TWZ_E_NOTFOUND);
	is(!twz_rt_terminal(1));
	is(!twz_rt_line(""));
	return wrong;
}

/* Leaves the context, and with it the right to its memory. Only one that it cannot leave is left to it. */
static int role_leaves(struct twz_id in, struct twz_id of)
{
	(void)of;
	is(twz_context_detach(in) == TWZ_E_BUSY);
	return wrong;
}

/* Goes over to a context of the same owner that has nothing but what is granted to it. */
static int role_switches(struct twz_id in, struct twz_id of)
{
	static const uint32_t slots[] = {TWZ_SLOT_DATA, TWZ_SLOT_STACK, TWZ_SLOT_SHADOW,
					 TWZ_SLOT_VIEW};
	const struct twz_rt_info *info = twz_rt_info();
	struct twz_id key = info->key;

	is(twz_context_switch(of) == TWZ_E_NOTFOUND);
	is(!twz_context_attach(of, 0));
	is(twz_context_attach(of, 0) == TWZ_E_EXISTS);
	is(equal(info->context, in));
	for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		is(!twz_right_grant(info->view[slots[i]].id, of, TWZ_READ | TWZ_WRITE));
	is(!twz_context_switch(of));
	is(equal(info->context, of) && equal(info->key, key));
	is(twz_rt_may(in, 0) == TWZ_E_NOTFOUND);
	is(twz_context_detach(in) == 0);
	is(twz_context_detach(in) == TWZ_E_NOTFOUND);
	return wrong;
}

static int role_here(struct twz_id in, struct twz_id of)
{
	(void)in, (void)of;
	return 0;
}

#define LOOKS_UP 1u /* what the role stores in the object that it tells by */
static struct twz_id told;

/*
 * May only read the namespace, which somebody has: tells that it has seen that, and waits until it is given back, or
 * its owner is found dead.
 */
static int role_looks_up(struct twz_id in, struct twz_id of)
{
	struct twz_obj tell;
	struct twz_id id;
	struct ns ns;

	(void)in;
	is(!ns_open(of, &ns));
	is(__atomic_load_n(&((struct twz_meta *)(ns.obj.base + TWZ_OBJ_META))->log.lock,
			   __ATOMIC_RELAXED));
	is(!twz_obj_open(told, &tell));
	__atomic_store_n((uint64_t *)twz_obj_data(&tell), LOOKS_UP, __ATOMIC_RELEASE);
	is(ns_lookup(&ns, (struct ns_name){"x", 1}, &id) == TWZ_E_NOTFOUND);
	return wrong;
}

/* Ends having it. */
static int role_has(struct twz_id in, struct twz_id of)
{
	static struct twz_tx tx;
	struct ns ns;

	(void)in;
	is(!ns_open(of, &ns));
	twz_tx_begin(&tx);
	is(!twz_tx_add(&tx, ns.obj.base));
	return wrong;
}

static const struct {
	const char *name;
	int (*run)(struct twz_id in, struct twz_id of);
} roles[] = {{"here", role_here},         {"owner", role_owner},   {"reads", role_reads},
	     {"silent", role_silent},     {"leaves", role_leaves}, {"switches", role_switches},
	     {"looks up", role_looks_up}, {"has", role_has}};

/* ---- a user -------------------------------------------------------------------------------------- */

static unsigned passed, failed;

static void check(bool good)
{
	passed += good;
	failed += !good;
}
#define IS(what) check(CHECK(what))
#define IS_EQ(a, b) check(CHECK_EQ(a, b))

/* A pair of keys, and two contexts of its owner's: one has all that is made under it, one nothing. */
static struct twz_secret secret;
static struct twz_obj boot, context, bare;
static struct twz_id object; /* in memory, the system's, shown in TEST_SLOT */

/* The context may do everything to what is made under the key. */
static void allow(const struct twz_obj *to)
{
	struct twz_cap cap = {.perms = TWZ_PERM_ALL,
			      .flags = TWZ_CAP_KEY,
			      .target = secret.id,
			      .accessor = to->id};

	IS_EQ(twz_cap_sign(&cap, NULL, &secret), 0);
	IS_EQ(twz_context_add(to, &cap, 1), 0);
	IS_EQ(twz_context_publish(to), 0);
}

static void begin(void)
{
	const struct twz_sys_new new = {.key = minimal.sys.key, .flags = TWZ_OBJECT_VOLATILE};
	struct twz_context_new its = {.global_mask = TWZ_PERM_ALL, .ending = true};

	twz_secret_new(&secret);
	IS_EQ(twz_key_make(secret.key, &secret.id), 0);
	IS_EQ(twz_context_open(minimal.sys.context, &boot), 0);
	allow(&boot); /* to make something under that key, and to run programs in its contexts */
	its.key = secret.id;
	IS_EQ(twz_context_make(&its, &context), 0);
	IS_EQ(twz_context_make(&its, &bare), 0);
	allow(&context);
	IS_EQ(SYS(object_new, &new, &object), 0);
	*(uint64_t *)(test_map(TEST_SLOT, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA) =
		42;
}

static void end(void)
{
	test_unmap(TEST_SLOT);
	test_delete(object);
	test_delete(context.id);
	test_delete(bare.id);
	IS_EQ(twz_obj_recycle(&context), 0); /* or the key would still be in use */
	IS_EQ(twz_obj_recycle(&bare), 0);
	IS_EQ(twz_context_remove(&boot, secret.id), 0);
	test_delete(secret.id);
	IS_EQ(twz_context_publish(&boot), 0);
}

/* ---- what is expected ---------------------------------------------------------------------------- */

/* The role's status; or a negative error. */
static int run_in(struct twz_id in, const char *role, struct twz_id of, uint32_t flags)
{
	char context_text[TWZ_ID_TEXT], of_text[TWZ_ID_TEXT], object_text[TWZ_ID_TEXT];
	const char *const argv[] = {"contexts", "as",        role, context_text,
				    of_text,    object_text, NULL};
	const struct twz_rt_program program = {
		.argv = argv, .timeout_ns = PATIENCE, .context = in, .flags = flags};
	int status = -1, error;

	twz_id_text(in, context_text);
	twz_id_text(of, of_text);
	twz_id_text(object, object_text);
	error = twz_run_as(&program, &status);
	return error ? error : status;
}

static uint32_t may(struct twz_id what, struct twz_id in)
{
	struct twz_rt_answer answer = {.effective = ~0u};

	IS_EQ(twz_right_explain(what, in, &answer), 0);
	return answer.effective;
}

static void expect_running(void)
{
	const struct twz_id none = {0, 0};

	IS_EQ(run_in(context.id, "owner", object, 0), 0);
	IS_EQ(run_in(none, "here", object, 0), 0);
	IS_EQ(may(minimal.sys.console, context.id), 0); /* taken back */
	IS_EQ(run_in(context.id, "silent", object, TWZ_RUN_NO_CONSOLE), 0);
	IS_EQ(twz_right_grant(minimal.sys.console, context.id, TWZ_READ | TWZ_USE), 0);
	IS_EQ(run_in(context.id, "owner", object, 0), 0);
	IS_EQ(may(minimal.sys.console, context.id),
	      TWZ_READ | TWZ_USE); /* not what it had before */
	IS_EQ(twz_right_grant(minimal.sys.console, context.id, 0), 0);
	IS_EQ(run_in(context.id, "leaves", object, TWZ_RUN_UNDETACHABLE), 0);
	IS_EQ(run_in(context.id, "leaves", object, 0), STATUS_DIES);
	IS_EQ(run_in(context.id, "switches", bare.id, 0), 0);
}

static void expect_grants(void)
{
	IS_EQ(twz_right_grant(object, context.id, TWZ_READ), 0);
	IS_EQ(run_in(context.id, "reads", object, 0), 0);
	IS_EQ(twz_right_grant(object, context.id, 0), 0);
	IS_EQ(run_in(context.id, "owner", object, 0), 0);
}

static void expect_refusals(void)
{
	const struct twz_id none = {0, 0};

	IS_EQ(run_in(object, "owner", object, 0), TWZ_E_TYPE);
	IS_EQ(run_in(none, "here", object, TWZ_RUN_UNDETACHABLE), TWZ_E_ARG);
	IS_EQ(run_in(context.id, "owner", object, 4), TWZ_E_ARG);
	IS_EQ(twz_context_global(&context, TWZ_READ | TWZ_EXEC), 0);
	IS_EQ(twz_context_publish(&context), 0);
	IS_EQ(run_in(context.id, "here", object, 0), TWZ_E_RIGHT);
	IS_EQ(twz_context_global(&context, TWZ_PERM_ALL), 0);
	IS_EQ(twz_context_publish(&context), 0);
	IS_EQ(run_in(context.id, "here", object, 0), 0);
	IS_EQ(twz_context_remove(&boot, secret.id), 0);
	IS_EQ(twz_context_publish(&boot), 0);
	IS_EQ(run_in(context.id, "owner", object, 0), TWZ_E_NOTFOUND);
	allow(&boot);
}

static struct twz_tx tx;

/* When it is about to be waited for. */
static void give_back(uint64_t arg)
{
	const uint64_t end = twz_rt_time_ns() + PATIENCE,
		       *said = (const uint64_t *)(test_address(TEST_SLOT) + TWZ_OBJ_DATA);

	(void)arg;
	while (__atomic_load_n(said, __ATOMIC_ACQUIRE) != LOOKS_UP && twz_rt_time_ns() < end)
		test_sleep(SECOND / 1000);
	test_sleep(SECOND / 20);
	twz_tx_abort(&tx);
}

static void expect_reading(void)
{
	struct twz_cap cap = {.perms = TWZ_READ, .accessor = bare.id};
	struct test_thread *thread;
	struct ns ns;

	minimal.rt.key = secret.id; /* the namespace is hers */
	IS_EQ(ns_new((struct twz_id){0, 0}, 0, &cap.target), 0);
	minimal.rt.key = minimal.sys.key;
	IS_EQ(twz_cap_sign(&cap, NULL, &secret), 0);
	IS_EQ(twz_context_add(&bare, &cap, 1), 0);
	IS_EQ(twz_context_publish(&bare), 0);
	IS_EQ(twz_right_grant(object, bare.id, TWZ_READ | TWZ_WRITE), 0);
	IS_EQ(run_in(context.id, "has", cap.target, 0), 0);
	IS_EQ(run_in(bare.id, "looks up", cap.target, 0), 0);
	*(uint64_t *)(test_address(TEST_SLOT) + TWZ_OBJ_DATA) = 0;
	IS_EQ(ns_open(cap.target, &ns), 0);
	twz_tx_begin(&tx);
	IS_EQ(twz_tx_add(&tx, ns.obj.base), 0);
	thread = test_thread(give_back, 0);
	IS_EQ(run_in(bare.id, "looks up", cap.target, 0), 0);
	IS_EQ(test_join(thread), 0);
	IS_EQ(twz_right_grant(object, bare.id, 0), 0);
	test_delete(cap.target);
	IS_EQ(twz_obj_recycle(&ns.obj), 0);
}

int main(int argc, char **argv)
{
	if (argc == 6)
		told = id_of(argv[5]);
	for (unsigned i = 0; argc == 6 && i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(argv[2], roles[i].name))
			return roles[i].run(id_of(argv[3]), id_of(argv[4]));
	begin();
	expect_running();
	expect_grants();
	expect_refusals();
	expect_reading();
	end();
	test_say("contexts: %u passed, %u failed", passed, failed);
	return failed != 0;
}
