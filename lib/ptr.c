/* ptr.c - persistent pointers: what the inline path does not know (twz/ptr.h). */
#include "core/fot.h"
#include "lib/late.h"
#include "lib/path.h"
#include "lib/space.h"

#include <twz/ptr.h>

/*
 * A copy of the entry. What makes an entry good was there before the pointer that led here; only the
 * links of the chains, in the same word as its kind, may be changing: no race that matters.
 */
static __attribute__((no_sanitize_thread)) struct twz_fot_entry entry_of(const void *holder,
									 uint32_t index)
{
	const struct twz_fot_entry *entry = fot_entry(holder, index);
	uint16_t kind = __atomic_load_n(&entry->kind, __ATOMIC_ACQUIRE);
	struct twz_fot_entry copy = {.kind = kind, .name = entry->name, .target = entry->target};

	return copy;
}

static int outside(struct twz_fault *fault, uint32_t kind, int error)
{
	fault->kind = kind;
	return fault->error = error;
}

/* Into another object. */
static int foreign(const void *where, uint32_t slot, uint64_t raw, struct twz_fault *fault,
		   void **addr)
{
	uint32_t index = (uint32_t)ptr_index(raw);
	uint64_t offset = ptr_offset(raw);
	struct twz_fot_entry entry = entry_of(where, index);
	struct twz_obj obj;
	int error;

	switch (entry.kind) {
	case TWZ_FOT_ID:
		error = space_map(entry.target, offset >= TWZ_SLOT_SIZE, NULL, &obj);
		if (error) {
			error = error == TWZ_E_NOTFOUND ? TWZ_E_UNRESOLVED : error;
			break;
		}
		space_cache(slot, index,
			    __atomic_load_n(&obj_meta(where)->fot_next, __ATOMIC_RELAXED),
			    obj.slot);
		*addr = obj.base + offset;
		return 0;
	case TWZ_FOT_NAME:
		error = late_follow(where, index, &entry, &obj);
		if (!error && offset >= obj_span(obj.base))
			error = twz_obj_open_large(obj.id, &obj);
		if (error)
			break;
		*addr = offset ? obj.base + offset : twz_obj_root(&obj);
		return 0;
	default:
		error = TWZ_E_UNRESOLVED;
	}
	return outside(fault, error == TWZ_E_DAMAGED ? TWZ_FAULT_DAMAGED : TWZ_FAULT_UNRESOLVED,
		       error);
}

static int follow(const void *where, uint64_t raw, struct twz_fault *fault, void **addr)
{
	struct twz_obj obj;
	uint32_t slot;

	*fault = (struct twz_fault){.access = TWZ_VIEW_READ, .address = (uint64_t)where};
	if (!space_find(where, &slot))
		return outside(fault, TWZ_FAULT_POINTER, TWZ_E_OUTSIDE);
	fault->object = space_id(slot);
	fault->offset = obj_offset(where);
	if (ptr_index(raw) >= TWZ_FOT_ENTRIES)
		return outside(fault, TWZ_FAULT_UNRESOLVED, TWZ_E_UNRESOLVED);
	if (ptr_index(raw))
		return foreign(where, slot, raw, fault, addr);
	if (ptr_offset(raw) >= obj_span(where)) {
		/* In another mapping of the same object, a large one. */
		if (space_map(fault->object, true, NULL, &obj))
			return outside(fault, TWZ_FAULT_RANGE, TWZ_E_RANGE);
		*addr = obj.base + ptr_offset(raw);
		return 0;
	}
	*addr = obj_base(where) + ptr_offset(raw);
	return 0;
}

int twz_ptr_try(const uint64_t *where, uint64_t raw, void **addr)
{
	struct twz_fault fault;

	*addr = NULL;
	return raw ? follow(where, raw, &fault, addr) : 0;
}

void *twz_ptr_slow(const uint64_t *where, uint64_t raw)
{
	struct twz_fault fault;
	void *addr;

	if (!raw)
		return NULL;
	while (follow(where, raw, &fault, &addr)) {
		twz_rt_fault(&fault);
		raw = *where; /* the program repaired it */
		if (!raw)
			return NULL;
	}
	return addr;
}

void twz_ptr_check(const void *where)
{
	struct twz_fault fault = {.kind = TWZ_FAULT_POINTER,
				  .error = TWZ_E_OUTSIDE,
				  .access = TWZ_VIEW_READ,
				  .address = (uint64_t)where};
	uint32_t slot;

	while (!space_find(where, &slot))
		twz_rt_fault(&fault);
}

static int make(struct twz_tx *tx, void *holder, const void *target, uint32_t flags, uint64_t *raw)
{
	uint32_t from, to, index;
	struct twz_id id;
	int error;

	*raw = 0;
	if (!target)
		return 0;
	if (!space_find(holder, &from) || !space_find(target, &to))
		return TWZ_E_OUTSIDE;
	*raw = obj_offset(target);
	if (from == to)
		return 0;
	id = space_id(to);
	if (twz_id_equal(space_id(from), id)) /* mapped small and large */
		return 0;
	if (!(flags & TWZ_SET_ENDING) && space_ending(to) && !space_ending(from))
		return TWZ_E_ARG;
	error = fot_insert(tx, holder, id, &index); /* or finds it */
	if (error)
		return error;
	*raw |= ptr_make(index, 0);
	return 0;
}

/* Errors inside a transaction stay, so that only its commit needs to be looked at. */
static int stick(struct twz_tx *tx, int error)
{
	if (tx && error && !tx->error)
		tx->error = error;
	return error;
}

int twz_ptr_to(struct twz_tx *tx, const void *holder, const void *target, uint32_t flags,
	       uint64_t *raw)
{
	return stick(tx, make(tx, (void *)holder, target, flags, raw));
}

/* A word that other threads may load meanwhile. */
static int put(struct twz_tx *tx, uint64_t *where, uint64_t raw)
{
	if (tx)
		return twz_tx_set(tx, where, raw);
	__atomic_store_n(where, raw, __ATOMIC_RELEASE);
	return 0;
}

int twz_ptr_set(struct twz_tx *tx, uint64_t *where, const void *target, uint32_t flags)
{
	uint64_t raw;
	int error;

#if TWZ_CHECK
	twz_ptr_check(where);
#endif
	error = twz_ptr_to(tx, where, target, flags, &raw);
	return error ? error : put(tx, where, raw);
}

int twz_ptr_set_name(struct twz_tx *tx, uint64_t *where, const char *path, struct twz_id resolver)
{
	uint64_t bytes = path_length(path);
	uint32_t index;
	int error = bytes > TWZ_PATH_MAX ? TWZ_E_NAME : 0;

	if (!error)
		error = fot_insert_name(tx, where, path, (uint32_t)bytes, resolver, &index);
	return stick(tx, error ? error : put(tx, where, ptr_make(index, 0)));
}
