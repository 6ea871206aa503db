# Commands chained by file dependencies; copy this into a project of your own:
#   make -f pipeline.mk CLIPFACE=clipface HEADS="7 8 9" PROMPTS="zombie old_man" EDITFLAGS="--steps 0" -j2
# HEADS are seeds; "_" in a prompt is a space. What is added later is made alone.
CLIPFACE ?= clipface
OUT ?= out
HEADS ?= 7 8
PROMPTS ?= zombie ghost
EDITFLAGS ?=

.PHONY: all
.SECONDARY:
.DELETE_ON_ERROR:
all: $(foreach prompt,$(PROMPTS),$(foreach head,$(HEADS),$(OUT)/$(head)-$(prompt).glb))

$(OUT)/heads/%/000.obj:
	$(CLIPFACE) sample -n 1 --seed $* -o $(@D) --force
$(OUT)/heads/%/000.png: $(OUT)/heads/%/000.obj ;

# One rule per prompt: heads/7/000.obj and its texture, painted over or not -> 7-zombie/edited.obj
define edit_rule
$(OUT)/%-$(1)/edited.obj: $(OUT)/heads/%/000.obj $(OUT)/heads/%/000.png
	$(CLIPFACE) edit $$< --prompt "$(subst _, ,$(1))" $(EDITFLAGS) -o $$(@D) --force
endef
$(foreach prompt,$(PROMPTS),$(eval $(call edit_rule,$(prompt))))

$(OUT)/%.glb: $(OUT)/%/edited.obj
	$(CLIPFACE) export $< --format glb -o $@ --force
