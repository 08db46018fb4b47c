/* late.c - late binding (late.h). */
#include "abi/namespace.h"
#include "core/mem.h"
#include "core/ptr.h"
#include "lib/late.h"
#include "lib/lock.h"
#include "lib/path.h"

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

/* Have the namespaces stayed as they were? */
static bool still(const struct trail *trail)
{
	for (unsigned i = 0; i < trail->count; i++)
		if (__atomic_load_n(trail->step[i].generation, __ATOMIC_ACQUIRE) !=
		    trail->step[i].seen)
			return false;
	return true;
}

static bool recall(const uint8_t *holder, uint32_t index, struct kept *found)
{
	lock_take(&lock);
	*found = *kept_at(holder, index);
	lock_give(&lock);
	return found->holder == holder && found->index == index && still(&found->trail);
}

static int look_up(const uint8_t *holder, const struct twz_fot_entry *entry, struct kept *found)
{
	uint64_t offset = ptr_offset(entry->name), length = entry->name >> TWZ_PTR_OFF_BITS;
	char path[TWZ_PATH_MAX];
	struct twz_id id;
	int error;

	if (!twz_id_none(entry->target))
		return TWZ_E_ABSENT; /* another resolver than the default one */
	if (length > TWZ_PATH_MAX)
		return TWZ_E_NAME;
	if (offset < TWZ_OBJ_DATA || offset > obj_span(holder) - length)
		return TWZ_E_DAMAGED;
	memcpy(path, holder + offset, length);
	error = path_resolve(path, length, &found->trail, &id);
	return error ? error : twz_obj_open(id, &found->obj);
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
		found.holder = found.trail.count <= TRAIL_MAX ? base : NULL;
		found.index = index;
		lock_take(&lock);
		*kept_at(base, index) = found;
		lock_give(&lock);
	}
	*obj = found.obj;
	return 0;
}

void late_forget(void)
{
	lock_take(&lock);
	memset(kept, 0, sizeof(kept));
	lock_give(&lock);
}
