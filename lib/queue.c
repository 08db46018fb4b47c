/* queue.c - queues of messages (twz/queue.h): put, got, and their interfaces. */
#include "core/probe.h"
#include "lib/builtin.h"
#include "lib/ring.h"
#include "lib/space.h"

#include <twz/queue.h>
#include <twz/tx.h>

static struct twz_queue *queue_of(const struct twz_obj *obj)
{
	return twz_obj_data(obj);
}

int twz_queue_make(const struct twz_obj *obj, uint64_t bytes)
{
	const struct twz_methods io = twz_methods_of(TWZ_TAG_IO, TWZ_TAG_QUEUE, "queue", 0);
	const struct twz_methods event = twz_methods_of(TWZ_TAG_EVENT, TWZ_TAG_QUEUE, "queue", 0);
	struct twz_queue_head *head = twz_obj_data(obj);
	struct twz_tx tx;

	if (!bytes || bytes > TWZ_QUEUE_CAPACITY_MAX)
		return TWZ_E_ARG;
	twz_tx_begin(&tx);
	ring_make(&tx, head, bytes, &io, &event);
	twz_ext_add(&tx, obj, TWZ_TAG_IO, &head->io);
	twz_ext_add(&tx, obj, TWZ_TAG_EVENT, &head->event);
	return twz_tx_commit(&tx);
}

/* ---- put and got --------------------------------------------------------------------------------- */

/* Time that a call may take, at most. */
struct limit {
	uint64_t start, timeout;
};

static struct limit limit_of(uint64_t timeout_ns)
{
	return (struct limit){twz_rt_time_ns(), timeout_ns};
}

/* Until the low half of the word is not that of `seen` any more, perhaps. TWZ_E_TIMEOUT. */
static int await(const uint64_t *word, uint64_t seen, const struct limit *limit)
{
	uint64_t past = limit->timeout == ~0ull ? 0 : twz_rt_time_ns() - limit->start;
	struct twz_rt_word until = low_half(word, seen);
	int error;

	if (past >= limit->timeout)
		return TWZ_E_TIMEOUT;
	error = twz_rt_wait_many(&until, 1,
				 limit->timeout == ~0ull ? ~0ull : limit->timeout - past);
	return error == TWZ_E_TIMEOUT ? 0 : error; /* looks once more first */
}

/* Has the object in the transaction, and its ring open. */
static int open_in(struct twz_tx *tx, const struct twz_obj *obj, struct ring *ring)
{
	int error = space_readable(obj->slot);

	if (!error)
		error = twz_tx_add(tx, obj->base);
	return error ? error : ring_open(tx, queue_of(obj), ring);
}

/* The same with a transaction that it begins; after an error there is none. */
static int begin(struct twz_tx *tx, const struct twz_obj *obj, struct ring *ring)
{
	int error;

	twz_tx_begin(tx);
	error = open_in(tx, obj, ring);
	if (error)
		twz_tx_abort(tx);
	return error;
}

/* Commits, or aborts after an error; wakes who waits for the word. */
static int end(struct twz_tx *tx, int error, const uint64_t *word)
{
	if (error) {
		twz_tx_abort(tx);
		return error;
	}
	error = twz_tx_commit(tx);
	if (!error)
		wake_all(word);
	return error;
}

/* Can there be such a message at all? */
static int message_ok(uint64_t bytes)
{
	if (!bytes)
		return TWZ_E_ARG;
	return bytes > TWZ_QUEUE_MESSAGE_MAX ? TWZ_E_RANGE : 0;
}

/* Stages it if there is room. TWZ_E_TIMEOUT: there is none now; TWZ_E_RANGE: there never is. */
static int put_in(struct twz_tx *tx, const struct ring *ring, const void *data, uint64_t bytes)
{
	if (ring_room(bytes) > ring->capacity)
		return TWZ_E_RANGE;
	return ring_has_room(ring, bytes) ? ring_put(tx, ring, data, bytes) : TWZ_E_TIMEOUT;
}

int twz_queue_put(const struct twz_obj *obj, const void *data, uint64_t bytes, uint64_t timeout_ns)
{
	struct limit limit = limit_of(timeout_ns);
	struct ring ring;
	struct twz_tx tx;
	int error = message_ok(bytes);

	while (!error) {
		error = begin(&tx, obj, &ring);
		if (error)
			return error;
		error = put_in(&tx, &ring, data, bytes);
		if (error != TWZ_E_TIMEOUT)
			return end(&tx, error, &ring.queue->put);
		twz_tx_abort(&tx);
		error = await(&ring.queue->got, ring.got, &limit);
	}
	return error;
}

int twz_queue_put_tx(struct twz_tx *tx, const struct twz_obj *obj, const void *data, uint64_t bytes)
{
	struct ring ring;
	int error = message_ok(bytes);

	if (!error)
		error = open_in(tx, obj, &ring);
	if (error)
		return error;
	error = put_in(tx, &ring, data, bytes);
	return error == TWZ_E_TIMEOUT ? TWZ_E_BUSY : error;
}

/* Which messages may be got. */
struct want {
	void *out;
	uint64_t room;
	bool exact; /* of that length only */
};

/* Takes the first message, its length returned. TWZ_E_TIMEOUT: there is none. */
static int64_t get_in(struct twz_tx *tx, const struct ring *ring, const struct want *want)
{
	uint64_t bytes;
	int error;

	if (ring->put == ring->got)
		return TWZ_E_TIMEOUT;
	error = ring_first(tx, ring, &bytes);
	if (!error && want->exact && bytes != want->room)
		error = TWZ_E_TYPE;
	if (!error && bytes > want->room)
		error = TWZ_E_RANGE;
	if (!error)
		error = ring_take(tx, ring, want->out, bytes);
	return error ? error : (int64_t)bytes;
}

static int64_t get_by(const struct twz_obj *obj, const struct want *want, uint64_t timeout_ns)
{
	struct limit limit = limit_of(timeout_ns);
	struct ring ring;
	struct twz_tx tx;
	int64_t n;
	int error;

	for (;;) {
		error = begin(&tx, obj, &ring);
		if (error)
			return error;
		n = get_in(&tx, &ring, want);
		if (n != TWZ_E_TIMEOUT) {
			error = end(&tx, n < 0 ? (int)n : 0, &ring.queue->got);
			return error ? error : n;
		}
		twz_tx_abort(&tx);
		error = await(&ring.queue->put, ring.put, &limit);
		if (error)
			return error;
	}
}

int64_t twz_queue_get(const struct twz_obj *obj, void *out, uint64_t room, uint64_t timeout_ns)
{
	return get_by(obj, &(struct want){out, room, false}, timeout_ns);
}

int twz_queue_get_exact(const struct twz_obj *obj, void *out, uint64_t bytes, uint64_t timeout_ns)
{
	int64_t n = get_by(obj, &(struct want){out, bytes, true}, timeout_ns);

	return n < 0 ? (int)n : 0;
}

static int64_t get_tx(struct twz_tx *tx, const struct twz_obj *obj, const struct want *want)
{
	struct ring ring;
	int error = open_in(tx, obj, &ring);
	int64_t n = error ? error : get_in(tx, &ring, want);

	return !error && n == TWZ_E_TIMEOUT ? TWZ_E_BUSY : n;
}

int64_t twz_queue_get_tx(struct twz_tx *tx, const struct twz_obj *obj, void *out, uint64_t room)
{
	return get_tx(tx, obj, &(struct want){out, room, false});
}

int twz_queue_get_exact_tx(struct twz_tx *tx, const struct twz_obj *obj, void *out, uint64_t bytes)
{
	int64_t n = get_tx(tx, obj, &(struct want){out, bytes, true});

	return n < 0 ? (int)n : 0;
}

void twz_queue_wake(const struct twz_obj *obj)
{
	wake_all(&queue_of(obj)->put);
	wake_all(&queue_of(obj)->got);
}

int twz_queue_check(const struct twz_obj *obj, uint64_t *where)
{
	struct ring ring;
	struct twz_tx tx;
	int error = begin(&tx, obj, &ring);

	*where = TWZ_OBJ_DATA;
	if (error)
		return error;
	error = ring_check(&tx, &ring);
	*where = obj_offset(ring.bytes + ring.got % ring.capacity);
	twz_tx_abort(&tx);
	return error;
}

/* ---- the interface IO ---------------------------------------------------------------------------- */

static uint64_t timeout_of(const struct twz_io *io)
{
	return io->flags & TWZ_IO_NOWAIT ? 0 : ~0ull;
}

static int64_t busy(int64_t result)
{
	return result == TWZ_E_TIMEOUT ? TWZ_E_BUSY : result;
}

static int64_t queue_read(struct twz_io *io, void *data, uint64_t bytes)
{
	return busy(twz_queue_get(&io->face.obj, data, bytes, timeout_of(io)));
}

static int64_t queue_write(struct twz_io *io, const void *data, uint64_t bytes)
{
	int error = twz_queue_put(&io->face.obj, data, bytes, timeout_of(io));

	return error ? busy(error) : (int64_t)bytes;
}

/* The ring as it is now, without a lock; nothing in it is followed. */
static int look_at(const struct twz_obj *obj, struct ring *ring)
{
	int error = space_readable(obj->slot);

	if (!error && !probe_load(queue_of(obj), sizeof(struct twz_queue)))
		error = TWZ_E_NOTFOUND;
	return error ? error : ring_open(NULL, queue_of(obj), ring);
}

static int queue_ioctl(struct twz_io *io, uint32_t request, uint64_t *value)
{
	struct ring ring;
	int error = look_at(&io->face.obj, &ring);

	if (request != TWZ_IO_SIZE && request != TWZ_IO_CAPACITY)
		return TWZ_E_ABSENT;
	*value = request == TWZ_IO_SIZE ? ring.put - ring.got : ring.capacity;
	return error;
}

/* Room for a message as TWZ_EVENT_WRITE waits for. */
static bool some_room(const struct ring *ring)
{
	return ring->put == ring->got || ring_has_room(ring, TWZ_EVENT_ROOM);
}

static int queue_poll(struct twz_io *io)
{
	struct ring ring;
	int error = look_at(&io->face.obj, &ring);

	return error ? error
		     : (ring.put != ring.got ? TWZ_IO_READABLE : 0) |
			       (some_room(&ring) ? TWZ_IO_WRITABLE : 0);
}

static const struct twz_io_methods io_methods = {
	.read = queue_read,
	.write = queue_write,
	.ioctl = queue_ioctl,
	.poll = queue_poll,
};
struct twz_impl io_queue = {
	.interface = TWZ_TAG_IO,
	.implementation = TWZ_TAG_QUEUE,
	.name = "queue",
	.methods = &io_methods,
};

/* ---- the interface Event ------------------------------------------------------------------------- */

static int queue_look(struct twz_event *event, struct twz_rt_word until[static TWZ_EVENT_WORDS],
		      uint32_t *count)
{
	struct ring ring;
	int error = look_at(&event->face.obj, &ring);

	if (error)
		return error;
	event->ready = event->what & ((ring.put != ring.got ? TWZ_EVENT_READ : 0) |
				      (some_room(&ring) ? TWZ_EVENT_WRITE : 0));
	if (event->what & TWZ_EVENT_READ)
		until[(*count)++] = low_half(&ring.queue->put, ring.put);
	if (event->what & TWZ_EVENT_WRITE)
		until[(*count)++] = low_half(&ring.queue->got, ring.got);
	return 0;
}

static const struct twz_event_methods event_methods = {TWZ_EVENT_READ | TWZ_EVENT_WRITE, NULL,
						       queue_look};
struct twz_impl event_queue = {
	.interface = TWZ_TAG_EVENT,
	.implementation = TWZ_TAG_QUEUE,
	.name = "queue",
	.methods = &event_methods,
};
