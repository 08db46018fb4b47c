/*
 * object.c - reading an object page by page, trusting nothing.
 */
#include <string.h>

#include "tools/twz/twz.h"

int object_damaged(struct object *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->trouble, sizeof(o->trouble), format, args);
	va_end(args);
	return TWZ_E_DAMAGED;
}

const char *object_error(const struct object *o, int error)
{
	return error == TWZ_E_DAMAGED && o->trouble[0] ? o->trouble : twz_error_text(error);
}

int object_find(struct store *s, struct twz_id id, struct object *o)
{
	const struct twz_record *record;
	int error;

	*o = (struct object){.store = s, .id = id};
	error = store_find(s, id, &o->ref);
	if (error == TWZ_E_DAMAGED) {
		char text[TWZ_ID_TEXT];

		twz_id_text(id, text);
		return object_damaged(o, "the record of object %s, or the index, is damaged", text);
	}
	if (error)
		return error;
	if (store_unsettled(s, o->ref))
		error = store_settle(s, o->ref);
	if (error == TWZ_E_DAMAGED)
		return object_damaged(o, "the object's log cannot be settled");
	if (error)
		return error;
	record = store_record(s, o->ref);
	if (!record)
		return object_damaged(o, "the record is gone when the log is settled");
	o->record = *record;
	return 0;
}

int object_read(struct object *o, uint64_t off, void *out, uint64_t bytes)
{
	uint8_t *to = out;

	if (off > TWZ_OBJ_SIZE_MAX || bytes > TWZ_OBJ_SIZE_MAX - off)
		return object_damaged(o, "offset 0x%llx is outside of the object",
				      (unsigned long long)off);
	while (bytes) {
		uint64_t page = off / TWZ_PAGE, inside = off % TWZ_PAGE;
		uint64_t pages = (inside + bytes + TWZ_PAGE - 1) / TWZ_PAGE;
		struct store_run run;
		int error = store_run(o->store, o->ref, page, pages, &run);
		uint64_t n;

		if (error)
			return error == TWZ_E_DAMAGED
				       ? object_damaged(o, "page %llu cannot be found",
							(unsigned long long)page)
				       : error;
		n = run.pages * TWZ_PAGE - inside;
		if (n > bytes)
			n = bytes;
		if (run.frame)
			memcpy(to, o->store->base + run.frame * TWZ_PAGE + inside, n);
		else
			memset(to, 0, n);
		to += n;
		off += n;
		bytes -= n;
	}
	return 0;
}

int object_meta(struct object *o, struct twz_meta *meta)
{
	int error = object_read(o, TWZ_OBJ_META, meta, sizeof(*meta));

	if (error)
		return error;
	if (meta->magic && meta->magic != TWZ_META_MAGIC)
		return object_damaged(o, "the meta page has the magic 0x%llx",
				      (unsigned long long)meta->magic);
	if (meta->magic && meta->version != 1)
		return object_damaged(o, "the meta page is of version %u", meta->version);
	return 0;
}
