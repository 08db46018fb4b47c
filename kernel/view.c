/* view.c - views and bindings (view.h). */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/clock.h"
#include "kernel/ram.h"
#include "kernel/heap.h"
#include "kernel/log.h"
#include "kernel/nvm.h"
#include "kernel/right.h"
#include "kernel/step.h"
#include "kernel/thread.h"
#include "kernel/view.h"

#define ENTRY_TRIES 16 /* at an entry that is being changed; then it counts as none */

/* Never executed: a `syscall` at its very end would return to what is no address. */
#define LAST (TWZ_VIEW_SLOTS + TWZ_VIEW_PLACES - 1)

static struct cache views = CACHE(struct view), bindings = CACHE(struct binding);
uint32_t views_used;
uint64_t shootdowns, shootdown_ipis;

/* ---- shootdowns ---------------------------------------------------------------------------------- */

/*
 * Bits of processors that may have translations of the view: those that run a thread in it. Idle ones
 * have the kernel's root loaded. One that has given the lock back and not yet left takes the
 * interrupt as soon as it has left.
 */
static uint32_t processors_in(const struct view *view)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < ncpus; i++)
		if (cpus[i].thread && cpus[i].thread->view == view)
			set |= 1u << i;
	return set;
}

static void flush_wait(struct cpu *cpu, uint32_t wanted)
{
	uint64_t start = cycles();

	while ((int32_t)(__atomic_load_n(&cpu->flush_done, __ATOMIC_ACQUIRE) - wanted) < 0) {
		cpu_pause();
		if (cycles() - start > 10 * machine.cycles_per_s)
			panic("processor %u does not answer", cpu->number);
	}
}

static void shoot(uint32_t set)
{
	struct cpu *self = cpu_this();
	uint32_t wanted[CPU_MAX], others = set & ~(1u << self->number);

	if (set & 1u << self->number)
		cpu_load_root(self->root);
	if (!others || !KSTEP("shootdown"))
		return;
	for (unsigned i = 0; i < ncpus; i++) {
		if (!(others >> i & 1))
			continue;
		wanted[i] = __atomic_add_fetch(&cpus[i].flush_wanted, 1, __ATOMIC_ACQ_REL);
		apic_send(&cpus[i], VECTOR_FLUSH);
		shootdown_ipis++;
	}
	for (unsigned i = 0; i < ncpus; i++)
		if (others >> i & 1)
			flush_wait(&cpus[i], wanted[i]);
	shootdowns++;
	trace(TRACE_SHOOT, set, others);
}

void view_shoot(const struct view *view)
{
	shoot(processors_in(view));
}

void object_shoot(struct object *o)
{
	uint32_t set = 0;

	for (const struct binding *b = o->bindings; b; b = b->object_next)
		set |= processors_in(b->view);
	shoot(set);
}

/* ---- bindings ------------------------------------------------------------------------------------ */

static struct binding **bucket_of(struct view *view, uint32_t slot)
{
	return &view->bucket[slot % VIEW_BUCKETS];
}

static struct binding *binding_find(struct view *view, uint32_t slot)
{
	struct binding *b = *bucket_of(view, slot);

	while (b && b->slot != slot)
		b = b->next;
	return b;
}

/* Takes over the caller's holding of the object. Null: no memory. */
static struct binding *binding_make(struct view *view, uint32_t slot, uint32_t rights,
				    struct object *object)
{
	struct binding *b = cache_take_raw(&bindings), **bucket = bucket_of(view, slot);

	if (!b)
		return NULL;
	*b = (struct binding){.next = *bucket,
			      .object_next = object->bindings,
			      .object_link = &object->bindings,
			      .view = view,
			      .object = object,
			      .slot = slot,
			      .rights = rights};
	*bucket = b;
	object->bindings = b;
	if (b->object_next)
		b->object_next->object_link = &b->object_next;
	return b;
}

/* The root's entries of the slot lead nowhere any more. */
static void uninstall(const struct binding *b)
{
	uint64_t *entry = root_entry(b->view->root, b->slot, false);

	if (!entry)
		return;
	entry[0] = 0;
	if (b->slot >= TWZ_VIEW_SLOTS)
		entry[1] = 0;
}

/* Out of both lists; the translations were shot down before. */
static void binding_free(struct binding *b)
{
	struct binding **link = bucket_of(b->view, b->slot);

	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	*b->object_link = b->object_next;
	if (b->object_next)
		b->object_next->object_link = b->object_link;
	object_release(b->object);
	cache_give(&bindings, b);
}

void view_invalidate(struct view *view, uint32_t slot, uint32_t count)
{
	uint32_t buckets = count < VIEW_BUCKETS ? count : VIEW_BUCKETS;
	bool any = false;

	for (uint32_t i = 0; i < buckets; i++)
		for (struct binding *b = *bucket_of(view, slot + i); b; b = b->next)
			if (b->slot - slot < count) {
				uninstall(b);
				any = true;
			}
	if (!any)
		return;
	view_shoot(view);
	for (uint32_t i = 0; i < buckets; i++)
		for (struct binding *b = *bucket_of(view, slot + i), *next; b; b = next) {
			next = b->next;
			if (b->slot - slot < count)
				binding_free(b);
		}
}

void view_unbind_all(struct object *object)
{
	if (!object->bindings)
		return;
	for (struct binding *b = object->bindings; b; b = b->object_next)
		uninstall(b);
	object_shoot(object);
	while (object->bindings)
		binding_free(object->bindings);
}

/* ---- views --------------------------------------------------------------------------------------- */

static bool header_good(struct object *object)
{
	const struct twz_view *header = object->medium->look(object, TWZ_OBJ_DATA / TWZ_PAGE);

	return header && header->magic == TWZ_VIEW_MAGIC && header->version == 1;
}

int view_enter(struct object *object, struct view **view)
{
	static uint32_t number;
	struct view *v = object->view;

	if (KSTEP("view-type") && object->identity.type != TWZ_TYPE_VIEW)
		return TWZ_E_TYPE;
	if (!header_good(object))
		return TWZ_E_DAMAGED;
	if (!v) {
		v = cache_take(&views);
		if (!v)
			return TWZ_E_NOMEM;
		v->root = root_new();
		if (!v->root) {
			cache_give(&views, v);
			return TWZ_E_NOMEM;
		}
		v->object = object;
		v->number = ++number;
		object_hold(object);
		object->view = v;
		views_used++;
	}
	v->threads++;
	*view = v;
	return 0;
}

void view_leave(struct view *view)
{
	if (--view->threads)
		return;
	/* No thread is in it: only this processor can still have its root loaded. */
	if (cpu_this()->root == view->root)
		thread_load_root(cpu_this(), kernel_root);
	for (uint32_t i = 0; i < VIEW_BUCKETS; i++)
		while (view->bucket[i])
			binding_free(view->bucket[i]);
	root_free(view->root);
	view->object->view = NULL;
	object_release(view->object);
	cache_give(&views, view);
	views_used--;
}

/* ---- entries ------------------------------------------------------------------------------------- */

static bool slot_of(uint64_t address, uint32_t *slot, uint64_t *offset)
{
	const uint64_t places = (uint64_t)1 << TWZ_PLACE_BIT;

	if (address < places) {
		*slot = (uint32_t)(address >> TWZ_SLOT_SHIFT);
		*offset = address & (TWZ_SLOT_SIZE - 1);
		return true;
	}
	*slot = TWZ_VIEW_SLOTS + (uint32_t)((address - places) >> TWZ_PLACE_SHIFT);
	*offset = address & (TWZ_PLACE_SIZE - 1);
	return address < USER_END;
}

/* A copy that is whole; zero if there is none, or it is being changed all the time. */
static struct twz_view_slot entry_read(struct view *view, uint32_t slot)
{
	uint64_t at = TWZ_OBJ_DATA + offsetof(struct twz_view, slot) +
		      slot * sizeof(struct twz_view_slot);
	uint8_t *page = object_look(view->object, at / TWZ_PAGE);
	const struct twz_view_slot *entry = (void *)(page + at % TWZ_PAGE);

	for (unsigned i = 0; page && i < ENTRY_TRIES; i++) {
		uint32_t seq = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);
		struct twz_view_slot copy;

		copy.seq = seq;
		copy.id.lo = __atomic_load_n(&entry->id.lo, __ATOMIC_RELAXED);
		copy.id.hi = __atomic_load_n(&entry->id.hi, __ATOMIC_RELAXED);
		copy.epoch = __atomic_load_n(&entry->epoch, __ATOMIC_RELAXED);
		copy.rights = __atomic_load_n(&entry->rights, __ATOMIC_ACQUIRE);
		if (!(KSTEP("half-written") && seq & 1) &&
		    seq == __atomic_load_n(&entry->seq, __ATOMIC_RELAXED))
			return copy;
	}
	return (struct twz_view_slot){0};
}

/* Binds what the slot's entry names, whatever rights there are to it. TWZ_E_NOTFOUND, ... */
static int bind(const struct thread *thread, uint32_t slot, struct twz_id *id,
		struct binding **binding)
{
	struct twz_view_slot entry = entry_read(thread->view, slot);
	struct object *object;
	int error;

	*id = entry.id;
	if (!(entry.id.lo | entry.id.hi) ||
	    (KSTEP("epoch") && entry.epoch && entry.epoch != nvm_epoch))
		return TWZ_E_NOTFOUND;
	error = object_find(entry.id, &object);
	if (error)
		return error;
	*binding = binding_make(thread->view, slot, entry.rights, object);
	if (!*binding) {
		object_release(object);
		return TWZ_E_NOMEM;
	}
	return 0;
}

/*
 * The root's entry for the half of the place, or the slot, that the page is in. Its rights are those
 * of the binding that the thread may use. False: no frame for a table.
 */
static bool install(const struct binding *b, uint64_t page, uint32_t rights)
{
	uint64_t *entry = root_entry(b->view->root, b->slot, true),
		 table = b->object->tables.directory;
	unsigned half = 0;

	if (!entry)
		return false;
	if (b->slot >= TWZ_VIEW_SLOTS) {
		half = page >> 27 & 1;
		if (!table_upper(&b->object->tables, half))
			return false;
		table = b->object->tables.upper[half];
	}
	entry[half] = table | PTE_PRESENT | PTE_USER | PTE_ACCESSED |
		      (rights & TWZ_VIEW_WRITE ? PTE_WRITE : 0) |
		      (rights & TWZ_VIEW_EXEC ? 0 : PTE_NX);
	return true;
}

static uint32_t fault_kind(int error)
{
	switch (error) {
	case TWZ_E_RIGHT:
	case TWZ_E_SEALED:
		return TWZ_FAULT_RIGHT;
	case TWZ_E_FULL:
	case TWZ_E_NOMEM:
		return TWZ_FAULT_FULL;
	case TWZ_E_DAMAGED:
		return TWZ_FAULT_DAMAGED;
	default:
		return TWZ_FAULT_OBJECT;
	}
}

static bool refuse(struct twz_fault *fault, uint32_t kind, int error)
{
	fault->kind = kind;
	fault->error = error;
	return false;
}

/* To who has no right at all it is as if the object did not exist. */
static bool refuse_right(struct twz_fault *fault, const struct thread *thread,
			 const struct object *object)
{
	if (right_of(thread, object))
		return refuse(fault, TWZ_FAULT_RIGHT, TWZ_E_RIGHT);
	return refuse(fault, TWZ_FAULT_OBJECT, TWZ_E_NOTFOUND);
}

/* The page's leaf entry is good for the access: it mostly is when a view is new to an object. */
static int page_for(struct object *object, uint64_t page, uint32_t access)
{
	uint64_t *entry = table_entry(&object->tables, page, false);
	uint64_t need = PTE_PRESENT | (access == TWZ_VIEW_WRITE ? PTE_WRITE : 0);
	int error;

	if (!entry || (*entry & need) != need) {
		error = object->medium->fault(object, page, entry, access == TWZ_VIEW_WRITE);
		if (error || access != TWZ_VIEW_EXEC)
			return error;
		entry = table_entry(&object->tables, page, false);
	}
	return access == TWZ_VIEW_EXEC && *entry & PTE_NX ? TWZ_E_RIGHT : 0; /* a page limit */
}

bool view_touch(const struct thread *thread, uint64_t address, uint32_t access,
		struct twz_fault *fault)
{
	struct binding *b;
	uint64_t offset;
	uint32_t slot, rights;
	int error;

	if (!slot_of(address, &slot, &offset))
		return refuse(fault, TWZ_FAULT_RANGE, TWZ_E_RANGE);
	fault->offset = offset;
	b = binding_find(thread->view, slot);
	if (!b) {
		error = bind(thread, slot, &fault->object, &b);
		if (error)
			return refuse(fault, fault_kind(error), error);
	}
	fault->object = b->object->id;
	if (KSTEP("null-page") && offset < TWZ_PAGE && right_of(thread, b->object))
		return refuse(fault, TWZ_FAULT_NULL, TWZ_E_OUTSIDE);
	/* This processor cannot map what may be written or executed and not read. */
	rights = b->rights & right_of(thread, b->object) &
		 (slot == LAST ? ~(uint32_t)TWZ_VIEW_EXEC : ~0u);
	if (KSTEP("access") && (!(rights & TWZ_VIEW_READ) || !(rights & access)))
		return refuse_right(fault, thread, b->object);
	error = page_for(b->object, offset / TWZ_PAGE, access);
	if (!error && !install(b, offset / TWZ_PAGE, rights))
		error = TWZ_E_NOMEM;
	return error ? refuse(fault, fault_kind(error), error) : true;
}

int view_object(const struct thread *thread, uint64_t address, struct object **object,
		uint64_t *offset)
{
	struct twz_id id;
	struct binding *b;
	uint32_t slot;
	int error;

	if (!slot_of(address, &slot, offset))
		return TWZ_E_OUTSIDE;
	b = binding_find(thread->view, slot);
	error = b ? 0 : bind(thread, slot, &id, &b);
	if (error)
		return error == TWZ_E_NOTFOUND ? TWZ_E_OUTSIDE : error;
	*object = b->object;
	return right_of(thread, b->object) & b->rights & TWZ_VIEW_READ ? 0 : TWZ_E_OUTSIDE;
}
