/*
 * ram.h - frames of DRAM: 4 KiB of physical memory each, known by their physical address.
 *
 * A frame has holders: one when taken, more when copies share it. It is free when the last one gives
 * it. Lock: the kernel's.
 */
#ifndef KERNEL_RAM_H
#define KERNEL_RAM_H

#include "kernel/machine.h"

#define RAM_HOLDERS_MAX 0xffffu
/*
 * The last ones are for the kernel's own needs, without which nobody could free anything any more: to
 * know an object that is to be deleted, to run what does it.
 */
#define RAM_RESERVE 64u

void ram_init(void);

/* A frame, content undefined; 0 if there is none, after all that could be reclaimed was. */
uint64_t ram_take(void);
uint64_t ram_take_zero(void);
/* The same, of the reserve if need be. */
uint64_t ram_take_reserved(void);
/* One holder fewer. */
void ram_give(uint64_t frame);
/* One holder more; false if it has as many as can be counted. */
bool ram_share(uint64_t frame);
bool ram_shared(uint64_t frame);
/* A frame that no one took, of the boot archive: held from now on, never free. */
void ram_adopt(uint64_t frame);

void ram_zero(uint64_t frame);
void ram_copy(uint64_t to, uint64_t from);

extern uint64_t ram_total, ram_used;
/* Maps as zeros what is not there; never written, never given. */
extern uint64_t ram_zeros;

#endif
