/*
 * event.h - the interface Event: waiting for what happens to many objects at once.
 *
 *     struct twz_event events[2];
 *
 *     twz_event_of(&queue, TWZ_EVENT_READ, &events[0]);
 *     twz_event_of(&thread, TWZ_EVENT_ENDED, &events[1]);
 *     n = twz_event_wait(events, 2, timeout_ns);          events[i].ready says which
 *
 * What happened, by kind of object:
 *
 *     READ     bytes: there are more than when it was last seen; queue: a message; console: input
 *     WRITE    queue: room for a message of TWZ_EVENT_ROOM bytes, or for any
 *     CHANGED  namespace: a name was bound, removed or renamed since it was last seen
 *     ENDED    thread
 *
 * Rules
 *   - An event, struct twz_event, is a plain value and one thread's. What counts as seen is in it: what is
 *     there at twz_event_of, and what a wait has reported.
 *   - Who changes an object wakes who waits: libtwz's own changes do (stream.h, queue.h, name.h,
 *     twz_obj_set_size). Who changes one by stores calls twz_rt_wake on the word.
 *   - Something may have happened and be over when it is looked at: another reader was faster.
 */
#ifndef TWZ_EVENT_H
#define TWZ_EVENT_H

#include <twz/ext.h>

TWZ_C_BEGIN

enum twz_event_what {
	TWZ_EVENT_READ = 1,
	TWZ_EVENT_WRITE = 2,
	TWZ_EVENT_CHANGED = 4,
	TWZ_EVENT_ENDED = 8,
};
#define TWZ_EVENT_ROOM 1024u

struct twz_event {
	struct twz_face face;
	uint32_t what;  /* enum twz_event_what: what is waited for */
	uint32_t ready; /* of that, what has happened */
	uint64_t seen;  /* the implementation's: how far it was seen */
};

#define TWZ_EVENTS_MAX 32u
#define TWZ_EVENT_WORDS 2u /* of one event; TWZ_EVENTS_MAX times this is TWZ_RT_WORDS */

/* The interface: what an implementation brings. */
struct twz_event_methods {
	uint32_t what; /* that it can tell */
	/* What is there now has been seen. May be null. */
	int (*begin)(struct twz_event *event);
	/*
	 * Sets event->ready, and notes what it reports as seen. If that is nothing: words that change before
	 * it can be something, and their values before it looked.
	 */
	int (*look)(struct twz_event *event, struct twz_rt_word until[TWZ_AT_LEAST TWZ_EVENT_WORDS],
		    uint32_t *count);
};

/* What twz_face returns; TWZ_E_ARG: the object cannot tell all of that. */
int twz_event_of(const struct twz_obj *obj, uint32_t what, struct twz_event *event);
int twz_event_of_console(uint32_t what, struct twz_event *event);

/*
 * How many of them are ready, at least one. TWZ_E_TIMEOUT; TWZ_E_ARG: none, or more than TWZ_EVENTS_MAX;
 * what one of them returns.
 */
int twz_event_wait(struct twz_event *events, uint32_t n, uint64_t timeout_ns);

TWZ_C_END

#endif
