/*
 * gate.h - what a gate in a context must be like (docs/format/security.md, G1 to G6), and where one lets
 * in. What is otherwise is none: the kernel does not open it, the library does not make it, the checker
 * names it.
 *
 *   G1  object and stacks are not zero; view is zero if and only if it is IN_PLACE; no unknown flags,
 *       reserved is zero
 *   G2  its entries are somewhere: align and length are not 0, and it ends where a standard slot ends
 *   G3  1 to TWZ_GATE_STACKS_MAX stacks; stack_size and handler_bytes are multiples of 16, and what is left
 *       of a stack without the latter is GATE_STACK_MIN or more
 *   G4  vector registers are 0 to 15
 *   G5  base is where a standard slot begins; stack_base is a multiple of 16, and all stacks lie in one
 *       standard slot
 *   G6  handler is below TWZ_GATE_RETURN
 */
#ifndef TWZ_CORE_GATE_H
#define TWZ_CORE_GATE_H

#include "abi/object.h"
#include "abi/security.h"
#include "abi/view.h"

#define GATE_SLOTS_END ((uint64_t)TWZ_VIEW_SLOTS << TWZ_SLOT_SHIFT) /* of standard ones */
#define GATE_STACK_MIN 256u /* bytes: the address it returns to, a red zone, a frame */

/* May execution enter there, by a capability flagged GATE? Without an alignment it has no entries. */
static inline bool gate_has_entry(const struct twz_cap *gate, uint64_t offset)
{
	return offset >= gate->gate_off && offset - gate->gate_off < gate->gate_len &&
	       gate->gate_align && (offset - gate->gate_off) % gate->gate_align == 0;
}

/*
 * R9 (core/right.h): are the link's entries among its parent's, which has one where the link's begin? A
 * gate is no permission and permissions are no gate: neither can come of the other.
 */
static inline bool gate_narrower(const struct twz_cap *link, const struct twz_cap *parent)
{
	if ((link->flags ^ parent->flags) & TWZ_CAP_GATE)
		return false;
	return !(link->flags & TWZ_CAP_GATE) ||
	       (gate_has_entry(parent, link->gate_off) &&
		link->gate_len <= parent->gate_len - (link->gate_off - parent->gate_off) &&
		link->gate_align % parent->gate_align == 0);
}

/* Does [from, from + bytes) end at `end` at the latest? */
static inline bool gate_ends(uint64_t from, uint64_t bytes, uint64_t end)
{
	return from <= end && bytes <= end - from;
}

static inline bool gate_stacks_sound(const struct twz_gate *g)
{
	uint64_t each = g->stack_size, handler = g->handler_bytes;

	return g->nstacks && g->nstacks <= TWZ_GATE_STACKS_MAX && each % 16 == 0 &&
	       handler % 16 == 0 && gate_ends(handler, GATE_STACK_MIN, each) &&
	       each <= TWZ_SLOT_SIZE && g->stack_base % 16 == 0 && g->stack_base < GATE_SLOTS_END &&
	       gate_ends(g->stack_base % TWZ_SLOT_SIZE, g->nstacks * each, TWZ_SLOT_SIZE);
}

static inline bool gate_code_sound(const struct twz_gate *g)
{
	return g->align && g->length && gate_ends(g->start, g->length, TWZ_SLOT_SIZE) &&
	       g->base % TWZ_SLOT_SIZE == 0 && g->base < GATE_SLOTS_END &&
	       g->handler < TWZ_GATE_RETURN;
}

static inline bool gate_sound(const struct twz_gate *g)
{
	const uint32_t flags = TWZ_GATE_IN_PLACE | TWZ_GATE_ABORTABLE | TWZ_GATE_PUBLIC;
	const bool in_place = g->flags & TWZ_GATE_IN_PLACE, no_view = !(g->view.lo | g->view.hi);

	return g->object.lo | g->object.hi && g->stacks.lo | g->stacks.hi && in_place == no_view &&
	       !(g->flags & ~flags) && !g->reserved && !((g->vector_in | g->vector_out) >> 16) &&
	       gate_stacks_sound(g) && gate_code_sound(g);
}

/* Do the gates lie where the header says that all lies? */
static inline bool gates_placed(const struct twz_context *head)
{
	const uint64_t each = sizeof(struct twz_gate);

	return !head->ngates || (head->gates % each == 0 && head->gates >= head->table &&
				 head->gates <= head->heap && head->heap <= TWZ_SLOT_SIZE &&
				 head->ngates <= (head->heap - head->gates) / each);
}

#endif
