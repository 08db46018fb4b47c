/*
 * builtin.h - libtwz's own implementations of IO and Event, which every program has that uses those.
 */
#ifndef LIB_BUILTIN_H
#define LIB_BUILTIN_H

#include <twz/event.h>
#include <twz/stream.h>

extern struct twz_impl io_bytes, io_queue;
extern struct twz_impl event_bytes, event_names, event_thread, event_queue;

/* Wakes who waits for this word of an object, or for the low half of a longer one. */
static inline void wake_all(const void *word)
{
	twz_rt_wake((const uint32_t *)word, ~0u);
}

/* The low half of a word in an object, as one to wait on. */
static inline struct twz_rt_word low_half(const uint64_t *word, uint64_t seen)
{
	return (struct twz_rt_word){.word = (const uint32_t *)word, .value = (uint32_t)seen};
}

#endif
