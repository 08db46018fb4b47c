/*
 * sync.h - waiting: on words, and for the locks of objects in transactions.
 */
#ifndef TWZ_RT_LINUX_SYNC_H
#define TWZ_RT_LINUX_SYNC_H

#include <stdbool.h>
#include <stdint.h>

/* This Linux is older than 5.16, which has no waiting on many words. Found out by trying. */
extern bool sync_no_waitv;

/* So long one sleep on words in objects lasts at most. Where tests make it longer, who is not woken hangs. */
#define SYNC_SLICE_NS (1000ull * 1000 * 1000)
extern uint64_t sync_slice_ns;

/* Does a thread of this process sleep on a word there? */
bool sync_asleep(const uint8_t *start, uint64_t bytes);

/*
 * What was mapped there of the object with this record is not any more, and its pages are about to change:
 * who sleeps on a word there wakes and looks again, as the host names the word by its frame.
 */
void sync_unmapped(const uint8_t *start, uint64_t bytes, uint64_t ref);

/* Supplies core's transactions with their environment. */
void sync_init(void);

#endif
