# The attacks (tests/attack/attack.h): programs as those of tests/guest/, and their boot archive.
#
#   $(B)/machine/boot-attack    init, the programs of bin/, the attacks, and `tests` that runs them

ATTACKS := $(patsubst tests/attack/%.c,%,$(call sources,tests/attack/*.c))
$(foreach a,$(ATTACKS),$(call guest,test/attack/$(a),tests/attack/$(a).c))
$(call boot,boot-attack,init $(GUEST_PROGRAMS) test/tests $(ATTACKS:%=test/attack/%))
