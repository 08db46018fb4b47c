/*
 * calls.c - every system call without its rights. The table of docs/syscalls.md, "Rights", is here once
 * more (tests/docs/docs.sh compares them), and each row is tried: who has every right but that one, who
 * has none, and who has exactly what the table says.
 *
 * What a call acts on are its parts. Of a call's parts, all but the one that is tried are made so that
 * mallory may do everything to them.
 */
#include "tests/attack/attack.h"
#include "tests/guest/bare.h"

#define ALL TWZ_PERM_ALL
#define KERNELS (TWZ_READ | TWZ_USE | TWZ_DELETE) /* all that can be done to what is the kernel's */
#define PARTS 3u
#define MAP_SLOT (TEST_SLOT + 300)
#define VIEW_SLOT (TEST_SLOT + 301) /* where the table of another view is written */
#define READ_WRITE (TWZ_VIEW_READ | TWZ_VIEW_WRITE)

static struct user bob, mallory;

/* ---- what calls act on ------------------------------------------------------------------------------ */

/* A part: made so that mallory has these rights to it, and no others. */
struct part {
	const char *name;
	struct twz_id (*make)(uint32_t perms);
	void (*end)(struct twz_id id);
};

static struct twz_id make_of(uint32_t type, uint32_t perms, uint32_t flags)
{
	const struct twz_sys_new new = {.type = type,
					.perms = perms,
					.flags = flags,
					.key = bob.secret.id,
					.page = TEST_DATA_PAGE,
					.npages = 1};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	return id;
}

static struct twz_id make_object(uint32_t perms)
{
	return make_of(TWZ_TYPE_DATA, perms, TWZ_OBJECT_VOLATILE);
}

static struct twz_id make_ending(uint32_t perms)
{
	return make_of(TWZ_TYPE_DATA, perms, TWZ_OBJECT_ENDING);
}

/* It may be gone: that was what was tried. */
static void end_object(struct twz_id id)
{
	int64_t error = SYS(object_delete, ID(id));

	CHECK(!error || error == TWZ_E_NOTFOUND);
}

/* It is nobody's: what its defaults do not give to all has nobody; and it is to be deleted. */
static struct twz_id make_sealed(uint32_t perms)
{
	struct twz_sys_seal seal = {.size = 100, .perms = perms | TWZ_DELETE};
	struct twz_id id = {0};

	seal.src = make_object(ALL);
	CHECK_EQ(SYS(object_seal, &seal, &id), 0);
	end_object(seal.src);
	return id;
}

static struct twz_id make_namespace(uint32_t perms)
{
	return make_of(TWZ_TYPE_NAMESPACE, perms, 0);
}

/* What is the kernel's, or is attached: by a grant. */
static void grant(struct twz_id id, uint32_t perms)
{
	CHECK_EQ(SYS(right_grant, ID(id), ID(mallory.context.id), perms), 0);
}

/* A view that shows this program, too. */
static struct twz_id make_view_of(uint32_t perms, uint32_t flags)
{
	struct twz_id id = make_of(TWZ_TYPE_VIEW, perms, flags);
	struct twz_sys_copy copy = {.dst = id,
				    .src = minimal.sys.view,
				    .dst_page = TEST_DATA_PAGE,
				    .src_page = TEST_DATA_PAGE,
				    .pages = 1 + VIEW_ENTRIES * sizeof(struct twz_view_slot) /
							 TWZ_PAGE};
	struct twz_view *view;

	CHECK_EQ(SYS(object_copy, &copy), 0);
	view = (void *)(test_map(VIEW_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA);
	view_enter(view, TWZ_SLOT_VIEW, id, 0, READ_WRITE);
	test_unmap(VIEW_SLOT);
	return id;
}

static struct twz_id make_view(uint32_t perms)
{
	return make_view_of(perms, TWZ_OBJECT_VOLATILE);
}

static struct twz_id make_lasting_view(uint32_t perms)
{
	return make_view_of(perms, 0);
}

static struct twz_id make_registered_view(uint32_t perms)
{
	struct twz_id id = make_view_of(perms, 0);

	CHECK_EQ(SYS(view_register, ID(id), 1), 0);
	return id;
}

static void end_registered_view(struct twz_id id)
{
	CHECK_EQ(SYS(view_register, ID(id), 0), 0);
	end_object(id);
}

/* One that masks nothing, and in which this program runs. */
static struct twz_id make_context(uint32_t perms)
{
	struct twz_id id = make_of(TWZ_TYPE_CONTEXT, perms, TWZ_OBJECT_VOLATILE);
	struct twz_context *context = (void *)(test_map(VIEW_SLOT, id, READ_WRITE) + TWZ_OBJ_DATA);

	*context = (struct twz_context){
		.magic = TWZ_CONTEXT_MAGIC, .version = 1, .global_mask = TWZ_PERM_ALL};
	test_unmap(VIEW_SLOT);
	test_program(id, true);
	return id;
}

static void end_context(struct twz_id id)
{
	test_program(id, false);
	end_object(id);
}

/* Attached beforehand, with every right. */
static struct twz_id make_attached(uint32_t perms)
{
	struct twz_id id = make_context(0);

	(void)perms; /* narrow() takes what is too much */
	grant(id, ALL);
	return id;
}

static void sleeps(uint64_t unused)
{
	(void)unused;
	bare_wait((const uint32_t *)TWZ_SLOT_DATA_AT(TWZ_SLOT_SHADOW), 0, ~0ull);
	bare_end(0);
}

static struct twz_id make_thread(uint32_t perms)
{
	static uint8_t stack[4096] __attribute__((aligned(16)));
	struct twz_id id = bare_thread(sleeps, stack + sizeof(stack), 0, 0);

	grant(id, perms & KERNELS);
	return id;
}

static struct twz_id make_suspended(uint32_t perms)
{
	struct twz_id id = make_thread(perms);

	CHECK_EQ(SYS(thread_suspend, ID(id), true), 0);
	return id;
}

/* Those that there is one of; what mallory has of the console otherwise she has again at the end. */
static struct twz_id make_console(uint32_t perms)
{
	grant(minimal.sys.console, perms & KERNELS);
	return minimal.sys.console;
}

static void end_console(struct twz_id id)
{
	grant(id, TWZ_USE);
}

static struct twz_id make_machine(uint32_t perms)
{
	grant(minimal.sys.machine, perms & KERNELS);
	return minimal.sys.machine;
}

static void end_grant(struct twz_id id)
{
	grant(id, 0);
}

/* Every key can be read; more is given by a capability. */
static struct twz_id make_key(uint32_t perms)
{
	struct twz_cap cap = cap_for(&bob, bob.secret.id, mallory.context.id, perms);

	cap.flags = 0; /* the key itself, not what is made under it */
	cap_sign_by(&cap, NULL, &bob);
	if (perms)
		context_add(&mallory.context, &cap, 1);
	context_publish(&mallory.context);
	return bob.secret.id;
}

static void end_key(struct twz_id id)
{
	int error = twz_context_remove(&mallory.context, id);

	CHECK(!error || error == TWZ_E_NOTFOUND);
	context_publish(&mallory.context);
}

#define PART(what, made, ended)   \
	{                         \
		what, made, ended \
	}
#define OBJECT(what) PART(what, make_object, end_object)
#define MACHINE PART("machine", make_machine, end_grant)
#define CONSOLE PART("console", make_console, end_console)

/* ---- the calls, as mallory makes them --------------------------------------------------------------- */

static uint8_t room[4096];

static struct twz_id made;

static int64_t do_object_new(const struct twz_id *id)
{
	const struct twz_sys_new new = {
		.flags = TWZ_OBJECT_VOLATILE, .perms = ALL, .key = id[0], .tie = id[1]};

	return SYS(object_new, &new, &made);
}

static void end_made(const struct twz_id *id)
{
	(void)id;
	test_delete(made);
}

static int64_t do_object_tie(const struct twz_id *id)
{
	return SYS(object_tie, ID(id[0]), ID(id[1]), TWZ_TIE_PLAIN);
}

static int64_t do_object_untie(const struct twz_id *id)
{
	return SYS(object_untie, ID(id[0]), ID(id[1]), TWZ_TIE_PLAIN);
}

static void untied(const struct twz_id *id)
{
	CHECK_EQ(SYS(object_untie, ID(id[0]), ID(id[1]), TWZ_TIE_PLAIN), 0);
}

/* Two that are tied; the second is made after the first. */
static struct twz_id tied;

static struct twz_id make_tied(uint32_t perms)
{
	tied = make_object(perms);
	return tied;
}

static struct twz_id make_tied_to(uint32_t perms)
{
	struct twz_id id = make_object(perms);

	CHECK_EQ(SYS(object_tie, ID(tied), ID(id), TWZ_TIE_PLAIN), 0);
	return id;
}

/* To what she may know of: so it is told. */
static struct twz_id make_tied_to_hers(uint32_t perms)
{
	struct twz_id id = make_object(perms);

	CHECK_EQ(SYS(object_tie, ID(id), ID(mallory.context.id), TWZ_TIE_PLAIN), 0);
	return id;
}

static void end_tied_to_hers(struct twz_id id)
{
	CHECK_EQ(SYS(object_untie, ID(id), ID(mallory.context.id), TWZ_TIE_PLAIN), 0);
	end_object(id);
}

static int64_t do_object_ties(const struct twz_id *id)
{
	struct twz_sys_tie walk = {0};

	return SYS(object_ties, ID(id[0]), &walk);
}

static int64_t do_object_copy(const struct twz_id *id)
{
	struct twz_sys_copy copy = {.src = id[0],
				    .dst = id[1],
				    .src_page = TEST_DATA_PAGE,
				    .dst_page = TEST_DATA_PAGE + 1,
				    .pages = 1};

	return SYS(object_copy, &copy);
}

static int64_t do_object_same(const struct twz_id *id)
{
	const struct twz_sys_copy pages = {.dst = id[0],
					   .src = id[1],
					   .dst_page = TEST_DATA_PAGE,
					   .src_page = TEST_DATA_PAGE,
					   .pages = 1};

	return SYS(object_same, &pages, room);
}

static int64_t do_object_seal(const struct twz_id *id)
{
	const struct twz_sys_seal seal = {.src = *id, .size = 100, .perms = ALL};

	return SYS(object_seal, &seal, &made);
}

static int64_t do_object_touch(const struct twz_id *id)
{
	int64_t error;
	uint8_t *at = test_map(MAP_SLOT, *id, READ_WRITE) + TWZ_OBJ_DATA;

	error = SYS(object_touch, at, 1);
	test_unmap(MAP_SLOT);
	return error;
}

static struct twz_id root;

static void end_root(const struct twz_id *id)
{
	(void)id;
	CHECK_EQ(SYS(root_set, ID(root)), 0);
}

static void end_registering(const struct twz_id *id)
{
	CHECK_EQ(SYS(view_register, ID(*id), 0), 0);
}

/* Is it listed, or is it told what follows it? */
static int64_t seen(uint64_t call, struct twz_id wanted)
{
	struct twz_id id = {0};

	while (!sys_call(call, (uint64_t)&id, 0, 0, 0, 0, 0))
		if (twz_id_equal(id, wanted))
			return 0;
	id = wanted;
	return sys_call(call, (uint64_t)&id, 0, 0, 0, 0, 0);
}

static int64_t do_view_next(const struct twz_id *id)
{
	return seen(TWZ_SYS(view_next), *id);
}

static int64_t do_thread_next(const struct twz_id *id)
{
	return seen(TWZ_SYS(thread_next), *id);
}

static void ends(uint64_t unused)
{
	(void)unused;
	bare_end(0);
}

static int64_t do_thread_new(const struct twz_id *id)
{
	const struct twz_sys_thread new = {.view = id[0],
					   .context = id[1],
					   .tie = {id[2]},
					   .entry = (uint64_t)ends,
					   .stack = (uint64_t)room + sizeof(room) - 8};

	return SYS(thread_new, &new, &made);
}

/* It is under bob's key, whose we are too. */
static void end_thread(const struct twz_id *id)
{
	(void)id;
	SYS(object_delete, ID(made)); /* gone already with mallory's thread, or now */
}

static int64_t do_thread_sync(const struct twz_id *id)
{
	const uint64_t at = (uint64_t)test_map(MAP_SLOT, id[1], READ_WRITE) + TWZ_OBJ_DATA;
	const struct twz_sys_sync wake[] = {
		{.id = id[0], .address = TWZ_OBJ_DATA, .op = TWZ_SYNC_WAKE},
		{.address = at, .op = TWZ_SYNC_WAKE}};
	int64_t error = SYS(thread_sync, wake, 2, 0);

	test_unmap(MAP_SLOT);
	return error;
}

static void attached(const struct twz_id *id)
{
	CHECK_EQ(SYS(context_attach, ID(*id), 0), 0);
}

static int64_t do_context_detach(const struct twz_id *id)
{
	(void)id;
	return SYS(context_detach, ID(mallory.context.id));
}

static int64_t do_right_explain(const struct twz_id *id)
{
	return SYS(right_explain, ID(id[0]), ID(id[1]), room);
}

struct call {
	int64_t (*make)(const struct twz_id *id); /* null: it does not come back */
	struct part part[PARTS];
	uint64_t more[3];
	void (*before)(const struct twz_id *id); /* as mallory, with every right to the parts */
	void (*undo)(const struct twz_id *id);   /* as us, what it did when it was allowed */
	int64_t good; /* what a call that is allowed says; 0: 0 or more */
};

/* With the first part's ID and the numbers in `more` as arguments, or these alone. */
static int64_t on_part(const struct twz_id *id);
static int64_t plain(const struct twz_id *id);

#define CASE(name) [TWZ_SYS_##name##_]
#define ROOM ((uint64_t)room)
static const struct call calls[TWZ_SYS_COUNT] = {
	CASE(self) = {plain},
	CASE(info) = {plain, .more = {ROOM}},
	CASE(usage) = {plain, .more = {ROOM}},
	CASE(clock) = {plain},
	CASE(random) = {plain, .more = {ROOM, 16}},
	/* The right is asked for first: what would turn the machine off is not tried. */
	CASE(power) = {plain, {MACHINE}, {2}, .good = TWZ_E_ARG},
	CASE(object_new) = {do_object_new,
			    {PART("key", make_key, end_key), OBJECT("tie")},
			    .undo = end_made},
	CASE(object_delete) = {on_part, {OBJECT("object")}},
	CASE(object_keep) = {on_part, {PART("object", make_ending, end_object)}},
	CASE(object_copy) = {do_object_copy, {OBJECT("source"), OBJECT("destination")}},
	CASE(object_drop) = {on_part, {OBJECT("object")}, {TEST_DATA_PAGE, 1}},
	CASE(object_limit) = {on_part, {OBJECT("object")}, {TEST_DATA_PAGE, 1, TWZ_WRITE}},
	CASE(object_seal) = {do_object_seal, {OBJECT("source")}, .undo = end_made},
	CASE(object_stat) = {on_part, {OBJECT("object")}, {ROOM}},
	CASE(object_sync) = {on_part, {OBJECT("object")}},
	CASE(object_settle) = {on_part, {OBJECT("object")}},
	CASE(object_touch) = {do_object_touch, {OBJECT("what is mapped")}},
	CASE(root_set) = {on_part,
			  {PART("namespace", make_namespace, end_object), MACHINE},
			  .undo = end_root},
	CASE(view_invalidate) = {plain, .more = {MAP_SLOT, 1}},
	CASE(view_become) = {on_part, {PART("view", make_view, end_object)}},
	CASE(view_register) = {on_part,
			       {PART("view", make_lasting_view, end_object), MACHINE},
			       {1},
			       .undo = end_registering},
	CASE(view_next) = {do_view_next, {PART("view", make_registered_view, end_registered_view)}},
	CASE(thread_new) = {do_thread_new,
			    {PART("view", make_view, end_object),
			     PART("context", make_context, end_context), OBJECT("tie")},
			    .undo = end_thread},
	CASE(thread_exit) = {NULL},
	CASE(thread_kill) = {on_part, {PART("thread", make_thread, end_object)}, {1}},
	CASE(thread_next) = {do_thread_next, {PART("thread", make_thread, end_object)}},
	CASE(thread_sync) = {do_thread_sync, {OBJECT("object"), OBJECT("what is mapped")}},
	CASE(thread_handler) = {NULL},
	CASE(thread_resume) = {NULL},
	CASE(thread_segment) = {plain},
	CASE(context_attach) = {on_part, {PART("context", make_context, end_context)}},
	CASE(context_detach) = {do_context_detach,
				{PART("active then", make_attached, end_context)},
				.before = attached},
	CASE(context_switch) = {on_part,
				{PART("context", make_attached, end_context)},
				.before = attached},
	CASE(context_publish) = {on_part, {PART("context", make_context, end_context)}},
	CASE(right_grant) = {on_part, {OBJECT("object")}, {7, 7, TWZ_EXEC}},
	CASE(right_explain) = {do_right_explain,
			       {OBJECT("object"), PART("context", make_context, end_context)}},
	CASE(console_write) = {plain, {CONSOLE}, {ROOM, 0}},
	CASE(console_read) = {plain, {CONSOLE}, {ROOM, 1}},
	CASE(key_limit) = {on_part, {PART("key", make_key, end_key), MACHINE}},
	CASE(key_account) = {on_part, {PART("key", make_key, end_key)}, {ROOM}},
	CASE(object_same) = {do_object_same, {OBJECT("one"), OBJECT("other")}},
	CASE(object_verify) = {on_part,
			       {PART("object", make_sealed, end_object)},
			       {TEST_DATA_PAGE, 1, 0}},
	CASE(object_tie) = {do_object_tie, {OBJECT("object"), OBJECT("to")}, .undo = untied},
	CASE(object_untie) = {do_object_untie,
			      {PART("object", make_tied, end_object),
			       PART("to", make_tied_to, end_object)}},
	CASE(object_ties) = {do_object_ties, {PART("object", make_tied_to_hers, end_tied_to_hers)}},
	CASE(thread_suspend) = {on_part, {PART("thread", make_thread, end_object)}, {1}},
	CASE(thread_registers) = {on_part, {PART("thread", make_suspended, end_object)}, {ROOM}},
	CASE(thread_signal) = {on_part, {PART("thread", make_suspended, end_object)}, {9}},
	CASE(thread_priority) = {on_part,
				 {PART("thread", make_thread, end_object), MACHINE},
				 {TWZ_PRIORITY_HIGH}},
	/* Who may enter, and what is asked inside: gates.c. */
	CASE(gate_call) = {NULL},
	CASE(gate_return) = {NULL},
	CASE(gate_caller) = {NULL},
	CASE(gate_may) = {NULL},
};

static uint32_t tried; /* the number of the call */

static int64_t on_part(const struct twz_id *id)
{
	const uint64_t *more = calls[tried].more;

	return sys_call(TWZ_SYS_FIRST + tried, ID(*id), more[0], more[1], more[2], 0);
}

static int64_t plain(const struct twz_id *id)
{
	const uint64_t *more = calls[tried].more;

	(void)id;
	return sys_call(TWZ_SYS_FIRST + tried, more[0], more[1], more[2], 0, 0, 0);
}

#define NAME(name, arguments) #name,
static const char *const names[] = {TWZ_SYSCALLS(NAME)};

/* ---- the table --------------------------------------------------------------------------------------- */

/*
 * A row: the call needs the right to this part. `refused`: what it says if only that one is missing;
 * `absent`: if mallory has none at all.
 */
struct need {
	uint32_t call;
	const char *part; /* null: nothing is needed */
	uint32_t right;   /* 0: any */
	int refused, absent;
};

#define FREE(name)                               \
	{                                        \
		TWZ_SYS_##name##_, NULL, 0, 0, 0 \
	}
#define NEED(name, part, right)                                             \
	{                                                                   \
		TWZ_SYS_##name##_, part, right, TWZ_E_RIGHT, TWZ_E_NOTFOUND \
	}
#define ODD(name, part, right, refused, absent)                 \
	{                                                       \
		TWZ_SYS_##name##_, part, right, refused, absent \
	}
#define READ TWZ_READ
#define WRITE TWZ_WRITE
#define USE TWZ_USE
#define DELETE TWZ_DELETE
#define GRANTED TWZ_EXEC /* what right_grant hands on here */
#define ANY 0

/* clang-format off */
static const struct need needs[] = {
	FREE(self),
	FREE(info),
	FREE(usage),
	FREE(clock),
	FREE(random),
	NEED(power, "machine", USE),
	ODD(object_new, "key", USE, TWZ_E_RIGHT, TWZ_E_RIGHT), /* READ is everybody's */
	NEED(object_new, "tie", ANY),
	NEED(object_delete, "object", DELETE),
	NEED(object_keep, "object", DELETE),
	NEED(object_copy, "source", READ),
	NEED(object_copy, "destination", WRITE),
	NEED(object_drop, "object", WRITE),
	NEED(object_limit, "object", WRITE),
	NEED(object_seal, "source", READ),
	NEED(object_stat, "object", ANY),
	NEED(object_sync, "object", READ),
	NEED(object_settle, "object", READ),
	ODD(object_touch, "what is mapped", READ, TWZ_E_RIGHT, TWZ_E_OUTSIDE),
	ODD(object_touch, "what is mapped", WRITE, TWZ_E_RIGHT, TWZ_E_OUTSIDE),
	NEED(root_set, "namespace", WRITE),
	NEED(root_set, "machine", USE),
	FREE(view_invalidate),
	NEED(view_become, "view", USE),
	NEED(view_register, "view", USE),
	NEED(view_register, "view", WRITE),
	NEED(view_register, "machine", USE),
	NEED(view_next, "view", ANY),
	NEED(thread_new, "view", USE),
	NEED(thread_new, "context", USE),
	NEED(thread_new, "tie", DELETE),
	FREE(thread_exit),
	NEED(thread_kill, "thread", USE),
	NEED(thread_next, "thread", ANY),
	NEED(thread_sync, "object", READ),
	ODD(thread_sync, "what is mapped", READ, TWZ_E_OUTSIDE, TWZ_E_OUTSIDE),
	FREE(thread_handler),
	FREE(thread_resume),
	FREE(thread_segment),
	NEED(context_attach, "context", USE),
	NEED(context_detach, "active then", USE),
	NEED(context_switch, "context", USE),
	NEED(context_publish, "context", WRITE),
	NEED(right_grant, "object", GRANTED),
	NEED(right_explain, "object", ANY),
	NEED(right_explain, "context", READ),
	NEED(console_write, "console", USE),
	NEED(console_read, "console", READ),
	ODD(key_limit, "key", ANY, 0, 0), /* READ is everybody's */
	NEED(key_limit, "machine", USE),
	ODD(key_account, "key", ANY, 0, 0), /* READ is everybody's */
	NEED(object_same, "one", READ),
	NEED(object_same, "other", READ),
	ODD(object_verify, "object", READ, TWZ_E_RIGHT, TWZ_E_RIGHT), /* all may DELETE it */
	NEED(object_tie, "object", DELETE),
	NEED(object_tie, "to", ANY),
	NEED(object_untie, "object", DELETE),
	NEED(object_untie, "to", ANY),
	NEED(object_ties, "object", ANY),
	NEED(thread_suspend, "thread", USE),
	NEED(thread_registers, "thread", READ),
	NEED(thread_signal, "thread", USE),
	NEED(thread_priority, "thread", USE),
	NEED(thread_priority, "machine", USE),
	FREE(gate_call),
	FREE(gate_return),
	FREE(gate_caller),
	FREE(gate_may),
};
/* clang-format on */
#define NEEDS (sizeof(needs) / sizeof(needs[0]))

static bool same_part(const struct need *need, const struct part *part)
{
	return need->part && !strcmp(need->part, part->name);
}

/* All that the table asks of the part; any right will do where it asks for no particular one. */
static uint32_t asked(uint32_t call, const struct part *part)
{
	uint32_t perms = 0;

	for (unsigned i = 0; i < NEEDS; i++)
		if (needs[i].call == call && same_part(&needs[i], part))
			perms |= needs[i].right ? needs[i].right : TWZ_USE;
	return perms;
}

TEST(every_call_and_every_part_is_in_the_table)
{
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++) {
		unsigned rows = 0;

		for (unsigned i = 0; i < NEEDS; i++)
			rows += needs[i].call == n;
		if (!CHECK(rows) || !CHECK(calls[n].make || rows == 1))
			test_say("%s", names[n]);
		for (unsigned i = 0; i < PARTS && calls[n].part[i].name; i++)
			if (!CHECK(asked(n, &calls[n].part[i])))
				test_say("%s: %s", names[n], calls[n].part[i].name);
	}
}

/* ---- a trial ------------------------------------------------------------------------------------------ */

struct trial {
	uint32_t call;
	struct twz_id id[PARTS];
	uint32_t perms[PARTS];
	bool changed; /* something that can be counted */
};

static bool same_counts(const struct twz_sys_usage *a, const struct twz_sys_usage *b)
{
	return a->objects == b->objects && a->threads == b->threads && a->views == b->views &&
	       a->store_objects == b->store_objects && a->store_used == b->store_used;
}

/* The part was made with every right, which was needed to come so far. */
static void narrow(const struct trial *trial)
{
	CHECK_EQ(SYS(right_grant, ID(trial->id[0]), ID(mallory.context.id), trial->perms[0]), 0);
}

static int64_t as_mallory(void *arg)
{
	struct trial *trial = arg;
	const struct call *call = &calls[trial->call];
	struct twz_sys_usage before, after;
	int64_t result;

	if (call->before) {
		call->before(trial->id);
		narrow(trial);
	}
	tried = trial->call;
	before = bare_usage();
	result = call->make(trial->id);
	after = bare_usage();
	trial->changed = !same_counts(&before, &after);
	return result;
}

/* What of the parts can be seen. */
static void look(const struct trial *trial, struct twz_rt_stat stat[PARTS])
{
	for (unsigned i = 0; i < PARTS; i++) {
		memset(&stat[i], 0, sizeof(stat[i]));
		if (calls[trial->call].part[i].name)
			CHECK_EQ(SYS(object_stat, ID(trial->id[i]), &stat[i]), 0);
	}
}

static int64_t make_trial(struct trial *trial)
{
	const struct call *call = &calls[trial->call];

	for (unsigned i = 0; i < PARTS && call->part[i].name; i++)
		trial->id[i] = call->part[i].make(trial->perms[i]);
	return attack_as(&mallory, as_mallory, trial);
}

static void end_trial(const struct trial *trial)
{
	const struct call *call = &calls[trial->call];

	for (unsigned i = 0; i < PARTS && call->part[i].name; i++)
		call->part[i].end(trial->id[i]);
}

/* With these rights to the part it says `error`, and nothing is changed. */
static void refused(const struct need *need, uint32_t perms, int64_t error)
{
	const struct call *call = &calls[need->call];
	struct trial trial = {.call = need->call};
	struct twz_rt_stat before[PARTS], after[PARTS];
	int64_t result;

	for (unsigned i = 0; i < PARTS && call->part[i].name; i++) {
		trial.perms[i] = same_part(need, &call->part[i]) ? perms : ALL;
		trial.id[i] = call->part[i].make(trial.perms[i]);
	}
	look(&trial, before);
	result = attack_as(&mallory, as_mallory, &trial);
	look(&trial, after);
	if (!CHECK_EQ(result, error) | !CHECK(!trial.changed) |
	    !CHECK(!memcmp(before, after, sizeof(before))))
		test_say("%s, %s with %02x", names[need->call], need->part, perms);
	end_trial(&trial);
}

static void set_up(void)
{
	struct twz_sys_info info;

	CHECK_EQ(SYS(info, &info), 0);
	root = info.root;
	user_make(&bob);
	user_make(&mallory);
}

static void tear_down(void)
{
	user_end(&mallory);
	user_end(&bob);
}

TEST(every_right_but_the_one_that_is_needed_is_not_enough)
{
	set_up();
	for (unsigned i = 0; i < NEEDS; i++)
		if (needs[i].part && needs[i].right)
			refused(&needs[i], ALL & ~needs[i].right, needs[i].refused);
	tear_down();
}

TEST(without_any_right_it_is_as_if_nothing_were_there)
{
	set_up();
	for (unsigned i = 0; i < NEEDS; i++)
		if (needs[i].part)
			refused(&needs[i], 0, needs[i].absent);
	tear_down();
}

/* Not an attack: the table asks for no more than is needed, and what was refused would have worked. */
TEST(what_the_table_says_is_enough)
{
	set_up();
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++) {
		const struct call *call = &calls[n];
		struct trial trial = {.call = n};
		int64_t result;

		if (!call->make)
			continue;
		for (unsigned i = 0; i < PARTS && call->part[i].name; i++)
			trial.perms[i] = asked(n, &call->part[i]);
		result = make_trial(&trial);
		if (!CHECK(call->good ? result == call->good : result >= 0))
			test_say("%s: %lld", names[n], (long long)result);
		else if (call->undo)
			call->undo(trial.id);
		end_trial(&trial);
	}
	tear_down();
}

/* ---- what the table does not say ---------------------------------------------------------------------- */

/* Mallory has READ; bob's other context has more, by a grant. */
static int64_t take_grants(void *arg)
{
	const struct twz_id *id = arg;

	CHECK_EQ(SYS(right_grant, ID(id[0]), ID(id[1]), 0), TWZ_E_RIGHT);
	return SYS(right_grant, ID(id[0]), ID(id[1]), TWZ_READ);
}

TEST(what_others_were_granted_cannot_be_taken_or_narrowed)
{
	struct twz_id id[2];

	set_up();
	id[0] = make_object(0);
	id[1] = bob.context.id;
	grant(id[0], TWZ_READ);
	CHECK_EQ(SYS(right_grant, ID(id[0]), ID(id[1]), TWZ_READ | TWZ_WRITE), 0);
	CHECK_EQ(attack_as(&mallory, take_grants, id), TWZ_E_RIGHT);
	end_object(id[0]);
	tear_down();
}

/* Of an ID that is known: whether there is such an object, and what it is. */
static int64_t ask_for_what_follows(void *arg)
{
	struct twz_id id = *(struct twz_id *)arg;

	return SYS(view_next, &id);
}

TEST(what_follows_an_object_that_is_not_to_be_seen_is_not_told)
{
	struct twz_id secret, none = {1, 2};

	set_up();
	secret = make_ending(0);
	CHECK_EQ(attack_as(&mallory, ask_for_what_follows, &none), TWZ_E_NOTFOUND);
	CHECK_EQ(attack_as(&mallory, ask_for_what_follows, &secret), TWZ_E_NOTFOUND);
	end_object(secret);
	tear_down();
}

/* A context that its owner deletes: nobody is held in it. */
static int64_t leave_what_is_gone(void *arg)
{
	const struct twz_id *id = arg;

	CHECK_EQ(SYS(context_attach, ID(*id), 0), 0);
	CHECK_EQ(SYS(object_delete, ID(*id)), 0);
	CHECK_EQ(SYS(context_detach, ID(*id)), 0);
	return SYS(context_detach, ID(*id));
}

TEST(a_context_that_is_deleted_can_be_left)
{
	struct twz_id id;

	set_up();
	id = make_context(ALL);
	CHECK_EQ(attack_as(&mallory, leave_what_is_gone, &id), TWZ_E_NOTFOUND);
	test_program(id, false);
	tear_down();
}
