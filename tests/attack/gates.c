/*
 * gates.c - attempts to come into bob's service otherwise than by its gates, or as somebody else.
 */
#include "tests/attack/attack.h"

#define PUBLIC_IN_PLACE (TWZ_GATE_PUBLIC | TWZ_GATE_IN_PLACE)
#define PAGES 3u /* of code, the gate's in the middle */
#define GATE_PAGE (TWZ_OBJ_DATA + TWZ_PAGE)
#define RET 0xc3

static struct service s;

/* ---- other places ------------------------------------------------------------------------------------ */

/* All of the code returns at once; the gate's entries are those of one page. */
static void make_all_return(void)
{
	uint8_t *code = test_address(SERVICE_SLOT + GATE_SLOT_CODE) + TWZ_OBJ_DATA;

	memset(code, RET, PAGES * TWZ_PAGE);
	s.place.gate->start = GATE_PAGE;
	s.place.gate->length = TWZ_PAGE;
	gate_publish(&s.place);
}

static int64_t jumps_everywhere(void *arg)
{
	uint8_t *code = test_address(SERVICE_SLOT + GATE_SLOT_CODE);
	uint32_t in = 0, wrong = 0;

	(void)arg;
	for (uint64_t at = TWZ_OBJ_DATA; at < TWZ_OBJ_DATA + PAGES * TWZ_PAGE; at++) {
		const bool entry = at - GATE_PAGE < TWZ_PAGE && at % GATE_ALIGN == 0;
		const bool came = !test_jump(code + at).kind;

		in += came;
		wrong += came != entry;
	}
	CHECK_EQ(in, TWZ_PAGE / GATE_ALIGN);
	CHECK_EQ(wrong, 0);
	for (uint64_t page = 0; page < TWZ_SLOT_SIZE / TWZ_PAGE; page += page < 4096 ? 1 : 4099)
		wrong += page * TWZ_PAGE != GATE_PAGE && !test_jump(code + page * TWZ_PAGE).kind;
	CHECK_EQ(wrong, 0);
	return 0;
}

TEST(a_jump_to_every_offset_of_a_gate_page_and_to_other_pages)
{
	for (unsigned i = 0; i < 2; i++) {
		service_make(&s, i ? TWZ_GATE_IN_PLACE : 0);
		make_all_return();
		CHECK_EQ(service_beside(&s, jumps_everywhere, NULL), 0);
		service_end(&s);
	}
}

/* While another thread is in there, in the same view. */
static uint32_t inside, leave;

static int64_t stays(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	__atomic_add_fetch(&inside, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&leave, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
	return 0;
}

static void visits(uint64_t unused)
{
	(void)unused;
	CHECK_EQ(gate_apply(&s.place, stays, 0, 0), 0);
}

static int64_t touches_code(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 100; i++) {
		CHECK(test_jump((void *)(gate_address(&s.place, GATE_ADD) + 1)).kind);
		CHECK(test_load((void *)gate_address(&s.place, GATE_ADD)).kind);
		CHECK(test_store((void *)gate_address(&s.place, GATE_ADD)).kind);
	}
	return 0;
}

static struct test_thread *somebody_inside(void)
{
	struct test_thread *thread;

	inside = leave = 0;
	thread = test_thread_as(s.hers, visits, 0);
	bare_reaches(&inside, 1);
	return thread;
}

static void let_out(struct test_thread *thread)
{
	__atomic_store_n(&leave, 1, __ATOMIC_RELEASE);
	CHECK_EQ(test_join(thread), 0);
}

TEST(code_that_another_thread_executes_in_the_same_view)
{
	struct test_thread *thread;

	service_make(&s, PUBLIC_IN_PLACE);
	thread = somebody_inside();
	CHECK_EQ(test_run_as(s.hers, touches_code, NULL), 0);
	let_out(thread);
	service_end(&s);
}

/* What is refused does not come in by a load or a store at an entry, either. */
static int64_t touches_entries(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < GATE_ENTRIES; i++) {
		CHECK(test_load((void *)gate_address(&s.place, i)).kind);
		CHECK(test_store((void *)gate_address(&s.place, i)).kind);
	}
	CHECK_EQ(gate_jump(&s.place, GATE_ADD, 1, 2, 0), 3);
	return 0;
}

TEST(data_taken_for_a_jump)
{
	service_make(&s, TWZ_GATE_IN_PLACE);
	CHECK_EQ(service_beside(&s, touches_entries, NULL), 0);
	service_end(&s);
}

/* ---- who may not ------------------------------------------------------------------------------------- */

static int64_t enters(void *arg)
{
	return gate_enter(&s.place, arg ? *(uint32_t *)arg : GATE_ADD, 1, 2, 0);
}

static int64_t jumps_in(void *arg)
{
	(void)arg;
	return test_jump((void *)gate_address(&s.place, GATE_ADD)).kind ? TWZ_E_RIGHT : 0;
}

/* Neither is it to be seen that there is something, nor is anything there for who is not attached to it. */
TEST(a_gate_without_the_right_to_enter)
{
	service_make(&s, 0);
	CHECK_EQ(test_run_as(s.hers, enters, NULL), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s.hers, jumps_in, NULL), TWZ_E_RIGHT);
	gate_grant(s.place.context, s.hers, TWZ_READ);
	CHECK_EQ(test_run_as(s.hers, enters, NULL), TWZ_E_RIGHT);
	gate_grant(s.place.code, s.hers, TWZ_READ);
	CHECK_EQ(test_run_as(s.hers, enters, NULL), TWZ_E_RIGHT);
	CHECK_EQ(test_run_as(s.hers, jumps_in, NULL), TWZ_E_RIGHT);
	service_end(&s);
}

/* Public means by a call: what jumps is only who is attached. */
TEST(a_jump_into_a_public_gate)
{
	service_make(&s, TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, enters, NULL), 3);
	CHECK_EQ(test_run_as(s.hers, jumps_in, NULL), TWZ_E_RIGHT);
	service_end(&s);
}

static int64_t knocks(void *arg)
{
	struct twz_sys_gate gate = gate_to(&s.place, GATE_ADD);

	gate.context = *(struct twz_id *)arg;
	return gate_call(&gate, 1, 2, 0, 0, 0);
}

TEST(what_there_is_found_out_by_calling_it)
{
	service_make(&s, 0);
	CHECK_EQ(test_run_as(s.hers, knocks, &s.secret), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s.hers, knocks, &s.place.context), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s.hers, knocks, &s.place.code), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s.hers, knocks, &s.bob.context.id), TWZ_E_NOTFOUND);
	service_end(&s);
}

/* ---- capabilities ------------------------------------------------------------------------------------ */

/* Bob lets her context in, at the entries of [first, first + length). */
static struct twz_cap entry_cap(uint64_t first, uint64_t length, uint32_t align)
{
	struct twz_cap cap = cap_for(&s.bob, s.place.code, s.mallory.context.id, 0);

	cap.flags = TWZ_CAP_GATE;
	cap.gate_off = TWZ_OBJ_DATA + first * GATE_ALIGN;
	cap.gate_len = length;
	cap.gate_align = align;
	return cap;
}

static void hold(const struct twz_cap *cap)
{
	const int error = twz_context_remove(&s.mallory.context, s.place.code);

	CHECK(!error || error == TWZ_E_NOTFOUND);
	if (cap)
		context_add(&s.mallory.context, cap, 1);
	context_publish(&s.mallory.context);
}

static uint32_t lets_in(void)
{
	static const uint32_t harmless[] = {GATE_TRAP, GATE_ADD};
	uint32_t in = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint32_t entry = harmless[i];
		const int64_t result = attack_as(&s.mallory, enters, &entry);

		if (result == (entry == GATE_TRAP ? TWZ_E_CALLEE : 3))
			in |= 1u << entry;
		else
			CHECK_EQ(result, TWZ_E_NOTFOUND);
	}
	return in;
}

static uint32_t lets_in_with(struct twz_cap cap)
{
	cap_sign_by(&cap, NULL, &s.bob);
	hold(&cap);
	return lets_in();
}

#define BOTH (1u << GATE_TRAP | 1u << GATE_ADD)

TEST(other_entries_than_a_capability_says)
{
	struct twz_cap cap;

	service_make(&s, 0);
	CHECK_EQ(lets_in(), 0);
	CHECK_EQ(lets_in_with(entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN)), BOTH);
	CHECK_EQ(lets_in_with(entry_cap(GATE_ADD, 1, GATE_ALIGN)), 1u << GATE_ADD);
	CHECK_EQ(lets_in_with(entry_cap(GATE_TRAP, GATE_ALIGN, GATE_ALIGN)), 1u << GATE_TRAP);
	CHECK_EQ(lets_in_with(entry_cap(GATE_TRAP, 2 * GATE_ALIGN, 2 * GATE_ALIGN)),
		 1u << GATE_TRAP);
	CHECK_EQ(lets_in_with(entry_cap(0, 0, GATE_ALIGN)), 0);
	CHECK_EQ(lets_in_with(entry_cap(0, GATE_ENTRIES * GATE_ALIGN, 0)), 0);
	cap = entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN);
	cap.flags = 0; /* and so gives a permission, if any */
	cap.perms = TWZ_READ | TWZ_EXEC;
	CHECK_EQ(lets_in_with(cap), 0);
	hold(NULL);
	CHECK_EQ(lets_in(), 0);
	service_end(&s);
}

/* A link that she signs, under what bob gave her. */
static uint32_t lets_in_passed_on(struct twz_cap link, struct twz_cap parent)
{
	struct twz_cap chain[2] = {link, parent};

	cap_sign_by(&chain[1], NULL, &s.bob);
	cap_sign_by(&chain[0], &chain[1], &s.mallory);
	hold(NULL);
	context_add(&s.mallory.context, chain, 2);
	context_publish(&s.mallory.context);
	return lets_in();
}

TEST(entries_passed_on_that_the_giver_has_not)
{
	struct twz_cap all, one, finer;

	service_make(&s, 0);
	all = entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN);
	one = entry_cap(GATE_ADD, GATE_ALIGN, GATE_ALIGN);
	CHECK_EQ(lets_in_passed_on(one, all), 0);
	all.flags |= TWZ_CAP_DELEGATE;
	one.flags |= TWZ_CAP_DELEGATE;
	CHECK_EQ(lets_in_passed_on(all, all), BOTH);
	CHECK_EQ(lets_in_passed_on(one, all), 1u << GATE_ADD);
	CHECK_EQ(lets_in_passed_on(all, one), 0);
	finer = all;
	finer.gate_align /= 2;
	CHECK_EQ(lets_in_passed_on(finer, all), 0);
	one.flags = TWZ_CAP_DELEGATE; /* a permission, if the greatest */
	one.perms = TWZ_PERM_ALL;
	CHECK_EQ(lets_in_passed_on(all, one), 0);
	hold(NULL);
	service_end(&s);
}

TEST(a_capability_to_enter_that_is_another_s)
{
	struct twz_cap cap;

	service_make(&s, 0);
	cap = entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN);
	cap.accessor = s.hers;
	cap_sign_by(&cap, NULL, &s.bob);
	hold(NULL);
	CHECK_EQ(twz_context_add(&s.mallory.context, &cap, 1), TWZ_E_ARG);
	cap = entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN);
	cap_sign_by(&cap, NULL, &s.mallory);
	hold(&cap);
	CHECK_EQ(lets_in(), 0);
	CHECK_EQ(lets_in_with(entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN)), BOTH);
	CHECK_EQ(test_run_as(s.hers, enters, NULL), TWZ_E_NOTFOUND);
	hold(NULL);
	service_end(&s);
}

/* Entering over and over until it is refused; then never again. What came in last began to at *arg; when it is over. */
static int64_t enters_until_refused(void *arg)
{
	const uint64_t begun = twz_rt_time_ns();
	uint64_t *last = arg, now = begun;

	*last = begun;
	while (gate_enter(&s.place, GATE_ADD, 1, 2, 0) == 3 && CHECK(bare_patient(begun))) {
		*last = now;
		now = twz_rt_time_ns();
	}
	return (int64_t)twz_rt_time_ns();
}

/* When it expires, in ns: it lets in before. On a busy host it takes longer until that is seen. */
static uint64_t lets_in_until(void)
{
	struct twz_cap cap = entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN);
	uint64_t expires_ns;
	uint32_t in;

	for (uint64_t seconds = 2;; seconds *= 2) {
		cap.expires = twz_rt_time_ns() / BARE_SECOND_NS + seconds;
		expires_ns = cap.expires * BARE_SECOND_NS;
		in = lets_in_with(cap);
		if (twz_rt_time_ns() < expires_ns)
			break;
		if (!CHECK(seconds * BARE_SECOND_NS < BARE_PATIENCE_NS))
			break;
	}
	CHECK_EQ(in, BOTH);
	return expires_ns;
}

TEST(entering_when_the_capability_has_expired)
{
	uint64_t expires_ns, refused, last;

	service_make(&s, 0);
	expires_ns = lets_in_until();
	refused = (uint64_t)attack_as(&s.mallory, enters_until_refused, &last);
	CHECK(refused >= expires_ns);
	CHECK(last < expires_ns + BARE_SECOND_NS);
	CHECK_EQ(lets_in(), 0);
	hold(NULL);
	service_end(&s);
}

/* The right to enter is no other one: the code stays what it was for her. */
static int64_t uses_code(void *arg)
{
	(void)arg;
	CHECK_EQ(gate_enter(&s.place, GATE_ADD, 1, 2, 0), 3);
	CHECK_EQ(attack_stat(&s.place.code), TWZ_E_NOTFOUND);
	CHECK(attack_touch(s.place.code, TWZ_VIEW_READ));
	CHECK(attack_touch(s.place.code, TWZ_VIEW_WRITE));
	CHECK(attack_touch(s.place.code, TWZ_VIEW_EXEC));
	CHECK(test_jump((void *)gate_address(&s.place, GATE_ADD)).kind);
	return 0;
}

TEST(more_than_entering_with_the_right_to_enter)
{
	service_make(&s, PUBLIC_IN_PLACE);
	CHECK_EQ(lets_in_with(entry_cap(0, GATE_ENTRIES * GATE_ALIGN, GATE_ALIGN)), BOTH);
	CHECK_EQ(attack_as(&s.mallory, uses_code, NULL), 0);
	hold(NULL);
	service_end(&s);
}

/* ---- identity ---------------------------------------------------------------------------------------- */

static struct gate_state given, seen, left;
static struct twz_sys_gate trip_gate;
static struct twz_sys_caller told;

static int64_t tells(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	told = gate_caller();
	return 0;
}

/* In the registers that the kernel tells it in, and in all others, bob's. */
static void fill_with_bob(uint32_t entry)
{
	gate_fill(&given, 11);
	for (unsigned i = 0; i < GATE_GENERAL; i += 2) {
		given.general[i] = s.bob.context.id.lo;
		given.general[i + 1] = s.bob.context.id.hi;
	}
	given.general[GATE_RDI] = (uint64_t)&seen;
	trip_gate = gate_to(&s.place, entry);
	given.general[GATE_RAX] = TWZ_SYS(gate_call);
	given.general[GATE_R9] = (uint64_t)&trip_gate;
}

static int64_t is_bob(void *arg)
{
	const bool jump = arg;

	fill_with_bob(GATE_SHOW);
	if (jump)
		gate_trip_to(&given, &left, gate_address(&s.place, GATE_SHOW));
	else
		gate_trip(&given, &left);
	CHECK_EQ(seen.general[GATE_R10], s.hers.lo);
	CHECK_EQ(seen.general[GATE_R11], s.hers.hi);
	CHECK_EQ(gate_apply(&s.place, tells, 0, 0), 0);
	CHECK(twz_id_equal(told.context, s.hers));
	CHECK(twz_id_equal(told.key, s.mallory.secret.id));
	return 0;
}

TEST(an_identity_forged_in_registers)
{
	service_make(&s, TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, is_bob, NULL), 0);
	CHECK_EQ(service_beside(&s, is_bob, &s), 0);
	service_end(&s);
}

/* Between her and the service a context of bob's that lets anyone in: it is that one then that calls. */
static int64_t calls_for_her(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return gate_apply(&s.place, tells, 0, 0);
}

static struct gate_place between;

static int64_t comes_by_another(void *arg)
{
	(void)arg;
	return gate_apply(&between, calls_for_her, 0, 0);
}

TEST(an_identity_is_that_of_who_calls_last)
{
	service_make(&s, TWZ_GATE_PUBLIC);
	gate_place_make(&between, s.bob.secret.id, SERVICE_SLOT + GATE_SLOTS, TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, comes_by_another, NULL), 0);
	CHECK(twz_id_equal(told.context, between.context));
	CHECK_EQ(told.depth, 2);
	gate_place_end(&between);
	service_end(&s);
}

/* ---- contexts that lie -------------------------------------------------------------------------------- */

static struct gate_place lies; /* hers */
static uint32_t count;

static int64_t enters_hers(void *arg)
{
	(void)arg;
	return gate_enter(&lies, GATE_ADD, 1, 2, 0);
}

static int64_t spins_in_hers(void *arg)
{
	struct twz_sys_gate gate = gate_to(&lies, GATE_SPIN);

	(void)arg;
	gate.timeout_ns = 5 * BARE_SECOND_NS;
	return gate_call(&gate, (uint64_t)&count, 0, 0, 0, 0);
}

static int64_t jumps_by_hers(void *arg)
{
	(void)arg;
	gate_attach(&lies);
	return gate_jump(&s.place, GATE_ADD, 1, 2, 0);
}

static void make_lies(uint32_t flags)
{
	count = 0;
	gate_place_make(&lies, s.mallory.secret.id, SERVICE_SLOT + GATE_SLOTS, flags);
	gate_grant(lies.context, s.hers, TWZ_USE);
}

/* Nothing of it is executed, neither as her nor as him. */
TEST(a_gate_listed_on_another_s_code)
{
	for (unsigned i = 0; i < 2; i++) {
		service_make(&s, 0);
		make_lies(TWZ_GATE_PUBLIC | TWZ_GATE_ABORTABLE | (i ? TWZ_GATE_IN_PLACE : 0));
		CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), 3);
		lies.gate->object = s.place.code;
		lies.gate->base = s.place.gate->base;
		if (!i)
			gate_show(&lies, SERVICE_SLOT + GATE_SLOT_CODE, s.place.code,
				  TWZ_VIEW_READ | TWZ_VIEW_EXEC);
		gate_publish(&lies);
		CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_CALLEE);
		CHECK_EQ(test_run_as(s.hers, spins_in_hers, NULL), TWZ_E_CALLEE);
		CHECK_EQ(count, 0);
		CHECK_EQ(test_run_as(s.hers, jumps_by_hers, NULL), TWZ_E_CALLEE);
		gate_place_end(&lies);
		service_end(&s);
	}
}

TEST(a_gate_that_is_out_of_place)
{
	service_make(&s, 0);
	make_lies(TWZ_GATE_PUBLIC);
	CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), 3);
	lies.gate->reserved = 1;
	gate_publish(&lies);
	CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_NOTFOUND);
	lies.gate->reserved = 0;
	lies.gate->handler = 1ull << 63;
	gate_publish(&lies);
	CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_NOTFOUND);
	gate_place_end(&lies);
	service_end(&s);
}

TEST(a_gate_into_another_s_view)
{
	service_make(&s, 0);
	make_lies(TWZ_GATE_PUBLIC);
	lies.gate->view = s.place.view;
	gate_publish(&lies);
	CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_NOTFOUND);
	gate_grant(s.place.view, lies.context, TWZ_READ);
	CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_RIGHT);
	gate_place_end(&lies);
	service_end(&s);
}

/* The kernel puts the return address on the stack, as the callee would. */
TEST(a_gate_whose_stacks_are_another_s)
{
	uint64_t *top;

	for (unsigned i = 0; i < 2; i++) {
		service_make(&s, 0);
		make_lies(TWZ_GATE_PUBLIC | (i ? TWZ_GATE_IN_PLACE : 0));
		lies.gate->stacks = s.secret;
		lies.gate->stack_base = (uint64_t)service_secret(&s);
		top = (uint64_t *)(lies.gate->stack_base + GATE_STACK) - 1;
		*top = SERVICE_SECRET;
		if (!i)
			gate_show(&lies, SERVICE_SLOT + GATE_SLOT_FREE, s.secret,
				  TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		gate_publish(&lies);
		CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_RIGHT);
		CHECK_EQ(*top, SERVICE_SECRET);
		gate_grant(s.secret, lies.context, TWZ_READ);
		CHECK_EQ(test_run_as(s.hers, enters_hers, NULL), TWZ_E_RIGHT);
		CHECK_EQ(*top, SERVICE_SECRET);
		gate_place_end(&lies);
		service_end(&s);
	}
}

/* ---- out of a sandbox ---------------------------------------------------------------------------------- */

static struct twz_obj sandbox; /* bob's: in it nothing can be used */

static int64_t uses(uint64_t unused, uint64_t as_well)
{
	(void)unused, (void)as_well;
	return SYS(context_attach, ID(s.hers), 0);
}

/* She is put into it, and is to leave it by a gate of her own, then by bob's. */
static int64_t leaves_sandbox(void *arg)
{
	gate_attach(&lies);
	CHECK_EQ(enters_hers(NULL), 3);
	CHECK_EQ(SYS(context_attach, ID(sandbox.id), TWZ_ATTACH_UNDETACHABLE), 0);
	CHECK_EQ(enters_hers(NULL), TWZ_E_RIGHT);
	CHECK(test_jump((void *)gate_address(&lies, GATE_ADD)).kind);
	(void)arg;
	return gate_apply(&s.place, uses, 0, 0);
}

static void make_sandbox(const struct twz_cap *cap)
{
	struct by_hand *hand;

	if (cap)
		hand = hand_hold(&sandbox, cap->target, cap, 1);
	else
		hand = hand_clear(&sandbox);
	hand->header.global_mask = TWZ_PERM_ALL & ~(uint32_t)TWZ_USE;
	CHECK_EQ(SYS(context_publish, ID(sandbox.id)), 0);
}

TEST(a_sandbox_left_by_a_gate_of_ones_own)
{
	struct twz_cap cap;

	service_make(&s, TWZ_GATE_PUBLIC);
	make_lies(TWZ_GATE_PUBLIC);
	CHECK_EQ(twz_obj_open(gate_context(s.bob.secret.id), &sandbox), 0);
	gate_grant(sandbox.id, s.hers, TWZ_USE);
	gate_grant(lies.context, s.hers, TWZ_READ | TWZ_USE);
	gate_grant(s.hers, s.place.context, TWZ_READ | TWZ_USE);
	make_sandbox(NULL);
	CHECK_EQ(test_run_as(s.hers, leaves_sandbox, NULL), TWZ_E_NOTFOUND);
	cap = entry_cap(GATE_APPLY, 1, GATE_ALIGN);
	cap.accessor = sandbox.id;
	cap_sign_by(&cap, NULL, &s.bob);
	make_sandbox(&cap);
	CHECK_EQ(test_run_as(s.hers, leaves_sandbox, NULL), 0); /* bob's is not limited */
	cap.target = s.place.context;                           /* as well: it is the same entry */
	cap_sign_by(&cap, NULL, &s.bob);
	make_sandbox(&cap);
	CHECK_EQ(test_run_as(s.hers, leaves_sandbox, NULL), 0);
	gate_context_end(sandbox.id);
	CHECK_EQ(twz_obj_recycle(&sandbox), 0);
	gate_place_end(&lies);
	service_end(&s);
}

/* ---- in place: what is shown there --------------------------------------------------------------------- */

static struct twz_id fake; /* hers: all may do anything to it */

static int64_t enters_what_is_shown(void *arg)
{
	const uint32_t slot = SERVICE_SLOT + (uint32_t)(uintptr_t)arg;
	int64_t result;

	CHECK_EQ(gate_enter(&s.place, GATE_ADD, 1, 2, 0), 3);
	test_map(slot, fake, TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC);
	result = gate_enter(&s.place, GATE_ADD, 1, 2, 0);
	test_map(slot, slot == SERVICE_SLOT + GATE_SLOT_CODE ? s.place.code : s.place.stacks,
		 TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC);
	CHECK_EQ(gate_enter(&s.place, GATE_ADD, 1, 2, 0), 3);
	return result;
}

static int64_t jumps_to_what_is_shown(void *arg)
{
	int64_t result;

	CHECK_EQ(gate_jump(&s.place, GATE_ADD, 1, 2, 0), 3);
	test_map(SERVICE_SLOT + GATE_SLOT_STACKS, fake, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	result = jumps_in(arg);
	test_map(SERVICE_SLOT + GATE_SLOT_STACKS, s.place.stacks, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	CHECK_EQ(gate_jump(&s.place, GATE_ADD, 1, 2, 0), 3);
	return result;
}

TEST(another_object_in_the_place_of_code_or_stacks)
{
	service_make(&s, PUBLIC_IN_PLACE);
	fake = test_object_of(TWZ_TYPE_DATA, TWZ_PERM_ALL, TWZ_OBJECT_VOLATILE);
	memset(test_map(SERVICE_SLOT + GATE_SLOTS, fake, TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
		       TWZ_OBJ_DATA,
	       RET, TWZ_PAGE);
	CHECK_EQ(test_run_as(s.hers, enters_what_is_shown, (void *)GATE_SLOT_CODE), TWZ_E_NOTFOUND);
	CHECK_EQ(test_run_as(s.hers, enters_what_is_shown, (void *)GATE_SLOT_STACKS),
		 TWZ_E_NOTFOUND);
	CHECK_EQ(service_beside(&s, jumps_to_what_is_shown, NULL), TWZ_E_RIGHT);
	test_unmap(SERVICE_SLOT + GATE_SLOTS);
	test_delete(fake);
	service_end(&s);
}
