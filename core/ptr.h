/*
 * ptr.h - arithmetic on objects' addresses and persistent pointers; no memory is touched.
 *
 * Slots are aligned to their size, so the address of anything in an object gives the object's base.
 */
#ifndef TWZ_CORE_PTR_H
#define TWZ_CORE_PTR_H

#include "abi/object.h"

TWZ_C_BEGIN

/* Base of the slot or large place that the address lies in. */
static inline uint8_t *obj_base(const void *addr)
{
	uintptr_t a = (uintptr_t)addr, slot = TWZ_SLOT_SIZE, place = TWZ_PLACE_SIZE;

	return (uint8_t *)(a & -(a >> TWZ_PLACE_BIT & 1 ? place : slot));
}

static inline uint64_t obj_offset(const void *addr)
{
	return (uint64_t)((const uint8_t *)addr - obj_base(addr));
}

/* Bytes that the mapping at this address can show. */
static inline uint64_t obj_span(const void *addr)
{
	return (uintptr_t)addr >> TWZ_PLACE_BIT & 1 ? TWZ_PLACE_SIZE : TWZ_SLOT_SIZE;
}

static inline struct twz_meta *obj_meta(const void *addr)
{
	return (struct twz_meta *)(obj_base(addr) + TWZ_OBJ_META);
}

static inline uint64_t ptr_make(uint64_t index, uint64_t offset)
{
	return index << TWZ_PTR_OFF_BITS | offset;
}

static inline uint64_t ptr_index(uint64_t ptr)
{
	return ptr >> TWZ_PTR_OFF_BITS; /* more than 65,535 if the top byte is not zero */
}

static inline uint64_t ptr_offset(uint64_t ptr)
{
	return ptr & TWZ_PTR_OFF_MASK;
}

TWZ_C_END

#endif
