/*
 * differ.h - the ranges in which two objects differ, page by page.
 *
 * The caller goes through the pages in order and leaves out those that cannot differ. A range is told
 * as soon as it has ended, so those that go on in the next page are told once, whole; differ_end tells
 * the last one.
 */
#ifndef TWZ_CORE_DIFFER_H
#define TWZ_CORE_DIFFER_H

#include "abi/object.h"

struct differ {
	/* Of the object; what it returns other than 0 ends the comparison and is returned. May be null. */
	int (*each)(uint64_t offset, uint64_t bytes, void *arg);
	void *arg;
	uint64_t start, end; /* the range that was found last: it may go on */
	uint64_t ranges, bytes;
};

/* The range ends. */
static inline int differ_end(struct differ *d)
{
	const uint64_t bytes = d->end - d->start;

	if (!bytes)
		return 0;
	d->ranges++;
	d->bytes += bytes;
	return d->each ? d->each(d->start, bytes, d->arg) : 0;
}

/* The byte there differs. */
static inline int differ_at(struct differ *d, uint64_t offset)
{
	int error = 0;

	if (offset != d->end) {
		error = differ_end(d);
		d->start = offset;
	}
	d->end = offset + 1;
	return error;
}

/* Bytes of one page, from `offset` of the object on: a multiple of 8, as their number is. */
static inline int differ_bytes(struct differ *d, uint64_t offset, const uint8_t *a,
			       const uint8_t *b, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes;) {
		if (i % 8 == 0 && *(const uint64_t *)(a + i) == *(const uint64_t *)(b + i)) {
			i += 8;
			continue;
		}
		if (a[i] != b[i]) {
			int error = differ_at(d, offset + i);

			if (error)
				return error;
		}
		i++;
	}
	return 0;
}

/* A page, whose bytes are these. The log's head, in the meta page, is not compared. */
static inline int differ_page(struct differ *d, uint64_t page, const uint8_t *a, const uint8_t *b)
{
	const uint64_t offset = page * TWZ_PAGE, log = offsetof(struct twz_meta, log),
		       behind = log + sizeof(struct twz_log_head);
	int error;

	if (offset != TWZ_OBJ_META)
		return differ_bytes(d, offset, a, b, TWZ_PAGE);
	error = differ_bytes(d, offset, a, b, log);
	return error ? error
		     : differ_bytes(d, offset + behind, a + behind, b + behind, TWZ_PAGE - behind);
}

#endif
