/*
 * queue.h - a bounded queue of messages in an object: any number of threads and programs put and get.
 *
 * Rules
 *   - Each message is got once, in the order in which they were put.
 *   - Durable: what was put before a return is there after a crash, what was got is not. A crash within
 *     either leaves it done or not. Who gets a message and ends before it has dealt with it has lost it.
 *   - Who dies while it puts or gets leaves the queue sound and free (tx.h).
 *   - Both take the rights to READ and WRITE the object.
 *   - A message is bytes: a persistent pointer in it leads nowhere for who gets it.
 *   - A queue has the interfaces IO (stream.h) and Event (event.h).
 */
#ifndef TWZ_QUEUE_H
#define TWZ_QUEUE_H

#include "abi/interface.h"
#include <twz/ptr.h>
#include <twz/tx.h>

TWZ_C_BEGIN

/*
 * Makes an object whose data is not used a queue with room for `bytes` (rounded up to 8), of which a
 * message takes 8 more than it has, rounded up to 8. Durable. TWZ_E_ARG: 0, or more than
 * TWZ_QUEUE_CAPACITY_MAX; TWZ_E_EXISTS: it is one.
 */
int twz_queue_make(const struct twz_obj *obj, uint64_t bytes);

/*
 * Waits for room, up to timeout_ns (~0: for ever): TWZ_E_TIMEOUT. TWZ_E_RANGE: never fits: more than the
 * queue's room, or than TWZ_QUEUE_MESSAGE_MAX; TWZ_E_ARG: no bytes; TWZ_E_TYPE: it is no queue.
 */
int twz_queue_put(const struct twz_obj *obj, const void *data, uint64_t bytes, uint64_t timeout_ns);

/*
 * The first message, its length returned; waits for one. TWZ_E_RANGE: it is longer than `room`, and stays.
 */
int64_t twz_queue_get(const struct twz_obj *obj, void *out, uint64_t room, uint64_t timeout_ns);

/* The first message if it has that many bytes. TWZ_E_TYPE: it has not, and stays. */
int twz_queue_get_exact(const struct twz_obj *obj, void *out, uint64_t bytes, uint64_t timeout_ns);

/*
 * As part of a transaction, which sees what it has put and got itself; the others do with the commit.
 * They do not wait: TWZ_E_BUSY: there is no room now, or no message, and the transaction can go on.
 * What goes round the whole ring in one transaction ends it: TWZ_E_ARG. Behind the commit twz_queue_wake
 * wakes who waits for messages or for room; nobody else does.
 */
int twz_queue_put_tx(struct twz_tx *tx, const struct twz_obj *obj, const void *data,
		     uint64_t bytes);
int64_t twz_queue_get_tx(struct twz_tx *tx, const struct twz_obj *obj, void *out, uint64_t room);
int twz_queue_get_exact_tx(struct twz_tx *tx, const struct twz_obj *obj, void *out, uint64_t bytes);
void twz_queue_wake(const struct twz_obj *obj);

/*
 * Is what lies in the queue a sequence of whole messages? It takes the object meanwhile. TWZ_E_DAMAGED,
 * with *where the offset of what is none; TWZ_E_TYPE.
 */
int twz_queue_check(const struct twz_obj *obj, uint64_t *where);

/*
 * With a type: all messages are of one. `obj` is the queue's object, open.
 *
 *     twz_queue_of(struct job) jobs;
 *
 *     error = twz_obj_new(&(struct twz_new){0}, &jobs.obj);
 *     error = twz_queue_make_of(&jobs, 100);                   room for 100
 *     error = twz_queue_send(&jobs, job, ~0ull);
 *     error = twz_queue_receive(&jobs, &job, ~0ull);           or in another program
 *
 * Both return what twz_queue_put and twz_queue_get_exact do; with _tx, what those in a transaction do.
 */
#define twz_queue_of(T)                       \
	struct {                              \
		struct twz_obj obj;           \
		__extension__ T *twz_type[0]; \
	}

/* What a message takes of the room. */
#define twz_queue_room(bytes) (8 + ((uint64_t)(bytes) + 7) / 8 * 8)

#define twz_queue_make_of(q, n) \
	twz_queue_make(&(q)->obj, (uint64_t)(n)*twz_queue_room(sizeof(*(q)->twz_type[0])))

#define twz_queue_send(q, value, timeout_ns)                                           \
	__extension__({                                                                \
		__typeof__(*(q)->twz_type[0]) twz_value_ = (value);                    \
		twz_queue_put(&(q)->obj, &twz_value_, sizeof(twz_value_), timeout_ns); \
	})
#define twz_queue_send_tx(tx, q, value)                                           \
	__extension__({                                                           \
		__typeof__(*(q)->twz_type[0]) twz_value_ = (value);               \
		twz_queue_put_tx(tx, &(q)->obj, &twz_value_, sizeof(twz_value_)); \
	})
#define twz_queue_receive(q, out, timeout_ns)                                            \
	__extension__({                                                                  \
		__typeof__((q)->twz_type[0]) twz_out_ = (out);                           \
		TWZ_LEADS_TO(*(q)->twz_type[0], out);                                    \
		twz_queue_get_exact(&(q)->obj, twz_out_, sizeof(*twz_out_), timeout_ns); \
	})
#define twz_queue_receive_tx(tx, q, out)                                            \
	__extension__({                                                             \
		__typeof__((q)->twz_type[0]) twz_out_ = (out);                      \
		TWZ_LEADS_TO(*(q)->twz_type[0], out);                               \
		twz_queue_get_exact_tx(tx, &(q)->obj, twz_out_, sizeof(*twz_out_)); \
	})

TWZ_C_END

#endif
