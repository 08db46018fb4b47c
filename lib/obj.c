/* obj.c - objects (twz/obj.h). */
#include "core/ptr.h"
#include "lib/space.h"

#include <twz/heap.h>
#include <twz/obj.h>
#include <twz/tx.h>

_Static_assert(TWZ_RT_VERSION >> 16 == 1, "libtwz is written for version 1 of the runtime ABI");

#define PERMS_DEFAULT (TWZ_READ | TWZ_WRITE | TWZ_USE | TWZ_DELETE)
#define CREATE_PAGES_MAX 512u /* in the update that makes the object */
#define PAGES_MAX (TWZ_OBJ_SIZE_MAX / TWZ_PAGE)

int twz_obj_open(struct twz_id id, struct twz_obj *obj)
{
	return space_map(id, false, NULL, obj);
}

int twz_obj_open_large(struct twz_id id, struct twz_obj *obj)
{
	return space_map(id, true, NULL, obj);
}

int twz_obj_at(const void *addr, struct twz_obj *obj)
{
	uint32_t slot;

	if (!space_find(addr, &slot))
		return TWZ_E_OUTSIDE;
	*obj = (struct twz_obj){.id = space_id(slot), .base = space_base(slot), .slot = slot};
	return 0;
}

static uint32_t new_flags(const struct twz_new *new)
{
	return (new->ending ? TWZ_NEW_ENDING : 0) | (new->temporary ? TWZ_NEW_VOLATILE : 0) |
	       (twz_id_none(new->tie) ? 0 : TWZ_NEW_TIED) |
	       (new->tie_flags &TWZ_TIE_ENDING ? TWZ_NEW_TIE_ENDING : 0);
}

int twz_obj_new(const struct twz_new *new, struct twz_obj *obj)
{
	uint64_t pages = (new->bytes + TWZ_PAGE - 1) / TWZ_PAGE;
	struct twz_rt_new what = {
		.type = new->type,
		.perms = new->perms ? new->perms : PERMS_DEFAULT,
		.flags = new_flags(new),
		.key = new->key,
		.page = TWZ_OBJ_DATA / TWZ_PAGE,
		.npages = pages < CREATE_PAGES_MAX ? pages : CREATE_PAGES_MAX,
		.tie = new->tie,
	};
	const bool owned = !new->perms &&twz_id_none(new->key) && !twz_id_none(twz_rt_info()->key);
	const bool ends = new->ending || new->temporary;
	struct twz_rt_stat stat = {.end_epoch = ends ? twz_rt_info()->epoch : 0};
	struct twz_id id;
	int error;

	if (new->bytes > TWZ_OBJ_SIZE_MAX - TWZ_OBJ_DATA)
		return TWZ_E_RANGE;
	if (new->tie_flags & ~TWZ_TIE_ENDING)
		return TWZ_E_ARG;
	if (owned) { /* its owner's alone */
		what.perms = 0;
		what.key = twz_rt_info()->key;
	}
	error = twz_rt_create(&what, &id);
	if (error)
		return error;
	error = space_map(id, new->large, &stat, obj);
	if (error) {
		twz_obj_delete(id);
		return error;
	}
	if (pages > what.npages)
		error = twz_rt_touch((uint8_t *)twz_obj_data(obj) + what.npages * TWZ_PAGE,
				     new->bytes - what.npages *TWZ_PAGE);
	if (!error && new->heap)
		error = twz_heap_make(obj);
	if (error) {
		twz_obj_delete(id);
		twz_obj_recycle(obj);
	}
	return error;
}

int twz_obj_recycle(struct twz_obj *obj)
{
	uint32_t slot;

	if (!space_find(obj->base, &slot) || !twz_id_equal(space_id(slot), obj->id))
		return TWZ_E_OUTSIDE;
	space_recycle(slot);
	*obj = (struct twz_obj){0};
	return 0;
}

int twz_obj_keep(struct twz_id id)
{
	twz_rt_info();
	return twz_rt_keep(id);
}

int twz_obj_delete(struct twz_id id)
{
	struct twz_rt_stat stat;
	int error;

	twz_rt_info();
	error = twz_rt_delete(id);
	if (!error && twz_rt_stat(id, &stat) == TWZ_E_NOTFOUND) /* else its ties keep it */
		space_forget(id);
	return error;
}

int twz_obj_copy(struct twz_id src, bool ending, struct twz_id *copy)
{
	struct twz_rt_stat stat;
	struct twz_rt_new what;
	int error;

	twz_rt_info();
	error = twz_rt_stat(src, &stat);
	if (error)
		return error;
	what = (struct twz_rt_new){.type = stat.identity.type,
				   .perms = stat.identity.perms,
				   .key = twz_rt_info()->key,
				   .flags = TWZ_NEW_ENDING};
	if (twz_id_none(what.key))
		what.key = stat.identity.key;
	error = twz_rt_create(&what, copy);
	if (error)
		return error;
	error = twz_rt_copy(*copy, 1, src, 1, PAGES_MAX - 1);
	if (!error && !ending)
		error = twz_rt_keep(*copy);
	if (error)
		twz_rt_delete(*copy);
	return error;
}

int twz_obj_seal(struct twz_id src, uint64_t size, uint32_t perms, struct twz_id *id)
{
	struct twz_rt_stat stat;
	int error;

	twz_rt_info();
	error = twz_rt_stat(src, &stat);
	return error ? error : twz_rt_seal(src, size, stat.identity.type, perms, id);
}

int twz_obj_verify(struct twz_id id, uint64_t offset, uint64_t bytes)
{
	const uint64_t page = offset / TWZ_PAGE;

	twz_rt_info();
	if (offset >= TWZ_OBJ_SIZE_MAX)
		return TWZ_E_RANGE;
	if (bytes > TWZ_OBJ_SIZE_MAX - offset)
		bytes = TWZ_OBJ_SIZE_MAX - offset;
	return twz_rt_verify(id, page, (offset + bytes + TWZ_PAGE - 1) / TWZ_PAGE - page);
}

int twz_obj_stat(struct twz_id id, struct twz_rt_stat *stat)
{
	twz_rt_info();
	return twz_rt_stat(id, stat);
}

int twz_obj_sync(const struct twz_obj *obj)
{
	return twz_rt_sync(obj->id);
}

uint64_t twz_obj_size(const struct twz_obj *obj)
{
	const struct twz_meta *meta = obj_meta(obj->base);
	struct twz_rt_stat stat;

	if (space_sealed(obj->slot))
		return twz_rt_stat(obj->id, &stat) ? 0 : stat.identity.size;
	/* Another thread may be committing a change; the magic number is stored before the size. */
	return __atomic_load_n(&meta->magic, __ATOMIC_ACQUIRE) == TWZ_META_MAGIC
		       ? __atomic_load_n(&meta->size, __ATOMIC_ACQUIRE)
		       : 0;
}

int twz_obj_set_size(const struct twz_obj *obj, uint64_t bytes)
{
	struct twz_meta *meta = obj_meta(obj->base), *staged;
	struct twz_tx tx;
	int error;

	twz_tx_begin(&tx);
	staged = twz_tx_write(&tx, meta, offsetof(struct twz_meta, log));
	if (staged) {
		staged->magic = TWZ_META_MAGIC;
		staged->version = 1;
		staged->size = bytes;
	}
	error = twz_tx_commit(&tx);
	if (!error)
		twz_rt_wake((const uint32_t *)&meta->size, ~0u);
	return error;
}

void *twz_obj_root(const struct twz_obj *obj)
{
	uint64_t root = obj_meta(obj->base)->root;

	/* Who wrote the object may have written anything: it stays inside. */
	return obj->base + (root && root < obj_span(obj->base) ? root : TWZ_OBJ_DATA);
}

int twz_check_stores(const struct twz_obj *obj, bool on)
{
#if TWZ_CHECK
	space_check(obj->slot, on);
#else
	(void)obj, (void)on;
#endif
	return 0;
}
