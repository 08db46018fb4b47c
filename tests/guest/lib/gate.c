/* gate.c - gates of tests (gate.h). */
#include <cpuid.h>

#include "tests/guest/gate.h"

#define READ_WRITE (TWZ_READ | TWZ_WRITE)
#define VIEW_ALL (TWZ_VIEW_READ | TWZ_VIEW_WRITE | TWZ_VIEW_EXEC)
#define TABLE_ENTRIES 16u    /* of a context's, all empty */
#define FLAGS_USER 0x240cd5u /* all that a program may set and go on: not TF */

/* ---- assembler -------------------------------------------------------------------------------------- */

/* Offsets in struct gate_state stand here as numbers: gate.h pins them. */
#define LOAD_STATE /* of rbx, all but rsp, and the flags lie on the stack; rbx comes last */ \
	"mov $-1, %eax\n\t"                                                                  \
	"mov %eax, %edx\n\t"                                                                 \
	"xrstor64 192(%rbx)\n\t"                                                             \
	"mov 136(%rbx), %rax\n\t"                                                            \
	"wrfsbase %rax\n\t"                                                                  \
	"mov 144(%rbx), %rax\n\t"                                                            \
	"wrgsbase %rax\n\t"                                                                  \
	"pushq 128(%rbx)\n\t"                                                                \
	"mov 0(%rbx), %rax\n\t"                                                              \
	"mov 16(%rbx), %rcx\n\t"                                                             \
	"mov 24(%rbx), %rdx\n\t"                                                             \
	"mov 32(%rbx), %rsi\n\t"                                                             \
	"mov 40(%rbx), %rdi\n\t"                                                             \
	"mov 48(%rbx), %rbp\n\t"                                                             \
	"mov 64(%rbx), %r8\n\t"                                                              \
	"mov 72(%rbx), %r9\n\t"                                                              \
	"mov 80(%rbx), %r10\n\t"                                                             \
	"mov 88(%rbx), %r11\n\t"                                                             \
	"mov 96(%rbx), %r12\n\t"                                                             \
	"mov 104(%rbx), %r13\n\t"                                                            \
	"mov 112(%rbx), %r14\n\t"                                                            \
	"mov 120(%rbx), %r15\n\t"                                                            \
	"mov 8(%rbx), %rbx\n\t"                                                              \
	"popfq\n\t"

/* rdi: in, rsi: out, rdx: the address, or 0 for the system call. Two words on the stack: rdx, rsi. */
__asm__(".section .text.gate_trip_, \"ax\"\n\t"
	".type gate_trip_, @function\n"
	"gate_trip_:\n\t"
	"push %rbx\n\t"
	"push %rbp\n\t"
	"push %r12\n\t"
	"push %r13\n\t"
	"push %r14\n\t"
	"push %r15\n\t"
	"pushfq\n\t"
	"rdfsbase %rax\n\t"
	"push %rax\n\t"
	"rdgsbase %rax\n\t"
	"push %rax\n\t"
	"sub $8, %rsp\n\t"
	"stmxcsr (%rsp)\n\t"
	"fnstcw 4(%rsp)\n\t"
	"lea 2f(%rip), %rax\n\t"
	"test %rdx, %rdx\n\t"
	"cmovz %rax, %rdx\n\t"
	"push %rsi\n\t"
	"push %rdx\n\t"
	"mov %rdi, %rbx\n\t" LOAD_STATE "call *(%rsp)\n\t"
	"pushfq\n\t"
	"push %r15\n\t"
	"push %r14\n\t"
	"push %r13\n\t"
	"push %r12\n\t"
	"push %r11\n\t"
	"push %r10\n\t"
	"push %r9\n\t"
	"push %r8\n\t"
	"push %rsp\n\t"
	"push %rbp\n\t"
	"push %rdi\n\t"
	"push %rsi\n\t"
	"push %rdx\n\t"
	"push %rcx\n\t"
	"push %rbx\n\t"
	"push %rax\n\t"
	"cld\n\t"
	"mov %rsp, %rsi\n\t"
	"mov 144(%rsp), %rdi\n\t"
	"mov $17, %ecx\n\t"
	"rep movsq\n\t"
	"rdfsbase %rax\n\t"
	"mov %rax, 0(%rdi)\n\t"
	"rdgsbase %rax\n\t"
	"mov %rax, 8(%rdi)\n\t"
	"mov $-1, %eax\n\t"
	"mov %eax, %edx\n\t"
	"xsave64 56(%rdi)\n\t"
	"add $152, %rsp\n\t"
	"fninit\n\t"
	"ldmxcsr (%rsp)\n\t"
	"fldcw 4(%rsp)\n\t"
	"add $8, %rsp\n\t"
	"pop %rax\n\t"
	"wrgsbase %rax\n\t"
	"pop %rax\n\t"
	"wrfsbase %rax\n\t"
	"popfq\n\t"
	"pop %r15\n\t"
	"pop %r14\n\t"
	"pop %r13\n\t"
	"pop %r12\n\t"
	"pop %rbp\n\t"
	"pop %rbx\n\t"
	"ret\n"
	"2: syscall\n\t"
	"ret\n\t"
	".size gate_trip_, . - gate_trip_\n\t"
	".previous");
void gate_trip_(const struct gate_state *in, struct gate_state *out, uint64_t address);

/* a to e, the gate, and the call's number: a function's boundary, which vector registers do not pass. */
__asm__(".section .text.gate_syscall, \"ax\"\n\t"
	".type gate_syscall, @function\n"
	"gate_syscall:\n\t"
	"mov 8(%rsp), %rax\n\t"
	"mov %rcx, %r10\n\t"
	"syscall\n\t"
	"ret\n\t"
	".size gate_syscall, . - gate_syscall\n\t"
	".previous");
int64_t gate_syscall(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		     const struct twz_sys_gate *gate, uint64_t number);

/* The callees, to be copied: enum gate_entry. What is longer than an entry follows the last one. */
__asm__(".section .text.gate_code, \"ax\"\n\t"
	".p2align 6\n"
	"gate_code:\n\t"
	"mov %rdi, %rax\n\t" /* APPLY */
	"mov %rsi, %rdi\n\t"
	"mov %rdx, %rsi\n\t"
	"jmp *%rax\n\t"
	".p2align 6\n\t"
	"jmp 1f\n\t" /* SHOW */
	".p2align 6\n\t"
	"jmp 2f\n\t" /* SPOIL */
	".p2align 6\n\t"
	"mov %rdx, %rax\n\t" /* SYSTEM */
	"syscall\n\t"
	"ret\n\t"
	".p2align 6\n" /* SPIN */
	"3: lock incl (%rdi)\n\t"
	"jmp 3b\n\t"
	".p2align 6\n\t" /* TRAP */
	"ud2\n\t"
	"ret\n\t"
	".p2align 6\n\t" /* ADD */
	"lea (%rdi,%rsi), %rax\n\t"
	"ret\n\t"
	".p2align 6\n\t" /* FOLLOW */
	"mov %rdi, %rax\n\t"
	"mov %rsi, %rdi\n\t"
	"mov %rdx, %rsi\n\t"
	"mov %rcx, %rdx\n\t"
	"jmp *%rax\n\t"
	".p2align 6\n"
	"1: mov %rax, 0(%rdi)\n\t"
	"mov %rbx, 8(%rdi)\n\t"
	"mov %rcx, 16(%rdi)\n\t"
	"mov %rdx, 24(%rdi)\n\t"
	"mov %rsi, 32(%rdi)\n\t"
	"mov %rdi, 40(%rdi)\n\t"
	"mov %rbp, 48(%rdi)\n\t"
	"mov %rsp, 56(%rdi)\n\t"
	"mov %r8, 64(%rdi)\n\t"
	"mov %r9, 72(%rdi)\n\t"
	"mov %r10, 80(%rdi)\n\t"
	"mov %r11, 88(%rdi)\n\t"
	"mov %r12, 96(%rdi)\n\t"
	"mov %r13, 104(%rdi)\n\t"
	"mov %r14, 112(%rdi)\n\t"
	"mov %r15, 120(%rdi)\n\t"
	"pushfq\n\t"
	"popq 128(%rdi)\n\t"
	"cld\n\t"
	"rdfsbase %rax\n\t"
	"mov %rax, 136(%rdi)\n\t"
	"rdgsbase %rax\n\t"
	"mov %rax, 144(%rdi)\n\t"
	"mov (%rsp), %rax\n\t"
	"mov %rax, 152(%rdi)\n\t"
	"mov $-1, %eax\n\t"
	"mov %eax, %edx\n\t"
	"xsave64 192(%rdi)\n\t"
	"xor %eax, %eax\n\t"
	"ret\n\t"
	".p2align 6\n"
	"2: mov %rdi, %rbx\n\t" LOAD_STATE "ret\n"
	"gate_code_end:\n\t"
	".previous");
extern const uint8_t gate_code[], gate_code_end[];

/* ---- what is in the registers ----------------------------------------------------------------------- */

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1d | 1;
}

static void fill(void *to, unsigned bytes, uint64_t *seed)
{
	for (unsigned i = 0; i < bytes; i += sizeof(uint64_t)) {
		uint64_t word = next(seed);

		memcpy((uint8_t *)to + i, &word, sizeof(word));
	}
}

static uint64_t components(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

void gate_fill(struct gate_state *state, uint64_t seed)
{
	memset(state, 0, sizeof(*state));
	seed = seed * 0x9e3779b97f4a7c15 | 1;
	fill(state->general, sizeof(state->general), &seed);
	state->rflags = 0x202 | (next(&seed) & FLAGS_USER) | 0x40400; /* DF and AC, too */
	state->fs = next(&seed) >> 18;
	state->gs = next(&seed) >> 18;
	state->fcw = 0xf7f;
	state->ftw = 0xff;
	state->mxcsr = 0x7fbf;
	fill(state->xmm, sizeof(state->xmm), &seed);
	state->has = components() & 7;
	if (state->has & 4)
		fill(state->ymm_high, sizeof(state->ymm_high), &seed);
	for (unsigned i = 0; i < 8; i++) {
		fill(state->st[i], 8, &seed);
		state->st[i][7] |= 0x80; /* a number as the unit itself writes it */
		state->st[i][9] = 0x3f;
	}
}

static bool is_zero(const void *what, unsigned bytes)
{
	const uint8_t *at = what;

	while (bytes && !*at) {
		at++;
		bytes--;
	}
	return !bytes;
}

bool gate_vectors_are_new(const struct gate_state *state, uint32_t but)
{
	bool good = is_zero(state->st, sizeof(state->st)) && !state->ftw && !state->fsw;

	for (unsigned i = 0; i < 16; i++)
		if (!(but >> i & 1))
			good &= is_zero(state->xmm[i], 16) && is_zero(state->ymm_high[i], 16);
	return good;
}

void gate_trip(const struct gate_state *in, struct gate_state *out)
{
	gate_trip_to(in, out, 0);
}

void gate_trip_to(const struct gate_state *in, struct gate_state *out, uint64_t address)
{
	memset(out, 0, sizeof(*out));
	gate_trip_(in, out, address);
}

/* ---- places ----------------------------------------------------------------------------------------- */

static struct twz_id object_under(struct twz_id key, uint32_t type)
{
	const struct twz_sys_new new = {.type = type,
					.perms = twz_id_none(key) ? TWZ_PERM_ALL : 0,
					.key = key,
					.flags = TWZ_OBJECT_VOLATILE,
					.page = TEST_DATA_PAGE,
					.npages = 1};
	struct twz_id id = {0};

	CHECK_EQ(SYS(object_new, &new, &id), 0);
	return id;
}

void gate_grant(struct twz_id object, struct twz_id context, uint32_t perms)
{
	CHECK_EQ(SYS(right_grant, ID(object), ID(context), perms), 0);
}

static void make_context(struct gate_place *p)
{
	p->context = object_under(p->key, TWZ_TYPE_CONTEXT);
	p->header = (void *)(test_map(p->slot + GATE_SLOT_CONTEXT, p->context,
				      TWZ_VIEW_READ | TWZ_VIEW_WRITE) +
			     TWZ_OBJ_DATA);
	p->gate = (void *)(p->header + 1);
	*p->header = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
					  .version = 1,
					  .global_mask = TWZ_PERM_ALL,
					  .table = TWZ_OBJ_DATA + TWZ_PAGE,
					  .nentries = TABLE_ENTRIES,
					  .gates = TWZ_OBJ_DATA + sizeof(struct twz_context),
					  .ngates = 1};
	memset((uint8_t *)p->header + TWZ_PAGE, 0,
	       TABLE_ENTRIES * sizeof(struct twz_context_entry));
	test_program(p->context, true);
}

/* Its slots are the place's in both views. */
static void make_view(struct gate_place *p)
{
	p->view = test_view_under(p->key, p->slot + GATE_SLOT_VIEW, &p->table);
	gate_show(p, p->slot + GATE_SLOT_CODE, p->code, VIEW_ALL);
	gate_show(p, p->slot + GATE_SLOT_STACKS, p->stacks, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	gate_grant(p->view, p->context, READ_WRITE | TWZ_USE);
}

void gate_place_make(struct gate_place *p, struct twz_id key, uint32_t slot, uint32_t flags)
{
	*p = (struct gate_place){.key = key, .slot = slot};
	make_context(p);
	p->code = object_under(key, TWZ_TYPE_DATA);
	p->stacks = object_under(key, TWZ_TYPE_DATA);
	memcpy(test_map(slot + GATE_SLOT_CODE, p->code, VIEW_ALL) + TWZ_OBJ_DATA, gate_code,
	       (size_t)(gate_code_end - gate_code));
	test_map(slot + GATE_SLOT_STACKS, p->stacks, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	gate_grant(p->code, p->context, TWZ_READ | TWZ_EXEC);
	gate_grant(p->stacks, p->context, READ_WRITE);
	if (!(flags & TWZ_GATE_IN_PLACE))
		make_view(p);
	p->gate[0] = (struct twz_gate){.object = p->code,
				       .start = TWZ_OBJ_DATA,
				       .length = GATE_ENTRIES * GATE_ALIGN,
				       .align = GATE_ALIGN,
				       .flags = flags,
				       .nstacks = GATE_STACKS,
				       .handler_bytes = GATE_HANDLER,
				       .view = p->view,
				       .stacks = p->stacks,
				       .stack_size = GATE_STACK,
				       .base = (uint64_t)test_address(slot + GATE_SLOT_CODE),
				       .stack_base = (uint64_t)gate_stack(p, 0)};
	gate_publish(p);
}

void gate_place_lose(struct gate_place *p, struct twz_id *part)
{
	test_delete(*part);
	if (part == &p->context)
		test_program(*part, false);
	*part = (struct twz_id){0};
}

void gate_place_end(struct gate_place *p)
{
	struct twz_id *const parts[] = {&p->context, &p->code, &p->stacks, &p->view};

	for (uint32_t i = 0; i < GATE_SLOTS; i++)
		test_unmap(p->slot + i);
	for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!twz_id_none(*parts[i]))
			gate_place_lose(p, parts[i]);
}

void gate_publish(const struct gate_place *p)
{
	CHECK_EQ(SYS(context_publish, ID(p->context)), 0);
}

void gate_show(const struct gate_place *p, uint32_t slot, struct twz_id id, uint32_t rights)
{
	view_enter(p->table, slot, id, minimal.sys.epoch, rights);
}

uint64_t gate_address(const struct gate_place *p, uint32_t entry)
{
	return (uint64_t)test_address(p->slot + GATE_SLOT_CODE) + TWZ_OBJ_DATA + entry * GATE_ALIGN;
}

void *gate_nothing(const struct gate_place *p)
{
	return test_address(p->slot + GATE_SLOT_FREE) + TWZ_OBJ_DATA;
}

uint8_t *gate_stack(const struct gate_place *p, uint32_t n)
{
	return test_address(p->slot + GATE_SLOT_STACKS) + TWZ_OBJ_DATA + n * GATE_STACK;
}

/* ---- crossings -------------------------------------------------------------------------------------- */

struct twz_sys_gate gate_to(const struct gate_place *p, uint32_t entry)
{
	return (struct twz_sys_gate){.context = p->context, .entry = entry, .timeout_ns = ~0ull};
}

int64_t gate_call(const struct twz_sys_gate *gate, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e)
{
	return gate_syscall(a, b, c, d, e, gate, TWZ_SYS(gate_call));
}

int64_t gate_enter(const struct gate_place *p, uint32_t entry, uint64_t a, uint64_t b, uint64_t c)
{
	const struct twz_sys_gate gate = gate_to(p, entry);

	return gate_call(&gate, a, b, c, 0, 0);
}

int64_t gate_apply(const struct gate_place *p, int64_t (*f)(uint64_t, uint64_t), uint64_t a,
		   uint64_t b)
{
	return gate_enter(p, GATE_APPLY, (uint64_t)f, a, b);
}

int64_t gate_jump(const struct gate_place *p, uint32_t entry, uint64_t a, uint64_t b, uint64_t c)
{
	return ((int64_t(*)(uint64_t, uint64_t, uint64_t))gate_address(p, entry))(a, b, c);
}

int64_t gate_apply_by_jump(const struct gate_place *p, int64_t (*f)(uint64_t, uint64_t), uint64_t a,
			   uint64_t b)
{
	return gate_jump(p, GATE_APPLY, (uint64_t)f, a, b);
}

struct twz_id gate_active(void)
{
	return test_info().context;
}

struct twz_sys_caller gate_caller(void)
{
	struct twz_sys_caller caller = {0};

	CHECK_EQ(SYS(gate_caller, &caller), 0);
	return caller;
}

void gate_is_outside(struct twz_id context)
{
	struct twz_sys_caller caller;

	CHECK(twz_id_equal(gate_active(), context));
	CHECK(twz_id_equal(test_info().view, minimal.sys.view));
	CHECK_EQ(SYS(gate_caller, &caller), TWZ_E_NOTFOUND);
}

/* ---- callers ---------------------------------------------------------------------------------------- */

struct twz_id gate_context(struct twz_id key)
{
	const uint32_t slot = TEST_SLOT - 2;
	struct twz_id id = object_under(key, TWZ_TYPE_CONTEXT);
	struct twz_context *header =
		(void *)(test_map(slot, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE) + TWZ_OBJ_DATA);

	*header = (struct twz_context){.magic = TWZ_CONTEXT_MAGIC,
				       .version = 1,
				       .global_mask = TWZ_PERM_ALL,
				       .table = TWZ_OBJ_DATA + sizeof(*header),
				       .nentries = 1};
	test_unmap(slot);
	test_program(id, true);
	return id;
}

void gate_context_end(struct twz_id context)
{
	test_program(context, false);
	test_delete(context);
}

void gate_attach(const struct gate_place *p)
{
	CHECK_EQ(SYS(context_attach, ID(p->context), 0), 0);
}
