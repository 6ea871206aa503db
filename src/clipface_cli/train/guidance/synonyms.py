"""Phrases that no training caption or request contains, and the changes each may mean.

They measure how well the text encoder generalises beyond its vocabulary; nothing may train on them.
The rule of `changes` about words for people holds here too.
"""

from __future__ import annotations

_AGE = "old, old man, old woman, wrinkles, grey hair"
_YOUTH = "young"
_DARK = "dark skin, brown skin"

_TABLE = f"""
ghoul: zombie
living cadaver: zombie
decomposing body: zombie
poltergeist: ghost
phantasm: ghost
banshee: ghost
bloodsucking fiend: vampire
blood drinker: vampire
vampiric: vampire
wolfish creature: werewolf
furred animal: werewolf
hairy wolflike brute: werewolf
frosty snow king: white walker
frostbitten: white walker
winter demon: white walker
sculpted figure: statue
granite monument: statue
stone carving: statue
harlequin: clown
jester: clown
circus performer: clown
pierrot: clown
automaton: robot
droid: robot
robotic: robot
iron humanoid: robot
ufo pilot: alien
invader from mars: alien
spaceman: alien
toy princess: barbie doll
ken and barbie dolls: barbie doll
porcelain doll: barbie doll
da vinci masterpiece: mona lisa
louvre painting: mona lisa
renaissance canvas: mona lisa
wizard hunting demons: witcher
witch hunter: witcher
goths: gothic makeup
gloomy punk: gothic makeup
glittery cosmetics: party makeup, makeup
fancy glamour: party makeup, makeup
elder: {_AGE}
ancient: {_AGE}
pensioner: {_AGE}
granny: {_AGE}
grandpa: {_AGE}
grandma: {_AGE}
octogenarian: {_AGE}
youthful: {_YOUTH}
teenager: {_YOUTH}
adolescent: {_YOUTH}
juvenile: {_YOUTH}
dude: man, beard, moustache, stubble
bloke: man, beard, moustache, stubble
gents: man, beard, moustache, stubble
ladies: woman
actress: woman
girlish: woman, young
pallor: pale skin
pallid: pale skin
whitish skin: pale skin
ebony skin: {_DARK}
suntan: {_DARK}
bronzed: {_DARK}
speckled skin: freckles
freckly: freckles
wrinkly: wrinkles, {_AGE}
wizened: wrinkles, {_AGE}
creased skin: wrinkles, {_AGE}
blushing: rosy cheeks
ruddy cheeks: rosy cheeks
reddened cheeks: rosy cheeks
insomnia: dark circles, sleepy
sleep deprived: dark circles, sleepy
whiskers: beard, moustache, stubble
goatee: beard, moustache, stubble
facial hair: beard, moustache, stubble
mustached: moustache
hairless: bald
balding: bald
crimson lips: red lips
scarlet lips: red lips
ruby lips: red lips
cherry coloured lips: red lips
pinkish lips: pink lips
magenta lips: pink lips, purple lips
ebony lips: black lips
violet lips: purple lips
lavender lips: purple lips, pink lips
azure lips: blue lips
flaxen hair: blond hair
platinum hair: blond hair, grey hair
raven hair: black hair
auburn hair: red hair, brown hair
redheaded: red hair
silvery hair: grey hair
sapphire eyes: blue eyes
azure eyes: blue eyes
emerald eyes: green eyes
chocolate eyes: brown eyes
giggling: laughing
chuckling: laughing
hilarious: laughing
beaming: smiling, laughing
glad: smiling, laughing
joyous: smiling, laughing
tearful: sad
weeping: sad
sobbing: sad
mournful: sad
heartbroken: sad
grieving: sad
seething: angry
infuriated: angry
wrathful: angry
annoyed: angry, lowered brows
aggressive: angry, lowered brows
livid: angry
stunned: surprised
astounded: surprised
flabbergasted: surprised
gasping: surprised, open mouth
nauseated: disgusted
grossed out: disgusted
sickened: disgusted
yuck: disgusted
panicked: afraid
horrified: afraid, surprised
terror: afraid
anxious: afraid
smooching: kissing
a lover's smooch: kissing
winked: winking
dozing: sleepy, eyes closed
weary: sleepy, dark circles
fatigued: sleepy, dark circles
groggy: sleepy
yawning: open mouth, sleepy, surprised
slumber: eyes closed, sleepy
yelling: open mouth, angry
gaping: open mouth, surprised
"""

SYNONYMS: dict[str, tuple[str, ...]] = {
    phrase: tuple(name.strip() for name in names.split(","))
    for phrase, names in (line.split(":") for line in _TABLE.strip().splitlines())
}
