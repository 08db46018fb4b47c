/*
 * cap.c - keys and capabilities, and texts of them (twz/right.h).
 */
#include "core/cap.h"
#include "core/gate.h"
#include "core/mem.h"
#include "core/text.h"

#include <twz/io.h>
#include <twz/right.h>

/* ---- keys ---------------------------------------------------------------------------------------- */

int twz_key_make(const uint8_t key[static 32], struct twz_id *id)
{
	const struct twz_new new = {
		.type = TWZ_TYPE_KEY, .ending = true, .bytes = sizeof(struct twz_key)};
	struct twz_key data = {.magic = TWZ_KEY_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519};
	struct twz_obj obj;
	struct twz_id made;
	int error = twz_obj_new(&new, &obj);

	if (error)
		return error;
	made = obj.id;
	memcpy(data.key, key, sizeof(data.key));
	memcpy(twz_obj_data(&obj), &data, sizeof(data));
	error = twz_obj_sync(&obj);
	twz_obj_recycle(&obj);
	if (!error)
		error = twz_obj_seal(made, sizeof(data), TWZ_READ, id);
	twz_obj_delete(made);
	return error;
}

void twz_secret_new(struct twz_secret *secret)
{
	uint8_t pair[CRYPTO_SECRET];

	*secret = (struct twz_secret){
		.magic = TWZ_SECRET_MAGIC, .version = 1, .alg = TWZ_ALG_ED25519};
	twz_rt_random(secret->seed, sizeof(secret->seed));
	crypto_key_pair(secret->key, pair, secret->seed);
}

static int pair_of(const struct twz_secret *secret, uint8_t pair[static CRYPTO_SECRET])
{
	uint8_t key[CRYPTO_KEY];

	if (secret->magic != TWZ_SECRET_MAGIC)
		return TWZ_E_TYPE;
	if (secret->version != 1 || secret->alg != TWZ_ALG_ED25519)
		return TWZ_E_VERSION;
	if (secret->sealing != TWZ_SECRET_OPEN)
		return TWZ_E_RIGHT;
	crypto_key_pair(key, pair, secret->seed);
	return memcmp(key, secret->key, sizeof(key)) ? TWZ_E_DAMAGED : 0;
}

int twz_secret_check(const struct twz_secret *secret)
{
	uint8_t pair[CRYPTO_SECRET];
	int error = pair_of(secret, pair);

	crypto_wipe(pair, sizeof(pair));
	return error;
}

/* ---- under a passphrase -------------------------------------------------------------------------- */

TWZ_PIN(sizeof(((struct twz_secret *)0)->salt) == CRYPTO_SALT);
TWZ_PIN(sizeof(((struct twz_secret *)0)->nonce) == CRYPTO_NONCE);
TWZ_PIN(sizeof(((struct twz_secret *)0)->mac) == CRYPTO_MAC);

int twz_secret_seal(struct twz_secret *secret, const void *passphrase, uint64_t bytes, uint64_t ops,
		    uint64_t memory)
{
	struct twz_secret sealed = *secret;
	uint8_t key[CRYPTO_KEY];
	int error = twz_secret_check(secret);

	if (!error && (ops > TWZ_SECRET_OPS || memory > TWZ_SECRET_MEMORY))
		error = TWZ_E_ARG;
	if (error)
		return error;
	sealed.sealing = TWZ_SECRET_PASSPHRASE;
	sealed.ops = ops;
	sealed.memory = memory;
	twz_rt_random(sealed.salt, sizeof(sealed.salt));
	twz_rt_random(sealed.nonce, sizeof(sealed.nonce));
	if (crypto_passphrase_key(key, passphrase, bytes, sealed.salt, ops, memory)) {
		crypto_box(sealed.seed, sizeof(sealed.seed), sealed.mac, sealed.nonce, key);
		*secret = sealed;
	} else {
		error = TWZ_E_NOMEM;
	}
	crypto_wipe(key, sizeof(key));
	crypto_wipe(&sealed, sizeof(sealed));
	return error;
}

int twz_secret_unseal(struct twz_secret *secret, const void *passphrase, uint64_t bytes)
{
	uint8_t key[CRYPTO_KEY];
	int error = 0;

	if (secret->magic != TWZ_SECRET_MAGIC)
		return TWZ_E_TYPE;
	if (secret->version != 1 || secret->sealing != TWZ_SECRET_PASSPHRASE)
		return TWZ_E_VERSION;
	if (secret->ops > TWZ_SECRET_OPS || secret->memory > TWZ_SECRET_MEMORY)
		return TWZ_E_DAMAGED;
	if (!crypto_passphrase_key(key, passphrase, bytes, secret->salt, secret->ops,
				   secret->memory))
		error = TWZ_E_NOMEM;
	else if (!crypto_box_open(secret->seed, sizeof(secret->seed), secret->mac, secret->nonce,
				  key))
		error = TWZ_E_RIGHT;
	else
		secret->sealing = TWZ_SECRET_OPEN;
	crypto_wipe(key, sizeof(key));
	return error;
}

void twz_wipe(void *p, uint64_t bytes)
{
	crypto_wipe(p, bytes);
}

/* ---- capabilities -------------------------------------------------------------------------------- */

int twz_cap_sign(struct twz_cap *cap, const struct twz_cap *parent, const struct twz_secret *secret)
{
	uint8_t pair[CRYPTO_SECRET];
	int error = pair_of(secret, pair);

	if (!error && parent && parent->depth >= TWZ_CAP_DEPTH_MAX)
		error = TWZ_E_LIMIT;
	if (!error)
		cap_sign(cap, parent, secret->id, pair);
	crypto_wipe(pair, sizeof(pair));
	return error;
}

static uint64_t end_of(const struct twz_cap *cap)
{
	return cap->expires ? cap->expires : RIGHT_NEVER;
}

const char *twz_cap_refused(const struct twz_cap *cap, const struct twz_cap *parent)
{
	if (!(parent->flags & TWZ_CAP_DELEGATE))
		return right_text(RIGHT_UNDELEGABLE);
	if (cap->flags & TWZ_CAP_KEY && !(parent->flags & TWZ_CAP_KEY))
		return right_text(RIGHT_BROKEN);
	if (cap->perms & ~parent->perms || cap->not_before < parent->not_before ||
	    end_of(cap) > end_of(parent) || !gate_narrower(cap, parent))
		return right_text(RIGHT_WIDENED);
	return NULL;
}

/* ---- texts --------------------------------------------------------------------------------------- */

static const char letters[] = "rwxud"; /* by bit */

const char *twz_right_text(uint32_t why)
{
	return right_text(why);
}

void twz_perms_text(uint32_t perms, char out[static TWZ_PERMS_TEXT])
{
	for (unsigned i = 0; letters[i]; i++)
		out[i] = perms >> i & 1 ? letters[i] : '-';
	out[TWZ_PERMS_TEXT - 1] = 0;
}

int twz_perms_parse(const char *text, uint32_t *perms)
{
	*perms = 0;
	if (!*text)
		return TWZ_E_ARG;
	for (; *text; text++) {
		unsigned i = 0;

		while (letters[i] && letters[i] != *text)
			i++;
		if (!letters[i] && *text != '-')
			return TWZ_E_ARG;
		if (letters[i])
			*perms |= 1u << i;
	}
	return 0;
}

/* Days from 1970-01-01 to this date, and back; years count from March, so that leap days are last. */
static uint64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
	uint64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

void twz_time_text(uint64_t seconds, char out[static TWZ_TIME_TEXT])
{
	uint64_t days = seconds / 86400, year = 1970 + days / 366, month = 1,
		 rest = seconds % 86400;

	if (seconds >= 253402300800ull) { /* the year 10000 */
		twz_format(out, TWZ_TIME_TEXT, "%llu", (unsigned long long)seconds);
		return;
	}
	while (days_of(year + 1, 1, 1) <= days)
		year++;
	while (month < 12 && days_of(year, month + 1, 1) <= days)
		month++;
	twz_format(out, TWZ_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year,
		   (unsigned)month, (unsigned)(days - days_of(year, month, 1) + 1),
		   (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
}

/* Exactly so many digits. */
static bool take(const char **text, unsigned digits, uint64_t *value)
{
	*value = 0;
	while (digits--) {
		if (**text < '0' || **text > '9')
			return false;
		*value = *value * 10 + (uint64_t)(*(*text)++ - '0');
	}
	return true;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

static int parse_date(const char *text, uint64_t *seconds)
{
	uint64_t year, month, day, hour = 0, minute = 0, second = 0, days;

	if (!take(&text, 4, &year) || !skip(&text, '-') || !take(&text, 2, &month) ||
	    !skip(&text, '-') || !take(&text, 2, &day))
		return TWZ_E_ARG;
	if (*text == 'T' &&
	    (!skip(&text, 'T') || !take(&text, 2, &hour) || !skip(&text, ':') ||
	     !take(&text, 2, &minute) || !skip(&text, ':') || !take(&text, 2, &second)))
		return TWZ_E_ARG;
	if (*text == 'Z')
		text++;
	if (*text || year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 ||
	    minute > 59 || second > 59)
		return TWZ_E_ARG;
	days = days_of(year, month, day);
	if (days >= (month < 12 ? days_of(year, month + 1, 1) : days_of(year + 1, 1, 1)))
		return TWZ_E_ARG; /* the month does not have that day */
	*seconds = days * 86400 + hour * 3600 + minute * 60 + second;
	return 0;
}

int twz_time_parse(const char *text, uint64_t now, uint64_t *seconds)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint64_t n = 0;

	if (*text != '+')
		return parse_date(text, seconds);
	if (!*++text)
		return TWZ_E_ARG;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > 1000000000)
			return TWZ_E_ARG;
	}
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text[0] == units[i].unit && !text[1]) {
			*seconds = now + n * units[i].seconds;
			return 0;
		}
	return TWZ_E_ARG;
}

/* A number and `end` behind it, at *text, which is behind that then. One that is far too large is none. */
static int take_number(const char **text, char end, uint64_t *n)
{
	bool hex = (*text)[0] == '0' && (*text)[1] == 'x';
	const char *p = *text + (hex ? 2 : 0), *first = p;

	for (*n = 0; *n <= UINT64_MAX >> 5; p++) {
		if (*p >= '0' && *p <= '9')
			*n = *n * (hex ? 16 : 10) + (uint64_t)(*p - '0');
		else if (hex && *p >= 'a' && *p <= 'f')
			*n = *n * 16 + (uint64_t)(*p - 'a' + 10);
		else
			break;
	}
	if (p == first || *p != end)
		return TWZ_E_ARG;
	*text = p + 1;
	return 0;
}

int twz_gate_parse(const char *text, struct twz_cap *cap)
{
	uint64_t off, length, align;

	if (take_number(&text, ',', &off) || take_number(&text, ',', &length) ||
	    take_number(&text, 0, &align) || !length || !align || align > UINT32_MAX)
		return TWZ_E_ARG;
	cap->flags |= TWZ_CAP_GATE;
	cap->gate_off = off;
	cap->gate_len = length;
	cap->gate_align = (uint32_t)align;
	return 0;
}

struct lines {
	const char *indent;
	char *at, *end;
};

static void line(struct lines *lines, const char *name, const char *value)
{
	uint64_t room = (uint64_t)(lines->end - lines->at);
	uint64_t length = twz_format(lines->at, room, "%s%-12s %s\n", lines->indent, name, value);

	lines->at += length < room ? length : room - 1;
}

static void line_id(struct lines *lines, const char *name, struct twz_id id)
{
	char text[TWZ_ID_TEXT];

	twz_id_text(id, text);
	line(lines, name, text);
}

void twz_cap_text(const struct twz_cap *cap, const char *indent, char out[static TWZ_CAP_TEXT])
{
	struct lines lines = {.indent = indent, .at = out, .end = out + TWZ_CAP_TEXT};
	char text[128], perms[TWZ_PERMS_TEXT];

	out[0] = 0;
	twz_perms_text(cap->perms, perms);
	twz_format(text, sizeof(text), "%s%s%s", perms,
		   cap->flags & TWZ_CAP_DELEGATE ? ", may be delegated" : "",
		   cap->depth ? ", delegated" : "");
	line(&lines, "gives", text);
	line_id(&lines, cap->flags & TWZ_CAP_KEY ? "all of key" : "object", cap->target);
	line_id(&lines, "to context", cap->accessor);
	line_id(&lines, "signed by", cap->signer);
	if (cap->not_before) {
		twz_time_text(cap->not_before, text);
		line(&lines, "from", text);
	}
	if (cap->expires) {
		twz_time_text(cap->expires, text);
		line(&lines, "until", text);
	}
	if (cap->flags & TWZ_CAP_GATE) {
		twz_format(text, sizeof(text), "0x%llx, 0x%llx bytes, each 0x%x",
			   (unsigned long long)cap->gate_off, (unsigned long long)cap->gate_len,
			   cap->gate_align);
		line(&lines, "gate", text);
	}
}

static void line_gate_flags(struct lines *lines, uint32_t flags)
{
	static const char *const names[] = {"in place", "abortable", "public"}; /* by bit */
	char text[64];
	uint64_t length = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags >> i & 1)
			length += twz_format(text + length, sizeof(text) - length, "%s%s",
					     length ? ", " : "", names[i]);
	if (length)
		line(lines, "is", text);
}

void twz_gate_text(const struct twz_gate *gate, const char *indent, char out[static TWZ_CAP_TEXT])
{
	typedef unsigned long long ull;
	struct lines lines = {.indent = indent, .at = out, .end = out + TWZ_CAP_TEXT};
	char text[128];

	out[0] = 0;
	if (!gate_sound(gate))
		line(&lines, "is", "out of place: nobody enters there");
	line_gate_flags(&lines, gate->flags);
	line_id(&lines, "object", gate->object);
	twz_format(text, sizeof(text), "0x%llx, 0x%llx bytes, each 0x%x", (ull)gate->start,
		   (ull)gate->length, gate->align);
	line(&lines, "entries", text);
	twz_format(text, sizeof(text), "0x%llx", (ull)gate->base);
	line(&lines, "object at", text);
	if (!(gate->flags & TWZ_GATE_IN_PLACE))
		line_id(&lines, "view", gate->view);
	line_id(&lines, "stacks in", gate->stacks);
	twz_format(text, sizeof(text), "%u of 0x%llx bytes, from 0x%llx on", gate->nstacks,
		   (ull)gate->stack_size, (ull)gate->stack_base);
	line(&lines, "stacks", text);
	if (gate->handler) {
		twz_format(text, sizeof(text), "0x%llx, with 0x%x bytes of each stack",
			   (ull)gate->handler, gate->handler_bytes);
		line(&lines, "handler", text);
	}
	if (gate->vector_in | gate->vector_out) {
		twz_format(text, sizeof(text), "in 0x%x, out 0x%x", gate->vector_in,
			   gate->vector_out);
		line(&lines, "vectors", text);
	}
}
