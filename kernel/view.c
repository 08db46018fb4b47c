/* view.c - views and bindings (view.h). */
#include "kernel/arch/x86_64/apic.h"
#include "kernel/arch/x86_64/user.h"
#include "kernel/account.h"
#include "kernel/clock.h"
#include "kernel/context.h"
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

static struct cache views = CACHE(struct view), spaces = CACHE(struct space),
		    bindings = CACHE(struct binding);
uint32_t views_used;
uint64_t shootdowns, shootdown_ipis, shootdown_cycles;

/* ---- shootdowns ---------------------------------------------------------------------------------- */

/*
 * Bits of processors that may have translations of the view, or of the space: those that have it
 * loaded. One that has given the lock back and not yet left takes the interrupt as soon as it has left.
 */
static uint32_t processors_in(const struct view *view)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < ncpus; i++)
		if (cpus[i].space && cpus[i].space->view == view)
			set |= 1u << i;
	return set;
}

static uint32_t processors_at(const struct space *space)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < ncpus; i++)
		if (cpus[i].space == space)
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
	shootdown_cycles += cycles() - start;
}

static void shoot(uint32_t set)
{
	struct cpu *self = cpu_this();
	uint32_t wanted[CPU_MAX], others = set & ~(1u << self->number);

	if (set & 1u << self->number)
		cpu_load_root(self->space ? self->space->root : kernel_root);
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

/*
 * What a slot in use is charged with: the binding, what the kernel knows of an object for it, and the
 * tables of a persistent one that are never given up, three if it is shown large.
 */
#define SLOT_FRAMES 1u
#define PLACE_FRAMES 3u

static inline bool charge(struct account *account, uint32_t slot)
{
	if (!KSTEP("charge-slot"))
		return true;
	if (__builtin_expect(slot < TWZ_VIEW_SLOTS, 1))
		return account_charge(account, SLOT_FRAMES);
	return account_charge(account, PLACE_FRAMES);
}

static inline void charge_ends(struct account *account, uint32_t slot)
{
	if (KSTEP("charge-slot"))
		account_credit(account, slot < TWZ_VIEW_SLOTS ? SLOT_FRAMES : PLACE_FRAMES);
}

/* Takes over the caller's holding of the object. TWZ_E_NOMEM, TWZ_E_LIMIT. */
static int binding_make(const struct thread *thread, uint32_t slot, uint32_t rights,
			struct object *object, struct binding **out)
{
	struct account *account = thread->subject->account;
	struct view *view = thread->view;
	struct binding *b, **bucket = bucket_of(view, slot);

	if (!charge(account, slot))
		return TWZ_E_LIMIT;
	b = cache_take_raw(&bindings);
	if (!b) {
		charge_ends(account, slot);
		return TWZ_E_NOMEM;
	}
	/* Field by field: every first touch comes here. */
	b->next = *bucket;
	b->object_next = object->bindings;
	b->object_link = &object->bindings;
	b->view = view;
	b->object = object;
	b->slot = slot;
	b->rights = rights;
	b->may = 0;
	b->account = account;
	b->stamp = 0;
	*bucket = b;
	object->bindings = b;
	if (b->object_next)
		b->object_next->object_link = &b->object_next;
	*out = b;
	return 0;
}

/* The root's entries of the slot lead nowhere any more. */
static void uninstall(const struct binding *b)
{
	for (const struct space *s = b->view->spaces; s; s = s->next) {
		uint64_t *entry = root_entry(s->root, b->slot, NULL);

		if (!entry)
			continue;
		entry[0] = 0;
		if (b->slot >= TWZ_VIEW_SLOTS)
			entry[1] = 0;
	}
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
	charge_ends(b->account, b->slot);
	b->view->unbound++;
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

/* ---- views --------------------------------------------------------------------------------------- */

static bool header_good(struct object *object)
{
	const struct twz_view *header = object->medium->look(object, TWZ_OBJ_DATA / TWZ_PAGE);

	return header && header->magic == TWZ_VIEW_MAGIC && header->version == 1;
}

static int view_of(struct object *object, struct account *account, struct view **view)
{
	struct view *v;

	*view = object->view;
	if (*view)
		return 0;
	if (!account_charge(account, 1))
		return TWZ_E_LIMIT;
	v = cache_take(&views);
	if (!v) {
		account_credit(account, 1);
		return TWZ_E_NOMEM;
	}
	v->object = object;
	v->account = account;
	list_init(&v->entered);
	object_hold(object);
	object->view = v;
	views_used++;
	*view = v;
	return 0;
}

static void view_end(struct view *view)
{
	for (uint32_t i = 0; i < VIEW_BUCKETS; i++)
		while (view->bucket[i])
			binding_free(view->bucket[i]);
	view->object->view = NULL;
	account_credit(view->account, 1);
	object_release(view->object);
	cache_give(&views, view);
	views_used--;
}

static int space_new(struct view *view, struct subject *subject, struct space **out)
{
	struct space *s = cache_take(&spaces);

	if (!s)
		return TWZ_E_NOMEM;
	s->root = root_new(subject->account);
	if (!s->root) {
		cache_give(&spaces, s);
		return account_error(subject->account);
	}
	s->view = view;
	s->subject = subject;
	s->stamp = subject->stamp;
	subject_hold(subject);
	s->next = view->spaces;
	view->spaces = s;
	*out = s;
	return 0;
}

/* No thread is in it: only this processor can still have it loaded. */
static void space_end(struct space *space)
{
	struct space **link = &space->view->spaces;

	if (cpu_this()->space == space)
		view_unload(cpu_this());
	while (*link != space)
		link = &(*link)->next;
	*link = space->next;
	root_free(space->root, space->subject->account);
	subject_release(space->subject);
	cache_give(&spaces, space);
}

int view_enter(struct object *object, struct subject *subject, struct space **space)
{
	struct view *view;
	struct space *s;
	int error;

	if (KSTEP("view-type") && object->identity.type != TWZ_TYPE_VIEW)
		return TWZ_E_TYPE;
	if (!header_good(object))
		return TWZ_E_DAMAGED;
	error = view_of(object, subject->account, &view);
	if (error)
		return error;
	s = view->spaces;
	while (s && s->subject != subject && KSTEP("space-of-subject"))
		s = s->next;
	if (!s)
		error = space_new(view, subject, &s);
	if (error) {
		if (!view->spaces)
			view_end(view);
		return error;
	}
	s->threads++;
	*space = s;
	return 0;
}

void view_empty(struct space *space)
{
	struct view *view = space->view;

	space_end(space);
	if (!view->spaces)
		view_end(view);
}

/* ---- decisions that are others now --------------------------------------------------------------- */

/* Nothing is mapped in it any more, on any processor. */
static void space_clear(struct space *space)
{
	uint64_t page[ROOT_PAGES];
	unsigned pages = root_clear(space->root, page);

	space->stamp = space->subject->stamp;
	shoot(processors_at(space));
	root_give(pages, page, space->subject->account);
}

void space_renew(struct space *space)
{
	if (KSTEP("load-renews"))
		space_clear(space);
}

void view_unload(struct cpu *cpu)
{
	cpu->space = NULL;
	cpu_load_root(kernel_root);
}

/* Those that are loaded, at once; others when they are. */
void view_renew(void)
{
	for (unsigned i = 0; i < ncpus; i++) {
		struct space *s = cpus[i].space;

		if (s && s->stamp != s->subject->stamp && KSTEP("renew"))
			space_clear(s);
	}
}

void view_renew_object(const struct object *object)
{
	uint32_t set = 0;

	for (struct binding *b = object->bindings; b; b = b->object_next) {
		b->stamp = 0;
		uninstall(b);
		set |= processors_in(b->view);
	}
	shoot(set);
}

void view_redecide(const struct object *object)
{
	for (struct binding *b = object->bindings; b; b = b->object_next)
		b->stamp = 0;
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

static inline uint64_t entry_offset(uint32_t slot)
{
	return TWZ_OBJ_DATA + offsetof(struct twz_view, slot) + slot * sizeof(struct twz_view_slot);
}

/* As far as the view's leaf tables have it, else null. */
static inline const struct twz_view_slot *entry_quick(struct view *view, uint32_t slot)
{
	const uint64_t at = entry_offset(slot);
	const uint8_t *page = object_look_quick(view->object, at / TWZ_PAGE);

	return page ? (const void *)(page + at % TWZ_PAGE) : NULL;
}

/* Null: its page is a hole, so there is none. */
static const struct twz_view_slot *entry_look(struct view *view, uint32_t slot)
{
	const uint64_t at = entry_offset(slot);
	const uint8_t *page = object_look(view->object, at / TWZ_PAGE);

	return page ? (const void *)(page + at % TWZ_PAGE) : NULL;
}

/* It names nothing, and nobody is changing that. */
static inline bool entry_empty(const struct twz_view_slot *entry)
{
	uint32_t seq = __atomic_load_n(&entry->seq, __ATOMIC_ACQUIRE);
	uint64_t id = __atomic_load_n(&entry->id.lo, __ATOMIC_RELAXED);

	id |= __atomic_load_n(&entry->id.hi, __ATOMIC_ACQUIRE);
	return !(id | (seq & 1)) && seq == __atomic_load_n(&entry->seq, __ATOMIC_RELAXED);
}

/* A copy that is whole; zero if there is none, or it is being changed all the time. */
static inline struct twz_view_slot entry_read(const struct twz_view_slot *entry)
{
	for (unsigned i = 0; entry && i < ENTRY_TRIES; i++) {
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

/*
 * Binds what the slot's entry names, whatever rights there are to it; `at` as entry_quick says. Null:
 * fault->error and object.
 */
static __attribute__((noinline)) struct binding *
bind(struct thread *thread, uint32_t slot, const struct twz_view_slot *at, struct twz_fault *fault)
{
	const struct twz_view_slot entry = entry_read(at ? at : entry_look(thread->view, slot));
	uint32_t rights = entry.rights;
	struct binding *binding;
	struct object *object;

	fault->object = entry.id;
	fault->error = TWZ_E_NOTFOUND;
	if (!(entry.id.lo | entry.id.hi) ||
	    (KSTEP("epoch") && entry.epoch && entry.epoch != nvm_epoch))
		return NULL;
	fault->error = object_find(entry.id, &object);
	if (fault->error)
		return NULL;
	if (slot == LAST)
		rights &= ~(uint32_t)TWZ_VIEW_EXEC;
	fault->error = binding_make(thread, slot, rights, object, &binding);
	if (!fault->error)
		return binding;
	object_release(object);
	return NULL;
}

/*
 * The root's entry for the half of the place, or the slot, that the page is in. Its rights are those
 * of the binding that the thread may use. TWZ_E_NOMEM, TWZ_E_LIMIT: no frame for a table.
 */
static int install(const struct space *space, const struct binding *b, uint64_t page)
{
	uint64_t *entry = root_entry(space->root, b->slot, space->subject->account),
		 table = b->object->tables.directory;
	unsigned half = 0;

	if (!entry)
		return account_error(space->subject->account);
	if (b->slot >= TWZ_VIEW_SLOTS) {
		half = page >> 27 & 1;
		if (!table_upper(&b->object->tables, half))
			return account_error(b->object->tables.account);
		table = b->object->tables.upper[half];
	}
	entry[half] = table | PTE_PRESENT | PTE_USER | PTE_ACCESSED |
		      (b->may & TWZ_VIEW_WRITE ? PTE_WRITE : 0) |
		      (b->may & TWZ_VIEW_EXEC ? 0 : PTE_NX);
	return 0;
}

static uint32_t fault_kind(int error)
{
	switch (error) {
	case TWZ_E_RIGHT:
	case TWZ_E_SEALED:
		return TWZ_FAULT_RIGHT;
	case TWZ_E_FULL:
	case TWZ_E_NOMEM:
	case TWZ_E_LIMIT:
		return TWZ_FAULT_FULL;
	case TWZ_E_DAMAGED:
		return TWZ_FAULT_DAMAGED;
	case TWZ_E_OUTSIDE:
		return TWZ_FAULT_NULL;
	case TWZ_E_RANGE:
		return TWZ_FAULT_RANGE;
	default:
		return TWZ_FAULT_OBJECT;
	}
}

static bool frozen(const struct object *object)
{
	return object->frozen && KSTEP("freeze");
}

/* What both the entry and the decision allow; of what is frozen no writing. */
static inline uint32_t may(const struct thread *thread, struct binding *b)
{
	if (__builtin_expect(b->stamp != thread->subject->stamp, 0)) {
		b->may = b->rights & right_of(thread, b->object);
		if (frozen(b->object))
			b->may &= ~(uint32_t)TWZ_VIEW_WRITE;
		b->stamp = thread->subject->stamp;
	}
	return b->may;
}

/*
 * Something that is needed is missing, as far as was known: b->may is anew what is known.
 * TWZ_E_RIGHT, TWZ_E_NOTFOUND; TWZ_E_BUSY: it is frozen, and the thread waits.
 */
static __attribute__((noinline)) int missing(struct thread *thread, struct binding *b,
					     uint32_t need)
{
	bool entry = (b->rights & need) == need;
	int error = right_check(thread, b->object, entry ? need : 0);

	b->stamp = 0;
	may(thread, b);
	if (error || !entry)
		return error ? error : TWZ_E_RIGHT;
	if (!(need & TWZ_VIEW_WRITE) || !frozen(b->object))
		return 0;
	freeze_wait(thread, b->object);
	return TWZ_E_BUSY;
}

/* Does the page's leaf entry allow it? Mostly so when a view is new to an object. */
static inline bool page_allows(const uint64_t *entry, uint32_t access)
{
	const uint64_t want = PTE_PRESENT | (access == TWZ_VIEW_WRITE ? PTE_WRITE : 0);

	return entry && (*entry & want) == want && !(access == TWZ_VIEW_EXEC && *entry & PTE_NX);
}

/* After a fault for execution. */
static __attribute__((noinline)) int check_executable(struct object *object, uint64_t page)
{
	const uint64_t *entry = table_entry(&object->tables, page, false);

	return page_allows(entry, TWZ_VIEW_EXEC) ? 0 : TWZ_E_RIGHT;
}

/* Says what was wrong with the touch: fault->error; `b` is null if nothing is bound there. */
static __attribute__((noinline)) bool refuse(const struct thread *thread, uint64_t offset,
					     const struct binding *b, struct twz_fault *fault)
{
	const uint32_t need = TWZ_VIEW_READ | fault->access;

	fault->kind = fault_kind(fault->error);
	fault->offset = offset;
	fault->why = 0;
	if (!b)
		return false;
	fault->object = b->object->id;
	if (fault->error == TWZ_E_RIGHT && (b->rights & need) == need)
		fault->why = right_why(thread, b->object, need);
	return false;
}

static inline bool in_null_page(uint64_t offset)
{
	return KSTEP("null-page") && offset < TWZ_PAGE;
}

/* As far as there is any right to the object; else it is as if it did not exist. */
static __attribute__((noinline)) bool null_page(struct thread *thread, const struct binding *b,
						uint64_t offset, struct twz_fault *fault)
{
	fault->error = right_check(thread, b->object, 0);
	if (fault->error)
		return refuse(thread, offset, b, fault);
	fault->kind = TWZ_FAULT_NULL;
	fault->error = TWZ_E_OUTSIDE;
	fault->why = 0;
	fault->object = b->object->id;
	fault->offset = offset;
	return false;
}

/* `b` is null: the slot is to be bound, to what its entry names. */
static __attribute__((noinline)) bool touch(struct thread *thread, struct binding *b, uint32_t slot,
					    uint64_t offset, const struct twz_view_slot *at,
					    struct twz_fault *fault)
{
	/* This processor cannot map what may be written or executed and not read. */
	const uint32_t access = fault->access, need = TWZ_VIEW_READ | access;
	uint64_t *entry;

	if (!b) {
		b = bind(thread, slot, at, fault);
		if (!b)
			return refuse(thread, offset, b, fault);
		if (in_null_page(offset))
			return null_page(thread, b, offset, fault);
	}
	if (need & ~may(thread, b)) {
		fault->error = missing(thread, b, need);
		if (!KSTEP("access"))
			b->may |= need;
		else if (fault->error)
			return refuse(thread, offset, b, fault);
	}
	entry = table_entry(&b->object->tables, offset / TWZ_PAGE, false);
	if (!page_allows(entry, access)) {
		int error = b->object->medium->fault(b->object, offset / TWZ_PAGE, entry,
						     access == TWZ_VIEW_WRITE);

		if (!error && access == TWZ_VIEW_EXEC)
			error = check_executable(b->object, offset / TWZ_PAGE);
		if (error) {
			fault->error = error;
			return refuse(thread, offset, b, fault);
		}
	}
	fault->error = install(thread->space, b, offset / TWZ_PAGE);
	return !fault->error || refuse(thread, offset, b, fault);
}

/* What is a fault for sure, an empty slot or a null page, is found out here, with no register saved. */
bool view_touch(struct thread *thread, uint64_t address, struct twz_fault *fault)
{
	const struct twz_view_slot *at = NULL;
	struct binding *b;
	uint64_t offset;
	uint32_t slot;

	if (!slot_of(address, &slot, &offset)) {
		fault->error = TWZ_E_RANGE;
		fault->object = (struct twz_id){0};
		return refuse(thread, 0, NULL, fault);
	}
	b = view_binding(thread->view, slot);
	if (b && in_null_page(offset))
		return null_page(thread, b, offset, fault);
	if (!b)
		at = entry_quick(thread->view, slot);
	if (!at || !entry_empty(at))
		return touch(thread, b, slot, offset, at, fault);
	fault->kind = TWZ_FAULT_OBJECT;
	fault->error = TWZ_E_NOTFOUND;
	fault->why = 0;
	fault->object = (struct twz_id){0};
	fault->offset = offset;
	return false;
}

int view_object_anew(struct thread *thread, uint64_t address, struct object **object,
		     uint64_t *offset)
{
	struct twz_fault fault;
	struct binding *b;
	uint32_t slot;

	if (!slot_of(address, &slot, offset))
		return TWZ_E_OUTSIDE;
	b = view_binding(thread->view, slot);
	if (!b)
		b = bind(thread, slot, NULL, &fault);
	if (!b)
		return fault.error == TWZ_E_NOTFOUND ? TWZ_E_OUTSIDE : fault.error;
	*object = b->object;
	if (may(thread, b) & TWZ_VIEW_READ)
		return 0;
	return missing(thread, b, TWZ_VIEW_READ) ? TWZ_E_OUTSIDE : 0;
}

struct object *view_shows_anew(struct thread *thread, uint64_t address)
{
	struct twz_fault fault;
	struct binding *b = bind(thread, (uint32_t)(address >> TWZ_SLOT_SHIFT), NULL, &fault);

	return b ? b->object : NULL;
}

static uint64_t address_of(uint32_t slot)
{
	const uint64_t places = (uint64_t)1 << TWZ_PLACE_BIT;

	return slot < TWZ_VIEW_SLOTS ? slot * TWZ_SLOT_SIZE
				     : places + (slot - TWZ_VIEW_SLOTS) * TWZ_PLACE_SIZE;
}

void view_find(const struct view *view, uint64_t physical, struct twz_fault *fault)
{
	for (uint32_t i = 0; i < VIEW_BUCKETS; i++)
		for (const struct binding *b = view->bucket[i]; b; b = b->next) {
			const uint64_t end =
				b->slot < TWZ_VIEW_SLOTS ? TWZ_SLOT_SIZE / TWZ_PAGE : OBJECT_PAGES;
			uint64_t page = table_find(&b->object->tables, physical, end);

			if (page == end)
				continue;
			fault->object = b->object->id;
			fault->offset = page * TWZ_PAGE + physical % TWZ_PAGE;
			fault->address = address_of(b->slot) + fault->offset;
			return;
		}
}
