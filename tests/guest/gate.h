/*
 * gate.h - gates of tests: places with callees, and crossings whose registers are seen on both sides.
 *
 *     gate_place_make(&p, key, TEST_SLOT, TWZ_GATE_PUBLIC);
 *     CHECK_EQ(gate_apply(&p, callee, 1, 2), 3);        callee(1, 2) runs in p.context
 *     gate_place_end(&p);
 *
 * A place is a context, the object with the callees, which nobody else may execute, the object that its
 * stacks lie in and, unless the gate is in place, a view, which shows this program in its slots, and the
 * place's. All four are made under the key and are nobody else's by default (without a key, everybody's), so who
 * makes a place needs all rights to what is under that key. The context has the code to execute, stacks and view
 * to write, and the program's memory, so that callees can be functions of the test.
 *
 * Callers are threads (test_run_as) in contexts of their own, which have the program's memory and nothing else.
 */
#ifndef TESTS_GUEST_GATE_H
#define TESTS_GUEST_GATE_H

#include "tests/guest/bare.h"

/* ---- what is in the registers ----------------------------------------------------------------------- */

#define GATE_VECTOR_MAX 2816u
enum gate_general {
	GATE_RAX,
	GATE_RBX,
	GATE_RCX,
	GATE_RDX,
	GATE_RSI,
	GATE_RDI,
	GATE_RBP,
	GATE_RSP,
	GATE_R8,
	GATE_R9,
	GATE_R10,
	GATE_R11,
	GATE_R12,
	GATE_R13,
	GATE_R14,
	GATE_R15,
	GATE_GENERAL
};
struct gate_state {
	uint64_t general[GATE_GENERAL];
	uint64_t rflags, fs, gs;
	uint64_t top; /* the word at rsp */
	uint8_t unused[32];
	/* As xsave has it: */
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16], xmm[16][16];
	uint8_t reserved1[96];
	uint64_t has, header[7];
	uint8_t ymm_high[16][16];
	uint8_t more[GATE_VECTOR_MAX - 832];
} __attribute__((aligned(64)));
TWZ_AT(struct gate_state, rflags, 128);
TWZ_AT(struct gate_state, fcw, 192);
TWZ_AT(struct gate_state, mxcsr, 192 + 24);
TWZ_AT(struct gate_state, has, 192 + 512);
TWZ_AT(struct gate_state, ymm_high, 192 + 576);

/* No word of it is zero, and all differ by the seed: secrets, to be looked for on the other side. */
void gate_fill(struct gate_state *state, uint64_t seed);
/* Does any word of the vector state, but for the registers of the mask, stand in the other's? */
bool gate_vectors_are_new(const struct gate_state *state, uint32_t but);

/*
 * Calls the gate, with all registers but rsp as in `in`; *out is how they are afterwards. rdi, rsi, rdx, r10 and
 * r8 carry the arguments, and r9 leads to the struct twz_sys_gate.
 */
void gate_trip(const struct gate_state *in, struct gate_state *out);
/* The same by a call of the address; rcx carries the fourth argument. */
void gate_trip_to(const struct gate_state *in, struct gate_state *out, uint64_t address);

/* ---- places ----------------------------------------------------------------------------------------- */

#define GATE_ALIGN 64u /* bytes of an entry */
#define GATE_STACK 32768u
#define GATE_HANDLER 8192u
#define GATE_STACKS 2u
#define GATE_GATES 31u /* that fit */

/* The entries of the code, in this order. */
enum gate_entry {
	GATE_APPLY,  /* f(a, b): f, a and b are the arguments, f an address */
	GATE_SHOW,   /* the registers at the entry, to a struct gate_state */
	GATE_SPOIL,  /* returns with all registers but rsp as in a struct gate_state */
	GATE_SYSTEM, /* the system call of the third argument's number, with the first two */
	GATE_SPIN,   /* adds to a word, for ever */
	GATE_TRAP,   /* an exception: ud2 */
	GATE_ADD,    /* a + b, without a touch of memory but for the return */
	GATE_FOLLOW, /* jumps to the address that it gets, with the other arguments as its first ones */
	GATE_ENTRIES
};

struct gate_place {
	struct twz_id key, context, code, stacks, view;
	uint32_t slot; /* of five: context, code, stacks, the view, and one for the test */
	struct twz_context *header;
	struct twz_gate *gate; /* [0] has all entries; after a change: gate_publish */
	struct twz_view *table;
};
enum {
	GATE_SLOT_CONTEXT,
	GATE_SLOT_CODE,
	GATE_SLOT_STACKS,
	GATE_SLOT_VIEW,
	GATE_SLOT_FREE,
	GATE_SLOTS
};

/* flags: enum twz_gate_flags, of gate 0. */
void gate_place_make(struct gate_place *place, struct twz_id key, uint32_t slot, uint32_t flags);
void gate_place_end(struct gate_place *place);
/* Deletes one of the four, which is not there any more; the rest goes with the place. */
void gate_place_lose(struct gate_place *place, struct twz_id *part);
void gate_publish(const struct gate_place *place);
/* What the callee sees in this slot of its own view. */
void gate_show(const struct gate_place *place, uint32_t slot, struct twz_id id, uint32_t rights);

/* Of the code, in every view that shows it. */
uint64_t gate_address(const struct gate_place *place, uint32_t entry);
uint8_t *gate_stack(const struct gate_place *place, uint32_t n); /* its lowest byte */
void *gate_nothing(const struct gate_place *place); /* an address at which nothing is */

/* ---- crossings -------------------------------------------------------------------------------------- */

/* The call of gate 0, without a time limit. */
struct twz_sys_gate gate_to(const struct gate_place *place, uint32_t entry);
int64_t gate_call(const struct twz_sys_gate *gate, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e);
int64_t gate_enter(const struct gate_place *place, uint32_t entry, uint64_t a, uint64_t b,
		   uint64_t c);
int64_t gate_apply(const struct gate_place *place, int64_t (*f)(uint64_t, uint64_t), uint64_t a,
		   uint64_t b);
/* The same by a jump. */
int64_t gate_jump(const struct gate_place *place, uint32_t entry, uint64_t a, uint64_t b,
		  uint64_t c);
int64_t gate_apply_by_jump(const struct gate_place *place, int64_t (*f)(uint64_t, uint64_t),
			   uint64_t a, uint64_t b);

struct twz_id gate_active(void); /* the context that is active now */
/* Of the innermost crossing; a failed check if there is none. */
struct twz_sys_caller gate_caller(void);
/* A check: the thread is in no crossing, and acts in this context, in the program's view. */
void gate_is_outside(struct twz_id context);

/* ---- callers ---------------------------------------------------------------------------------------- */

/* A context with nothing in it, under the key, to which the program's memory is granted. */
struct twz_id gate_context(struct twz_id key);
void gate_context_end(struct twz_id context);
void gate_grant(struct twz_id object, struct twz_id context, uint32_t perms);
/* This thread is attached to the place's context from now on, too: it needs USE of that. */
void gate_attach(const struct gate_place *place);

#endif
