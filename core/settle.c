/*
 * settle.c - decides what a crash or a dead process left in logs (tx.h, docs/format/log.md).
 *
 * Everything that is read may be hostile and may change while it is read: headers are decided on as
 * copies, and each offset and length is checked where it is used.
 */
#include "abi/errors.h"
#include "core/log.h"
#include "core/pmem.h"
#include "core/tx.h"

#define BODY (TWZ_OBJ_LOG + sizeof(struct twz_log_record))
#define SHORT_BODY (TWZ_PAGE - sizeof(struct twz_log_record)) /* it ends in the header's page */

struct object {
	uint64_t handle;
	struct twz_id id;
	uint64_t retired;
	struct twz_log_record record;
};

static const uint8_t zeros[TWZ_PAGE] __attribute__((aligned(16)));

/* Address of the bytes at `off`, good to the end of their page; null after an error. */
static const uint8_t *at(const struct settle_io *io, uint64_t handle, uint64_t off, int *error)
{
	const uint8_t *page;

	*error = 0;
	page = io->page(io->arg, handle, off / TWZ_PAGE, false, error);
	if (*error)
		return NULL;
	return (page ? page : zeros) + off % TWZ_PAGE;
}

/* The same to be written. Null without an error: it must not be. */
static uint8_t *at_write(const struct settle_io *io, uint64_t handle, uint64_t off, int *error)
{
	uint8_t *page;

	*error = 0;
	page = io->page(io->arg, handle, off / TWZ_PAGE, true, error);
	return page && !*error ? page + off % TWZ_PAGE : NULL;
}

/* How many of the bytes at `off` lie in one page. */
static uint64_t piece(uint64_t off, uint64_t bytes)
{
	uint64_t rest = TWZ_PAGE - off % TWZ_PAGE;

	return bytes < rest ? bytes : rest;
}

static uint64_t body_bytes(const struct object *o)
{
	return o->record.ranges + o->record.nparts * sizeof(struct twz_log_part);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int look(const struct settle_io *io, struct twz_id id, struct object *o)
{
	int error = io->find(io->arg, id, &o->handle);
	const uint8_t *p;

	if (error)
		return error;
	if (STEP("check", "settle: sealed") && !io->writable(io->arg, o->handle))
		return TWZ_E_SEALED;
	o->id = id;
	p = at(io, o->handle, TWZ_OBJ_META, &error);
	if (!p)
		return error;
	o->retired = ((const struct twz_meta *)p)->log.retired;
	p = at(io, o->handle, TWZ_OBJ_LOG, &error);
	if (!p)
		return error;
	memcpy(&o->record, p, sizeof(o->record));
	return 0;
}

/* Reads the range at *off in the body and steps over it. TWZ_E_RANGE: it must not be followed. */
static int next_range(const struct settle_io *io, const struct object *o, uint64_t *off,
		      uint64_t *to, uint64_t *bytes)
{
	int error;
	const uint8_t *p = at(io, o->handle, BODY + *off, &error);
	uint64_t range;

	if (!p)
		return error;
	memcpy(&range, p, sizeof(range));
	*to = range >> LOG_LENGTH_BITS;
	*bytes = range & LOG_LENGTH_MASK;
	*off += log_range_bytes(*bytes);
	if (STEP("check", "settle: range fits") && *off > o->record.ranges)
		return TWZ_E_RANGE;
	if (STEP("check", "settle: range allowed") && !log_range_ok(*to, *bytes))
		return TWZ_E_RANGE;
	return 0;
}

static int list_entry(const struct settle_io *io, const struct object *o, uint64_t i,
		      struct twz_log_part *part)
{
	uint64_t off = BODY + o->record.ranges + i * sizeof(*part);
	int error;

	/* It is aligned to 16 and can lie in two pages. */
	for (uint64_t n = 0; n < sizeof(*part); n += 16) {
		const uint8_t *p = at(io, o->handle, off + n, &error);

		if (!p)
			return error;
		memcpy((uint8_t *)part + n, p, 16);
	}
	return 0;
}

/* Is the record whole? */
static int check(const struct settle_io *io, const struct object *o, bool *is_whole)
{
	const struct twz_log_record *r = &o->record;
	uint64_t counts = log_counts(r->ranges, r->nparts, r->flags);
	uint64_t sum = twz_sum_step(log_seed(o->id), r->seq, counts), off, n, to;
	int error = 0;

	*is_whole = false;
	if (STEP("check", "settle: body fits") &&
	    (r->ranges % 16 || body_bytes(o) > TWZ_LOG_BODY_MAX))
		return 0;
	if (STEP("check", "settle: parts") && r->nparts >= TWZ_LOG_PARTS_MAX)
		return 0;

	for (off = 0; off < body_bytes(o); off += n) {
		const uint8_t *p = at(io, o->handle, BODY + off, &error);

		if (!p)
			return error;
		n = piece(BODY + off, body_bytes(o) - off);
		sum = twz_sum_more(sum, p, n);
	}
	if (STEP("sum", "settle: record") && sum != r->sum)
		return 0;

	for (off = 0; off < r->ranges && !error;)
		error = next_range(io, o, &off, &to, &n);
	if (error == TWZ_E_RANGE)
		return 0;
	*is_whole = !error;
	return error;
}

static bool retired(const struct object *o)
{
	return o->record.seq <= o->retired;
}

/* An object that cannot be had, or has no log, holds no record that a decision could rest on. */
static bool absent(int error)
{
	return error == TWZ_E_NOTFOUND || error == TWZ_E_RIGHT || error == TWZ_E_SEALED;
}

/* Looks at another object of the group: is its record whole and not retired? */
static int look_live(const struct settle_io *io, struct twz_id id, struct object *o, bool *is_live)
{
	int error = look(io, id, o);

	*is_live = false;
	if (error)
		return absent(error) ? 0 : error;
	error = check(io, o, is_live);
	if (STEP("check", "settle: other not retired") && retired(o))
		*is_live = false;
	return error;
}

/*
 * Collects the group of self, whose record is whole and not retired, in o[0] (the coordinator) to
 * o[*n - 1]. *n is 0 if it was not committed.
 */
static int collect(const struct settle_io *io, const struct object *self, struct object *o,
		   uint32_t *n)
{
	struct twz_log_part part;
	bool live = true, member;
	int error;

	*n = 0;
	o[0] = *self;
	if (self->record.flags & TWZ_LOG_PART) {
		error = list_entry(io, self, 0, &part);
		if (!error)
			error = look_live(io, part.id, &o[0], &live);
		if (error || !live)
			return error;
	}
	member = o[0].handle == self->handle;
	for (uint32_t i = 1; i <= o[0].record.nparts; i++) {
		error = list_entry(io, &o[0], i - 1, &part);
		if (!error)
			error = look_live(io, part.id, &o[i], &live);
		if (error || !live)
			return error;
		if (STEP("check", "settle: listed") &&
		    (o[i].record.seq != part.seq || o[i].record.sum != part.sum))
			return 0;
		member |= o[i].handle == self->handle;
	}
	if (!STEP("check", "settle: member") || member)
		*n = o[0].record.nparts + 1u;
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A process that died may have stored its record without flushing it. */
static int flush_record(const struct settle_io *io, const struct object *o)
{
	uint64_t bytes = sizeof(o->record) + body_bytes(o), n;
	int error;

	for (uint64_t off = 0; off < bytes; off += n) {
		const uint8_t *p = at(io, o->handle, TWZ_OBJ_LOG + off, &error);

		if (!p)
			return error;
		n = piece(TWZ_OBJ_LOG + off, bytes - off);
		pmem_flush("settle: record", p, n);
	}
	return 0;
}

/* Stores `bytes` bytes from `from` to `to` (offsets) in place, which may be no more allowed. */
static int apply_range(const struct settle_io *io, const struct object *o, uint64_t from,
		       uint64_t to, uint64_t bytes)
{
	uint64_t n;
	int error;

	for (; bytes; bytes -= n, from += n, to += n) {
		uint8_t *target = at_write(io, o->handle, to, &error);
		const uint8_t *source = NULL;

		if (!error)
			source = at(io, o->handle, from, &error);
		if (error)
			return error;
		n = piece(to, piece(from, bytes));
		if (!target)
			continue;
		pmem_copy(target, source, n);
		pmem_flush("settle: in place", target, n);
	}
	return 0;
}

/* Readers of before read again, others wait (read.h): a dead process may not have come to it. */
static int announce(const struct settle_io *io, const struct object *o)
{
	int error;
	uint8_t *p = at_write(io, o->handle, TWZ_OBJ_META, &error);

	if (p && STEP("log", "settle: storing"))
		pmem_store64(&((struct twz_meta *)p)->log.storing, o->record.seq);
	return error;
}

static int apply(const struct settle_io *io, const struct object *o)
{
	uint64_t off = 0, to, bytes;

	while (off < o->record.ranges) {
		uint64_t from = BODY + off + 8;
		int error = next_range(io, o, &off, &to, &bytes);

		if (!error)
			error = apply_range(io, o, from, to, bytes);
		if (error)
			return error;
	}
	return 0;
}

/*
 * Retires the record, whole or torn. A torn header's first word is its own number or that of the
 * record before; the log is used again from two above the greater of what can be seen on, so that
 * no record can ever be completed by the rest of this one (docs/format/log.md, L6).
 */
static int retire(const struct settle_io *io, const struct object *o)
{
	uint64_t seq = o->record.seq > o->retired ? o->record.seq : o->retired;
	int error;
	uint8_t *p = at_write(io, o->handle, TWZ_OBJ_META, &error);
	struct twz_log_head *head = p ? &((struct twz_meta *)p)->log : NULL;

	if (!head)
		return error;
	pmem_store64(&head->retired, seq + 1);
	pmem_flush("settle: retired", head, sizeof(*head));
	return 0;
}

/*
 * Retires a long record again that is retired, without a look whether it is whole: that costs a line
 * and a fence, instead of up to 1 MiB to be read. False: there is no page for the head.
 */
static bool retire_again(const struct settle_io *io, const struct object *o)
{
	return retired(o) && body_bytes(o) > SHORT_BODY && !retire(io, o);
}

/* Applies and retires what collect() found. */
static int complete(const struct settle_io *io, const struct object *o, uint32_t n)
{
	int error = 0;

	for (uint32_t i = 0; i < n && !error; i++)
		error = flush_record(io, &o[i]);
	pmem_fence("settle: records");
	for (uint32_t i = 0; i < n && !error; i++)
		error = announce(io, &o[i]);
	for (uint32_t i = 0; i < n && !error; i++)
		error = apply(io, &o[i]);
	pmem_fence("settle: in place");
	for (uint32_t i = 0; i < n && !error; i++)
		error = retire(io, &o[i]);
	return error;
}

static int unlock(const struct settle_io *io, const struct object *o)
{
	int error;
	const uint8_t *p = at(io, o->handle, TWZ_OBJ_META, &error);

	if (!p || !((const struct twz_meta *)p)->log.lock)
		return error;
	p = at_write(io, o->handle, TWZ_OBJ_META, &error);
	if (p)
		pmem_store64(&((struct twz_meta *)p)->log.lock, 0);
	return error;
}

int tx_settle(const struct settle_io *io, struct twz_id id)
{
	struct object self, group[TWZ_LOG_PARTS_MAX];
	const struct twz_log_record *r = &self.record;
	bool is_whole;
	uint32_t n = 0;
	int error = look(io, id, &self);

	if (error)
		return error == TWZ_E_SEALED ? 0 : error;
	/* Nothing was ever stored there, or nothing of a record behind the one that is retired. */
	if (!(r->seq | r->sum | log_counts(r->ranges, r->nparts, r->flags)))
		return unlock(io, &self);
	if (!retire_again(io, &self)) {
		error = check(io, &self, &is_whole);
		if (error)
			return error;
		if (is_whole && retired(&self))
			return unlock(io, &self);
		if (is_whole)
			error = collect(io, &self, group, &n);
		if (!error)
			error = n ? complete(io, group, n) : retire(io, &self);
		if (error)
			return error;
	}
	pmem_fence("settle: retired");
	return unlock(io, &self);
}
