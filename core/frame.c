/* frame.c - frames: which are in use, for what, and by how many (store_int.h). */
#include "core/store_int.h"

bool frame_is_staged(const struct store *s, uint64_t frame, enum frame_kind kind)
{
	const struct twz_block *block = block_of(s, frame);
	unsigned word = frame % TWZ_BLOCK_FRAMES / 64;

	return frame_bits(update_get(&s->update, &block->used[word]),
			  update_get(&s->update, &block->meta[word]), frame, kind);
}

/*
 * Which frames of the block cannot be taken, 64 of them: those in use, and those that this update
 * gives up. Their content counts until the commit, and who takes a frame fills it before.
 */
static uint64_t taken(const struct store *s, const struct twz_block *block, uint64_t word)
{
	return block->used[word] | UPDATE_GET(&s->update, block->used[word]);
}

/* Consecutive free frames from `first` on, inside the block, at most `want`. */
static uint64_t run_free(const struct store *s, struct twz_block *block, uint64_t first,
			 uint64_t want)
{
	uint64_t n = 0;

	while (n < want && first + n < TWZ_BLOCK_FRAMES) {
		uint64_t at = first + n;
		uint64_t used = taken(s, block, at / 64) >> at % 64;
		uint64_t clear = used ? (uint64_t)__builtin_ctzll(used) : 64 - at % 64;

		n += clear;
		if (!clear || used)
			break;
	}
	return n < want ? n : want;
}

/* The longest stretch of free frames in the block, or the first of at least `want`. */
static uint64_t search(const struct store *s, struct twz_block *block, uint64_t want,
		       uint64_t *first)
{
	uint64_t best = 0;

	for (uint64_t at = 0; at < TWZ_BLOCK_FRAMES && best < want;) {
		uint64_t used = taken(s, block, at / 64);
		uint64_t clear = ~used >> at % 64;
		uint64_t n;

		if (!clear) {
			at = (at / 64 + 1) * 64;
			continue;
		}
		at += (uint64_t)__builtin_ctzll(clear);
		n = run_free(s, block, at, want);
		if (n > best) {
			best = n;
			*first = at;
		}
		at += n;
	}
	return best;
}

static void mark(struct store *s, enum frame_kind kind, uint64_t frame, uint64_t n, bool use)
{
	struct twz_block *block = block_of(s, frame);
	uint64_t at = frame % TWZ_BLOCK_FRAMES;
	uint32_t nused = UPDATE_GET(&s->update, block->nused);

	s->update.frames = true;
	for (uint64_t left = n; left;) {
		uint64_t bits = 64 - at % 64 < left ? 64 - at % 64 : left;
		uint64_t mask = (bits == 64 ? ~0ull : (1ull << bits) - 1) << at % 64;
		uint64_t used = UPDATE_GET(&s->update, block->used[at / 64]);
		uint64_t meta = UPDATE_GET(&s->update, block->meta[at / 64]);

		UPDATE_PUT(&s->update, block, used[at / 64], use ? used | mask : used & ~mask);
		if (kind == FRAME_META)
			UPDATE_PUT(&s->update, block, meta[at / 64],
				   use ? meta | mask : meta & ~mask);
		at += bits;
		left -= bits;
	}
	UPDATE_PUT(&s->update, block, nused, use ? nused + n : nused - n);
	SUPER_PUT(s, nused, use ? SUPER_GET(s, nused) + n : SUPER_GET(s, nused) - n);
}

/*
 * The entry of block number `block`, which in a sparse image may be a hole until it is looked at. Null: the
 * medium has no room for it, *error.
 */
static struct twz_block *block_there(const struct store *s, uint64_t block, int *error)
{
	struct twz_block *b = block_of(s, block * TWZ_BLOCK_FRAMES);

	*error = s->reserve ? s->reserve((uint64_t)((uint8_t *)b - s->base), sizeof(*b)) : 0;
	return *error ? NULL : b;
}

int frame_take(struct store *s, enum frame_kind kind, uint64_t want, uint64_t near, uint32_t *frame,
	       uint64_t *got)
{
	uint64_t nblocks = s->nframes / TWZ_BLOCK_FRAMES;
	uint64_t first = 0, n = 0, block = 0;
	struct twz_block *b;
	int error = 0;

	if (near && near < s->nframes) {
		block = near / TWZ_BLOCK_FRAMES;
		first = near % TWZ_BLOCK_FRAMES;
		n = run_free(s, block_of(s, near), first, want);
	}
	/* Long stretches look for a block that is all free, but not for long. */
	for (uint64_t i = 0; !n && want >= 64 && i < 64 && i < nblocks; i++) {
		block = (s->cursor + i) % nblocks;
		first = 0;
		b = block_there(s, block, &error);
		if (b && !UPDATE_GET(&s->update, b->nused))
			n = run_free(s, b, 0, want);
	}
	for (uint64_t i = 0; !n && i < nblocks; i++) {
		block = (s->cursor + i) % nblocks;
		b = block_there(s, block, &error);
		if (b && UPDATE_GET(&s->update, b->nused) < TWZ_BLOCK_FRAMES)
			n = search(s, b, want, &first);
	}
	if (!n)
		return error ? error : TWZ_E_FULL;
	s->cursor = (uint32_t)block;
	*frame = (uint32_t)(block * TWZ_BLOCK_FRAMES + first);
	*got = n;
	error = s->reserve ? s->reserve((uint64_t)*frame * TWZ_PAGE, n * TWZ_PAGE) : 0;
	if (error)
		return error;
	mark(s, kind, *frame, n, true);
	s->update.fresh = true; /* the caller fills them */
	return 0;
}

/* ---- holders ---------------------------------------------------------------------------------- */

#define BYTES(value) ((uint64_t)(value)*0x0101010101010101ull)
#define SIGNS BYTES(0x80)

/* Each of the eight bytes plus that of `add`, without carry from one into the next. */
static uint64_t bytes_add(uint64_t bytes, uint64_t add)
{
	return ((bytes & ~SIGNS) + (add & ~SIGNS)) ^ ((bytes ^ add) & SIGNS);
}

/* Is one of the eight bytes at its maximum, TWZ_SHARE_MAX or (never) more? */
static bool bytes_full(uint64_t bytes)
{
	return ((bytes & ~SIGNS) + BYTES(0x80 - TWZ_SHARE_MAX)) & ~bytes & SIGNS;
}

unsigned frame_shared(const struct store *s, uint64_t frame)
{
	const struct twz_block *block = block_of(s, frame);
	const int8_t *share = share_of(s, frame);
	int n = *share + (int)block->shared;

	if (s->update.frames)
		n = UPDATE_GET(&s->update, *share) + (int)UPDATE_GET(&s->update, block->shared);
	return n > 0 ? (unsigned)n : 0; /* less is damage, which the checker names */
}

int frame_give(struct store *s, enum frame_kind kind, uint64_t frame, uint64_t n)
{
	for (uint64_t i = 0; i < n;) {
		uint64_t run = 1;

		if (STEP("check", "give: frame") && !frame_is(s, frame + i, kind))
			return TWZ_E_DAMAGED;
		if (frame_shared(s, frame + i)) {
			int8_t *share = share_of(s, frame + i);

			s->update.frames = true;
			update_put_field(&s->update, share, 1,
					 (uint8_t)(UPDATE_GET(&s->update, *share) - 1));
			i++;
			continue;
		}
		/* The rest of the stretch that goes too, inside one block. */
		while (i + run < n && (frame + i + run) % TWZ_BLOCK_FRAMES &&
		       frame_is(s, frame + i + run, kind) && !frame_shared(s, frame + i + run))
			run++;
		mark(s, kind, frame + i, run, false);
		i += run;
	}
	return 0;
}

/*
 * The first write after a copy shares the 512 frames of a leaf, mostly a block in order: that is one
 * word. When the word is full it is added to the share bytes and starts again.
 */
bool frame_share_block(struct store *s, uint64_t frame)
{
	struct twz_block *block = block_of(s, frame);
	uint32_t shared = UPDATE_GET(&s->update, block->shared);
	uint64_t *share = (uint64_t *)share_of(s, frame);

	s->update.frames = true;
	if (shared > TWZ_SHARE_MAX)
		return false;
	for (unsigned i = 0; shared == TWZ_SHARE_MAX && i < TWZ_BLOCK_FRAMES / 8; i++)
		if (bytes_full(bytes_add(update_get(&s->update, &share[i]), BYTES(shared))))
			return false;
	if (shared == TWZ_SHARE_MAX) {
		for (unsigned i = 0; i < TWZ_BLOCK_FRAMES / 8; i++) {
			uint64_t *word = update_word(&s->update, &share[i]);

			*word = bytes_add(*word, BYTES(shared));
		}
		shared = 0;
	}
	UPDATE_PUT(&s->update, block, shared, shared + 1);
	return true;
}

bool frame_share(struct store *s, uint64_t frame)
{
	int8_t *share = share_of(s, frame);
	int8_t held = UPDATE_GET(&s->update, *share);

	s->update.frames = true;
	if (held >= TWZ_SHARE_MAX)
		return false;
	update_put_field(&s->update, share, 1, (uint8_t)(held + 1));
	return true;
}
