/*
 * check.c - the checker: every invariant of docs/format/store.md, by its number.
 *
 * It walks all that the superblock leads to and counts who holds each frame. At the end every frame
 * must have exactly the holders that the store's own counts say, so nothing is lost or owned twice.
 */
#include "core/check.h"
#include "core/crypto.h"
#include "core/store_int.h"
#include "core/sum.h"

/* What a frame was found to be; kept in the scratch memory, with the count of who refers to it. */
enum found {
	FOUND_NOTHING,
	FOUND_AREA,
	FOUND_DATA,
	FOUND_NODE,
	FOUND_SLAB, /* of records */
	FOUND_ACCOUNTS,
	FOUND_TIES,
	FOUND_BUCKET
};

/* A slab of small places, and what was counted of it. */
struct small {
	const struct slab_type *type;
	enum found found;
	const char *rule; /* the invariant on its free places */
	uint64_t frames;
	uint64_t used; /* places */
	uint64_t free; /* places on the free list, less those that are free */
};

struct walk {
	const struct store *s;
	struct check *check;
	uint32_t *count; /* referrers; of a slab: bit i, place i was met */
	uint8_t *found;
	uint64_t nslabs;
	struct small accounts, ties;
	uint64_t nties[2];                       /* met on the lists of ties out, and in */
	uint64_t nstate[TWZ_STATE_INTERNAL + 1]; /* indexed objects in each state */
};

static void report(struct walk *w, const char *invariant, uint64_t frame, const char *what)
{
	w->check->nviolations++;
	w->check->report(w->check->arg, invariant, frame, what);
}

static uint64_t words_sum(const void *structure, uint64_t bytes, const uint64_t *sum)
{
	const uint64_t *word = structure;
	uint64_t total = 0;

	for (uint64_t i = 0; i < bytes / 8; i++)
		if (&word[i] != sum)
			total += twz_sum_at(i, word[i]);
	return total;
}

static uint64_t frame_of(const struct walk *w, const void *p)
{
	return (uint64_t)((const uint8_t *)p - w->s->base) / TWZ_PAGE;
}

/* One referrer more; false if the frame cannot be what the referrer says. */
static bool meet(struct walk *w, uint64_t frame, enum found as)
{
	enum frame_kind kind = as == FOUND_DATA ? FRAME_DATA : FRAME_META;

	if (!frame_is(w->s, frame, kind)) {
		report(w, "S6", frame, "is referred to, but free or of another type");
		return false;
	}
	if (w->found[frame] != FOUND_NOTHING && w->found[frame] != as) {
		report(w, "S6", frame, "has two uses");
		return false;
	}
	w->found[frame] = (uint8_t)as;
	w->count[frame]++;
	return true;
}

/* Pages below a node; 0 also for what cannot be read, which is reported. */
static uint32_t walk_node(struct walk *w, uint64_t frame, unsigned level, enum found leaves)
{
	const uint8_t limits =
		level == 1 && leaves == FOUND_DATA ? TWZ_READ | TWZ_WRITE | TWZ_EXEC : 0;
	const struct twz_node *node;
	uint32_t pages = 0;
	unsigned present = 0;

	if (!meet(w, frame, FOUND_NODE))
		return 0;
	node = frame_at(w->s, frame);
	if (node->magic != TWZ_NODE_MAGIC || node->level != level) {
		report(w, "S7", frame, "is no node of the level that its place asks for");
		return 0;
	}
	if (w->count[frame] > 1)
		return node->pages; /* walked when it was met first */
	if (STEP("sum", "node") && node->sum != node_sum(node))
		report(w, "S7", frame, "node: wrong sum");
	for (unsigned i = 0; i < TWZ_NODE_FANOUT; i++) {
		if (STEP("check", "checked node: limit") && node->limit[i] & ~limits)
			report(w, "S7", frame, "node: a limit where none can be");
		present += node->frame[i] || node->limit[i];
		if (!node->frame[i])
			continue;
		if (level > 1)
			pages += walk_node(w, node->frame[i], level - 1, leaves);
		else
			pages += meet(w, node->frame[i], leaves);
	}
	if (!present)
		report(w, "S7", frame, "node: empty");
	if (present != node->npresent)
		report(w, "S7", frame, "node: wrong number of entries");
	if (pages != node->pages)
		report(w, "S7", frame, "node: wrong number of pages");
	return pages;
}

static void walk_map(struct walk *w, const struct twz_record *rec, enum found leaves)
{
	uint64_t before = 0;
	uint32_t pages = 0;

	if (rec->level > TWZ_LEVEL_MAX) {
		report(w, "S9", frame_of(w, rec), "record: a tree too high");
		return;
	}
	if (rec->level)
		pages = walk_node(w, rec->map.tree.root, rec->level, leaves);
	for (int i = 0; !rec->level && i < TWZ_RUNS; i++) {
		uint64_t run = rec->map.run[i];

		if (run && run_page(run) <= before)
			report(w, "S9", frame_of(w, rec), "record: runs out of order");
		for (uint64_t k = 0; k < run_pages(run); k++)
			pages += meet(w, run_frame(run) + k, leaves);
		before = run ? run_page(run) + run_pages(run) - 1 : before;
	}
	if (pages != rec->npages)
		report(w, "S9", frame_of(w, rec), "record: wrong number of pages");
}

/* A place of a slab is met once: as a record in use or as a free one. */
static bool meet_record(struct walk *w, uint64_t ref)
{
	uint64_t frame = ref >> 6;

	if (!record_at(w->s, ref)) {
		report(w, "S6", frame, "is referred to as a record, but is none");
		return false;
	}
	if (w->found[frame] != FOUND_SLAB) {
		if (!meet(w, frame, FOUND_SLAB))
			return false;
		w->count[frame] = 0;
	}
	if (w->count[frame] >> (ref & 63) & 1) {
		report(w, "S10", frame, "a record is met twice");
		return false;
	}
	w->count[frame] |= 1u << (ref & 63);
	return true;
}

/* What is under a key refers to the key's account, if the store has accounts; the rest to none. */
static void check_charged(struct walk *w, uint64_t ref, const struct twz_record *rec)
{
	const struct twz_account *a = rec->account ? account_at(w->s, rec->account) : NULL;
	bool charged = account_known(w->s) && !id_none(rec->identity.key);

	if (!rec->account ? charged : !charged || !a || !id_equal(a->key, rec->identity.key))
		report(w, "S15", ref >> 6, "record: its account is not that of its key");
}

static void check_flags(struct walk *w, uint64_t ref, const struct twz_record *rec)
{
	bool ends = rec->state == TWZ_STATE_ENDING || rec->state == TWZ_STATE_DYING;

	if (rec->flags & ~(TWZ_RECORD_MARKED | TWZ_RECORD_GONE))
		report(w, "S20", ref >> 6, "record: flags that mean nothing");
	if (STEP("check", "checked record: marked") && rec->flags & TWZ_RECORD_MARKED &&
	    !rec->nties && !ends)
		report(w, "S20", ref >> 6, "record: is to go with its last tie, and has none");
	if (STEP("check", "checked record: gone") && rec->flags & TWZ_RECORD_GONE &&
	    (!ends || rec->nties))
		report(w, "S20", ref >> 6, "record: is gone, but lasts or is tied");
}

/* Ties of a list are distinct: one that is met twice would have two before it. */
static uint64_t walk_ties(struct walk *w, uint64_t ref, bool in)
{
	const struct twz_record *rec = record_at(w->s, ref);
	uint64_t prev = 0, n = 0;

	for (uint64_t at = in ? rec->tie_in : rec->tie_out; at; n++) {
		const struct twz_tie *tie = tie_at(w->s, at);

		if (!tie || (in ? tie->b : tie->a) != ref ||
		    (in ? tie->b_prev : tie->a_prev) != prev) {
			report(w, "S19", ref >> 6, "record: a list of ties is broken");
			break;
		}
		prev = at;
		at = in ? tie->b_next : tie->a_next;
	}
	w->nties[in] += n;
	return n;
}

static void walk_record(struct walk *w, uint64_t ref)
{
	const struct twz_record *rec;
	struct twz_id id;

	if (!meet_record(w, ref))
		return;
	rec = record_at(w->s, ref);
	if (STEP("sum", "checked record") && rec->sum != record_sum(rec))
		report(w, "S9", ref >> 6, "record: wrong sum");
	id = crypto_id(&rec->identity);
	if (memcmp(&id, &rec->id, sizeof(id)))
		report(w, "S9", ref >> 6, "record: the ID is not that of the identity");
	if (STEP("check", "checked view") && rec->state == TWZ_STATE_VIEW &&
	    (rec->identity.type != TWZ_TYPE_VIEW || rec->end_epoch))
		report(w, "S12", ref >> 6, "a registered view is no view, or does not last");
	check_charged(w, ref, rec);
	check_flags(w, ref, rec);
	if (walk_ties(w, ref, false) != rec->nties)
		report(w, "S19", ref >> 6, "record: wrong number of ties");
	(void)walk_ties(w, ref, true);
	walk_map(w, rec, FOUND_DATA);
}

/* A frame of small places is met once, however many of its places are. */
static bool meet_small(struct walk *w, const struct small *small, uint64_t ref)
{
	if (slab_at(w->s, small->type, ref))
		return w->found[ref >> 6] == small->found || meet(w, ref >> 6, small->found);
	report(w, "S6", ref >> 6, "is referred to as an account or a tie, but is none");
	return false;
}

/* What a slot of an index leads to; false if that is nothing with this tag. */
static bool slot_object(struct walk *w, uint64_t ref, uint64_t tag)
{
	const struct twz_record *rec = record_at(w->s, ref);

	if (!rec || index_tag(w->s, rec->id) != tag || rec->state < TWZ_STATE_LIVE ||
	    rec->state > TWZ_STATE_VIEW)
		return false;
	w->nstate[rec->state]++;
	walk_record(w, ref);
	return true;
}

static bool slot_account(struct walk *w, uint64_t ref, uint64_t tag)
{
	return meet_small(w, &w->accounts, ref) &&
	       index_tag(w->s, account_at(w->s, ref)->key) == tag;
}

static bool slot_tie(struct walk *w, uint64_t ref, uint64_t tag)
{
	const struct twz_tie *tie;

	if (!meet_small(w, &w->ties, ref))
		return false;
	tie = tie_at(w->s, ref);
	return tie->a && tie_tag(w->s, tie->a, tie->b) == tag;
}

static bool look_up_finds(const struct walk *w, const struct twz_index *index, uint64_t tag,
			  uint64_t ref)
{
	uint64_t at = 0, found;

	do
		found = index_next(w->s, index, tag, &at);
	while (found > 1 && found != ref);
	return found == ref;
}

static void walk_index(struct walk *w, const struct twz_index *index,
		       bool (*slot)(struct walk *w, uint64_t ref, uint64_t tag))
{
	uint64_t count = 0;

	walk_map(w, &index->tree, FOUND_BUCKET);
	if (index->tree.npages != index->nbuckets)
		report(w, "S11", 0, "index: wrong number of buckets");
	if (index->tree.sum != record_sum(&index->tree))
		report(w, "S9", 0, "index: wrong sum of its record");
	for (uint64_t n = 0; n < index->nbuckets && n < w->s->nframes; n++) {
		const struct twz_bucket *b = index_bucket(w->s, index, n);
		unsigned used = 0;

		if (!b) {
			report(w, "S11", 0, "index: a bucket is missing");
			continue;
		}
		if (STEP("sum", "bucket") && b->sum != words_sum(b, sizeof(*b), &b->sum))
			report(w, "S11", frame_of(w, b), "bucket: wrong sum");
		for (unsigned i = 0; i < TWZ_BUCKET_SLOTS; i++) {
			uint64_t ref = b->slot[i] & ((1ull << TWZ_REF_BITS) - 1);
			uint64_t tag = b->slot[i] >> TWZ_REF_BITS;

			if (!b->slot[i])
				continue;
			used++;
			if (!slot(w, ref, tag))
				report(w, "S10", frame_of(w, b),
				       "bucket: a slot leads to nothing with its tag");
			else if (!look_up_finds(w, index, tag, ref))
				report(w, "S10", frame_of(w, b),
				       "bucket: a slot that no look-up finds");
		}
		if (used != b->count)
			report(w, "S11", frame_of(w, b), "bucket: wrong count");
		count += used;
	}
	if (count != index->count)
		report(w, "S11", 0, "index: wrong count");
}

/* Walks a list whose members have one of two states; *length counts those with the first. */
static void walk_list(struct walk *w, const char *what, const struct twz_list *list,
		      enum twz_state state, enum twz_state other, uint64_t *length)
{
	uint64_t prev = 0, steps = 0;

	for (uint64_t ref = list->head; ref; steps++) {
		const struct twz_record *rec = record_at(w->s, ref);

		if (!rec || steps > w->s->nframes * TWZ_SLAB_RECORDS || rec->list_prev != prev ||
		    (rec->state != state && rec->state != other)) {
			report(w, "S12", ref >> 6, what);
			return;
		}
		*length += rec->state == state;
		if (rec->state == TWZ_STATE_DYING)
			walk_record(w, ref); /* the others are in the index */
		prev = ref;
		ref = rec->list_next;
	}
	if (list->tail != prev)
		report(w, "S12", prev >> 6, what);
}

static void walk_free(struct walk *w)
{
	const struct twz_record *rec;

	for (uint64_t ref = w->s->super->records.free; ref; ref = rec->list_next) {
		if (!meet_record(w, ref))
			return;
		rec = record_at(w->s, ref);
		for (unsigned i = 0; i < sizeof(*rec) / 8; i++)
			if (((const uint64_t *)rec)[i] &&
			    &((const uint64_t *)rec)[i] != &rec->list_next &&
			    &((const uint64_t *)rec)[i] != &rec->sum) {
				report(w, "S13", ref >> 6, "a free record is not empty");
				break;
			}
		if (rec->sum != record_sum(rec))
			report(w, "S13", ref >> 6, "a free record has a wrong sum");
	}
}

static bool place_empty(const struct slab_type *type, const uint64_t *place)
{
	const unsigned link = type->link / 8, sum = type->bytes / 8u - 1;

	for (unsigned i = 0; i < sum; i++)
		if (place[i] && i != link)
			return false;
	return place[sum] == twz_sum_at(link, place[link]);
}

static void walk_free_small(struct walk *w, struct small *small, uint64_t first)
{
	const uint64_t *place;

	for (uint64_t ref = first; ref; ref = place[small->type->link / 8]) {
		if (!meet_small(w, small, ref))
			return;
		if (small->free++ > w->s->nframes * TWZ_SLAB_SMALL) {
			report(w, small->rule, ref >> 6, "a list of free places goes in circles");
			return;
		}
		place = slab_at(w->s, small->type, ref);
		if (!place_empty(small->type, place))
			report(w, small->rule, ref >> 6, "a free place is not empty");
	}
}

/* What the records, of this frame of accounts, say of its places. */
struct tally {
	uint64_t pages[TWZ_SLAB_SMALL], objects[TWZ_SLAB_SMALL];
};

static void tally_records(const struct walk *w, uint64_t accounts, struct tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	for (uint64_t frame = 0; frame < w->s->nframes; frame++) {
		if (w->found[frame] != FOUND_SLAB)
			continue;
		for (unsigned i = 0; i < TWZ_SLAB_RECORDS; i++) {
			const struct twz_record *rec = record_at(w->s, TWZ_REF(frame, i));
			unsigned slot = rec->account & 63;

			if (rec->account >> 6 != accounts || slot >= TWZ_SLAB_SMALL)
				continue;
			tally->pages[slot] += 1 + record_charge(rec->npages, rec->nties);
			tally->objects[slot]++;
		}
	}
}

/*
 * The places of a frame of accounts. The records are gone through for each such frame: that takes
 * no memory, and 63 keys share a frame.
 */
static void check_accounts(struct walk *w, uint64_t frame)
{
	struct tally tally;

	tally_records(w, frame, &tally);
	w->accounts.frames++;
	for (unsigned i = 0; i < TWZ_SLAB_SMALL; i++) {
		const struct twz_account *a = account_at(w->s, TWZ_REF(frame, i));

		if (id_none(a->key)) {
			w->accounts.free--;
			continue;
		}
		w->accounts.used++;
		if (STEP("sum", "checked account") && a->sum != account_sum(a))
			report(w, "S16", frame, "account: wrong sum");
		if (a->pages != tally.pages[i])
			report(w, "S16", frame, "account: wrong number of pages");
		if (a->objects != tally.objects[i])
			report(w, "S16", frame, "account: wrong number of objects");
		if (!a->objects && !a->limit && !a->frame_limit)
			report(w, "S16", frame, "account: of nothing, and without a limit");
		if (!look_up_finds(w, &w->s->super->key_index, index_tag(w->s, a->key),
				   TWZ_REF(frame, i)))
			report(w, "S16", frame, "account: no look-up finds it");
	}
}

/* An end of a tie: a record in use. */
static bool is_end(const struct walk *w, uint64_t ref)
{
	const struct twz_record *rec = record_at(w->s, ref);

	return rec && rec->state >= TWZ_STATE_LIVE && rec->state <= TWZ_STATE_DYING;
}

/* The places of a frame of ties. That each is on its lists shows in the number of those that are. */
static void check_ties(struct walk *w, uint64_t frame)
{
	w->ties.frames++;
	for (unsigned i = 0; i < TWZ_SLAB_SMALL; i++) {
		const struct twz_tie *tie = tie_at(w->s, TWZ_REF(frame, i));

		if (!tie->a) {
			w->ties.free--;
			continue;
		}
		w->ties.used++;
		if (STEP("sum", "checked tie") && tie->sum != tie_sum(tie))
			report(w, "S18", frame, "tie: wrong sum");
		if (STEP("check", "checked tie: kinds") &&
		    (!(tie->flags & TWZ_TIE_KINDS) ||
		     tie->flags & ~(TWZ_TIE_KINDS | TWZ_TIE_ENDING)))
			report(w, "S18", frame, "tie: of no kind, or of one that there is not");
		if (STEP("check", "checked tie: ends") &&
		    (tie->a == tie->b || !is_end(w, tie->a) || !is_end(w, tie->b)))
			report(w, "S18", frame, "tie: an end of it is no object, or both are one");
		if (!look_up_finds(w, &w->s->super->tie_index, tie_tag(w->s, tie->a, tie->b),
				   TWZ_REF(frame, i)))
			report(w, "S18", frame, "tie: no look-up finds it");
	}
}

static void check_small(struct walk *w, const struct small *small, const struct twz_slab *slab)
{
	if (small->frames != slab->frames)
		report(w, small->rule, 0, "slab: the number of its frames is wrong");
	if (small->free)
		report(w, small->rule, 0, "slab: a free place is lost, or on the list twice");
}

static void check_super(struct walk *w)
{
	const struct twz_super_fixed *one = (const void *)w->s->base;
	const struct twz_super_fixed *two = (const void *)(w->s->base + TWZ_PAGE);

	if (memcmp(one, two, sizeof(*one)))
		report(w, "S1", 0, "the two copies of the superblock differ");
	if (w->s->super->sum != super_sum(w->s->super))
		report(w, "S2", 0, "superblock: wrong sum");
}

static void mark_areas(struct walk *w)
{
	const struct twz_super_fixed *fixed = w->s->fixed;
	uint64_t end = fixed->runtime.frame + fixed->runtime.frames;

	for (uint64_t frame = 0; frame < end; frame++)
		(void)meet(w, frame, FOUND_AREA);
}

static void check_block(struct walk *w, uint64_t first, uint64_t *used)
{
	const struct twz_block *b = block_of(w->s, first);
	unsigned n = 0;

	for (unsigned i = 0; i < 8; i++) {
		n += (unsigned)__builtin_popcountll(b->used[i]);
		if (b->meta[i] & ~b->used[i])
			report(w, "S3", first, "block: a free frame has a type");
	}
	if (n != b->nused)
		report(w, "S3", first, "block: wrong number of used frames");
	if (b->shared > TWZ_SHARE_MAX)
		report(w, "S3", first, "block: shared too often");
	if (STEP("sum", "block") && b->sum != words_sum(b, sizeof(*b), &b->sum))
		report(w, "S3", first, "block: wrong sum");
	*used += n;
}

/* Every frame has the holders that the store counts, and no others. */
static void check_frame(struct walk *w, uint64_t frame)
{
	const struct twz_node *node = frame_at(w->s, frame);
	int share = *share_of(w->s, frame) + (int)block_of(w->s, frame)->shared;
	uint32_t count = w->count[frame];
	bool used = block_of(w->s, frame)->used[frame % TWZ_BLOCK_FRAMES / 64] >> frame % 64 & 1;

	if (share && w->found[frame] != FOUND_DATA)
		report(w, "S5", frame, "is shared, but holds no data");
	if (*share_of(w->s, frame) > TWZ_SHARE_MAX || *share_of(w->s, frame) < -TWZ_SHARE_MAX)
		report(w, "S5", frame, "has a share byte out of range");
	switch ((enum found)w->found[frame]) {
	case FOUND_NOTHING:
		if (used)
			report(w, "S5", frame, "is in use, but nothing refers to it: lost");
		break;
	case FOUND_DATA:
		if ((int)count != share + 1)
			report(w, "S5", frame, "data: the number of holders is wrong");
		break;
	case FOUND_NODE:
		if (count != node->refs)
			report(w, "S8", frame, "node: the number of holders is wrong");
		break;
	case FOUND_SLAB:
		w->nslabs++;
		if (count != (1u << TWZ_SLAB_RECORDS) - 1)
			report(w, "S13", frame, "slab: a record is neither in use nor free: lost");
		break;
	case FOUND_ACCOUNTS:
		check_accounts(w, frame);
		break;
	case FOUND_TIES:
		check_ties(w, frame);
		break;
	case FOUND_AREA:
	case FOUND_BUCKET:
		if (count != 1)
			report(w, "S5", frame, "is referred to twice");
		break;
	}
}

int store_check(const struct store *s, struct check *check)
{
	struct walk w = {.s = s,
			 .check = check,
			 .count = (uint32_t *)check->scratch,
			 .found = check->scratch + 4 * s->nframes,
			 .accounts = {&slab_accounts, FOUND_ACCOUNTS, "S17", 0, 0, 0},
			 .ties = {&slab_ties, FOUND_TIES, "S21", 0, 0, 0}};
	uint64_t used = 0, ending = 0, ended = 0, views = 0;

	check->nviolations = 0;
	check_super(&w);
	for (uint64_t frame = 0; frame < s->nframes; frame += TWZ_BLOCK_FRAMES)
		check_block(&w, frame, &used);
	if (used != s->super->nused)
		report(&w, "S4", 0, "the number of used frames is wrong");
	mark_areas(&w);
	walk_index(&w, &s->super->objects, slot_object);
	if (s->super->objects.count != s->super->nobjects)
		report(&w, "S14", 0, "the number of objects is wrong");
	walk_index(&w, &s->super->key_index, slot_account);
	walk_index(&w, &s->super->tie_index, slot_tie);
	walk_list(&w, "the list of ending objects is broken", &s->super->ending, TWZ_STATE_ENDING,
		  TWZ_STATE_ENDING, &ending);
	walk_list(&w, "the list of dying objects is broken", &s->super->dying, TWZ_STATE_ENDING,
		  TWZ_STATE_DYING, &ended);
	walk_list(&w, "the list of registered views is broken", &s->super->views, TWZ_STATE_VIEW,
		  TWZ_STATE_VIEW, &views);
	if (ending + ended != w.nstate[TWZ_STATE_ENDING] || views != w.nstate[TWZ_STATE_VIEW])
		report(&w, "S12", 0, "an object is not on the list that its state says");
	walk_free(&w);
	walk_free_small(&w, &w.accounts, s->super->accounts.free);
	walk_free_small(&w, &w.ties, s->super->ties.free);
	for (uint64_t frame = 0; frame < s->nframes; frame++)
		check_frame(&w, frame);
	if (w.nslabs != s->super->records.frames)
		report(&w, "S13", 0, "slab: the number of frames is wrong");
	check_small(&w, &w.accounts, &s->super->accounts);
	check_small(&w, &w.ties, &s->super->ties);
	if (w.accounts.used != s->super->key_index.count)
		report(&w, "S16", 0, "an account is in the index twice, or not");
	if (w.ties.used != s->super->tie_index.count)
		report(&w, "S18", 0, "a tie is in the index twice, or not");
	if (w.nties[false] != w.ties.used || w.nties[true] != w.ties.used)
		report(&w, "S19", 0, "a tie is on no list of an object");
	return check->nviolations ? TWZ_E_DAMAGED : 0;
}
