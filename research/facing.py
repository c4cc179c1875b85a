"""Does the spatial side know from the words which way an object is turned? The share of prompts, a quarter is chance.

    python -m research.facing RUN [STAGE]

RUN is a folder of a training run, whose newest checkpoint of STAGE (`stage1`) holds a layout head (see
spatialfusion/train/layout.py). The head is asked from pure noise for the facing of the object that a question of
evaluation is about, wherever the kind and colour of that object are told: front, left, back or right.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from spatialfusion.evaluate.questions import Question, public_questions
from spatialfusion.model.context import PromptEncoder
from spatialfusion.model.model import SpatialFusionModel
from spatialfusion.scenes.scene import COLORS, KINDS
from spatialfusion.train.layout import CLASSES, LayoutHead

RUN, STAGE = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "stage1"
QUESTIONS, BATCH = 100, 50
FACINGS = {"front": 1, "left": 3, "back": 5, "right": 7}


class Teller:
    """The networks of a run with the averaged weights of its newest checkpoint."""

    def __init__(self) -> None:
        weights = load_file(max((RUN / STAGE / "checkpoints").glob("step-*")) / "ema.safetensors")

        def part(name: str) -> dict[str, torch.Tensor]:
            return {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}

        self.model = SpatialFusionModel.load(RUN / "model", torch.device("cpu"))
        self.model.load_state_dict(part("spatial."), strict=False)
        config = self.model.config
        self.encoder = PromptEncoder.load(RUN / "model", config.num_layers, llm_layers=config.llm_layers)
        self.head = LayoutHead(config.hidden_size)
        self.head.load_state_dict(part("layout."))

    @torch.no_grad()
    def facings(self, questions: list[Question]) -> list[str]:
        count, size = len(questions), self.model.config.state_size
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(count, 2, size, size, generator=generator), torch.randn(count, generator=generator)
        context = self.encoder.encode([question.prompt for question in questions])
        no_source = torch.zeros(count, dtype=torch.bool)
        grids, _ = self.model.spatial_transformer(*noise, torch.ones(count), context, None, no_source)
        told = [logits.softmax(1) for logits in self.head(grids[-1])]
        answers = []
        for i, question in enumerate(questions):
            asked = question.asked[question.statement.subject]
            kind, color = 1 + list(KINDS).index(asked.kind), 1 + list(COLORS).index(asked.color)
            mass = torch.zeros(CLASSES[2])
            for first in range(0, len(told), len(CLASSES)):
                kinds, colors, facings = (logits[i] for logits in told[first : first + len(CLASSES)])
                mass += (facings * kinds[kind] * colors[color]).sum(dim=(1, 2))
            answers.append(max(FACINGS, key=lambda name: mass[FACINGS[name]].item()))
        return answers


def main() -> None:
    teller = Teller()
    for domain in ("object_pose", "camera_pose"):
        asked = [q for q in public_questions(QUESTIONS) if (q.task, q.sub_domain) == ("t2i", domain)]
        answers = [answer for start in range(0, len(asked), BATCH) for answer in teller.facings(asked[start:][:BATCH])]
        right = [answer == question.statement.relation for answer, question in zip(answers, asked, strict=True)]
        print(f"{domain}: {sum(right) / len(right):.2f} of {len(right)}")


if __name__ == "__main__":
    main()
