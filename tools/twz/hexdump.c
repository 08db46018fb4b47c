/*
 * hexdump.c - twz hexdump: the bytes of an object, with the names of what the formats put there.
 *
 * Shown is the object as it is when the store was recovered and its log settled, which happens in this
 * process alone. Fields that are zero are left out; so are zeros and holes, but for how many they are.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "abi/container.h"
#include "abi/interface.h"
#include "core/log.h"
#include "core/ptr.h"
#include "tools/twz/layout.h"

typedef unsigned long long ull;

#define LINE 16u
#define LINES_MAX 400u /* of output, unless all is asked for */
#define JSON_BYTES 1024u

struct dump {
	struct object *object;
	struct objects all; /* for their names */
	struct twz_meta meta;
	struct pieces pieces;
	uint64_t lines; /* that may still be printed */
};

/* ---- what a value leads to ----------------------------------------------------------------------- */

/* The path of an object, or its ID. */
static const char *id_name(struct dump *d, struct twz_id id, char text[static TWZ_PATH_MAX + 1])
{
	uint32_t i = objects_find(&d->all, id);

	if (i == NO_OBJECT) {
		twz_id_text(id, text);
		return text;
	}
	return objects_path(&d->all, i, text);
}

/* What FOT entry `index` leads to, if it was given out and leads anywhere. */
static const char *entry_name(struct dump *d, uint64_t index, char text[static TWZ_PATH_MAX + 1])
{
	struct twz_fot_entry e;
	uint64_t bytes;

	if (!index || index > d->meta.fot_next || index >= TWZ_FOT_ENTRIES ||
	    object_read(d->object, TWZ_OBJ_FOT + index * sizeof(e), &e, sizeof(e)))
		return NULL;
	if (e.kind == TWZ_FOT_ID)
		return id_name(d, e.target, text);
	bytes = e.name >> TWZ_PTR_OFF_BITS;
	if (e.kind != TWZ_FOT_NAME || bytes > TWZ_PATH_MAX ||
	    object_read(d->object, ptr_offset(e.name), text, bytes))
		return NULL;
	text[bytes] = 0;
	return text;
}

/* A name of a hostile store. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

/* Prints " -> NAME + 0x..." if the pointer leads out of the object. */
static void print_target(struct dump *d, uint64_t pointer)
{
	char text[TWZ_PATH_MAX + 1];
	const char *name = ptr_index(pointer) ? entry_name(d, ptr_index(pointer), text) : NULL;

	if (!name)
		return;
	fputs(" -> ", stdout);
	print_text(name);
	printf(" + 0x%llx", (ull)ptr_offset(pointer));
}

/* ---- fields -------------------------------------------------------------------------------------- */

static uint64_t number_of(const uint8_t *data, uint32_t size)
{
	uint64_t value = 0;

	memcpy(&value, data, size < 8 ? size : 8);
	return value;
}

static struct twz_id id_of(const uint8_t *data)
{
	struct twz_id id;

	memcpy(&id, data, sizeof(id));
	return id;
}

static bool zero(const uint8_t *data, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++)
		if (data[i])
			return false;
	return true;
}

static void print_id(struct dump *d, struct twz_id id)
{
	char text[TWZ_ID_TEXT], path[TWZ_PATH_MAX + 1];
	uint32_t i = objects_find(&d->all, id);

	twz_id_text(id, text);
	fputs(text, stdout);
	if (i == NO_OBJECT || (d->all.listed[i].name == NO_OBJECT && i != d->all.root))
		return;
	putchar(' ');
	print_text(objects_path(&d->all, i, path));
}

static void print_lock(uint64_t lock)
{
	printf("%llu in epoch %llu%s", (ull)(lock & 0x7fffffff), (ull)(lock >> 32),
	       lock >> 31 & 1 ? ", others wait" : "");
}

static const char *tag_name(struct twz_id tag)
{
#define NAMED(macro, name)                      \
	if (twz_id_equal(tag, TWZ_TAG_##macro)) \
		return name;
	TWZ_TAGS(NAMED)
#undef NAMED
	return NULL;
}

static void print_tag(struct twz_id tag)
{
	const char *name = tag_name(tag);
	char text[TWZ_ID_TEXT];

	twz_id_text(tag, text);
	fputs(name ? name : text, stdout);
}

static void print_value(struct dump *d, const struct field *f, const uint8_t *data)
{
	uint64_t value = number_of(data, f->size);
	char text[128];

	switch (f->how) {
	case HOW_NUMBER:
		printf("%llu", (ull)value);
		break;
	case HOW_ID:
		print_id(d, id_of(data));
		break;
	case HOW_POINTER:
		printf("0x%llx", (ull)value);
		print_target(d, value);
		break;
	case HOW_TEXT:
		snprintf(text, sizeof(text), "%.*s", (int)f->size, (const char *)data);
		putchar('"');
		print_text(text);
		putchar('"');
		break;
	case HOW_PERMS:
		twz_perms_text((uint32_t)value, text);
		fputs(text, stdout);
		break;
	case HOW_TIME:
		twz_time_text(value, text);
		fputs(text, stdout);
		break;
	case HOW_LOCK:
		print_lock(value);
		break;
	case HOW_RANGE:
		printf("%llu bytes to 0x%llx", (ull)(value & LOG_LENGTH_MASK),
		       (ull)(value >> LOG_LENGTH_BITS));
		break;
	case HOW_TAG:
		print_tag(id_of(data));
		break;
	case HOW_PAIR:
		printf("0x%llx: 0x%llx", (ull)value, (ull)number_of(data + 8, 8));
		print_target(d, number_of(data + 8, 8));
		break;
	case HOW_FOT_NAME:
		printf("%llu bytes at 0x%llx", (ull)(value >> TWZ_PTR_OFF_BITS),
		       (ull)ptr_offset(value));
		break;
	case HOW_BYTES:
	case HOW_RESERVED:
		for (unsigned i = 0; i < f->size; i++)
			printf("%02x", data[i]);
		break;
	case HOW_HEX:
		printf("0x%llx", (ull)value);
		break;
	}
}

static void json_value(struct dump *d, const struct field *f, const uint8_t *data)
{
	uint64_t value = number_of(data, f->size);
	char path[TWZ_PATH_MAX + 1];
	const char *name = NULL;

	switch (f->how) {
	case HOW_ID:
		json_id("value", id_of(data));
		name = objects_find(&d->all, id_of(data)) == NO_OBJECT
			       ? NULL
			       : id_name(d, id_of(data), path);
		break;
	case HOW_TAG:
		json_id("value", id_of(data));
		name = tag_name(id_of(data));
		break;
	case HOW_TEXT:
		json_bytes("value", (const char *)data, strnlen((const char *)data, f->size));
		break;
	case HOW_PERMS:
		json_perms("value", (uint32_t)value);
		break;
	case HOW_BYTES:
	case HOW_RESERVED:
	case HOW_PAIR:
		json_hex("value", data, f->size);
		break;
	default:
		json_number("value", value);
		if (f->how == HOW_POINTER)
			name = entry_name(d, ptr_index(value), path);
	}
	if (name)
		json_text("leads_to", name);
}

/* Of a map's node: a place that holds no entry, or key. */
static bool unused(const struct layout *l, const struct field *f, const uint8_t *data, uint32_t i)
{
	uint64_t order;

	if (l == &layouts[LAYOUT_MAP_INNER])
		return f->offset == offsetof(struct twz_map_inner, key) &&
		       i >= number_of(data, 8) >> TWZ_MAP_KEYS_SHIFT;
	if (f->how != HOW_PAIR)
		return false;
	order = number_of(data + offsetof(struct twz_map_leaf, order), 8);
	for (uint64_t r = 0; r < order >> TWZ_MAP_COUNT_SHIFT && r < TWZ_MAP_PAIRS; r++)
		if ((order >> (4 * r) & 15) == i)
			return false;
	return true;
}

/* What stands in field f of `data`, element by element; zeros are left out. */
static void show_field(struct dump *d, const struct piece *p, const struct field *f,
		       const uint8_t *data, bool *first)
{
	for (uint32_t i = 0; i < f->count; i++) {
		const uint8_t *at = data + f->offset + i * f->size;
		char name[64];

		if (zero(at, f->size) || unused(p->layout, f, data, i) ||
		    (json && f->how == HOW_RESERVED))
			continue;
		snprintf(name, sizeof(name), f->count > 1 ? "%s[%u]" : "%s", f->name, i);
		if (json) {
			json_object(NULL);
			json_text("name", name);
			json_number("offset", p->off + f->offset + i * f->size);
			json_number("size", f->size);
			json_value(d, f, at);
			json_end();
			continue;
		}
		if (p->layout->line)
			printf("%s%s ", *first ? "  " : ", ", name);
		else
			printf("\n0x%010llx    %-14s ", (ull)(p->off + f->offset + i * f->size),
			       name);
		print_value(d, f, at);
		*first = false;
		d->lines -= !p->layout->line && d->lines;
	}
}

static void show_piece(struct dump *d, const struct piece *p, const uint8_t *data)
{
	const struct layout *l = p->layout;
	bool first = true;

	if (json) {
		json_object(NULL);
		json_number("offset", p->off);
		json_number("size", l->bytes);
		json_text("what", l->title);
		if (p->number != NO_NUMBER)
			json_number("number", p->number);
		json_array("fields");
	} else {
		printf("0x%010llx  %s", (ull)p->off, l->title);
		if (p->number != NO_NUMBER)
			printf(" %u", p->number);
	}
	for (uint32_t i = 0; i < l->nfields; i++)
		show_field(d, p, &l->field[i], data, &first);
	if (json) {
		json_end();
		json_end();
	} else {
		putchar('\n');
	}
}

/* ---- bytes --------------------------------------------------------------------------------------- */

/* What looks like a pointer out of the object, in a line that begins at a multiple of 8. */
static void print_pointers(struct dump *d, uint64_t off, const uint8_t *data, unsigned bytes)
{
	for (unsigned i = (unsigned)(-off % 8); i + 8 <= bytes; i += 8)
		print_target(d, number_of(data + i, 8));
}

static void print_line(struct dump *d, uint64_t off, const uint8_t *data, unsigned bytes)
{
	printf("0x%010llx  ", (ull)off);
	for (unsigned i = 0; i < LINE; i++) {
		if (i < bytes)
			printf("%02x ", data[i]);
		else
			fputs("   ", stdout);
		if (i == 7)
			putchar(' ');
	}
	fputs(" |", stdout);
	for (unsigned i = 0; i < bytes; i++)
		putchar(isascii(data[i]) && isprint(data[i]) ? data[i] : '.');
	putchar('|');
	print_pointers(d, off, data, bytes);
	putchar('\n');
}

/* Zeros, or pages that are not there. */
static void show_nothing(const char *what, uint64_t from, uint64_t to)
{
	if (json) {
		json_object(NULL);
		json_number("offset", from);
		json_number("size", to - from);
		json_text("what", what);
		json_end();
	} else {
		printf("0x%010llx  %s up to 0x%llx\n", (ull)from, what, (ull)to);
	}
}

/* Bytes of one page; returns how far they were shown: a line of text, or what is one element in JSON. */
static uint64_t show_bytes(struct dump *d, uint64_t from, uint64_t to)
{
	uint8_t data[TWZ_PAGE];
	uint64_t n = to - from, most = json ? JSON_BYTES : LINE - from % LINE;

	if (n > sizeof(data))
		n = sizeof(data);
	if (object_read(d->object, from, data, n))
		return 0;
	if (zero(data, n < most ? n : most)) {
		uint64_t zeros = 0;

		while (zeros < n && !data[zeros])
			zeros++;
		if (zeros < n) /* whole lines */
			zeros -= (from + zeros) % LINE < zeros ? (from + zeros) % LINE : 0;
		show_nothing("zeros", from, from + zeros);
		return zeros;
	}
	if (n > most)
		n = most;
	if (json) {
		json_object(NULL);
		json_number("offset", from);
		json_number("size", n);
		json_text("what", "bytes");
		json_hex("bytes", data, n);
		json_end();
	} else {
		print_line(d, from, data, (unsigned)n);
	}
	return n;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* The end of the stretch of present pages, or holes, that `at` lies in; at most `end`. 0: damaged. */
static uint64_t stretch(struct dump *d, uint64_t at, uint64_t end, bool *hole)
{
	uint64_t page = at / TWZ_PAGE, last = (end + TWZ_PAGE - 1) / TWZ_PAGE;
	struct store_run run;

	for (bool first = true; page < last; first = false) {
		if (store_run(d->object->store, d->object->ref, page, last - page, &run) ||
		    !run.pages)
			return first ? 0 : page * TWZ_PAGE;
		if (!first && *hole != !run.frame)
			break;
		*hole = !run.frame;
		page += run.pages;
	}
	return page * TWZ_PAGE < end ? page * TWZ_PAGE : end;
}

/* From `at` to `end`, as far as there are lines; returns where it ended, or 0 for damage. */
static uint64_t show_range(struct dump *d, uint64_t at, uint64_t end)
{
	const struct piece *p = d->pieces.piece, *last = p + d->pieces.n;
	uint64_t present_to = 0;

	while (at < end && d->lines) {
		uint64_t to = end;
		bool hole = false;

		if (at >= present_to) {
			present_to = stretch(d, at, end, &hole);
			if (!present_to)
				return 0;
			if (hole) {
				if (present_to < TWZ_OBJ_SIZE_MAX && present_to < end)
					show_nothing("hole", at, present_to);
				at = present_to;
				d->lines--;
				continue;
			}
		}
		while (p < last && p->off < at)
			p++;
		if (p < last && p->off == at) {
			uint8_t data[TWZ_PAGE];

			if (object_read(d->object, at, data, p->layout->bytes))
				return 0;
			show_piece(d, p, data);
			at += p->layout->bytes;
			d->lines -= d->lines > 0;
			continue;
		}
		if (p < last && p->off < to)
			to = p->off;
		if (to > present_to)
			to = present_to;
		if (to > (at / TWZ_PAGE + 1) * TWZ_PAGE)
			to = (at / TWZ_PAGE + 1) * TWZ_PAGE;
		to = show_bytes(d, at, to);
		if (!to)
			return 0;
		at += to;
		d->lines--;
	}
	return at;
}

static int show(struct dump *d, const char *name, uint64_t start, uint64_t end)
{
	int error = object_meta(d->object, &d->meta);
	uint64_t at;

	if (error && error != TWZ_E_DAMAGED)
		return fail(name, "%s", object_error(d->object, error));
	pieces_find(d->object, start, end, &d->pieces);
	if (json) {
		json_object(NULL);
		json_id("object", d->object->id);
		json_array("parts");
	}
	at = show_range(d, start, end);
	if (json && at) {
		json_end();
		if (at < end)
			json_number("more_from", at);
	} else if (at && at < end) {
		printf("more from 0x%llx on (--all, or that as OFFSET)\n", (ull)at);
	}
	if (!at)
		return fail(name, "%s", object_error(d->object, TWZ_E_DAMAGED));
	if (error)
		return fail(name, "%s", object_error(d->object, error));
	return d->pieces.incomplete ? fail(name, "has more structures than can be told at once: "
						 "give an OFFSET and BYTES")
				    : STATUS_OK;
}

static int number_read(const char *what, const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	if (*end || text[0] < '0' || text[0] > '9' || *value > TWZ_OBJ_SIZE_MAX)
		return usage("hexdump", "%s is a number up to 0x%llx, not %s", what,
			     (ull)TWZ_OBJ_SIZE_MAX, text);
	return STATUS_OK;
}

int command_hexdump(int argc, char **argv)
{
	bool all = false;
	const struct option_spec spec[] = {
		{"--all", NULL, &all}, {"--json", NULL, &json}, {NULL, NULL, NULL}};
	uint64_t start = 0, bytes = TWZ_OBJ_SIZE_MAX;
	static struct dump d;
	struct object o;
	struct store s;
	int nrest, error, status = take_options(argc, argv, spec, 2, 4, &nrest);

	if (!status && nrest > 2)
		status = number_read("OFFSET", argv[2], &start);
	if (!status && nrest > 3)
		status = number_read("BYTES", argv[3], &bytes);
	if (!status)
		status = store_open(argv[0], &s);
	if (status)
		return status;
	if (bytes > TWZ_OBJ_SIZE_MAX - start)
		bytes = TWZ_OBJ_SIZE_MAX - start;
	status = object_named(&s, argv[1], &o);
	if (!status) {
		d.object = &o;
		d.lines = all ? UINT64_MAX : LINES_MAX;
		error = objects_load(&s, &d.all);
		status = error ? fail(argv[0], "%s", twz_error_text(error))
			       : show(&d, argv[1], start, start + bytes);
		objects_free(&d.all);
		free(d.pieces.piece);
	}
	store_close(&s);
	return status;
}
