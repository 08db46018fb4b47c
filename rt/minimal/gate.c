/*
 * gate.c - gates: calls through them, and getting a program ready for those who enter it.
 *
 * The stacks of who enters lie in one object in slot TWZ_SLOT_GATE, one behind the other: a guard page,
 * the stack of the fault handler, another guard page, the stack. What comes after that is as with every thread of
 * the program: faults come in at fault_entry, no state is the thread's own.
 */
#include "abi/security.h"
#include "rt/minimal/minimal.h"
#include "rt/minimal/sys.h"
#include "rt/minimal/view.h"

#define TEXT ((uint64_t)TWZ_SLOT_TEXT << TWZ_SLOT_SHIFT)
#define STACKS TWZ_SLOT_DATA_AT(TWZ_SLOT_GATE)
#define STACK_BYTES ((uint64_t)1 << 20)
#define HANDLER_BYTES ((uint64_t)248 << 10) /* its guard page included */
TWZ_PIN(TWZ_OBJ_DATA + TWZ_GATE_STACKS_MAX * STACK_BYTES <= TWZ_SLOT_SIZE);

void fault_entry(void); /* entry.S */

/* ---- calling ---------------------------------------------------------------------------------------- */

TWZ_PIN(sizeof(struct twz_rt_gate) == sizeof(struct twz_sys_gate) &&
	offsetof(struct twz_rt_gate, timeout_ns) == offsetof(struct twz_sys_gate, timeout_ns) &&
	offsetof(struct twz_rt_gate, flags) == offsetof(struct twz_sys_gate, flags));
TWZ_PIN(sizeof(struct twz_rt_caller) == sizeof(struct twz_sys_caller) &&
	offsetof(struct twz_rt_caller, depth) == offsetof(struct twz_sys_caller, depth));

/* Unlike other calls this one leaves nothing in the vector registers. */
int64_t twz_rt_gate_call(const struct twz_rt_gate *gate, const uint64_t argument[5])
{
	uint64_t a = argument[0], b = argument[1], c = argument[2], d = argument[3],
		 e = argument[4];
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register const struct twz_rt_gate *r9 __asm__("r9") = gate;
	int64_t result = TWZ_SYS(gate_call);

	__asm__ volatile("syscall"
			 : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
			   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
			   "xmm13", "xmm14", "xmm15");
	return result;
}

int twz_rt_gate_caller(struct twz_rt_caller *caller)
{
	return (int)SYS(gate_caller, caller);
}

int twz_rt_gate_may(struct twz_id object, uint32_t perms)
{
	return (int)SYS(gate_may, ID(object), perms);
}

int twz_rt_gate_return(int64_t result)
{
	return (int)SYS(gate_return, result, 0);
}

/* ---- being called ----------------------------------------------------------------------------------- */

static bool good(const struct twz_rt_service *s)
{
	const uint64_t code = (uint64_t)s->code;

	return s->nstacks && s->nstacks <= TWZ_GATE_STACKS_MAX && s->entries &&
	       !(s->flags & ~(uint32_t)(TWZ_GATE_ABORTABLE | TWZ_GATE_PUBLIC)) && !s->reserved &&
	       code / TWZ_SLOT_SIZE == TWZ_SLOT_TEXT && !(code % TWZ_PAGE);
}

/* The page at this offset of the stacks' object cannot be touched. */
static int guard(struct twz_id stacks, uint64_t offset)
{
	return twz_rt_limit(stacks, offset / TWZ_PAGE, 1, TWZ_READ | TWZ_WRITE | TWZ_EXEC);
}

static int make_stacks(uint32_t count, struct twz_id *stacks)
{
	const struct twz_rt_new new = {
		.perms = owner_perms(), .key = minimal.sys.key, .flags = TWZ_NEW_VOLATILE};
	int error = twz_rt_create(&new, stacks);

	for (uint32_t i = 0; !error && i < count; i++) {
		const uint64_t low = TWZ_OBJ_DATA + i * STACK_BYTES;

		error = guard(*stacks, low);
		if (!error)
			error = guard(*stacks, low + HANDLER_BYTES);
	}
	return error;
}

/* What a thread in this program touches; its first thread, because what the program makes is tied to that. */
static int grant_all(struct twz_id stacks, struct twz_id context)
{
	const uint32_t read_write = TWZ_READ | TWZ_WRITE;
	const struct twz_view_slot *slot = minimal.rt.view;
	const struct {
		struct twz_id id;
		uint32_t perms;
	} part[] = {{slot[TWZ_SLOT_DATA].id, read_write},
		    {slot[TWZ_SLOT_STACK].id, read_write},
		    {slot[TWZ_SLOT_SHADOW].id, read_write},
		    {slot[TWZ_SLOT_VIEW].id, read_write | TWZ_USE},
		    {stacks, read_write},
		    {minimal.sys.thread, TWZ_READ}};
	int error = 0;

	for (unsigned i = 0; !error && i < sizeof(part) / sizeof(part[0]); i++)
		error = twz_rt_grant(part[i].id, context, part[i].perms);
	if (error)
		return error;
	error = twz_rt_grant(minimal.sys.console, context, TWZ_READ | TWZ_USE);
	return error == TWZ_E_NOTFOUND || error == TWZ_E_RIGHT ? 0 : error;
}

int twz_rt_serve(const struct twz_rt_service *service, struct twz_gate *gate)
{
	static uint32_t serves;
	struct twz_id stacks = {0};
	struct twz_rt_stat stat;
	int error = good(service) ? twz_rt_stat(service->context, &stat) : TWZ_E_ARG;

	if (error)
		return error;
	if (__atomic_exchange_n(&serves, 1, __ATOMIC_ACQUIRE))
		return TWZ_E_EXISTS;
	error = make_stacks(service->nstacks, &stacks);
	if (!error)
		error = grant_all(stacks, service->context);
	if (error) {
		if (stacks.lo | stacks.hi)
			twz_rt_delete(stacks);
		__atomic_store_n(&serves, 0, __ATOMIC_RELEASE);
		return error;
	}
	/* Who enters makes objects for the program under this key, before we act in the context ourselves. */
	minimal.sys.context = minimal.rt.context = service->context;
	minimal.sys.key = minimal.rt.key = stat.identity.key;
	view_enter(view_own(), TWZ_SLOT_GATE, stacks, minimal.sys.epoch,
		   TWZ_VIEW_READ | TWZ_VIEW_WRITE);
	*gate = (struct twz_gate){.object = minimal.rt.view[TWZ_SLOT_TEXT].id,
				  .start = (uint64_t)service->code - TEXT,
				  .length = (uint64_t)service->entries * TWZ_RT_ENTRY,
				  .align = TWZ_RT_ENTRY,
				  .flags = service->flags,
				  .nstacks = service->nstacks,
				  .handler_bytes = HANDLER_BYTES,
				  .view = minimal.sys.view,
				  .stacks = stacks,
				  .stack_size = STACK_BYTES,
				  .base = TEXT,
				  .stack_base = STACKS,
				  .handler = (uint64_t)fault_entry};
	return 0;
}
