/*
 * memory.c - malloc and free for libsodium's Argon2, which takes a few large pieces at a time (rt/minimal/guest.mk).
 * Each is an object in memory, made under the keyring's key; what was in it goes with it.
 */
#include <string.h>
#include <twz/obj.h>

#define HEADER 64u /* before what is given out, which is aligned to it */
TWZ_PIN(sizeof(struct twz_obj) <= HEADER);

void *malloc(size_t bytes);
void free(void *p);

void *malloc(size_t bytes)
{
	struct twz_obj obj;
	uint8_t *data;

	if (bytes > TWZ_SLOT_SIZE - TWZ_OBJ_DATA - HEADER ||
	    twz_obj_new(&(struct twz_new){.temporary = true, .bytes = HEADER + bytes}, &obj))
		return NULL;
	data = twz_obj_data(&obj);
	memcpy(data, &obj, sizeof(obj));
	return data + HEADER;
}

void free(void *p)
{
	struct twz_obj obj;

	if (!p)
		return;
	memcpy(&obj, (uint8_t *)p - HEADER, sizeof(obj));
	twz_obj_delete(obj.id);
	twz_obj_recycle(&obj);
}
