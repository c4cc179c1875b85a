"""What may stand before the things: "a picture of", "show me", "there is"."""

from __future__ import annotations

OPENINGS = (
    "[please] <make> [me|us] [a|an|the]",
    "(i am|we are) (looking for|after|trying to get|thinking of) [a|an|the]",
    "(i|we) (just) (want|need|would like|would love|wish) [to (see|have|get)] [a|an|the]",
    "(how about|what about|think of|picture|imagine this|here is|here are|there should be|there will be)",
    "prompt [,]",
    "[a|an|the|some] <picture> [<see>|<put>] (on|at|from) which",
    "[a|an|the] (joy|beauty|story|tale|image|idea|concept|feeling|life) of",
    "[a|an|the] <picture> (of|with|showing|in which|where|that shows|depicting|"
    "containing|featuring|that has|that contains|on which|,)",
    "[please] <make> [me|us] [a|an|the] <picture> (of|with|showing|in which|where|that shows)",
    "[a|an] <picture> ,",
    "(i|we) (want|would like|need|see|imagine) [to see] [a|an|the] [<picture> (of|with)]",
    "(you|we|one) can see",
    "(can|could|would|will) you [please] <make> [me|us] [a|an|the]",
    "you can see",
    "(looking|view|look) (along|into|through|across|down) (a|an|the)",
    "what (you|we|i|one) (see|sees|have|find) [here] <be> [a|an|the]",
    "(it|there) <be> [a|an|the] <picture> (of|with|showing)",
    "(there|here) (can|could|should|will|would|must) be",
    "(we|you|one) (will|would|should|could|might) (see|find|notice|have)",
    "this is",
    "[the|this|a|an] <picture> [<be>] (taken|shot|seen|captured|viewed)",
    "it shows",
    "(me|him|her|our|the) ['s] (daughter|son|kid|kids|client|boss|wife|husband|mum|mom|dad|friend|customer) "
    "(wants|want|needs|need|asked for|asks for|would like) [a|an|the]",
    "(i am|you are|we are) (standing|sitting) (at|in|by) (a|the) (door|doorway|window|gate|room|counter) [,] "
    "(looking|and look|and see) [at]",
    "(the|this) <picture> <be> [a|an]",
    "(the|this) <picture> (shows|contains|depicts|has)",
    "in (the|this) <picture> [,] [there <be>|we see|you see]",
)
