"""How fast training goes: samples and tokens a second, and the share of the cards' peak that the model uses (MFU)."""

from __future__ import annotations

import re
import time

import torch

from .config import TrainConfig
from .probe import SampleCost

# Dense bf16 TFLOP/s with sums in fp32, from the makers' data sheets. The keys are expressions for the name that torch
# gives a card; the first that fits counts.
PEAKS = {
    r"\bB200\b": 2250.0,
    r"\bH[12]00 NVL\b": 835.0,
    r"\bH100 PCIe\b": 756.0,
    r"\b(H100|H200|H800)\b": 989.0,
    r"\b(A100|A800)\b": 312.0,
    r"\bL40S\b": 362.0,
    r"\bL40\b": 181.0,
    r"\bL4\b": 121.0,
    r"\bA40\b": 149.7,
    r"\bRTX A6000\b": 154.8,
    r"\bRTX 5090$": 209.5,
    r"\bRTX 4090$": 165.2,
    r"\bRTX 3090$": 71.0,
    r"\bMI300X\b": 1307.4,
}


class Speed:
    """Times the steps between two looks. What lies between a look and the next `start` is not counted."""

    def __init__(self, cost: SampleCost, batch: int, processes: int, peak: float | None):
        self.cost, self.batch, self.processes, self.peak = cost, batch, processes, peak
        self.start()

    def start(self) -> None:
        self.since = time.perf_counter()

    def measure(self, steps: int) -> dict[str, float]:
        """Of the `steps` since the start, which have to be done, not just queued; starts anew."""
        seconds = time.perf_counter() - self.since
        self.start()
        samples = steps * self.batch / seconds
        speed = {"samples_per_second": samples}
        if self.cost.tokens:
            speed["tokens_per_second"] = samples * self.cost.tokens
        if self.peak:
            speed["mfu"] = samples * self.cost.flops / (self.processes * self.peak)
        return speed


def peak_flops(config: TrainConfig, device: torch.device) -> float | None:
    """Floating-point operations a second that a card can reach, or None if that is not known."""
    if config.peak_tflops:
        return config.peak_tflops * 1e12
    if device.type != "cuda" or config.precision != "bf16":
        return None
    return known_peak(torch.cuda.get_device_name(device))


def known_peak(card: str) -> float | None:
    return next((1e12 * peak for name, peak in PEAKS.items() if re.search(name, card)), None)
