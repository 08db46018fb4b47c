# libsodium for the kernel: BLAKE2b, and verification of Ed25519 signatures, of Debian's source package
# (tools/sodium/fetch.sh), compiled as the kernel is: no red zone, no vector registers, which Debian's
# own library uses. What it asks of its environment stands in kernel/sodium.c.
#
# Included by kernel/kernel.mk. The source lies in TWZ_CACHE/sodium, for all profiles.

TWZ_CACHE ?= build/cache
SODIUM_VERSION := $(shell sed -n 's/^. version //p' tools/sodium/lock)
SODIUM_TREE := $(TWZ_CACHE)/sodium/$(SODIUM_VERSION)
SODIUM := $(SODIUM_TREE)/src/libsodium
SODIUM_LIBRARY := $(B)/machine/libsodium.a

# Without HAVE_*INTRIN_H the portable code is chosen, once and for all. It reads its words by memcpy,
# which is a call each unless built in.
SODIUM_CFLAGS := -std=gnu11 -O2 -g -w $(FREESTANDING) -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-pic -fno-pie -fcf-protection=none \
	-fno-omit-frame-pointer -ffunction-sections -fdata-sections \
	-DCONFIGURED=1 -DHAVE_TI_MODE -DNATIVE_LITTLE_ENDIAN \
	-I$(SODIUM)/include -I$(SODIUM)/include/sodium

SODIUM_FILES := \
	crypto_generichash/blake2b/ref/blake2b-compress-ref \
	crypto_generichash/blake2b/ref/blake2b-ref \
	crypto_generichash/blake2b/ref/generichash_blake2b \
	crypto_core/ed25519/ref10/ed25519_ref10 \
	crypto_hash/sha512/cp/hash_sha512_cp \
	crypto_sign/ed25519/ref10/open \
	crypto_sign/ed25519/ref10/sign \
	crypto_verify/sodium/verify
SODIUM_OBJECTS := $(SODIUM_FILES:%=$(B)/obj/sodium/%.o)

# BLAKE2b's round has two times sixteen words for fifteen registers. At -O2 gcc moves them to and fro;
# at -Os it adds from memory: an eighth fewer instructions, and less code.
$(B)/obj/sodium/crypto_generichash/blake2b/ref/blake2b-compress-ref.o: SODIUM_CFLAGS += -Os

$(SODIUM_TREE)/.version:
	$(call quiet,get )tools/sodium/fetch.sh $(TWZ_CACHE)/sodium

$(SODIUM_FILES:%=$(SODIUM)/%.c): $(SODIUM_TREE)/.version ;

$(SODIUM_OBJECTS): $(B)/obj/sodium/%.o: $(SODIUM)/%.c kernel/sodium.mk
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) $(SODIUM_CFLAGS) -c -o $@ $<

$(SODIUM_LIBRARY): $(SODIUM_OBJECTS)
	@mkdir -p $(@D)
	$(call quiet,ar  )rm -f $@; $(AR) rcs $@ $^
