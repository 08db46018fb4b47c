/*
 * names.c - reading a namespace, trusting nothing: every offset is bounded by the object, every
 * chain by the number of names that the header states.
 */
#include <stdlib.h>
#include <string.h>

#include "core/ptr.h"
#include "tools/twz/twz.h"

/* Reads a structure of the namespace, which lies in its data. */
static int read_data(struct names *n, const char *what, uint64_t off, void *out, uint64_t bytes)
{
	if (off < TWZ_OBJ_DATA || off > TWZ_SLOT_SIZE || bytes > TWZ_SLOT_SIZE - off)
		return object_damaged(&n->object, "%s at offset 0x%llx is outside of the data",
				      what, (unsigned long long)off);
	return object_read(&n->object, off, out, bytes);
}

#define BUCKETS_MAX (((1ull << TWZ_NS_SEGMENTS) - 1) * TWZ_NS_SEGMENT)

int names_open(struct store *s, struct twz_id id, struct names *n)
{
	struct twz_meta meta;
	struct twz_heap heap;
	int error;

	*n = (struct names){.bucket = 0};
	error = object_find(s, id, &n->object);
	if (error)
		return error;
	if (n->object.record.identity.type != TWZ_TYPE_NAMESPACE)
		return TWZ_E_TYPE;
	error = object_meta(&n->object, &meta);
	if (!error)
		error = read_data(n, "the heap", meta.heap, &heap, sizeof(heap));
	if (error)
		return error;
	if (heap.magic != TWZ_HEAP_MAGIC)
		return object_damaged(&n->object, "the namespace has no heap");
	if (ptr_index(heap.root))
		return object_damaged(&n->object, "the namespace's root is a foreign pointer");
	error = read_data(n, "the header", ptr_offset(heap.root), &n->head, sizeof(n->head));
	if (error)
		return error;
	if (n->head.magic != TWZ_NS_MAGIC || n->head.version != 1)
		return object_damaged(&n->object, "the namespace's header is none");
	if (n->head.nbuckets > BUCKETS_MAX)
		return object_damaged(&n->object, "the namespace says that it has %u buckets",
				      n->head.nbuckets);
	/* So that a chain that bites its tail comes to an end. */
	if (n->head.count > s->nframes * TWZ_PAGE / sizeof(struct twz_ns_entry))
		return object_damaged(&n->object, "the namespace says that it has %llu names",
				      (unsigned long long)n->head.count);
	return 0;
}

/* The first entry of bucket b. */
static int bucket_first(struct names *n, uint32_t b, uint64_t *first)
{
	uint32_t group = b / TWZ_NS_SEGMENT + 1;
	unsigned segment = 31 - __builtin_clz(group);
	uint64_t within = b - ((1ull << segment) - 1) * TWZ_NS_SEGMENT;

	return read_data(n, "a bucket", n->head.segment[segment] + within * 8, first, 8);
}

int names_next(struct names *n, struct name *name)
{
	struct twz_ns_entry entry;
	int error;

	while (!n->next) {
		if (n->bucket == n->head.nbuckets) {
			if (n->seen == n->head.count)
				return TWZ_E_NOTFOUND;
			return object_damaged(
				&n->object, "the namespace has %llu names and says %llu",
				(unsigned long long)n->seen, (unsigned long long)n->head.count);
		}
		error = bucket_first(n, n->bucket, &n->next);
		if (error)
			return error;
		n->bucket++;
	}
	if (n->seen++ == n->head.count)
		return object_damaged(&n->object, "the namespace has more than its %llu names",
				      (unsigned long long)n->head.count);
	name->off = n->next;
	name->bucket = n->bucket - 1;
	error = read_data(n, "a name", name->off, &entry, sizeof(entry));
	if (error)
		return error;
	if (!entry.length || entry.length > TWZ_NAME_MAX)
		return object_damaged(&n->object, "the name at offset 0x%llx has %u bytes",
				      (unsigned long long)name->off, entry.length);
	error = read_data(n, "a name", name->off + sizeof(entry), name->text, entry.length);
	if (error)
		return error;
	name->text[entry.length] = 0;
	if (strlen(name->text) != entry.length || strchr(name->text, '/') ||
	    !strcmp(name->text, ".") || !strcmp(name->text, ".."))
		return object_damaged(&n->object, "the name at offset 0x%llx is not allowed",
				      (unsigned long long)name->off);
	name->id = entry.id;
	name->hash = entry.hash;
	name->type = entry.type;
	name->length = entry.length;
	n->next = entry.next;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

int names_list(struct names *n, struct name **list, uint64_t *count)
{
	uint64_t room = 0;
	int error;

	*list = NULL;
	for (*count = 0;; ++*count) {
		if (*count == room) {
			struct name *more;

			room = room ? 2 * room : 16;
			more = realloc(*list, room * sizeof(*more));
			if (!more)
				return TWZ_E_NOMEM;
			*list = more;
		}
		error = names_next(n, &(*list)[*count]);
		if (error)
			break;
	}
	qsort(*list, *count, sizeof(**list), by_text);
	return error == TWZ_E_NOTFOUND ? 0 : error;
}

/* The object that `text` names in the namespace `in`. */
static int names_look(struct names *in, const char *text, struct twz_id *id)
{
	struct name name;
	int error;

	if (!strcmp(text, ".")) {
		*id = in->object.id;
		return 0;
	}
	if (!strcmp(text, "..")) {
		*id = twz_id_none(in->head.parent) ? in->object.id : in->head.parent;
		return 0;
	}
	do
		error = names_next(in, &name);
	while (!error && strcmp(name.text, text));
	if (!error)
		*id = name.id;
	return error;
}

int object_named(struct store *s, const char *path, struct object *o)
{
	struct twz_id id = s->super->root;
	char part[TWZ_NAME_MAX + 1];
	struct names in;
	int error = 0;

	if (!strcmp(path, "@boot")) {
		id = s->super->boot;
	} else if (!strcmp(path, "@key")) {
		id = s->super->key;
	} else if (twz_id_parse(path, &id)) {
		const char *p = path;

		for (;;) {
			size_t length;

			p += strspn(p, "/");
			if (!*p)
				break;
			length = strcspn(p, "/");
			if (length > TWZ_NAME_MAX)
				return fail(path, "%s", twz_error_text(TWZ_E_NAME));
			memcpy(part, p, length);
			part[length] = 0;
			p += length;
			error = names_open(s, id, &in);
			if (!error)
				error = names_look(&in, part, &id);
			if (error)
				return fail(path, "%s", object_error(&in.object, error));
		}
	}
	error = object_find(s, id, o);
	return error ? fail(path, "%s", object_error(o, error)) : STATUS_OK;
}
