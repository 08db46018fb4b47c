/*
 * str.c - strings in objects (str.h, docs/format/str.md).
 *
 * Every change is one: the first bytes stay, others follow. Those that are new are stored at once
 * where no committed string reaches: in a new block, or behind the end of the old one. Alone, a few
 * of them go as words by edit.h, over anything.
 */
#include "core/block.h"
#include "core/edit.h"
#include "core/mem.h"
#include "core/read.h"
#include "core/str.h"

/* The functions below are expanded twice, for use with a transaction and without. */
#define INLINE static inline __attribute__((always_inline))

/* What becomes of a string: `keep` bytes of it, and the data. */
struct change {
	struct twz_str *s;
	uint64_t keep;
	const void *data;
	uint64_t bytes;
	bool append; /* keep is the length that it has */
};

/* ---- looking --------------------------------------------------------------------------------- */

/* The bytes of the string now, which lies at s, or null. */
INLINE const uint8_t *text_of(const struct twz_str *s, const struct twz_str *now, uint64_t length)
{
	if (length <= TWZ_STR_SHORT)
		return now->text;
	if (STEP("check", "str: length") && length > TWZ_STR_MAX)
		return NULL;
	return block_at(obj_base(s), twz_read_word(&now->block), length);
}

/* Has the string's block, whose head can be anything, room for that many bytes? */
static bool has_room(const struct twz_str *s, const struct twz_str *now, uint64_t bytes)
{
	const uint8_t *block = block_at(obj_base(s), now->block, bytes);

	return block && (!STEP("check", "str: room") || heap_size(block) >= bytes);
}

/* ---- alone: a few words ---------------------------------------------------------------------- */

#define EDIT_BYTES ((EDIT_WORDS - 10) * sizeof(uint64_t)) /* with words at both ends, and s */

static void edit_bytes(struct edit *e, uint8_t *to, const uint8_t *from, uint64_t bytes)
{
	while (bytes) {
		uint64_t skip = (uintptr_t)to % sizeof(uint64_t), n = sizeof(uint64_t) - skip;
		uint64_t *at = (uint64_t *)(to - skip), word = *at;

		if (n > bytes)
			n = bytes;
		memcpy((uint8_t *)&word + skip, from, n);
		edit_set(e, NULL, at, word);
		to += n, from += n, bytes -= n;
	}
}

/* With a block before and afterwards, or neither time. False: it takes more, or something is wrong. */
static bool edit_change(struct edit *e, const struct change *c)
{
	uint64_t length = c->s->length, keep = c->append ? length : c->keep, after;
	uint8_t *text = c->s->text;

	after = keep + c->bytes;
	if (keep > length || after > TWZ_STR_MAX ||
	    (length <= TWZ_STR_SHORT) != (after <= TWZ_STR_SHORT))
		return false;
	if (length > TWZ_STR_SHORT) {
		if (!has_room(c->s, c->s, after > length ? after : length))
			return false;
		text = e->part.base + c->s->block;
	}
	edit_bytes(e, text + keep, c->data, c->bytes);
	if (after != length)
		edit_set(e, NULL, &c->s->length, after);
	return true;
}

/* False: nothing was done; the general form does it or finds out why not. */
static bool alone(const struct change *c, int *error)
{
	struct edit e;

	if (c->bytes > EDIT_BYTES)
		return false;
	*error = edit_begin(&e, NULL, obj_base(c->s));
	if (*error)
		return true;
	if (!edit_change(&e, c)) {
		edit_end(&e, NULL, TWZ_E_ABSENT);
		return false;
	}
	*error = edit_end(&e, NULL, 0);
	return true;
}

/* ---- in a transaction ------------------------------------------------------------------------ */

/* Stores bytes that no committed string reaches. */
static int store_fresh(struct twz_tx *tx, uint8_t *to, const void *from, uint64_t bytes)
{
	int error = bytes ? block_touch(to, bytes) : 0;

	if (error || !bytes)
		return error;
	pmem_copy(to, from, bytes);
	twz_tx_fresh(tx, to, bytes);
	return 0;
}

/* Frees the block at this offset, which was the staged string's. */
static int free_block(struct twz_tx *tx, struct twz_str *s, struct twz_str *now, uint64_t block)
{
	int error;

	now->block = block;
	error = heap_free(tx, &s->block);
	return error == TWZ_E_ARG ? TWZ_E_DAMAGED : error;
}

/* It is short afterwards: all of it stands in the staged string. */
static int make_short(struct twz_tx *tx, const struct change *c, struct twz_str *now,
		      const uint8_t *text)
{
	uint8_t bytes[TWZ_STR_SHORT] = {0};
	int error = 0;

	memcpy(bytes, text, c->keep);
	if (c->bytes)
		memcpy(bytes + c->keep, c->data, c->bytes);
	if (now->length > TWZ_STR_SHORT)
		error = free_block(tx, c->s, now, now->block);
	if (error)
		return error;
	now->length = c->keep + c->bytes;
	memcpy(now->text, bytes, sizeof(bytes));
	return 0;
}

/* A new block for all of it; one that grows gets half as much again, for what follows. */
static int make_block(struct twz_tx *tx, const struct change *c, struct twz_str *now,
		      const uint8_t *text)
{
	struct twz_str before = *now;
	uint64_t after = c->keep + c->bytes, fresh;
	void *block;
	int error;

	if (before.length <= TWZ_STR_SHORT)
		text = before.text;
	error = heap_alloc(tx, after + (c->append ? after / 2 : 0), &c->s->block, &block);
	if (error)
		return error;
	fresh = now->block;
	pmem_copy(block, text, c->keep);
	if (c->bytes)
		pmem_copy((uint8_t *)block + c->keep, c->data, c->bytes);
	twz_tx_fresh(tx, block, after);
	if (before.length > TWZ_STR_SHORT)
		error = free_block(tx, c->s, now, before.block);
	now->block = fresh;
	now->length = after;
	return error;
}

/*
 * May bytes from `keep` on be stored at once in the block of the staged string? If the block is new, or
 * if they are behind all that counts until the commit.
 */
static bool is_free(const struct change *c, const struct twz_str *now)
{
	if (STEP("check", "str: counts still") && c->s->length > TWZ_STR_SHORT &&
	    c->s->block == now->block)
		return c->keep >= c->s->length;
	return true;
}

static int change_in(struct twz_tx *tx, const struct change *wanted)
{
	struct twz_str *now = twz_tx_write(tx, wanted->s, sizeof(*now));
	struct change c = *wanted;
	const uint8_t *text;
	int error;

	if (!now)
		return tx->error;
	text = text_of(c.s, now, now->length);
	if (!text)
		return TWZ_E_DAMAGED;
	if (c.append)
		c.keep = now->length;
	if (c.keep > now->length || c.bytes > TWZ_STR_MAX - c.keep)
		return TWZ_E_RANGE;
	if (c.keep + c.bytes <= TWZ_STR_SHORT)
		return make_short(tx, &c, now, text);
	if (now->length <= TWZ_STR_SHORT)
		return make_block(tx, &c, now, text);
	if (c.bytes && (!is_free(&c, now) || !has_room(c.s, now, c.keep + c.bytes)))
		return make_block(tx, &c, now, text);
	error = store_fresh(tx, (uint8_t *)text + c.keep, c.data, c.bytes);
	if (!error)
		now->length = c.keep + c.bytes;
	return error;
}

static int change(struct twz_tx *tx, const struct change *c)
{
	struct twz_tx own;
	int error;

	/* What was half done when a lie was found must not be committed. */
	if (tx) {
		error = change_in(tx, c);
		return error == TWZ_E_DAMAGED ? tx_fail(tx, error) : error;
	}
	if (alone(c, &error))
		return error;
	twz_tx_begin(&own);
	error = change_in(&own, c);
	if (!error)
		return twz_tx_commit(&own);
	twz_tx_abort(&own);
	return error;
}

/* ---- as str.h has it ------------------------------------------------------------------------- */

int twz_str_set(struct twz_tx *tx, struct twz_str *s, const void *data, uint64_t bytes)
{
	return change(tx, &(struct change){.s = s, .data = data, .bytes = bytes});
}

int twz_str_append(struct twz_tx *tx, struct twz_str *s, const void *data, uint64_t bytes)
{
	return change(tx, &(struct change){.s = s, .data = data, .bytes = bytes, .append = true});
}

int twz_str_truncate(struct twz_tx *tx, struct twz_str *s, uint64_t length)
{
	return change(tx, &(struct change){.s = s, .keep = length});
}

int twz_str_clear(struct twz_tx *tx, struct twz_str *s)
{
	return change(tx, &(struct change){.s = s});
}

/* What reads the bytes of a string, which may be changing. */
typedef void (*read_fn)(void *arg, const uint8_t *text, uint64_t length);

static int read_in(struct twz_tx *tx, const struct twz_str *s, read_fn read, void *arg)
{
	const struct twz_str *now;
	const uint8_t *text;
	int error = twz_tx_add(tx, s);

	if (error)
		return error;
	now = twz_tx_read(tx, s, sizeof(*s));
	text = text_of(s, now, now->length);
	if (!text)
		return TWZ_E_DAMAGED;
	read(arg, text, now->length);
	return 0;
}

INLINE int read_by(struct twz_tx *tx, const struct twz_str *s, read_fn read, void *arg)
{
	uint64_t version, length;
	const uint8_t *text;

	if (tx)
		return read_in(tx, s, read, arg);
	do {
		version = twz_read_begin(s);
		length = twz_read_word(&s->length);
		text = text_of(s, s, length);
		if (text)
			read(arg, text, length);
	} while (twz_read_again(s, version));
	return !twz_read_error(version) && !text ? TWZ_E_DAMAGED : twz_read_error(version);
}

struct get {
	void *out;
	uint64_t room;
	int64_t result;
};

static void get(void *arg, const uint8_t *text, uint64_t length)
{
	struct get *g = arg;

	g->result = length <= g->room ? (int64_t)length : TWZ_E_RANGE;
	if (length && length <= g->room)
		twz_read_copy(g->out, text, length);
}

int64_t twz_str_get(struct twz_tx *tx, const struct twz_str *s, void *out, uint64_t room)
{
	struct get g = {.out = out, .room = room};
	int error = read_by(tx, s, get, &g);

	return error ? error : g.result;
}

uint64_t twz_str_length(struct twz_tx *tx, const struct twz_str *s)
{
	if (!tx)
		return twz_read_word(&s->length);
	if (twz_tx_add(tx, s))
		return 0;
	return ((const struct twz_str *)twz_tx_read(tx, s, sizeof(*s)))->length;
}

struct compare {
	const uint8_t *data;
	uint64_t bytes;
	int order;
};

static void compare(void *arg, const uint8_t *text, uint64_t length)
{
	struct compare *c = arg;
	uint64_t both = length < c->bytes ? length : c->bytes, n;
	uint8_t part[256];

	c->order = 0;
	for (uint64_t at = 0; at < both && !c->order; at += n) {
		n = both - at < sizeof(part) ? both - at : sizeof(part);
		twz_read_copy(part, text + at, n);
		c->order = memcmp(part, c->data + at, n);
	}
	if (!c->order)
		c->order = (length > c->bytes) - (length < c->bytes);
}

int twz_str_compare(struct twz_tx *tx, const struct twz_str *s, const void *data, uint64_t bytes,
		    int *order)
{
	struct compare c = {.data = data, .bytes = bytes};
	int error = read_by(tx, s, compare, &c);

	*order = c.order;
	return error;
}

int twz_str_check(const struct twz_str *s, uint64_t *where, uint64_t *owned)
{
	*where = obj_offset(s);
	*owned = 0;
	if (s->length <= TWZ_STR_SHORT)
		return 0;
	return s->length <= TWZ_STR_MAX && block_used(obj_base(s), s->block, s->length, owned)
		       ? 0
		       : TWZ_E_DAMAGED;
}
