/*
 * calls.c - every system call of the table, with arguments that are wrong: the documented error, and
 * nothing changed. A call that is new needs a case here, or a test fails.
 *
 * power and thread_exit do not come back from what is right: of them only what is refused is tried.
 */
#include "tests/guest/bare.h"

/*
 * What a register holds: l, h an ID's halves; r, w, b the address of what is read first, written, both;
 * t the address of a range that is touched; n a number.
 */
struct call {
	const char *shape;
	bool returns; /* with good arguments: 0 or more, and what it makes is undone by `undo` */
	void (*good)(uint64_t a[6]);
	void (*undo)(void);
};

static struct twz_id object, volatile_object, other, view, thread, stopped, context, sealed;
static uint8_t stopped_stack[4096] __attribute__((aligned(16)));
static struct twz_sys_new new;
static struct twz_sys_copy copy;
static struct twz_sys_seal seal;
static struct twz_sys_thread new_thread;
static struct twz_sys_sync sync;
static struct twz_sys_gate gate;
static struct twz_sys_tie walk;
static struct twz_id id;
static uint8_t room[4096];

static void none(uint64_t a[6])
{
	(void)a;
}

static void out(uint64_t a[6])
{
	a[0] = (uint64_t)room;
}

static void out_bytes(uint64_t a[6])
{
	a[0] = (uint64_t)room;
	a[1] = 16;
}

static void on_object(uint64_t a[6])
{
	a[0] = object.lo;
	a[1] = object.hi;
}

static void to_no_gate(uint64_t a[6])
{
	gate = (struct twz_sys_gate){.context = context, .timeout_ns = ~0ull};
	a[5] = (uint64_t)&gate;
}

static void on_pages(uint64_t a[6])
{
	on_object(a);
	a[2] = TEST_DATA_PAGE + 8;
	a[3] = 2;
}

static void stat(uint64_t a[6])
{
	on_object(a);
	a[2] = (uint64_t)room;
}

static void object_new(uint64_t a[6])
{
	new = (struct twz_sys_new){.perms = TEST_PERMS, .flags = TWZ_OBJECT_VOLATILE};
	a[0] = (uint64_t) & new;
	a[1] = (uint64_t)&id;
}

static void delete_made(void)
{
	test_delete(id);
}

static void on_other(uint64_t a[6])
{
	other = test_object(TWZ_OBJECT_VOLATILE);
	a[0] = other.lo;
	a[1] = other.hi;
}

static void object_copy(uint64_t a[6])
{
	copy = (struct twz_sys_copy){.dst = volatile_object,
				     .src = object,
				     .dst_page = TEST_DATA_PAGE + 16,
				     .src_page = TEST_DATA_PAGE + 16,
				     .pages = 1};
	a[0] = (uint64_t)&copy;
	a[1] = 0;
}

static void object_seal(uint64_t a[6])
{
	seal = (struct twz_sys_seal){.src = object, .size = 100, .perms = TWZ_READ | TWZ_DELETE};
	a[0] = (uint64_t)&seal;
	a[1] = (uint64_t)&id;
}

static void object_same(uint64_t a[6])
{
	object_copy(a);
	a[1] = (uint64_t)room;
}

static void on_sealed(uint64_t a[6])
{
	a[0] = sealed.lo;
	a[1] = sealed.hi;
	a[2] = TEST_DATA_PAGE;
	a[3] = 1;
	a[4] = 0;
}

static void on_root(uint64_t a[6])
{
	struct twz_sys_info info;

	SYS(info, &info);
	a[0] = info.root.lo;
	a[1] = info.root.hi;
}

static void slots(uint64_t a[6])
{
	a[0] = TEST_SLOT + 50;
	a[1] = 1;
}

static void own_view(uint64_t a[6])
{
	a[0] = minimal.sys.view.lo;
	a[1] = minimal.sys.view.hi;
}

static void on_view(uint64_t a[6])
{
	a[0] = view.lo;
	a[1] = view.hi;
}

static void registered(uint64_t a[6])
{
	on_view(a);
	a[2] = 1;
}

static void unregister(void)
{
	CHECK_EQ(SYS(view_register, ID(view), 0), 0);
}

static void list(uint64_t a[6])
{
	memset(room, 0, sizeof(id));
	a[0] = (uint64_t)room;
}

static void ends(uint64_t unused)
{
	(void)unused;
	bare_end(0);
}

static void sleeps(uint64_t unused)
{
	(void)unused;
	bare_wait((const uint32_t *)TWZ_SLOT_DATA_AT(TWZ_SLOT_SHADOW), 0, ~0ull);
	bare_end(0);
}

static void thread_new(uint64_t a[6])
{
	new_thread = (struct twz_sys_thread){.entry = (uint64_t)ends,
					     .stack = (uint64_t)room + sizeof(room) - 8};
	a[0] = (uint64_t)&new_thread;
	a[1] = (uint64_t)&id;
}

static void join(void)
{
	bare_join(id);
}

static void on_thread(uint64_t a[6])
{
	a[0] = thread.lo;
	a[1] = thread.hi;
}

/* One that is suspended; again, or a signal that waits, or the priority that it has. */
static void on_stopped(uint64_t a[6])
{
	a[0] = stopped.lo;
	a[1] = stopped.hi;
	a[2] = 1;
}

static void registers(uint64_t a[6])
{
	on_stopped(a);
	a[2] = (uint64_t)room;
}

static void thread_sync(uint64_t a[6])
{
	sync = (struct twz_sys_sync){.address = (uint64_t)room, .op = TWZ_SYNC_WAKE};
	a[0] = (uint64_t)&sync;
	a[1] = 1;
}

static void console(uint64_t a[6])
{
	a[0] = (uint64_t)room;
	a[1] = 1;
	room[0] = '\n';
}

static void on_context(uint64_t a[6])
{
	a[0] = context.lo;
	a[1] = context.hi;
}

static void detach(void)
{
	CHECK_EQ(SYS(context_detach, ID(context)), 0);
}

static void grant(uint64_t a[6])
{
	a[0] = volatile_object.lo;
	a[1] = volatile_object.hi;
	a[2] = context.lo;
	a[3] = context.hi;
	a[4] = TWZ_READ;
}

static void explain(uint64_t a[6])
{
	grant(a);
	a[4] = (uint64_t)room;
}

static void on_key(uint64_t a[6])
{
	a[0] = minimal.sys.key.lo;
	a[1] = minimal.sys.key.hi;
}

static void key_account(uint64_t a[6])
{
	on_key(a);
	a[2] = (uint64_t)room;
}

/* It is tied so already (set_up). */
static void tie(uint64_t a[6])
{
	grant(a);
	a[4] = TWZ_TIE_PLAIN;
}

static void tie_again(void)
{
	uint64_t a[6];

	tie(a);
	CHECK_EQ(SYS(object_tie, a[0], a[1], a[2], a[3], a[4]), 0);
}

static void walk_ties(uint64_t a[6])
{
	walk = (struct twz_sys_tie){0};
	a[0] = volatile_object.lo;
	a[1] = volatile_object.hi;
	a[2] = (uint64_t)&walk;
}

#define CASE(name) [TWZ_SYS_##name##_]
static const struct call calls[TWZ_SYS_COUNT] = {
	CASE(self) = {"", true, none, NULL},
	CASE(info) = {"w", true, out, NULL},
	CASE(usage) = {"w", true, out, NULL},
	CASE(clock) = {"", true, none, NULL},
	CASE(random) = {"wn", true, out_bytes, NULL},
	CASE(power) = {"nn", false, none, NULL},
	CASE(object_new) = {"rw", true, object_new, delete_made},
	CASE(object_delete) = {"lh", true, on_other, NULL},
	CASE(object_keep) = {"lh", true, on_object, NULL},
	CASE(object_copy) = {"rn", true, object_copy, NULL},
	CASE(object_drop) = {"lhnn", true, on_pages, NULL},
	CASE(object_limit) = {"lhnnn", true, on_pages, NULL},
	CASE(object_seal) = {"rw", true, object_seal, delete_made},
	CASE(object_stat) = {"lhw", true, stat, NULL},
	CASE(object_sync) = {"lh", true, on_object, NULL},
	CASE(object_settle) = {"lh", true, on_object, NULL},
	CASE(object_touch) = {"tn", true, out_bytes, NULL},
	CASE(root_set) = {"lh", true, on_root, NULL},
	CASE(view_invalidate) = {"nn", true, slots, NULL},
	CASE(view_become) = {"lh", true, own_view, NULL},
	CASE(view_register) = {"lhn", true, registered, unregister},
	CASE(view_next) = {"r", false, list, NULL},
	CASE(thread_new) = {"rw", true, thread_new, join},
	CASE(thread_exit) = {"nnn", false, none, NULL},
	CASE(thread_kill) = {"lhn", true, on_thread, NULL},
	CASE(thread_next) = {"r", true, list, NULL},
	CASE(thread_sync) = {"rnn", true, thread_sync, NULL},
	CASE(thread_handler) = {"nnn", false, none, NULL},
	CASE(thread_resume) = {"r", false, none, NULL},
	CASE(thread_segment) = {"n", true, none, NULL},
	CASE(context_attach) = {"lhn", true, on_context, detach},
	CASE(context_detach) = {"lh", false, on_context, NULL},
	CASE(context_switch) = {"lh", false, on_context, NULL},
	CASE(context_publish) = {"lh", true, on_context, NULL},
	CASE(right_grant) = {"lhnnn", true, grant, NULL},
	CASE(right_explain) = {"lhnnw", true, explain, NULL},
	CASE(console_write) = {"rn", true, console, NULL},
	/* Without input nothing is written: the address does not count. */
	CASE(console_read) = {"nn", true, console, NULL},
	CASE(key_limit) = {"lhnn", true, on_key, NULL}, /* 0 and 0: none */
	CASE(key_account) = {"lhw", true, key_account, NULL},
	CASE(object_same) = {"rw", true, object_same, NULL},
	CASE(object_verify) = {"lhnnn", true, on_sealed, NULL},
	CASE(object_tie) = {"lhlhn", true, tie, NULL},
	CASE(object_untie) = {"lhlhn", true, tie, tie_again},
	CASE(object_ties) = {"lhb", true, walk_ties, NULL},
	CASE(thread_suspend) = {"lhn", true, on_stopped, NULL},
	CASE(thread_registers) = {"lhw", true, registers, NULL},
	CASE(thread_signal) = {"lhn", true, on_stopped, NULL},
	CASE(thread_priority) = {"lhn", true, on_stopped, NULL},
	CASE(gate_call) = {"nnnnnr", false, to_no_gate, NULL},
	/* Here the thread is in no crossing: what these do in one is in gates.c. */
	CASE(gate_return) = {"nn", false, none, NULL},
	CASE(gate_caller) = {"n", false, none, NULL},
	CASE(gate_may) = {"lhn", false, on_object, NULL},
};

#define NAME(name, arguments) #name,
static const char *const names[] = {TWZ_SYSCALLS(NAME)};

/* ---- the stage ------------------------------------------------------------------------------------- */

static void set_up(void)
{
	object = test_object(TWZ_OBJECT_ENDING);
	volatile_object = test_object(TWZ_OBJECT_VOLATILE);
	view = test_object_of(TWZ_TYPE_VIEW, TEST_PERMS, 0); /* only a lasting one is registered */
	context = test_object_of(TWZ_TYPE_CONTEXT, TEST_PERMS, TWZ_OBJECT_VOLATILE);
	test_map(TEST_SLOT, object, TWZ_VIEW_READ | TWZ_VIEW_WRITE)[TWZ_OBJ_DATA] = 1;
	test_map(TEST_SLOT + 1, volatile_object, TWZ_VIEW_READ | TWZ_VIEW_WRITE)[TWZ_OBJ_DATA] = 1;
	test_map(TEST_SLOT + 2, volatile_object, TWZ_VIEW_READ);
	/* The page behind the first one of the data cannot be read or written. */
	CHECK_EQ(SYS(object_limit, ID(volatile_object), TEST_DATA_PAGE + 1, 1, 7), 0);
	seal = (struct twz_sys_seal){.src = object, .size = 200, .perms = TWZ_READ | TWZ_DELETE};
	CHECK_EQ(SYS(object_seal, &seal, &sealed), 0); /* another one than object_seal() makes */
	tie_again();
	thread = bare_thread(ends, room + sizeof(room), 0, TWZ_THREAD_SAME);
	bare_await(thread);
	stopped = bare_thread(sleeps, stopped_stack + sizeof(stopped_stack), 0, TWZ_THREAD_SAME);
	CHECK_EQ(SYS(thread_suspend, ID(stopped), true), 0);
}

static void tear_down(void)
{
	for (unsigned i = 0; i < 3; i++)
		test_unmap(TEST_SLOT + i);
	test_delete(object);
	test_delete(volatile_object);
	test_delete(view);
	test_delete(context);
	test_delete(sealed);
	test_delete(thread);
	test_delete(stopped);
}

static int64_t make_call(unsigned n, const uint64_t a[6])
{
	return sys_call(TWZ_SYS_FIRST + n, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The call fails like this, and all that can be counted is as it was. */
static void refused(unsigned n, const uint64_t a[6], int64_t error, uint64_t odd)
{
	struct twz_sys_usage before = bare_usage(), after;
	int64_t result = make_call(n, a);

	after = bare_usage();
	if (result != error)
		test_say("%s, with 0x%llx", names[n], (unsigned long long)odd);
	CHECK_EQ(result, error);
	CHECK_EQ(after.objects, before.objects);
	CHECK_EQ(after.threads, before.threads);
	CHECK_EQ(after.views, before.views);
	CHECK_EQ(after.store_objects, before.store_objects);
	CHECK_EQ(after.store_used, before.store_used);
}

/* ---- what is right --------------------------------------------------------------------------------- */

TEST(every_call_has_a_case)
{
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++)
		if (!CHECK(calls[n].shape))
			test_say("%s has none", names[n]);
}

TEST(good_arguments_are_taken)
{
	set_up();
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++) {
		uint64_t a[6] = {0};

		if (!calls[n].returns)
			continue;
		calls[n].good(a);
		if (!CHECK(make_call(n, a) >= 0))
			test_say("%s", names[n]);
		else if (calls[n].undo)
			calls[n].undo();
	}
	tear_down();
}

/* ---- what is wrong --------------------------------------------------------------------------------- */

static void pointers(unsigned n, unsigned argument, char kind)
{
	const uint64_t slot = (uint64_t)test_address(TEST_SLOT + 1);
	const uint64_t odd[] = {0,
				8,
				(1ull << 47) - 4,
				(1ull << 47) - TWZ_PAGE,
				1ull << 47,
				1ull << 63,
				0x0000800000000000 + TWZ_OBJ_DATA,
				0xffff800000000000,
				0xffff800000400000,
				0xffffffff80100000,
				~0ull,
				~0ull - 7,
				(uint64_t)test_address(TEST_SLOT + 50) + TWZ_OBJ_DATA, /* empty */
				slot,
				slot + TWZ_PAGE - 1,
				slot + TWZ_OBJ_DATA + TWZ_PAGE, /* the limited page */
				slot + TWZ_OBJ_DATA + TWZ_PAGE + 64};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		uint64_t a[6] = {0};

		calls[n].good(a);
		a[argument] = odd[i];
		refused(n, a, kind == 't' && i > 14 ? TWZ_E_RIGHT : TWZ_E_OUTSIDE, odd[i]);
	}
}

/* What starts in a page that is there and ends in one that is not; what can only be read. */
static void crossing(unsigned n, unsigned argument, char kind)
{
	uint64_t a[6] = {0};

	calls[n].good(a);
	a[argument] = (uint64_t)test_address(TEST_SLOT + 1) + TWZ_OBJ_DATA + TWZ_PAGE - 8;
	if (n != TWZ_SYS_console_write_)
		refused(n, a, kind == 't' ? TWZ_E_RIGHT : TWZ_E_OUTSIDE, a[argument]);
	if (kind == 'r')
		return;
	a[argument] = (uint64_t)test_address(TEST_SLOT + 2) + TWZ_OBJ_DATA;
	refused(n, a, kind == 't' ? TWZ_E_RIGHT : TWZ_E_OUTSIDE, a[argument]);
}

TEST(bad_addresses_are_refused)
{
	set_up();
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++)
		for (unsigned i = 0; calls[n].shape && calls[n].shape[i]; i++)
			if (strchr("rwbt", calls[n].shape[i])) {
				pointers(n, i, calls[n].shape[i]);
				crossing(n, i, calls[n].shape[i]);
			}
	tear_down();
}

/* One that does not exist, and one that nobody has a right to: no difference is seen. */
TEST(bad_ids_are_refused)
{
	struct twz_sys_new secret = {.flags = TWZ_OBJECT_VOLATILE, .tie = {0}};
	struct twz_id odd[4] = {{0, 0}, {1, 0}, {~0ull, ~0ull}};

	set_up();
	secret.tie = volatile_object;
	CHECK_EQ(SYS(object_new, &secret, &odd[3]), 0);
	for (unsigned n = 0; n < TWZ_SYS_COUNT; n++) {
		if (calls[n].shape[0] != 'l' || n == TWZ_SYS_object_delete_)
			continue;
		for (unsigned i = 0; i < 4; i++) {
			uint64_t a[6] = {0};

			calls[n].good(a);
			a[0] = odd[i].lo;
			a[1] = odd[i].hi;
			refused(n, a, TWZ_E_NOTFOUND, odd[i].lo);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(SYS(object_delete, ID(odd[i])), TWZ_E_NOTFOUND);
	tear_down();
}

TEST(objects_of_the_wrong_type_are_refused)
{
	set_up();
	CHECK_EQ(SYS(object_keep, ID(volatile_object)), TWZ_E_TYPE);
	CHECK_EQ(SYS(root_set, ID(volatile_object)), TWZ_E_TYPE);
	CHECK_EQ(SYS(view_become, ID(object)), TWZ_E_TYPE);
	CHECK_EQ(SYS(view_become, ID(view)), TWZ_E_DAMAGED); /* it has no header */
	CHECK_EQ(SYS(view_register, ID(volatile_object), 1), TWZ_E_TYPE);
	CHECK_EQ(SYS(thread_kill, ID(object), 0), TWZ_E_TYPE);
	CHECK_EQ(SYS(key_limit, ID(object), 0, 0), TWZ_E_TYPE);
	CHECK_EQ(SYS(key_account, ID(object), room), TWZ_E_TYPE);
	CHECK_EQ(SYS(root_set, ID(thread)), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_drop, ID(thread), 0, 1), TWZ_E_RIGHT);
	CHECK_EQ(SYS(object_limit, ID(thread), 0, 1, 7), TWZ_E_RIGHT);
	tear_down();
}

TEST(numbers_of_no_call_are_absent)
{
	const uint64_t odd[] = {
		0,     1,          TWZ_SYS_FIRST - 1,          TWZ_SYS_FIRST + TWZ_SYS_COUNT,
		~0ull, 1ull << 63, 1ull << 32 | TWZ_SYS_FIRST, 0x7fffffff};

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CHECK_EQ(sys_call(odd[i], 0, 0, 0, 0, 0, 0), TWZ_E_ABSENT);
}

TEST(numbers_out_of_their_range_are_refused)
{
	const uint64_t pages = 1ull << 28;
	const struct {
		unsigned call;
		uint64_t a[6];
	} odd[] = {
		{TWZ_SYS_power_, {2, 0}},
		{TWZ_SYS_power_, {~0ull, 0}},
		{TWZ_SYS_power_, {1ull << 32, 0}},
		{TWZ_SYS_power_, {0, 256}},
		{TWZ_SYS_power_, {1, ~0ull}},
		{TWZ_SYS_random_, {(uint64_t)room, 4097}},
		{TWZ_SYS_random_, {(uint64_t)room, ~0ull}},
		{TWZ_SYS_view_invalidate_, {TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES, 0}},
		{TWZ_SYS_view_invalidate_, {0, TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES + 1}},
		{TWZ_SYS_view_invalidate_, {1, ~0ull}},
		{TWZ_SYS_view_invalidate_, {~0ull, 1}},
		{TWZ_SYS_view_invalidate_, {1ull << 32, 1}},
		{TWZ_SYS_thread_handler_, {1ull << 47, 0, 0}},
		{TWZ_SYS_thread_handler_, {0, (1ull << 47) + 1, 0}},
		{TWZ_SYS_thread_handler_, {0, 16, 17}},
		{TWZ_SYS_thread_handler_, {0, ~0ull, 0}},
		{TWZ_SYS_thread_segment_, {1ull << 47}},
		{TWZ_SYS_thread_segment_, {~0ull}},
		{TWZ_SYS_thread_sync_, {(uint64_t)&sync, 0, 0}},
		{TWZ_SYS_thread_sync_, {(uint64_t)&sync, TWZ_SYNC_MAX + 1, 0}},
		{TWZ_SYS_thread_sync_, {(uint64_t)&sync, ~0ull, 0}},
		{TWZ_SYS_thread_sync_, {(uint64_t)&sync, 1ull << 32, 0}},
	};
	const uint64_t ranges[][2] = {{pages, 0},     {pages, 1},         {pages - 1, 2},
				      {0, pages + 1}, {1, ~0ull},         {~0ull, 1},
				      {~0ull, ~0ull}, {pages - 1, ~0ull}, {1ull << 63, 1ull << 63}};

	set_up();
	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		refused(odd[i].call, odd[i].a, TWZ_E_ARG, odd[i].a[0]);
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		CHECK_EQ(SYS(object_drop, ID(object), ranges[i][0], ranges[i][1]), TWZ_E_ARG);
		CHECK_EQ(SYS(object_limit, ID(object), ranges[i][0], ranges[i][1], 0), TWZ_E_ARG);
		object_copy((uint64_t[6]){0});
		copy.src_page = ranges[i][0];
		copy.pages = ranges[i][1];
		CHECK_EQ(SYS(object_copy, &copy), TWZ_E_ARG);
		copy.dst_page = ranges[i][0];
		copy.src_page = 1;
		CHECK_EQ(SYS(object_copy, &copy), TWZ_E_ARG);
		object_new((uint64_t[6]){0});
		new.page = ranges[i][0];
		new.npages = ranges[i][1];
		CHECK_EQ(SYS(object_new, &new, &id), TWZ_E_ARG);
	}
	CHECK_EQ(SYS(object_limit, ID(object), 0, 1, 8), TWZ_E_ARG);
	CHECK_EQ(SYS(object_limit, ID(object), 0, 1, ~0ull), TWZ_E_ARG);
	CHECK_EQ(SYS(view_register, ID(view), 2), TWZ_E_ARG);
	CHECK_EQ(SYS(object_tie, ID(object), ID(view), 16), TWZ_E_ARG);
	CHECK_EQ(SYS(object_tie, ID(object), ID(view), 1ull << 32), TWZ_E_ARG);
	CHECK_EQ(SYS(object_untie, ID(volatile_object), ID(context), TWZ_TIE_ENDING), TWZ_E_ARG);
	CHECK_EQ(SYS(object_untie, ID(volatile_object), ID(context), ~0ull), TWZ_E_ARG);
	walk_ties((uint64_t[6]){0});
	walk.in = 2;
	CHECK_EQ(SYS(object_ties, ID(volatile_object), &walk), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_suspend, ID(stopped), 2), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_suspend, ID(stopped), ~0ull), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_signal, ID(stopped), 0), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_signal, ID(stopped), TWZ_SIGNALS), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_signal, ID(stopped), ~0ull), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_priority, ID(stopped), TWZ_PRIORITIES), TWZ_E_ARG);
	CHECK_EQ(SYS(thread_priority, ID(stopped), ~0ull), TWZ_E_ARG);
	CHECK_EQ(SYS(gate_return, 1, 2), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(gate_caller, room), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(gate_may, ID(object), TWZ_READ), TWZ_E_NOTFOUND);
	CHECK_EQ(SYS(gate_may, ID(object), TWZ_PERM_ALL + 1), TWZ_E_ARG);
	tear_down();
}

/* One field of a structure at a time. */
TEST(bits_and_fields_without_a_meaning_are_refused)
{
	uint64_t a[6];

	set_up();
#define ODD(make, what)                                      \
	do {                                                 \
		make(a);                                     \
		what;                                        \
		refused(TWZ_SYS_##make##_, a, TWZ_E_ARG, 0); \
	} while (0)
	ODD(object_new, new.type = TWZ_TYPE_THREAD);
	ODD(object_new, new.type = TWZ_TYPE_DEVICE);
	ODD(object_new, new.type = TWZ_TYPE_DEVICE + 1);
	ODD(object_new, new.type = ~0u);
	ODD(object_new, new.perms = TWZ_PERM_ALL + 1);
	ODD(object_new, new.flags = 4);
	ODD(object_new, new.flags = ~0u);
	ODD(object_new, new.tie_flags = TWZ_TIE_PLAIN); /* to nothing */
	ODD(object_new, (new.tie_flags = 16, new.tie = volatile_object));
	ODD(object_new, (new.flags = 0, new.tie = volatile_object));
	ODD(object_new, (new.page = 1, new.npages = 513));
	ODD(object_new, (new.page = 0, new.npages = 1));
	ODD(object_copy, copy.reserved = 1);
	ODD(object_copy, copy.dst_page = 0);
	ODD(object_copy, copy.src_page = 0);
	ODD(object_copy, a[1] = copy.pages + 1);
	ODD(object_same, copy.reserved = 1);
	ODD(object_same, copy.dst_page = 0);
	ODD(object_same, copy.src_page = 0);
	ODD(object_same, copy.pages = ~0ull);
	ODD(object_seal, seal.perms = TWZ_PERM_ALL + 1);
	ODD(object_seal, seal.type = TWZ_TYPE_DEVICE + 1);
	ODD(thread_new, new_thread.flags = 2);
	ODD(thread_new, new_thread.reserved = 1);
	ODD(thread_new, new_thread.entry = 1ull << 47);
	ODD(thread_new, new_thread.entry = ~0ull);
	ODD(thread_new, new_thread.fs_base = 1ull << 47);
	ODD(thread_sync, sync.op = 2);
	ODD(thread_sync, sync.op = ~0u);
	ODD(thread_sync, sync.address++);
	/* IDs in structures */
	object_new(a);
	new.tie = (struct twz_id){1, 2};
	refused(TWZ_SYS_object_new_, a, TWZ_E_NOTFOUND, 0);
	new.tie = thread; /* which has ended */
	refused(TWZ_SYS_object_new_, a, TWZ_E_NOTFOUND, 0);
	thread_new(a);
	new_thread.tie[0] = volatile_object;
	new_thread.tie[3] = view; /* it lasts */
	refused(TWZ_SYS_thread_new_, a, TWZ_E_ARG, 0);
	CHECK(bare_exists(volatile_object)); /* it did not end with the thread that was not made */
	new_thread.tie[3] = (struct twz_id){1, 2};
	refused(TWZ_SYS_thread_new_, a, TWZ_E_NOTFOUND, 0);
	thread_new(a);
	new_thread.view = object;
	refused(TWZ_SYS_thread_new_, a, TWZ_E_TYPE, 0);
	object_copy(a);
	copy.dst = thread;
	refused(TWZ_SYS_object_copy_, a, TWZ_E_RIGHT, 0);
	thread_sync(a);
	sync.id = (struct twz_id){1, 2};
	refused(TWZ_SYS_thread_sync_, a, TWZ_E_NOTFOUND, 0);
	sync.id = object;
	sync.address = 1ull << 40;
	refused(TWZ_SYS_thread_sync_, a, TWZ_E_RANGE, 0);
	tear_down();
}
