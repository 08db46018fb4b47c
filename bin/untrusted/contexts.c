/* contexts.c - the contexts of the example, and their gates (contexts.h). */
#include "bin/common/program.h"
#include "bin/untrusted/contexts.h"
#include <twz/library.h>

#define READ_WRITE (TWZ_READ | TWZ_WRITE)
#define STACK_BYTES (64u << 10)

TWZ_LIBRARY(untrusted);

/* Where the program runs when the library calls it. */
static uint8_t callback_stack[STACK_BYTES] __attribute__((aligned(16)));

static struct twz_id shown_in(enum twz_slot slot)
{
	return twz_rt_info()->view[slot].id;
}

static int make_objects(struct sandbox *s)
{
	const struct twz_new private = {.perms = READ_WRITE | TWZ_USE,
					.key = twz_rt_info()->key,
					.temporary = true,
					.bytes = TWZ_PAGE};
	const struct twz_new heap = {.temporary = true, .bytes = TWZ_PAGE};
	int error = twz_library_open(&untrusted_library, STACK_BYTES, &s->functions);

	if (!error)
		error = twz_obj_new(&private, &s->private);
	if (!error)
		error = twz_obj_new(&heap, &s->heap);
	return error;
}

/* ---- the library's context ------------------------------------------------------------------------- */

/* Memory of the library's: the exception from the mask on all that it has. */
static int give_memory(const struct sandbox *s, struct twz_id memory)
{
	int error = twz_context_mask(&s->library, memory, TWZ_WRITE, READ_WRITE);

	return error ? error : twz_right_grant(memory, s->library.id, READ_WRITE);
}

static int make_library_context(struct sandbox *s)
{
	const struct twz_context_new new = {
		.key = twz_rt_info()->key, .global_mask = TWZ_READ | TWZ_EXEC, .temporary = true};
	int error = twz_context_make(&new, &s->library);

	if (!error)
		error = twz_context_mask(&s->library, shown_in(TWZ_SLOT_TEXT), 0, 0);
	if (!error)
		error = twz_context_mask(&s->library, s->private.id, TWZ_USE, TWZ_USE);
	if (!error)
		error = give_memory(s, s->functions.stacks);
	if (!error)
		error = give_memory(s, s->heap.id);
	if (!error)
		error = twz_context_gate_set(&s->library, 0, &s->functions);
	return error ? error : twz_context_publish(&s->library);
}

/* ---- the program's --------------------------------------------------------------------------------- */

/* What the program runs on was given to the context that it was started in. */
static int give_program(const struct sandbox *s)
{
	static const struct {
		enum twz_slot slot;
		uint32_t perms;
	} needed[] = {{TWZ_SLOT_DATA, READ_WRITE},
		      {TWZ_SLOT_STACK, READ_WRITE},
		      {TWZ_SLOT_VIEW, READ_WRITE},
		      {TWZ_SLOT_SHADOW, READ_WRITE},
		      {TWZ_SLOT_CONSOLE, TWZ_READ | TWZ_USE}};
	int error = twz_right_grant(s->heap.id, s->program.id, READ_WRITE);

	for (unsigned i = 0; !error && i < sizeof(needed) / sizeof(needed[0]); i++)
		error = twz_right_grant(shown_in(needed[i].slot), s->program.id, needed[i].perms);
	return error;
}

/* One entry, where the function begins. */
static struct twz_gate gate_of(int64_t (*callback)(int64_t number))
{
	const uint64_t text = (uint64_t)TWZ_SLOT_TEXT << TWZ_SLOT_SHIFT;

	return (struct twz_gate){.object = shown_in(TWZ_SLOT_TEXT),
				 .start = (uint64_t)callback - text,
				 .length = 1,
				 .align = 1,
				 .flags = TWZ_GATE_IN_PLACE,
				 .nstacks = 1,
				 .stacks = shown_in(TWZ_SLOT_DATA),
				 .stack_size = sizeof(callback_stack),
				 .base = text,
				 .stack_base = (uint64_t)callback_stack};
}

static int make_program_context(struct sandbox *s, int64_t (*callback)(int64_t number))
{
	const struct twz_context_new new = {
		.key = twz_rt_info()->key, .global_mask = TWZ_PERM_ALL, .temporary = true};
	const struct twz_gate gate = gate_of(callback);
	int error = twz_context_make(&new, &s->program);

	if (!error)
		error = twz_context_mask(&s->program, s->functions.object, 0, TWZ_READ);
	if (!error)
		error = give_program(s);
	if (!error)
		error = twz_context_gate_set(&s->program, 0, &gate);
	return error ? error : twz_context_publish(&s->program);
}

/* ---- both ------------------------------------------------------------------------------------------ */

/* What cannot be left, of who runs the program confined, stays, and its limits with it. */
static int leave(struct twz_id context)
{
	int error = twz_context_detach(context);

	return error == TWZ_E_BUSY ? 0 : error;
}

static int enter(const struct sandbox *s)
{
	const struct twz_id before = twz_rt_info()->context;
	int error = twz_context_attach(s->library.id, 0);

	if (!error)
		error = twz_context_attach(s->program.id, TWZ_ATTACH_ACTIVE);
	return error ? error : leave(before);
}

int sandbox_enter(struct sandbox *s, int64_t (*callback)(int64_t number))
{
	int error = twz_id_none(twz_rt_info()->context) ? TWZ_E_ABSENT : make_objects(s);

	if (!error)
		error = make_library_context(s);
	if (!error)
		error = make_program_context(s, callback);
	if (!error)
		error = enter(s);
	if (error == TWZ_E_ABSENT)
		return fail(NULL,
			    "there are gates on the machine only, in a store with a boot context");
	return error ? fail_error("its contexts", error) : STATUS_OK;
}
