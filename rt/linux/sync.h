/*
 * sync.h - waiting: on words, and for the locks of objects in transactions.
 */
#ifndef TWZ_RT_LINUX_SYNC_H
#define TWZ_RT_LINUX_SYNC_H

/* Supplies core's transactions with their environment. */
void sync_init(void);

#endif
