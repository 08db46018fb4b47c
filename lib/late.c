/* late.c - late binding (late.h). */
#include "core/mem.h"
#include "core/ptr.h"
#include "lib/late.h"
#include "lib/lock.h"
#include "lib/search.h"
#include "lib/space.h"

#define KEPT 64 /* look-ups, a power of two */

static struct lock lock;
static struct kept {
	const uint8_t *holder; /* null: empty */
	uint32_t index;
	struct twz_obj obj;
	struct trail trail;
} kept[KEPT]; /* `lock` held */

static struct kept *kept_at(const uint8_t *holder, uint32_t index)
{
	return &kept[((uint64_t)holder / TWZ_SLOT_SIZE * 31 + index) % KEPT];
}

static bool recall(const uint8_t *holder, uint32_t index, struct kept *found)
{
	const struct kept *k = kept_at(holder, index);
	bool hit;

	lock_take(&lock);
	hit = k->holder == holder && k->index == index;
	if (hit) {
		found->obj = k->obj;
		trail_copy(&found->trail, &k->trail);
	}
	lock_give(&lock);
	return hit && trail_still(&found->trail);
}

static void keep(const struct kept *found)
{
	lock_take(&lock);
	*kept_at(found->holder, found->index) = *found;
	lock_give(&lock);
}

static int look_up(const uint8_t *holder, const struct twz_fot_entry *entry, struct kept *found)
{
	uint64_t offset = ptr_offset(entry->name), length = entry->name >> TWZ_PTR_OFF_BITS;
	struct resolver resolver;
	char path[TWZ_PATH_MAX];
	struct twz_id id;
	int error;

	if (length > TWZ_PATH_MAX)
		return TWZ_E_NAME;
	if (offset < TWZ_OBJ_DATA || offset > obj_span(holder) - length)
		return TWZ_E_DAMAGED;
	memcpy(path, holder + offset, length);
	trail_begin(&found->trail);
	error = resolver_open(entry->target, &found->trail, &resolver);
	if (error)
		return error;
	error = resolver_look_up(&resolver, path, length, &found->trail, &id);
	if (error)
		return error;
	error = twz_obj_open(id, &found->obj);
	return error == TWZ_E_NOTFOUND ? TWZ_E_UNRESOLVED : error;
}

int late_follow(const void *holder, uint32_t index, const struct twz_fot_entry *entry,
		struct twz_obj *obj)
{
	const uint8_t *base = obj_base(holder);
	struct kept found;
	int error;

	if (!recall(base, index, &found)) {
		error = look_up(base, entry, &found);
		if (error)
			return error;
		found.holder = base;
		found.index = index;
		if (found.trail.count <= TRAIL_MAX)
			keep(&found);
	}
	*obj = found.obj;
	return 0;
}
