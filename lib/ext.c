/*
 * ext.c - extensions of objects, and the implementations that this program has (twz/ext.h).
 *
 * The table is read without a lock. Entries stay where they are; one of zeros is free. A transaction
 * stores an entry's pointer before its tag, and takes the tag away before the pointer (ranges are stored in
 * the order in which they were staged), so who finds the same tag before and after has its pointer.
 */
#include "core/mem.h"
#include "core/probe.h"
#include "core/ptr.h"
#include "lib/lock.h"
#include "lib/meta.h"
#include "lib/space.h"

#include <twz/ext.h>
#include <twz/tx.h>

#define TABLE_OFF offsetof(struct twz_meta, ext) /* where a table is made */

const char *twz_tag_name(struct twz_id tag)
{
#define NAME(name, text)                       \
	if (twz_id_equal(tag, TWZ_TAG_##name)) \
		return text;
	TWZ_TAGS(NAME)
#undef NAME
	return NULL;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static uint64_t load(const struct twz_tx *tx, const uint64_t *word)
{
	return tx ? *(const uint64_t *)twz_tx_read(tx, word, sizeof(*word))
		  : __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* ext_off, and ext_count in the upper half. */
static uint64_t *place_of_table(struct twz_meta *meta)
{
	return (uint64_t *)&meta->ext_off;
}

/* The entries; *count 0: there are none. Null if it is no table. */
static struct twz_ext *table(const struct twz_tx *tx, struct twz_meta *meta, uint32_t *count)
{
	uint64_t place = load(tx, place_of_table(meta));
	uint32_t off = (uint32_t)place;

	*count = load(tx, &meta->magic) == TWZ_META_MAGIC ? (uint32_t)(place >> 32) : 0;
	if (!*count)
		return (struct twz_ext *)meta->ext;
	if (off < TABLE_OFF || off % 8 || off > sizeof(*meta) ||
	    *count > (sizeof(*meta) - off) / sizeof(struct twz_ext))
		return NULL;
	return (struct twz_ext *)((uint8_t *)meta + off);
}

static struct twz_id tag_at(const struct twz_tx *tx, const struct twz_ext *entry)
{
	return (struct twz_id){load(tx, &entry->tag.lo), load(tx, &entry->tag.hi)};
}

/* The entry that has the tag; zero: one that is free, or null. `entry` is the table. */
static struct twz_ext *find(const struct twz_tx *tx, struct twz_ext *entry, uint32_t count,
			    struct twz_id tag)
{
	for (uint32_t i = 0; i < count; i++)
		if (twz_id_equal(tag_at(tx, &entry[i]), tag))
			return &entry[i];
	return NULL;
}

/* Can the meta page be loaded? TWZ_E_RIGHT, TWZ_E_NOTFOUND. */
static int readable(const struct twz_obj *obj)
{
	int error = space_readable(obj->slot);

	if (error)
		return error;
	return probe_load(obj_meta(obj->base), sizeof(struct twz_meta)) ? 0 : TWZ_E_NOTFOUND;
}

/* ---- changes ------------------------------------------------------------------------------------- */

static int end(struct twz_tx *tx, struct twz_tx *own, int error)
{
	if (tx) {
		if (error && !tx->error)
			tx->error = error;
		return error;
	}
	if (!error)
		return twz_tx_commit(own);
	twz_tx_abort(own);
	return error;
}

/* One more entry behind the others, in the transaction. Null after an error. */
static struct twz_ext *grow(struct twz_tx *tx, struct twz_meta *meta, uint32_t count, int *error)
{
	uint64_t off = count ? (uint32_t)load(tx, place_of_table(meta)) : TABLE_OFF;

	if (count >= (sizeof(*meta) - off) / sizeof(struct twz_ext)) {
		*error = TWZ_E_LIMIT;
		return NULL;
	}
	meta_begin(tx, meta);
	*error = twz_tx_set(tx, place_of_table(meta), off | (uint64_t)(count + 1) << 32);
	return (struct twz_ext *)((uint8_t *)meta + off) + count;
}

static int add(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag,
	       const struct twz_methods *methods)
{
	struct twz_meta *meta = obj_meta(obj->base);
	struct twz_ext *first, *entry;
	uint64_t raw = 0;
	uint32_t count;
	int error = twz_tx_add(tx, meta);

	if (!error && methods)
		error = twz_ptr_to(tx, meta, methods, 0, &raw);
	if (error)
		return error;
	first = table(tx, meta, &count);
	if (!first)
		return TWZ_E_DAMAGED;
	if (find(tx, first, count, tag))
		return TWZ_E_EXISTS;
	entry = find(tx, first, count, (struct twz_id){0, 0});
	if (!entry) {
		entry = grow(tx, meta, count, &error);
		if (error)
			return error;
	}
	twz_tx_set(tx, &entry->methods, raw);
	twz_tx_set(tx, &entry->tag.hi, tag.hi);
	return twz_tx_set(tx, &entry->tag.lo, tag.lo);
}

int twz_ext_add(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag,
		const struct twz_methods *methods)
{
	struct twz_tx own;

	if (twz_id_none(tag))
		return TWZ_E_ARG;
	if (!tx)
		twz_tx_begin(&own);
	return end(tx, &own, add(tx ? tx : &own, obj, tag, methods));
}

static int take_away(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag)
{
	struct twz_meta *meta = obj_meta(obj->base);
	struct twz_ext *entry;
	uint32_t count;
	int error = twz_tx_add(tx, meta);

	if (error)
		return error;
	entry = table(tx, meta, &count);
	if (!entry)
		return TWZ_E_DAMAGED;
	entry = find(tx, entry, count, tag);
	if (!entry)
		return TWZ_E_NOTFOUND;
	twz_tx_set(tx, &entry->tag.lo, 0);
	twz_tx_set(tx, &entry->tag.hi, 0);
	return twz_tx_set(tx, &entry->methods, 0);
}

int twz_ext_remove(struct twz_tx *tx, const struct twz_obj *obj, struct twz_id tag)
{
	struct twz_tx own;

	if (twz_id_none(tag))
		return TWZ_E_ARG;
	if (!tx)
		twz_tx_begin(&own);
	return end(tx, &own, take_away(tx ? tx : &own, obj, tag));
}

/* ---- method tables ------------------------------------------------------------------------------- */

static uint64_t length_of(const char *name)
{
	uint64_t n = 0;

	while (n < TWZ_METHODS_NAME - 1 && name[n])
		n++;
	return n;
}

struct twz_methods twz_methods_of(struct twz_id interface, struct twz_id implementation,
				  const char *name, uint32_t params)
{
	struct twz_methods table = {.magic = TWZ_METHODS_MAGIC,
				    .version = 1,
				    .params = params,
				    .interface = interface,
				    .implementation = implementation};

	memcpy(table.name, name, length_of(name));
	return table;
}

static bool sound(const struct twz_methods *table, struct twz_id interface)
{
	return table->magic == TWZ_METHODS_MAGIC && table->params <= TWZ_PARAMS_MAX &&
	       twz_id_equal(table->interface, interface) && !table->name[TWZ_METHODS_NAME - 1];
}

/* Copies the table at `at`, which may be anything, and looks at the copy. */
static int read_table(const uint8_t *at, struct twz_ext_info *info)
{
	struct twz_methods *table = &info->table;
	uint32_t slot;
	uint64_t room;
	int error;

	if (!space_find(at, &slot))
		return TWZ_E_DAMAGED;
	room = space_span(slot) - obj_offset(at);
	if (obj_offset(at) < TWZ_OBJ_DATA || (uintptr_t)at % 8 || room < sizeof(*table))
		return TWZ_E_DAMAGED;
	error = space_readable(slot);
	if (!error && !probe_load(at, sizeof(*table)))
		error = TWZ_E_NOTFOUND;
	if (error)
		return error;
	memcpy(table, at, sizeof(*table));
	if (!sound(table, info->tag) || room - sizeof(*table) < table->params ||
	    !probe_load(at + sizeof(*table), table->params))
		return TWZ_E_DAMAGED;
	if (table->version != 1)
		return TWZ_E_VERSION;
	info->params = (uint8_t *)at + sizeof(*table);
	info->has_table = true;
	return 0;
}

/* What the entry said while it had the tag; false if it has not any more. */
static bool read_entry(struct twz_ext *entry, struct twz_id tag, struct twz_ext_info *info)
{
	uint64_t raw = load(NULL, &entry->methods);
	void *at = NULL;

	*info = (struct twz_ext_info){.tag = tag};
	if (raw)
		info->error = twz_ptr_try(&entry->methods, raw, &at);
	if (!twz_id_equal(tag_at(NULL, entry), tag))
		return false;
	if (raw && !info->error)
		info->error = read_table(at, info);
	return true;
}

int twz_ext_next(const struct twz_obj *obj, uint32_t *place, struct twz_ext_info *info)
{
	struct twz_ext *entry;
	uint32_t count;
	int error = readable(obj);

	if (error)
		return error;
	entry = table(NULL, obj_meta(obj->base), &count);
	if (!entry)
		return TWZ_E_DAMAGED;
	while (*place < count) {
		struct twz_ext *at = &entry[(*place)++];
		struct twz_id tag = tag_at(NULL, at);

		if (!twz_id_none(tag) && read_entry(at, tag, info))
			return 0;
	}
	return TWZ_E_NOTFOUND;
}

int twz_ext_find(const struct twz_obj *obj, struct twz_id tag, struct twz_ext_info *info)
{
	struct twz_ext *entry, *at;
	uint32_t count;
	int error = readable(obj);

	if (error)
		return error;
	if (twz_id_none(tag))
		return TWZ_E_ARG;
	entry = table(NULL, obj_meta(obj->base), &count);
	if (!entry)
		return TWZ_E_DAMAGED;
	at = find(NULL, entry, count, tag);
	return at && read_entry(at, tag, info) ? 0 : TWZ_E_NOTFOUND;
}

/* ---- implementations ----------------------------------------------------------------------------- */

static struct lock lock;
static struct twz_impl *first; /* a list, which only grows; `lock` held to change it */

static struct twz_impl *impl_first(void)
{
	return __atomic_load_n(&first, __ATOMIC_ACQUIRE);
}

static const struct twz_impl *impl_of(struct twz_id interface, struct twz_id implementation)
{
	for (const struct twz_impl *i = impl_first(); i; i = i->next)
		if (twz_id_equal(i->interface, interface) &&
		    twz_id_equal(i->implementation, implementation))
			return i;
	return NULL;
}

/* The one that objects of the type have the interface by: the one registered last. */
static const struct twz_impl *impl_by_type(struct twz_id interface, uint32_t type)
{
	for (const struct twz_impl *i = impl_first(); i; i = i->next)
		if (twz_id_equal(i->interface, interface) && type < 32 && i->types >> type & 1)
			return i;
	return NULL;
}

int twz_implement(struct twz_impl *impl)
{
	int error = 0;

	lock_take(&lock);
	if (impl_of(impl->interface, impl->implementation)) {
		error = TWZ_E_EXISTS;
	} else {
		impl->next = first;
		__atomic_store_n(&first, impl, __ATOMIC_RELEASE);
	}
	lock_give(&lock);
	return error;
}

static int by_type(const struct twz_obj *obj, struct twz_id interface, struct twz_face *face)
{
	struct twz_rt_stat stat;
	int error = twz_obj_stat(obj->id, &stat);

	if (error)
		return error;
	face->impl = impl_by_type(interface, stat.identity.type);
	return face->impl ? 0 : TWZ_E_TYPE;
}

int twz_face(const struct twz_obj *obj, struct twz_id interface, struct twz_face *face)
{
	struct twz_ext_info info;
	int error = twz_ext_find(obj, interface, &info);

	*face = (struct twz_face){.obj = *obj};
	if (error == TWZ_E_NOTFOUND)
		return by_type(obj, interface, face);
	if (error || info.error)
		return error ? error : info.error;
	if (!info.has_table) /* a mark: which implementation is not said */
		return by_type(obj, interface, face);
	face->impl = impl_of(interface, info.table.implementation);
	face->params = info.params;
	face->bytes = info.table.params;
	return face->impl ? 0 : TWZ_E_ABSENT;
}
