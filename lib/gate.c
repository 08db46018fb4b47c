/*
 * gate.c - services and who calls them (twz/gate.h).
 *
 * What a service copies from or to a caller's object it sees in a slot of its own, a window, which each of its
 * stacks has: so no lock is taken, and the slots of what the program opens itself are left alone. A window
 * goes on showing what it showed, for the caller that comes again with the same buffer.
 */
#include "core/fot.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "lib/space.h"

#include <twz/gate.h>
#include <twz/io.h>
#include <twz/name.h>
#include <twz/right.h>

/* ---- serving -------------------------------------------------------------------------------------- */

/* Where the stacks are, constant once it serves, and what the window of each shows. */
static struct {
	uint64_t base, size;
	uint32_t count;
	uint32_t slot; /* of the first one's window */
	struct twz_id shown[TWZ_GATE_STACKS_MAX];
} stacks;

static int reserve_windows(const struct twz_gate *gate)
{
	int error = space_reserve(gate->nstacks, &stacks.slot);

	if (error)
		return error;
	stacks.base = gate->stack_base;
	stacks.size = gate->stack_size;
	stacks.count = gate->nstacks;
	return 0;
}

/* What can fail of changing over comes before the gate is there. */
static int join(struct twz_id context)
{
	int error = twz_context_attach(context, 0);

	return error == TWZ_E_EXISTS ? 0 : error;
}

/* From one context into the other; one that cannot be left stays. */
static int change_over(struct twz_id from, struct twz_id to)
{
	int error = twz_context_switch(to);

	if (!error && !twz_id_none(from))
		error = twz_context_detach(from);
	return error == TWZ_E_BUSY ? 0 : error;
}

int twz_serve(const struct twz_entries *entries, struct twz_id context, uint32_t nstacks,
	      uint32_t flags)
{
	const struct twz_rt_service service = {.context = context,
					       .code = (const void *)entries->code,
					       .entries = entries->count,
					       .nstacks = nstacks,
					       .flags = flags};
	const struct twz_id before = twz_rt_info()->context;
	struct twz_gate gate;
	struct twz_obj obj;
	int error = twz_context_open(context, &obj);

	if (!error)
		error = join(context);
	if (!error)
		error = twz_rt_serve(&service, &gate);
	if (!error)
		error = reserve_windows(&gate);
	if (!error)
		error = twz_context_gate_set(&obj, 0, &gate);
	if (!error)
		error = twz_context_publish(&obj);
	if (!error && !twz_id_equal(before, context))
		error = change_over(before, context);
	return error;
}

void twz_serve_on(void)
{
	const uint32_t never = 0;

	twz_flush();
	for (;;)
		twz_rt_wait(&never, 0, ~0ull);
}

/* ---- what callers name ---------------------------------------------------------------------------- */

/* The number of the stack that this runs on; stacks.count: none of a gate. */
static uint32_t own_stack(void)
{
	const uint64_t here = (uint64_t)__builtin_frame_address(0) - stacks.base;

	return here < stacks.count * stacks.size ? (uint32_t)(here / stacks.size) : stacks.count;
}

/* The address of `off` of the object, as the caller may have it, in the window of this stack. */
static int window(struct twz_id id, uint32_t perms, uint64_t off, uint64_t bytes, uint8_t **at)
{
	const uint32_t own = own_stack();
	int error = own == stacks.count ? TWZ_E_NOTFOUND : twz_rt_gate_may(id, perms);

	if (error)
		return error;
	if (off > TWZ_SLOT_SIZE || bytes > TWZ_SLOT_SIZE - off)
		return TWZ_E_RANGE;
	if (!twz_id_equal(stacks.shown[own], id)) {
		/* A call that is ended in between leaves a window that shows nothing it knows of. */
		stacks.shown[own] = (struct twz_id){0};
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		space_show(stacks.slot + own, id, TWZ_VIEW_READ | TWZ_VIEW_WRITE);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		stacks.shown[own] = id;
	}
	*at = space_base(stacks.slot + own) + off;
	return 0;
}

int twz_gate_read(struct twz_id id, uint64_t off, uint64_t bytes, void *copy)
{
	uint8_t *at;
	int error = window(id, TWZ_READ, off, bytes, &at);

	return error ? error : probe_copy(copy, at, bytes) ? 0 : TWZ_E_NOTFOUND;
}

int twz_gate_write(struct twz_id id, uint64_t off, uint64_t bytes, const void *from)
{
	uint8_t *at;
	int error = window(id, TWZ_WRITE, off, bytes, &at);

	return error ? error : probe_copy(at, from, bytes) ? 0 : TWZ_E_NOTFOUND;
}

int twz_gate_open(struct twz_id id, uint32_t perms, struct twz_obj *obj)
{
	int error = twz_rt_gate_may(id, perms);

	return error ? error : twz_obj_open(id, obj);
}

/* Where the pointer leads by ID: names would be looked up with this program's rights, not the caller's. */
static int target_of(const uint64_t *where, uint64_t raw, struct twz_id *id)
{
	const uint64_t index = ptr_index(raw);
	const struct twz_fot_entry *entry;
	struct twz_obj own;
	int error = twz_obj_at(where, &own);

	*id = own.id;
	if (error || !index)
		return error;
	if (index >= TWZ_FOT_ENTRIES)
		return TWZ_E_UNRESOLVED;
	entry = fot_entry(where, index);
	if (__atomic_load_n(&entry->kind, __ATOMIC_ACQUIRE) != TWZ_FOT_ID)
		return TWZ_E_UNRESOLVED;
	*id = (struct twz_id){__atomic_load_n(&entry->target.lo, __ATOMIC_RELAXED),
			      __atomic_load_n(&entry->target.hi, __ATOMIC_RELAXED)};
	return 0;
}

int twz_gate_follow(const uint64_t *where, uint32_t perms, void **addr)
{
	const uint64_t raw =
		__atomic_load_n(where, __ATOMIC_RELAXED); /* once: others store to it */
	struct twz_obj obj = {0};
	struct twz_id id;
	int error;

	*addr = NULL;
	if (!raw)
		return 0;
	error = target_of(where, raw, &id);
	if (!error && ptr_offset(raw) >= TWZ_SLOT_SIZE)
		error = TWZ_E_RANGE;
	if (!error)
		error = twz_gate_open(id, perms, &obj);
	if (!error)
		*addr = obj.base + ptr_offset(raw);
	return error;
}

/* ---- calling -------------------------------------------------------------------------------------- */

static int64_t enter(const struct twz_service *service, uint32_t entry, const uint64_t argument[5])
{
	const struct twz_rt_gate gate = {.context = service->context,
					 .gate = service->gate,
					 .entry = entry,
					 .timeout_ns = service->timeout_ns,
					 .flags = service->flags};

	return twz_rt_gate_call(&gate, argument);
}

int64_t twz_service_call(const struct twz_service *service, uint32_t call,
			 const uint64_t argument[5])
{
	return enter(service, call + 1, argument);
}

int twz_service_at(struct twz_id context, uint32_t version, struct twz_service *service)
{
	int64_t there;

	*service = (struct twz_service){.context = context, .wanted = version, .timeout_ns = ~0ull};
	there = enter(service, 0, (const uint64_t[5]){0});
	if (there < 0)
		return (int)there;
	service->version = (uint32_t)there;
	return service->version >> 16 == version >> 16 && service->version >= version
		       ? 0
		       : TWZ_E_VERSION;
}

int twz_service_open(const char *path, uint32_t version, struct twz_service *service)
{
	struct twz_id context;
	int error = twz_name_resolve(path, &context);

	return error ? error : twz_service_at(context, version, service);
}

/* ---- buffers -------------------------------------------------------------------------------------- */

static void unmake(struct twz_buffer *buffer)
{
	struct twz_obj obj;

	twz_obj_delete(buffer->id);
	if (!twz_obj_at(buffer->data, &obj))
		twz_obj_recycle(&obj);
}

static int make(const struct twz_service *service, uint64_t bytes, struct twz_buffer *buffer)
{
	struct twz_obj obj;
	int error = twz_obj_new(&(struct twz_new){.temporary = true, .bytes = bytes}, &obj);

	if (error)
		return error;
	*buffer = (struct twz_buffer){.data = twz_obj_data(&obj),
				      .id = obj.id,
				      .off = TWZ_OBJ_DATA,
				      .bytes = bytes,
				      .place = TWZ_BUFFERS};
	error = twz_right_grant(obj.id, service->context, TWZ_READ | TWZ_WRITE);
	if (error) {
		unmake(buffer);
		*buffer = (struct twz_buffer){0};
	}
	return error;
}

/* One that is kept, for so many bytes now. */
static int take(const struct twz_service *service, uint64_t bytes, struct twz_buffer *kept)
{
	int error;

	if (!kept->data)
		return make(service, bytes, kept);
	if (bytes <= kept->bytes)
		return 0;
	error = twz_rt_touch(kept->data, bytes);
	if (!error)
		kept->bytes = bytes;
	return error;
}

int twz_buffer_take(struct twz_service *service, uint64_t bytes, struct twz_buffer *buffer)
{
	uint32_t i = 0;
	int error;

	if (bytes > TWZ_SLOT_SIZE - TWZ_OBJ_DATA)
		return TWZ_E_RANGE;
	while (i < TWZ_BUFFERS && __atomic_exchange_n(&service->kept[i].used, 1, __ATOMIC_ACQUIRE))
		i++;
	if (i == TWZ_BUFFERS)
		return make(service, bytes, buffer);
	error = take(service, bytes, &service->kept[i].buffer);
	if (error) {
		__atomic_store_n(&service->kept[i].used, 0, __ATOMIC_RELEASE);
		return error;
	}
	*buffer = service->kept[i].buffer;
	buffer->place = i;
	return 0;
}

void twz_buffer_give(struct twz_service *service, struct twz_buffer *buffer)
{
	if (buffer->place < TWZ_BUFFERS)
		__atomic_store_n(&service->kept[buffer->place].used, 0, __ATOMIC_RELEASE);
	else
		unmake(buffer);
	*buffer = (struct twz_buffer){0};
}

void twz_service_close(struct twz_service *service)
{
	for (uint32_t i = 0; i < TWZ_BUFFERS; i++)
		if (service->kept[i].buffer.data)
			unmake(&service->kept[i].buffer);
	*service = (struct twz_service){0};
}
