/*
 * queue.h - a bounded queue of messages in an object: any number of threads and programs put and get.
 *
 * Rules
 *   - Each message is got once, in the order in which they were put.
 *   - Durable: what was put before a return is there after a crash, what was got is not. A crash within
 *     either leaves it done or not. Who gets a message and ends before it has dealt with it has lost it.
 *   - Who dies while it puts or gets leaves the queue sound and free (tx.h).
 *   - Both take the rights to READ and WRITE the object.
 *   - A queue has the interfaces IO (stream.h) and Event (event.h).
 */
#ifndef TWZ_QUEUE_H
#define TWZ_QUEUE_H

#include "abi/interface.h"
#include <twz/obj.h>

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

TWZ_C_END

#endif
