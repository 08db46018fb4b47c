# The programs that bench/peers.sh measures with, each with one peer (bench/peers/peer.h), so that nothing of
# another is loaded with it.
#
#   $(B)/peers/NAME     main.c with peer_NAME.c
#   $(B)/peers/start    times the start of programs
#
# `make bench` leaves them to bench/peers.sh: what they need of Debian is not needed for the others.

# PMDK's maps come from its package (pmdk.sh), and lie in TWZ_CACHE/pmdk.
PMDK_VERSION := $(shell sed -n 's/^. version //p' bench/peers/pmdk.lock)
PMDK_TREE := $(TWZ_CACHE)/pmdk/$(PMDK_VERSION)
PMDK_OBJECTS := $(B)/obj/pmdk/rbtree_map.o $(B)/obj/pmdk/btree_map.o

$(PMDK_TREE)/.version:
	$(call quiet,get )bench/peers/pmdk.sh $(TWZ_CACHE)/pmdk
$(PMDK_TREE)/rbtree_map.c $(PMDK_TREE)/btree_map.c: $(PMDK_TREE)/.version ;
$(PMDK_OBJECTS): $(B)/obj/pmdk/%.o: $(PMDK_TREE)/%.c
	@mkdir -p $(@D)
	$(call quiet,cc  )$(CC) -O2 -DNDEBUG -w -c -o $@ $<
$(B)/obj/plain/bench/peers/peer_pmdk.o: CFLAGS_plain += -isystem $(PMDK_TREE)
$(B)/obj/plain/bench/peers/peer_pmdk.o: | $(PMDK_TREE)/.version
$(B)/peers/pmdk: $(PMDK_OBJECTS)

PEERS := map plain pmdk lmdb sqlite
LIBS_peer_pmdk := $(PMDK_OBJECTS) -lpmemobj
LIBS_peer_lmdb := -llmdb
LIBS_peer_sqlite := -lsqlite3
PEER_SRC := $(addprefix bench/peers/,main.c counting.c time.c threads.c) bench/lib/count.c
$(foreach p,$(PEERS),$(call executable,plain,$(B)/peers/$(p),bench/peers/peer_$(p).c $(PEER_SRC), \
	$(call whole,plain),$(LIBS_peer_$(p))))
$(call executable,plain,$(B)/peers/start,bench/peers/start.c)

.PHONY: peers
peers: $(PEERS:%=$(B)/peers/%) $(B)/peers/start
