/*
 * fault.h - what happens when a touch cannot be resolved.
 *
 * SIGSEGV in a slot: the slots resolve it (slots.h). If they cannot: a probe of core's transactions
 * goes on at its fix-up (tx_fixup); else the program's handler is asked (twz_rt_on_fault); else a
 * message and the program ends by the signal, at the instruction that did it.
 * SIGSEGV elsewhere is not ours: the action before ours is taken, so sanitizers report. An address
 * below LOW_END is told first as what it mostly is, a persistent pointer read outside of objects.
 * A jump into an object is a fault like others: none is mapped to be executed.
 * SIGBUS in a slot because the memory there is broken: a fault like others. Else in the image or a slot:
 * the file became shorter, or its medium fails.
 * Either signal sent by somebody, not done by an instruction: the action before ours.
 *
 * The handler runs on an alternate stack in the thread that opened the store, in other threads on
 * their own stack. It can be interrupted by itself: a program's handler may touch objects.
 */
#ifndef TWZ_RT_LINUX_FAULT_H
#define TWZ_RT_LINUX_FAULT_H

int fault_init(void);

#endif
