/*
 * ring.h - a queue's messages (struct twz_queue in abi/interface.h): put and taken, in a transaction
 * that has the object.
 *
 * Nothing in the object is trusted: its words are copied and looked at before anything is followed, and all
 * that is touched lies in the ring.
 */
#ifndef LIB_RING_H
#define LIB_RING_H

#include "abi/interface.h"
#include "core/mem.h"
#include "core/tx.h"

#define RING_WORD sizeof(uint64_t)

struct ring {
	struct twz_queue *queue;
	uint8_t *bytes;
	uint64_t capacity, put, got; /* as they were when it was opened */
};

/* What a message takes of the ring. */
static inline uint64_t ring_room(uint64_t bytes)
{
	return RING_WORD + (bytes + RING_WORD - 1) / RING_WORD * RING_WORD;
}

/* Stages an empty queue in an object whose data is not used. */
static inline void ring_make(struct twz_tx *tx, struct twz_queue_head *head, uint64_t bytes,
			     const struct twz_methods *io, const struct twz_methods *event)
{
	struct twz_queue_head *staged =
		(struct twz_queue_head *)twz_tx_write(tx, head, sizeof(*head));
	uint64_t capacity = (bytes + RING_WORD - 1) / RING_WORD * RING_WORD;

	if (staged)
		*staged = (struct twz_queue_head){
			.queue = {.magic = TWZ_QUEUE_MAGIC, .version = 1, .capacity = capacity},
			.io = *io,
			.event = *event};
}

/*
 * `queue` is at the start of an object's data. As it is for the transaction, or in place for null.
 * TWZ_E_TYPE, TWZ_E_VERSION, TWZ_E_DAMAGED.
 */
static inline int ring_open(const struct twz_tx *tx, struct twz_queue *queue, struct ring *ring)
{
	const uint64_t *put = tx ? twz_tx_read(tx, &queue->put, RING_WORD) : &queue->put;
	const uint64_t *got = tx ? twz_tx_read(tx, &queue->got, RING_WORD) : &queue->got;

	*ring = (struct ring){.queue = queue,
			      .bytes = (uint8_t *)queue + TWZ_QUEUE_RING,
			      .capacity = __atomic_load_n(&queue->capacity, __ATOMIC_RELAXED),
			      .put = __atomic_load_n(put, __ATOMIC_ACQUIRE),
			      .got = __atomic_load_n(got, __ATOMIC_ACQUIRE)};
	if (queue->magic != TWZ_QUEUE_MAGIC)
		return TWZ_E_TYPE;
	if (queue->version != 1)
		return TWZ_E_VERSION;
	if (!ring->capacity || ring->capacity % RING_WORD ||
	    ring->capacity > TWZ_QUEUE_CAPACITY_MAX || ring->put % RING_WORD ||
	    ring->got % RING_WORD || ring->put - ring->got > ring->capacity)
		return TWZ_E_DAMAGED;
	return 0;
}

static inline bool ring_has_room(const struct ring *ring, uint64_t bytes)
{
	return ring_room(bytes) <= ring->capacity - (ring->put - ring->got);
}

/* Bytes before the ring's end, at most that many. */
static inline uint64_t ring_part(const struct ring *ring, uint64_t at, uint64_t bytes)
{
	uint64_t left = ring->capacity - at % ring->capacity;

	return left < bytes ? left : bytes;
}

/* There is room. */
static inline int ring_put(struct twz_tx *tx, const struct ring *ring, const void *data,
			   uint64_t bytes)
{
	uint64_t at = ring->put + RING_WORD, first = ring_part(ring, at, bytes);
	void *staged;

	twz_tx_set(tx, (uint64_t *)(ring->bytes + ring->put % ring->capacity), bytes);
	staged = twz_tx_write(tx, ring->bytes + at % ring->capacity, first);
	if (staged)
		memcpy(staged, data, first);
	if (first < bytes)
		staged = twz_tx_write(tx, ring->bytes, bytes - first);
	if (staged && first < bytes)
		memcpy(staged, (const uint8_t *)data + first, bytes - first);
	return twz_tx_set(tx, &ring->queue->put, ring->put + ring_room(bytes));
}

/* The ring is not empty: the length of its first message; tx as above. TWZ_E_DAMAGED. */
static inline int ring_first(const struct twz_tx *tx, const struct ring *ring, uint64_t *bytes)
{
	const uint8_t *word = ring->bytes + ring->got % ring->capacity;

	*bytes = *(const uint64_t *)(tx ? twz_tx_read(tx, word, RING_WORD) : word);
	return *bytes && *bytes <= TWZ_QUEUE_MESSAGE_MAX &&
			       ring_room(*bytes) <= ring->put - ring->got
		       ? 0
		       : TWZ_E_DAMAGED;
}

/* Takes the first message, which is `bytes` long. */
static inline int ring_take(struct twz_tx *tx, const struct ring *ring, void *out, uint64_t bytes)
{
	uint64_t at = ring->got + RING_WORD, first = ring_part(ring, at, bytes);

	/* The parts that it was staged in, if this transaction has put it. */
	memcpy(out, twz_tx_read(tx, ring->bytes + at % ring->capacity, first), first);
	if (first < bytes)
		memcpy((uint8_t *)out + first, twz_tx_read(tx, ring->bytes, bytes - first),
		       bytes - first);
	return twz_tx_set(tx, &ring->queue->got, ring->got + ring_room(bytes));
}

/* Is what lies in the ring a sequence of whole messages? TWZ_E_DAMAGED; *ring begins where it is not. */
static inline int ring_check(const struct twz_tx *tx, struct ring *ring)
{
	uint64_t bytes;
	int error = 0;

	while (!error && ring->got != ring->put) {
		error = ring_first(tx, ring, &bytes);
		if (!error)
			ring->got += ring_room(bytes);
	}
	return error;
}

#endif
