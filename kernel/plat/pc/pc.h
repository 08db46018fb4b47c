/*
 * pc.h - between the files of plat/pc.
 */
#ifndef KERNEL_PLAT_PC_PC_H
#define KERNEL_PLAT_PC_PC_H

#include "abi/base.h"

/* Physical address of ACPI's root pointer, as the boot loader gave it; 0: it gave none. */
extern uint64_t pvh_rsdp;

#endif
