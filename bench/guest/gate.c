/*
 * gate.c - crossings that were decided before: into a view of the callee's own and in place, by a call and by
 * a jump, back by a call and by `ret`. The callee does nothing: what is counted is the way there and back.
 */
#include <string.h>

#include "bench/guest/lib/rights.h"

#define CODE 1024u /* slots, in both views; those from here on are not libtwz's */
#define STACKS 1025u
#define CODE_RIGHTS (TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC)
#define STACK_BYTES 2048u
#define ALIGN 16u

/* The gates of the context, each with callees of its own, and its entries. */
enum { OWN_VIEW, IN_PLACE, GATES };
enum { BACK_BY_CALL, BACK_BY_RET, ENTRIES };
static uint8_t callees[ENTRIES][ALIGN] = {
	[BACK_BY_CALL] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05}, /* mov eax, number; syscall */
	[BACK_BY_RET] = {0x48, 0x89, 0xf8, 0xc3},        /* mov rax, rdi; ret */
};
#define NUMBER_AT 1u

static struct twz_secret secret;
static struct twz_sys_gate to; /* of the context: what is entered */
static uint64_t entry;         /* the same, as an address */

/* ---- the ways ------------------------------------------------------------------------------------ */

/* Each returns its argument. */
static uint64_t by_call(uint64_t a)
{
	register const struct twz_sys_gate *r9 __asm__("r9") = &to;
	uint64_t rax = TWZ_SYS(gate_call);

	__asm__ volatile("syscall"
			 : "+a"(rax), "+D"(a), "+r"(r9)
			 :
			 : "rcx", "rdx", "rsi", "r8", "r10", "r11", "memory", "cc", "xmm0", "xmm1",
			   "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
			   "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	return rax;
}

static uint64_t by_jump(uint64_t a)
{
	return ((uint64_t(*)(uint64_t))entry)(a);
}

static void call(unsigned i)
{
	by_call(i);
}

static void jump(unsigned i)
{
	by_jump(i);
}

static void measure_way(const char *name, bool jumps, uint32_t gate, uint32_t n)
{
	to.gate = gate;
	to.entry = n;
	entry = TWZ_SLOT_DATA_AT(CODE) + (gate * ENTRIES + n) * ALIGN;
	if ((jumps ? by_jump : by_call)(12345) != 12345)
		must(TWZ_E_IO, name);
	figure(name, measure(jumps ? jump : call, REPEATS).median);
}

/* ---- the gates ----------------------------------------------------------------------------------- */

/* The callees, which this program may not execute. */
static struct twz_id code_new(void)
{
	const uint32_t number = TWZ_SYS(gate_return);
	struct twz_id id = object_under(secret.id, TWZ_OBJECT_VOLATILE);

	memcpy(&callees[BACK_BY_CALL][NUMBER_AT], &number, sizeof(number));
	for (uint32_t gate = 0; gate < GATES; gate++)
		memcpy((uint8_t *)map(CODE, id) + gate * sizeof(callees), callees, sizeof(callees));
	view_enter(view_own(), CODE, id, minimal.sys.epoch, CODE_RIGHTS);
	must(SYS(view_invalidate, CODE, 1), "view_invalidate");
	return id;
}

static struct twz_id view_with(struct twz_id code, struct twz_id stacks)
{
	struct twz_id id = view_new(STACKS, stacks);

	view_enter(window_open(id, READ_WRITE), CODE, code, minimal.sys.epoch, CODE_RIGHTS);
	window_close();
	return id;
}

static void add_gate(const struct twz_obj *context, uint32_t index, uint32_t flags,
		     struct twz_id view, struct twz_id code, struct twz_id stacks)
{
	const struct twz_gate gate = {.object = code,
				      .start = TWZ_OBJ_DATA + index * sizeof(callees),
				      .length = sizeof(callees),
				      .align = ALIGN,
				      .flags = flags,
				      .nstacks = 1,
				      .view = view,
				      .stacks = stacks,
				      .stack_size = STACK_BYTES,
				      .base = TWZ_SLOT_DATA_AT(CODE) - TWZ_OBJ_DATA,
				      .stack_base = TWZ_SLOT_DATA_AT(STACKS)};

	must(twz_context_gate_set(context, index, &gate), "a gate");
}

static void make_gates(void)
{
	const uint32_t read_write = TWZ_READ | TWZ_WRITE;
	struct twz_id code, stacks, view;
	struct twz_obj context;

	key_new(&secret, OBJECT_PERMS);
	context = context_new(secret.id);
	code = code_new();
	stacks = object_under(secret.id, TWZ_OBJECT_VOLATILE);
	map(STACKS, stacks);
	view = view_with(code, stacks);
	give(&context, &secret, code, TWZ_READ | TWZ_EXEC, 0);
	give(&context, &secret, stacks, read_write, 0);
	add_gate(&context, OWN_VIEW, 0, view, code, stacks);
	add_gate(&context, IN_PLACE, TWZ_GATE_IN_PLACE, (struct twz_id){0}, code, stacks);
	publish(&context);
	must(SYS(context_attach, ID(context.id), 0), "context_attach");
	to = (struct twz_sys_gate){.context = context.id, .timeout_ns = ~0ull};
}

int main(void)
{
	make_gates();
	measure_way("gate_view", false, OWN_VIEW, BACK_BY_CALL);
	measure_way("gate_view_ret", false, OWN_VIEW, BACK_BY_RET);
	measure_way("gate_place", false, IN_PLACE, BACK_BY_CALL);
	measure_way("gate_place_ret", false, IN_PLACE, BACK_BY_RET);
	measure_way("gate_jump", true, IN_PLACE, BACK_BY_RET);
	measure_way("gate_jump_view", true, OWN_VIEW, BACK_BY_RET);
	return 0;
}
