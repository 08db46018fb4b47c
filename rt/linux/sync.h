/*
 * sync.h - waiting: on words, and for the locks of objects in transactions.
 */
#ifndef TWZ_RT_LINUX_SYNC_H
#define TWZ_RT_LINUX_SYNC_H

#include <stdbool.h>

/* This Linux is older than 5.16, which has no waiting on many words. Found out by trying. */
extern bool sync_no_waitv;

/* Supplies core's transactions with their environment. */
void sync_init(void);

#endif
