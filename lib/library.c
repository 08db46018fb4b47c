/* library.c - libraries that are objects of their own (twz/library.h). */
#include <twz/library.h>

#include "lib/space.h"

#define DATA_PAGE (TWZ_OBJ_DATA / TWZ_PAGE)

static uint32_t slot_of(uint64_t address)
{
	return (uint32_t)(address >> TWZ_SLOT_SHIFT);
}

/* The image lies in the program's text: its pages are shared, copy-on-write. */
static int make_text(const struct twz_library *library, struct twz_id *text)
{
	const struct twz_rt_info *info = twz_rt_info();
	const struct twz_rt_new new = {
		.perms = TWZ_READ | TWZ_EXEC, .flags = TWZ_NEW_VOLATILE, .key = info->key};
	const uint64_t address = (uint64_t)library;
	int error = twz_rt_create(&new, text);

	if (error)
		return error;
	error = twz_rt_copy(*text, DATA_PAGE, info->view[slot_of(address)].id,
			    address % TWZ_SLOT_SIZE / TWZ_PAGE, library->pages);
	if (error)
		twz_rt_delete(*text);
	return error;
}

/* Below it a page that cannot be touched. */
static int make_stack(uint64_t bytes, struct twz_gate *gate)
{
	const struct twz_new new = {.temporary = true, .bytes = TWZ_PAGE + bytes};
	struct twz_obj stack;
	int error = twz_obj_new(&new, &stack);

	if (error)
		return error;
	gate->stacks = stack.id;
	gate->nstacks = 1;
	gate->stack_size = bytes;
	gate->stack_base = (uint64_t)twz_obj_data(&stack) + TWZ_PAGE;
	error = twz_rt_limit(stack.id, DATA_PAGE, 1, TWZ_READ | TWZ_WRITE | TWZ_EXEC);
	if (error) {
		twz_obj_delete(stack.id);
		twz_obj_recycle(&stack);
	}
	return error;
}

int twz_library_open(const struct twz_library *library, uint64_t stack_bytes, struct twz_gate *gate)
{
	uint32_t slot;
	int error;

	if (!library)
		return TWZ_E_ABSENT;
	slot = slot_of(library->address);
	*gate = (struct twz_gate){.start = TWZ_OBJ_DATA + sizeof(*library),
				  .length = (uint64_t)library->entries * TWZ_LIBRARY_ENTRY,
				  .align = TWZ_LIBRARY_ENTRY,
				  .flags = TWZ_GATE_IN_PLACE | TWZ_GATE_ABORTABLE,
				  .base = (uint64_t)space_base(slot)};
	error = make_text(library, &gate->object);
	if (error)
		return error;
	error = make_stack(stack_bytes, gate);
	if (error)
		twz_rt_delete(gate->object);
	else
		space_show(slot, gate->object, TWZ_VIEW_READ | TWZ_VIEW_EXEC);
	return error;
}
